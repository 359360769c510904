//! What others find out about a stream ahead of its reader.
//!
//! In: the compressed bytes that are there, and where the reader stands. Out: chunks that go to the [`Crew`], and in the end
//! what the reader may take over. Odd: all that is ahead is given away, chunk after chunk, and whoever helps leaves the first
//! one to the reader. A chunk that nobody has begun with when the reader arrives is the reader's again, which inflates it
//! without a guess; while somebody is at it, the reader looks at a later one. So nobody is without work, however fast each is.
//! Where waiting takes longer than inflating would have, the machine has no core to spare, and nothing is given away for a while.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::guess::{BEHIND, CHUNK, Found, Guess, Place, Pool, Progress, Task};
use crate::crew::{Crew, Work};

/// Chunks ahead of the reader: for the reader itself, and for each thread that helps.
const CHUNKS: usize = 2;
const CHUNKS_EACH: usize = 2;

/// Bytes that a chunk should inflate to, and the fewest that it has.
const GOAL: usize = 9 << 19;
const MIN_CHUNK: usize = 128 << 10;

/// A stream that is hardly longer than this is not worth the trouble.
const ALONE: u64 = 1 << 20;

/// About as long as inflating a chunk takes: the most that the reader waits for one.
const PATIENCE: Duration = Duration::from_millis(10);

/// Bytes for which nothing is given away after the reader waited in vain once, and by how many doublings they grow.
const PAUSE: u64 = 2 * CHUNK as u64;
const MAX_DOUBLINGS: u32 = 5;

/// A chunk that was given away.
struct Given {
    /// Where it begins and ends in the stream, in bits.
    start: u64,
    end: u64,
    guess: Arc<Guess>,
}

/// The chunks ahead of a stream's reader, in order.
pub(super) struct Ahead {
    crew: Crew,
    given: VecDeque<Given>,
    /// Where the next chunk begins, in bytes.
    next: u64,
    /// How long it is.
    chunk: usize,
    /// Before this byte nothing is given away.
    pause: u64,
    /// How often the reader waited in vain, less how often not.
    in_vain: u32,
    pool: Arc<Pool>,
}

/// What is not needed any more nobody should begin with.
impl Drop for Ahead {
    fn drop(&mut self) {
        while self.take_back().is_some() {}
    }
}

/// What a reader is to do at a place.
pub(super) enum Advice {
    /// Inflate to this bit of the stream, or the first block behind it, and ask again.
    Inflate(u64),
    /// Take this over, with its places counted from the stream's start.
    TakeOver(Box<Found>),
}

impl Ahead {
    pub(super) fn new(crew: Crew) -> Self {
        Self {
            crew,
            given: VecDeque::new(),
            next: 0,
            chunk: CHUNK / 2,
            pause: ALONE,
            in_vain: 0,
            pool: Arc::default(),
        }
    }

    /// How far the stream should be read from byte `here` on, so that others find work; `None`: nobody asks for any.
    pub(super) fn wanted(&mut self, here: u64) -> Option<u64> {
        if here < self.pause {
            return None;
        }
        let helpers = self.crew.helpers();
        if helpers == 0 || self.given.len() >= CHUNKS + helpers * CHUNKS_EACH {
            return None;
        }
        self.next = self.next.max(here);
        Some(self.next + (self.chunk + BEHIND) as u64)
    }

    /// Gives the next chunk away; `input` begins at byte `base` of the stream. Whether there was one.
    pub(super) fn give(&mut self, input: &[u8], base: u64, is_whole: bool) -> bool {
        let start = usize::try_from(self.next.saturating_sub(base)).unwrap_or(usize::MAX);
        let Some(rest) = input.get(start..).filter(|rest| rest.len() > BEHIND) else {
            return false;
        };
        let Some(permit) = self.crew.permit() else { return false };
        let data = rest.get(..self.chunk + BEHIND).unwrap_or(rest);
        let length = data.len().min(self.chunk);
        let is_whole = is_whole && data.len() == rest.len();
        let pool = Arc::clone(&self.pool);
        let guess = Guess::new(Task { data: data.to_vec(), length, is_whole, pool, permit });
        let end = self.next + length as u64;
        let given = Given { start: self.next * 8, end: end * 8, guess: Arc::clone(&guess) };
        self.given.push_back(given);
        self.next = end;
        self.crew.put(guess);
        true
    }

    /// What to do at a bit where a block, or a member, begins; `bits` are the three that stand there.
    pub(super) fn advise(&mut self, here: u64, is_member: bool, bits: u8) -> Advice {
        while let Some(first) = self.given.front() {
            match first.guess.progress() {
                Progress::Done(Some(start)) => {
                    let start = start.behind(first.start / 8);
                    let is_here = match start {
                        Place::Member(byte) => is_member && here == byte * 8,
                        Place::Block(bit) => !is_member && here == bit,
                        Place::Stored(byte) => {
                            !is_member && bits == 0 && (here + 3).next_multiple_of(8) == byte * 8
                        }
                    };
                    let (earliest, latest) = start.bits();
                    if is_here {
                        let bytes = first.start / 8;
                        if let Some(mut found) = self.take_back().flatten() {
                            self.adapt(&found);
                            found.stop = found.stop.behind(bytes);
                            return Advice::TakeOver(Box::new(found));
                        }
                        continue;
                    }
                    if here < latest {
                        return Advice::Inflate(earliest.max(here + 1));
                    }
                }
                Progress::Done(None) => {}
                Progress::Waiting | Progress::Running if here < first.start => {
                    return Advice::Inflate(first.start);
                }
                Progress::Running if here < first.end => {
                    if self.crew.do_one() {
                        continue;
                    }
                    if first.guess.wait(PATIENCE) {
                        self.in_vain = self.in_vain.saturating_sub(1);
                        continue;
                    }
                    self.pause = here / 8 + (PAUSE << self.in_vain);
                    self.in_vain = (self.in_vain + 1).min(MAX_DOUBLINGS);
                }
                Progress::Waiting | Progress::Running => {}
            }
            // The reader has passed it, or must do it.
            if let Some(found) = self.take_back().flatten() {
                self.give_back(found);
            }
        }
        Advice::Inflate(u64::MAX)
    }

    /// Whether nothing was given away.
    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Memory that is free again.
    pub(super) fn give_back(&self, found: Found) {
        self.pool.put(found.memory);
        drop(found.permit);
    }

    /// The first chunk is nobody's any more; what was found in it, if there was one.
    fn take_back(&mut self) -> Option<Option<Found>> {
        let first = self.given.pop_front()?;
        if matches!(first.guess.progress(), Progress::Waiting) {
            let work: Arc<dyn Work> = Arc::clone(&first.guess) as Arc<dyn Work>;
            self.crew.withdraw(&work);
        }
        Some(first.guess.take())
    }

    /// Chunks become longer or shorter by what one inflated to.
    fn adapt(&mut self, found: &Found) {
        let ((start, _), (stop, _)) = (found.start.bits(), found.stop.bits());
        let packed = usize::try_from(stop.saturating_sub(start) / 8).unwrap_or(0).max(1);
        let ideal = GOAL.saturating_mul(packed) / found.length.max(1);
        self.chunk = (self.chunk * 3 + ideal.clamp(MIN_CHUNK, CHUNK)) / 4;
    }
}
