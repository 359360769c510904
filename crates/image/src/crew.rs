//! Threads that have nothing of their own to do any more help those that have.
//!
//! In: threads that each read layers, and pieces of work that readers put up. Out: the pieces are done by threads that are
//! through with theirs. Odd: nobody waits for help. A reader does its work itself unless somebody is free, and what it put
//! up and needs before anybody took it, it takes back.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// Pieces that are put up or worked on at a time, by all readers of an image together: each needs up to 14 MiB.
const MAX_PIECES: usize = 6;

/// Something that any thread can do.
pub(crate) trait Work: Send + Sync {
    fn run(&self);
}

/// The threads that read one image.
#[derive(Clone, Default)]
pub struct Crew(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    work: VecDeque<Arc<dyn Work>>,
    /// Threads with work of their own.
    busy: usize,
    /// Threads that help.
    helpers: usize,
    /// Permits that are out.
    permits: usize,
}

impl Crew {
    /// A thread begins work of its own; it ends when the answer is dropped.
    pub fn begin(&self) -> Shift {
        self.lock().busy += 1;
        Shift(self.clone())
    }

    /// Helps until nobody has work of their own any more.
    pub fn help(&self) {
        let mut state = self.lock();
        state.helpers += 1;
        while state.busy > 0 {
            if let Some(work) = state.work.pop_front() {
                drop(state);
                work.run();
                state = self.lock();
            } else {
                state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.helpers -= 1;
    }

    /// How many threads help.
    pub(crate) fn helpers(&self) -> usize {
        self.lock().helpers
    }

    /// Leave to put up one more piece of work.
    pub(crate) fn permit(&self) -> Option<Permit> {
        let mut state = self.lock();
        (state.permits < MAX_PIECES).then(|| {
            state.permits += 1;
            Permit(self.clone())
        })
    }

    /// Puts up work.
    pub(crate) fn put(&self, work: Arc<dyn Work>) {
        self.lock().work.push_back(work);
        self.0.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, a thread has work of its own.
#[must_use = "the thread's own work ends when this is dropped"]
pub struct Shift(Crew);

impl Drop for Shift {
    fn drop(&mut self) {
        self.0.lock().busy -= 1;
        self.0.0.changed.notify_all();
    }
}

/// While it lives, a piece of work needs memory.
pub(crate) struct Permit(Crew);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.lock().permits -= 1;
    }
}

/// Budgets are the same when their limits are.
impl PartialEq for Crew {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Crew {}

impl std::fmt::Debug for Crew {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Crew")
    }
}
