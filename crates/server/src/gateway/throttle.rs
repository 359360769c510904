//! Who guesses signatures is told to wait.
//!
//! In: refused signatures, with where they came from and whose key they claimed. Out: [`Refusal::Throttled`] once a source
//! has had too many in its minute. Source: `docs/api.md`, "Throttling".
//!
//! Odd: what is counted is a pair of source and key, so that neither a stranger elsewhere nor a mistaken client behind the
//! same address but with another key can lock out who signs rightly. Guesses at keys that do not exist are one pair more
//! per source. IPv6 sources count by their /64, which one host has whole.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use plimsoll_model::Timestamp;

use super::refusal::Refusal;

/// Length of a window, in seconds.
const WINDOW: i64 = 60;
/// How many requests for keys that do not exist a source may send in a window; each costs one look-up.
const UNKNOWN_KEYS: u32 = 60;
/// How many pairs are remembered; beyond that the windows that are over are forgotten, and if none is, all.
const MAX_PAIRS: usize = 10_000;

type Pair = (Option<IpAddr>, String);

/// Refused signatures of the last minute.
#[derive(Debug)]
pub(crate) struct Throttle {
    limit: u32,
    windows: Mutex<BTreeMap<Pair, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Timestamp,
    refused: u32,
}

impl Throttle {
    /// Allows `limit` refused signatures a minute for each pair of source and key.
    pub(crate) const fn new(limit: u32) -> Self {
        Self { limit, windows: Mutex::new(BTreeMap::new()) }
    }

    /// Whether this source may try this key now; `key_id` is `None` for keys that do not exist.
    ///
    /// # Errors
    /// [`Refusal::Throttled`] with the time until its window is over.
    pub(crate) fn check(
        &self,
        source: Option<IpAddr>,
        key_id: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let limit = if key_id.is_some() { self.limit } else { UNKNOWN_KEYS };
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(window) = windows.get(&pair(source, key_id)) else { return Ok(()) };
        if window.is_over(now) || window.refused < limit {
            return Ok(());
        }
        let seconds = window.began.0.saturating_add(WINDOW).saturating_sub(now.0);
        let seconds = u64::try_from(seconds).unwrap_or_default();
        Err(Refusal::Throttled { retry_after_ms: seconds.max(1) * 1_000 })
    }

    /// Counts a refused signature.
    pub(crate) fn note(&self, source: Option<IpAddr>, key_id: Option<&str>, now: Timestamp) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_PAIRS {
            windows.retain(|_, window| !window.is_over(now));
            if windows.len() >= MAX_PAIRS {
                windows.clear();
            }
        }
        let window =
            windows.entry(pair(source, key_id)).or_insert(Window { began: now, refused: 0 });
        if window.is_over(now) {
            *window = Window { began: now, refused: 0 };
        }
        window.refused = window.refused.saturating_add(1);
    }
}

impl Window {
    /// Also when the clock was set back: nobody waits for a window of the future.
    const fn is_over(&self, now: Timestamp) -> bool {
        let age = now.0.saturating_sub(self.began.0);
        age < 0 || age >= WINDOW
    }
}

fn pair(source: Option<IpAddr>, key_id: Option<&str>) -> Pair {
    let source = source.map(|address| match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    });
    (source, key_id.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_source_waits_and_others_do_not() {
        let throttle = Throttle::new(10);
        let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
        for second in 0..10 {
            assert_eq!(throttle.check(here, Some("key"), Timestamp(second)), Ok(()));
            throttle.note(here, Some("key"), Timestamp(second));
        }
        assert_eq!(
            throttle.check(here, Some("key"), Timestamp(20)),
            Err(Refusal::Throttled { retry_after_ms: 40_000 })
        );
        assert_eq!(throttle.check(there, Some("key"), Timestamp(20)), Ok(()));
        assert_eq!(throttle.check(here, Some("other"), Timestamp(20)), Ok(()));
        assert_eq!(throttle.check(here, None, Timestamp(20)), Ok(()));
        assert_eq!(throttle.check(here, Some("key"), Timestamp(60)), Ok(()));
        throttle.note(here, Some("key"), Timestamp(60));
        assert_eq!(throttle.check(here, Some("key"), Timestamp(60)), Ok(()));
        assert_eq!(throttle.check(here, Some("key"), Timestamp(-5)), Ok(()));
    }

    #[test]
    fn one_host_s_ipv6_addresses_are_one_source() {
        let throttle = Throttle::new(1);
        throttle.note(address("2001:db8::1"), Some("key"), Timestamp(0));
        let tried = |text| throttle.check(address(text), Some("key"), Timestamp(1)).is_err();
        assert!(tried("2001:db8::ffff:2"));
        assert!(!tried("2001:db8:0:1::1"));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(1);
        for index in 0..30_000_u32 {
            throttle.note(None, Some(&index.to_string()), Timestamp(i64::from(index) / 1_000));
        }
        assert!(throttle.windows.lock().unwrap().len() <= MAX_PAIRS);
    }
}
