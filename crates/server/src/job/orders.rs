//! Does what the API ordered besides scans: syncs of registries, and cycle tasks that are due. Forgets what builds reported long
//! ago, and orders.
//!
//! In: the store's orders and cycle tasks. Out: synced registries, orders of scans, fewer rows. Odd: an ordered sync that a stop
//! cuts off is still ordered, and done again after the start; two servers may both sync a registry, which changes nothing twice.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use plimsoll_model::Timestamp;
use plimsoll_store::StoreError;

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{error_chain, scan_window::window_from, sync::sync_registry},
    stop::Stop,
};

/// How often is looked for orders.
const LOOK: Duration = Duration::from_secs(3);
/// Registries that are synced at once.
const AT_ONCE: usize = 4;
/// How often is forgotten, in seconds.
const FORGET_EVERY: i64 = 3_600;
/// How long orders are kept that ended, in seconds.
const KEPT: i64 = 90 * 86_400;

/// The job.
pub(super) struct FollowOrders;

impl Job for FollowOrders {
    fn id(&self) -> &'static str {
        "follow-orders"
    }

    fn about(&self) -> &'static str {
        "Syncs registries as the API ordered, begins cycle tasks that are due, and forgets old orders and images of builds."
    }

    fn run(
        &self,
        context: Context,
        _settings: Arc<JobSettings>,
        stop: Stop,
    ) -> BoxFuture<'static, ()> {
        run(context, stop).boxed()
    }
}

/// Cycle tasks do not wait for the end of syncs, which may take hours.
async fn run(context: Context, stop: Stop) {
    tokio::join!(follow_syncs(&context, stop.clone()), begin_and_forget(&context, stop));
}

async fn follow_syncs(context: &Context, mut stop: Stop) {
    loop {
        tokio::select! {
            synced = sync_ordered(context) => {
                if let Err(error) = synced {
                    tracing::error!(error = error_chain(&error), "ordered syncs not done");
                }
            }
            () = stop.said() => return,
        }
        if stop.said_within(LOOK).await {
            return;
        }
    }
}

async fn begin_and_forget(context: &Context, mut stop: Stop) {
    let mut forgotten: Option<Timestamp> = None;
    loop {
        let now = context.clock.now();
        if let Err(error) = begin_cycle_tasks(context, now).await {
            tracing::error!(error = error_chain(&error), "cycle tasks not begun");
        }
        if forgotten.is_none_or(|last| now.0 >= last.0.saturating_add(FORGET_EVERY)) {
            forgotten = Some(now);
            if let Err(error) = forget(context, now).await {
                tracing::error!(error = error_chain(&error), "orders not forgotten");
            }
        }
        if stop.said_within(LOOK).await {
            return;
        }
    }
}

/// Syncs the registries whose sync is ordered.
async fn sync_ordered(context: &Context) -> Result<(), StoreError> {
    let store = &context.store;
    let ordered = store.ordered_syncs().await?;
    if ordered.is_empty() {
        return Ok(());
    }
    let registries = store.registries().await?;
    let outcomes: Vec<Result<(), StoreError>> = stream::iter(ordered)
        .map(|(id, newest)| {
            let name = registries
                .iter()
                .find(|registry| registry.id == id)
                .map(|registry| registry.settings.name.clone());
            async move {
                let problem = match name {
                    None => Some("the registry was removed".to_owned()),
                    Some(name) => {
                        let synced = sync_registry(store, &name, &context.clock).await;
                        synced.err().map(|error| error_chain(&error))
                    }
                };
                let now = context.clock.now();
                store.end_ordered_sync(id, newest, problem.as_deref(), now).await
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    outcomes.into_iter().collect()
}

/// Places the orders of cycle tasks that are due.
async fn begin_cycle_tasks(context: &Context, now: Timestamp) -> Result<(), StoreError> {
    let moved_since = window_from(&context.store, now).await?;
    let begun = context.store.begin_cycle_tasks(moved_since, now).await?;
    if begun > 0 {
        tracing::info!(begun, "cycle tasks begun");
    }
    Ok(())
}

async fn forget(context: &Context, now: Timestamp) -> Result<(), StoreError> {
    let store = &context.store;
    let failed = store.fail_unreported_builds(now).await?;
    let images = store.remove_outdated_images(now).await?;
    let orders = store.forget_orders(Timestamp(now.0.saturating_sub(KEPT))).await?;
    if failed + images + orders > 0 {
        tracing::info!(failed, images, orders, "orders and images of builds forgotten");
    }
    Ok(())
}
