//! Inflates from the middle of a stream, where nothing is known of what came before.
//!
//! In: a chunk of a stream, and some bytes behind it. Out: where in it a block or a member seems to begin, and what the data
//! from there on inflates to, with numbers for the bytes that only those before it can tell. Source: Knespel and Brunst,
//! "Rapidgzip" (HPDC 2023), for the idea and for how blocks are told from noise.
//!
//! Odd: a guess may be wrong, and wrong ones look right for a while (a gzip file within a stored block). Whoever asked uses a
//! guess only when the stream, read from its start, comes to the very bit at which the guess begins.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use plimsoll_native::inflate::{Inflater, Input, Output, SLACK, Stop, WINDOW};

use super::member::{self, FOOTER, Footer};
use crate::crew::{Permit, Work};

/// Bytes of a chunk.
pub(super) const CHUNK: usize = 1 << 20;

/// Bytes behind a chunk, in which its last block is hoped to end.
pub(super) const BEHIND: usize = 256 << 10;

/// Bytes that a chunk inflates to at most; what is more is left to whoever reads the stream.
const MOST: usize = 6 << 20;

/// Bytes that a chunk needs: its own, and the units that it inflates to.
pub(super) const MEMORY: usize = CHUNK + BEHIND + 2 * (WINDOW + MOST + SLACK);

/// Bytes that are looked at together.
const STEP: usize = 4;

/// Beginnings that are tried before a chunk is given up.
const MAX_TRIES: usize = 64;

/// Where something begins, from the start of a chunk or of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// A block, at this bit.
    Block(u64),
    /// A stored block, whose length stands at this byte. Its head is at one of several bits before it.
    Stored(u64),
    /// A member, at this byte.
    Member(u64),
}

impl Place {
    /// Bits at which it may begin.
    pub(super) const fn bits(self) -> (u64, u64) {
        match self {
            Self::Block(bit) => (bit, bit),
            Self::Stored(byte) => ((byte * 8).saturating_sub(10), (byte * 8).saturating_sub(3)),
            Self::Member(byte) => (byte * 8, byte * 8),
        }
    }

    /// The same place, with `bytes` before it.
    pub(super) const fn behind(self, bytes: u64) -> Self {
        match self {
            Self::Block(bit) => Self::Block(bit + bytes * 8),
            Self::Stored(byte) => Self::Stored(byte + bytes),
            Self::Member(byte) => Self::Member(byte + bytes),
        }
    }
}

/// What a chunk inflates to.
pub(super) struct Found {
    pub(super) start: Place,
    /// The numbers of unknown bytes, and behind them what was inflated.
    pub(super) units: Vec<u16>,
    /// Where that ends.
    pub(super) end: usize,
    /// Ends of members in it, and what stands there.
    pub(super) members: Vec<(usize, Footer)>,
    /// Where it goes on.
    pub(super) stop: Place,
    /// For as long as its memory is needed.
    pub(super) permit: Permit,
}

/// A chunk to look at.
pub(super) struct Task {
    /// The chunk, and bytes behind it.
    pub(super) data: Vec<u8>,
    /// Length of the chunk alone.
    pub(super) length: usize,
    /// Nothing comes behind `data`.
    pub(super) is_whole: bool,
    /// Memory to be used again, or none.
    pub(super) units: Vec<u16>,
    pub(super) permit: Permit,
}

enum Stage {
    Waiting(Task),
    Running,
    Done(Option<Found>),
    Gone,
}

/// A chunk that somebody may look at.
pub(super) struct Guess {
    stage: Mutex<Stage>,
    changed: Condvar,
}

/// How far a guess is.
pub(super) enum Progress {
    Waiting,
    Running,
    /// Where it begins; `None`: nothing was found.
    Done(Option<Place>),
}

impl Guess {
    pub(super) fn new(task: Task) -> Arc<Self> {
        Arc::new(Self { stage: Mutex::new(Stage::Waiting(task)), changed: Condvar::new() })
    }

