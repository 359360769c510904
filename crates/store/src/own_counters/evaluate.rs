//! What is left of an inventory when rules take something out of it.
//!
//! In: the parts of inventories with what they add, and what rules cover of them. Out: [`Own`]. Odd: a part of which something
//! is covered adds what its other findings add, by the very functions that made what it adds at first, so that taking a rule
//! back gives the numbers from before to the last one.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{Finding, IgnoreRule, Kind, Priority, RiskCounters};

use super::Hits;
use crate::{
    ignored::kept_record,
    inventory_rows::PartFacts,
    tally::{self, Entry},
};

/// What parts add, by number.
pub(super) type Facts = Arc<BTreeMap<i64, PartFacts>>;

/// What an image has of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Own {
    pub(super) counters: RiskCounters,
    /// Part and number of the most urgent finding that is left; without a part, a number of the artifact's own findings.
    pub(super) lead: Option<(Option<i64>, i64)>,
    /// By record and rule.
    pub(super) ignored: BTreeMap<(String, i64), Ignored>,
}

/// What a rule takes out of an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ignored {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) priority: Option<Priority>,
    /// Nothing is left of its record.
    pub(super) is_whole: bool,
}

/// Inventories that are evaluated at once.
pub(super) struct Work {
    pub(super) parts: BTreeMap<i64, Vec<i64>>,
    /// The sets of rules with which each inventory is evaluated.
    pub(super) sets: BTreeMap<i64, Vec<Vec<usize>>>,
    pub(super) facts: Facts,
    /// Findings of parts of which something is covered.
    pub(super) findings: BTreeMap<i64, Vec<Finding>>,
    pub(super) hits: Arc<Hits>,
    pub(super) rules: Arc<Vec<IgnoreRule>>,
}

/// An inventory with the rules that hold.
pub(super) type Case = (i64, Vec<usize>);

/// A part without what is covered of it.
struct Left {
    entries: Vec<Entry>,
    lead: Option<(Vec<u8>, i64)>,
    /// Records of what is left besides vulnerabilities: tallies do not keep them all.
    others: BTreeSet<(Kind, String)>,
}

impl Work {
    /// All cases in which something is left out.
    pub(super) fn run(self) -> Vec<(Case, Arc<Own>)> {
        let mut left: BTreeMap<(i64, Vec<i64>), Left> = BTreeMap::new();
        let mut done = Vec::new();
        for (inventory, sets) in &self.sets {
            let Some(parts) = self.parts.get(inventory) else { continue };
            for rules in sets {
                if let Some(own) = self.evaluate(parts, rules, &mut left) {
                    done.push(((*inventory, rules.clone()), Arc::new(own)));
                }
            }
        }
        done
    }

    fn evaluate(
        &self,
        parts: &[i64],
        rules: &[usize],
        left: &mut BTreeMap<(i64, Vec<i64>), Left>,
    ) -> Option<Own> {
        let mut ignored: BTreeMap<(String, i64), Ignored> = BTreeMap::new();
        let mut covered: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for part in parts {
            let hits = self.hits.of_part(*part).unwrap_or_default();
            for hit in hits.iter().filter(|hit| rules.contains(&hit.rule)) {
                let Some(rule) = self.rules.get(hit.rule) else { continue };
                covered.entry(*part).or_default().insert(hit.number);
                note(&mut ignored, (&hit.record, rule.id), (hit.kind, &hit.id), hit.priority);
            }
        }
        if covered.is_empty() {
            return None;
        }
        let covered: BTreeMap<i64, Vec<i64>> = covered
            .into_iter()
            .map(|(part, numbers)| (part, numbers.into_iter().collect()))
            .collect();
        for (part, numbers) in &covered {
            let key = (*part, numbers.clone());
            left.entry(key).or_insert_with(|| {
                Left::of(self.findings.get(part).map_or(&[], Vec::as_slice), numbers)
            });
        }
        let mut entries: Vec<Entry> = Vec::new();
        let mut lead: Option<(&[u8], i64, i64)> = None;
        let mut others: BTreeSet<(Kind, String)> = BTreeSet::new();
        for part in parts {
            let (adds, own_lead) = match covered.get(part) {
                Some(numbers) => {
                    let left = left.get(&(*part, numbers.clone()))?;
                    others.extend(left.others.iter().cloned());
                    (&left.entries, &left.lead)
                }
                None => {
                    let facts = self.facts.get(part)?;
                    (&facts.entries, &facts.lead)
                }
            };
            entries.extend_from_slice(adds);
            if let Some((key, number)) = own_lead {
                let own = (key.as_slice(), *part, *number);
                lead = Some(lead.map_or(own, |lead| lead.min(own)));
            }
        }
        let counters = tally::sum(&mut entries);
        mark_whole(&mut ignored, &entries, &others);
        Some(Own { counters, lead: lead.map(|(_, part, number)| (Some(part), number)), ignored })
    }
}

