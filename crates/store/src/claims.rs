//! Claiming tasks and ending them: everything that holds or loses a lease.
//!
//! In: a worker's name, later its lease. Out: a [`Task`] with a fencing number, by the rules in the head of `tasks`. Odd:
//! what is chosen depends on all that runs (shares of registries), so that claims come one after another on both databases:
//! `database.rs` has one writer at a time. Rows that are locked one by one (`FOR UPDATE SKIP LOCKED`) would not keep shares.

use plimsoll_model::Timestamp;

use crate::{
    FailOutcome, LEASE_SECONDS, Lease, MAX_ATTEMPTS, Origin, Retry, Store, StoreError, Task,
    column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    images::join_path,
    statement,
    tasks::cut,
};

const CLAIM: &str = "claiming a task";

impl Store {
    /// Takes the next task for [`LEASE_SECONDS`]; `worker` names the process and thread, for people and for
    /// [`Store::release_worker`].
    ///
    /// # Errors
    /// The database fails.
    pub async fn claim(&self, worker: &str, now: Timestamp) -> Result<Option<Task>, StoreError> {
        // Workers that wait for work look without taking the write lock.
        if !has_claimable(&mut *self.read().await?, now).await? {
            return Ok(None);
        }
        let mut transaction = self.write().await?;
        give_up_exhausted(&mut transaction, now).await?;
        let mut task = None;
        while let Some(next) = next_claimable(&mut transaction, now).await? {
            task = take(&mut transaction, next, worker, now).await?;
            if task.is_some() {
                break;
            }
        }
        transaction.commit().await.doing(CLAIM)?;
        Ok(task)
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
        const DOING: &str = "extending a lease";
        let until = Timestamp(now.0.saturating_add(LEASE_SECONDS));
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE tasks SET lease_until = $3 WHERE id = $1 AND generation = $2 AND state = 'running'",
        )
        .bind(lease.task_id)
        .bind(lease.generation)
        .bind(until.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok((done.rows_affected() == 1).then(|| Lease { until, ..lease.clone() }))
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
        const DOING: &str = "recording a failed attempt";
        let mut transaction = self.write().await?;
        let row = statement::query(
            "SELECT attempts FROM tasks WHERE id = $1 AND generation = $2 AND state = 'running'",
        )
        .bind(lease.task_id)
        .bind(lease.generation)
        .fetch_optional(&mut transaction)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Ok(FailOutcome::Dropped) };
        let attempts: u32 = column::number(&row, "attempts")?;
        let outcome = if retry == Retry::Never || attempts >= MAX_ATTEMPTS {
            FailOutcome::Failed
        } else {
            FailOutcome::Again(Timestamp(now.0.saturating_add(pause(lease.task_id, attempts))))
        };
        let (state, due) = match outcome {
            FailOutcome::Again(due) => ("queued", due),
            FailOutcome::Failed | FailOutcome::Dropped => ("failed", now),
        };
        statement::query(
            "UPDATE tasks SET state = $2, due = $3, error = $4, finished = $5, worker = NULL, lease_until = NULL \
             WHERE id = $1",
        )
        .bind(lease.task_id)
        .bind(state)
        .bind(due.0)
        .bind(cut(error))
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(outcome)
    }

    /// Gives a task back untouched, as at shutdown: the attempt does not count.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release(&self, lease: &Lease, now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "giving a task back";
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE tasks SET state = 'queued', attempts = attempts - 1, due = $3, worker = NULL, lease_until = NULL \
             WHERE id = $1 AND generation = $2 AND state = 'running'",
        )
        .bind(lease.task_id)
        .bind(lease.generation)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        self.hint_tasks();
        Ok(())
    }

    /// Gives back all tasks of workers whose names start with `prefix` and which are known to be dead, without waiting for
    /// their leases to end. Their attempts count: one of them may be what killed the process. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release_worker(&self, prefix: &str, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "giving back the tasks of a dead worker";
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE tasks SET lease_until = $2 WHERE state = 'running' AND lease_until > $2 \
             AND substr(worker, 1, length($1)) = $1",
        )
        .bind(prefix)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        if done.rows_affected() > 0 {
            self.hint_tasks();
        }
        Ok(done.rows_affected())
    }
}

/// Half a minute, doubled with each attempt, spread by a quarter minute so that what failed together is not tried together.
fn pause(task_id: i64, attempts: u32) -> i64 {
    let doubled = 30_i64.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    doubled.saturating_add(task_id.rem_euclid(16))
}

