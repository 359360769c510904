//! What a sync asks of a registry with very many tags, and what it costs.
//!
//! In: numbers of repositories and tags. Out: requests by kind, seconds and memory of the first sync, of one after which one tag in a
//! hundred moved, and of one after which nothing did. Odd: the registry is Docker's kind, whose lists tell no digests, so that
//! each tag costs one HEAD request, whatever happened to it; kinds whose lists tell them cost none. Seconds and memory
//! are of the same run, since a first sync cannot be had twice: memory is sampled ten times a second.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::Value;

use super::{Common, bulk::BulkRegistry, measure::memory_of_tree, page::Section, workplace};
use crate::process::say;

/// `cargo xtask bench sync`
#[derive(clap::Args, Debug)]
pub(crate) struct Syncs {
    #[command(flatten)]
    common: Common,
    /// How many repositories
    #[arg(long, default_value_t = 10_000)]
    repositories: u32,
    /// How many tags each has
    #[arg(long, default_value_t = 20)]
    tags: u32,
    /// The registry: the example `bulk_registry` of the crate `server` [default: it is built]
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
}

pub(super) fn run(options: &Syncs) -> anyhow::Result<()> {
    let scanners = options.common.programs.scanners()?;
    let Some(ours) = scanners.first() else { return Ok(()) };
    let work = workplace("sync")?;
    let built = options.registry.as_ref().map(std::fs::canonicalize).transpose()?;
    let holds = ["tags".to_owned(), options.repositories.to_string(), options.tags.to_string()];
    let mut registry = BulkRegistry::start(built.as_deref(), &holds)?;
    let mut section = Section::new("Sync", &ours.shown()?);
    section.line(format!(
        "{} repositories with {} tags each in a registry on the same machine, embedded store (`cargo xtask bench sync`). The registry's \
         lists come in pages of a hundred and tell no digests: a HEAD request a tag says what it names, and only what is new is asked \
         for in full, its manifest and its configuration. The bar: no more than the lists with their HEAD requests, and 1.2 times what \
         the moved tags cost in full.",
        options.repositories, options.tags
    ));
    section.line("");
    section.line("| sync | lists of repositories, of tags | HEAD | manifests | configurations | all | bar | s | peak MiB |");
    section.line("|---|---|---|---|---|---|---|---|---|");
    let data = work.join("data");
    let sync = |arguments: &[&str]| {
        let mut command = Command::new(ours.program());
        command.args(["registry"]).args(arguments).arg("--data").arg(&data);
        command
    };
    if !sync(&["add", "many", registry.url()]).stdout(Stdio::null()).status()?.success() {
        bail!("the registry was not added");
    }
    let all = u64::from(options.repositories) * u64::from(options.tags);
    registry.ask("take 0")?;
    let mut is_held = true;
    for name in ["the first", "one tag in a hundred moved", "nothing moved"] {
        let moved = match name {
            "the first" => all,
            "nothing moved" => 0,
            _ => registry.ask("move")?.parse()?,
        };
        let (took, most) = watched(sync(&["sync"]).stdout(Stdio::null()))?;
        let asked: Value = serde_json::from_str(&registry.ask(&format!("take {moved}"))?)?;
        let number = |name: &str| asked.get(name).and_then(Value::as_u64).context("a number");
        let (total, bar) = (number("total")?, number("bar")?);
        is_held &= total <= bar;
        let line = format!(
            "| {name} | {}, {} | {} | {} | {} | {total} | {bar} | {:.1} | {} |",
            number("catalog")?,
            number("tags")?,
            number("heads")?,
            number("manifests")?,
            number("configurations")?,
            took.as_secs_f64(),
            most >> 20
        );
        say(&line);
        section.line(line);
    }
    section.write(&options.common.page())?;
    std::fs::remove_dir_all(work)?;
    if !is_held {
        bail!("a sync asked for more than the bar");
    }
    Ok(())
}

/// Runs a program to its end, and looks how much memory it takes.
fn watched(command: &mut Command) -> anyhow::Result<(Duration, u64)> {
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let mut most = 0;
    let status = loop {
        most = most.max(memory_of_tree(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_millis(100));
    };
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok((begun.elapsed(), most))
}
