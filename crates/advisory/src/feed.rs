//! Feeds.

use std::path::PathBuf;

/// Why an import was refused. The file that was there before is untouched in every case.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Nothing among the paths is a feed.
    #[error("no feed was found in {}", paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", "))]
    Empty {
        /// The paths as given.
        paths: Vec<PathBuf>,
    },
    /// A file or folder could not be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is cut off, damaged, or not what it looks like.
    #[error("`{}`{}: {reason}", path.display(), member.as_ref().map(|name| format!(" member `{name}`")).unwrap_or_default())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The member, if the file is an archive.
        member: Option<String>,
        /// What is wrong with it.
        reason: String,
    },
    /// The result would be older than what is there, or would lack a source that is there.
    #[error("the import would replace newer data: {reason}")]
    Older {
        /// Which source, and both dates.
        reason: String,
    },
    /// The compiled snapshot does not read back as it was written.
    #[error("the compiled snapshot failed its check: {reason}")]
    Check {
        /// Which check.
        reason: String,
    },
    /// The snapshot could not be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
