//! Sync: what a registry holds becomes image rows, and what was never scanned becomes tasks.
//!
//! In: a listing of some or all repositories, all of them or only those that could be read. Out: the differences, written
//! in one transaction, and [`SyncOutcome`] that counts them. Odd: an unchanged listing writes nothing, not even a time;
//! only what is stated to be complete can make an image vanish, so a repository that failed to list loses nothing.

use plimsoll_model::{Digest, Platform, Timestamp};

use crate::{RegistryError, RepoType, Store};

/// One tag as a sync saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncedImage {
    /// Path of the repository: `team/app`.
    pub path: String,
    /// The tag.
    pub tag: String,
    /// What the tag names: a manifest or an index.
    pub digest: Digest,
    /// The platform's manifest.
    pub manifest_digest: Digest,
    /// Platform of that manifest.
    pub platform: Platform,
    /// Digest of the configuration.
    pub image_id: Digest,
    /// Configuration plus compressed layers, in bytes.
    pub size: u64,
    /// Whether it can be pulled without an account.
    pub repo_type: RepoType,
    /// Whether the tag cannot be moved.
    pub tag_immutable: bool,
    /// When the registry says that the tag was made; `None`: when we first see it.
    pub created: Option<Timestamp>,
    /// When the registry says that the tag was last moved; `None`: when we see it move.
    pub updated: Option<Timestamp>,
}

/// What one sync saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SyncListing {
    /// Tags that were resolved.
    pub images: Vec<SyncedImage>,
    /// Tags that exist but could not be resolved this time, as `(path, tag)`: they stay as they are.
    pub unresolved: Vec<(String, String)>,
    /// Paths of the repositories whose tags were listed to the end: their other tags have vanished.
    pub complete: Vec<String>,
    /// Paths of all repositories, if they could be listed to the end: images of others have vanished.
    pub catalog: Option<Vec<String>>,
}

/// What a sync changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SyncOutcome {
    /// Tags that are new.
    pub added: u64,
    /// Tags that moved or whose properties changed.
    pub updated: u64,
    /// Tags that vanished.
    pub removed: u64,
    /// Tags as they were.
    pub unchanged: u64,
    /// Artifacts that were queued for their first scan, or again after a day in state failed.
    pub queued: u64,
}

impl Store {
    /// Applies a listing of a registry in one transaction.
    ///
    /// # Errors
    /// The registry is gone, a name in the listing cannot be, or the database fails; then nothing was changed.
    pub async fn apply_sync(
        &self,
        registry_id: i64,
        listing: &SyncListing,
        now: Timestamp,
    ) -> Result<SyncOutcome, RegistryError> {
        todo!("{registry_id} {listing:?} {now}")
    }
}
