//! One task: its image is fetched and scanned, its report recorded, all under its lease.
//!
//! In: a claimed task. Out: a recorded report, or a failed attempt with its reason. Odd: the lease is extended beside the
//! scan, not by it, so that a large layer cannot lose it.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use futures_util::FutureExt;
use opentelemetry::{KeyValue, trace::SpanKind};
use plimsoll_advisory::{MatchContext, Snapshot};
use plimsoll_image::Budget;
use plimsoll_model::{Platform, Report, Timestamp};
use plimsoll_registry::{RegistryError, RemoteImage, resolve};
use plimsoll_scanner::{
    LayerCache, Rules, ScanOptions, Scanned,
    child::{ChildScan, Target, scan_in_child},
    detectors_version, scan,
};
use plimsoll_store::{FailOutcome, Lease, RecordOutcome, Retry, ScanRecord, StoreError, Task};

use super::{
    stoppable::Stoppable,
    vex::{self, Beside},
};
use crate::{
    context::{Confinement, Context},
    metrics::ScanOutcome,
    operation::{client::registry_client, error_chain, judge::SnapshotJudge},
    stop::Stop,
    trace::{self, Described, LayerSpans, in_span},
};

/// How often a lease is extended before it would end.
pub(super) const HEARTBEATS: u32 = 4;
/// Seconds until an image is scanned again whose scan rested on another snapshot than the fleet.
const AFTER_EXCHANGE: i64 = 5;

/// Why an attempt gave no report.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) why: String,
    pub(super) retry: Retry,
}

/// A report, and what it rests on.
pub(super) struct Attempted {
    pub(super) report: Report,
    judge: SnapshotJudge,
    detectors_version: String,
}

/// What scans need besides image and snapshot.
struct Terms {
    confinement: Confinement,
    budget: Budget,
    layer_threads: usize,
    rules: Arc<Rules>,
    today: Timestamp,
    context: MatchContext,
}

/// How the scan of a task ended.
enum Ended {
    Report(Box<Attempted>),
    Failed(Failure),
    /// The server stops: the task goes back.
    Stopped,
    /// Another worker has the task.
    Lost,
}

/// Scans a task's image and writes what came of it.
pub(super) async fn work(task: Task, context: &Context, cache: &LayerCache, stop: Stop) {
    in_span(|| described(&task), work_on(&task, context, cache, stop)).await;
}

/// What a trace tells of a task: nothing that is in its image.
fn described(task: &Task) -> Described<'_> {
    Described {
        name: "scan",
        kind: SpanKind::Consumer,
        attributes: vec![
            KeyValue::new("plimsoll.task.id", task.lease.task_id),
            KeyValue::new("plimsoll.task.attempt", i64::from(task.attempt)),
            KeyValue::new("plimsoll.task.origin", task.origin.as_str()),
            KeyValue::new("plimsoll.registry.id", task.registry_id),
            KeyValue::new("oci.manifest.digest", task.digest.to_string()),
        ],
        traceparent: task.traceparent.as_deref(),
    }
}

async fn work_on(task: &Task, context: &Context, cache: &LayerCache, stop: Stop) {
    let began = Instant::now();
    let _scanning = context.metrics.scan_begins();
    tracing::info!(image.digest = %task.digest, attempt = task.attempt, "scan start");
    let mut lease = task.lease.clone();
    let ended = under_lease(task, &mut lease, context, cache, stop).await;
    let written = match ended {
        Ended::Report(made) => record(task, &lease, context, &made).await,
        Ended::Failed(failure) => fail(task, &lease, context, &failure).await,
        Ended::Stopped => {
            let released = context.store.release(&lease, context.lease_time().await).await;
            released.map(|()| ScanOutcome::GivenBack)
        }
        Ended::Lost => {
            tracing::warn!(image.digest = %task.digest, "scan dropped: the lease was lost, or the task cancelled");
            Ok(ScanOutcome::Lost)
        }
    };
    let outcome = written.unwrap_or_else(|error| {
        // The lease ends by itself, and another attempt follows.
        tracing::error!(image.digest = %task.digest, error = error_chain(&error), "scan not recorded");
        ScanOutcome::Unrecorded
    });
    trace::note(|| KeyValue::new("plimsoll.scan.outcome", outcome.as_str()));
    if matches!(outcome, ScanOutcome::Retried | ScanOutcome::Failed | ScanOutcome::Unrecorded) {
        trace::fail(outcome.as_str());
    }
    context.metrics.scan_ended(outcome, began.elapsed());
}

