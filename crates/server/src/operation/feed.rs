//! The advisory feed in use.
//!
//! In: the data directory. Out: the snapshot that lies there, or none. Odd: a missing file is no error: a server without a
//! feed finds packages and failed checks, and says in every report what it could not do.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::SystemTime,
};

use plimsoll_advisory::{
    Snapshot, SnapshotError,
    staleness::{Freshness, freshness},
};
use plimsoll_model::{FeedState, Timestamp};
use serde::{Deserialize, Serialize};

pub use super::update::LastUpdate;
use crate::{context::Context, shared_place::SharedPlace, shared_snapshots::SharedSnapshots};

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

/// What tells two versions of the file apart; `None`: there is no file.
pub(crate) type Trace = Option<(SystemTime, u64)>;

/// What tells the file that lies there from another one.
pub(crate) fn trace(path: &Path) -> Trace {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Where the snapshot is kept that the fleet is matched with.
pub(crate) fn matched_path(feed: &Path) -> PathBuf {
    feed.with_extension("matched")
}

/// Keeps the snapshot under a second name. Where the file system cannot, the next refresh matches everything.
pub(crate) fn keep_matched(feed: &Path) {
    let matched = matched_path(feed);
    let new = matched.with_extension("matched-new");
    let kept = std::fs::remove_file(&new)
        .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .and_then(|()| std::fs::hard_link(feed, &new))
        .and_then(|()| std::fs::rename(&new, &matched));
    if let Err(error) = kept {
        tracing::warn!(%error, path = %matched.display(), "snapshot not kept: the next refresh takes longer");
    }
}

/// Gives the snapshot of the data directory to all machines that share this place. `None`: there is no snapshot.
///
/// # Errors
/// It is damaged, or the place or the store cannot be used.
pub async fn share_feed(context: &Context, place: SharedPlace) -> io::Result<Option<FeedState>> {
    let Some(state) = context.feed.state() else { return Ok(None) };
    let feed = feed_path(context.store.data_dir());
    SharedSnapshots::new(place, context.clock.clone()).give_now(context, &feed).await?;
    Ok(Some(state))
}