    pub(super) fn progress(&self) -> Progress {
        match &*self.lock() {
            Stage::Waiting(_) => Progress::Waiting,
            Stage::Running => Progress::Running,
            Stage::Done(found) => Progress::Done(found.as_ref().map(|found| found.start)),
            Stage::Gone => Progress::Done(None),
        }
    }

    /// Waits until it is not running.
    pub(super) fn wait(&self) {
        let mut stage = self.lock();
        while matches!(*stage, Stage::Running) {
            stage = self.changed.wait(stage).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes what was found; nobody begins with it any more.
    pub(super) fn take(&self) -> Option<Found> {
        match std::mem::replace(&mut *self.lock(), Stage::Gone) {
            Stage::Done(found) => found,
            Stage::Waiting(_) | Stage::Running | Stage::Gone => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, found: Option<Found>) {
        let mut stage = self.lock();
        // Nobody wants it where it was taken meanwhile.
        if matches!(*stage, Stage::Running) {
            *stage = Stage::Done(found);
        }
        self.changed.notify_all();
    }
}

impl Work for Guess {
    fn run(&self) {
        /// Whoever waits must not wait for a thread that died.
        struct Finish<'g>(&'g Guess);
        impl Drop for Finish<'_> {
            fn drop(&mut self) {
                self.0.finish(None);
            }
        }
        let task = {
            let mut stage = self.lock();
            match std::mem::replace(&mut *stage, Stage::Running) {
                Stage::Waiting(task) => task,
                other => {
                    *stage = other;
                    return;
                }
            }
        };
        let finish = Finish(self);
        let found = look(task);
        self.finish(found);
        drop(finish);
    }
}

/// Looks for a beginning in a chunk, and inflates from there to the chunk's end.
pub(super) fn look(task: Task) -> Option<Found> {
    let Task { data, length, is_whole, mut units, permit } = task;
    if units.is_empty() {
        // Memory that is not written to costs nothing.
        units = vec![0; WINDOW + MOST + SLACK];
    }
    for (number, unit) in (0x8000..=u16::MAX).zip(units.iter_mut().take(WINDOW)) {
        *unit = number;
    }
    let chunk = Chunk { data: &data, length, is_whole };
    let mut inflater = Inflater::new();
    let mut byte = 0;
    let mut places = Vec::new();
    for _ in 0..MAX_TRIES {
        while places.is_empty() {
            if byte >= length {
                return None;
            }
            chunk.places(byte, &mut inflater, &mut places);
            // The last is taken first.
            places.reverse();
            byte += STEP;
        }
        let start = places.pop()?;
        if let Some((end, members, stop)) = chunk.inflate(start, &mut inflater, &mut units) {
            return Some(Found { start, units, end, members, stop, permit });
        }
    }
    None
}

struct Chunk<'d> {
    data: &'d [u8],
    length: usize,
    is_whole: bool,
}

type Inflated = (usize, Vec<(usize, Footer)>, Place);

