//! Wrong admin tokens are slowed down.
//!
//! In: addresses and whether their token was right. Out: whether another one is looked at. Odd: they are counted per
//! address and lock nobody else out; the right token is refused too while its address is locked, so that a guess cannot
//! be told from a success.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use plimsoll_model::Timestamp;

/// Wrong tokens that an address may send within [`WINDOW`].
const TRIES: usize = 5;
/// Seconds.
const WINDOW: i64 = 60;
/// Addresses remembered; more make the table start anew, because memory is bounded and 256 bits cannot be guessed.
const MOST: usize = 10_000;

/// Counts wrong tokens.
#[derive(Default, Debug)]
pub(crate) struct Throttle(Mutex<BTreeMap<IpAddr, Vec<Timestamp>>>);

impl Throttle {
    /// Seconds for which no token of this address is looked at; `None` when the next one is.
    pub(crate) fn locked(&self, from: IpAddr, now: Timestamp) -> Option<i64> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = table.get_mut(&from)?;
        times.retain(|at| now.0 < at.0.saturating_add(WINDOW));
        match (times.len(), times.first()) {
            (TRIES.., Some(first)) => Some(first.0.saturating_add(WINDOW).saturating_sub(now.0)),
            _ => None,
        }
    }

    /// Counts a wrong token.
    pub(crate) fn wrong(&self, from: IpAddr, now: Timestamp) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= MOST {
            table.clear();
        }
        table.entry(from).or_default().push(now);
    }

    /// Forgets the wrong tokens of an address that then sent the right one.
    pub(crate) fn right(&self, from: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_wrong_tokens_lock_their_address_for_a_minute_and_no_other() {
        let throttle = Throttle::default();
        let here = IpAddr::from([192, 0, 2, 1]);
        let there = IpAddr::from([192, 0, 2, 2]);
        for second in 0..5 {
            assert_eq!(throttle.locked(here, Timestamp(second)), None);
            throttle.wrong(here, Timestamp(second));
        }
        assert_eq!(throttle.locked(here, Timestamp(5)), Some(55));
        assert_eq!(throttle.locked(there, Timestamp(5)), None);
        assert_eq!(throttle.locked(here, Timestamp(60)), None);
    }

    #[test]
    fn the_right_token_forgets_wrong_ones() {
        let throttle = Throttle::default();
        let here = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..4 {
            throttle.wrong(here, Timestamp(0));
        }
        throttle.right(here);
        throttle.wrong(here, Timestamp(1));
        assert_eq!(throttle.locked(here, Timestamp(1)), None);
    }
}
