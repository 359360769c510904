//! `plimsoll task`: scans that run, wait, ended or were given up.

use anyhow::bail;
use plimsoll_server::operation::tasks::{ListTasks, OfRegistry, RateView, TaskView};

use crate::{
    arguments::{Global, ListFormat, Task, TaskCancel, TaskListing, TaskRetry},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(task: Task, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    match task {
        Task::List(listing) => list(&backend, listing, terminal).await,
        Task::Show { id, format } => {
            let task = backend.find_task(id).await?;
            match format {
                ListFormat::Json => terminal.print(&serde_json::to_string_pretty(&task)?)?,
                ListFormat::Table | ListFormat::Markdown => terminal.print(&described(&task))?,
            }
            Ok(())
        }
        Task::Cancel(which) => cancel(&backend, which, terminal).await,
        Task::Retry(which) => retry(&backend, which, terminal).await,
        Task::Rate { registry: Some(registry), scans_per_hour: Some(rate), .. } => {
            let scans_per_hour = (rate > 0).then_some(rate);
            let set = backend.set_scan_rate(&RateView { registry, scans_per_hour }).await?;
            terminal.say(&format!("registry {}: {}", set.registry, rate_in_words(&set)));
            Ok(())
        }
        Task::Rate { registry, format, .. } => {
            let mut rates = backend.list_scan_rates().await?.rates;
            rates.retain(|rate| registry.as_ref().is_none_or(|name| rate.registry == *name));
            if let (Some(name), true) = (&registry, rates.is_empty()) {
                bail!(
                    "there is no registry `{name}`\nhint: `plimsoll registry list` shows the registries"
                );
            }
            terminal.list(format, &["REGISTRY", "RATE"], &rates, |rate| {
                vec![rate.registry.clone(), rate_in_words(rate)]
            })
        }
    }
}

async fn list(backend: &Backend, listing: TaskListing, terminal: Terminal) -> anyhow::Result<()> {
    let request = ListTasks {
        state: listing.state.map(|state| state.as_str().to_owned()),
        registry: listing.registry,
        page: Some(listing.page),
        page_size: Some(listing.page_size),
    };
    let list = backend.list_tasks(&request).await?;
    let head = ["ID", "STATE", "FOR", "REGISTRY", "IMAGE", "TRIED", "SINCE", "WHY"];
    terminal.list(listing.format, &head, &list.tasks, |task| {
        vec![
            task.id.to_string(),
            task.state.clone(),
            task.origin.clone(),
            task.registry.clone().unwrap_or_default(),
            task.image.clone().unwrap_or_else(|| task.digest.to_string()),
            task.attempts.to_string(),
            since(task).to_string(),
            why(task),
        ]
    })?;
    let counts = &list.counts;
    terminal.say(&format!(
        "in all: {} running, {} queued, {} done, {} failed, {} cancelled",
        counts.running, counts.queued, counts.done, counts.failed, counts.cancelled
    ));
    if let Some(next) = list.meta.next {
        terminal
            .say(&format!("hint: {} tasks in all; `--page {next}` shows more", list.meta.total));
    }
    Ok(())
}

async fn cancel(backend: &Backend, which: TaskCancel, terminal: Terminal) -> anyhow::Result<()> {
    if which.all || which.registry.is_some() {
        let changed = backend.cancel_tasks(&OfRegistry { registry: which.registry }).await?;
        terminal.say(&format!("{} scans are cancelled", changed.tasks));
        return Ok(());
    }
    for id in which.ids {
        let task = backend.cancel_task(id).await?;
        terminal.say(&format!("task {id} is cancelled: {}", name(&task)));
    }
    Ok(())
}

async fn retry(backend: &Backend, which: TaskRetry, terminal: Terminal) -> anyhow::Result<()> {
    if which.failed {
        let changed = backend.retry_failed(&OfRegistry { registry: which.registry }).await?;
        terminal.say(&format!("{} scans are queued again", changed.tasks));
        return Ok(());
    }
    for id in which.ids {
        let task = backend.retry_task(id).await?;
        terminal.say(&format!("task {id} is {}: {}", task.state, name(&task)));
    }
    Ok(())
}

fn name(task: &TaskView) -> String {
    let image = task.image.clone().unwrap_or_else(|| task.digest.to_string());
    match &task.registry {
        Some(registry) => format!("{registry}/{image}"),
        None => image,
    }
}

/// When it came to stand as it does.
fn since(task: &TaskView) -> plimsoll_model::Timestamp {
    match task.state.as_str() {
        "queued" | "running" => task.queued,
        _ => task.finished.unwrap_or(task.queued),
    }
}

fn why(task: &TaskView) -> String {
    match (&task.reason, &task.error) {
        (Some(reason), Some(error)) => format!("{reason}: {error}"),
        (Some(reason), None) => reason.clone(),
        (None, Some(error)) => error.clone(),
        (None, None) => String::new(),
    }
}

fn rate_in_words(rate: &RateView) -> String {
    match rate.scans_per_hour {
        Some(1) => "1 scan an hour".to_owned(),
        Some(scans) => format!("{scans} scans an hour"),
        None => "as fast as the workers are".to_owned(),
    }
}

fn described(task: &TaskView) -> String {
    let mut lines = vec![
        format!("task {}: scan of {}", task.id, name(task)),
        format!("digest    {}", task.digest),
        format!("state     {}, tried {} times since {}", task.state, task.attempts, task.queued),
        format!("for       {}", task.origin),
    ];
    lines.extend(task.due.map(|due| format!("not before {due}")));
    if let (Some(worker), Some(until)) = (&task.worker, task.lease_until) {
        lines.push(format!("worker    {worker}, until {until} unless it says that it goes on"));
    }
    lines.extend(task.finished.map(|finished| format!("last end  {finished}")));
    let reason = task.reason.as_deref().map(|reason| match reason {
        "attempts" => "given up: every attempt failed",
        "final" => "given up: another attempt would end the same",
        "worker-lost" => "given up: its worker died during the last attempt",
        "unreadable" => "given up: the image cannot be read",
        _ => "given up",
    });
    lines.extend(reason.map(ToOwned::to_owned));
    lines.extend(task.error.as_ref().map(|error| format!("error     {error}")));
    lines.join("\n")
}
