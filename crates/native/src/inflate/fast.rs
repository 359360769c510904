//! The loop that turns codes into bytes, which is where nearly all of the time goes.
//!
//! In: the tables of a block, input, a buffer. Out: more of the buffer filled. Source: RFC 1951 §3.2.3–3.2.5. Odd: there are
//! two loops that do the same. The fast one runs while far from the ends of input and buffer, reads eight bytes at a time
//! and copies more than it must; the careful one does the rest, symbol by symbol.
//!
//! # Why the `unsafe` is sound
//! The fast loop reads and writes through pointers without looking at each access. Both are bounded at the top of each
//! round instead:
//! * A round refills the bits at most twice. Each time reads eight bytes and goes on by at most seven, so a round that begins
//!   [`ROUND_INPUT`] (24) bytes before the end reads nothing behind it. Once more they are refilled before the first round,
//!   hence [`INPUT_SLACK`] (40).
//! * A round writes at most three literals, or two and a match of at most 258 units, whose copy overshoots by less than 32
//!   bytes. A round that begins with [`SLACK`] (292) units left writes nothing behind the end.
//! * A match reads from `distance` units before the place that is written; that this is at or behind `floor`, and `floor` at
//!   or behind the buffer's start, is checked before each copy. What lies between is initialised: the buffer is a slice.
#![expect(
    unsafe_code,
    reason = "bounds are checked once a round instead of at each access; the argument stands above"
)]
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "indexes are masked to their table or come from it, and only low bits are wanted"
)]

use super::{
    Bits, Ended, InflateError, Input, Output, SLACK, Unit,
    tables::{DISTANCE_BITS, END, LENGTH_BITS, LITERAL, POINTER, SPECIAL, Tables},
};

/// Input that must be left for a round.
const ROUND_INPUT: usize = 24;

/// Input that must be left for at least one round to happen.
const INPUT_SLACK: usize = 40;

/// The two units that there are.
pub trait Sealed {}
impl Sealed for u8 {}
impl Sealed for u16 {}

/// Inflates the codes of a block.
pub(super) fn codes<T: Unit>(
    tables: &Tables,
    input: &mut Input<'_>,
    output: &mut Output<'_, T>,
) -> Result<Ended, InflateError> {
    loop {
        let has_input = input.bytes.len().saturating_sub(input.bit / 8) >= INPUT_SLACK;
        if output.free() < SLACK {
            return Ok(Ended::Output);
        }
        if has_input {
            if fast(tables, input, output)? {
                return Ok(Ended::Block);
            }
        } else if !input.is_whole {
            return Ok(Ended::Input);
        } else if symbol(tables, input, output)? {
            return Ok(Ended::Block);
        }
    }
}

/// Whether the block has ended; otherwise there is too little input or room for another round.
fn fast<T: Unit>(
    tables: &Tables,
    input: &mut Input<'_>,
    output: &mut Output<'_, T>,
) -> Result<bool, InflateError> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("bmi1") && std::arch::is_x86_feature_detected!("bmi2") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { rounds_with_bmi(tables, input, output) };
    }
    rounds(tables, input, output)
}

/// [`rounds`] with shifts and masks of one instruction.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2")]
fn rounds_with_bmi<T: Unit>(
    tables: &Tables,
    input: &mut Input<'_>,
    output: &mut Output<'_, T>,
) -> Result<bool, InflateError> {
    rounds(tables, input, output)
}

/// The bits that are next: at least `left` of them are there, in its low byte.
struct Window {
    bits: u64,
    left: u64,
    next: *const u8,
}

impl Window {
    /// At least 56 bits.
    ///
    /// # Safety
    /// Eight bytes can be read at `next`.
    #[inline(always)]
    const unsafe fn refill(&mut self) {
        // SAFETY: the caller's promise.
        let word = unsafe { self.next.cast::<u64>().read_unaligned() };
        self.bits |= u64::from_le(word) << (self.left & 63);
        // SAFETY: at most seven bytes on, of the eight that are there.
        self.next = unsafe { self.next.add(7 - ((self.left >> 3) & 7) as usize) };
        self.left |= 56;
    }

    /// Takes the bits that an entry says in its low byte, and returns what was there before.
    #[inline(always)]
    const fn take(&mut self, entry: u32) -> u64 {
        let before = self.bits;
        self.bits >>= entry & 63;
        // Only the low byte counts, and it comes out right.
        self.left = self.left.wrapping_sub(entry as u64);
        before
    }

    #[inline(always)]
    const fn has(&self, count: u8) -> bool {
        self.left as u8 >= count
    }
}

/// The value of an entry with what its code's bits are followed by.
#[inline(always)]
const fn value(entry: u32, before: u64) -> usize {
    let extra = (before & ((1 << (entry & 63)) - 1)) >> ((entry >> 8) & 63);
    (entry >> 16) as usize + extra as usize
}