/// Runs the scan and extends its lease meanwhile.
async fn under_lease(
    task: &Task,
    lease: &mut Lease,
    context: &Context,
    cache: &LayerCache,
    mut stop: Stop,
) -> Ended {
    let stopped = Arc::new(AtomicBool::new(false));
    let scan = attempt(task, context, cache.clone(), Arc::clone(&stopped));
    let mut scan = std::pin::pin!(scan);
    let mut beats = tokio::time::interval(context.store.lease() / HEARTBEATS);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beats.tick().await;
    let mut outcome = None;
    loop {
        tokio::select! {
            ended = scan.as_mut() => {
                return match (outcome, ended) {
                    (Some(outcome), _) => outcome,
                    (None, Ok(made)) => Ended::Report(Box::new(made)),
                    (None, Err(failure)) => Ended::Failed(failure),
                };
            }
            _ = beats.tick(), if outcome.is_none() => {
                match context.store.heartbeat(lease, context.lease_time().await).await {
                    Ok(Some(extended)) => *lease = extended,
                    Ok(None) => outcome = Some(Ended::Lost),
                    // The lease may still stand; whether it does shows when the result is written.
                    Err(error) => tracing::warn!(error = error_chain(&error), "heartbeat failed"),
                }
            }
            () = stop.said(), if outcome.is_none() => outcome = Some(Ended::Stopped),
        }
        if outcome.is_some() {
            stopped.store(true, Ordering::Relaxed);
        }
    }
}

/// Fetches the image's documents, then scans it.
async fn attempt(
    task: &Task,
    context: &Context,
    cache: LayerCache,
    stopped: Arc<AtomicBool>,
) -> Result<Attempted, Failure> {
    let image = fetch(task, context).await?;
    scan_fetched(image, task.lease.context, context, cache, stopped).await
}

/// Scans an image whose documents were fetched, on a thread of its own.
pub(super) async fn scan_fetched(
    image: RemoteImage,
    use_of_image: MatchContext,
    context: &Context,
    cache: LayerCache,
    stopped: Arc<AtomicBool>,
) -> Result<Attempted, Failure> {
    let snapshot = context.feed.snapshot();
    let rules = context.rules.current();
    let today = context.clock.now();
    let documents = context.vex.current();
    let judge = SnapshotJudge::new(snapshot.clone(), today).with_vex(Arc::clone(&documents));
    let version = detectors_version(&rules);
    let detectors_version = format!("{version}{}", documents.version_of_images());
    let beside = Beside {
        image: context.vex_beside_images.then(|| image.clone()),
        subjects: image.subjects().into_iter().collect(),
        confinement: context.confinement.clone(),
        stopped: Arc::clone(&stopped),
    };
    let (confinement, budget) = (context.confinement.clone(), context.budget.clone());
    let layer_threads = context.layer_threads;
    let context = use_of_image;
    let layers = LayerSpans::here();
    let scanning = tokio::task::spawn_blocking(move || {
        let snapshot = snapshot.as_deref();
        let terms = Terms { confinement, budget, layer_threads, rules, today, context };
        let scanning = || scan_image(image, &terms, snapshot, &cache, &layers, &stopped);
        std::panic::catch_unwind(AssertUnwindSafe(scanning))
    });
    match scanning.await {
        Ok(Ok(result)) => {
            let mut report = result?;
            vex::hear(&mut report, &documents, beside).await.map_err(Failure::later)?;
            Ok(Attempted { report, judge, detectors_version })
        }
        Ok(Err(_panic)) => Err(Failure::later("the scanner stumbled over this image")),
        Err(error) => Err(Failure::later(error.to_string())),
    }
}

async fn fetch(task: &Task, context: &Context) -> Result<RemoteImage, Failure> {
    let registry = context.store.registry_by_id(task.registry_id).await;
    let registry = registry.map_err(|error| Failure::later(error_chain(&error)))?;
    let registry = registry.ok_or_else(|| Failure::never("its registry was removed"))?;
    if registry.settings.is_of_builds() {
        return Err(Failure::never("what a build reported is looked at again by that build"));
    }
    let client = registry_client(&registry, &context.clock).await.map_err(Failure::registry)?;
    let platform = task.platform.parse::<Platform>();
    let platform = platform.map_err(|error| Failure::never(error.to_string()))?;
    let digest = task.digest.to_string();
    let resolved = resolve(&client, &task.path, &digest, &platform, &context.budget).boxed().await;
    resolved.map_err(Failure::registry)
}

