//! Snapshot.

use std::path::{Path, PathBuf};

use plimsoll_model::{Digest, FeedState, Timestamp};

/// The compiled advisories: one immutable, memory-mapped file.
#[derive(Debug)]
pub struct Snapshot {}

/// Why a file is not a usable snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be mapped.
    #[error(transparent)]
    Map(#[from] plimsoll_native::MapError),
    /// It is not a snapshot.
    #[error("`{}` is not an advisory snapshot", path.display())]
    NotASnapshot {
        /// The file.
        path: PathBuf,
    },
    /// It was written by another version of the program.
    #[error("`{}` has format {found}, this program reads format {expected}: import the feeds again", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// It is cut off or its bytes changed.
    #[error("`{}` is damaged ({reason}): import the feeds again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
}

impl Snapshot {
    /// Opens a snapshot and checks its content.
    ///
    /// # Errors
    /// [`SnapshotError`] says whether the file is missing, something else, of another format, or damaged.
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        Err(SnapshotError::NotASnapshot { path: path.to_owned() })
    }

    /// What is in it, of which dates.
    #[must_use]
    pub fn state(&self) -> FeedState {
        FeedState {
            snapshot: Digest::from_bytes([0; 32]),
            date: Timestamp(0),
            starter: false,
            sources: Vec::new(),
        }
    }

    /// The ids of all advisories, in byte order.
    pub fn ids(&self) -> impl Iterator<Item = String> + '_ {
        std::iter::empty()
    }
}
