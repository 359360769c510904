//! `plimsoll tree`: the files of an image as its runtime would see them.

use std::io::Write;

use anyhow::bail;
use plimsoll_image::Budget;
use plimsoll_model::Verdict;
use plimsoll_scanner::{
    child::{Isolation, Listed, list_in_child},
    format::printable,
    listing::{ListingFormat, ListingOptions, list_tree},
};

use super::target;
use crate::{
    Exit,
    arguments::{Tree, TreeFormat},
    terminal::Terminal,
};

pub(crate) async fn run(arguments: Tree, terminal: Terminal) -> anyhow::Result<Exit> {
    let name = arguments.target.name.clone();
    let format = match arguments.format {
        TreeFormat::Json => ListingFormat::Json,
        TreeFormat::Text => ListingFormat::Text,
    };
    let listed = match arguments.confinement.isolation() {
        Some(isolation) => in_child(arguments, isolation, format, terminal).await?,
        None => here(arguments, format, terminal).await?,
    };
    let (verdict, count) = (listed.coverage.verdict, listed.entries);
    if format == ListingFormat::Text {
        for gap in &listed.coverage.gaps {
            terminal.say(&printable(&format!("{}: {} {}", gap.by, gap.at, gap.detail)));
        }
        terminal.say(&format!("{count} entries, coverage {verdict}"));
    }
    if verdict == Verdict::Unreadable {
        bail!(
            "`{name}` could not be read to its end: what is shown is not what a container would see"
        );
    }
    Ok(Exit::Done)
}

/// In a process of its own.
async fn in_child(
    arguments: Tree,
    isolation: Isolation,
    format: ListingFormat,
    terminal: Terminal,
) -> anyhow::Result<Listed> {
    let budget = arguments.limits.budget()?;
    let located = target::locate(&arguments.target, &budget).await?;
    let list = move || {
        let platform = target::platform(&arguments.target);
        let target = located.for_child(&arguments.target, &platform);
        let options = options(&arguments, &budget);
        let mut output = terminal.output();
        let listed = list_in_child(&isolation, target, &options, format, &mut output);
        let listed = listed.map_err(|error| located.explain(error))?;
        output.flush()?;
        anyhow::Ok(listed)
    };
    let (listed, level) = tokio::task::spawn_blocking(list).await??;
    if let Some(missing) = level.missing() {
        terminal.say(&format!("warning: {missing}"));
    }
    Ok(listed)
}

/// In this very process.
async fn here(
    arguments: Tree,
    format: ListingFormat,
    terminal: Terminal,
) -> anyhow::Result<Listed> {
    let budget = arguments.limits.budget()?;
    let source = target::open(&arguments.target, &budget).await?;
    let list = move || -> anyhow::Result<Listed> {
        let listing = list_tree(&*source, &options(&arguments, &budget))?;
        let mut output = terminal.output();
        listing.write(format, &mut output)?;
        output.flush()?;
        Ok(Listed { entries: listing.entries.len(), coverage: listing.coverage })
    };
    tokio::task::spawn_blocking(list).await?
}

fn options<'b>(arguments: &Tree, budget: &'b Budget) -> ListingOptions<'b> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    ListingOptions { budget, digests: arguments.digests, layer: arguments.layer, threads }
}
