//! `plimsoll schedule`: syncs and scans by the clock.

use plimsoll_server::operation::schedules::AddSchedule;

use crate::{
    arguments::{Global, Schedule, ScheduleWord},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(
    schedule: Schedule,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    match schedule {
        Schedule::Add(add) => {
            let kind = match add.kind {
                ScheduleWord::Sync => "sync",
                ScheduleWord::Scan => "scan",
            };
            let request = AddSchedule {
                name: add.name,
                kind: kind.to_owned(),
                cron: add.cron,
                registry: add.registry,
            };
            let added = backend.add_schedule(&request).await?;
            terminal
                .say(&format!("schedule {}: {} next at {}", added.name, added.kind, added.next));
        }
        Schedule::List { format } => {
            let list = backend.list_schedules().await?;
            let head = ["NAME", "WHAT", "REGISTRY", "WHEN (UTC)", "NEXT", "LAST", "PROBLEM"];
            terminal.list(format, &head, &list.schedules, |one| {
                let last = one.last.map_or_else(|| "never".to_owned(), |last| last.to_string());
                let next = if one.running { "being done".to_owned() } else { one.next.to_string() };
                vec![
                    one.name.clone(),
                    one.kind.clone(),
                    one.registry.clone().unwrap_or_else(|| "all".to_owned()),
                    one.cron.clone(),
                    next,
                    last,
                    one.problem.clone().unwrap_or_default(),
                ]
            })?;
        }
        Schedule::Remove { name } => {
            let removed = backend.remove_schedule(&name).await?;
            terminal.say(&format!("schedule {} is forgotten", removed.name));
        }
    }
    Ok(())
}
