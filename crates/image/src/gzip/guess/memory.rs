//! What is inflated of a chunk before the bytes in front of it are known.
//!
//! In: an inflater and its input. Out: bytes, and which of them are unknown: those stand for bytes of the window in front of the
//! chunk. Source: Knespel and Brunst, "Rapidgzip" (HPDC 2023), for going on with bytes as soon as a whole window is known.
//! Odd: until then it is inflated to units, which are bytes or numbers for those of the window, a stride at a time, so that
//! they stay within a core's cache. A member knows of nothing before it, so that it begins with bytes.

use std::sync::{Mutex, PoisonError};

use plimsoll_native::inflate::{InflateError, Inflater, Input, Output, SLACK, Stop, WINDOW};

/// The most bytes that there may be, and unknown ones among them; what is more is left to whoever reads the stream.
const MOST_BYTES: usize = 11 << 19;
const MOST_UNKNOWN: usize = 320 << 10;

/// Units that are inflated before they become bytes.
const STRIDE: usize = 128 << 10;

/// Pieces of memory that are kept to be used again.
const MAX_SPARE: usize = 1;

/// Units that are looked at together.
const GROUP: usize = 16;

/// A byte that is one of those in front of the chunk.
#[derive(Clone, Copy)]
struct Unknown {
    /// Where it is wanted.
    at: u32,
    /// Where in the window it is.
    place: u16,
}

/// Memory for what a chunk inflates to; it can be used again.
#[derive(Default)]
pub(in super::super) struct Memory {
    /// The last window, and behind it what was inflated as units.
    units: Vec<u16>,
    units_end: usize,
    bytes: Vec<u8>,
    /// How many of them were inflated.
    end: usize,
    /// In order.
    unknown: Vec<Unknown>,
    /// How many of them are known by now.
    mended: usize,
    /// Where in `bytes` the member begins.
    floor: usize,
    /// Whether nothing that follows can be unknown.
    is_known: bool,
}

/// Memory that is kept to be used again.
#[derive(Default)]
pub(in super::super) struct Pool(Mutex<Vec<Memory>>);

impl Pool {
    pub(super) fn get(&self) -> Memory {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(in super::super) fn put(&self, memory: Memory) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE {
            spare.push(memory);
        }
    }
}

impl Memory {
    /// Begins where nothing is known.
    pub(super) fn begin(&mut self) {
        if self.units.is_empty() {
            // Memory that is not written to costs nothing.
            self.units = vec![0; WINDOW + STRIDE + SLACK];
            self.bytes = vec![0; MOST_BYTES + STRIDE + SLACK];
        }
        for (number, unit) in (0x8000..=u16::MAX).zip(self.units.iter_mut().take(WINDOW)) {
            *unit = number;
        }
        self.units_end = WINDOW;
        self.unknown.clear();
        (self.end, self.mended, self.floor, self.is_known) = (0, 0, 0, false);
    }

    /// A member begins.
    pub(super) const fn begin_member(&mut self) {
        (self.floor, self.is_known) = (self.end, true);
    }

    /// How much was inflated.
    pub(super) const fn length(&self) -> usize {
        self.end
    }

    /// Inflates to the next block.
    pub(super) fn inflate(
        &mut self,
        inflater: &mut Inflater,
        input: &mut Input<'_>,
    ) -> Result<Stop, InflateError> {
        let until = input.bit + 1;
        while !self.is_known {
            if self.is_full() {
                return Ok(Stop::Output);
            }
            let start = self.units_end;
            let mut output = Output { units: self.units.as_mut_slice(), at: start, floor: 0 };
            let stopped = inflater.run(input, &mut output, until);
            self.units_end = output.at;
            self.settle(start);
            match stopped {
                Ok(Stop::Output) => self.slide(),
                stopped => return stopped,
            }
        }
        let units = self.bytes.as_mut_slice();
        let mut output = Output { units, at: self.end, floor: self.floor };
        let stopped = inflater.run(input, &mut output, until);
        self.end = output.at;
        stopped
    }