async fn has_claimable(
    connection: &mut DatabaseConnection,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = statement::query(
        "SELECT 1 FROM tasks WHERE (state = 'queued' AND due <= $1) OR (state = 'running' AND lease_until <= $1) LIMIT 1",
    )
    .bind(now.0)
    .fetch_optional(connection)
    .await
    .doing(CLAIM)?;
    Ok(row.is_some())
}

/// Ends tasks whose last allowed attempt ended without a word: its worker died or was stopped.
async fn give_up_exhausted(
    transaction: &mut Transaction,
    now: Timestamp,
) -> Result<(), StoreError> {
    statement::query(
        "UPDATE tasks SET state = 'failed', finished = $1, lease_until = NULL, error = 'worker ' || worker || \
         ' stopped during attempt ' || attempts || ', the last one; the image may be what stops it' \
         WHERE state = 'running' AND lease_until <= $1 AND attempts >= $2",
    )
    .bind(now.0)
    .bind(i64::from(MAX_ATTEMPTS))
    .execute(transaction)
    .await
    .doing(CLAIM)?;
    Ok(())
}

/// The task to take next: a person's before a schedule's, then of the registry with the fewest running scans, then the
/// oldest.
async fn next_claimable(
    transaction: &mut Transaction,
    now: Timestamp,
) -> Result<Option<DatabaseRow>, StoreError> {
    statement::query(
        "SELECT t.* FROM tasks t LEFT JOIN ( \
             SELECT registry_id, COUNT(*) AS number FROM tasks \
             WHERE state = 'running' AND lease_until > $1 GROUP BY registry_id \
         ) busy ON busy.registry_id = t.registry_id \
         WHERE (t.state = 'queued' AND t.due <= $1) OR (t.state = 'running' AND t.lease_until <= $1) \
         ORDER BY t.origin, COALESCE(busy.number, 0), t.queued, t.id LIMIT 1",
    )
    .bind(now.0)
    .fetch_optional(transaction)
    .await
    .doing(CLAIM)
}

/// Gives a task to a worker. One that no image names any more is removed instead.
async fn take(
    transaction: &mut Transaction,
    row: DatabaseRow,
    worker: &str,
    now: Timestamp,
) -> Result<Option<Task>, StoreError> {
    let task_id: i64 = column::number(&row, "id")?;
    let image = statement::query(
        "SELECT i.registry_id, i.namespace, i.repository, i.tag, a.digest, a.platform \
         FROM images i JOIN artifacts a ON a.id = i.artifact_id WHERE i.artifact_id = $1 \
         ORDER BY CASE WHEN i.registry_id = $2 THEN 0 ELSE 1 END, i.updated DESC, i.id LIMIT 1",
    )
    .bind(column::number::<i64>(&row, "artifact_id")?)
    .bind(column::number::<i64>(&row, "registry_id")?)
    .fetch_optional(transaction)
    .await
    .doing(CLAIM)?;
    let Some(image) = image else {
        statement::query("DELETE FROM tasks WHERE id = $1")
            .bind(task_id)
            .execute(transaction)
            .await
            .doing(CLAIM)?;
        return Ok(None);
    };
    let registry_id = column::number(&image, "registry_id")?;
    let attempt = column::number::<u32>(&row, "attempts")?.saturating_add(1);
    let generation = column::number::<i64>(&row, "generation")?.saturating_add(1);
    let until = Timestamp(now.0.saturating_add(LEASE_SECONDS));
    statement::query(
        "UPDATE tasks SET state = 'running', registry_id = $2, attempts = $3, generation = $4, worker = $5, \
         lease_until = $6 WHERE id = $1",
    )
    .bind(task_id)
    .bind(registry_id)
    .bind(i64::from(attempt))
    .bind(generation)
    .bind(worker)
    .bind(until.0)
    .execute(transaction)
    .await
    .doing(CLAIM)?;
    let key = column::artifact(&image, "digest")?;
    Ok(Some(Task {
        lease: Lease { task_id, generation, until, context: key.context },
        digest: key.digest,
        platform: column::text(&image, "platform")?,
        registry_id,
        path: join_path(&column::text(&image, "namespace")?, &column::text(&image, "repository")?),
        tag: column::text(&image, "tag")?,
        attempt,
        origin: if column::number::<i64>(&row, "origin")? == 0 {
            Origin::User
        } else {
            Origin::Schedule
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        assert_eq!((1..5).map(|attempt| pause(0, attempt)).collect::<Vec<_>>(), [30, 60, 120, 240]);
        assert_ne!(pause(1, 1), pause(2, 1));
        assert_eq!(pause(i64::MIN, u32::MAX), 30 * 1024);
    }
}
