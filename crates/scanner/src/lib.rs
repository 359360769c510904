//! The scan of one image, from its bytes to a report, and the report's formats: the library that others embed.
//!
//! In: a [`LayerSource`](plimsoll_image::LayerSource), a feed snapshot, budgets. Out: a
//! [`Report`](plimsoll_model::Report), and through [`mod@format`] text of it. Odd: a scan does not fail. What could not be
//! read is in the report's coverage, and an image that could not be read at all is a report that says so.

pub mod attached;
pub mod cache;
pub mod child;
pub mod format;
pub mod ignore_file;
pub mod licence;
pub mod listing;
pub mod moment;
mod pattern;
pub mod policy;
pub mod progress;
pub mod scan;
pub mod threshold;
pub mod upgrade;
pub mod upgrade_command;
pub mod vex;

pub use cache::{LayerCache, SharedEntries};
pub use licence::{LicencePolicy, LicenceRules};
pub use plimsoll_inspect::{About, Check, checks};
pub use plimsoll_yara as yara;
pub use plimsoll_yara::Rules;
pub use policy::{AdmissionPolicy, Decision, Policy, PolicyVerdict, decide};
pub use progress::{NoProgress, Progress};
pub use scan::{ScanOptions, Scanned, gaps_of_matching, is_gap_of_matching, scan};
pub use threshold::{Clause, Threshold, ThresholdError};
pub use upgrade::{Upgrade, upgrades};
pub use upgrade_command::upgrade_command;

/// Names everything that decides what is found in an image: what was found under another text must be looked for anew.
#[must_use]
pub fn detectors_version(rules: &Rules) -> String {
    format!("{},rules:{}", plimsoll_inspect::detectors_version(), rules.version())
}
