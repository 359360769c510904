//! Scan tasks: a queue of rows with leases and fencing numbers.
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

use plimsoll_model::{Digest, MatchContext, Timestamp};

use crate::{
    Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    statement,
};

const ENQUEUE: &str = "queueing a scan";

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
        let mut transaction = self.write().await?;
        let rows = statement::query(
            "SELECT i.artifact_id, MIN(i.registry_id) AS registry_id FROM images i WHERE i.manifest_digest = $1 \
             GROUP BY i.artifact_id ORDER BY i.artifact_id",
        )
        .bind(digest.to_string())
        .fetch_all(&mut transaction)
        .await
        .doing(ENQUEUE)?;
        if rows.is_empty() {
            return Ok(Enqueued::Unknown);
        }
        let queued = queue_all(&mut transaction, &rows, origin, now).await?;
        transaction.commit().await.doing(ENQUEUE)?;
        if queued == 0 {
            return Ok(Enqueued::Open);
        }
        self.hint_tasks();
        Ok(Enqueued::Queued)
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
        let mut transaction = self.write().await?;
        let rows = statement::query(
            "SELECT i.artifact_id, MIN(i.registry_id) AS registry_id FROM images i \
             WHERE $1 IS NULL OR i.registry_id = $1 GROUP BY i.artifact_id ORDER BY i.artifact_id",
        )
        .bind(registry_id)
        .fetch_all(&mut transaction)
        .await
        .doing(ENQUEUE)?;
        let queued = queue_all(&mut transaction, &rows, origin, now).await?;
        transaction.commit().await.doing(ENQUEUE)?;
        if queued > 0 {
            self.hint_tasks();
        }
        Ok(queued)
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
        let snapshot = snapshot.map(ToString::to_string);
        let outdated =
            outdated(&mut *self.read().await?, snapshot.as_deref(), detectors_version).await?;
        if outdated.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.write().await?;
        let rows = self::outdated(&mut transaction, snapshot.as_deref(), detectors_version).await?;
        let queued = queue_all(&mut transaction, &rows, Origin::Schedule, now).await?;
        transaction.commit().await.doing(ENQUEUE)?;
        if queued > 0 {
            self.hint_tasks();
        }
        Ok(queued)
    }

    /// Waits until this process queues a task. A hint only: other processes queue too and retries become due, so poll as
    /// well.
    pub async fn task_hint(&self) {
        self.hint().notified().await;
    }

    /// Wakes all who wait, and the next one that comes to wait: it may have looked before the task was there.
    pub(crate) fn hint_tasks(&self) {
        self.hint().notify_waiters();
        self.hint().notify_one();
    }
}

/// Queues an artifact's first scan; 0 when it was scanned or queued before, or is what builds report.
pub(crate) async fn queue_first_scan(
    transaction: &mut Transaction,
    artifact: i64,
    registry_id: i64,
    origin: Origin,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let done = statement::query(
        "INSERT INTO tasks (artifact_id, registry_id, state, origin, attempts, generation, due, queued) \
         SELECT a.id, $2, 'queued', $3, 0, 0, $4, $4 FROM artifacts a WHERE a.id = $1 AND a.report_digest IS NULL \
         AND NOT EXISTS (SELECT 1 FROM registries r WHERE r.id = $2 AND r.reported_type = 'CI/CD') \
         ON CONFLICT (artifact_id) DO NOTHING",
    )
    .bind(artifact)
    .bind(registry_id)
    .bind(origin.number())
    .bind(now.0)
    .execute(transaction)
    .await
    .doing(ENQUEUE)?;
    Ok(done.rows_affected())
}

/// Queues a task that ended; 0 when it is queued or running.
pub(crate) async fn requeue(
    transaction: &mut Transaction,
    task: i64,
    origin: Origin,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let done = statement::query(
        "UPDATE tasks SET state = 'queued', origin = $2, attempts = 0, due = $3, queued = $3, reason = NULL \
         WHERE id = $1 AND state IN ('done', 'failed', 'cancelled')",
    )
    .bind(task)
    .bind(origin.number())
    .bind(now.0)
    .execute(transaction)
    .await
    .doing(ENQUEUE)?;
    Ok(done.rows_affected())
}

/// Queues an artifact whatever its task's past; 0 when it is queued or running. A wish that goes before the one for which it
/// is queued takes its place; a person's does not wait for a retry's pause either.
async fn queue(
    transaction: &mut Transaction,
    artifact: i64,
    registry_id: i64,
    origin: Origin,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let row = statement::query("SELECT id, state, origin FROM tasks WHERE artifact_id = $1")
        .bind(artifact)
        .fetch_optional(transaction)
        .await
        .doing(ENQUEUE)?;
    let Some(row) = row else {
        let done = statement::query(
            "INSERT INTO tasks (artifact_id, registry_id, state, origin, attempts, generation, due, queued) \
             VALUES ($1, $2, 'queued', $3, 0, 0, $4, $4)",
        )
        .bind(artifact)
        .bind(registry_id)
        .bind(origin.number())
        .bind(now.0)
        .execute(transaction)
        .await
        .doing(ENQUEUE)?;
        return Ok(done.rows_affected());
    };
    let id = column::number(&row, "id")?;
    match column::word(&row, "state", STATES)? {
        TaskState::Done | TaskState::Failed | TaskState::Cancelled => {
            requeue(transaction, id, origin, now).await
        }
        TaskState::Queued if origin != Origin::Schedule => {
            statement::query(
                "UPDATE tasks SET origin = $2, due = CASE WHEN $2 = 0 THEN $3 ELSE due END WHERE id = $1 AND origin >= $2",
            )
            .bind(id)
            .bind(origin.number())
            .bind(now.0)
            .execute(transaction)
            .await
            .doing(ENQUEUE)?;
            Ok(0)
        }
        TaskState::Queued | TaskState::Running => Ok(0),
    }
}

/// Queues the artifacts of rows with `artifact_id` and `registry_id`.
async fn queue_all(
    transaction: &mut Transaction,
    rows: &[DatabaseRow],
    origin: Origin,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut queued = 0;
    for row in rows {
        let artifact = column::number(row, "artifact_id")?;
        let registry = column::number(row, "registry_id")?;
        queued += queue(transaction, artifact, registry, origin, now).await?;
    }
    Ok(queued)
}

/// Artifacts with images whose report is not current and whose task is not open. What builds reported is theirs to look at
/// again.
async fn outdated(
    connection: &mut DatabaseConnection,
    snapshot: Option<&str>,
    detectors_version: &str,
) -> Result<Vec<DatabaseRow>, StoreError> {
    statement::query(
        "SELECT i.artifact_id, MIN(i.registry_id) AS registry_id FROM images i \
         JOIN registries r ON r.id = i.registry_id AND r.reported_type <> 'CI/CD' \
         JOIN artifacts a ON a.id = i.artifact_id LEFT JOIN tasks t ON t.artifact_id = a.id \
         WHERE a.report_digest IS NOT NULL \
         AND ((a.inventory_id IS NULL AND COALESCE(a.snapshot, '') <> $1) OR COALESCE(a.detectors_version, '') <> $2) \
         AND (t.state IS NULL OR t.state IN ('done', 'failed')) \
         GROUP BY i.artifact_id ORDER BY i.artifact_id",
    )
    .bind(snapshot.unwrap_or(""))
    .bind(detectors_version)
    .fetch_all(connection)
    .await
    .doing("looking for outdated reports")
}
