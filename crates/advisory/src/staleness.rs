//! How old the data is, against a day that the caller names.
//!
//! In: the state of a snapshot and today. Out: a gap when the snapshot is older than a week. Source:
//! `docs/semantics.md`, "Coverage". Odd: this is the only place of the crate that looks at the present, and it is told.

use plimsoll_model::{FeedState, Gap, GapReason, Timestamp};
use serde::{Deserialize, Serialize};

/// Data older than this many days makes a report partial.
pub const STALE_AFTER_DAYS: i64 = 7;

/// Data older than this many hours is worth a warning, no more.
pub const AGING_AFTER_HOURS: i64 = 48;

/// How old data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// As new as can be expected.
    Fresh,
    /// Older than [`AGING_AFTER_HOURS`]: an update or two failed.
    Aging,
    /// Older than [`STALE_AFTER_DAYS`]: reports are partial.
    Stale,
}

/// How old a snapshot's data is on a day.
#[must_use]
pub const fn freshness(state: &FeedState, today: Timestamp) -> Freshness {
    if today.days_since(state.date) > STALE_AFTER_DAYS {
        Freshness::Stale
    } else if today.0.saturating_sub(state.date.0) > AGING_AFTER_HOURS * 3600 {
        Freshness::Aging
    } else {
        Freshness::Fresh
    }
}

/// The gap of a snapshot that is more than [`STALE_AFTER_DAYS`] older than `today`.
///
/// A snapshot that is newer than today (a wrong clock) is not stale.
#[must_use]
pub fn staleness_gap(state: &FeedState, today: Timestamp) -> Option<Gap> {
    let age = today.days_since(state.date);
    (age > STALE_AFTER_DAYS).then(|| Gap {
        reason: GapReason::FeedStale,
        by: "feed".to_owned(),
        at: String::new(),
        detail: format!("the advisory data is of {}, {age} days old", state.date.date()),
    })
}

#[cfg(test)]
mod tests {
    use plimsoll_model::Digest;

    use super::*;

    #[test]
    fn data_is_stale_after_a_week() {
        let state = FeedState {
            snapshot: Digest::from_bytes([0; 32]),
            date: "2026-08-22T18:00:00Z".parse().unwrap(),
            starter: false,
            sources: Vec::new(),
        };
        let gap = |today: &str| staleness_gap(&state, today.parse().unwrap());
        assert_eq!(gap("2026-08-30T17:59:59Z"), None);
        assert_eq!(
            gap("2026-08-30T18:00:00Z").unwrap().detail,
            "the advisory data is of 2026-08-22, 8 days old"
        );
        assert_eq!(gap("2020-01-01"), None);
        let fresh = |today: &str| freshness(&state, today.parse().unwrap());
        assert_eq!(fresh("2020-01-01"), Freshness::Fresh);
        assert_eq!(fresh("2026-08-24T18:00:00Z"), Freshness::Fresh);
        assert_eq!(fresh("2026-08-24T18:00:01Z"), Freshness::Aging);
        assert_eq!(fresh("2026-08-30T17:59:59Z"), Freshness::Aging);
        assert_eq!(fresh("2026-08-30T18:00:00Z"), Freshness::Stale);
    }
}
