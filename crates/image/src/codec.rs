//! Streams: hashed as they pass, and unpacked by what their first bytes say.
//!
//! In: a blob's bytes. Out: [`Stream`], which hashes and counts what is read through it, and [`unpack`], which chooses the
//! decompressor. Source: RFC 1952 (gzip, several members), RFC 8878 (zstd, several frames), the `.xz` file format
//! (several streams), bzip2 (several streams). Odd: media types are not asked, because runtimes do not ask them either;
//! hashing happens once per buffer, not per read.

use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
};

use plimsoll_model::Digest;
use ring::digest::{Context, SHA256};

use crate::{
    budget::{Budget, BudgetReached},
    gzip::Gzip,
    tar::{self, Input},
    zstd::Zstd,
};

/// Bytes that are read, hashed and handed on at a time.
pub(crate) const BUFFER: usize = 128 << 10;

/// Bytes by which a codec is known.
const START: usize = 6;

/// What decompressing xz may allocate: `xz -9` asks for 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// How a blob is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Codec {
    Plain,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Codec {
    /// By a blob's first bytes.
    pub(crate) const fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // A block, or the end of a stream without any.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, ..] => Self::Bzip2,
            _ => Self::Plain,
        }
    }

    /// What the ratio of unpacked bytes is held against: the bytes that were read, or those that were used where reading goes
    /// far ahead.
    pub(crate) const fn basis<'c>(self, read: &'c Cell<u64>, used: &'c Cell<u64>) -> &'c Cell<u64> {
        if matches!(self, Self::Gzip | Self::Zstd) { used } else { read }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

/// What a stream may deliver, held against after each read.
pub(crate) trait Guard {
    /// Called with the total number of bytes so far.
    fn check(&mut self, total: u64) -> Result<(), BudgetReached>;
}

/// The compressed side: counts for the other side, and ends at a limit.
pub(crate) struct CompressedGuard<'c> {
    count: &'c Cell<u64>,
    /// Most bytes of this stream alone.
    limit: u64,
    budget: &'c Budget,
}

impl<'c> CompressedGuard<'c> {
    pub(crate) const fn new(count: &'c Cell<u64>, limit: u64, budget: &'c Budget) -> Self {
        Self { count, limit, budget }
    }
}

impl Guard for CompressedGuard<'_> {
    fn check(&mut self, total: u64) -> Result<(), BudgetReached> {
        let more = total.saturating_sub(self.count.replace(total));
        if total > self.limit {
            let (name, what) = ("max_compressed_bytes", "compressed bytes of a layer");
            return Err(BudgetReached { name, what, limit: self.limit });
        }
        self.budget.use_compressed(more)
    }
}

/// The unpacked side: ends at a size or at a ratio to what went in.
pub(crate) struct UnpackedGuard<'c> {
    /// Compressed bytes that this came from.
    compressed: &'c Cell<u64>,
    counted: u64,
    budget: &'c Budget,
}

impl<'c> UnpackedGuard<'c> {
    pub(crate) const fn new(compressed: &'c Cell<u64>, budget: &'c Budget) -> Self {
        Self { compressed, counted: 0, budget }
    }
}

impl Guard for UnpackedGuard<'_> {
    fn check(&mut self, total: u64) -> Result<(), BudgetReached> {
        let more = total.saturating_sub(std::mem::replace(&mut self.counted, total));
        self.budget.use_unpacked(more)?;
        let limit = self.budget.max_ratio;
        if total > Budget::RATIO_FREE_BYTES && total > self.compressed.get().saturating_mul(limit) {
            let (name, what) = ("max_ratio", "unpacked bytes per compressed byte");
            return Err(BudgetReached { name, what, limit });
        }
        Ok(())
    }
}

/// Bytes that count for no image.
pub(crate) struct Unguarded;

impl Guard for Unguarded {
    fn check(&mut self, _: u64) -> Result<(), BudgetReached> {
        Ok(())
    }
}

/// A reader that hashes and counts what comes in, and remembers why it failed.
pub(crate) struct Stream<R, G> {
    inner: R,
    guard: G,
    /// Bytes that came in and were not consumed yet.
    left: usize,
    hash: Option<Context>,
    total: u64,
    is_at_end: bool,
    failure: Option<io::Error>,
}

impl<R: BufRead, G: Guard> Stream<R, G> {
    pub(crate) fn new(inner: R, guard: G, is_hashed: bool) -> Self {
        Self {
            inner,
            guard,
            left: 0,
            hash: is_hashed.then(|| Context::new(&SHA256)),
            total: 0,
            is_at_end: false,
            failure: None,
        }
    }

