//! A claimed file's bytes at any position, wherever they are kept.
//!
//! In: what a layer's pass read of a file. Out: [`Content`], from which a parser reads what it needs. Odd: a layer is a
//! stream, so a file that is to be read here and there has to be kept meanwhile. Up to [`MAX_IN_MEMORY`] that is memory,
//! beyond it a temporary file without a name ([`Spool`]), so that the size of a file never decides over memory.

mod spool;

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
};

pub use spool::Spool;
pub(crate) use spool::SpoolError;

/// Largest file whose bytes are kept in memory where a parser may read them at any position.
pub const MAX_IN_MEMORY: u64 = 8 << 20;

/// Bytes that can be read at any position.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a>(Kept<'a>);

#[derive(Debug, Clone, Copy)]
enum Kept<'a> {
    Memory(&'a [u8]),
    File { file: &'a File, start: u64, size: u64 },
}

impl<'a> Content<'a> {
    /// Bytes in memory.
    #[must_use]
    pub const fn of_bytes(bytes: &'a [u8]) -> Self {
        Self(Kept::Memory(bytes))
    }

    pub(crate) const fn of_file(file: &'a File, size: u64) -> Self {
        Self(Kept::File { file, start: 0, size })
    }

    /// How many bytes there are: those that really came, whatever an archive's header says.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self.0 {
            Kept::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Kept::File { size, .. } => size,
        }
    }

    /// All bytes, where they are in memory.
    #[must_use]
    pub const fn bytes(&self) -> Option<&'a [u8]> {
        match self.0 {
            Kept::Memory(bytes) => Some(bytes),
            Kept::File { .. } => None,
        }
    }

    /// The `length` bytes at `offset` as bytes of their own; `None` when they do not lie within these.
    #[must_use]
    pub fn part(&self, offset: u64, length: u64) -> Option<Self> {
        let end = offset.checked_add(length).filter(|end| *end <= self.size())?;
        match self.0 {
            Kept::Memory(bytes) => {
                let range = usize::try_from(offset).ok()?..usize::try_from(end).ok()?;
                bytes.get(range).map(Self::of_bytes)
            }
            Kept::File { file, start, .. } => {
                Some(Self(Kept::File { file, start: start.checked_add(offset)?, size: length }))
            }
        }
    }

    /// Fills `buffer` with what stands at `offset`, as far as there is something; returns how much.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0 {
            Kept::Memory(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
                let rest = rest.unwrap_or_default();
                let length = rest.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
                    to.copy_from_slice(from);
                }
                Ok(length)
            }
            Kept::File { file, start, size } => {
                let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
                let length = left.min(buffer.len());
                let mut filled = 0;
                while let Some(rest) =
                    buffer.get_mut(filled..length).filter(|rest| !rest.is_empty())
                {
                    let done = u64::try_from(filled).unwrap_or(u64::MAX);
                    let at = start.saturating_add(offset).saturating_add(done);
                    match file.read_at(rest, at) {
                        Ok(0) => break,
                        Ok(read) => filled += read,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(filled)
            }
        }
    }

    /// The `length` bytes at `offset`, borrowed where they are in memory. What does not lie within the file is refused before
    /// anything is allocated; how much is too much is the caller's to say.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends earlier; those of the temporary file.
    pub fn range(&self, offset: u64, length: u64) -> io::Result<Cow<'a, [u8]>> {
        let beyond = || io::Error::new(io::ErrorKind::UnexpectedEof, "lies beyond the file's end");
        let end =
            offset.checked_add(length).filter(|end| *end <= self.size()).ok_or_else(beyond)?;
        let index = |at: u64| usize::try_from(at).map_err(|_too_large| beyond());
        match self.0 {
            Kept::Memory(bytes) => {
                let range = bytes.get(index(offset)?..index(end)?).ok_or_else(beyond)?;
                Ok(Cow::Borrowed(range))
            }
            Kept::File { .. } => {
                let mut bytes = vec![0; index(length)?];
                match self.read_at(offset, &mut bytes)? {
                    read if read == bytes.len() => Ok(Cow::Owned(bytes)),
                    _ => Err(beyond()),
                }
            }
        }
    }

    /// Reads from the start, and from wherever it is put.
    #[must_use]
    pub const fn cursor(&self) -> ContentCursor<'a> {
        ContentCursor { content: *self, at: 0 }
    }
}

/// A place in a [`Content`].
#[derive(Debug, Clone)]
pub struct ContentCursor<'a> {
    content: Content<'a>,
    at: u64,
}

impl Read for ContentCursor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read_at(self.at, buffer)?;
        self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

impl Seek for ContentCursor<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.content.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "seek to before the file's start")
        })?;
        Ok(self.at)
    }
}

#[cfg(test)]
#[path = "content/tests.rs"]
mod tests;
