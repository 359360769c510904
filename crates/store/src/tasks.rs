//! Scan tasks: a queue of rows with leases and fencing numbers.
//!
//! In: artifacts to scan. Out: [`Task`]s for workers, one row per artifact, which is used again for the next scan.
//! Source: the queue rules of `docs/design`: a claim raises the row's generation; every later write names it and does
//! nothing if it is no longer the row's. So a worker that was stopped for an hour lands nothing stale.
//!
//! Odd:
//! * An expired lease needs no recovery: the claim takes it like a queued row. The attempts of a task that kills its
//!   worker count too, so that it ends as failed after [`MAX_ATTEMPTS`] and cannot block others.
//! * Order of claims: what a person asked for, then the registry with the fewest running scans, then the oldest.

use plimsoll_model::{Digest, Timestamp};

use crate::{Store, StoreError};

/// How often a task is tried before it stays failed.
pub const MAX_ATTEMPTS: u32 = 5;

/// How long a lease lasts unless it is extended, in seconds.
pub const LEASE_SECONDS: i64 = 60;

/// Who wants a scan; earlier goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// A person.
    User,
    /// A sync or a new snapshot.
    Schedule,
}

/// How a task stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskState {
    /// Waiting for a worker, perhaps after a failed attempt.
    Queued,
    /// A worker has it.
    Running,
    /// The last scan succeeded.
    Done,
    /// All attempts failed; a person can ask again.
    Failed,
}

impl TaskState {
    /// `queued`, `running`, `done`, `failed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// How the scan of an artifact stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskStatus {
    /// The artifact.
    pub digest: Digest,
    /// Queued, running, done, failed.
    pub state: TaskState,
    /// How often it was tried since it was last queued.
    pub attempts: u32,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
    /// When it was last queued.
    pub queued: Timestamp,
    /// When it last ended, well or not.
    pub finished: Option<Timestamp>,
}

/// The right to write a task's result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The task's row.
    pub task_id: i64,
    /// The fencing number.
    pub generation: i64,
    /// Until when it is not given to another worker.
    pub until: Timestamp,
}

/// A scan to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    /// The right to write its result.
    pub lease: Lease,
    /// The platform manifest to scan.
    pub digest: Digest,
    /// Its platform.
    pub platform: String,
    /// A registry that has it.
    pub registry_id: i64,
    /// A repository there that has it: `team/app`.
    pub path: String,
    /// One of its tags there, for the report's name.
    pub tag: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Who wants it.
    pub origin: Origin,
}

/// What became of a wish for a scan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enqueued {
    /// It is queued now.
    Queued,
    /// It was queued or running already; a person's wish moves a queued one to the front.
    Open,
    /// There is no such artifact, or no image names it.
    Unknown,
}

/// Whether another attempt makes sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// Later, with growing pauses, until the attempts are used up.
    Later,
    /// No: the result would be the same.
    Never,
}

/// What became of a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailOutcome {
    /// It is tried again from this time on.
    Again(Timestamp),
    /// It stays failed.
    Failed,
    /// The lease was lost: nothing was written.
    Dropped,
}

/// How many tasks are in which state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TaskCounts {
    /// Waiting.
    pub queued: u64,
    /// With a worker.
    pub running: u64,
    /// Ended well.
    pub done: u64,
    /// Given up.
    pub failed: u64,
}

impl TaskCounts {
    /// Queued and running.
    #[must_use]
    pub const fn open(&self) -> u64 {
        self.queued + self.running
    }
}

impl Store {
    /// Asks for a scan of an artifact, even of one that was scanned or failed before.
    ///
    /// # Errors
    /// The database fails.
    pub async fn enqueue(
        &self,
        digest: &Digest,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Enqueued, StoreError> {
        todo!("{digest} {origin:?} {now}")
    }

    /// Asks for a scan of every image of a registry, or of all (`None`). Returns how many artifacts were queued.
    ///
    /// # Errors
    /// The database fails.
    pub async fn enqueue_registry(
        &self,
        registry_id: Option<i64>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        todo!("{registry_id:?} {origin:?} {now}")
    }

    /// Queues every artifact whose stored report rests on another snapshot (`None`: no feed) or other detectors. Artifacts
    /// that are queued or running are left alone, so call it again now and then: it is a look-up when all is current.
    ///
    /// # Errors
    /// The database fails.
    pub async fn enqueue_outdated(
        &self,
        snapshot: Option<&Digest>,
        detectors_version: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        todo!("{snapshot:?} {detectors_version} {now}")
    }

    /// Takes the next task for [`LEASE_SECONDS`]; `worker` names the process and thread, for people and for
    /// [`Store::release_worker`].
    ///
    /// # Errors
    /// The database fails.
    pub async fn claim(&self, worker: &str, now: Timestamp) -> Result<Option<Task>, StoreError> {
        todo!("{worker} {now}")
    }

    /// Extends a lease to [`LEASE_SECONDS`] from `now`; `None` when it was lost: stop scanning.
    ///
    /// # Errors
    /// The database fails.
    pub async fn heartbeat(
        &self,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        todo!("{lease:?} {now}")
    }

    /// Ends an attempt that failed; `error` is shown to people and is cut at 2,000 characters.
    ///
    /// # Errors
    /// The database fails.
    pub async fn fail(
        &self,
        lease: &Lease,
        error: &str,
        retry: Retry,
        now: Timestamp,
    ) -> Result<FailOutcome, StoreError> {
        todo!("{lease:?} {error} {retry:?} {now}")
    }

    /// Gives a task back untouched, as at shutdown: the attempt does not count.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release(&self, lease: &Lease, now: Timestamp) -> Result<(), StoreError> {
        todo!("{lease:?} {now}")
    }

    /// Gives back all tasks of workers whose names start with `prefix` and which are known to be dead, without waiting for
    /// their leases to end. Their attempts count: one of them may be what killed the process. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release_worker(&self, prefix: &str, now: Timestamp) -> Result<u64, StoreError> {
        todo!("{prefix} {now}")
    }

    /// How many tasks are in which state; `registry_id` for those of one registry's images.
    ///
    /// # Errors
    /// The database fails.
    pub async fn task_counts(&self, registry_id: Option<i64>) -> Result<TaskCounts, StoreError> {
        todo!("{registry_id:?}")
    }

    /// The failed tasks, newest first, with their errors; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn failed_tasks(&self, limit: u32) -> Result<Vec<TaskStatus>, StoreError> {
        todo!("{limit}")
    }

    /// Waits until this process queues a task. A hint only: other processes queue too and retries become due, so poll as
    /// well.
    pub async fn task_hint(&self) {
        todo!()
    }
}
