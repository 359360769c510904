//! What is known of layers, shared by machines.
//!
//! In: the place that they have in common. Out: entries for the layer cache. Source: `docs/tasks.md`. Odd: a store that does not answer
//! is not asked for a minute, so that each layer does not wait for it; scans go on with what the machine knows itself.

use std::sync::atomic::{AtomicI64, Ordering};

use plimsoll_scanner::SharedEntries;

use crate::{
    clock::Clock,
    operation::error_chain,
    shared_place::{ObjectError, Objects, SharedPlace},
};

/// The largest entry: what a layer's facts take, packed.
const MAX_ENTRY_BYTES: u64 = 64 << 20;
/// How long a store is left alone that did not answer, in seconds.
const REST: i64 = 60;

/// Entries of layers in a shared place.
#[derive(Debug)]
pub(crate) struct Shared {
    objects: Objects,
    clock: Clock,
    /// Until when it is left alone.
    resting: AtomicI64,
}

impl Shared {
    /// Must be called inside a tokio runtime; entries are asked for outside, from threads that may wait.
    pub(crate) fn new(place: SharedPlace, clock: Clock) -> Self {
        let objects = Objects::new(place, clock.clone());
        Self { objects, clock, resting: AtomicI64::new(i64::MIN) }
    }

    fn is_resting(&self) -> bool {
        let left = self.resting.load(Ordering::Relaxed).saturating_sub(self.clock.now().0);
        // A clock that was set back must not keep it away for longer.
        (1..=REST).contains(&left)
    }

    fn rest(&self, error: &ObjectError) {
        let until = self.clock.now().0.saturating_add(REST);
        self.resting.store(until, Ordering::Relaxed);
        tracing::warn!(
            error = error_chain(error),
            seconds = REST,
            "shared layers are not asked for a while"
        );
    }
}

impl SharedEntries for Shared {
    fn fetch(&self, name: &str) -> Option<Vec<u8>> {
        if self.is_resting() {
            return None;
        }
        match self.objects.get(name, MAX_ENTRY_BYTES) {
            Ok(entry) => entry,
            Err(error) => {
                self.rest(&error);
                None
            }
        }
    }

    fn keep(&self, name: &str, entry: Vec<u8>) {
        let is_too_large = u64::try_from(entry.len()).unwrap_or(u64::MAX) > MAX_ENTRY_BYTES;
        if is_too_large || self.is_resting() {
            return;
        }
        if let Err(error) = self.objects.put(name, entry) {
            self.rest(&error);
        }
    }
}

#[cfg(test)]
mod tests;
