//! Keeps the advisories current: downloads what changed, at an interval.
//!
//! In: the interval, mirrors, how the last update went. Out: a new snapshot in the data directory, which
//! [`WatchFeed`](super::feed::WatchFeed) then uses. Odd: the time since the last attempt counts, not since the start, so that a
//! server that restarts does not ask again; of several processes with one data directory, one updates.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_registry::{HttpClient, HttpOptions, download::feed::FeedAddresses};

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{
        error_chain,
        update::{LastUpdate, Updated, update_feeds},
    },
    stop::Stop,
};

/// Between two looks whether an update is due.
const LOOK: Duration = Duration::from_secs(30);
/// Most time for one file.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(3600);

/// When and from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedUpdates {
    /// Between two updates.
    pub interval: Duration,
    /// Mirrors, in the order in which they are asked; empty: the publishers.
    pub mirrors: Vec<String>,
}

/// The job.
pub(super) struct UpdateFeeds;

impl Job for UpdateFeeds {
    fn id(&self) -> &'static str {
        "update-feeds"
    }

    fn about(&self) -> &'static str {
        "Downloads what changed in the feeds, at the interval that `--feed-interval` gives."
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

async fn run(context: Context, settings: Arc<JobSettings>, mut stop: Stop) {
    let Some(updates) = &settings.feed_updates else { return };
    let options = HttpOptions { transfer_timeout: TRANSFER_TIMEOUT, ..HttpOptions::default() };
    let http = match HttpClient::new(options) {
        Ok(http) => http,
        Err(error) => {
            return tracing::error!(error = error_chain(&error), "feeds are not updated");
        }
    };
    let mut mirrors: Vec<FeedAddresses> =
        updates.mirrors.iter().map(|base| FeedAddresses::mirror(base)).collect();
    if mirrors.is_empty() {
        mirrors.push(FeedAddresses::default());
    }
    let data = context.store.data_dir().to_owned();
    let interval = i64::try_from(updates.interval.as_secs()).unwrap_or(i64::MAX).max(1);
    loop {
        let now = context.clock.now();
        let last = LastUpdate::read(&data);
        // A clock that was set back must not keep updates away.
        let is_due = last
            .is_none_or(|last| last.tried > now || now.0 >= last.tried.0.saturating_add(interval));
        if is_due {
            tokio::select! {
                updated = update_feeds(&http, &mirrors, &data, now) => say(updated),
                () = stop.said() => return,
            }
        }
        if stop.said_within(LOOK.min(updates.interval)).await {
            return;
        }
    }
}

fn say(updated: std::io::Result<Updated>) {
    match updated {
        Ok(Updated::Busy) => tracing::debug!("another process updates the feeds"),
        Ok(Updated::Taken { summary, failures }) => {
            tracing::info!(
                advisories = summary.advisories,
                failures = failures.len(),
                "feeds updated"
            );
        }
        Ok(Updated::Nothing(failures) | Updated::Refused(failures)) => {
            tracing::error!(failures = failures.join("; "), "feeds not updated");
        }
        Err(error) => tracing::error!(%error, "feeds not updated"),
    }
}