/// Reads the image in a process of its own, or, where that is switched off, in this one.
fn scan_image(
    image: RemoteImage,
    terms: &Terms,
    snapshot: Option<&Snapshot>,
    cache: &LayerCache,
    layers: &LayerSpans,
    stopped: &AtomicBool,
) -> Result<Report, Failure> {
    let Terms { confinement, budget, layer_threads, rules, today, context } = terms;
    if let Confinement::Child { isolation, .. } = confinement {
        let request = ChildScan {
            target: Target::Remote(&image),
            snapshot: snapshot.map(Snapshot::path),
            cache: Some(cache),
            budget,
            today: *today,
            threads: *layer_threads,
            context: *context,
            kinds: plimsoll_model::Kinds::ALL,
            rules: Some(rules),
        };
        let is_stopped = || stopped.load(Ordering::Relaxed);
        let scanned = scan_in_child(isolation, &request, layers, &is_stopped);
        // Whatever kept the process from being made, or from its snapshot or rules, is a matter of this machine.
        let scanned = scanned.map_err(|error| Failure::later(error_chain(&error)))?;
        return settled(scanned.scanned);
    }
    let malware = rules.open().map_err(|error| Failure::later(error_chain(&error)))?;
    let source = Stoppable { source: image, stopped };
    let options = ScanOptions {
        snapshot,
        cache: Some(cache),
        budget,
        today: *today,
        threads: *layer_threads,
        context: *context,
        kinds: plimsoll_model::Kinds::ALL,
        malware: Some(&malware),
        watch: None,
    };
    settled(scan(&source, &options, layers))
}

/// A report to keep, or another attempt.
fn settled(scanned: Scanned) -> Result<Report, Failure> {
    match scanned.interrupted {
        Some(why) => Err(Failure::later(why)),
        None => Ok(scanned.report),
    }
}

async fn record(
    task: &Task,
    lease: &Lease,
    context: &Context,
    made: &Attempted,
) -> Result<ScanOutcome, StoreError> {
    let Attempted { report, judge, detectors_version } = made;
    let scan = ScanRecord { report, detectors_version };
    let now = context.lease_time().await;
    let outcome = context.store.record_inventory(lease, scan, judge, now).await?;
    let digest = task.digest;
    match outcome {
        RecordOutcome::Stored | RecordOutcome::Unchanged => tracing::info!(
            image.digest = %digest,
            packages = report.packages.len(),
            findings = report.findings.len(),
            coverage = %report.coverage.verdict,
            unchanged = outcome == RecordOutcome::Unchanged,
            "scan done"
        ),
        RecordOutcome::Unreadable => {
            tracing::warn!(image.digest = %digest, "scan done: the image cannot be read");
        }
        RecordOutcome::OtherSnapshot => {
            // The feed was exchanged meanwhile, here or by another process: layers are known, so that the next attempt is
            // short.
            tracing::info!(image.digest = %digest, "scan given back: it rests on another snapshot");
            let later = Timestamp(now.0.saturating_add(AFTER_EXCHANGE));
            context.store.release(lease, later).await?;
        }
        RecordOutcome::Dropped => tracing::warn!(image.digest = %digest, "scan result dropped"),
    }
    Ok(match outcome {
        RecordOutcome::Stored => ScanOutcome::Stored,
        RecordOutcome::Unchanged => ScanOutcome::Unchanged,
        RecordOutcome::Unreadable => ScanOutcome::Unreadable,
        RecordOutcome::OtherSnapshot => ScanOutcome::GivenBack,
        RecordOutcome::Dropped => ScanOutcome::Lost,
    })
}

async fn fail(
    task: &Task,
    lease: &Lease,
    context: &Context,
    failure: &Failure,
) -> Result<ScanOutcome, StoreError> {
    let now = context.lease_time().await;
    let outcome = context.store.fail(lease, &failure.why, failure.retry, now).await?;
    tracing::warn!(image.digest = %task.digest, why = failure.why, ?outcome, "scan failed");
    Ok(match outcome {
        FailOutcome::Again(_) => ScanOutcome::Retried,
        FailOutcome::Failed => ScanOutcome::Failed,
        FailOutcome::Dropped => ScanOutcome::Lost,
    })
}

impl Failure {
    pub(super) fn later(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry: Retry::Later }
    }

    pub(super) fn never(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry: Retry::Never }
    }

    /// What the registry did; a refused account or a missing manifest may be repaired within the pauses between attempts,
    /// a document that cannot be read may not.
    pub(super) fn registry(error: RegistryError) -> Self {
        let why = error_chain(&error);
        match error {
            RegistryError::Document { .. }
            | RegistryError::NotAnImage { .. }
            | RegistryError::Name(_) => Self::never(why),
            _ => Self::later(why),
        }
    }
}
