//! Sessions of the console.
//!
//! In: a log-in. Out: a random session id for the cookie; the database holds its hash only. Source: OWASP, "Session
//! Management": 256 random bits, an idle and an absolute limit. Odd: that a session is alive is written at most every five
//! minutes, so that reading pages does not write rows.

use plimsoll_model::{Secret, Timestamp};

use crate::{Store, StoreError};

/// A session that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// When it began.
    pub created: Timestamp,
    /// When it ends at the latest.
    pub expires: Timestamp,
}

impl Store {
    /// Begins a session and returns its id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn create_session(&self, now: Timestamp) -> Result<Secret<String>, StoreError> {
        todo!("{now}")
    }

    /// The session of this id, if it stands: at most 12 hours old and used within the last 30 minutes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn session(&self, id: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        todo!("{id} {now}")
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database fails.
    pub async fn remove_session(&self, id: &str) -> Result<(), StoreError> {
        todo!("{id}")
    }
}