impl Chunk<'_> {
    /// Where in the next [`STEP`] bytes something seems to begin.
    fn places(&self, at: usize, inflater: &mut Inflater, places: &mut Vec<Place>) {
        let Some(&[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]) = self.data.get(at..at + 16)
        else {
            return;
        };
        let word = u128::from_le_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]);
        let low = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        // For all bits at once: not the last block, of codes, with at most 286 and 30 of them.
        let is_coded = !low & !(low >> 1) & (low >> 2);
        let is_too_long = (low >> 4) & (low >> 5) & (low >> 6) & (low >> 7);
        let is_too_far = (low >> 9) & (low >> 10) & (low >> 11) & (low >> 12);
        let mut bits = is_coded & !is_too_long & !is_too_far;
        for byte in 0..STEP {
            let next = low >> (8 * byte);
            let at = at + byte;
            if next & 0xff_ffff == 0x08_8b1f && next & 0xe000_0000 == 0 {
                places.push(Place::Member(at as u64));
            }
            // Whether the head of a block with this length is in the chunk, too, and not of the last block.
            if (next ^ (next >> 16)) & 0xffff == 0xffff
                && at >= 2
                && self.data.get(at - 1).is_some_and(|before| before >> 5 == 0)
            {
                places.push(Place::Stored(at as u64));
            }
            let mut left = bits & 0xff;
            bits >>= 8;
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                let from = 8 * byte + bit;
                let precodes = ((low >> (from + 13)) & 15) as u32 + 4;
                let rest = (word >> (from + 17)) & u128::from(u64::MAX);
                if !is_complete(u64::try_from(rest).unwrap_or_default(), precodes) {
                    continue;
                }
                let bit = at * 8 + bit;
                let input = Input { bytes: self.data, bit, is_whole: self.is_whole };
                if inflater.could_begin(&input) {
                    places.push(Place::Block(bit as u64));
                }
            }
        }
    }

    /// Inflates from a place on, to the first place behind the chunk or as far as it goes.
    fn inflate(
        &self,
        start: Place,
        inflater: &mut Inflater,
        units: &mut [u16],
    ) -> Option<Inflated> {
        let index = |byte: u64| usize::try_from(byte).ok();
        let (mut at, mut floor) = (WINDOW, 0);
        let mut bit = match start {
            Place::Block(bit) => index(bit)?,
            Place::Stored(byte) => index(byte)? * 8 - 3,
            Place::Member(byte) => {
                floor = at;
                let head = self.data.get(index(byte)?..)?;
                (index(byte)? + member::header(head).ok()?) * 8
            }
        };
        inflater.restart();
        let mut members = Vec::new();
        let mut reached: Option<(usize, usize, Place)> = None;
        let mut blocks = 0;
        loop {
            let mut input = Input { bytes: self.data, bit, is_whole: self.is_whole };
            let mut output = Output { units: &mut *units, at, floor };
            let stopped = inflater.run(&mut input, &mut output, bit + 1);
            (bit, at) = (input.bit, output.at);
            match stopped {
                Ok(Stop::Block) => {
                    blocks += 1;
                    reached = Some((at, members.len(), Place::Block(bit as u64)));
                    if bit >= self.length * 8 {
                        break;
                    }
                }
                Ok(Stop::End) => {
                    let byte = bit.div_ceil(8);
                    let Some(footer) = self.data.get(byte..).and_then(Footer::of) else { break };
                    blocks += 1;
                    members.push((at, footer));
                    let next = byte + FOOTER;
                    reached = Some((at, members.len(), Place::Member(next as u64)));
                    let rest = self.data.get(next..).unwrap_or_default();
                    match member::header(rest) {
                        Ok(length) if next < self.length => bit = (next + length) * 8,
                        _ => break,
                    }
                    floor = at;
                    inflater.restart();
                }
                Ok(Stop::Input | Stop::Output) => break,
                // Nothing that begins like this goes wrong so soon.
                Err(_) if blocks < 3 => return None,
                Err(_) => break,
            }
        }
        let (end, count, stop) = reached?;
        members.truncate(count);
        Some((end, members, stop))
    }
}

/// Whether the lengths of `count` codes, three bits each, make a complete set.
fn is_complete(lengths: u64, count: u32) -> bool {
    let mut rest = lengths & ((1 << (3 * count)) - 1);
    let mut space = 0;
    while rest != 0 {
        let four = SPACE.get((rest & 0xfff) as usize).copied();
        space += u32::from(four.unwrap_or(u16::MAX));
        rest >>= 12;
    }
    space == 128
}

/// How much of 128 four codes take.
#[expect(clippy::indexing_slicing, reason = "the loop ends where the table does")]
static SPACE: [u16; 1 << 12] = {
    let mut table = [0; 1 << 12];
    let mut lengths = 0;
    while lengths < table.len() {
        let mut rest = lengths;
        while rest != 0 {
            if rest & 7 != 0 {
                table[lengths] += 128 >> (rest & 7);
            }
            rest >>= 3;
        }
        lengths += 1;
    }
    table
};
