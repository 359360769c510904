//! What was decided a moment ago, kept in memory.
//!
//! In: an image as the store has it now, a rule. Out: the same decision as before, where nothing can have changed it. Odd: it is used
//! only if the store says, in the same review, that the image still has the revision that it was decided of, and for no longer than
//! [`LONGEST`] seconds: the revision tells another scan, tag, content, snapshot or counter at once, and the time bounds what it does not
//! tell (an ignore rule for a finding that no counter has, an ignore rule of the policy file that runs out).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use plimsoll_model::Timestamp;

use super::judge::Told;

/// Seconds for which a decision is used at most.
pub(super) const LONGEST: i64 = 10;
/// Decisions that are kept; with more, all are forgotten.
const MOST: usize = 4_096;

/// What a decision is of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Subject {
    /// The image's id, or the digest of an artifact alone.
    pub(super) image: String,
    /// `host/repository` as it was written.
    pub(super) place: String,
    /// The rule's place in the policy.
    pub(super) rule: usize,
}

/// Decisions of one policy.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<BTreeMap<Subject, Entry>>);

#[derive(Debug)]
struct Entry {
    revision: String,
    at: Timestamp,
    told: Arc<Vec<Told>>,
}

impl Kept {
    /// What was decided of this revision.
    pub(super) fn find(
        &self,
        subject: &Subject,
        revision: &str,
        now: Timestamp,
    ) -> Option<Arc<Vec<Told>>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(subject)?;
        let age = now.0.saturating_sub(entry.at.0);
        let is_current = entry.revision == revision && (0..LONGEST).contains(&age);
        is_current.then(|| Arc::clone(&entry.told))
    }

    /// Keeps a decision.
    pub(super) fn keep(
        &self,
        subject: Subject,
        revision: String,
        now: Timestamp,
        told: Arc<Vec<Told>>,
    ) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(subject, Entry { revision, at: now, told });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(number: usize) -> Subject {
        Subject { image: number.to_string(), place: "docker.io/library/a".to_owned(), rule: 0 }
    }

    #[test]
    fn a_decision_is_used_for_its_revision_and_its_time_alone() {
        let kept = Kept::default();
        let told = Arc::new(Vec::new());
        kept.keep(subject(1), "a".to_owned(), Timestamp(100), Arc::clone(&told));
        let found = |subject: &Subject, revision: &str, now: i64| {
            kept.find(subject, revision, Timestamp(now)).is_some()
        };
        assert!(found(&subject(1), "a", 100) && found(&subject(1), "a", 109));
        assert!(!found(&subject(1), "a", 110), "too old");
        assert!(!found(&subject(1), "a", 99), "a clock that was set back");
        assert!(!found(&subject(1), "b", 100), "another revision");
        assert!(!found(&Subject { rule: 1, ..subject(1) }, "a", 100), "another rule");
        for number in 0..MOST {
            kept.keep(subject(number), "a".to_owned(), Timestamp(100), Arc::clone(&told));
        }
        assert!(kept.0.lock().unwrap().len() <= MOST);
    }
}
