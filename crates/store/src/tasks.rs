//! Scan tasks: a queue of rows with leases and fencing numbers. Here are their words; `tasks/queue.rs` fills the queue, `claims`
//! empties it.
//!
//! In: artifacts to scan. Out: [`Task`]s for workers, one row per artifact, which is used again for the next scan. A claim
//! raises the row's generation; every later write names it and does nothing if it is no longer the row's. So a worker that
//! was stopped for an hour lands nothing stale.
//!
//! Odd:
//! * An expired lease needs no recovery: the claim takes it like a queued row. The attempts of a task that kills its
//!   worker count too, so that it ends as failed after [`MAX_ATTEMPTS`] and cannot block others.
//! * Order of claims: what a person asked for, what was pushed, what is scheduled; within that, as `shares` says, each registry
//!   in its turn.
//! * A person's word holds: what was cancelled is queued again only when a person, a push or a schedule of scans asks for it.

mod queue;

use plimsoll_model::{Digest, MatchContext, Timestamp};

pub(crate) use self::queue::{queue_first_scan, requeue};
use crate::{StoreError, column, database::DatabaseRow};

/// How often a task is tried before it stays failed.
pub const MAX_ATTEMPTS: u32 = 5;

/// How long a lease lasts unless it is extended, in seconds, where nobody said otherwise.
pub const LEASE_SECONDS: i64 = 60;

/// Who wants a scan; earlier goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// A person.
    User,
    /// A registry or a build that said what it has just received.
    Push,
    /// A sync, a schedule, or other detectors.
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
    /// Given up, for a [`FailReason`]: a dead letter. A person can ask again.
    Failed,
    /// A person said that it is not to be done.
    Cancelled,
}

/// Why a task stays failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailReason {
    /// Every attempt failed.
    Attempts,
    /// Another attempt would end the same.
    Final,
    /// Its worker died or was stopped during the last attempt: the image may be what stops it.
    WorkerLost,
    /// The image was read as far as it goes, and cannot be told anything about.
    Unreadable,
}

impl FailReason {
    /// `attempts`, `final`, `worker-lost`, `unreadable`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Final => "final",
            Self::WorkerLost => "worker-lost",
            Self::Unreadable => "unreadable",
        }
    }
}

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// `queued`, `running`, `done`, `failed`, `cancelled`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
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
    /// How the images are used of which the result is: their packages are judged by it.
    pub context: MatchContext,
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
    /// In which trace it was asked for.
    pub traceparent: Option<String>,
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
    /// Not to be done.
    pub cancelled: u64,
}

impl TaskCounts {
    /// Those in one state.
    #[must_use]
    pub const fn of(&self, state: TaskState) -> u64 {
        match state {
            TaskState::Queued => self.queued,
            TaskState::Running => self.running,
            TaskState::Done => self.done,
            TaskState::Failed => self.failed,
            TaskState::Cancelled => self.cancelled,
        }
    }

    /// Queued and running.
    #[must_use]
    pub const fn open(&self) -> u64 {
        self.queued + self.running
    }
}

pub(crate) const STATES: &[(&str, TaskState)] = &[
    ("queued", TaskState::Queued),
    ("running", TaskState::Running),
    ("done", TaskState::Done),
    ("failed", TaskState::Failed),
    ("cancelled", TaskState::Cancelled),
];

pub(crate) const REASONS: &[(&str, FailReason)] = &[
    ("attempts", FailReason::Attempts),
    ("final", FailReason::Final),
    ("worker-lost", FailReason::WorkerLost),
    ("unreadable", FailReason::Unreadable),
];

/// How much of an error is kept, in characters.
const LONGEST_ERROR: usize = 2_000;

/// An error as it is stored.
pub(crate) fn cut(error: &str) -> String {
    error.chars().take(LONGEST_ERROR).collect()
}

impl Origin {
    /// `person`, `push`, `schedule`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "person",
            Self::Push => "push",
            Self::Schedule => "schedule",
        }
    }

    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::User => 0,
            Self::Push => 1,
            Self::Schedule => 2,
        }
    }

    pub(crate) const fn of(number: i64) -> Self {
        match number {
            ..=0 => Self::User,
            1 => Self::Push,
            _ => Self::Schedule,
        }
    }
}

impl TaskStatus {
    /// Reads the columns that lists join; `None` when there is no task.
    pub(crate) fn from_joined(row: &DatabaseRow) -> Result<Option<Self>, StoreError> {
        if column::get::<Option<String>>(row, "task_state")?.is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            digest: column::artifact(row, "artifact_digest")?.digest,
            state: column::word(row, "task_state", STATES)?,
            attempts: column::number(row, "task_attempts")?,
            error: column::get(row, "task_error")?,
            queued: column::time(row, "task_queued")?,
            finished: column::optional_time(row, "task_finished")?,
        }))
    }
}
