//! Which advisories speak of which packages.
//!
//! In: packages, a snapshot, what is known of the image's use. Out: findings, and gaps where no answer could be had.
//! Source: OSV schema, "Evaluation"; `docs/semantics.md`, "Units of counting". Odd: pure — the same packages and snapshot
//! always give the same findings; a distribution's package is judged by that distribution's advisories alone, which know
//! of backported fixes; a version that cannot be compared is a gap and never "not affected".

mod absence;
mod builds;
mod candidates;
mod finding;
mod gaps;
pub(crate) mod name;
mod overrule;
mod range;
pub(crate) mod release;
mod side_by_side;
mod upstream;

pub use absence::{Absence, Look, LookVerdict, Mention, why_not};
pub(crate) use builds::AMAZON_EXTRA;
pub use gaps::STALE_SCORES_DAYS;
pub use overrule::overrule;
use plimsoll_model::{Finding, Gap, GapReason, MatchContext, Package, Timestamp};

use crate::snapshot::{Snapshot, layout::Damaged};

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

/// What advisories say of one package alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MatchedAlone {
    /// Ecosystem and name that the snapshot is asked for; `None`: no advisory can speak of it.
    pub asked: Option<(String, String)>,
    /// Vulnerabilities and malicious packages.
    pub findings: Vec<Finding>,
    /// What could not be decided.
    pub gaps: Vec<Gap>,
    /// The detail of the evidence that each location of the package gives; empty without findings.
    pub installed: String,
    /// An EPSS score was too old to be used.
    pub has_stale_scores: bool,
    /// From which date of a snapshot on the same advisories and signals may say something else, because something is no
    /// longer fresh then.
    pub until: Option<Timestamp>,
}

/// Version of the rules of matching. Raised when the same package and snapshot give other findings.
pub const MATCH_VERSION: u32 = 2;

/// Matches packages against a snapshot, evaluated at the snapshot's own date.
#[must_use]
pub fn match_packages(
    packages: &[Package],
    snapshot: &Snapshot,
    context: &MatchContext,
) -> Matched {
    let mut matched = Matched::default();
    let mut stale_scores = false;
    for alone in side_by_side::each(packages, |package| match_alone(package, snapshot, context)) {
        stale_scores |= alone.has_stale_scores;
        matched.findings.extend(alone.findings);
        matched.gaps.extend(alone.gaps);
    }
    let packages: Vec<&Package> = packages.iter().collect();
    matched.gaps.extend(gaps_of_all(&packages, snapshot, stale_scores));
    matched.gaps.sort();
    matched.gaps.dedup();
    matched.findings.sort_by(Finding::compare_urgency);
    matched.findings.dedup_by(|a, b| a.id == b.id && a.subject == b.subject && a.kind == b.kind);
    matched
}

/// Matches one package. [`match_packages`] is this for each, and [`gaps_of_all`].
#[must_use]
pub fn match_alone(package: &Package, snapshot: &Snapshot, context: &MatchContext) -> MatchedAlone {
    let mut alone =
        MatchedAlone { asked: names_asked(package).into_iter().next(), ..MatchedAlone::default() };
    match match_package(package, snapshot, context, &mut alone.gaps) {
        Ok(found) => {
            if !found.findings.is_empty() {
                alone.installed = finding::installed(package);
            }
            alone.findings = found.findings;
            alone.has_stale_scores = found.has_stale_scores;
            alone.until = found.until;
        }
        Err(Damaged(reason)) => alone.gaps.push(Gap {
            reason: GapReason::FeedMissing,
            by: MATCHER.to_owned(),
            at: package.purl.clone(),
            detail: format!("the advisory snapshot is damaged: {reason}"),
        }),
    }
    alone
}

/// What the snapshot cannot answer of these packages together. Only ecosystem, release and name count.
#[must_use]
pub fn gaps_of_all(packages: &[&Package], snapshot: &Snapshot, stale_scores: bool) -> Vec<Gap> {
    let mut gaps = gaps::of_ecosystems(packages, snapshot);
    gaps.extend(upstream::gaps(packages, snapshot));
    if stale_scores {
        gaps.push(gaps::stale_scores(snapshot));
    }
    gaps.sort();
    gaps.dedup();
    gaps
}

/// Ecosystem and every name that the snapshot is asked for, that of [`MatchedAlone::asked`] first; a package without any can
/// be in no advisory.
#[must_use]
pub fn names_asked(package: &Package) -> Vec<(String, String)> {
    let of = |package: &Package| {
        let Some(row) = package.ecosystem.row() else { return Vec::new() };
        let names = candidates::names(package, row).into_iter();
        names.map(|(name, _)| (package.ecosystem.0.clone(), name.into_owned())).collect()
    };
    match upstream::asked(package) {
        Some(asked) => of(&asked),
        None if upstream::is_generic(package) => Vec::new(),
        None => of(package),
    }
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
