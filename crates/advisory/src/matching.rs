//! Which advisories speak of which packages.
//!
//! In: packages, a snapshot, what is known of the image's use. Out: findings, and gaps where no answer could be had.
//! Source: OSV schema, "Evaluation"; `docs/semantics.md`, "Units of counting". Odd: pure — the same packages and snapshot
//! always give the same findings; a distribution's package is judged by that distribution's advisories alone, which know
//! of backported fixes; a version that cannot be compared is a gap and never "not affected".

mod candidates;
mod finding;
mod gaps;
pub(crate) mod name;
mod overrule;
mod range;
mod release;
mod upstream;

pub use overrule::overrule;
use plimsoll_model::{Finding, Gap, GapReason, Package};
use serde::{Deserialize, Serialize};

use crate::{
    priority::{Exposure, Importance},
    snapshot::{Snapshot, layout::Damaged},
};

/// What is known of the image's use, beyond its content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// Id under which gaps of this step are reported.
pub const MATCHER: &str = "matcher";

/// Matches packages against a snapshot, evaluated at the snapshot's own date.
#[must_use]
pub fn match_packages(
    packages: &[Package],
    snapshot: &Snapshot,
    context: &MatchContext,
) -> Matched {
    let mut matched = Matched::default();
    let mut stale_scores = false;
    for package in packages {
        match match_package(package, snapshot, context, &mut matched.gaps) {
            Ok(found) => {
                stale_scores |= found.has_stale_scores;
                matched.findings.extend(found.findings);
            }
            Err(Damaged(reason)) => matched.gaps.push(Gap {
                reason: GapReason::FeedMissing,
                by: MATCHER.to_owned(),
                at: package.purl.clone(),
                detail: format!("the advisory snapshot is damaged: {reason}"),
            }),
        }
    }
    matched.gaps.extend(gaps::of_ecosystems(packages, snapshot));
    matched.gaps.extend(upstream::gaps(packages, snapshot));
    if stale_scores {
        matched.gaps.push(gaps::stale_scores(snapshot));
    }
    matched.gaps.sort();
    matched.gaps.dedup();
    matched.findings.sort_by(Finding::compare_urgency);
    matched.findings.dedup_by(|a, b| a.id == b.id && a.subject == b.subject && a.kind == b.kind);
    matched
}

fn match_package(
    package: &Package,
    snapshot: &Snapshot,
    context: &MatchContext,
    gaps: &mut Vec<Gap>,
) -> Result<finding::Found, Damaged> {
    let Some(row) = package.ecosystem.row() else { return Ok(finding::Found::default()) };
    let reader = snapshot.reader();
    let statements = match upstream::asked(package) {
        Some(asked) => match asked.ecosystem.row() {
            Some(row) => candidates::statements(&asked, row, &reader, gaps)?,
            None => Vec::new(),
        },
        None if upstream::is_generic(package) => Vec::new(),
        None => candidates::statements(package, row, &reader, gaps)?,
    };
    finding::from_statements(package, row, &statements, &reader, snapshot.date(), context)
}
