//! Tasks as people see them: counted, listed, cancelled, asked for again.
//!
//! In: filters and numbers of tasks. Out: [`TaskItem`]s with the image that each one is about, or what became of a wish. Odd: to
//! cancel a running task is to take its lease away, so that whatever its worker still writes lands nowhere; the worker hears it
//! with its next heartbeat.

use plimsoll_model::{Digest, Timestamp};

use crate::{
    Enqueued, FailReason, Origin, Store, StoreError, TaskCounts, TaskState, TaskStatus, column,
    database::DatabaseRow,
    error::Doing,
    images::join_path,
    statement,
    tasks::{REASONS, STATES, requeue},
    tenants::NOBODY_ELSE,
};

const LIST: &str = "listing tasks";
const CANCEL: &str = "cancelling tasks";
const RETRY: &str = "queueing tasks again";

/// Which tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaskQuery {
    /// Only those in this state.
    pub state: Option<TaskState>,
    /// Only those that take this registry's share of the workers.
    pub registry_id: Option<i64>,
    /// Which page, from 1.
    pub page: u32,
    /// How many a page.
    pub page_size: u32,
}

/// One page of tasks: what runs, what waits in the order of its origin and age, then what ended, latest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskPage {
    /// How many there are in all.
    pub total: u64,
    /// Those of the page.
    pub tasks: Vec<TaskItem>,
}

/// One task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskItem {
    /// Its number.
    pub id: i64,
    /// The platform manifest that is scanned.
    pub digest: Digest,
    /// The registry whose share of the workers it takes; `None`: it is gone.
    pub registry: Option<String>,
    /// Whose registry that is; `None`: the site's own, or gone.
    pub tenant: Option<String>,
    /// An image that has the manifest, as `team/app:tag`; `None`: none has any more.
    pub image: Option<String>,
    /// How it stands.
    pub state: TaskState,
    /// Who wants it.
    pub origin: Origin,
    /// How often it was tried since it was last queued.
    pub attempts: u32,
    /// How often it was claimed at all.
    pub generation: i64,
    /// Who has it.
    pub worker: Option<String>,
    /// Until when.
    pub lease_until: Option<Timestamp>,
    /// Not before.
    pub due: Timestamp,
    /// When it was last queued.
    pub queued: Timestamp,
    /// When an attempt last ended, well or not.
    pub finished: Option<Timestamp>,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
    /// Why it stays failed.
    pub reason: Option<FailReason>,
}

/// What became of a wish to cancel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cancelled {
    /// It waited, and waits no longer.
    Queued,
    /// It ran; its worker stops, and its result is dropped.
    Running,
    /// It had ended, in this state.
    Ended(TaskState),
    /// There is no such task.
    Unknown,
}

/// The columns of [`TaskItem`], of `tasks` as `t`.
const COLUMNS: &str = "t.id, t.state, t.origin, t.attempts, t.generation, t.worker, t.lease_until, t.due, t.queued, t.finished, \
     t.error, t.reason, a.digest AS artifact_digest, r.name AS registry_name, r.tenant AS registry_tenant, i.namespace, i.repository, i.tag";
/// What they are read from, behind the rows of `tasks`.
const JOINED: &str = " t JOIN artifacts a ON a.id = t.artifact_id LEFT JOIN registries r ON r.id = t.registry_id \
     LEFT JOIN images i ON i.id = COALESCE( \
     (SELECT MIN(x.id) FROM images x WHERE x.artifact_id = t.artifact_id AND x.registry_id = t.registry_id), \
     (SELECT MIN(x.id) FROM images x WHERE x.artifact_id = t.artifact_id))";
const ORDER: &str = " ORDER BY CASE t.state WHEN 'running' THEN 0 WHEN 'queued' THEN 1 ELSE 2 END, \
     CASE WHEN t.state IN ('running', 'queued') THEN t.origin ELSE 0 END, \
     CASE WHEN t.state IN ('running', 'queued') THEN t.queued ELSE -COALESCE(t.finished, t.queued) END, t.id";

