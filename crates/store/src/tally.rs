//! What a part adds to the counters of every inventory that holds it.
//!
//! In: findings. Out: a few bytes a record, from which the counters of any set of parts are summed up without reading a
//! finding. Source: `docs/semantics.md`, "Counters". Odd: a record counts once however many parts have it, at its highest
//! urgency, so a tally keeps the records themselves, as the first eight bytes of their SHA-256.

use plimsoll_model::{
    Finding, Kind, Level, Priority, RiskCounters, Subject, counters::APPLICATION_RECORD,
};

use crate::{numbers, parts::sha256};

/// One record of a part: its hash, its class and urgency, its score in tenths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry {
    record: u64,
    class: u8,
    tenths: u16,
}

const SYSTEM: u8 = 0;
const APPLICATION: u8 = 8;
const BASELINE: u8 = 16;
const MALWARE: u8 = 24;

/// What stands for a record in tallies.
pub(crate) fn hash_of(kind: Kind, record: &str) -> u64 {
    let hash = sha256(format!("{kind}\n{record}").as_bytes());
    hash.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl Entry {
    /// What stands for the record, and how urgent it is: 3 asap, 2 later, else less. `None` unless it is a vulnerability.
    pub(crate) fn vulnerability(self) -> Option<(u64, u8)> {
        (self.class < BASELINE).then_some((self.record, self.class % 8))
    }

    fn of(finding: &Finding) -> Option<Self> {
        if !finding.is_open() {
            return None;
        }
        let key = finding.record.as_str();
        let class = match finding.kind {
            Kind::Vulnerability => {
                let origin = if key.starts_with(APPLICATION_RECORD) { APPLICATION } else { SYSTEM };
                let tier = match finding.priority {
                    None => 0,
                    Some(Priority::Nntf) => 1,
                    Some(Priority::Later) => 2,
                    Some(Priority::Asap) => 3,
                };
                origin + tier
            }
            Kind::Baseline => BASELINE + level(finding.level),
            Kind::Malware => MALWARE + level(finding.level),
            Kind::Secret | Kind::Build | Kind::License => return None,
        };
        let record = hash_of(finding.kind, key);
        let tenths = finding.urgency.as_ref().map_or(0, |urgency| urgency.tenths);
        Some(Self { record, class, tenths })
    }

    fn count(self, counters: &mut RiskCounters) {
        let is_urgent = self.class % 8;
        match self.class - is_urgent {
            SYSTEM | APPLICATION => {
                let origin =
                    if self.class < APPLICATION { &mut counters.cve } else { &mut counters.sca };
                *origin += 1;
                match is_urgent {
                    3 => counters.asap += 1,
                    2 => counters.later += 1,
                    _ => counters.nntf += 1,
                }
                counters.top_tenths = counters.top_tenths.max(u32::from(self.tenths));
            }
            BASELINE => match is_urgent {
                4.. => counters.baseline_high += 1,
                3 => counters.baseline_medium += 1,
                _ => counters.baseline_low += 1,
            },
            _ => match is_urgent {
                4.. => counters.malicious_serious += 1,
                3 => counters.malicious_suspicious += 1,
                _ => counters.malicious_remind += 1,
            },
        }
    }
}

/// Whether a record is among entries as [`sum`] leaves them.
pub(crate) fn has_record(entries: &[Entry], kind: Kind, key: &str) -> bool {
    let wanted = hash_of(kind, key);
    entries.binary_search_by(|entry| wanted.cmp(&entry.record)).is_ok()
}

const fn level(level: Level) -> u8 {
    match level {
        Level::Unknown => 0,
        Level::Negligible => 1,
        Level::Low => 2,
        Level::Medium => 3,
        Level::High => 4,
        Level::Critical => 5,
    }
}

/// What these findings add, each record once.
pub(crate) fn entries<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = findings.filter_map(Entry::of).collect();
    worst_of_each(&mut entries);
    entries
}

/// The tally of a part with these findings.
pub(crate) fn of(findings: &[Finding]) -> Vec<u8> {
    let entries = entries(findings.iter());
    let mut bytes = Vec::with_capacity(entries.len() * 11);
    for entry in entries {
        bytes.extend_from_slice(&entry.record.to_le_bytes());
        bytes.push(entry.class);
        numbers::put(&mut bytes, u64::from(entry.tenths));
    }
    bytes
}

