//! The same work for each of many, on all cores.
//!
//! In: items, and what is to be done with one. Out: the results in the items' order. Odd: some packages have hundreds of
//! advisories and most have none, so that threads take a few items each time instead of a share beforehand.

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Items that a thread takes at once.
const AT_ONCE: usize = 16;
/// Threads at most; matching is over before more of them are started.
const MOST: usize = 8;

/// What `work` makes of each item.
pub(super) fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(MOST).min(items.len() / (2 * AT_ONCE));
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let from = next.fetch_add(AT_ONCE, Ordering::Relaxed);
            let Some(rest) = items.get(from..).filter(|rest| !rest.is_empty()) else { return done };
            let some = rest.get(..AT_ONCE).unwrap_or(rest);
            done.push((from, some.iter().map(&work).collect::<Vec<R>>()));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, take).ok())
            .collect();
        let mut done = take();
        for other in others {
            match other.join() {
                Ok(results) => done.extend(results),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(from, _)| *from);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        for count in [0, 1, 15, 16, 17, 64, 1_000] {
            let items: Vec<usize> = (0..count).collect();
            let wanted: Vec<usize> = items.iter().map(|item| item * 3).collect();
            assert_eq!(each(&items, |item| item * 3), wanted, "{count}");
        }
    }
}
