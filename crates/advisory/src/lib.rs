//! Feeds, the advisory snapshot, version order, matching and priority.
//!
//! In: files that others publish (OSV records, CISA's KEV, FIRST's EPSS, CVSS and SSVC per CVE), and packages. Out: a
//! [`Snapshot`] file, and for packages and a snapshot the findings and gaps of [`match_packages`]. Source: OSV schema 1.7;
//! `docs/semantics.md`, "Priority". Odd: nothing here asks for the time. A snapshot has a date of its own, the newest of
//! its sources', and every priority is evaluated at that date, so that equal input gives equal bytes.
//!
//! The flow: [`import`](import()) reads paths by [`feed`], compiles them by [`snapshot`], and swaps the file; matching looks packages up
//! in it, compares versions by [`version`], and ranks what it finds by [`priority`].

pub mod bundle;
mod collection;
pub mod dump;
pub mod feed;
pub mod import;
pub mod matching;
pub mod priority;
pub mod snapshot;
pub mod staleness;
pub mod starter;
pub mod version;
pub mod vex;

pub use feed::FeedError;
pub use import::{ImportOptions, ImportProgress, ImportSummary, import};
pub use matching::{
    MATCH_VERSION, Matched, MatchedAlone, STALE_SCORES_DAYS, gaps_of_all, match_alone,
    match_packages, names_asked, overrule, why_not,
};
pub use plimsoll_model::{Exposure, Importance, MatchContext};
pub use snapshot::{Changes, Snapshot, SnapshotError};
pub use staleness::staleness_gap;
pub use starter::starter_feed;
pub use version::{VersError, VersRange, VersionError, compare, version_order, version_orders};
