//! Points in time, always handed in and never asked for: nothing in the core reads a clock.
//!
//! In: RFC 3339 text or seconds since 1970. Out: [`Timestamp`], whole seconds, UTC. Source: RFC 3339; OSV's `modified`
//! and `published`. Odd: fractions of a second are cut off, offsets are converted, a bare date is its midnight.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Seconds since 1970-01-01T00:00:00Z. Prints as RFC 3339 with `Z`: `2026-11-25T01:23:44Z`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Timestamp(pub i64);

/// A text that is neither an RFC 3339 time nor a date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time such as 2026-11-25T01:23:44Z")]
pub struct TimestampError(pub String);

/// Years 1 to 9999: what RFC 3339 can say.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

impl Timestamp {
    /// Whole days from `earlier` to `self`, rounded down; negative when `earlier` is later.
    #[must_use]
    pub const fn days_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).div_euclid(86_400)
    }

    /// Milliseconds since 1970, as the wire contract counts.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        self.0.saturating_mul(1000)
    }

    /// `2026-11-25`.
    #[must_use]
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        match OffsetDateTime::parse(&full, &Rfc3339) {
            Ok(moment) => Ok(Self(moment.unix_timestamp())),
            Err(_) => Err(TimestampError(text.to_owned())),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.clamp(*RANGE.start(), *RANGE.end());
        let moment =
            OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        f.write_str(&moment.format(&Rfc3339).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_parse_and_print() {
        for (text, wanted) in [
            ("2026-11-25T01:23:44Z", "2026-11-25T01:23:44Z"),
            ("2026-11-25T01:23:44.987654Z", "2026-11-25T01:23:44Z"),
            ("2026-11-25T02:23:44+01:00", "2026-11-25T01:23:44Z"),
            ("2026-11-25", "2026-11-25T00:00:00Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), wanted);
        }
        assert_eq!("yesterday".parse::<Timestamp>(), Err(TimestampError("yesterday".into())));
        assert_eq!("2026-13-25".parse::<Timestamp>(), Err(TimestampError("2026-13-25".into())));
        assert_eq!(Timestamp(i64::MAX).to_string(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn days_are_counted_downwards() {
        let day = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(day("2026-11-25").days_since(day("2026-11-11")), 14);
        assert_eq!(day("2026-11-24T23:59:59Z").days_since(day("2026-11-11")), 13);
        assert_eq!(day("2026-11-10").days_since(day("2026-11-11")), -1);
        assert_eq!(day("2026-11-25T01:23:44Z").date(), "2026-11-25");
    }
}
