//! Schedules: syncs and scans by the clock.
//!
//! In: names and cron expressions. Out: what is scheduled and how it went; and, for the job, what is due done. Odd: times are UTC.
//! A schedule of scans asks for every image again, also for those that a person cancelled.

use std::time::Instant;

use plimsoll_model::{Cron, Timestamp};
use plimsoll_store::{
    Origin, Schedule, ScheduleError, ScheduleKind, ScheduleLease, ScheduleSettings, Store,
};
use serde::{Deserialize, Serialize};

use super::{OperationError, error_chain, sync::sync_registry};
use crate::context::Context;

/// When a schedule is due whose expression no longer says: a day later, and its problem says why.
const DAY: i64 = 86_400;

/// A schedule to add.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddSchedule {
    /// What people call it.
    pub name: String,
    /// `sync`: look for new images; `scan`: scan every image again.
    pub kind: String,
    /// When, in UTC: `30 3 * * mon-fri`, `@daily`.
    pub cron: String,
    /// For this registry; absent: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
}

/// A schedule as people see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScheduleView {
    /// Its name.
    pub name: String,
    /// `sync` or `scan`.
    pub kind: String,
    /// When.
    pub cron: String,
    /// For which registry; absent: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The next time.
    pub next: Timestamp,
    /// Whether it is being done.
    pub running: bool,
    /// When it last ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Why it did not end well then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// All schedules.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScheduleList {
    /// By name.
    pub schedules: Vec<ScheduleView>,
}

/// What was removed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RemovedSchedule {
    /// Its name.
    pub name: String,
}

/// Adds a schedule.
///
/// # Errors
/// A parameter cannot be, the name is taken, there is no such registry, or the database fails.
pub async fn add_schedule(
    store: &Store,
    request: &AddSchedule,
    now: Timestamp,
) -> Result<ScheduleView, OperationError> {
    let kind = [ScheduleKind::Sync, ScheduleKind::Scan]
        .into_iter()
        .find(|kind| kind.as_str() == request.kind)
        .ok_or_else(|| {
            let why = format!("`{}` is not one of sync, scan", request.kind);
            OperationError::invalid("kind", why)
        })?;
    let cron: Cron = request.cron.parse().map_err(|error: plimsoll_model::CronError| {
        OperationError::invalid("cron", error.to_string())
    })?;
    let due = cron.next(now).ok_or_else(|| OperationError::invalid("cron", "it never comes"))?;
    let settings = ScheduleSettings {
        name: request.name.clone(),
        kind,
        registry: request.registry.clone(),
        cron: cron.to_string(),
    };
    let schedule = store.add_schedule(&settings, due, now).await.map_err(refusal)?;
    tracing::info!(schedule.name = settings.name, schedule.next = %due, "schedule added");
    Ok(ScheduleView::of(&schedule, now))
}

/// All schedules.
///
/// # Errors
/// The database fails.
pub async fn list_schedules(store: &Store, now: Timestamp) -> Result<ScheduleList, OperationError> {
    let schedules = store.schedules().await?;
    let schedules = schedules.iter().map(|schedule| ScheduleView::of(schedule, now));
    Ok(ScheduleList { schedules: schedules.collect() })
}

/// Removes a schedule.
///
/// # Errors
/// There is none of that name, or the database fails.
pub async fn remove_schedule(store: &Store, name: &str) -> Result<RemovedSchedule, OperationError> {
    store.remove_schedule(name).await.map_err(refusal)?;
    tracing::info!(schedule.name = name, "schedule removed");
    Ok(RemovedSchedule { name: name.to_owned() })
}

/// Does what is due. Returns why it did not end well, if so.
///
/// # Errors
/// The database fails.
pub(crate) async fn do_scheduled(
    context: &Context,
    lease: &ScheduleLease,
) -> Result<Option<String>, OperationError> {
    let (store, clock) = (&context.store, &context.clock);
    let settings = &lease.schedule.settings;
    let registries = store.registries().await?;
    let mut wanted = Vec::new();
    for registry in registries {
        let is_meant =
            settings.registry.as_ref().is_none_or(|name| *name == registry.settings.name);
        // What builds report can be neither listed nor fetched.
        if is_meant && !registry.settings.is_of_builds() {
            wanted.push(registry);
        }
    }
    let mut problems = Vec::new();
    let mut queued = 0;
    for registry in wanted {
        let name = &registry.settings.name;
        match settings.kind {
            ScheduleKind::Scan => {
                let now = clock.now();
                queued += store.enqueue_registry(Some(registry.id), Origin::Schedule, now).await?;
            }
            ScheduleKind::Sync => {
                let began = Instant::now();
                let synced = sync_registry(store, name, clock).await;
                let went_well = synced.as_ref().is_ok_and(|report| report.problem_count == 0);
                context.metrics.synced(went_well, began.elapsed());
                match synced {
                    Ok(report) => queued += report.queued,
                    // It was removed meanwhile: nothing is wrong.
                    Err(OperationError::NotFound { .. }) => {}
                    Err(error @ OperationError::Store(_)) => return Err(error),
                    Err(error) => problems.push(error_chain(&error)),
                }
            }
        }
    }
    tracing::info!(schedule.name = settings.name, queued, "schedule done");
    Ok((!problems.is_empty()).then(|| problems.join("; ")))
}

/// When a schedule is due after `now`, and what is wrong with its expression if that cannot be told.
pub(crate) fn next_time(schedule: &Schedule, now: Timestamp) -> (Timestamp, Option<String>) {
    let later = Timestamp(now.0.saturating_add(DAY));
    match schedule.settings.cron.parse::<Cron>() {
        Ok(cron) => (cron.next(now).unwrap_or(later), None),
        Err(error) => (later, Some(error.to_string())),
    }
}

impl ScheduleView {
    fn of(schedule: &Schedule, now: Timestamp) -> Self {
        let settings = &schedule.settings;
        Self {
            name: settings.name.clone(),
            kind: settings.kind.as_str().to_owned(),
            cron: settings.cron.clone(),
            registry: settings.registry.clone(),
            next: schedule.due,
            running: schedule.running_until.is_some_and(|until| until > now),
            last: schedule.finished,
            problem: schedule.problem.clone(),
        }
    }
}

fn refusal(error: ScheduleError) -> OperationError {
    match error {
        ScheduleError::Taken(name) => OperationError::Exists { what: "schedule", name },
        ScheduleError::Unknown(name) => OperationError::NotFound { what: "schedule", name },
        ScheduleError::UnknownRegistry(name) => OperationError::NotFound { what: "registry", name },
        error @ ScheduleError::Name => OperationError::invalid("name", error.to_string()),
        ScheduleError::Store(error) => OperationError::Store(error),
    }
}
