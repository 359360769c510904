//! Threads that have nothing of their own to do any more help those that have.
//!
//! In: threads that each read layers, and pieces of work that readers put up. Out: the pieces are done by threads that are
//! through with theirs. Odd: nobody waits for help. A reader does its work itself unless somebody is free, and what it put
//! up and needs before anybody took it, it takes back.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// Bytes that the pieces need that are put up or worked on at a time, by all readers of an image together.
const MAX_BYTES: usize = 84 << 20;

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
    /// Those of them that wait for work.
    idle: usize,
    /// Bytes of the permits that are out.
    permitted: usize,
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
                state.idle += 1;
                state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
        state.helpers -= 1;
    }

    /// How many threads help.
    pub(crate) fn helpers(&self) -> usize {
        self.lock().helpers
    }

    /// Whether a thread that helps has nothing to do.
    pub(crate) fn is_anybody_idle(&self) -> bool {
        self.lock().idle > 0
    }

    /// Leave to put up one more piece of work, which needs so many bytes.
    pub(crate) fn permit(&self, bytes: usize) -> Option<Permit> {
        let mut state = self.lock();
        (state.permitted + bytes <= MAX_BYTES).then(|| {
            state.permitted += bytes;
            Permit(self.clone(), bytes)
        })
    }

    /// Puts up work; whether a thread that has nothing to do is sure to take it.
    pub(crate) fn put(&self, work: Arc<dyn Work>) -> bool {
        let mut state = self.lock();
        state.work.push_back(work);
        self.0.changed.notify_one();
        state.idle >= state.work.len()
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
pub(crate) struct Permit(Crew, usize);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.lock().permitted -= self.1;
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
