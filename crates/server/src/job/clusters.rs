//! Watches clusters: what runs there is in the store seconds later.
//!
//! In: clusters from the store, with credentials. Out: their workloads, and what is wrong with each. Source:
//! `docs/clusters.md`; the queue rules of `docs/store.md`. Odd:
//! * Of all processes with one database one watches a cluster; when it dies, another one does as soon as the lease ends.
//! * What changes within a second is one write, and only pods in which something differs are written.
//! * A cluster that cannot be reached stays as it was last seen: what runs there does not end because nobody can look.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_cluster::{Changes, ClusterWatch};
use plimsoll_store::{ClusterLease, StoreError, Workload};
use tokio::task::JoinSet;

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{
        clusters::{ServiceAccount, cluster_api, opened},
        error_chain,
        workloads::stored,
    },
    stop::Stop,
};

/// How often is looked for clusters that nobody watches.
const LOOK: Duration = Duration::from_secs(2);
/// How long changes are gathered before they are written.
const GATHER: Duration = Duration::from_secs(1);
/// How often a lease is extended before it would end.
const HEARTBEATS: u32 = 4;
/// Unreadable pods that the log names at once.
const NAMED: usize = 5;

/// The job.
pub(super) struct WatchClusters;

/// When things are done.
#[derive(Clone, Copy)]
struct Pace {
    look: Duration,
    gather: Duration,
}

impl Job for WatchClusters {
    fn id(&self) -> &'static str {
        "watch-clusters"
    }

    fn about(&self) -> &'static str {
        "Watches what runs in the clusters that were added."
    }

    fn run(
        &self,
        context: Context,
        settings: Arc<JobSettings>,
        stop: Stop,
    ) -> BoxFuture<'static, ()> {
        let worker = format!("{}/clusters", settings.presence.name());
        let pace = Pace { look: LOOK, gather: GATHER };
        run(context, worker, ServiceAccount::default(), pace, stop).boxed()
    }
}

async fn run(
    context: Context,
    worker: String,
    account: ServiceAccount,
    pace: Pace,
    mut stop: Stop,
) {
    let mut watchers = JoinSet::new();
    while !stop.is_said() {
        let now = context.lease_time().await;
        match context.store.claim_cluster(&worker, account.is_there(), now).await {
            Ok(Some(lease)) => {
                let one = watch(context.clone(), lease, account.clone(), pace, stop.clone());
                watchers.spawn(one);
            }
            Ok(None) => {
                stop.said_within(pace.look).await;
            }
            Err(error) => {
                tracing::error!(error = error_chain(&error), "no cluster claimed");
                stop.said_within(pace.look).await;
            }
        }
        while watchers.try_join_next().is_some() {}
    }
    while watchers.join_next().await.is_some() {}
}

/// Watches one cluster until its lease is lost or stop is said.
async fn watch(
    context: Context,
    lease: ClusterLease,
    account: ServiceAccount,
    pace: Pace,
    mut stop: Stop,
) {
    let name = lease.connection.name.as_str();
    tracing::info!(cluster.name = name, "cluster watch start");
    tokio::select! {
        () = follow(&context, &lease, &account, pace) => {}
        () = keep(&context, &lease) => {}
        () = stop.said() => {
            if let Err(error) = context.store.release_cluster(&lease).await {
                tracing::warn!(cluster.name = name, error = error_chain(&error), "cluster not given back");
            }
            return;
        }
    }
    tracing::info!(
        cluster.name = name,
        "cluster watch ended: it was removed, changed, or another process watches it"
    );
}

/// Extends the lease; returns when it is lost.
async fn keep(context: &Context, lease: &ClusterLease) {
    loop {
        tokio::time::sleep(context.store.lease() / HEARTBEATS).await;
        match context.store.extend_cluster(lease, context.lease_time().await).await {
            Ok(true) => {}
            Ok(false) => return,
            // Whether it still stands shows when something is written.
            Err(error) => tracing::warn!(error = error_chain(&error), "heartbeat failed"),
        }
    }
}

/// Writes what is seen; returns when the lease is lost.
async fn follow(context: &Context, lease: &ClusterLease, account: &ServiceAccount, pace: Pace) {
    let access = lease.access.as_ref().map(opened).transpose();
    let api = access.and_then(|access| cluster_api(access.as_ref(), account));
    let mut noted = lease.connection.problem.clone();
    let mut watch = match api {
        Ok(api) => ClusterWatch::new(&api),
        Err(problem) => {
            note(context, lease, &mut noted, Some(problem)).await;
            // Until somebody exchanges the credential.
            return std::future::pending().await;
        }
    };
    loop {
        let gathered = tokio::time::sleep(pace.gather);
        tokio::pin!(gathered);
        loop {
            tokio::select! {
                // First, so that a cluster in which something always changes is written too.
                biased;
                () = &mut gathered => break,
                () = watch.next() => {}
            }
        }
        note(context, lease, &mut noted, watch.problem()).await;
        let Some(changes) = watch.take() else { continue };
        match write(context, lease, &changes).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                let name = lease.connection.name.as_str();
                tracing::error!(
                    cluster.name = name,
                    error = error_chain(&error),
                    "workloads not written"
                );
                watch.put_back(changes);
            }
        }
    }
}

/// Notes what is wrong where that is something else than before.
async fn note(
    context: &Context,
    lease: &ClusterLease,
    noted: &mut Option<String>,
    problem: Option<String>,
) {
    if *noted == problem {
        return;
    }
    let name = lease.connection.name.as_str();
    match &problem {
        Some(problem) => tracing::warn!(cluster.name = name, problem, "cluster has a problem"),
        None => tracing::info!(cluster.name = name, "cluster has no problem any more"),
    }
    match context.store.set_cluster_problem(lease, problem.as_deref()).await {
        Ok(()) => *noted = problem,
        Err(error) => tracing::warn!(error = error_chain(&error), "problem of a cluster not noted"),
    }
}

async fn write(
    context: &Context,
    lease: &ClusterLease,
    changes: &Changes,
) -> Result<bool, StoreError> {
    let name = lease.connection.name.as_str();
    for problem in changes.unreadable.iter().take(NAMED) {
        tracing::warn!(cluster.name = name, problem, "pod left out");
    }
    let workloads: Vec<Workload> = changes.workloads.iter().cloned().map(stored).collect();
    let pods = changes.pods.as_deref();
    let now = context.clock.now();
    let stands = context.store.write_watched(lease, pods, &workloads, now).await?;
    match pods {
        None => tracing::info!(cluster.name = name, containers = workloads.len(), "cluster listed"),
        Some(pods) => tracing::debug!(cluster.name = name, pods = pods.len(), "pods changed"),
    }
    Ok(stands)
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
