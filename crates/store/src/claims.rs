//! Claiming tasks and ending them: everything that holds or loses a lease.
//!
//! In: a worker's name, later its lease. Out: a [`Task`] with a fencing number, by the rules in the head of `tasks`. Odd:
//! what is chosen depends on all that runs (shares of registries), so that claims come one after another on both databases:
//! `database.rs` has one writer at a time. Rows that are locked one by one (`FOR UPDATE SKIP LOCKED`) would not keep shares.

use plimsoll_model::Timestamp;

use crate::{
    FailOutcome, FailReason, Lease, MAX_ATTEMPTS, Origin, Retry, Store, StoreError, Task, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    images::join_path,
    shares, statement,
    tasks::cut,
};

const CLAIM: &str = "claiming a task";

impl Store {
    /// Takes the next task for [`Store::lease`]; `worker` names the process and thread, for people and for
    /// [`Store::release_worker`].
    ///
    /// # Errors
    /// The database fails.
    pub async fn claim(&self, worker: &str, now: Timestamp) -> Result<Option<Task>, StoreError> {
        // Workers that wait for work, or for a rate, look without taking the write lock.
        if !may_claim(&mut *self.read().await?, now).await? {
            return Ok(None);
        }
        let mut transaction = self.write().await?;
        give_up_exhausted(&mut transaction, now).await?;
        let mut task = None;
        while let Some(next) = next_claimable(&mut transaction, now).await? {
            let until = self.lease_from(now);
            task = take(&mut transaction, next, worker, (now, until)).await?;
            if task.is_some() {
                break;
            }
        }
        transaction.commit().await.doing(CLAIM)?;
        Ok(task)
    }

    /// Extends a lease to [`Store::lease`] from `now`; `None` when it was lost: stop scanning.
    ///
    /// # Errors
    /// The database fails.
    pub async fn heartbeat(
        &self,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        const DOING: &str = "extending a lease";
        let until = self.lease_from(now);
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
        let reason = match retry {
            Retry::Never => Some(FailReason::Final),
            Retry::Later => (attempts >= MAX_ATTEMPTS).then_some(FailReason::Attempts),
        };
        let outcome = match reason {
            Some(_) => FailOutcome::Failed,
            None => FailOutcome::Again(Timestamp(now.0.saturating_add(pause(lease, attempts)))),
        };
        let (state, due) = match outcome {
            FailOutcome::Again(due) => ("queued", due),
            FailOutcome::Failed | FailOutcome::Dropped => ("failed", now),
        };
        statement::query(
            "UPDATE tasks SET state = $2, due = $3, error = $4, finished = $5, reason = $6, worker = NULL, \
             lease_until = NULL WHERE id = $1",
        )
        .bind(lease.task_id)
        .bind(state)
        .bind(due.0)
        .bind(cut(error))
        .bind(now.0)
        .bind(reason.map(FailReason::as_str))
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

/// Half a minute, doubled with each attempt, and up to a quarter of that again, so that what failed together is not tried
/// together. The same claim of the same task has the same pause: tests and people can tell it beforehand.
fn pause(lease: &Lease, attempts: u32) -> i64 {
    let doubled = 30_i64.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    // The first steps of SplitMix64: neighbours come out far apart.
    let mixed =
        lease.task_id.wrapping_mul(-7_046_029_254_386_353_131).wrapping_add(lease.generation);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(-4_658_895_280_553_007_687);
    doubled.saturating_add((mixed ^ (mixed >> 27)).rem_euclid(doubled / 4))
}

async fn may_claim(
    connection: &mut DatabaseConnection,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !has_due(connection, now).await? {
        return Ok(false);
    }
    Ok(!shares::has_rates(connection).await? || shares::next_task(connection, now).await?.is_some())
}

async fn has_due(connection: &mut DatabaseConnection, now: Timestamp) -> Result<bool, StoreError> {
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
        "UPDATE tasks SET state = 'failed', finished = $1, lease_until = NULL, reason = 'worker-lost', error = 'worker ' || worker || \
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

/// The task to take next, as `shares` says.
async fn next_claimable(
    transaction: &mut Transaction,
    now: Timestamp,
) -> Result<Option<DatabaseRow>, StoreError> {
    let Some(task) = shares::next_task(transaction, now).await? else { return Ok(None) };
    let row = statement::query("SELECT * FROM tasks WHERE id = $1")
        .bind(task)
        .fetch_one(transaction)
        .await
        .doing(CLAIM)?;
    Ok(Some(row))
}

/// Gives a task to a worker. One that no image names any more is removed instead.
async fn take(
    transaction: &mut Transaction,
    row: DatabaseRow,
    worker: &str,
    (now, until): (Timestamp, Timestamp),
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
    shares::charge(transaction, registry_id, now).await?;
    let key = column::artifact(&image, "digest")?;
    Ok(Some(Task {
        lease: Lease { task_id, generation, until, context: key.context },
        digest: key.digest,
        platform: column::text(&image, "platform")?,
        registry_id,
        path: join_path(&column::text(&image, "namespace")?, &column::text(&image, "repository")?),
        tag: column::text(&image, "tag")?,
        attempt,
        origin: Origin::of(column::number(&row, "origin")?),
        traceparent: column::get(&row, "traceparent")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(task_id: i64, generation: i64, attempts: u32) -> i64 {
        let lease = Lease {
            task_id,
            generation,
            until: Timestamp(0),
            context: plimsoll_model::MatchContext::default(),
        };
        pause(&lease, attempts)
    }

    #[test]
    fn pauses_grow_and_differ() {
        for attempt in 1..5 {
            let shortest = 30 << (attempt - 1);
            let pauses: std::collections::BTreeSet<i64> =
                (0..1_000).map(|task| of(task, i64::from(attempt), attempt)).collect();
            assert!(pauses.iter().all(|pause| (shortest..shortest + shortest / 4).contains(pause)));
            assert!(pauses.len() > usize::try_from(shortest / 5).unwrap(), "{pauses:?}");
        }
        assert!(of(i64::MIN, i64::MAX, u32::MAX) < 40 * 1024);
    }
}
