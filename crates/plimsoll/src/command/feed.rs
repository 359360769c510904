//! `plimsoll feed`: advisory data.

mod bundle;
mod update;

use std::path::{Path, PathBuf};

use anyhow::Context;
use plimsoll_advisory::{
    FeedError, ImportOptions, ImportProgress, ImportSummary, Snapshot, import, starter_feed,
};
use plimsoll_model::FeedState;
use plimsoll_scanner::format::printable;
use plimsoll_server::{
    Clock,
    operation::feed::{FeedStatus, feed_path, share_feed},
};

use crate::{
    arguments::{Feed, FeedKey, Global, ListFormat, SharedAt},
    command::shared_place,
    data,
    terminal::Terminal,
};

pub(crate) async fn run(feed: Feed, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    data::refuse_server(global, "feeds")?;
    let folder = data::directory(global)?;
    let target = feed_path(&folder);
    match feed {
        Feed::Import { starter: true, .. } => {
            prepare(&target)?;
            summarise(&starter_feed(&target)?, terminal)
        }
        Feed::Import { paths, allow_older, trust, allow_unsigned, .. } => {
            if let Some(path) = bundle::among(&paths)? {
                let import = bundle::Import { trust, allow_unsigned, allow_older };
                return bundle::import(path, &folder, &import, terminal);
            }
            let summary = import_paths(paths, &target, allow_older, terminal).await?;
            summarise(&summary, terminal)
        }
        Feed::Update { from, ecosystem, ca_file, allow_older } => {
            prepare(&target)?;
            let wanted = update::Update { from, ecosystem, ca_file, allow_older };
            update::run(&wanted, &folder, terminal).await
        }
        Feed::Bundle { output, key, since, .. } => {
            bundle::make(&output, key.as_deref(), since.as_deref(), &folder, terminal)
        }
        Feed::Share(at) => share(&at, global, terminal).await,
        Feed::Key(FeedKey::Generate { output }) => bundle::generate_key(&output, terminal),
        Feed::Status { format } => status(&folder, format, terminal),
        Feed::Ids => {
            let snapshot = open(&target)?;
            let ids: Vec<String> = snapshot.ids().collect();
            terminal.print(&ids.join("\n"))?;
            Ok(())
        }
    }
}

async fn share(at: &SharedAt, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    let place = shared_place::open(at)?.context(
        "no place is named that machines share\nhint: `--shared DIR` or `--shared s3://BUCKET`, as servers and workers have it",
    )?;
    let feed = open(&feed_path(&data::directory(global)?))?;
    let context = plimsoll_server::Context::new(data::store(global).await?, Clock::machine());
    context.feed.set(Some(std::sync::Arc::new(feed)));
    let shared = share_feed(&context, place).await.context("the snapshot was not shared")?;
    context.store.close().await;
    if let Some(state) = shared {
        terminal.print(&format!("snapshot {} is what all use from now on", state.snapshot))?;
    }
    Ok(())
}

fn prepare(target: &Path) -> anyhow::Result<()> {
    let folder = target.parent().context("the data directory has no parent")?;
    data::make(folder)
}

async fn import_paths(
    paths: Vec<PathBuf>,
    target: &Path,
    allow_older: bool,
    terminal: Terminal,
) -> anyhow::Result<ImportSummary> {
    prepare(target)?;
    let target = target.to_owned();
    let bar = terminal.byte_progress("reading feeds");
    let progress_bar = bar.clone();
    let summary = tokio::task::spawn_blocking(move || {
        let options = ImportOptions { allow_older, starter: false };
        import(&paths, &target, &options, &mut |progress| match progress {
            ImportProgress::Found { bytes, .. } => progress_bar.set_length(bytes),
            ImportProgress::Read { bytes, .. } => progress_bar.inc(bytes),
            ImportProgress::Compile { .. } => progress_bar.set_message("compiling"),
            ImportProgress::Check => progress_bar.set_message("checking"),
            _ => {}
        })
    })
    .await?;
    bar.finish_and_clear();
    summary.map_err(|error| match error {
        FeedError::Older { .. } => anyhow::anyhow!(
            "{error}; the feed in use was left as it is\nhint: name all files together, or replace it all the same with `--allow-older`"
        ),
        error => anyhow::Error::new(error).context("the feed in use was left as it is"),
    })
}

fn summarise(summary: &ImportSummary, terminal: Terminal) -> anyhow::Result<()> {
    for path in &summary.skipped {
        terminal.say(&format!("`{}` is no feed that we know, and was left out", path.display()));
    }
    let state = &summary.state;
    let kind = if state.starter { "starter feed" } else { "feed" };
    terminal.print(&format!(
        "{kind} of {}: {} advisories, {} affected packages, {} CVEs with signals, {} withdrawn left out; snapshot {} bytes",
        state.date.date(),
        summary.advisories,
        summary.affected,
        summary.signals,
        summary.withdrawn,
        summary.bytes
    ))?;
    Ok(())
}

fn open(target: &Path) -> anyhow::Result<Snapshot> {
    if !target.exists() {
        anyhow::bail!(
            "there is no feed yet\nhint: `plimsoll feed update`, or `plimsoll feed import PATH`"
        );
    }
    Snapshot::open(target).with_context(|| format!("feed `{}`", target.display()))
}

fn status(data: &Path, format: ListFormat, terminal: Terminal) -> anyhow::Result<()> {
    let now = Clock::machine().now();
    let state: FeedState = open(&feed_path(data))?.state();
    let status = FeedStatus::new(Some(state.clone()), data, now);
    if format == ListFormat::Json {
        terminal.print(&serde_json::to_string_pretty(&status)?)?;
        return Ok(());
    }
    let kind = if state.starter { "the small built-in starter feed" } else { "a full feed" };
    terminal.print(&format!("{kind} as of {}\nsnapshot {}", state.date, state.snapshot))?;
    if let Some(last) = &status.last_update {
        let succeeded = last.succeeded.map_or("never".to_owned(), |time| time.to_string());
        terminal.print(&format!("last update {}, last in full {succeeded}", last.tried))?;
    }
    for warning in status.warnings(now) {
        terminal.print(&format!("warning: {}", printable(&warning)))?;
    }
    let head = ["SOURCE", "RECORDS", "AS OF"];
    terminal.list(format, &head, &state.sources, |source| {
        vec![source.name.clone(), source.records.to_string(), source.date.to_string()]
    })
}
