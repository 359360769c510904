//! Unpacks zstd.
//!
//! In: a blob as a stream. Out: what its frames unpack to, one after the other. Source: RFC 8878. Odd: what stands behind the
//! last frame and is none is an error, as for runtimes.
//!
//! While other threads have nothing to do, they unpack ahead: frames that are small enough to be kept as a whole side by side
//! ([`ahead`]), and of a large one what comes next ([`pump`]), while whoever reads hashes and looks. What is wrong with a
//! frame is always found out by reading it in order.

mod ahead;
mod frames;
mod pump;
mod step;

use std::{
    cell::Cell,
    io::{self, BufRead, Read},
    sync::Arc,
};

use ahead::Ahead;
use frames::{Frame, Limits};
use pump::Pump;
use step::Stepper;
use zstd::stream::raw::OutBuffer;

use crate::{
    codec,
    crew::{Crew, Permit},
};

/// Bytes that are unpacked, or handed out, at a time.
const PIECE: usize = 128 << 10;

/// Bytes of a frame that is unpacked as a whole, and of what it unpacks to: `pzstd` makes frames of up to 32 MiB.
const MOST: usize = 33 << 20;

/// Frames that are smaller go together until they have so many bytes, or unpack to so many.
const GROUP: usize = 512 << 10;
const GROUP_MOST: usize = 8 << 20;

/// Pieces ahead of the reader for each thread that helps, so that none waits for the reader.
const PIECES: usize = 2;

/// Pieces that are unpacked here when nobody came to help.
const PATIENCE: usize = 8;

/// Bytes that must be left of a piece for somebody else to be asked.
const WORTH: usize = 512 << 10;

/// Compressed bytes that may count as used before they are: a buffer's worth, as for codecs that read ahead of themselves.
const LEAD: u64 = 128 << 10;

/// A reader of what a stream unpacks to.
pub(crate) struct Zstd<'c, R> {
    input: Input<R>,
    /// Told how many compressed bytes were used.
    used: &'c Cell<u64>,
    /// Compressed bytes that were used.
    position: u64,
    crew: Crew,
    limits: Limits,
    /// `None` while `pump` has it.
    decoder: Option<Stepper>,
    /// What is behind the given pieces begins with a frame.
    is_aligned: bool,
    ahead: Ahead,
    pump: Option<Pumping>,
    /// Pieces to be unpacked here before somebody else is asked again.
    patience: usize,
    ready: Ready,
    /// What is said when everything before it was handed out.
    failure: Option<io::Error>,
    /// Bytes that are unpacked here.
    own: Vec<u8>,
}

/// A frame that somebody else unpacks.
struct Pumping {
    pump: Arc<Pump>,
    /// It is one of a piece that nobody else has unpacked.
    is_of_piece: bool,
    /// Bytes of it that count as used.
    used: u64,
    _permit: Permit,
}

/// What is handed out.
#[derive(Default)]
struct Ready {
    bytes: Vec<u8>,
    at: usize,
    end: usize,
    from: Origin,
    /// How many compressed bytes come to be used.
    length: u64,
    _permit: Option<Permit>,
}

/// Where memory goes back to.
#[derive(Clone, Copy, Default)]
enum Origin {
    #[default]
    Own,
    Ahead,
    Pump,
}

/// Compressed bytes in order.
struct Input<R> {
    source: R,
    /// A piece that nobody else has unpacked.
    piece: Vec<u8>,
    piece_at: usize,
    /// What is behind all pieces, as far as it was read.
    buffer: Vec<u8>,
    buffer_at: usize,
    /// Bytes that were read.
    total: u64,
    is_whole: bool,
}

impl<R: BufRead> Input<R> {
    fn has_piece(&self) -> bool {
        self.piece_at < self.piece.len()
    }

    /// The next bytes; none at the end.
    fn next(&mut self) -> io::Result<&[u8]> {
        if self.has_piece() {
            return Ok(self.piece.get(self.piece_at..).unwrap_or_default());
        }
        if self.buffer_at < self.buffer.len() {
            return Ok(self.buffer.get(self.buffer_at..).unwrap_or_default());
        }
        let bytes = filled(&mut self.source)?;
        self.is_whole = bytes.is_empty();
        Ok(bytes)
    }

    fn consume(&mut self, length: usize) {
        if self.has_piece() {
            self.piece_at += length;
        } else if self.buffer_at < self.buffer.len() {
            self.buffer_at += length;
        } else {
            self.source.consume(length);
            self.total += length as u64;
        }
    }

    /// Some of the next bytes, to be kept.
    fn take_some(&mut self) -> io::Result<Vec<u8>> {
        let bytes = self.next()?;
        let bytes = bytes.get(..PIECE).unwrap_or(bytes).to_vec();
        self.consume(bytes.len());
        Ok(bytes)
    }

