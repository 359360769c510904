//! Times as people write them in TOML.
//!
//! In: `2027-03-01`, `"2027-03-01T08:00:00Z"`. Out: [`Moment`], which becomes a [`Timestamp`]. Odd: TOML has dates of its own, and
//! people write texts all the same.

use plimsoll_model::{Timestamp, TimestampError};
use serde::Deserialize;

/// A date of TOML's own, or a text.
#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(untagged)]
pub enum Moment {
    /// A date or time without quotes.
    Date(toml::value::Datetime),
    /// A text.
    Text(String),
}

impl Moment {
    /// The time.
    ///
    /// # Errors
    /// It is none: a time of the day without a date, a text of another form.
    pub fn time(&self) -> Result<Timestamp, TimestampError> {
        match self {
            Self::Date(date) => date.to_string().parse(),
            Self::Text(text) => text.parse(),
        }
    }
}
