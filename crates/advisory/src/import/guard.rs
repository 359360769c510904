//! What stands between a compiled snapshot and its place: it must read back, and it must not be a step back.
//!
//! Source: `docs/decisions/0005-feeds-are-taken-whole.md`: checks of checksum, open, row count and canary look-ups before a swap. Odd: the
//! starter feed is never a reason to refuse, whatever its date.

use std::path::Path;

use plimsoll_model::{Digest, FeedState};

use crate::{
    collection::Resolved,
    feed::FeedError,
    snapshot::{Snapshot, SnapshotError},
};

/// Advisories that are looked up again, evenly spread over all.
const CANARIES: usize = 200;

/// Opens the file and computes its digest anew, which must be the expected one.
pub(super) fn check_digest(path: &Path, expected: Digest) -> Result<Snapshot, FeedError> {
    let snapshot = open(path)?;
    if snapshot.state().snapshot == expected {
        Ok(snapshot)
    } else {
        Err(FeedError::Check { reason: "its digest is another one".to_owned() })
    }
}

fn open(path: &Path) -> Result<Snapshot, FeedError> {
    let fails = |reason: String| FeedError::Check { reason };
    let snapshot = Snapshot::open(path).map_err(|error| fails(error.to_string()))?;
    if snapshot.digest_is_right() {
        Ok(snapshot)
    } else {
        Err(fails("its digest does not fit".to_owned()))
    }
}

/// Opens the file and compares it with what was compiled: digest, counts, and look-ups of some of its records.
pub(super) fn check(path: &Path, resolved: &Resolved) -> Result<Snapshot, FeedError> {
    let fails = |reason: String| FeedError::Check { reason };
    let snapshot = open(path)?;
    let written = snapshot.counts().advisories;
    let compiled = resolved.advisories.len();
    if u64::try_from(compiled) != Ok(written) {
        return Err(fails(format!("it holds {written} advisories of {compiled}")));
    }
    let reader = snapshot.reader();
    for advisory in resolved.advisories.iter().step_by(compiled / CANARIES + 1) {
        let id = resolved.symbols.text(advisory.id);
        for affected in advisory.affected.iter().take(1) {
            let (ecosystem, name) =
                (resolved.symbols.text(affected.ecosystem), resolved.symbols.text(affected.name));
            let found = reader.entries(ecosystem, name, &|_| true).is_ok_and(|entries| {
                entries.iter().any(|entry| {
                    reader.advisory(entry.advisory).is_ok_and(|advisory| advisory.id == id)
                })
            });
            if !found {
                return Err(fails(format!("`{id}` is not found for {ecosystem} `{name}`")));
            }
        }
    }
    Ok(snapshot)
}

/// Refuses a snapshot that is older than the one in place, in whole or in a source, or that lacks one of its sources.
pub(super) fn refuse_older(new: &FeedState, target: &Path) -> Result<(), FeedError> {
    let old = match Snapshot::open(target) {
        Ok(snapshot) => snapshot.state(),
        Err(error) if error.is_missing() => return Ok(()),
        // What cannot be read serves nobody and is replaced.
        Err(SnapshotError::Damaged { .. } | SnapshotError::Format { .. }) => return Ok(()),
        Err(error @ SnapshotError::NotASnapshot { .. }) => {
            return Err(FeedError::Older { reason: error.to_string() });
        }
        Err(error) => return Err(FeedError::Older { reason: error.to_string() }),
    };
    if old.starter {
        return Ok(());
    }
    let older = |reason: String| Err(FeedError::Older { reason });
    if new.starter {
        return older("the starter feed would replace an imported one".to_owned());
    }
    for source in &old.sources {
        match new.sources.iter().find(|other| other.name == source.name) {
            None => {
                return older(format!(
                    "`{}` ({} records of {}) is in place and not among what was given",
                    source.name,
                    source.records,
                    source.date.date()
                ));
            }
            Some(other) if other.date < source.date => {
                return older(format!(
                    "`{}` is of {}, in place is {}",
                    source.name, other.date, source.date
                ));
            }
            Some(other) if is_far_less(other.records, source.records) => {
                return older(format!(
                    "`{}` has {} records, in place are {}",
                    source.name, other.records, source.records
                ));
            }
            Some(_) => {}
        }
    }
    if new.date < old.date {
        return older(format!("it is of {}, in place is {}", new.date, old.date));
    }
    Ok(())
}

/// Whether a source lost data on its way here. Real ones grow, but for a few records that are withdrawn; of a handful of
/// records a few may be many.
const fn is_far_less(now: u64, before: u64) -> bool {
    let lost = before.saturating_sub(now);
    (lost > 1 && lost >= before.div_ceil(2)) || (lost > 5 && lost > before / 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_withdrawn_records_are_no_loss() {
        for (now, before) in [(2, 3), (1, 2), (95, 100), (80, 100), (11_000, 11_269), (30, 20)] {
            assert!(!is_far_less(now, before), "{now} of {before}");
        }
        for (now, before) in [(0, 2), (10, 20), (79, 100), (1, 3), (5_600, 11_269), (13, 20)] {
            assert!(is_far_less(now, before), "{now} of {before}");
        }
    }
}
