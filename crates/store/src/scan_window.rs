//! The window of scans: images whose tag moved longer ago are not scanned by themselves. And what is known of a digest's task.
//!
//! In: the setting, and times. Out: tasks for images that have never been scanned. Odd: what a person names is scanned whatever
//! its age; so is what was scanned before, when detectors change.

use plimsoll_model::{Digest, Timestamp};

use crate::{
    Origin, Store, StoreError, TaskStatus, column, database::Transaction, error::Doing, settings,
    statement,
};

const ENQUEUE: &str = "queueing first scans";

/// Setting: how many days ago a tag may have moved for a sync to have its image scanned; not set: any number.
pub const SCAN_DAYS_SETTING: &str = "scan.days";

/// From when on tags must have moved for a sync to have their images scanned.
pub(crate) async fn scanned_from(
    transaction: &mut Transaction,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let days = settings::read(transaction, SCAN_DAYS_SETTING).await?;
    let days: Option<i64> = days.and_then(|text| text.parse().ok());
    let from = days.map(|days| now.0.saturating_sub(days.saturating_mul(86_400)));
    Ok(Timestamp(from.unwrap_or(i64::MIN)))
}

impl Store {
    /// Queues the first scan of every image whose tag moved then or later and which has none; `None`: of every image. Returns
    /// how many artifacts were queued. What builds announced is scanned by them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn enqueue_unscanned(
        &self,
        moved_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.write().await?;
        let done = statement::query(
            "INSERT INTO tasks (artifact_id, registry_id, state, origin, attempts, generation, due, queued) \
             SELECT i.artifact_id, MIN(i.registry_id), 'queued', $2, 0, 0, $3, $3 FROM images i \
             JOIN artifacts a ON a.id = i.artifact_id JOIN registries r ON r.id = i.registry_id \
             WHERE i.updated >= $1 AND a.report_digest IS NULL AND r.reported_type <> 'CI/CD' \
             GROUP BY i.artifact_id ORDER BY i.artifact_id ON CONFLICT (artifact_id) DO NOTHING",
        )
        .bind(moved_since.map_or(i64::MIN, |since| since.0))
        .bind(Origin::Schedule.number())
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(ENQUEUE)?;
        transaction.commit().await.doing(ENQUEUE)?;
        if done.rows_affected() > 0 {
            self.hint_tasks();
        }
        Ok(done.rows_affected())
    }

    /// The task of a digest that was queued last, with its number.
    ///
    /// # Errors
    /// The database fails.
    pub async fn latest_task_of(
        &self,
        digest: &Digest,
    ) -> Result<Option<(i64, TaskStatus)>, StoreError> {
        let row = statement::query(
            "SELECT t.id, a.digest AS artifact_digest, t.state AS task_state, t.attempts AS task_attempts, \
             t.error AS task_error, t.queued AS task_queued, t.finished AS task_finished \
             FROM tasks t JOIN artifacts a ON a.id = t.artifact_id WHERE t.artifact_id IN \
             (SELECT i.artifact_id FROM images i WHERE i.manifest_digest = $1 OR i.digest = $1) \
             ORDER BY t.queued DESC, t.id DESC LIMIT 1",
        )
        .bind(digest.to_string())
        .fetch_optional(&mut *self.read().await?)
        .await
        .doing("reading a digest's task")?;
        let Some(row) = row else { return Ok(None) };
        let id = column::number(&row, "id")?;
        Ok(TaskStatus::from_joined(&row)?.map(|status| (id, status)))
    }
}
