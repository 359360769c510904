//! Fetches parts of a blob, and unpacks files out of them.
//!
//! In: places in the blob. Out: bytes whose digests are checked before anybody sees them. Odd: files that are asked for often
//! lie near each other, so that somewhat more than asked for is fetched at once, the more the more often that was right.

use std::{
    cell::Cell,
    io::{self, Read},
};

use super::{RangeSource, document::Chunk};
use crate::{
    budget::Budget,
    codec::{Codec, digest_bytes, unpack},
};

/// Bytes that are fetched at once at least, and at most where less was asked for.
const WINDOW: u64 = 64 << 10;
const MAX_WINDOW: u64 = 8 << 20;
/// Bytes of one chunk, packed: builders make them of 4 MiB at most.
const MAX_PACKED: u64 = 128 << 20;
/// Bytes of one chunk, unpacked.
pub(super) const MAX_CHUNK: u64 = 128 << 20;
/// Requests for one layer: with the windows that is some hundred MiB of small files that lie far from each other.
const MAX_REQUESTS: u32 = 4_096;

/// Fetches parts of one blob.
pub(super) struct Fetcher<'r> {
    ranges: &'r dyn RangeSource,
    budget: &'r Budget,
    /// Length of the blob.
    pub(super) size: u64,
    buffer: Vec<u8>,
    buffer_at: u64,
    window: u64,
    requests: u32,
    fetched: u64,
}

impl<'r> Fetcher<'r> {
    pub(super) const fn new(ranges: &'r dyn RangeSource, budget: &'r Budget, size: u64) -> Self {
        Self {
            ranges,
            budget,
            size,
            buffer: Vec::new(),
            buffer_at: 0,
            window: WINDOW,
            requests: 0,
            fetched: 0,
        }
    }

    /// Bytes that were fetched so far.
    pub(super) const fn fetched(&self) -> u64 {
        self.fetched
    }

    /// The bytes from an offset to an end.
    pub(super) fn bytes(&mut self, offset: u64, end: u64) -> io::Result<&[u8]> {
        let buffer_end = self.buffer_at.saturating_add(self.buffer.len() as u64);
        if offset < self.buffer_at || end > buffer_end {
            self.window = match offset.checked_sub(buffer_end) {
                Some(gap) if !self.buffer.is_empty() && gap <= self.window => {
                    self.window.saturating_mul(2).min(MAX_WINDOW)
                }
                _ => WINDOW,
            };
            self.fill(offset, end)?;
        }
        let from = usize::try_from(offset - self.buffer_at).map_err(io::Error::other)?;
        let length = usize::try_from(end - offset).map_err(io::Error::other)?;
        let bytes = self.buffer.get(from..from.saturating_add(length));
        bytes.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn fill(&mut self, offset: u64, end: u64) -> io::Result<()> {
        let wanted = end.checked_sub(offset).filter(|_| end <= self.size);
        let wanted = wanted.ok_or_else(|| io::Error::other("a part lies outside of the blob"))?;
        if wanted > MAX_PACKED {
            return Err(io::Error::other(format!("a part has {wanted} bytes, limit {MAX_PACKED}")));
        }
        self.requests += 1;
        if self.requests > MAX_REQUESTS {
            return Err(io::Error::other(format!(
                "more than {MAX_REQUESTS} parts of the layer are needed: it is better read as a whole"
            )));
        }
        let length = wanted.max(self.window).min(self.size - offset);
        self.budget.use_compressed(length).map_err(io::Error::other)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let read = self.ranges.range(offset, length)?.take(length).read_to_end(&mut buffer)?;
        if read as u64 != length {
            return Err(io::Error::other(format!("{read} bytes came of a part of {length}")));
        }
        (self.buffer, self.buffer_at) = (buffer, offset);
        self.fetched = self.fetched.saturating_add(length);
        Ok(())
    }
}

/// One file's content, fetched when it is read.
pub(super) struct MemberReader<'m, 'r> {
    fetcher: &'m mut Fetcher<'r>,
    codec: Codec,
    chunks: std::slice::Iter<'m, Chunk>,
    budget: &'m Budget,
    chunk: io::Cursor<Vec<u8>>,
    failure: Option<io::Error>,
}

impl<'m, 'r> MemberReader<'m, 'r> {
    pub(super) fn new(
        fetcher: &'m mut Fetcher<'r>,
        codec: Codec,
        chunks: &'m [Chunk],
        budget: &'m Budget,
    ) -> Self {
        let (chunks, chunk) = (chunks.iter(), io::Cursor::new(Vec::new()));
        Self { fetcher, codec, chunks, budget, chunk, failure: None }
    }

    /// Why the content could not be had, if somebody wanted it.
    pub(super) fn failure(self) -> Option<io::Error> {
        self.failure
    }

    fn load(&mut self, chunk: &Chunk) -> io::Result<Vec<u8>> {
        self.budget.use_unpacked(chunk.size).map_err(io::Error::other)?;
        let Some(digest) = chunk.digest else {
            // A hole.
            return Ok(vec![0; usize::try_from(chunk.size).map_err(io::Error::other)?]);
        };
        let packed = self.fetcher.bytes(chunk.offset, chunk.end)?;
        let used = Cell::new(0);
        let mut unpacked = unpack(self.codec, packed, &used, self.budget)?;
        let skipped = io::copy(&mut unpacked.by_ref().take(chunk.inner), &mut io::sink())?;
        let mut bytes = Vec::new();
        unpacked.take(chunk.size).read_to_end(&mut bytes)?;
        if skipped != chunk.inner || bytes.len() as u64 != chunk.size {
            return Err(io::Error::other("a part holds less than the table of contents says"));
        }
        let actual = digest_bytes(&bytes);
        if actual != digest {
            return Err(io::Error::other(format!(
                "a part has digest {actual}, the table of contents says {digest}"
            )));
        }
        Ok(bytes)
    }
}

impl Read for MemberReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(chunk) = self.chunks.next() else { return Ok(0) };
            match self.load(chunk) {
                Ok(bytes) => self.chunk = io::Cursor::new(bytes),
                Err(error) => {
                    self.failure = Some(io::Error::new(error.kind(), error.to_string()));
                    self.chunks = [].iter();
                    return Err(error);
                }
            }
        }
    }
}
