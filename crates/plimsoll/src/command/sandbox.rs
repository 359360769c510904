//! `plimsoll sandbox`: what confines scans on this machine, and whether it holds.

use anyhow::{Context, bail};
use plimsoll_scanner::child::{Attempt, Confined, Tried, probe, try_attempt};
use serde::Serialize;

use crate::{Exit, arguments::SandboxCheck, confinement::launcher, terminal::Terminal};

/// One line.
#[derive(Serialize)]
struct Row {
    attempt: &'static str,
    outcome: &'static str,
    detail: String,
}

pub(crate) fn run(arguments: &SandboxCheck, terminal: Terminal) -> anyhow::Result<Exit> {
    let launcher = launcher();
    let level = probe(&launcher).context("a process for a scan could not be started")?;
    let mut rows = vec![
        row("landlock", level.landlock.map(|version| format!("interface {version}"))),
        row("seccomp", level.seccomp.then(|| "system calls are filtered".to_owned())),
    ];
    let mut holds = true;
    for attempt in Attempt::ALL {
        let (outcome, detail) = match try_attempt(&launcher, attempt, Confined::Fully)? {
            Tried::Refused(why) => ("refused", why),
            Tried::Killed(how) => ("killed", how),
            Tried::Succeeded => {
                holds = false;
                ("possible", String::new())
            }
        };
        rows.push(Row { attempt: attempt.about(), outcome, detail });
    }
    terminal.list(arguments.format, &["what", "here", "detail"], &rows, |row| {
        vec![row.attempt.to_owned(), row.outcome.to_owned(), row.detail.clone()]
    })?;
    if let Some(missing) = level.missing() {
        terminal.say(&format!("warning: {missing}"));
    } else if !holds {
        bail!("Landlock and seccomp are in force, and yet something was possible that must not be");
    }
    Ok(Exit::Done)
}

fn row(attempt: &'static str, detail: Option<String>) -> Row {
    let outcome = if detail.is_some() { "in force" } else { "missing" };
    Row { attempt, outcome, detail: detail.unwrap_or_default() }
}