    /// Takes bytes back that come before all that is left of the piece, or of what is behind it.
    fn put_back(&mut self, bytes: Vec<u8>, is_of_piece: bool) {
        let (all, at) = match is_of_piece {
            true => (&mut self.piece, &mut self.piece_at),
            false => (&mut self.buffer, &mut self.buffer_at),
        };
        let rest = all.get(*at..).unwrap_or_default();
        (*all, *at) = ([bytes.as_slice(), rest].concat(), 0);
    }

    /// What is behind all pieces, as far as it was read.
    fn behind(&self) -> &[u8] {
        self.buffer.get(self.buffer_at..).unwrap_or_default()
    }

    /// Reads more of what is behind all pieces.
    fn read_more(&mut self) -> io::Result<()> {
        if self.buffer_at > self.buffer.len() / 2 {
            self.buffer.drain(..self.buffer_at);
            self.buffer_at = 0;
        }
        let bytes = filled(&mut self.source)?;
        let length = bytes.len();
        self.buffer.extend_from_slice(bytes);
        self.source.consume(length);
        self.total += length as u64;
        self.is_whole = length == 0;
        Ok(())
    }

    /// Takes from what is behind all pieces.
    fn take(&mut self, length: usize) -> Vec<u8> {
        let bytes = self.behind().get(..length).unwrap_or_default().to_vec();
        self.buffer_at += bytes.len();
        bytes
    }
}