    /// Lets more bytes come in, of which none were left.
    fn fill_more(&mut self) -> io::Result<()> {
        let count = loop {
            match self.inner.fill_buf() {
                Ok(fresh) => {
                    if let Some(hash) = &mut self.hash {
                        hash.update(fresh);
                    }
                    break fresh.len();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fail(error)),
            }
        };
        self.is_at_end = count == 0;
        self.left = count;
        self.total += count as u64;
        self.guard.check(self.total).map_err(|reached| self.fail(io::Error::other(reached)))
    }

    /// Remembers an error and returns one of the same kind: the readers above may hide it.
    fn fail(&mut self, error: io::Error) -> io::Error {
        let copy = match error.get_ref().and_then(|inner| inner.downcast_ref::<BudgetReached>()) {
            Some(reached) => io::Error::other(reached.clone()),
            None => io::Error::new(error.kind(), error.to_string()),
        };
        self.failure = Some(error);
        copy
    }

    /// Why reading failed, if it did.
    pub(crate) const fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Bytes that came in so far.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Reads to the end; whether there was any byte but zeros.
    pub(crate) fn drain(&mut self) -> io::Result<bool> {
        let mut has_data = false;
        loop {
            let available = self.fill_buf()?;
            if available.is_empty() {
                return Ok(has_data);
            }
            has_data = has_data || available.iter().any(|&byte| byte != 0);
            let length = available.len();
            self.consume(length);
        }
    }

    /// The digest of everything that came in; `None` when it was not asked for.
    pub(crate) fn digest(&mut self) -> Option<Digest> {
        self.hash.take().and_then(|hash| digest_of(hash.finish().as_ref()))
    }
}

impl<R: BufRead, G: Guard> BufRead for Stream<R, G> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            if self.is_at_end {
                return Ok(&[]);
            }
            self.fill_more()?;
        }
        let bytes = self.inner.fill_buf()?;
        Ok(bytes.get(..self.left).unwrap_or(bytes))
    }

    fn consume(&mut self, length: usize) {
        let length = length.min(self.left);
        self.inner.consume(length);
        self.left -= length;
    }
}

impl<R: BufRead, G: Guard> Read for Stream<R, G> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}

impl<R: BufRead, G: Guard> Input for Stream<R, G> {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        tar::skip_buffered(self, bytes)
    }
}

/// Reads what is there by now.
pub(crate) fn read_buffered(reader: &mut impl BufRead, buffer: &mut [u8]) -> io::Result<usize> {
    if buffer.is_empty() {
        return Ok(0);
    }
    let available = reader.fill_buf()?;
    let length = available.len().min(buffer.len());
    if let (Some(target), Some(source)) = (buffer.get_mut(..length), available.get(..length)) {
        target.copy_from_slice(source);
    }
    reader.consume(length);
    Ok(length)
}

/// The first bytes of a reader, as many as there are.
pub(crate) fn start_of(reader: &mut (impl Read + ?Sized)) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(START);
    reader.take(START as u64).read_to_end(&mut start)?;
    Ok(start)
}

/// The unpacked bytes of a stream: all members of gzip, all frames of zstd, all streams of xz and bzip2. How many bytes gzip
/// and zstd used goes into `used`.
pub(crate) fn unpack<'r>(
    codec: Codec,
    reader: impl BufRead + 'r,
    used: &'r Cell<u64>,
    budget: &Budget,
) -> io::Result<Box<dyn BufRead + 'r>> {
    fn buffered<'r>(reader: impl Read + 'r) -> Box<dyn BufRead + 'r> {
        Box::new(BufReader::with_capacity(BUFFER, reader))
    }
    match codec {
        Codec::Gzip => Ok(Box::new(Gzip::new(reader, used, budget.crew.clone()))),
        Codec::Zstd => {
            let (window_log, crew) = (budget.max_window_log, budget.crew.clone());
            Ok(Box::new(Zstd::new(reader, used, window_log, crew)?))
        }
        Codec::Plain => Ok(Box::new(reader)),
        Codec::Xz => {
            let several = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, several)?;
            Ok(buffered(liblzma::bufread::XzDecoder::new_stream(reader, stream)))
        }
        Codec::Bzip2 => Ok(buffered(bzip2::bufread::MultiBzDecoder::new(reader))),
    }
}

/// The SHA-256 of everything that a reader gives.
pub(crate) fn digest_reader(reader: impl Read) -> io::Result<Option<Digest>> {
    let mut stream = Stream::new(BufReader::with_capacity(BUFFER, reader), Unguarded, true);
    stream.drain()?;
    Ok(stream.digest())
}

/// A computed SHA-256 as a digest.
fn digest_of(bytes: &[u8]) -> Option<Digest> {
    bytes.try_into().ok().map(Digest::from_bytes)
}

/// The SHA-256 of bytes in memory.
#[must_use]
pub fn digest_bytes(bytes: &[u8]) -> Digest {
    digest_of(ring::digest::digest(&SHA256, bytes).as_ref())
        .unwrap_or_else(|| Digest::from_bytes([0; 32]))
}