#[inline(always)]
fn rounds<T: Unit>(
    tables: &Tables,
    input: &mut Input<'_>,
    output: &mut Output<'_, T>,
) -> Result<bool, InflateError> {
    const MASK: u64 = (1 << LENGTH_BITS) - 1;
    let whole = input.bytes.as_ptr_range();
    let units = output.units.as_mut_ptr();
    debug_assert!(input.bytes.len() - input.bit / 8 >= INPUT_SLACK);
    debug_assert!(output.free() >= SLACK);
    // SAFETY: the caller saw to it that so much is left of both.
    let (input_end, output_end) =
        unsafe { (whole.end.sub(ROUND_INPUT), units.add(output.units.len()).sub(SLACK)) };
    // SAFETY: both lie in their slices; the first is `INPUT_SLACK` bytes before the end of its slice.
    let (next, mut out, floor) = unsafe {
        (
            whole.start.add(input.bit / 8),
            units.add(output.at),
            units.add(output.floor.min(output.at)).cast_const(),
        )
    };
    let mut window = Window { bits: 0, left: 0, next };
    // SAFETY: `INPUT_SLACK` bytes are left.
    unsafe { window.refill() };
    window.take((input.bit % 8) as u32);

    let outcome = loop {
        if window.next > input_end || out > output_end {
            break Ok(false);
        }
        // SAFETY: the round's first of at most two; see the head of this module. So are the others.
        unsafe { window.refill() };
        let mut entry = tables.lengths[(window.bits & MASK) as usize];
        let mut before = window.take(entry);
        if entry & LITERAL != 0 {
            // SAFETY: at most three literals, or two and a match; see the head of this module.
            unsafe { put(&mut out, entry) };
            entry = tables.lengths[(window.bits & MASK) as usize];
            before = window.take(entry);
            if entry & LITERAL != 0 {
                // SAFETY: as above.
                unsafe { put(&mut out, entry) };
                entry = tables.lengths[(window.bits & MASK) as usize];
                before = window.take(entry);
                if entry & LITERAL != 0 {
                    // SAFETY: as above.
                    unsafe { put(&mut out, entry) };
                    continue;
                }
            }
        }
        if entry & SPECIAL != 0 {
            if entry & POINTER != 0 {
                let index = (window.bits & ((1 << ((entry >> 8) & 63)) - 1)) as usize;
                let Some(found) = tables.lengths.get((entry >> 16) as usize + index) else {
                    break Err(InflateError::Code);
                };
                entry = *found;
                before = window.take(entry);
            }
            if entry & LITERAL != 0 {
                // SAFETY: as above.
                unsafe { put(&mut out, entry) };
                continue;
            }
            if entry & SPECIAL != 0 {
                break if entry & END != 0 { Ok(true) } else { Err(InflateError::Code) };
            }
        }
        let length = value(entry, before);
        // A distance takes up to 15 bits for its code and 13 more.
        if !window.has(28) {
            // SAFETY: the round's second.
            unsafe { window.refill() };
        }
        let mut entry = tables.distances[(window.bits & ((1 << DISTANCE_BITS) - 1)) as usize];
        let mut before = window.take(entry);
        if entry & SPECIAL != 0 {
            let index = (window.bits & ((1 << ((entry >> 8) & 63)) - 1)) as usize;
            let found = tables.distances.get((entry >> 16) as usize + index);
            entry = match found {
                Some(found) if entry & POINTER != 0 && found & SPECIAL == 0 => *found,
                _ => break Err(InflateError::Code),
            };
            before = window.take(entry);
        }
        let distance = value(entry, before);
        // SAFETY: both point into the buffer, `floor` not behind `out`.
        if distance > unsafe { out.cast_const().offset_from(floor) }.cast_unsigned() {
            break Err(InflateError::Distance);
        }
        // SAFETY: `distance` was checked right above, and so much is free; see the head of this module.
        unsafe { copy(out, distance, length) };
        // SAFETY: what was written is in the buffer.
        out = unsafe { out.add(length) };
    };
    // What was read but not used goes back.
    let left = window.left as u8;
    // SAFETY: both point into their slices.
    unsafe {
        input.bit = window.next.offset_from(whole.start).cast_unsigned() * 8 - usize::from(left);
        output.at = out.cast_const().offset_from(units.cast_const()).cast_unsigned();
    }
    outcome
}

/// Writes a literal.
///
/// # Safety
/// A unit can be written at `out`.
#[inline(always)]
unsafe fn put<T: Unit>(out: &mut *mut T, entry: u32) {
    // SAFETY: the caller's promise.
    unsafe {
        out.write(T::from((entry >> 16) as u8));
        *out = out.add(1);
    }
}

