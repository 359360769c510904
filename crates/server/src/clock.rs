//! Where the server gets the time from.
//!
//! In: nothing. Out: [`Clock`], handed to everything that needs the time, so that a test can set it and move it. Odd:
//! this file alone in the crate asks the machine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use plimsoll_model::Timestamp;

/// The time, as the machine or a test says.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Machine,
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's own time.
    #[must_use]
    pub const fn machine() -> Self {
        Self(Source::Machine)
    }

    /// A clock that stands at `at` until it is moved; clones move along.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self(Source::Set(Arc::new(AtomicI64::new(at.0))))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Machine => machine_now(),
            Source::Set(seconds) => Timestamp(seconds.load(Ordering::SeqCst)),
        }
    }

    /// Whether it is the machine's.
    #[must_use]
    pub const fn is_machine(&self) -> bool {
        matches!(self.0, Source::Machine)
    }

    /// Moves a fixed clock on; the machine's is not ours to move.
    pub fn advance(&self, seconds: i64) {
        if let Source::Set(at) = &self.0 {
            at.fetch_add(seconds, Ordering::SeqCst);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the server asks the machine")]
fn machine_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told_and_clones_move_along() {
        let clock = Clock::fixed(Timestamp(100));
        let other = clock.clone();
        assert_eq!(clock.now(), Timestamp(100));
        clock.advance(61);
        assert_eq!(other.now(), Timestamp(161));
        assert!(Clock::machine().now().0 > 1_700_000_000);
    }
}
