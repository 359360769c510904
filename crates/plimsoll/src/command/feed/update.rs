//! `plimsoll feed update`.
//!
//! In: mirrors, the data directory. Out: a new snapshot, and what is known of how it went. Odd: what could be had is taken even
//! where something else failed; the command then ends with an error all the same, so that whoever runs it by the clock
//! hears of it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use plimsoll_registry::{HttpClient, HttpOptions, download::feed::FeedAddresses};
use plimsoll_server::{
    Clock,
    operation::{
        feed::{FEEDS_FOLDER, feed_path},
        update::{Downloaded, LastUpdate, UpdateEvent, UpdateLock, UpdateRequest, download_feeds},
    },
};

use super::{import_paths, summarise};
use crate::terminal::Terminal;

/// What to update from what.
pub(super) struct Update {
    pub(super) from: Vec<String>,
    pub(super) ecosystem: Vec<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) allow_older: bool,
}

pub(super) async fn run(update: &Update, data: &Path, terminal: Terminal) -> anyhow::Result<()> {
    let tried = Clock::machine().now();
    let folder = data.join(FEEDS_FOLDER);
    let lock = UpdateLock::take(data)
        .with_context(|| format!("`{}` cannot be written", folder.display()))?;
    let Some(_lock) = lock else {
        anyhow::bail!(
            "another process is updating `{}`\nhint: wait for it, or look at `plimsoll feed status`",
            folder.display()
        );
    };
    let downloaded = download(update, data, terminal).await?;
    let mut failures = downloaded.failures;
    let result = if downloaded.any {
        let target = feed_path(data);
        import_paths(downloaded.paths, &target, update.allow_older, terminal).await
    } else {
        Err(anyhow::anyhow!(
            "nothing could be downloaded; the feed in use was left as it is\nhint: `--from URL` names a mirror"
        ))
    };
    if let Err(error) = &result {
        failures.push(format!("import: {error:#}"));
    }
    let count = failures.len();
    LastUpdate::remember(data, tried, failures)
        .with_context(|| format!("`{}` cannot be written", data.join(FEEDS_FOLDER).display()))?;
    summarise(&result?, terminal)?;
    if count > 0 {
        anyhow::bail!(
            "{count} of the downloads failed; what was downloaded before is in use for them\nhint: `plimsoll feed status` lists them"
        );
    }
    Ok(())
}

/// Downloads what changed; what is current stays.
async fn download(update: &Update, data: &Path, terminal: Terminal) -> anyhow::Result<Downloaded> {
    let mut options =
        HttpOptions { transfer_timeout: Duration::from_secs(3600), ..HttpOptions::default() };
    if let Some(path) = &update.ca_file {
        let pem = std::fs::read_to_string(path)
            .with_context(|| format!("`{}` cannot be read", path.display()))?;
        options.ca_pem.push(pem);
    }
    let http = HttpClient::new(options)?;
    let mut mirrors: Vec<FeedAddresses> =
        update.from.iter().map(|from| FeedAddresses::mirror(from)).collect();
    if mirrors.is_empty() {
        mirrors.push(FeedAddresses::default());
    }
    let folder = data.join(FEEDS_FOLDER);
    let request =
        UpdateRequest { mirrors: &mirrors, ecosystems: &update.ecosystem, folder: &folder };
    let bar = terminal.byte_progress("feeds");
    let downloaded = download_feeds(&http, &request, &mut |event| match event {
        UpdateEvent::Bytes { file, progress } => {
            bar.set_message(file.display().to_string());
            bar.set_length(progress.total.unwrap_or(progress.received));
            bar.set_position(progress.received);
        }
        UpdateEvent::Records { ecosystem, done, total } => {
            bar.set_message(format!("{ecosystem}: record {done} of {total}"));
        }
        UpdateEvent::Done(what) => bar.suspend(|| terminal.say(&what)),
        UpdateEvent::Failed(what) => bar.suspend(|| terminal.say(&format!("failed: {what}"))),
    })
    .await;
    bar.finish_and_clear();
    Ok(downloaded)
}
