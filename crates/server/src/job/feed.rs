//! Watches the advisory snapshot: a new one is used at once, and what rests on the old one is scanned again.
//!
//! In: the snapshot's file. Out: the current feed, and tasks. Odd: the file is looked at every few seconds instead of
//! watched, since it may lie on any file system; an import renames a whole new file over it, so a look never sees half.
//! A damaged file leaves the feed as it is.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_scanner::detectors_version;

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{error_chain, feed::open_feed},
    stop::Stop,
};

const EVERY: Duration = Duration::from_secs(5);
/// Looks between two questions for outdated artifacts: what was running when the feed changed is found then.
const LOOKS_PER_QUESTION: u32 = 12;

/// The job.
pub(super) struct WatchFeed;

impl Job for WatchFeed {
    fn id(&self) -> &'static str {
        "watch-feed"
    }

    fn about(&self) -> &'static str {
        "Uses a new advisory snapshot as soon as it lies there, and queues what rests on another one."
    }

    fn run(
        &self,
        context: Context,
        settings: Arc<JobSettings>,
        stop: Stop,
    ) -> BoxFuture<'static, ()> {
        run(context, settings, stop).boxed()
    }
}

/// What tells two versions of the file apart; `None`: there is no file.
type Trace = Option<(SystemTime, u64)>;

async fn run(context: Context, settings: Arc<JobSettings>, mut stop: Stop) {
    let mut seen = trace(&settings.feed);
    let mut looks = 0;
    loop {
        if looks % LOOKS_PER_QUESTION == 0 {
            enqueue_outdated(&context).await;
        }
        looks = looks.wrapping_add(1);
        if stop.said_within(EVERY).await {
            return;
        }
        let now = trace(&settings.feed);
        if now != seen {
            seen = now;
            exchange(&context, &settings.feed).await;
            looks = 0;
        }
    }
}

fn trace(path: &Path) -> Trace {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Opens the file and uses what is in it.
pub(super) async fn exchange(context: &Context, path: &Path) {
    let owned = path.to_owned();
    match tokio::task::spawn_blocking(move || open_feed(&owned)).await {
        Ok(Ok(snapshot)) => {
            let found = snapshot.is_some();
            context.feed.set(snapshot.map(Arc::new));
            tracing::info!(found, "feed exchanged");
        }
        Ok(Err(error)) => {
            tracing::error!(path = %path.display(), error = error_chain(&error), "feed not usable");
        }
        Err(error) => tracing::error!(%error, "feed not opened"),
    }
}

/// Queues what was scanned with another snapshot or other detectors.
pub(super) async fn enqueue_outdated(context: &Context) {
    let snapshot = context.feed.state().map(|state| state.snapshot);
    let version = detectors_version();
    let queued =
        context.store.enqueue_outdated(snapshot.as_ref(), &version, context.clock.now()).await;
    match queued {
        Ok(0) => {}
        Ok(queued) => tracing::info!(queued, "outdated scans queued"),
        Err(error) => tracing::error!(error = error_chain(&error), "outdated scans not queued"),
    }
}

#[cfg(test)]
mod tests;
