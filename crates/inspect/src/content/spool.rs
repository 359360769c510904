//! Where large files are kept while parsers read them: one temporary file, used again and again.
//!
//! In: a stream. Out: [`Content`] over what it held. Odd: the file has no name, so nothing is left behind however the process
//! ends, and it is emptied after each use, mostly before the system has written any of it to a disk. A process that may not
//! create files is given an open one ([`Spool::on`]).

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
};

use super::Content;

/// Bytes that are moved at once.
const CHUNK: usize = 256 << 10;

/// A temporary file for one file at a time.
#[derive(Debug, Default)]
pub struct Spool {
    file: Option<File>,
    is_used: bool,
}

/// Why a file could not be kept.
#[derive(Debug)]
pub(crate) enum SpoolError {
    /// The stream that it comes from failed.
    Source(io::Error),
    /// The temporary file did.
    Spool(io::Error),
}

impl Spool {
    /// Creates its file when it is first used, in the folder for temporary files.
    #[must_use]
    pub const fn new() -> Self {
        Self { file: None, is_used: false }
    }

    /// Uses a file that is open for reading and writing. What it holds is lost. Needed are `pread`, `pwrite` and
    /// `ftruncate`.
    #[must_use]
    pub const fn on(file: File) -> Self {
        Self { file: Some(file), is_used: true }
    }

    /// A file without a name, as [`new`](Self::new) would use.
    ///
    /// # Errors
    /// When there is no place for temporary files.
    pub fn create_file() -> io::Result<File> {
        plimsoll_image::spool_file()
    }

    /// Keeps `start` and what follows it in `rest`, at most `limit` bytes in all.
    pub(crate) fn keep(
        &mut self,
        start: &[u8],
        rest: &mut dyn Read,
        limit: u64,
    ) -> Result<Content<'_>, SpoolError> {
        self.is_used = true;
        let file = match self.file.take() {
            Some(file) => file,
            None => Self::create_file().map_err(SpoolError::Spool)?,
        };
        let file: &File = self.file.insert(file);
        file.write_all_at(start, 0).map_err(SpoolError::Spool)?;
        let mut size = u64::try_from(start.len()).unwrap_or(u64::MAX);
        let mut rest = rest.take(limit.saturating_sub(size));
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match rest.read(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(SpoolError::Source(error)),
            };
            let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            file.write_all_at(bytes, size).map_err(SpoolError::Spool)?;
            size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        Ok(Content::of_file(file, size))
    }

    /// Gives the space back.
    pub(crate) fn empty(&mut self) {
        if let Some(file) = self.file.as_ref().filter(|_| self.is_used) {
            // Space that could not be given back now is given back after the next use, or when the file is closed.
            self.is_used = file.set_len(0).is_err();
        }
    }
}
