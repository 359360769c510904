//! Puts a file in place at once: temporary file beside it, synced, renamed, folder synced.
//!
//! Odd: the temporary file disappears with its owner, so a failed import leaves nothing behind.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::feed::FeedError;

/// A file that is not yet in place.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    is_in_place: bool,
}

impl Temporary {
    /// Writes and syncs the bytes into a new file beside `target`.
    pub(super) fn write(target: &Path, bytes: &[u8]) -> Result<Self, FeedError> {
        let (temporary, mut file) = Self::create(target)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(|source| FeedError::Write { path: temporary.path.clone(), source })?;
        Ok(temporary)
    }

    /// An empty new file beside `target`.
    pub(super) fn create(target: &Path) -> Result<(Self, File), FeedError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wrong = |path: PathBuf, source| FeedError::Write { path, source };
        if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|source| wrong(folder.to_owned(), source))?;
        }
        // Two imports at once take different names; a name that a killed import left behind is passed over.
        for attempt in 0..100_u32 {
            let path =
                target.with_file_name(format!(".{name}.{}.{attempt}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Self { path, is_in_place: false }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(wrong(path, error)),
            }
        }
        Err(wrong(target.to_owned(), io::Error::from(io::ErrorKind::AlreadyExists)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name; readers of the old one keep what they have mapped.
    pub(crate) fn rename_over(mut self, target: &Path) -> Result<(), FeedError> {
        let wrong = |source| FeedError::Write { path: target.to_owned(), source };
        fs::rename(&self.path, target).map_err(wrong)?;
        self.is_in_place = true;
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(wrong)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_in_place {
            // Nothing to do about a failure: the next import passes over the name.
            let _removed = fs::remove_file(&self.path);
        }
    }
}
