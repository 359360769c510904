//! `plimsoll feed`: advisory data.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use plimsoll_advisory::{
    FeedError, ImportOptions, ImportProgress, ImportSummary, Snapshot, import, starter_feed,
};
use plimsoll_model::{FeedState, ecosystem::ECOSYSTEMS};
use plimsoll_registry::{
    HttpClient, HttpOptions,
    download::{Outcome, feed::FeedAddresses},
};
use plimsoll_server::operation::feed::feed_path;

use crate::{
    arguments::{Feed, Global, ListFormat},
    data,
    terminal::Terminal,
};

pub(crate) async fn run(feed: Feed, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    data::refuse_server(global, "feeds")?;
    let target = feed_path(&data::directory(global)?);
    match feed {
        Feed::Import { starter: true, .. } => {
            prepare(&target)?;
            summarise(&starter_feed(&target)?, terminal)
        }
        Feed::Import { paths, allow_older, .. } => {
            let summary = import_paths(paths, &target, allow_older, terminal).await?;
            summarise(&summary, terminal)
        }
        Feed::Update { from, ecosystem, ca_file, allow_older } => {
            let addresses =
                from.as_deref().map_or_else(FeedAddresses::default, FeedAddresses::mirror);
            prepare(&target)?;
            let folder = data::directory(global)?.join("feeds");
            let paths =
                download(&addresses, &ecosystem, ca_file.as_deref(), &folder, terminal).await?;
            let summary = import_paths(paths, &target, allow_older, terminal).await?;
            summarise(&summary, terminal)
        }
        Feed::Status { format } => status(&target, format, terminal),
        Feed::Ids => {
            let snapshot = open(&target)?;
            let ids: Vec<String> = snapshot.ids().collect();
            terminal.print(&ids.join("\n"))?;
            Ok(())
        }
    }
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

/// Downloads what changed; what is current stays. Answers the files.
async fn download(
    addresses: &FeedAddresses,
    ecosystems: &[String],
    ca_file: Option<&Path>,
    folder: &Path,
    terminal: Terminal,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut options =
        HttpOptions { transfer_timeout: Duration::from_secs(3600), ..HttpOptions::default() };
    if let Some(path) = ca_file {
        let pem = std::fs::read_to_string(path)
            .with_context(|| format!("`{}` cannot be read", path.display()))?;
        options.ca_pem.push(pem);
    }
    let http = HttpClient::new(options)?;
    let offered = addresses.ecosystems(&http).await?;
    let wanted: Vec<String> = if ecosystems.is_empty() {
        let known = |name: &&String| ECOSYSTEMS.iter().any(|row| row.name == name.as_str());
        offered.iter().filter(known).cloned().collect()
    } else {
        ecosystems.to_vec()
    };
    let mut paths = Vec::new();
    for file in addresses.files(&wanted)? {
        let bar = terminal.byte_progress(&file.path.display().to_string());
        let outcome = file
            .fetch(&http, folder, &mut |progress| {
                bar.set_length(progress.total.unwrap_or(progress.received));
                bar.set_position(progress.received);
            })
            .await;
        bar.finish_and_clear();
        match outcome? {
            Outcome::Fetched(bytes) => {
                terminal.say(&format!("{}: {bytes} bytes", file.path.display()))
            }
            Outcome::Current => terminal.say(&format!("{}: unchanged", file.path.display())),
        }
        paths.push(folder.join(&file.path));
    }
    Ok(paths)
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

fn status(target: &Path, format: ListFormat, terminal: Terminal) -> anyhow::Result<()> {
    let state: FeedState = open(target)?.state();
    if format == ListFormat::Json {
        terminal.print(&serde_json::to_string_pretty(&state)?)?;
        return Ok(());
    }
    let kind = if state.starter { "the small built-in starter feed" } else { "a full feed" };
    terminal.print(&format!("{kind} as of {}\nsnapshot {}", state.date, state.snapshot))?;
    let head = ["SOURCE", "RECORDS", "AS OF"];
    terminal.list(format, &head, &state.sources, |source| {
        vec![source.name.clone(), source.records.to_string(), source.date.to_string()]
    })
}
