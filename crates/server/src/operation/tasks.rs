//! Tasks: which scans run, wait, ended or were given up; cancelling them, asking again, bounding a registry's rate.
//!
//! In: filters, numbers of tasks, names of registries. Out: tasks with the images that they are about, and how many were changed.
//! Odd: what was cancelled stays so until somebody asks for it; a sync that sees the image again does not.

use plimsoll_model::{Digest, Timestamp};
use plimsoll_store::{
    Cancelled, Enqueued, FailReason, ScanRate, Store, TaskItem, TaskQuery, TaskState,
};
use serde::{Deserialize, Serialize};

use super::{
    ListMeta, OperationError,
    registries::{find_registry, refusal},
    status::ScanCounts,
};

/// Tasks of a page unless somebody says so.
const PAGE_SIZE: u32 = 50;
/// Tasks of a page at most.
const MOST: u32 = 500;

/// Which tasks to list. Filters are combined with "and".
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListTasks {
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The name of the registry whose share of the workers they take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Number of the page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Entries of a page, 1 to 500; 50 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
}

/// One task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TaskView {
    /// Its number.
    pub id: i64,
    /// What is done: `scan`.
    pub kind: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// Who wants it: `person`, `push` or `schedule`; earlier goes first.
    pub origin: String,
    /// The registry whose share of the workers it takes.
    pub registry: Option<String>,
    /// Whose registry that is; absent: the site's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// An image that is scanned, as `team/app:tag`.
    pub image: Option<String>,
    /// The platform manifest.
    pub digest: Digest,
    /// How often it was tried since it was last queued.
    pub attempts: u32,
    /// When it was last queued.
    pub queued: Timestamp,
    /// Of one that waits: not before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Of one that runs: the process and thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Of one that runs: until when, unless the worker says that it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// When an attempt last ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it was given up: `attempts` (all failed), `final` (another would end the same), `worker-lost` (its worker died during
    /// the last one), `unreadable` (the image cannot be read).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One page of tasks: what runs, what waits, what ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TaskList {
    /// The page.
    pub tasks: Vec<TaskView>,
    /// How much there is.
    pub meta: ListMeta,
    /// All tasks by state, whatever the filters.
    pub counts: ScanCounts,
}

/// Of which registry.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfRegistry {
    /// Its name; absent: of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
}

/// How many tasks were changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChangedTasks {
    /// How many.
    pub tasks: u64,
}

/// How fast a registry is scanned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateView {
    /// Its name.
    pub registry: String,
    /// Scans an hour; absent: as many as there are workers for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scans_per_hour: Option<u32>,
}

/// The rate of every registry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RateList {
    /// By name.
    pub rates: Vec<RateView>,
}

impl TaskView {
    /// As people see it.
    #[must_use]
    pub fn of(task: &TaskItem) -> Self {
        let (waits, runs) = (task.state == TaskState::Queued, task.state == TaskState::Running);
        Self {
            id: task.id,
            kind: "scan".to_owned(),
            state: task.state.as_str().to_owned(),
            origin: task.origin.as_str().to_owned(),
            registry: task.registry.clone(),
            tenant: task.tenant.clone(),
            image: task.image.clone(),
            digest: task.digest,
            attempts: task.attempts,
            queued: task.queued,
            due: waits.then_some(task.due),
            worker: task.worker.clone().filter(|_| runs),
            lease_until: task.lease_until.filter(|_| runs),
            finished: task.finished,
            error: task.error.clone(),
            reason: task.reason.map(FailReason::as_str).map(ToOwned::to_owned),
        }
    }
}

/// One page of tasks.
///
/// # Errors
/// A filter cannot be, there is no such registry, or the database fails.
pub async fn list_tasks(store: &Store, request: &ListTasks) -> Result<TaskList, OperationError> {
    let page_size = request.page_size.unwrap_or(PAGE_SIZE);
    if !(1..=MOST).contains(&page_size) {
        let why = format!("{page_size} is not 1 to {MOST}");
        return Err(OperationError::invalid("page_size", why));
    }
    let page = request.page.unwrap_or(1);
    if page == 0 {
        return Err(OperationError::invalid("page", "pages are counted from 1"));
    }
    let state = request.state.as_deref().map(state_of).transpose()?;
    let registry_id = registry_id(store, request.registry.as_deref()).await?;
    let found = store.tasks(&TaskQuery { state, registry_id, page, page_size }).await?;
    let more = u64::from(page) * u64::from(page_size) < found.total;
    Ok(TaskList {
        tasks: found.tasks.iter().map(TaskView::of).collect(),
        meta: ListMeta { total: found.total, next: more.then(|| page.saturating_add(1)) },
        counts: ScanCounts::of(store.task_counts(None).await?),
    })
}

