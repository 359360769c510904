//! A decoder that goes on by one block at a time.
//!
//! In: bytes of a stream of frames. Out: what they unpack to. Odd: what a call unpacks is lost when it fails, so that a call
//! gets no more than the block that is next: all before a damaged block comes out, however the bytes are cut.

use std::io;

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer, WriteBuf};

/// Bytes by which a frame's head is told to be long or short.
const START: usize = 5;

/// A decoder, and where it stands.
pub(super) struct Stepper {
    decoder: Decoder<'static>,
    /// Bytes that it asks for.
    wanted: usize,
    /// It holds what there was no room for.
    is_full: bool,
    is_in_frame: bool,
}

impl Stepper {
    /// Before a frame; windows may have that size.
    pub(super) fn new(window_log: u32) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(window_log))?;
        Ok(Self { decoder, wanted: START, is_full: false, is_in_frame: false })
    }

    /// Before a frame again.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        (self.wanted, self.is_full, self.is_in_frame) = (START, false, false);
        self.decoder.reinit()
    }

    /// Whether a frame has begun and not ended.
    pub(super) const fn is_in_frame(&self) -> bool {
        self.is_in_frame
    }

    /// Unpacks some of `input` behind what `output` holds; how many bytes were used.
    pub(super) fn step<B: WriteBuf + ?Sized>(
        &mut self,
        input: &[u8],
        output: &mut OutBuffer<'_, B>,
    ) -> io::Result<usize> {
        if !self.is_in_frame && !input.is_empty() {
            self.restart()?;
            self.is_in_frame = true;
        }
        let wanted = if self.is_full { 0 } else { self.wanted };
        let mut input = InBuffer::around(input.get(..wanted).unwrap_or(input));
        let rest = self.decoder.run(&mut input, output)?;
        self.is_full = output.pos() == output.capacity();
        self.wanted = rest;
        self.is_in_frame = rest > 0;
        Ok(input.pos())
    }
}