fn filled(source: &mut impl BufRead) -> io::Result<&[u8]> {
    loop {
        match source.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    source.fill_buf()
}

impl<'c, R: BufRead> Zstd<'c, R> {
    pub(crate) fn new(
        source: R,
        used: &'c Cell<u64>,
        window_log: u32,
        crew: Crew,
    ) -> io::Result<Self> {
        Ok(Self {
            input: Input {
                source,
                piece: Vec::new(),
                piece_at: 0,
                buffer: Vec::new(),
                buffer_at: 0,
                total: 0,
                is_whole: false,
            },
            used,
            position: 0,
            limits: Limits { bytes: MOST, window: 1 << window_log.min(63) },
            decoder: Some(Stepper::new(window_log)?),
            is_aligned: true,
            ahead: Ahead::new(crew.clone(), window_log),
            crew,
            pump: None,
            patience: 0,
            ready: Ready::default(),
            failure: None,
            own: vec![0; PIECE],
        })
    }

    /// Has something ready, unless the stream has ended.
    fn produce(&mut self) -> io::Result<()> {
        self.recycle();
        while self.ready.at == self.ready.end {
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.pump.is_some() {
                self.pump()?;
                continue;
            }
            if !self.is_in_frame() && !self.input.has_piece() {
                self.give()?;
                // What comes first was perhaps kept for this thread.
                let next = if self.input.has_piece() { None } else { self.ahead.next() };
                match next {
                    Some(ahead::Next::Unpacked(ahead::Unpacked { bytes, length, permit })) => {
                        let (end, from) = (bytes.len(), Origin::Ahead);
                        self.ready =
                            Ready { bytes, at: 0, end, from, length, _permit: Some(permit) };
                        if end == 0 {
                            self.recycle();
                        }
                        continue;
                    }
                    Some(ahead::Next::Packed(data)) => {
                        (self.input.piece, self.input.piece_at) = (data, 0);
                    }
                    None => {}
                }
            }
            if !self.begin_pump()? && self.unpack()? {
                break;
            }
        }
        let Ready { at, end, length, .. } = self.ready;
        let part = u128::from(length) * at as u128 / end.max(1) as u128;
        let used = self.position + u64::try_from(part).unwrap_or(0);
        self.used.set((used + LEAD).min(self.input.total));
        Ok(())
    }

    fn is_in_frame(&self) -> bool {
        self.decoder.as_ref().is_none_or(Stepper::is_in_frame)
    }

    /// Gives away what others can unpack; the first piece is the reader's own.
    fn give(&mut self) -> io::Result<()> {
        let helpers = self.crew.helpers();
        while self.is_aligned && helpers > 0 && self.ahead.len() < helpers * PIECES {
            let Some((length, most)) = self.group()? else { break };
            if self.ahead.is_empty() && !self.input.has_piece() {
                (self.input.piece, self.input.piece_at) = (self.input.take(length), 0);
                continue;
            }
            let Some(permit) = self.crew.permit(length + most) else { break };
            let data = self.input.take(length);
            self.ahead.give(data, most, permit);
        }
        Ok(())
    }

    /// The next frames that can be given away together.
    fn group(&mut self) -> io::Result<Option<(usize, usize)>> {
        let (mut length, mut most) = (0, 0);
        while length < GROUP {
            let rest = self.input.behind().get(length..).unwrap_or_default();
            match frames::measure(rest, self.limits) {
                Frame::Whole { length: more, most: unpacked } => {
                    if length > 0 && most + unpacked > GROUP_MOST {
                        break;
                    }
                    (length, most) = (length + more, most + unpacked);
                }
                Frame::CutOff if !self.input.is_whole => self.input.read_more()?,
                Frame::CutOff | Frame::Unfit => break,
            }
        }
        self.is_aligned = length > 0;
        Ok(self.is_aligned.then_some((length, most)))
    }

    /// Unpacks some more here; `true` at the stream's end.
    fn unpack(&mut self) -> io::Result<bool> {
        let Some(decoder) = &mut self.decoder else {
            return Err(io::Error::other("the decoder is gone"));
        };
        let is_of_piece = self.input.has_piece();
        let mut output = OutBuffer::around(self.own.as_mut_slice());
        let is_end = loop {
            let bytes = self.input.next()?;
            let is_end = bytes.is_empty();
            if is_end && !decoder.is_in_frame() {
                break true;
            }
            let before = output.pos();
            let used = match decoder.step(bytes, &mut output) {
                // What came before it is handed out first.
                Err(error) if before > 0 => {
                    self.failure = Some(error);
                    break false;
                }
                used => used?,
            };
            self.input.consume(used);
            self.position += used as u64;
            if !decoder.is_in_frame() {
                self.is_aligned |= !is_of_piece;
                break false;
            }
            if is_end && output.pos() == before {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, "incomplete frame");
                self.failure = Some(error);
                break false;
            }
            if output.pos() == output.capacity() || is_of_piece != self.input.has_piece() {
                break false;
            }
        };
        let written = output.pos();
        self.patience = self.patience.saturating_sub(1);
        if written > 0 {
            let bytes = std::mem::take(&mut self.own);
            let from = Origin::Own;
            self.ready = Ready { bytes, at: 0, end: written, from, length: 0, _permit: None };
        }
        Ok(is_end)
    }

    /// Lets somebody else unpack the frame that stands here, where it is large and somebody has nothing to do.
    fn begin_pump(&mut self) -> io::Result<bool> {
        let is_of_piece = self.input.has_piece();
        let left = self.input.piece.len() - self.input.piece_at;
        let is_large = !is_of_piece || left >= WORTH;
        let is_possible = is_large && self.patience == 0 && self.ahead.is_empty();
        if !is_possible || !self.crew.is_anybody_idle() || self.input.next()?.is_empty() {
            return Ok(false);
        }
        let Some(permit) = self.crew.permit(pump::MEMORY) else { return Ok(false) };
        let Some(decoder) = self.decoder.take() else { return Ok(false) };
        let pump = Pump::new(decoder);
        self.pump = Some(Pumping { pump, is_of_piece, used: 0, _permit: permit });
        Ok(true)
    }

    /// Takes something out of the pump, or ends it.
    fn pump(&mut self) -> io::Result<()> {
        let Some(pumping) = &mut self.pump else { return Ok(()) };
        while pumping.pump.wants_input() && (!pumping.is_of_piece || self.input.has_piece()) {
            let bytes = self.input.take_some()?;
            if bytes.is_empty() {
                break;
            }
            pumping.pump.give(bytes);
        }
        pumping.pump.put(&self.crew);
        match pumping.pump.next() {
            pump::Next::Piece(pump::Piece { bytes, used }) => {
                let length = used - std::mem::replace(&mut pumping.used, used);
                let end = bytes.len();
                let from = Origin::Pump;
                self.ready = Ready { bytes, at: 0, end, from, length, _permit: None };
                Ok(())
            }
            pump::Next::Back(pump::Back { decoder, left, used, failure }) => {
                let is_of_piece = pumping.is_of_piece;
                self.position += used - pumping.used;
                self.pump = None;
                self.decoder = decoder;
                self.input.put_back(left, is_of_piece);
                if self.is_in_frame() {
                    self.patience = PATIENCE;
                } else {
                    self.is_aligned |= !is_of_piece;
                }
                failure.map_or(Ok(()), Err)
            }
        }
    }

    /// Memory of what was handed out goes back.
    fn recycle(&mut self) {
        let Ready { bytes, from, length, .. } = std::mem::take(&mut self.ready);
        self.position += length;
        match (from, &self.pump) {
            (Origin::Own, _) if !bytes.is_empty() => self.own = bytes,
            (Origin::Ahead, _) => self.ahead.give_back(bytes),
            (Origin::Pump, Some(pumping)) => pumping.pump.give_back(bytes),
            (Origin::Own | Origin::Pump, _) => {}
        }
    }
}

impl<R: BufRead> BufRead for Zstd<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.ready.at == self.ready.end {
            self.produce()?;
        }
        let end = self.ready.end.min(self.ready.at + PIECE);
        Ok(self.ready.bytes.get(self.ready.at..end).unwrap_or_default())
    }

    fn consume(&mut self, length: usize) {
        self.ready.at = self.ready.end.min(self.ready.at + length);
    }
}

impl<R: BufRead> Read for Zstd<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        codec::read_buffered(self, buffer)
    }
}

#[cfg(test)]
mod tests;
