//! Matching.

pub(crate) mod name;

use plimsoll_model::{Finding, Gap, Package};

use crate::{
    priority::{Exposure, Importance},
    snapshot::Snapshot,
};

/// What is known of the image's use, beyond its content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MatchContext {
    /// From where it can be reached.
    pub exposure: Exposure,
    /// How much depends on it.
    pub importance: Importance,
}

/// What matching found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matched {
    /// Vulnerabilities and malicious packages, most urgent first.
    pub findings: Vec<Finding>,
    /// What could not be decided, sorted.
    pub gaps: Vec<Gap>,
}

/// Matches packages against a snapshot, evaluated at the snapshot's own date.
#[must_use]
pub fn match_packages(
    packages: &[Package],
    snapshot: &Snapshot,
    context: &MatchContext,
) -> Matched {
    let _ = (packages, snapshot, context);
    Matched::default()
}
