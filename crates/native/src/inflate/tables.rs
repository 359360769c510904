//! Tables that turn the next bits into a symbol.
//!
//! In: the lengths of codes as a block announces them. Out: an entry for each pattern of the next bits. Source: RFC 1951
//! §3.2.2; which sets of lengths are none, zlib's `inftrees.c`: too many codes, or too few unless there is none or a single
//! one of one bit. Odd: an entry says all that the loop needs, so that most symbols cost one look-up.
//!
//! | entry | bits 16–31 | bits 8–13 | bits 0–7 |
//! |---|---|---|---|
//! | literal | the byte, and bit 31 | | bits of the code |
//! | length, distance | lowest value | bits of the code | and of what is added to the value |
//! | pointer | where its table begins | bits of that table | bits of the main table |
//! | end of block | | | bits of the code |

#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::needless_range_loop,
    reason = "lengths are at most 15 and symbols at most 287, by the types' users in this module"
)]

use super::InflateError;

pub(super) const LENGTH_BITS: u32 = 11;
pub(super) const DISTANCE_BITS: u32 = 8;
pub(super) const PRECODE_BITS: u32 = 7;

/// Most entries that 286 codes of at most 15 bits need behind a main table of 11; zlib's `enough.c` computes 2,342.
const LENGTH_ENTRIES: usize = 2_400;
/// Likewise for 30 codes behind a main table of 8: 402.
const DISTANCE_ENTRIES: usize = 512;

const MAX_LENGTH: usize = 15;

pub(super) const LITERAL: u32 = 0x8000_0000;
/// Neither a literal nor a value.
pub(super) const SPECIAL: u32 = 0x8000;
pub(super) const POINTER: u32 = 0x4000;
pub(super) const END: u32 = 0x2000;

/// The tables of one block.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) lengths: [u32; LENGTH_ENTRIES],
    pub(super) distances: [u32; DISTANCE_ENTRIES],
    precode: [u32; 1 << PRECODE_BITS],
    is_fixed: bool,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            lengths: [SPECIAL; LENGTH_ENTRIES],
            distances: [SPECIAL; DISTANCE_ENTRIES],
            precode: [SPECIAL; 1 << PRECODE_BITS],
            is_fixed: false,
        }
    }
}

/// What each symbol of a table stands for, without its code.
const LENGTH_SYMBOLS: [u32; 288] = length_symbols();
const DISTANCE_SYMBOLS: [u32; 32] = distance_symbols();
const PRECODE_SYMBOLS: [u32; 19] = precode_symbols();

const fn length_symbols() -> [u32; 288] {
    const BASE: [u32; 29] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
        131, 163, 195, 227, 258,
    ];
    const EXTRA: [u32; 29] =
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    // 286 and 287 have codes in fixed blocks, but stand for nothing.
    let mut symbols = [SPECIAL; 288];
    let mut at = 0;
    while at < 256 {
        symbols[at] = LITERAL | (at as u32) << 16;
        at += 1;
    }
    symbols[256] = SPECIAL | END;
    at = 0;
    while at < 29 {
        symbols[257 + at] = BASE[at] << 16 | EXTRA[at];
        at += 1;
    }
    symbols
}

const fn distance_symbols() -> [u32; 32] {
    let mut symbols = [SPECIAL; 32];
    let (mut at, mut base) = (0, 1);
    while at < 30 {
        let extra = if at < 4 { 0 } else { (at as u32 - 2) / 2 };
        symbols[at] = base << 16 | extra;
        base += 1 << extra;
        at += 1;
    }
    symbols
}

const fn precode_symbols() -> [u32; 19] {
    let mut symbols = [0; 19];
    let mut at = 0;
    while at < 19 {
        symbols[at] = (at as u32) << 16;
        at += 1;
    }
    symbols
}

impl Tables {
    /// The codes of fixed blocks.
    pub(super) fn fix(&mut self) {
        if self.is_fixed {
            return;
        }
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        // They are a complete set, so this cannot fail.
        let _complete = build(&mut self.lengths, LENGTH_BITS, &lengths, &LENGTH_SYMBOLS);
        let _complete = build(&mut self.distances, DISTANCE_BITS, &[5; 32], &DISTANCE_SYMBOLS);
        self.is_fixed = true;
    }

    pub(super) fn set_precode(&mut self, lengths: &[u8; 19]) -> Result<(), InflateError> {
        match build(&mut self.precode, PRECODE_BITS, lengths, &PRECODE_SYMBOLS)? {
            Set::Complete => Ok(()),
            Set::Single | Set::Empty => Err(InflateError::Codes),
        }
    }

