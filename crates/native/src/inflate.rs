//! Inflates raw deflate data as fast as one core can, from any block on.
//!
//! In: compressed bytes as a slice that may go on later, a bit to begin at, and a buffer that begins with what was inflated
//! before. Out: more of the buffer filled, and why it stopped. Source: RFC 1951; what is refused is what zlib refuses. The
//! shape of the tables and of the loop is that of libdeflate.
//!
//! Odd:
//! * The buffer's units are bytes, or `u16` where the bytes before it are not known yet: then it begins with numbers that
//!   stand for them, and matches copy the numbers about. See [`Unit`].
//! * It stops at blocks when it is told to, which is what makes inflating a stream from several places at once possible.
//! * Nothing here looks at a check sum: whoever calls has the format around the blocks.

#![expect(clippy::cast_possible_truncation, reason = "bits are masked before they are cast")]

mod fast;
mod tables;

use tables::{DISTANCE_BITS, LENGTH_BITS, PRECODE_BITS, Tables};

/// What a buffer is made of: bytes, or bytes and numbers for bytes that are not known yet.
pub trait Unit: Copy + From<u8> + fast::Sealed {}

impl Unit for u8 {}
impl Unit for u16 {}

/// How far back a match may reach.
pub const WINDOW: usize = 32 << 10;

/// Units that must be free in a buffer for inflating to go on: two literals, the longest match, and what is copied too much.
pub const SLACK: usize = 2 + 258 + 32;

/// Compressed bytes, and where inflating stands in them.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// All that is there so far.
    pub bytes: &'i [u8],
    /// The next bit, counted from the start of `bytes`; the lowest of a byte comes first.
    pub bit: usize,
    /// Nothing comes after `bytes`.
    pub is_whole: bool,
}

/// A buffer that is being filled.
#[derive(Debug)]
pub struct Output<'o, T> {
    /// What is there and what is free.
    pub units: &'o mut [T],
    /// Where the next unit goes.
    pub at: usize,
    /// Matches reach no further back than this: a stream does not know of the one before it.
    pub floor: usize,
}

impl<T> Output<'_, T> {
    /// How many units are free.
    const fn free(&self) -> usize {
        self.units.len().saturating_sub(self.at)
    }
}

/// Why inflating stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// More input is needed.
    Input,
    /// Fewer than [`SLACK`] units of the buffer are free.
    Output,
    /// A block begins at or behind the bit that was asked for.
    Block,
    /// The last block has ended.
    End,
}

/// Why data cannot be inflated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InflateError {
    /// It ends before its last block does.
    #[error("the stream is cut off")]
    CutOff,
    /// A block has a kind that does not exist.
    #[error("a block is of an unknown kind")]
    BlockKind,
    /// A stored block contradicts its own length.
    #[error("the length of a stored block is contradictory")]
    StoredLength,
    /// The codes that a block announces are none.
    #[error("the codes of a block are not valid")]
    Codes,
    /// A code that stands for nothing.
    #[error("a code is not valid")]
    Code,
    /// A match begins before the stream does.
    #[error("a match reaches back too far")]
    Distance,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before a block.
    Between,
    /// In a stored block, with so many bytes left.
    Stored(usize),
    /// In a block of codes.
    Coded,
    /// Behind the last block.
    Done,
}

/// Inflates one stream, or a part of it.
#[derive(Debug)]
pub struct Inflater {
    tables: Box<Tables>,
    state: State,
    is_last_block: bool,
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

/// Why the codes of a block stopped.
pub(crate) enum Ended {
    Input,
    Output,
    Block,
}

impl Inflater {
    /// At the start of a block.
    #[must_use]
    pub fn new() -> Self {
        Self { tables: Box::default(), state: State::Between, is_last_block: false }
    }

    /// Begins anew, at the start of a block.
    pub const fn restart(&mut self) {
        (self.state, self.is_last_block) = (State::Between, false);
    }

    /// Whether the next bit is a block's first.
    #[must_use]
    pub fn is_between_blocks(&self) -> bool {
        self.state == State::Between
    }

    /// Inflates until something is missing, the last block ends, or a block would begin at bit `until` or later.
    ///
    /// # Errors
    /// [`InflateError`]; what was inflated before it stands in the buffer.
    pub fn run<T: Unit>(
        &mut self,
        input: &mut Input<'_>,
        output: &mut Output<'_, T>,
        until: usize,
    ) -> Result<Stop, InflateError> {
        loop {
            match self.state {
                State::Between if input.bit >= until => return Ok(Stop::Block),
                State::Between => {
                    if !self.begin_block(input)? {
                        return Ok(Stop::Input);
                    }
                }
                State::Stored(left) => {
                    let left = stored(input, output, left);
                    self.state = State::Stored(left);
                    if left == 0 {
                        self.end_block();
                    } else if output.free() < SLACK {
                        return Ok(Stop::Output);
                    } else if input.is_whole {
                        return Err(InflateError::CutOff);
                    } else {
                        return Ok(Stop::Input);
                    }
                }
                State::Coded => match fast::codes(&self.tables, input, output)? {
                    Ended::Input => return Ok(Stop::Input),
                    Ended::Output => return Ok(Stop::Output),
                    Ended::Block => self.end_block(),
                },
                State::Done => return Ok(Stop::End),
            }
        }
    }

