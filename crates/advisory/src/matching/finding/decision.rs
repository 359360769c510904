//! Who decides whether a vulnerability counts, where sources do not agree.
//!
//! In: all statements on one vulnerability in one package. Out: [`Decision`]. Source: `docs/semantics.md`, "Who decides". Odd: an
//! assessment of the product comes before the vendor's register, that before announcements; within one rank whoever says
//! "not affected" in as many words has looked, while a range alone may be behind the times.

use plimsoll_model::{Status, Suppression};

use super::{super::overrule, Statement};
use crate::collection::Authority;

/// What is to be made of all statements on one vulnerability.
pub(super) struct Decision<'s, 'a> {
    /// All that call it affected; at least one.
    pub(super) hits: Vec<&'s Statement<'a>>,
    /// Those of them whose word on fix and severity counts.
    pub(super) deciding: Vec<&'s Statement<'a>>,
    /// The statement that takes it out of what counts.
    pub(super) denial: Option<&'s Statement<'a>>,
    /// All that say otherwise.
    pub(super) denials: Vec<&'s Statement<'a>>,
}

/// `None` where nothing calls it affected.
pub(super) fn of<'s, 'a>(statements: &[&'s Statement<'a>]) -> Option<Decision<'s, 'a>> {
    let (hits, denials): (Vec<_>, Vec<_>) =
        statements.iter().copied().partition(|statement| statement.status.is_open());
    let highest = |of: &[&Statement<'_>]| of.iter().map(|one| one.advisory.authority).max();
    let top = highest(&hits)?;
    let denial = denials
        .iter()
        .copied()
        .filter(|denial| {
            let rank = denial.advisory.authority;
            rank > top || (rank == top && denial.is_explicit)
        })
        .max_by(|a, b| order(a).cmp(&order(b)));
    let deciding = hits.iter().copied().filter(|hit| hit.advisory.authority == top).collect();
    Some(Decision { hits, deciding, denial, denials })
}

/// Of several denials the one that stands in the report: never by chance.
fn order<'a>(denial: &Statement<'a>) -> (Authority, bool, bool, i64, &'a str, &'a str) {
    (
        denial.advisory.authority,
        denial.is_explicit,
        denial.status == Status::NotAffected,
        denial.advisory.modified.map_or(i64::MIN, |time| time.0),
        denial.advisory.source,
        denial.advisory.id,
    )
}

impl Decision<'_, '_> {
    /// The most open answer of those who decide.
    pub(super) fn status(&self) -> Status {
        self.deciding.iter().map(|hit| hit.status).min().unwrap_or(Status::Affected)
    }
}

/// A CVE that was rejected is no vulnerability, whatever advisories say of it.
pub(super) fn rejection(id: &str, reason: &str) -> Suppression {
    let reason = match reason {
        "" => "the CVE was rejected".to_owned(),
        reason => format!("the CVE was rejected: {reason}"),
    };
    Suppression { by: "cve-records".to_owned(), advisory: id.to_owned(), reason, ignored: None }
}

/// The reason in words.
pub(super) fn suppression(denial: &Statement<'_>) -> Suppression {
    let view = super::view::of(denial);
    let mut reason = overrule::reason(denial.status, &view);
    if denial.status == Status::Fixed {
        reason.push_str(&format!(": {}", denial.reason.comparison));
    }
    Suppression { by: view.source, advisory: view.advisory, reason, ignored: None }
}
