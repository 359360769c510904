//! What others find out about a stream ahead of its reader.
//!
//! In: the compressed bytes that are there, and where the reader stands. Out: chunks that go to the [`Crew`], and in the end
//! what the reader may take over. Odd: between chunks that are given away the reader keeps some bytes for itself, since it
//! inflates faster than anybody who must guess; how many, follows from whether it had to wait. A chunk that nobody has
//! begun with when the reader arrives is the reader's again.

use std::{collections::VecDeque, sync::Arc};

use super::guess::{BEHIND, CHUNK, Found, Guess, MEMORY, Place, Progress, Task};
use crate::crew::Crew;

/// Chunks ahead of the reader for each thread that helps, so that none waits for the reader.
const CHUNKS: usize = 2;

/// Pieces of memory that are kept to be used again.
const MAX_SPARE: usize = 2;

/// By how much the bytes that the reader keeps become more or fewer, and the most that they can be.
const KEPT_STEP: u64 = (CHUNK / 8) as u64;
const MOST_KEPT: u64 = 2 * CHUNK as u64;

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
    /// Bytes that the reader keeps behind as many chunks as there are threads that help.
    kept: u64,
    /// Chunks since then.
    since_kept: usize,
    /// Memory to be used again.
    spare: Vec<Vec<u16>>,
}

/// What is not needed any more nobody should begin with.
impl Drop for Ahead {
    fn drop(&mut self) {
        for given in &self.given {
            given.guess.take();
        }
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
    pub(super) const fn new(crew: Crew) -> Self {
        Self {
            crew,
            given: VecDeque::new(),
            next: 0,
            kept: CHUNK as u64,
            since_kept: 0,
            spare: Vec::new(),
        }
    }

    /// How far the stream should be read from byte `here` on, so that others find work; `None`: nobody asks for any.
    pub(super) fn wanted(&mut self, here: u64) -> Option<u64> {
        let helpers = self.crew.helpers();
        if helpers == 0 || self.given.len() >= helpers * CHUNKS {
            return None;
        }
        if self.next <= here {
            self.next = here + self.kept;
            self.since_kept = 0;
        } else if self.since_kept >= helpers {
            self.next += self.kept;
            self.since_kept = 0;
        }
        Some(self.next + (CHUNK + BEHIND) as u64)
    }

    /// Gives the next chunk away; `input` begins at byte `base` of the stream. Whether there was one.
    pub(super) fn give(&mut self, input: &[u8], base: u64, is_whole: bool) -> bool {
        let start = usize::try_from(self.next.saturating_sub(base)).unwrap_or(usize::MAX);
        let Some(rest) = input.get(start..).filter(|rest| rest.len() > BEHIND) else {
            return false;
        };
        let Some(permit) = self.crew.permit(MEMORY) else { return false };
        let data = rest.get(..CHUNK + BEHIND).unwrap_or(rest);
        let length = data.len().min(CHUNK);
        let units = self.spare.pop().unwrap_or_default();
        let is_whole = is_whole && data.len() == rest.len();
        let task = Task { data: data.to_vec(), length, is_whole, units, permit };
        let guess = Guess::new(task);
        let end = self.next + length as u64;
        self.given.push_back(Given {
            start: self.next * 8,
            end: end * 8,
            guess: Arc::clone(&guess),
        });
        self.next = end;
        self.since_kept += 1;
        let _is_taken = self.crew.put(guess);
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
                        let is_done =
                            |given: &Given| matches!(given.guess.progress(), Progress::Done(_));
                        if self.given.iter().all(is_done) {
                            // Whoever helps has nothing left to do.
                            self.kept = self.kept.saturating_sub(KEPT_STEP);
                        }
                        let bytes = first.start / 8;
                        let found = first.guess.take();
                        self.given.pop_front();
                        if let Some(mut found) = found {
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
                    first.guess.wait();
                    // It had too little to do of its own. What was found counts the other way once.
                    self.kept = (self.kept + KEPT_STEP).min(MOST_KEPT);
                    continue;
                }
                Progress::Waiting | Progress::Running => {}
            }
            // The reader has passed it, or must do it.
            if let Some(found) = self.given.pop_front().and_then(|first| first.guess.take()) {
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
    pub(super) fn give_back(&mut self, found: Found) {
        if self.spare.len() < MAX_SPARE {
            self.spare.push(found.units);
        }
        drop(found.permit);
    }
}