/// Reads a tally; `None` when it is none.
pub(crate) fn read(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::with_capacity(bytes.len() / 10);
    while !bytes.is_empty() {
        let (record, rest) = bytes.split_first_chunk::<8>()?;
        let (class, rest) = rest.split_first()?;
        bytes = rest;
        let tenths = u16::try_from(numbers::take(&mut bytes)?).ok()?;
        entries.push(Entry { record: u64::from_le_bytes(*record), class: *class, tenths });
    }
    Some(entries)
}

/// Leaves the most urgent entry of each record.
fn worst_of_each(entries: &mut Vec<Entry>) {
    entries.sort_unstable_by(|a, b| b.cmp(a));
    entries.dedup_by_key(|entry| entry.record);
}

/// The counters of a set of parts, given the entries of all of them.
pub(crate) fn sum(entries: &mut Vec<Entry>) -> RiskCounters {
    worst_of_each(entries);
    let mut counters = RiskCounters::default();
    for entry in entries {
        entry.count(&mut counters);
    }
    counters
}

/// How the most urgent of the open findings sorts, smaller first, and its number among them. A list of images shows one
/// finding of each.
pub(crate) fn lead(findings: &[Finding]) -> Option<(Vec<u8>, i64)> {
    let open = findings.iter().filter(|finding| finding.is_open());
    lead_of((0_i64..).zip(open))
}

/// The same of findings with their numbers.
pub(crate) fn lead_of<'a>(
    numbered: impl Iterator<Item = (i64, &'a Finding)>,
) -> Option<(Vec<u8>, i64)> {
    numbered.map(|(number, finding)| (lead_key(finding), number)).min()
}

/// A failed check of level high ranks with vulnerabilities of priority asap, as in the image's risk level; what does not
/// count there comes last.
pub(crate) fn lead_key(finding: &Finding) -> Vec<u8> {
    let class = match (finding.kind, finding.priority, finding.level) {
        (Kind::Build | Kind::License, ..) => 3,
        (_, Some(Priority::Asap), _) => 0,
        (_, Some(Priority::Later), _) => 1,
        (_, Some(Priority::Nntf), _) | (Kind::Vulnerability, ..) => 2,
        (_, _, Level::Critical | Level::High) => 0,
        (_, _, Level::Medium) => 1,
        _ => 2,
    };
    let kind = match finding.kind {
        Kind::Malware => 0,
        Kind::Vulnerability => 1,
        Kind::Baseline => 2,
        Kind::Secret | Kind::Build | Kind::License => 3,
    };
    let tenths = finding.urgency.as_ref().map_or(0, |urgency| urgency.tenths);
    let by_level = match finding.level {
        Level::Critical => 0,
        Level::High => 1,
        Level::Medium => 2,
        Level::Low => 3,
        Level::Negligible | Level::Unknown => 4,
    };
    let has_fix = finding.fix.as_ref().is_some_and(|fix| fix.version.is_some());
    let mut key = vec![class, kind];
    key.extend_from_slice(&(u16::MAX - tenths).to_be_bytes());
    key.extend_from_slice(&[by_level, u8::from(!has_fix)]);
    let (Subject::Purl(subject) | Subject::Path(subject) | Subject::Image(subject)) =
        &finding.subject;
    key.extend_from_slice(finding.id.as_bytes());
    key.push(0);
    key.extend_from_slice(subject.as_bytes());
    key
}

/// Counters in the order of the columns `cve` to `top_tenths`, which every table that keeps them has.
pub(crate) const fn columns(counters: &RiskCounters) -> [u32; 12] {
    [
        counters.cve,
        counters.sca,
        counters.asap,
        counters.later,
        counters.nntf,
        counters.baseline_high,
        counters.baseline_medium,
        counters.baseline_low,
        counters.malicious_serious,
        counters.malicious_suspicious,
        counters.malicious_remind,
        counters.top_tenths,
    ]
}

/// Counters in a few bytes.
pub(crate) fn pack_counters(counters: &RiskCounters) -> Vec<u8> {
    let mut bytes = Vec::new();
    for count in columns(counters) {
        numbers::put(&mut bytes, u64::from(count));
    }
    bytes
}

/// What [`pack_counters`] packed.
pub(crate) fn unpack_counters(mut bytes: &[u8]) -> Option<RiskCounters> {
    let mut next = || numbers::take(&mut bytes).and_then(|count| u32::try_from(count).ok());
    Some(RiskCounters {
        cve: next()?,
        sca: next()?,
        asap: next()?,
        later: next()?,
        nntf: next()?,
        baseline_high: next()?,
        baseline_medium: next()?,
        baseline_low: next()?,
        malicious_serious: next()?,
        malicious_suspicious: next()?,
        malicious_remind: next()?,
        top_tenths: next()?,
    })
}

#[cfg(test)]
mod tests;