    /// The symbol of the next bits, and how many of them are its code.
    pub(super) fn precode(&self, bits: u32) -> (u8, usize) {
        let entry = self.precode[(bits & ((1 << PRECODE_BITS) - 1)) as usize];
        ((entry >> 16) as u8, (entry & 0xff) as usize)
    }

    pub(super) fn set(&mut self, lengths: &[u8], distances: &[u8]) -> Result<(), InflateError> {
        self.is_fixed = false;
        if lengths.get(256).is_none_or(|length| *length == 0) {
            // Such a block never ends.
            return Err(InflateError::Codes);
        }
        build(&mut self.lengths, LENGTH_BITS, lengths, &LENGTH_SYMBOLS)?;
        build(&mut self.distances, DISTANCE_BITS, distances, &DISTANCE_SYMBOLS)?;
        Ok(())
    }
}

/// What a set of lengths is like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    /// Every pattern of bits is a code.
    Complete,
    /// One code of one bit.
    Single,
    Empty,
}

/// Fills a table: the main one for codes of up to `bits` bits, and behind it those that longer codes need.
fn build(
    table: &mut [u32],
    bits: u32,
    lengths: &[u8],
    symbols: &[u32],
) -> Result<Set, InflateError> {
    let mut counts = [0_usize; MAX_LENGTH + 1];
    for length in lengths {
        counts[usize::from(*length)] += 1;
    }
    counts[0] = 0;
    let mut space = 1_i32;
    for count in &counts[1..] {
        space = space * 2 - *count as i32;
        if space < 0 {
            return Err(InflateError::Codes);
        }
    }
    let main = 1_usize << bits;
    if space > 0 {
        // No code, or a single one of one bit; the other patterns stand for nothing.
        let used: usize = counts.iter().sum();
        if used > 1 || (used == 1 && counts[1] != 1) {
            return Err(InflateError::Codes);
        }
        table[..main].fill(SPECIAL | 1);
        let Some(symbol) = lengths.iter().position(|length| *length == 1) else {
            return Ok(Set::Empty);
        };
        let entry = with_code(symbols[symbol], 1);
        for place in table[..main].iter_mut().step_by(2) {
            *place = entry;
        }
        return Ok(Set::Single);
    }

    // Symbols by the length of their code, then by their number: that is the order of the codes.
    let mut starts = [0_usize; MAX_LENGTH + 2];
    for length in 1..=MAX_LENGTH {
        starts[length + 1] = starts[length] + counts[length];
    }
    let mut sorted = [0_u16; 288];
    for (symbol, length) in lengths.iter().enumerate() {
        if *length != 0 {
            let start = &mut starts[usize::from(*length)];
            sorted[*start] = symbol as u16;
            *start += 1;
        }
    }

    // Codes are counted with their first bit lowest, as they stand in the data.
    let mut code = 0_usize;
    let mut sorted = sorted.iter().map(|symbol| symbols[usize::from(*symbol)]);
    let short = bits as usize;
    for length in 1..=short {
        for symbol in sorted.by_ref().take(counts[length]) {
            table[code] = with_code(symbol, length as u32);
            code = following(code, length);
        }
        if length < short {
            // Each pattern that is filled stands for two that are one bit longer.
            table.copy_within(..1 << length, 1 << length);
        }
    }
    let (mut prefix, mut start, mut end) = (usize::MAX, 0, main);
    for length in short + 1..=MAX_LENGTH {
        let rest = length - short;
        let mut left = counts[length];
        for symbol in sorted.by_ref().take(counts[length]) {
            if code & (main - 1) != prefix {
                prefix = code & (main - 1);
                let mut size = rest;
                let mut used = left;
                while used < 1 << size {
                    size += 1;
                    used = used * 2 + counts[short + size];
                }
                (start, end) = (end, end + (1 << size));
                table[prefix] =
                    (start as u32) << 16 | SPECIAL | POINTER | (size as u32) << 8 | bits;
            }
            let entry = with_code(symbol, rest as u32);
            let first = start + (code >> short);
            for place in table[first..end].iter_mut().step_by(1 << rest) {
                *place = entry;
            }
            left -= 1;
            code = following(code, length);
        }
    }
    Ok(Set::Complete)
}

/// A symbol's entry, complete: values carry the bits of their code twice, with and without what is added.
const fn with_code(symbol: u32, length: u32) -> u32 {
    if symbol & (LITERAL | SPECIAL) != 0 {
        symbol | length
    } else {
        symbol + (length << 8 | length)
    }
}

/// The next code of a length, both with the first bit lowest; 0 behind the last.
const fn following(code: usize, length: usize) -> usize {
    let zeros = code ^ ((1 << length) - 1);
    if zeros == 0 {
        return 0;
    }
    let bit = 1 << (usize::BITS - 1 - zeros.leading_zeros());
    code & (bit - 1) | bit
}
