//! How the whole stands.
//!
//! In: the store and the feed. Out: numbers for people and for health checks. Odd: none of it is a judgement; a server
//! with failed scans is alive.

use plimsoll_model::{Digest, FeedState, Timestamp};
use plimsoll_store::{Store, TaskCounts};
use serde::{Deserialize, Serialize};

use super::OperationError;

/// How the whole stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// When this was asked.
    pub now: Timestamp,
    /// Registries.
    pub registries: u64,
    /// Images by risk level.
    pub images: ImageCounts,
    /// Scans by state.
    pub scans: ScanCounts,
    /// Scans that were given up, newest first, at most ten.
    pub failed_scans: Vec<FailedScan>,
    /// Advisory data in use.
    pub feed: Option<FeedState>,
}

/// Images by risk level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageCounts {
    /// All.
    pub total: u64,
    /// Level 3.
    pub high: u64,
    /// Level 2.
    pub medium: u64,
    /// Level 1.
    pub low: u64,
    /// Level 0.
    pub none: u64,
    /// Without a successful scan.
    pub not_scanned: u64,
}

/// Scans by state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScanCounts {
    /// Waiting.
    pub queued: u64,
    /// With a worker.
    pub running: u64,
    /// Ended well.
    pub done: u64,
    /// Given up.
    pub failed: u64,
    /// Not to be done, as a person said.
    #[serde(default)]
    pub cancelled: u64,
}

impl ScanCounts {
    pub(crate) const fn of(counts: TaskCounts) -> Self {
        Self {
            queued: counts.queued,
            running: counts.running,
            done: counts.done,
            failed: counts.failed,
            cancelled: counts.cancelled,
        }
    }
}

/// A scan that was given up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FailedScan {
    /// What was to be scanned.
    pub digest: Digest,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// How the whole stands.
///
/// # Errors
/// The database fails.
pub async fn status(
    store: &Store,
    feed: Option<FeedState>,
    now: Timestamp,
) -> Result<Status, OperationError> {
    let overview = store.risk_overview().await?;
    let counts = store.task_counts(None).await?;
    let registries = store.registries().await?.len();
    let failed = store.failed_tasks(10).await?.into_iter().map(|task| FailedScan {
        digest: task.digest,
        attempts: task.attempts,
        error: task.error,
    });
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now,
        registries: u64::try_from(registries).unwrap_or(u64::MAX),
        images: ImageCounts {
            total: overview.images,
            high: overview.high,
            medium: overview.medium,
            low: overview.low,
            none: overview.none,
            not_scanned: overview.not_scanned,
        },
        scans: ScanCounts::of(counts),
        failed_scans: failed.collect(),
        feed,
    })
}