impl Store {
    /// How many tasks are in which state; `registry_id` for those of one registry's images.
    ///
    /// # Errors
    /// The database fails.
    pub async fn task_counts(&self, registry_id: Option<i64>) -> Result<TaskCounts, StoreError> {
        let rows = statement::query(
            "SELECT t.state, COUNT(*) AS number FROM tasks t WHERE $1 IS NULL \
             OR EXISTS (SELECT 1 FROM images i WHERE i.artifact_id = t.artifact_id AND i.registry_id = $1) \
             GROUP BY t.state",
        )
        .bind(registry_id)
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("counting tasks")?;
        let mut counts = TaskCounts::default();
        for row in &rows {
            let count = match column::word(row, "state", STATES)? {
                TaskState::Queued => &mut counts.queued,
                TaskState::Running => &mut counts.running,
                TaskState::Done => &mut counts.done,
                TaskState::Failed => &mut counts.failed,
                TaskState::Cancelled => &mut counts.cancelled,
            };
            *count = column::number(row, "number")?;
        }
        Ok(counts)
    }

    /// Since when the oldest task waits that is due; `None`: none waits.
    ///
    /// # Errors
    /// The database fails.
    pub async fn oldest_due_task(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let row = statement::query(
            "SELECT MIN(queued) AS queued FROM tasks WHERE state = 'queued' AND due <= $1",
        )
        .bind(now.0)
        .fetch_one(&mut *self.read().await?)
        .await
        .doing("looking for the oldest task")?;
        column::optional_time(&row, "queued")
    }

    /// The failed tasks, newest first, with their errors; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn failed_tasks(&self, limit: u32) -> Result<Vec<TaskStatus>, StoreError> {
        let rows = statement::query(
            "SELECT a.digest AS artifact_digest, t.state AS task_state, t.attempts AS task_attempts, \
             t.error AS task_error, t.queued AS task_queued, t.finished AS task_finished \
             FROM tasks t JOIN artifacts a ON a.id = t.artifact_id WHERE t.state = 'failed' \
             ORDER BY t.finished DESC, a.digest LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("listing failed tasks")?;
        rows.iter().filter_map(|row| TaskStatus::from_joined(row).transpose()).collect()
    }

