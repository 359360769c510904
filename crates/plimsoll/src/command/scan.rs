//! `plimsoll scan`: one image, from any source.

use std::{fs::File, io::Write};

use anyhow::{Context, bail};
use plimsoll_advisory::{MatchContext, Snapshot};
use plimsoll_image::Budget;
use plimsoll_model::Verdict;
use plimsoll_scanner::{LayerCache, ScanOptions, Scanned, Threshold, format};
use plimsoll_server::operation::feed::{feed_path, open_feed};

use super::target;
use crate::{
    Exit,
    arguments::{Global, Scan},
    data,
    terminal::Terminal,
};

pub(crate) async fn run(
    arguments: Scan,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<Exit> {
    if arguments.fail_on.as_ref().is_some_and(Threshold::is_about_vulnerabilities)
        && open_snapshot(&arguments, global)?.is_none()
    {
        bail!(
            "`--fail-on vulnerability` cannot be decided: there is no feed\nhint: `plimsoll feed update`, or `plimsoll feed import PATH`"
        );
    }
    let budget = Budget::default();
    let source = target::open(&arguments.target, &budget).await?;
    let snapshot = open_snapshot(&arguments, global)?;
    let cache = if arguments.no_cache { None } else { open_cache(global, terminal) };
    let progress = terminal.scan_progress(&arguments.target.name);
    let (scanned, progress) = tokio::task::spawn_blocking(move || {
        let options = ScanOptions {
            snapshot: snapshot.as_ref(),
            cache: cache.as_ref(),
            budget: &budget,
            today: plimsoll_server::Clock::machine().now(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            context: MatchContext::default(),
            watch: None,
        };
        let scanned = plimsoll_scanner::scan(source.as_ref(), &options, &progress);
        // Where no server runs, nobody else keeps the folder within its bound; a scan does not fail for that.
        let _pruned = cache.map(|cache| cache.prune());
        (scanned, progress)
    })
    .await?;
    progress.finish();
    finish(&arguments, &scanned, terminal)
}

/// Writes the report and decides the exit code: coverage first, then the line.
fn finish(arguments: &Scan, scanned: &Scanned, terminal: Terminal) -> anyhow::Result<Exit> {
    let report = &scanned.report;
    let format = format::format(arguments.format).context("no such format")?;
    let mut text = Vec::new();
    format.write(report, terminal.style(arguments.all, arguments.output.is_some()), &mut text)?;
    match &arguments.output {
        Some(path) => {
            let mut file = File::create(path)
                .with_context(|| format!("`{}` cannot be written", path.display()))?;
            file.write_all(&text)
                .with_context(|| format!("`{}` cannot be written", path.display()))?;
            if file.metadata()?.is_file() {
                file.sync_all()
                    .with_context(|| format!("`{}` cannot be written", path.display()))?;
            }
        }
        None => terminal.print(String::from_utf8(text)?.trim_end())?,
    }
    if let Some(interrupted) = &scanned.interrupted {
        bail!(
            "`{}` was not read to its end: {interrupted}\nhint: the report says UNREADABLE; try again",
            arguments.target.name
        );
    }
    if arguments.require_coverage.is_some_and(|required| report.coverage.verdict < required) {
        terminal.say(&format!(
            "coverage is {}: --require-coverage is not reached",
            report.coverage.verdict
        ));
        return Ok(Exit::CoverageMissed);
    }
    if report.coverage.verdict == Verdict::Unreadable {
        bail!(
            "`{}` could not be read: the report says why, and says nothing about what is in it",
            arguments.target.name
        );
    }
    if arguments.fail_on.as_ref().is_some_and(|line| line.is_reached(report)) {
        terminal.say("findings reach the line of --fail-on");
        return Ok(Exit::LineReached);
    }
    Ok(Exit::Done)
}

fn open_snapshot(arguments: &Scan, global: &Global) -> anyhow::Result<Option<Snapshot>> {
    if let Some(path) = &arguments.feed {
        return Snapshot::open(path)
            .map(Some)
            .with_context(|| format!("feed `{}`", path.display()));
    }
    let path = feed_path(&data::directory(global)?);
    open_feed(&path).with_context(|| {
        format!(
            "feed `{}`\nhint: `plimsoll feed import` or `plimsoll feed update` make a new one",
            path.display()
        )
    })
}

/// Without the folder a scan works too, only slower.
fn open_cache(global: &Global, terminal: Terminal) -> Option<LayerCache> {
    let folder = data::layers(global).ok()?;
    let made = folder.parent().map_or(Ok(()), data::make);
    match made.and_then(|()| Ok(LayerCache::open(&folder)?)) {
        Ok(cache) => Some(cache),
        Err(error) => {
            terminal.say(&format!(
                "`{}` cannot be used, so layers are read again each time: {error:#}",
                folder.display()
            ));
            None
        }
    }
}