impl Left {
    fn of(findings: &[Finding], covered: &[i64]) -> Self {
        let open = findings.iter().filter(|finding| finding.is_open());
        let kept: Vec<(i64, &Finding)> = (0_i64..)
            .zip(open)
            .filter(|(number, _)| covered.binary_search(number).is_err())
            .collect();
        Self {
            entries: tally::entries(kept.iter().map(|(_, finding)| *finding)),
            others: others(kept.iter().map(|(_, finding)| *finding)),
            lead: tally::lead_of(kept.into_iter()),
        }
    }
}

/// Records of findings besides vulnerabilities.
fn others<'a>(findings: impl Iterator<Item = &'a Finding>) -> BTreeSet<(Kind, String)> {
    findings
        .filter(|finding| finding.kind != Kind::Vulnerability)
        .map(|finding| (finding.kind, kept_record(&finding.record).into_owned()))
        .collect()
}

fn note(
    ignored: &mut BTreeMap<(String, i64), Ignored>,
    (record, rule): (&str, i64),
    (kind, id): (Kind, &str),
    priority: Option<Priority>,
) {
    let record =
        if kind == Kind::Vulnerability { Cow::Borrowed(record) } else { kept_record(record) };
    let known = ignored.entry((record.into_owned(), rule)).or_insert_with(|| Ignored {
        kind,
        id: id.to_owned(),
        priority,
        is_whole: false,
    });
    known.priority = known.priority.max(priority);
}

/// `entries` are what is left, as [`tally::sum`] leaves them; `others` is what is left that they do not keep.
fn mark_whole(
    ignored: &mut BTreeMap<(String, i64), Ignored>,
    entries: &[Entry],
    others: &BTreeSet<(Kind, String)>,
) {
    for ((record, _), one) in ignored {
        one.is_whole = match one.kind {
            Kind::Vulnerability => !tally::has_record(entries, Kind::Vulnerability, record),
            kind => !others.contains(&(kind, record.clone())),
        };
    }
}

/// The same of a report that is kept whole, with its most urgent finding instead of that one's number; `None` where the rules
/// cover nothing.
pub(super) fn whole<'a>(
    findings: &'a [Finding],
    rules: &[&IgnoreRule],
) -> Option<(Own, Option<&'a Finding>)> {
    let mut ignored = BTreeMap::new();
    let mut kept = Vec::with_capacity(findings.len());
    for finding in findings.iter().filter(|finding| finding.is_open()) {
        let mut is_covered = false;
        for rule in rules.iter().filter(|rule| rule.rule.covers(finding)) {
            is_covered = true;
            let named = (finding.kind, finding.id.as_str());
            note(&mut ignored, (&finding.record, rule.id), named, finding.priority);
        }
        if !is_covered {
            kept.push(finding);
        }
    }
    if ignored.is_empty() {
        return None;
    }
    let mut entries = tally::entries(kept.iter().copied());
    let counters = tally::sum(&mut entries);
    mark_whole(&mut ignored, &entries, &others(kept.iter().copied()));
    let lead = kept.into_iter().min_by_key(|finding| tally::lead_key(finding));
    Some((Own { counters, lead: None, ignored }, lead))
}