    /// A page of tasks.
    ///
    /// # Errors
    /// The database fails.
    pub async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        const WANTED: &str = "($1 IS NULL OR t.state = $1) AND ($2 IS NULL OR t.registry_id = $2)";
        let state = query.state.map(TaskState::as_str);
        let size = i64::from(query.page_size);
        let before = size.saturating_mul(i64::from(query.page.saturating_sub(1)));
        let mut snapshot = self.snapshot().await?;
        let count = format!("SELECT COUNT(*) AS number FROM tasks t WHERE {WANTED}");
        let row = statement::query(sqlx::AssertSqlSafe(count))
            .bind(state)
            .bind(query.registry_id)
            .fetch_one(&mut snapshot)
            .await
            .doing(LIST)?;
        let total = column::number(&row, "number")?;
        let page = format!(
            "SELECT {COLUMNS} FROM (SELECT * FROM tasks t WHERE {WANTED}{ORDER} LIMIT $3 OFFSET $4){JOINED}{ORDER}"
        );
        let rows = statement::query(sqlx::AssertSqlSafe(page))
            .bind(state)
            .bind(query.registry_id)
            .bind(size)
            .bind(before)
            .fetch_all(&mut snapshot)
            .await
            .doing(LIST)?;
        let tasks = rows.iter().map(TaskItem::of).collect::<Result<_, _>>()?;
        Ok(TaskPage { total, tasks })
    }

    /// One task by its number.
    ///
    /// # Errors
    /// The database fails.
    pub async fn task(&self, id: i64) -> Result<Option<TaskItem>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tasks{JOINED} WHERE t.id = $1");
        let row = statement::query(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing(LIST)?;
        row.as_ref().map(TaskItem::of).transpose()
    }

    /// The tasks that run, and those that ended at `since` or later; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn tasks_in_motion(
        &self,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<TaskItem>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT * FROM tasks t WHERE t.state = 'running' \
             OR (t.state <> 'queued' AND t.finished >= $1) ORDER BY t.id LIMIT $2){JOINED} ORDER BY t.id"
        );
        let rows = statement::query(sqlx::AssertSqlSafe(sql))
            .bind(since.0)
            .bind(i64::from(limit))
            .fetch_all(&mut *self.read().await?)
            .await
            .doing(LIST)?;
        rows.iter().map(TaskItem::of).collect()
    }

    /// Takes a task out of the queue, or away from its worker.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cancel_task(&self, id: i64, now: Timestamp) -> Result<Cancelled, StoreError> {
        let mut transaction = self.write().await?;
        let row = statement::query("SELECT state FROM tasks WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut transaction)
            .await
            .doing(CANCEL)?;
        let Some(row) = row else { return Ok(Cancelled::Unknown) };
        let cancelled = match column::word(&row, "state", STATES)? {
            TaskState::Queued => Cancelled::Queued,
            TaskState::Running => Cancelled::Running,
            ended @ (TaskState::Done | TaskState::Failed | TaskState::Cancelled) => {
                return Ok(Cancelled::Ended(ended));
            }
        };
        statement::query(
            "UPDATE tasks SET state = 'cancelled', finished = $2, worker = NULL, lease_until = NULL WHERE id = $1",
        )
        .bind(id)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(CANCEL)?;
        transaction.commit().await.doing(CANCEL)?;
        Ok(cancelled)
    }

    /// Takes all open tasks of a registry out of the queue and away from their workers, or those of all (`None`). Returns how
    /// many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cancel_tasks(
        &self,
        registry_id: Option<i64>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE tasks SET state = 'cancelled', finished = $2, worker = NULL, lease_until = NULL \
             WHERE state IN ('queued', 'running') AND ($1 IS NULL OR registry_id = $1)",
        )
        .bind(registry_id)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(CANCEL)?;
        transaction.commit().await.doing(CANCEL)?;
        Ok(done.rows_affected())
    }

    /// Queues a task again that ended, with all its attempts, as a person's wish.
    ///
    /// # Errors
    /// The database fails.
    pub async fn retry_task(&self, id: i64, now: Timestamp) -> Result<Enqueued, StoreError> {
        let mut transaction = self.write().await?;
        let row = statement::query(
            "SELECT t.state, (SELECT COUNT(*) FROM images i WHERE i.artifact_id = t.artifact_id) AS images \
             FROM tasks t WHERE t.id = $1",
        )
        .bind(id)
        .fetch_optional(&mut transaction)
        .await
        .doing(RETRY)?;
        let Some(row) = row else { return Ok(Enqueued::Unknown) };
        if column::number::<i64>(&row, "images")? == 0 {
            return Ok(Enqueued::Unknown);
        }
        let queued = requeue(&mut transaction, id, Origin::User, now).await?;
        transaction.commit().await.doing(RETRY)?;
        if queued == 0 {
            return Ok(Enqueued::Open);
        }
        self.hint_tasks();
        Ok(Enqueued::Queued)
    }

    /// Queues all failed tasks again of a registry, or of all (`None`). They go before nothing: a thousand of them would hold
    /// up what a person asks for one by one. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn retry_failed(
        &self,
        registry_id: Option<i64>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE tasks SET state = 'queued', origin = $2, attempts = 0, due = $3, queued = $3, reason = NULL \
             WHERE state = 'failed' AND ($1 IS NULL OR registry_id = $1) \
             AND EXISTS (SELECT 1 FROM images i WHERE i.artifact_id = tasks.artifact_id)",
        )
        .bind(registry_id)
        .bind(Origin::Schedule.number())
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(RETRY)?;
        transaction.commit().await.doing(RETRY)?;
        if done.rows_affected() > 0 {
            self.hint_tasks();
        }
        Ok(done.rows_affected())
    }
}

impl TaskItem {
    fn of(row: &DatabaseRow) -> Result<Self, StoreError> {
        let tag: Option<String> = column::get(row, "tag")?;
        let image = match tag {
            None => None,
            Some(tag) => {
                let namespace = column::text(row, "namespace")?;
                let path = join_path(&namespace, &column::text(row, "repository")?);
                Some(format!("{path}:{tag}"))
            }
        };
        let reason: Option<String> = column::get(row, "reason")?;
        Ok(Self {
            id: column::number(row, "id")?,
            digest: column::artifact(row, "artifact_digest")?.digest,
            registry: column::get(row, "registry_name")?,
            tenant: column::get::<Option<String>>(row, "registry_tenant")?
                .filter(|tenant| tenant != NOBODY_ELSE),
            image,
            state: column::word(row, "state", STATES)?,
            origin: Origin::of(column::number(row, "origin")?),
            attempts: column::number(row, "attempts")?,
            generation: column::number(row, "generation")?,
            worker: column::get(row, "worker")?,
            lease_until: column::optional_time(row, "lease_until")?,
            due: column::time(row, "due")?,
            queued: column::time(row, "queued")?,
            finished: column::optional_time(row, "finished")?,
            error: column::get(row, "error")?,
            reason: match reason {
                None => None,
                Some(_) => Some(column::word(row, "reason", REASONS)?),
            },
        })
    }
}
