//! Forgets what nobody needs any more: artifacts without images, old changes and messages, old layer facts.
//!
//! In: the time. Out: fewer rows and files. Odd: nonces and sessions that ended are removed by the store itself when it
//! writes new ones.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use super::{Job, JobSettings};
use crate::{context::Context, operation::error_chain, stop::Stop};

const EVERY: Duration = Duration::from_secs(3600);

/// Changes of the list of images that processes can follow one by one.
const KEPT_CHANGES: u32 = 20_000;

/// The job.
pub(super) struct Prune;

impl Job for Prune {
    fn id(&self) -> &'static str {
        "prune"
    }

    fn about(&self) -> &'static str {
        "Removes artifacts that no image names any more, old changes and messages, and layer facts beyond the cache's bound."
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
    while !stop.said_within(EVERY).await {
        match context.store.prune_artifacts(context.clock.now()).await {
            Ok(0) => {}
            Ok(artifacts) => tracing::info!(artifacts, "prune done"),
            Err(error) => tracing::error!(error = error_chain(&error), "prune failed"),
        }
        match context.store.forget_list_changes(KEPT_CHANGES).await {
            Ok(0) => {}
            Ok(changes) => tracing::info!(changes, "list changes forgotten"),
            Err(error) => {
                tracing::error!(error = error_chain(&error), "list changes not forgotten")
            }
        }
        let (now, lease_time) = (context.clock.now(), context.lease_time().await);
        let forgotten = [
            ("changes", context.store.forget_history(now).await),
            ("messages", context.store.forget_messages(now).await),
            ("requested scans", context.store.forget_requested_scans(lease_time).await),
        ];
        for (what, outcome) in forgotten {
            match outcome {
                Ok(0) => {}
                Ok(rows) => tracing::info!(what, rows, "forgotten"),
                Err(error) => {
                    tracing::error!(what, error = error_chain(&error), "not forgotten");
                }
            }
        }
        let cache = settings.cache.clone();
        match tokio::task::spawn_blocking(move || cache.prune()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "layer cache not pruned"),
            Err(error) => tracing::error!(%error, "layer cache not pruned"),
        }
    }
}
