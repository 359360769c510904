//! Unpacks a large frame a little ahead of its reader, on whatever thread has nothing else to do.
//!
//! In: the frame's bytes, as they are read. Out: what they unpack to, in pieces. Odd: nobody waits for whoever helps to begin:
//! a reader that finds nothing while nobody is at it takes the decoder back, and goes on by itself.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use zstd::stream::raw::OutBuffer;

use super::step::Stepper;
use crate::crew::{Crew, Work};

/// Bytes that are unpacked at a time.
const PIECE: usize = 512 << 10;

/// Pieces that wait for the reader, at most.
const MAX_PIECES: usize = 6;

/// Bytes of the frame that wait to be unpacked, about.
const MAX_INPUT: usize = 1 << 20;

/// Bytes that all of it needs, besides the decoder's own.
pub(super) const MEMORY: usize = 2 * MAX_PIECES * PIECE + 2 * MAX_INPUT;

/// Some of what the frame unpacks to.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Bytes of the frame that were used when it was whole.
    pub(super) used: u64,
}

/// What is there for the reader.
pub(super) enum Next {
    Piece(Piece),
    /// Nobody is at it any more: the frame has ended, cannot be unpacked on, or nobody came to help.
    Back(Back),
}

/// What goes back to the reader.
pub(super) struct Back {
    /// `None` when whoever had it died.
    pub(super) decoder: Option<Stepper>,
    /// Bytes that were given and not used.
    pub(super) left: Vec<u8>,
    /// Bytes that were used.
    pub(super) used: u64,
    pub(super) failure: Option<io::Error>,
}

/// A frame that is being unpacked.
#[derive(Default)]
pub(super) struct Pump {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// `None` while somebody is at it, and when it was taken back.
    decoder: Option<Stepper>,
    is_running: bool,
    is_put: bool,
    /// Somebody is sure to come.
    is_certain: bool,
    input: VecDeque<Vec<u8>>,
    /// Bytes of the first of `input` that were used.
    at: usize,
    /// Bytes in `input`.
    waiting: usize,
    used: u64,
    output: VecDeque<Piece>,
    spare: Vec<Vec<u8>>,
    outcome: Option<io::Result<()>>,
}

impl Pump {
    pub(super) fn new(decoder: Stepper) -> Arc<Self> {
        let pump = Self::default();
        pump.lock().decoder = Some(decoder);
        Arc::new(pump)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether more of the frame should be given.
    pub(super) fn wants_input(&self) -> bool {
        let state = self.lock();
        state.waiting < MAX_INPUT && state.outcome.is_none()
    }

    /// Takes more of the frame, and perhaps of what follows it.
    pub(super) fn give(&self, bytes: Vec<u8>) {
        let mut state = self.lock();
        state.waiting += bytes.len();
        state.input.push_back(bytes);
    }

    /// Takes memory that is free again.
    pub(super) fn give_back(&self, bytes: Vec<u8>) {
        self.lock().spare.push(bytes);
    }

    /// Asks for help where there is enough to do.
    pub(super) fn put(self: &Arc<Self>, crew: &Crew) {
        let mut state = self.lock();
        let has_work = !state.input.is_empty()
            && state.output.len() <= MAX_PIECES / 2
            && state.outcome.is_none();
        if has_work && !state.is_running && !state.is_put {
            state.is_put = true;
            state.is_certain = crew.put(Arc::clone(self) as Arc<dyn Work>);
        }
    }

    /// What comes next, waiting for whoever is at it. When it goes back, the pump is of no more use.
    pub(super) fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            if let Some(piece) = state.output.pop_front() {
                return Next::Piece(piece);
            }
            if !(state.is_running || state.is_put && state.is_certain) {
                let input = std::mem::take(&mut state.input).into_iter();
                return Next::Back(Back {
                    decoder: state.decoder.take(),
                    left: input.flatten().skip(state.at).collect(),
                    used: state.used,
                    failure: state.outcome.take().and_then(Result::err),
                });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Work for Pump {
    fn run(&self) {
        /// Whoever waits must not wait for a thread that died.
        struct Finish<'p>(&'p Pump, Option<Stepper>);
        impl Drop for Finish<'_> {
            fn drop(&mut self) {
                let mut state = self.0.lock();
                state.is_running = false;
                state.decoder = self.1.take();
                self.0.changed.notify_all();
            }
        }
        let mut state = self.lock();
        state.is_put = false;
        let Some(decoder) = state.decoder.take() else { return };
        state.is_running = true;
        drop(state);
        let mut finish = Finish(self, None);
        let mut decoder = decoder;
        loop {
            let mut state = self.lock();
            if state.outcome.is_some() || state.output.len() >= MAX_PIECES {
                break;
            }
            let Some(input) = state.input.pop_front() else { break };
            let at = std::mem::take(&mut state.at);
            let mut bytes = state.spare.pop().unwrap_or_default();
            drop(state);
            let (end, outcome) = unpack(&mut decoder, &input, at, &mut bytes);
            let mut state = self.lock();
            state.used += (end - at) as u64;
            if end < input.len() {
                state.at = end;
                state.input.push_front(input);
            } else {
                state.waiting = state.waiting.saturating_sub(input.len());
            }
            if bytes.is_empty() {
                state.spare.push(bytes);
            } else {
                let used = state.used;
                state.output.push_back(Piece { bytes, used });
            }
            state.outcome = outcome;
            self.changed.notify_all();
        }
        finish.1 = Some(decoder);
    }
}

/// Unpacks bytes from `at` on into `bytes`, until one or the other is at its end; where that is, and whether the frame has
/// ended or failed.
fn unpack(
    decoder: &mut Stepper,
    input: &[u8],
    at: usize,
    bytes: &mut Vec<u8>,
) -> (usize, Option<io::Result<()>>) {
    bytes.clear();
    bytes.reserve_exact(PIECE);
    let mut output = OutBuffer::around(bytes);
    let mut at = at;
    let outcome = loop {
        let rest = input.get(at..).unwrap_or_default();
        match decoder.step(rest, &mut output) {
            Ok(used) => at += used,
            Err(error) => break Some(Err(error)),
        }
        if !decoder.is_in_frame() {
            break Some(Ok(()));
        }
        if output.pos() == output.capacity() || at == input.len() {
            break None;
        }
    };
    (at, outcome)
}
