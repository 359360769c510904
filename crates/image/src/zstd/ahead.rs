//! Frames that others unpack ahead of their reader.
//!
//! In: whole frames, a few or one. Out: what they unpack to, or their bytes again where somebody must see what is wrong with
//! them, or where nobody has begun. Odd: a reader that must wait for a piece does another one meanwhile.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use zstd::stream::raw::OutBuffer;

use super::step::Stepper;
use crate::crew::{Crew, Permit, Work};

/// Memory that is kept to be used again, of each kind.
const MAX_SPARE: usize = 3;

/// Room behind what a piece unpacks to at most, so that its end is noticed.
const SLACK: usize = 64;

/// Frames to unpack.
struct Task {
    data: Vec<u8>,
    /// Bytes that they unpack to, at most.
    most: usize,
    permit: Permit,
}

enum Stage {
    Waiting(Task),
    Running,
    Done(Unpacked),
    /// These bytes are to be looked at by the reader.
    Failed(Vec<u8>),
    Gone,
}

/// What frames unpack to.
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    /// Bytes of the frames.
    pub(super) length: u64,
    /// For as long as its memory is needed.
    pub(super) permit: Permit,
}

/// Some frames that somebody may unpack.
struct Piece {
    stage: Mutex<Stage>,
    changed: Condvar,
    spare: Arc<Spare>,
    window_log: u32,
}

/// Decoders and memory to be used again.
#[derive(Default)]
struct Spare {
    decoders: Mutex<Vec<Stepper>>,
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// What a reader gets of the next piece.
pub(super) enum Next {
    Unpacked(Unpacked),
    /// Bytes of frames that are the reader's to unpack.
    Packed(Vec<u8>),
}

/// The pieces ahead of a stream's reader, in order.
pub(super) struct Ahead {
    crew: Crew,
    window_log: u32,
    given: VecDeque<Arc<Piece>>,
    spare: Arc<Spare>,
}

/// What is not needed any more nobody should begin with.
impl Drop for Ahead {
    fn drop(&mut self) {
        for piece in &self.given {
            *piece.lock() = Stage::Gone;
        }
    }
}

impl Ahead {
    pub(super) fn new(crew: Crew, window_log: u32) -> Self {
        Self { crew, window_log, given: VecDeque::new(), spare: Arc::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.given.len()
    }

    /// Gives frames away; `permit` is for their bytes and what they unpack to.
    pub(super) fn give(&mut self, data: Vec<u8>, most: usize, permit: Permit) {
        let piece = Arc::new(Piece {
            stage: Mutex::new(Stage::Waiting(Task { data, most, permit })),
            changed: Condvar::new(),
            spare: Arc::clone(&self.spare),
            window_log: self.window_log,
        });
        self.given.push_back(Arc::clone(&piece));
        let _is_taken = self.crew.put(piece);
    }

    /// The next piece, as soon as it is there.
    pub(super) fn next(&mut self) -> Option<Next> {
        let piece = self.given.pop_front()?;
        loop {
            match piece.take() {
                Stage::Waiting(task) => return Some(Next::Packed(task.data)),
                Stage::Failed(data) => return Some(Next::Packed(data)),
                Stage::Done(unpacked) => return Some(Next::Unpacked(unpacked)),
                Stage::Gone => return None,
                Stage::Running => {}
            }
            // Whoever helps is at it: meanwhile another one can be done here.
            if !self.given.iter().any(|other| other.unpack()) {
                piece.wait();
            }
        }
    }

    /// Memory that is free again.
    pub(super) fn give_back(&self, bytes: Vec<u8>) {
        keep(&self.spare.buffers, bytes);
    }
}

fn keep<T>(kept: &Mutex<Vec<T>>, one: T) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < MAX_SPARE {
        kept.push(one);
    }
}

fn kept<T>(kept: &Mutex<Vec<T>>) -> Option<T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

impl Piece {
    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has come to; nobody begins with it any more.
    fn take(&self) -> Stage {
        let mut stage = self.lock();
        match &*stage {
            Stage::Running => Stage::Running,
            _ => std::mem::replace(&mut *stage, Stage::Gone),
        }
    }

    /// Waits until it is not running.
    fn wait(&self) {
        let mut stage = self.lock();
        while matches!(*stage, Stage::Running) {
            stage = self.changed.wait(stage).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Unpacks the frames unless somebody has begun with them; whether nobody had.
    fn unpack(&self) -> bool {
        /// Whoever waits must not wait for a thread that died.
        struct Finish<'p>(&'p Piece, Stage);
        impl Drop for Finish<'_> {
            fn drop(&mut self) {
                let mut stage = self.0.lock();
                // Nobody wants it where it is gone meanwhile.
                if matches!(*stage, Stage::Running) {
                    *stage = std::mem::replace(&mut self.1, Stage::Gone);
                }
                self.0.changed.notify_all();
            }
        }
        let task = {
            let mut stage = self.lock();
            match std::mem::replace(&mut *stage, Stage::Running) {
                Stage::Waiting(task) => task,
                other => {
                    *stage = other;
                    return false;
                }
            }
        };
        let mut finish = Finish(self, Stage::Gone);
        finish.1 = match self.unpacked(&task) {
            Some(bytes) => {
                let (length, permit) = (task.data.len() as u64, task.permit);
                Stage::Done(Unpacked { bytes, length, permit })
            }
            None => Stage::Failed(task.data),
        };
        true
    }

    /// What the frames unpack to; `None`: something is wrong with them.
    fn unpacked(&self, task: &Task) -> Option<Vec<u8>> {
        let mut decoder = match kept(&self.spare.decoders) {
            Some(decoder) => decoder,
            None => Stepper::new(self.window_log).ok()?,
        };
        decoder.restart().ok()?;
        let mut bytes = kept(&self.spare.buffers).unwrap_or_default();
        bytes.clear();
        bytes.reserve_exact(task.most.saturating_add(SLACK));
        let mut output = OutBuffer::around(&mut bytes);
        let mut at = 0;
        while let Some(rest) =
            task.data.get(at..).filter(|it| !it.is_empty() || decoder.is_in_frame())
        {
            let before = output.pos();
            let used = decoder.step(rest, &mut output).ok()?;
            if used == 0 && output.pos() == before {
                return None;
            }
            at += used;
        }
        keep(&self.spare.decoders, decoder);
        Some(bytes)
    }
}

impl Work for Piece {
    fn run(&self) {
        self.unpack();
    }
}
