//! Import.

use std::path::{Path, PathBuf};

use plimsoll_model::FeedState;

use crate::feed::FeedError;

/// How to import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Replace the snapshot even if the result is older or lacks a source.
    pub allow_older: bool,
    /// Mark the result as the small built-in feed.
    pub starter: bool,
}

/// How far an import is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportProgress {
    /// The paths were searched: that many files, that many bytes in all.
    Found {
        /// Number of files.
        files: usize,
        /// Their sizes, added up.
        bytes: u64,
    },
    /// A file was read.
    Read {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Records in it.
        records: u64,
    },
    /// Everything was read and is being compiled.
    Compile {
        /// Distinct advisories.
        advisories: u64,
    },
    /// The result is being checked.
    Check,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSummary {
    /// What the new snapshot holds.
    pub state: FeedState,
    /// Distinct advisories in it.
    pub advisories: u64,
    /// Entries "this package of this release is affected by this advisory".
    pub affected: u64,
    /// CVEs with a severity, exploitation or probability of their own.
    pub signals: u64,
    /// Withdrawn records, which are left out.
    pub withdrawn: u64,
    /// Files in the folders that are no feeds, sorted.
    pub skipped: Vec<PathBuf>,
    /// Size of the snapshot file.
    pub bytes: u64,
}

/// Reads all paths (files, folders, `<Ecosystem>/all.zip`), compiles them, verifies the result and renames it over
/// `target`.
///
/// # Errors
/// [`FeedError`] names the file and, in an archive, the member; `target` is then untouched.
pub fn import(
    paths: &[PathBuf],
    target: &Path,
    options: &ImportOptions,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<ImportSummary, FeedError> {
    let _ = (target, options, progress);
    Err(FeedError::Empty { paths: paths.to_vec() })
}
