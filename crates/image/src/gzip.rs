//! Unpacks gzip.
//!
//! In: a blob as a stream. Out: what its members unpack to, one after the other, each held against its check sum and length.
//! Source: RFC 1952. Odd: what stands behind the last member and is none is an error, as for runtimes; zeros are no
//! exception.
//!
//! While other threads have nothing to do, they inflate what is ahead ([`guess`], [`ahead`]); what they give is taken over only
//! where reading from the start arrives at the bit that they began at, and counts towards check sum and length as if it
//! had been inflated here. Without them everything happens here, in order.

mod ahead;
mod guess;
mod member;

use std::{
    cell::Cell,
    io::{self, BufRead, Read},
};

use ahead::{Advice, Ahead};
use guess::{Found, Place};
use member::{FOOTER, Footer, HeaderError, MAX_HEADER};
use plimsoll_native::inflate::{InflateError, Inflater, Input, Output, SLACK, Stop, WINDOW};

use crate::{codec, crew::Crew};

/// Bytes that are unpacked at a time; with the window they stay within a core's cache.
const PIECE: usize = 128 << 10;

/// Compressed bytes that may count as used before they are: a buffer's worth, as for codecs that read ahead of themselves.
const LEAD: u64 = 128 << 10;

/// Where the stream stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Before a member, or the end.
    Header,
    /// In its data.
    Data,
    /// Behind its data.
    Footer,
    /// Behind the last member.
    Done,
}

/// What was inflated by somebody else, and how much of it was handed out.
struct Taken {
    found: Box<Found>,
    at: usize,
    /// The members of `found` that have ended.
    members: usize,
    /// The byte that each unit stands for: itself, or one of those before what was found.
    known: Box<[u8; 1 << 16]>,
    /// The bit of the stream at which it begins.
    start: u64,
}

/// A reader of what a stream unpacks to.
pub(crate) struct Gzip<'c, R> {
    source: R,
    /// Told how many compressed bytes were used.
    used: &'c Cell<u64>,
    input: Vec<u8>,
    /// Where `input` begins in the stream.
    base: u64,
    /// The next bit of `input`.
    bit: usize,
    /// Nothing comes behind `input`.
    is_whole: bool,
    step: Step,
    has_member: bool,
    inflater: Inflater,
    /// The window, and behind it what was unpacked.
    output: Vec<u8>,
    /// What of `output` was not handed out yet.
    start: usize,
    end: usize,
    /// Where in `output` the member begins.
    floor: usize,
    crc: crc32fast::Hasher,
    /// Bytes that the member unpacked to.
    length: u64,
    ahead: Ahead,
    taken: Option<Taken>,
    /// What is said when everything before it was handed out.
    failure: Option<io::Error>,
}

impl<'c, R: BufRead> Gzip<'c, R> {
    pub(crate) fn new(source: R, used: &'c Cell<u64>, crew: Crew) -> Self {
        Self {
            source,
            used,
            input: Vec::new(),
            base: 0,
            bit: 0,
            is_whole: false,
            step: Step::Header,
            has_member: false,
            inflater: Inflater::new(),
            output: vec![0; WINDOW + PIECE + SLACK],
            start: 0,
            end: 0,
            floor: 0,
            crc: crc32fast::Hasher::new(),
            length: 0,
            ahead: Ahead::new(crew),
            taken: None,
            failure: None,
        }
    }

    /// Unpacks some more; nothing at the end.
    fn produce(&mut self) -> io::Result<()> {
        self.slide();
        while self.start == self.end {
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            let step = match self.step {
                _ if self.taken.is_some() => self.hand_out(),
                Step::Header => self.header(),
                Step::Data => self.inflate(),
                Step::Footer => self.footer(),
                Step::Done => break,
            };
            self.failure = step.err();
        }
        let here = self.taken.as_ref().map_or_else(|| self.here(), Taken::here);
        let used = here.div_ceil(8);
        self.used.set((used + LEAD).min(self.base + self.input.len() as u64));
        Ok(())
    }

    /// Makes room in the output, of which all was handed out.
    fn slide(&mut self) {
        let gone = self.end.saturating_sub(WINDOW);
        self.output.copy_within(gone..self.end, 0);
        self.end -= gone;
        self.start = self.end;
        self.floor = self.floor.saturating_sub(gone);
    }

    /// The next bit, counted from the start of the stream.
    const fn here(&self) -> u64 {
        self.base * 8 + self.bit as u64
    }

    /// The compressed bytes from here on that are there.
    fn ahead(&self) -> &[u8] {
        self.input.get(self.bit / 8..).unwrap_or_default()
    }

