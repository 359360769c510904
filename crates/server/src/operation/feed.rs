//! The advisory feed in use.
//!
//! In: the data directory. Out: the snapshot that lies there, or none. Odd: a missing file is no error: a server without a
//! feed finds packages and failed checks, and says in every report what it could not do.

use std::path::{Path, PathBuf};

use plimsoll_advisory::{Snapshot, SnapshotError};
use plimsoll_model::FeedState;
use serde::{Deserialize, Serialize};

/// Name of the snapshot in a data directory.
pub const FEED_FILE: &str = "advisories.snapshot";

/// What is known of the feed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FeedStatus {
    /// `None`: there is no feed.
    pub feed: Option<FeedState>,
}

/// Where the snapshot of a data directory lies.
#[must_use]
pub fn feed_path(data_dir: &Path) -> PathBuf {
    data_dir.join(FEED_FILE)
}

/// Opens a snapshot; `None` when there is no file.
///
/// # Errors
/// The file is damaged or of another format.
pub fn open_feed(path: &Path) -> Result<Option<Snapshot>, SnapshotError> {
    if path.exists() { Snapshot::open(path).map(Some) } else { Ok(None) }
}
