//! Syncs every registry now and then.
//!
//! In: the interval. Out: images and tasks in the store. Odd: a registry that was just added is due at once; one that
//! fails is tried again after the same interval, and its problem stands in the list of registries. One whose sync takes longer
//! than the interval is due again when that ends.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_model::Timestamp;
use plimsoll_store::Registry;
use tokio::task::{AbortHandle, JoinSet};

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
    let mut syncs = Syncs::default();
    loop {
        match context.store.registries().await {
            Ok(registries) => syncs.begin_due(&context, registries, interval),
            Err(error) => tracing::error!(error = error_chain(&error), "registries not listed"),
        }
        if stop.said_within(LOOK).await {
            return;
        }
    }
}

/// When each registry's last sync began, and those that run; they end with the value.
#[derive(Default)]
struct Syncs {
    began: BTreeMap<i64, Timestamp>,
    running: BTreeMap<i64, AbortHandle>,
    tasks: JoinSet<()>,
}

impl Syncs {
    /// Begins what is due, as far as there is place: what waits longest first, and nothing that still runs.
    fn begin_due(&mut self, context: &Context, registries: Vec<Registry>, interval: i64) {
        while self.tasks.try_join_next().is_some() {}
        self.running.retain(|_, sync| !sync.is_finished());
        self.began.retain(|id, _| registries.iter().any(|registry| registry.id == *id));
        let now = context.clock.now();
        let mut due: Vec<(Option<Timestamp>, Registry)> = registries
            .into_iter()
            .map(|registry| (self.began.get(&registry.id).copied(), registry))
            .filter(|(last, registry)| {
                let is_due = last.is_none_or(|last| now.0 >= last.0.saturating_add(interval));
                is_due && !self.running.contains_key(&registry.id)
            })
            .collect();
        due.sort_by_key(|(last, registry)| (*last, registry.id));
        let places = AT_ONCE.saturating_sub(self.running.len());
        for (_, registry) in due.into_iter().take(places) {
            self.began.insert(registry.id, now);
            let (context, name) = (context.clone(), registry.settings.name);
            let handle = self.tasks.spawn(async move { sync(&context, name).await });
            self.running.insert(registry.id, handle);
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

#[cfg(test)]
mod tests {
    use plimsoll_image::{ImageBuilder, Layer};
    use plimsoll_store::{Store, StoreOptions};

    use super::*;
    use crate::{
        Blobs, Clock, LoopbackHandle, LoopbackRegistry,
        operation::registries::{AddRegistry, add_registry},
    };

    async fn served(context: &Context, name: &str) -> (LoopbackRegistry, LoopbackHandle) {
        let registry = LoopbackRegistry::new();
        let layer = Layer::builder("base").file("a", name.as_bytes()).build().unwrap();
        let image = ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer);
        registry.put("team/app", "1", &image.build().unwrap());
        let handle = registry.serve().await.unwrap();
        let request =
            AddRegistry { name: name.into(), url: handle.url(), ..AddRegistry::default() };
        add_registry(&context.store, &request, context.clock.now()).await.unwrap();
        (registry, handle)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_registry_that_does_not_end_holds_up_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
        let clock = Clock::fixed("2026-12-01T03:00:00Z".parse().unwrap());
        let context = Context::new(store.clone(), clock);
        let mut syncs = Syncs::default();
        let (slow, _slow) = served(&context, "slow").await;
        slow.answer_blobs(Blobs::Hold);
        syncs.begin_due(&context, store.registries().await.unwrap(), 60);
        slow.asked_for("/blobs/").await;

        // While it is looked at, another one is added, and both are due again and again.
        let (_quick, _quick_handle) = served(&context, "quick").await;
        for _ in 0..3 {
            context.clock.advance(60);
            syncs.begin_due(&context, store.registries().await.unwrap(), 60);
            let quick = store.registry("quick").await.unwrap().unwrap().id;
            let handle = syncs.running.get(&quick).unwrap();
            while !handle.is_finished() {
                tokio::task::yield_now().await;
            }
            assert_eq!(store.images_of_repository(quick, "team/app").await.unwrap().len(), 1);
        }
        let counted = |request: &String| request.contains("/tags/list");
        let looks = slow.take_requests().iter().filter(|request| counted(request)).count();
        assert_eq!(looks, 1, "nothing is begun that still runs");
    }
}
