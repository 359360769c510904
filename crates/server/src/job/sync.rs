//! Syncs every registry now and then.
//!
//! In: the interval. Out: images and tasks in the store. Odd: a registry that was just added is due at once; one that
//! fails is tried again after the same interval, and its problem stands in the list of registries.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use plimsoll_model::Timestamp;

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{error_chain, sync::sync_registry},
    stop::Stop,
};

/// How often is looked for registries that are due.
const LOOK: Duration = Duration::from_secs(3);
/// Registries that are synced at once, so that a slow one holds up few others.
const AT_ONCE: usize = 4;

/// The job.
pub(super) struct SyncRegistries;

impl Job for SyncRegistries {
    fn id(&self) -> &'static str {
        "sync-registries"
    }

    fn about(&self) -> &'static str {
        "Lists the images of every registry, at the start, when one is added, and then at the interval."
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
    let Some(interval) = settings.sync_interval else { return };
    let interval = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX).max(1);
    let mut synced: BTreeMap<i64, Timestamp> = BTreeMap::new();
    loop {
        match context.store.registries().await {
            Ok(registries) => {
                let now = context.clock.now();
                synced.retain(|id, _| registries.iter().any(|registry| registry.id == *id));
                let mut due = Vec::new();
                for registry in registries {
                    let last = synced.get(&registry.id);
                    if last.is_none_or(|last| now.0 >= last.0.saturating_add(interval)) {
                        synced.insert(registry.id, now);
                        due.push(registry.settings.name);
                    }
                }
                let all =
                    stream::iter(due).for_each_concurrent(AT_ONCE, |name| sync(&context, name));
                tokio::select! {
                    () = all => {}
                    () = stop.said() => return,
                }
            }
            Err(error) => tracing::error!(error = error_chain(&error), "registries not listed"),
        }
        if stop.said_within(LOOK).await {
            return;
        }
    }
}

async fn sync(context: &Context, name: String) {
    let began = Instant::now();
    let synced = sync_registry(&context.store, &name, &context.clock).await;
    let went_well = synced.as_ref().is_ok_and(|report| report.problem_count == 0);
    context.metrics.synced(went_well, began.elapsed());
    if let Err(error) = synced {
        tracing::warn!(registry.name = name, error = error_chain(&error), "sync failed");
    }
}