    /// Reads more of the stream, at least a byte unless it is over.
    fn read_more(&mut self) -> io::Result<()> {
        let gone = self.bit / 8;
        if gone >= self.input.len() / 2 {
            self.input.drain(..gone);
            self.base += gone as u64;
            self.bit %= 8;
        }
        let length = loop {
            match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(bytes) => {
                    self.input.extend_from_slice(bytes);
                    break bytes.len();
                }
            }
        };
        self.source.consume(length);
        self.is_whole = length == 0;
        Ok(())
    }

    /// Lets others look ahead.
    fn give(&mut self) -> io::Result<()> {
        while let Some(wanted) = self.ahead.wanted(self.here() / 8) {
            while !self.is_whole && self.base + (self.input.len() as u64) < wanted {
                self.read_more()?;
            }
            if !self.ahead.give(&self.input, self.base, self.is_whole) {
                break;
            }
        }
        Ok(())
    }

    /// How far to inflate; `None`: something that others inflated was taken over.
    fn advised(&mut self) -> io::Result<Option<usize>> {
        self.give()?;
        if self.step == Step::Data && !self.inflater.is_between_blocks() {
            return Ok(Some(self.bit + 1).filter(|_| !self.ahead.is_empty()).or(Some(usize::MAX)));
        }
        let first = self.ahead().first().copied().unwrap_or(u8::MAX);
        let second = self.ahead().get(1).copied().unwrap_or(u8::MAX);
        let bits = u16::from_le_bytes([first, second]) >> (self.bit % 8) & 7;
        let is_member = self.step == Step::Header;
        match self.ahead.advise(self.here(), is_member, u8::try_from(bits).unwrap_or(u8::MAX)) {
            Advice::TakeOver(found) => {
                self.take_over(found);
                self.give()?;
                Ok(self.taken.is_none().then_some(self.bit + 1))
            }
            Advice::Inflate(until) => {
                Ok(Some(usize::try_from(until.saturating_sub(self.base * 8)).unwrap_or(usize::MAX)))
            }
        }
    }

    /// Takes over what somebody else inflated from here on.
    fn take_over(&mut self, found: Box<Found>) {
        let mut known = Box::new([0; 1 << 16]);
        for (byte, place) in (0..=u8::MAX).zip(known.iter_mut()) {
            *place = byte;
        }
        let length = self.end.min(WINDOW);
        let before = self.output.get(self.end - length..self.end).unwrap_or_default();
        if let Some(place) = known.get_mut((1 << 16) - length..) {
            place.copy_from_slice(before);
        }
        // Of the bytes before it only those of the member exist for it.
        let unknown = WINDOW - (self.end - self.floor).min(WINDOW);
        let is_member = self.step == Step::Header;
        if unknown > 0 && !is_member {
            let end = found.members.first().map_or(found.end, |(at, _)| *at);
            let units = found.units.get(WINDOW..end).unwrap_or_default();
            let reaches_back =
                |unit: &u16| *unit >= 0x8000 && usize::from(*unit & 0x7fff) < unknown;
            if units.iter().any(reaches_back) {
                // It is damaged, or was read wrongly: that is for the reader to say.
                self.ahead.give_back(*found);
                return;
            }
        }
        if is_member {
            self.begin_member();
        }
        self.taken = Some(Taken { found, at: WINDOW, members: 0, known, start: self.here() });
    }

    /// Hands out some of what was taken over.
    fn hand_out(&mut self) -> io::Result<()> {
        let Some(taken) = &mut self.taken else { return Ok(()) };
        let member = taken.found.members.get(taken.members);
        let most = member.map_or(taken.found.end, |(at, _)| *at);
        let length = (most - taken.at).min(self.output.len() - SLACK - self.end);
        let units = taken.found.units.get(taken.at..taken.at + length).unwrap_or_default();
        let place = self.output.get_mut(self.end..self.end + length).unwrap_or_default();
        resolve(units, &taken.known, place);
        self.crc.update(place);
        self.length += length as u64;
        self.end += length;
        taken.at += length;
        if taken.at < most {
            return Ok(());
        }
        if let Some((_, footer)) = member.copied() {
            taken.members += 1;
            let is_last = taken.members == taken.found.members.len()
                && taken.at == taken.found.end
                && matches!(taken.found.stop, Place::Member(_));
            self.check(footer)?;
            if !is_last {
                self.begin_member();
            }
            return Ok(());
        }
        let stop = taken.found.stop;
        if let Some(taken) = self.taken.take() {
            self.ahead.give_back(*taken.found);
        }
        let (bit, _) = stop.bits();
        self.bit = usize::try_from(bit - self.base * 8).unwrap_or(usize::MAX);
        self.step = if matches!(stop, Place::Member(_)) { Step::Header } else { Step::Data };
        self.inflater.restart();
        Ok(())
    }

    fn begin_member(&mut self) {
        (self.step, self.has_member) = (Step::Data, true);
        self.inflater.restart();
        self.floor = self.end;
        (self.crc, self.length) = (crc32fast::Hasher::new(), 0);
    }

    /// Holds the member against its footer.
    fn check(&self, footer: Footer) -> io::Result<()> {
        if footer.fits(self.crc.clone().finalize(), self.length) {
            return Ok(());
        }
        let what = "the checksum of a gzip member does not match";
        Err(io::Error::new(io::ErrorKind::InvalidInput, what))
    }

    fn header(&mut self) -> io::Result<()> {
        if self.has_member && self.advised()?.is_none() {
            return Ok(());
        }
        loop {
            if self.is_whole && self.ahead().is_empty() && self.has_member {
                self.step = Step::Done;
                return Ok(());
            }
            match member::header(self.ahead()) {
                Ok(length) => {
                    self.bit += length * 8;
                    self.begin_member();
                    return Ok(());
                }
                Err(HeaderError::CutOff) if self.is_whole || self.ahead().len() > MAX_HEADER => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Err(HeaderError::CutOff) => self.read_more()?,
                Err(HeaderError::Not(what)) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
                }
            }
        }
    }

    fn inflate(&mut self) -> io::Result<()> {
        let Some(until) = self.advised()? else { return Ok(()) };
        let mut input = Input { bytes: &self.input, bit: self.bit, is_whole: self.is_whole };
        let mut output = Output { units: &mut self.output, at: self.end, floor: self.floor };
        let stopped = self.inflater.run(&mut input, &mut output, until);
        self.bit = input.bit;
        let end = output.at;
        let fresh = self.output.get(self.end..end).unwrap_or_default();
        self.crc.update(fresh);
        self.length += fresh.len() as u64;
        self.end = end;
        match stopped {
            Ok(Stop::Input) => self.read_more(),
            Ok(Stop::Output | Stop::Block) => Ok(()),
            Ok(Stop::End) => {
                self.bit = self.bit.next_multiple_of(8);
                self.step = Step::Footer;
                Ok(())
            }
            Err(InflateError::CutOff) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidInput, error)),
        }
    }

    fn footer(&mut self) -> io::Result<()> {
        loop {
            if let Some(footer) = Footer::of(self.ahead()) {
                self.bit += FOOTER * 8;
                self.step = Step::Header;
                return self.check(footer);
            }
            if self.is_whole {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.read_more()?;
        }
    }
}

