//! The advisory feed in use.
//!
//! In: the data directory. Out: the snapshot that lies there, or none. Odd: a missing file is no error: a server without a
//! feed finds packages and failed checks, and says in every report what it could not do.

use std::path::{Path, PathBuf};

use plimsoll_advisory::{
    Snapshot, SnapshotError,
    staleness::{Freshness, freshness},
};
use plimsoll_model::{FeedState, Timestamp};
use serde::{Deserialize, Serialize};

pub use super::update::LastUpdate;

/// Name of the snapshot in a data directory.
pub const FEED_FILE: &str = "advisories.snapshot";
/// Folder of a data directory with what was downloaded.
pub const FEEDS_FOLDER: &str = "feeds";
/// File of a data directory that remembers the newest bundle that was taken.
pub const TAKEN_FILE: &str = "taken-bundle.json";
/// Folder of a data directory with the public keys whose bundles are taken.
pub const TRUSTED_KEYS_FOLDER: &str = "trusted-keys";
/// Folder of a data directory with the snapshots that bundles were made of.
pub const BUNDLED_FOLDER: &str = "bundled";

/// What is known of the feed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FeedStatus {
    /// `None`: there is no feed.
    pub feed: Option<FeedState>,
    /// How old it is against today; `None`: there is no feed.
    pub freshness: Option<Freshness>,
    /// How the last `feed update` went; `None`: there was none.
    pub last_update: Option<LastUpdate>,
}

impl FeedStatus {
    /// What is to be said of a feed and of what lies in the data directory.
    #[must_use]
    pub fn new(feed: Option<FeedState>, data: &Path, today: Timestamp) -> Self {
        let freshness = feed.as_ref().map(|feed| freshness(feed, today));
        Self { feed, freshness, last_update: LastUpdate::read(data) }
    }

    /// What is not as it should be, one sentence each.
    #[must_use]
    pub fn warnings(&self, today: Timestamp) -> Vec<String> {
        let mut warnings = Vec::new();
        if let (Some(feed), Some(freshness)) = (&self.feed, self.freshness) {
            let age = today.0.saturating_sub(feed.date.0) / 3600;
            match freshness {
                Freshness::Fresh => {}
                Freshness::Aging => {
                    warnings.push(format!("the advisory data is {age} hours old"));
                }
                Freshness::Stale => warnings.push(format!(
                    "the advisory data is {} days old: reports are partial",
                    age / 24
                )),
            }
        }
        if let Some(last) = self.last_update.as_ref().filter(|last| !last.failures.is_empty()) {
            warnings.push(format!(
                "the update of {} failed in {} places; the last good data is in use",
                last.tried,
                last.failures.len()
            ));
            warnings.extend(last.failures.iter().map(|failure| format!("not updated: {failure}")));
        }
        warnings
    }
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
