//! Artifacts: what a platform manifest's digest names, scanned once however many tags name it.
//!
//! In: digests from syncs, reports from scans. Out: [`Artifact`] and its stored report (JSON, zstd). Odd: an artifact that
//! no image names any more is kept for 30 days, so that a tag that comes back is not scanned again, and then pruned with
//! its findings and its task.

use plimsoll_model::{Digest, Report, RiskCounters, Timestamp, Verdict};

use crate::{Store, StoreError, TaskStatus};

/// How long an artifact without images is kept, in seconds.
pub(crate) const KEPT_WITHOUT_IMAGES: i64 = 30 * 86_400;

/// What is known of one scanned or to be scanned manifest.
#[derive(Clone, PartialEq, Debug)]
pub struct Artifact {
    /// The platform manifest's digest.
    pub digest: Digest,
    /// `linux/amd64`.
    pub platform: String,
    /// Sums over its findings; zeros before the first scan.
    pub counters: RiskCounters,
    /// How completely the newest stored report could look; `None` before the first scan.
    pub verdict: Option<Verdict>,
    /// When it was last scanned with success; a report that could not read the image is none.
    pub scanned: Option<Timestamp>,
    /// Digest of the stored report.
    pub report_digest: Option<Digest>,
    /// The advisory snapshot that the stored report rests on.
    pub snapshot: Option<Digest>,
    /// The detectors' version that the stored report was made with.
    pub detectors_version: Option<String>,
    /// How its scan stands; `None` when none was ever asked for.
    pub task: Option<TaskStatus>,
}

impl Store {
    /// One artifact.
    ///
    /// # Errors
    /// The database fails.
    pub async fn artifact(&self, digest: &Digest) -> Result<Option<Artifact>, StoreError> {
        todo!("{digest}")
    }

    /// The stored report of an artifact; `None` before its first scan.
    ///
    /// # Errors
    /// The database fails, or the report in it does not unpack.
    pub async fn artifact_report(&self, digest: &Digest) -> Result<Option<Report>, StoreError> {
        todo!("{digest}")
    }

    /// Removes artifacts that no image has named for 30 days. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn prune_artifacts(&self, now: Timestamp) -> Result<u64, StoreError> {
        todo!("{now}")
    }
}
