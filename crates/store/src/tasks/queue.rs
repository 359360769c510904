//! Queueing scans: what a person, a push, a schedule, a sync or other detectors ask for.
//!
//! In: artifacts, and who wants them scanned. Out: rows that wait. Odd: a wish for what waits already moves it forward, never back;
//! what was cancelled is not queued by what nobody asked for, as a sync or other detectors.

use plimsoll_model::{Digest, Timestamp};

use super::{Enqueued, Origin, STATES, TaskState};
use crate::{
    Store, StoreError,
    asked_in::traceparent,
    column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    statement,
};

const ENQUEUE: &str = "queueing a scan";

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
        "INSERT INTO tasks (artifact_id, registry_id, state, origin, attempts, generation, due, queued, traceparent) \
         SELECT a.id, $2, 'queued', $3, 0, 0, $4, $4, $5 FROM artifacts a WHERE a.id = $1 AND a.report_digest IS NULL \
         AND NOT EXISTS (SELECT 1 FROM registries r WHERE r.id = $2 AND r.reported_type = 'CI/CD') \
         ON CONFLICT (artifact_id) DO NOTHING",
    )
    .bind(artifact)
    .bind(registry_id)
    .bind(origin.number())
    .bind(now.0)
    .bind(traceparent())
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
        "UPDATE tasks SET state = 'queued', origin = $2, attempts = 0, due = $3, queued = $3, reason = NULL, \
         traceparent = $4 WHERE id = $1 AND state IN ('done', 'failed', 'cancelled')",
    )
    .bind(task)
    .bind(origin.number())
    .bind(now.0)
    .bind(traceparent())
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
            "INSERT INTO tasks (artifact_id, registry_id, state, origin, attempts, generation, due, queued, traceparent) \
             VALUES ($1, $2, 'queued', $3, 0, 0, $4, $4, $5)",
        )
        .bind(artifact)
        .bind(registry_id)
        .bind(origin.number())
        .bind(now.0)
        .bind(traceparent())
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
                "UPDATE tasks SET origin = $2, due = CASE WHEN $2 = 0 THEN $3 ELSE due END, \
                 traceparent = COALESCE($4, traceparent) WHERE id = $1 AND origin >= $2",
            )
            .bind(id)
            .bind(origin.number())
            .bind(now.0)
            .bind(traceparent())
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