/// One task.
///
/// # Errors
/// There is none of that number, or the database fails.
pub async fn find_task(store: &Store, id: &str) -> Result<TaskView, OperationError> {
    let task = store.task(number(id)?).await?;
    Ok(TaskView::of(&task.ok_or_else(|| unknown(id))?))
}

/// Takes a task out of the queue, or away from its worker.
///
/// # Errors
/// There is none of that number, it has ended, or the database fails.
pub async fn cancel_task(
    store: &Store,
    id: &str,
    now: Timestamp,
) -> Result<TaskView, OperationError> {
    match store.cancel_task(number(id)?, now).await? {
        Cancelled::Queued | Cancelled::Running => {}
        Cancelled::Ended(state) => {
            let why = format!("task {id} is {}: there is nothing to cancel", state.as_str());
            return Err(OperationError::invalid("id", why));
        }
        Cancelled::Unknown => return Err(unknown(id)),
    }
    tracing::info!(task.id = id, "task cancelled");
    find_task(store, id).await
}

/// Queues a task again that ended; one that waits or runs stays as it is.
///
/// # Errors
/// There is none of that number, no image has its manifest any more, or the database fails.
pub async fn retry_task(
    store: &Store,
    id: &str,
    now: Timestamp,
) -> Result<TaskView, OperationError> {
    match store.retry_task(number(id)?, now).await? {
        Enqueued::Queued | Enqueued::Open => find_task(store, id).await,
        Enqueued::Unknown => Err(unknown(id)),
    }
}

/// Takes all open tasks of a registry, or of all, out of the queue and away from their workers.
///
/// # Errors
/// There is no such registry, or the database fails.
pub async fn cancel_tasks(
    store: &Store,
    of: &OfRegistry,
    now: Timestamp,
) -> Result<ChangedTasks, OperationError> {
    let registry = registry_id(store, of.registry.as_deref()).await?;
    let tasks = store.cancel_tasks(registry, now).await?;
    tracing::info!(registry.name = of.registry, tasks, "tasks cancelled");
    Ok(ChangedTasks { tasks })
}

/// Queues all failed tasks of a registry, or of all, again.
///
/// # Errors
/// There is no such registry, or the database fails.
pub async fn retry_failed(
    store: &Store,
    of: &OfRegistry,
    now: Timestamp,
) -> Result<ChangedTasks, OperationError> {
    let registry = registry_id(store, of.registry.as_deref()).await?;
    Ok(ChangedTasks { tasks: store.retry_failed(registry, now).await? })
}

/// The rate of every registry.
///
/// # Errors
/// The database fails.
pub async fn list_rates(store: &Store) -> Result<RateList, OperationError> {
    let rates = store.scan_rates().await?;
    Ok(RateList { rates: rates.into_iter().map(RateView::from).collect() })
}

/// Bounds how many scans an hour are begun of a registry's images.
///
/// # Errors
/// There is no such registry, the rate cannot be, or the database fails.
pub async fn set_rate(
    store: &Store,
    rate: &RateView,
    now: Timestamp,
) -> Result<RateView, OperationError> {
    let set = store.set_scan_rate(&rate.registry, rate.scans_per_hour, now).await;
    set.map_err(|error| match error {
        plimsoll_store::RegistryError::Invalid { what, .. } => {
            OperationError::invalid("scans_per_hour", what)
        }
        other => refusal(other),
    })?;
    let per_hour = rate.scans_per_hour;
    tracing::info!(registry.name = rate.registry, per_hour, "scan rate set");
    Ok(rate.clone())
}

impl From<ScanRate> for RateView {
    fn from(rate: ScanRate) -> Self {
        Self { registry: rate.registry, scans_per_hour: rate.scans_per_hour }
    }
}

async fn registry_id(store: &Store, name: Option<&str>) -> Result<Option<i64>, OperationError> {
    match name {
        None => Ok(None),
        Some(name) => Ok(Some(find_registry(store, name).await?.id)),
    }
}

fn state_of(word: &str) -> Result<TaskState, OperationError> {
    let found = TaskState::ALL.into_iter().find(|state| state.as_str() == word);
    found.ok_or_else(|| {
        let all = TaskState::ALL.map(TaskState::as_str).join(", ");
        OperationError::invalid("state", format!("`{word}` is not one of {all}"))
    })
}

fn number(id: &str) -> Result<i64, OperationError> {
    id.parse().map_err(|_error: std::num::ParseIntError| unknown(id))
}

fn unknown(id: &str) -> OperationError {
    OperationError::NotFound { what: "task", name: id.to_owned() }
}