impl Taken {
    /// About where in the stream the bytes come from that were handed out.
    fn here(&self) -> u64 {
        let (stop, _) = self.found.stop.bits();
        let whole = (self.found.end - WINDOW).max(1) as u64;
        let done = (self.at - WINDOW) as u64;
        self.start
            + u64::try_from(u128::from(stop - self.start) * u128::from(done) / u128::from(whole))
                .unwrap_or(0)
    }
}

/// Turns units into the bytes that they stand for: `known` has one for each.
fn resolve(units: &[u16], known: &[u8; 1 << 16], bytes: &mut [u8]) {
    let (unit_groups, rest) = units.as_chunks::<64>();
    let (byte_groups, rest_bytes) = bytes.as_chunks_mut::<64>();
    for (units, bytes) in unit_groups.iter().zip(byte_groups) {
        if units.iter().fold(0, |all, unit| all | unit) < 0x100 {
            for (unit, byte) in units.iter().zip(bytes) {
                [*byte, _] = unit.to_le_bytes();
            }
        } else {
            look_up(units, known, bytes);
        }
    }
    look_up(rest, known, rest_bytes);
}

fn look_up(units: &[u16], known: &[u8; 1 << 16], bytes: &mut [u8]) {
    for (unit, byte) in units.iter().zip(bytes) {
        *byte = known.get(usize::from(*unit)).copied().unwrap_or(0);
    }
}

impl<R: BufRead> BufRead for Gzip<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.produce()?;
        }
        Ok(self.output.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, length: usize) {
        self.start = self.end.min(self.start + length);
    }
}

impl<R: BufRead> Read for Gzip<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        codec::read_buffered(self, buffer)
    }
}

#[cfg(test)]
mod tests;
