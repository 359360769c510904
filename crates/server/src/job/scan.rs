//! Scan workers: each claims a task, scans its image, records the report.
//!
//! In: tasks from the store. Out: reports under their lease. Source: the queue rules of `docs/store.md`: leases, by default of 60
//! seconds, four heartbeats in each, results only with the lease's number.
//!
//! Odd:
//! * What the registry did wrong is tried again; what the image did wrong is a report that says so.
//! * A worker that is told to drain ends its scan and claims no other one.
//! * A worker that lost its lease, or is told to stop, stops reading at the next archive entry and writes nothing.

mod requested;
mod stoppable;
mod vex;
mod work;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::task::JoinSet;

use super::{Job, JobSettings};
use crate::{context::Context, metrics::ClaimOutcome, operation::error_chain, stop::Stop};

/// How often an idle worker looks for tasks of other processes, for leases that ended and for retries that became due; with
/// short leases more often.
const LOOK: Duration = Duration::from_secs(2);

/// The job.
pub(super) struct ScanImages;

impl Job for ScanImages {
    fn id(&self) -> &'static str {
        "scan-images"
    }

    fn about(&self) -> &'static str {
        "Scans the images that are queued, several at once."
    }

    fn is_of_workers(&self) -> bool {
        true
    }

    fn run(
        &self,
        context: Context,
        settings: Arc<JobSettings>,
        stop: Stop,
    ) -> BoxFuture<'static, ()> {
        async move {
            give_back_of_the_dead(&context, &settings).await;
            let mut workers = JoinSet::new();
            for number in 1..=settings.workers {
                let worker = format!("{}/{number}", settings.presence.name());
                let settings = Arc::clone(&settings);
                workers.spawn(run(worker, context.clone(), settings, stop.clone()));
            }
            while workers.join_next().await.is_some() {}
        }
        .boxed()
    }
}

/// Tasks and messages of killed processes need not wait for the end of their leases.
async fn give_back_of_the_dead(context: &Context, settings: &JobSettings) {
    for process in settings.presence.bury_the_dead() {
        let now = context.lease_time().await;
        let released = context.store.release_worker(&format!("{process}/"), now).await;
        match released {
            Ok(tasks) => tracing::info!(process, tasks, "tasks of a dead process given back"),
            Err(error) => tracing::error!(error = error_chain(&error), "tasks not given back"),
        }
        let requested = context.store.release_requested_scans(&format!("{process}/"), now).await;
        if let Err(error) = requested {
            tracing::error!(error = error_chain(&error), "requested scans not given back");
        }
        let now = context.clock.now();
        if let Err(error) = context.store.release_messages(&format!("{process}/"), now).await {
            tracing::error!(error = error_chain(&error), "messages not given back");
        }
        if let Err(error) = context.store.release_clusters(&format!("{process}/")).await {
            tracing::error!(error = error_chain(&error), "clusters not given back");
        }
    }
}

async fn run(worker: String, context: Context, settings: Arc<JobSettings>, mut stop: Stop) {
    while !stop.is_draining() {
        // Somebody waits for what was requested, and gives up after a while.
        if requested::work_on_next(&worker, &context, &settings.cache, &stop).await {
            continue;
        }
        let asked = Instant::now();
        let claimed = context.store.claim(&worker, context.lease_time().await).await;
        let outcome = match &claimed {
            Ok(Some(_)) => ClaimOutcome::Taken,
            Ok(None) => ClaimOutcome::Empty,
            Err(_) => ClaimOutcome::Failed,
        };
        context.metrics.claimed(outcome, asked.elapsed());
        match claimed {
            Ok(Some(task)) => work::work(task, &context, &settings.cache, stop.clone()).await,
            Ok(None) => idle(&context, &mut stop).await,
            Err(error) => {
                tracing::error!(worker, error = error_chain(&error), "no task claimed");
                stop.said_within(look(&context)).await;
            }
        }
    }
}

async fn idle(context: &Context, stop: &mut Stop) {
    tokio::select! {
        () = context.store.task_hint() => {}
        () = tokio::time::sleep(look(context)) => {}
        () = stop.draining() => {}
    }
}

/// What a dead worker had is with another one before half a lease more has gone by.
fn look(context: &Context) -> Duration {
    LOOK.min(context.store.lease() / work::HEARTBEATS)
}

#[cfg(test)]
mod tests;