/// Copies a match to `out` from `distance` units before it; both may overlap.
///
/// # Safety
/// `distance` units before `out` are initialised; `length` units and 32 bytes can be written at `out`.
#[inline(always)]
unsafe fn copy<T: Unit>(out: *mut T, distance: usize, length: usize) {
    let size = size_of::<T>();
    // SAFETY: the caller's promise.
    let mut from = unsafe { out.sub(distance) }.cast::<u8>().cast_const();
    let mut to = out.cast::<u8>();
    // SAFETY: at most `length` units on.
    let end = unsafe { out.add(length) }.cast::<u8>();
    if size == 2 && distance >= 16 {
        // As many units at a time as with bytes.
        loop {
            // SAFETY: 32 bytes that end before `to`, and less than 32 behind `end`.
            unsafe {
                to.cast::<[u8; 32]>().write_unaligned(from.cast::<[u8; 32]>().read_unaligned());
                (from, to) = (from.add(32), to.add(32));
            }
            if to >= end {
                return;
            }
        }
    }
    if distance * size >= 16 {
        loop {
            // SAFETY: 16 bytes that end before `to`, and at most 16 behind `end`.
            unsafe {
                to.cast::<[u8; 16]>().write_unaligned(from.cast::<[u8; 16]>().read_unaligned());
                (from, to) = (from.add(16), to.add(16));
            }
            if to >= end {
                return;
            }
        }
    }
    if distance == 1 {
        // SAFETY: one unit before `out`.
        let unit = unsafe { from.cast::<T>().read_unaligned() };
        for at in 0..length {
            // SAFETY: `length` units are free.
            unsafe { out.add(at).write(unit) };
        }
        return;
    }
    // Eight bytes, of which only those are right that do not depend on what is being written: the next ones mend the rest.
    let step = (distance * size).min(8);
    loop {
        // SAFETY: from what is initialised, by now, and at most 8 bytes behind `end`.
        unsafe {
            to.cast::<u64>().write_unaligned(from.cast::<u64>().read_unaligned());
            (from, to) = (from.add(step), to.add(step));
        }
        if to >= end {
            return;
        }
    }
}

/// One symbol, near the ends of things. Whether it was the end of the block.
fn symbol<T: Unit>(
    tables: &Tables,
    input: &mut Input<'_>,
    output: &mut Output<'_, T>,
) -> Result<bool, InflateError> {
    let mut bits = Bits { bytes: input.bytes, bit: input.bit };
    let found = look_up(&tables.lengths, LENGTH_BITS, &mut bits)?;
    let value = if found & LITERAL == 0 && found & END == 0 {
        let length = extended(found, &mut bits);
        let found = look_up(&tables.distances, DISTANCE_BITS, &mut bits)?;
        let distance = extended(found, &mut bits);
        Some((length, distance))
    } else {
        None
    };
    if bits.bit > input.bytes.len() * 8 {
        return Err(InflateError::CutOff);
    }
    match value {
        None if found & LITERAL != 0 => {
            output.units[output.at] = T::from((found >> 16) as u8);
            output.at += 1;
        }
        None => {}
        Some((_, distance)) if distance > output.at.saturating_sub(output.floor) => {
            return Err(InflateError::Distance);
        }
        Some((length, distance)) => {
            for at in output.at..output.at + length {
                output.units[at] = output.units[at - distance];
            }
            output.at += length;
        }
    }
    input.bit = bits.bit;
    Ok(found & END != 0 && found & LITERAL == 0)
}

/// The entry of the next bits, which are consumed as far as they are its code.
fn look_up(table: &[u32], main: u32, bits: &mut Bits<'_>) -> Result<u32, InflateError> {
    let mut entry = table[bits.peek(main) as usize];
    let mut length = entry & 0xff;
    if entry & LITERAL == 0 && entry & POINTER != 0 && entry & SPECIAL != 0 {
        bits.bit += main as usize;
        entry = table[(entry >> 16) as usize + bits.peek((entry >> 8) & 63) as usize];
        length = entry & 0xff;
    }
    if entry & (LITERAL | SPECIAL) == 0 {
        length = (entry >> 8) & 63;
    }
    bits.bit += length as usize;
    if entry & (LITERAL | SPECIAL | END) == SPECIAL {
        return if bits.bit > bits.bytes.len() * 8 {
            Err(InflateError::CutOff)
        } else {
            Err(InflateError::Code)
        };
    }
    Ok(entry)
}

/// An entry's value with what follows its code.
fn extended(entry: u32, bits: &mut Bits<'_>) -> usize {
    let extra = (entry & 0xff) - ((entry >> 8) & 63);
    (entry >> 16) as usize + bits.take(extra) as usize
}