    const fn end_block(&mut self) {
        self.state = if self.is_last_block { State::Done } else { State::Between };
    }

    /// Whether a block of codes could begin at a bit: what it announces is valid.
    pub fn could_begin(&mut self, input: &Input<'_>) -> bool {
        let mut input = *input;
        self.restart();
        matches!(self.begin_block(&mut input), Ok(true)) && self.state == State::Coded
    }

    /// Reads a block's head; `false` when it is not there yet as a whole, and then nothing was read.
    fn begin_block(&mut self, input: &mut Input<'_>) -> Result<bool, InflateError> {
        let mut bits = Bits { bytes: input.bytes, bit: input.bit };
        let head = self.read_head(&mut bits);
        if bits.bit > input.bytes.len() * 8 {
            return if input.is_whole { Err(InflateError::CutOff) } else { Ok(false) };
        }
        (self.state, self.is_last_block) = head?;
        input.bit = bits.bit;
        Ok(true)
    }

    /// Reads beyond the input's end as if zeros stood there; the caller looks whether it did.
    fn read_head(&mut self, bits: &mut Bits<'_>) -> Result<(State, bool), InflateError> {
        let is_last_block = bits.take(1) == 1;
        let state = match bits.take(2) {
            0 => {
                bits.bit = bits.bit.next_multiple_of(8);
                let (length, inverse) = (bits.take(16), bits.take(16));
                if length != inverse ^ 0xffff {
                    return Err(InflateError::StoredLength);
                }
                State::Stored(length as usize)
            }
            1 => {
                self.tables.fix();
                State::Coded
            }
            2 => {
                self.read_codes(bits)?;
                State::Coded
            }
            _ => return Err(InflateError::BlockKind),
        };
        Ok((state, is_last_block))
    }

    fn read_codes(&mut self, bits: &mut Bits<'_>) -> Result<(), InflateError> {
        /// In which order the lengths of the precode's codes stand.
        const ORDER: [usize; 19] =
            [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let literals = bits.take(5) as usize + 257;
        let distances = bits.take(5) as usize + 1;
        let precodes = bits.take(4) as usize + 4;
        if literals > 286 || distances > 30 {
            return Err(InflateError::Codes);
        }
        let mut precode = [0; 19];
        for place in ORDER.iter().take(precodes) {
            if let Some(length) = precode.get_mut(*place) {
                *length = bits.byte(3);
            }
        }
        self.tables.set_precode(&precode)?;
        let mut lengths = [0_u8; 286 + 30];
        let wanted = literals + distances;
        let mut at = 0;
        while at < wanted {
            let (symbol, length) = self.tables.precode(bits.peek(PRECODE_BITS));
            bits.bit += length;
            let (value, times) = match symbol {
                0..=15 => (symbol, 1),
                16 => {
                    let before = at.checked_sub(1).and_then(|at| lengths.get(at));
                    (*before.ok_or(InflateError::Codes)?, 3 + bits.take(2))
                }
                17 => (0, 3 + bits.take(3)),
                _ => (0, 11 + bits.take(7)),
            };
            let end = at + times as usize;
            let run = lengths.get_mut(at..end).filter(|_| end <= wanted);
            run.ok_or(InflateError::Codes)?.fill(value);
            at = end;
        }
        let (literals, rest) = lengths.split_at(literals);
        let distances = rest.get(..distances).unwrap_or_default();
        self.tables.set(literals, distances)
    }
}

/// Copies what is left of a stored block as far as it can, and says what is left then.
fn stored<T: Unit>(input: &mut Input<'_>, output: &mut Output<'_, T>, left: usize) -> usize {
    let start = input.bit / 8;
    let free = output.free().saturating_sub(SLACK - 1);
    let length = left.min(input.bytes.len().saturating_sub(start)).min(free);
    let from = input.bytes.get(start..start + length).unwrap_or_default();
    let to = output.units.get_mut(output.at..output.at + length).unwrap_or_default();
    for (to, from) in to.iter_mut().zip(from) {
        *to = T::from(*from);
    }
    input.bit += length * 8;
    output.at += length;
    left - length
}

/// Reads bits one after the other; behind the end there are zeros.
struct Bits<'i> {
    bytes: &'i [u8],
    bit: usize,
}

impl Bits<'_> {
    /// Up to 32 bits without consuming them.
    fn peek(&self, count: u32) -> u32 {
        let start = self.bit / 8;
        let word = match self.bytes.get(start..start + 8) {
            Some(&[a, b, c, d, e, f, g, h]) => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => {
                let rest = self.bytes.get(start..).unwrap_or_default();
                rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
            }
        };
        let shifted = word >> (self.bit % 8);
        (shifted & ((1 << count) - 1)) as u32
    }

    fn take(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.bit += count as usize;
        bits
    }

    fn byte(&mut self, count: u32) -> u8 {
        self.take(count) as u8
    }
}

/// Bits of a main table: what is longer stands in a table behind it.
const _: () = assert!(LENGTH_BITS <= 15 && DISTANCE_BITS <= 15);

#[cfg(test)]
mod tests;