    const fn is_full(&self) -> bool {
        self.end > MOST_BYTES || self.unknown.len() > MOST_UNKNOWN
    }

    /// Makes bytes of the units from `start` on.
    fn settle(&mut self, start: usize) {
        let units = self.units.get(start..self.units_end).unwrap_or_default();
        let end = self.end + units.len();
        let bytes = self.bytes.get_mut(self.end..end).unwrap_or_default();
        let at = u32::try_from(self.end).unwrap_or(u32::MAX);
        let (groups, rest) = units.as_chunks::<GROUP>();
        let (byte_groups, rest_bytes) = bytes.as_chunks_mut::<GROUP>();
        for ((at, units), bytes) in (at..).step_by(GROUP).zip(groups).zip(byte_groups) {
            *bytes = units.map(low);
            if units.iter().fold(0, |all, unit| all | unit) >= 0x100 {
                // Without a branch for each.
                let mut found = [Unknown { at, place: 0 }; GROUP + 1];
                let mut count = 0;
                for (at, unit) in (at..).zip(units) {
                    if let Some(found) = found.get_mut(count) {
                        *found = Unknown { at, place: unit & 0x7fff };
                    }
                    count += usize::from(*unit >= 0x100);
                }
                self.unknown.extend_from_slice(found.get(..count).unwrap_or_default());
            }
        }
        let at = u32::try_from(end - rest.len()).unwrap_or(u32::MAX);
        for ((at, unit), byte) in (at..).zip(rest).zip(rest_bytes) {
            *byte = low(*unit);
            if *unit >= 0x100 {
                self.unknown.push(Unknown { at, place: unit & 0x7fff });
            }
        }
        self.end = end;
        let known = self.unknown.last().map_or(end, |last| end - 1 - last.at as usize);
        self.is_known = known >= WINDOW;
    }

    /// Makes room for units.
    fn slide(&mut self) {
        let gone = self.units_end - WINDOW;
        self.units.copy_within(gone..self.units_end, 0);
        self.units_end = WINDOW;
    }

    /// Whether something in the first `length` is one of the `count` oldest bytes of the window.
    pub(in super::super) fn reaches_back(&self, count: usize, length: usize) -> bool {
        let mut unknown = self.unknown.iter().take_while(|unknown| (unknown.at as usize) < length);
        unknown.any(|unknown| usize::from(unknown.place) < count)
    }

    /// Where in the first `length` bytes are unknown.
    #[cfg(test)]
    pub(in super::super) fn unknown_below(&self, length: usize) -> Vec<usize> {
        self.unknown
            .iter()
            .map(|unknown| unknown.at as usize)
            .take_while(|at| *at < length)
            .collect()
    }

    /// At most `length` of the bytes, from `at` on. What is unknown in them is what stands in `before`, whose end is where
    /// this begins. They are asked for in order.
    pub(in super::super) fn part(&mut self, at: usize, length: usize, before: &[u8]) -> &[u8] {
        let end = self.end.min(at + length);
        let missing = WINDOW.saturating_sub(before.len());
        let window = before.get(before.len().saturating_sub(WINDOW)..).unwrap_or_default();
        while let Some(unknown) = self.unknown.get(self.mended)
            && (unknown.at as usize) < end
        {
            let known = usize::from(unknown.place).checked_sub(missing);
            let known = known.and_then(|place| window.get(place).copied());
            if let Some(byte) = self.bytes.get_mut(unknown.at as usize) {
                *byte = known.unwrap_or_default();
            }
            self.mended += 1;
        }
        self.bytes.get(at..end).unwrap_or_default()
    }
}

/// What a unit is if it is a byte.
const fn low(unit: u16) -> u8 {
    let [byte, _] = unit.to_le_bytes();
    byte
}
