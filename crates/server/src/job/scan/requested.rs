//! One requested scan: an image is fetched with the asker's own credential and scanned; the report is kept for the asker.
//!
//! In: a claimed wish. Out: its report, or a failed attempt with its reason. Odd: the credential is worth something until the
//! asker takes it back, so that such scans go first; it is held in memory for one attempt, and the store forgets it with the last.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use opentelemetry::{KeyValue, trace::SpanKind};
use plimsoll_model::{MatchContext, Platform, Report, Verdict};
use plimsoll_registry::{RegistryError, resolve};
use plimsoll_scanner::LayerCache;
use plimsoll_store::{Registry, RequestedScan, Retry, StoreError};

use super::work::{Failure, HEARTBEATS, scan_fetched};
use crate::{
    context::Context,
    harbor::Wish,
    operation::{
        client::{Authorization, client_with},
        error_chain,
    },
    stop::Stop,
    trace::{self, Described, in_span},
};

/// Until what became of a scan is written again, where the database was away; each time twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// How a requested scan ended.
enum Ended {
    Report(Box<Report>),
    Failed(Failure),
    /// The server stops, or the database could not be asked for what the scan needs: it goes back, and the attempt does not count.
    Untouched,
    /// Another worker has it.
    Lost,
}

/// Takes the next requested scan and works on it; `false` when there is none.
pub(super) async fn work_on_next(
    worker: &str,
    context: &Context,
    cache: &LayerCache,
    stop: &Stop,
) -> bool {
    match context.store.claim_requested_scan(worker, context.lease_time().await).await {
        Ok(Some(scan)) => {
            work(&scan, context, cache, stop.clone()).await;
            true
        }
        Ok(None) => false,
        Err(error) => {
            tracing::error!(worker, error = error_chain(&error), "no requested scan claimed");
            false
        }
    }
}

async fn work(scan: &RequestedScan, context: &Context, cache: &LayerCache, stop: Stop) {
    let described = || Described {
        name: "requested scan",
        kind: SpanKind::Consumer,
        attributes: vec![
            KeyValue::new("plimsoll.task.attempt", i64::from(scan.attempt)),
            KeyValue::new("plimsoll.registry.id", scan.registry_id),
        ],
        traceparent: scan.traceparent.as_deref(),
    };
    in_span(described, work_on(scan, context, cache, stop)).await;
}

async fn work_on(scan: &RequestedScan, context: &Context, cache: &LayerCache, stop: Stop) {
    let _scanning = context.metrics.scan_begins();
    tracing::info!(scan.id = scan.id, attempt = scan.attempt, "requested scan start");
    let ended = under_lease(scan, context, cache, stop).await;
    let mut pause = FIRST_PAUSE;
    let outcome = loop {
        match write(scan, context, &ended).await {
            // An attempt whose end cannot be written is one of few that is lost: a connection that broke is soon replaced.
            Err(error) if error.is_transient() && pause < context.store.lease() => {
                tracing::warn!(
                    scan.id = scan.id,
                    error = error_chain(&error),
                    "requested scan not kept yet"
                );
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
            outcome => break outcome,
        }
    };
    if let Err(error) = outcome {
        // The lease ends by itself, and another attempt follows.
        tracing::error!(scan.id = scan.id, error = error_chain(&error), "requested scan not kept");
    }
}

async fn write(scan: &RequestedScan, context: &Context, ended: &Ended) -> Result<(), StoreError> {
    let now = context.lease_time().await;
    match ended {
        Ended::Report(report) => {
            let (packages, findings) = (report.packages.len(), report.findings.len());
            let kept = context.store.finish_requested_scan(scan, report, now).await?;
            tracing::info!(scan.id = scan.id, packages, findings, kept, "requested scan done");
        }
        Ended::Failed(Failure { why, retry }) => {
            let may_retry = *retry == Retry::Later;
            let again = context.store.fail_requested_scan(scan, why, may_retry, now).await?;
            tracing::warn!(scan.id = scan.id, why, again, "requested scan failed");
            trace::fail(if again { "retried" } else { "failed" });
        }
        Ended::Untouched => context.store.release_requested_scan(scan, now).await?,
        Ended::Lost => {
            tracing::warn!(scan.id = scan.id, "requested scan dropped: the lease was lost");
        }
    }
    Ok(())
}

/// Runs the scan and extends its lease meanwhile.
async fn under_lease(
    scan: &RequestedScan,
    context: &Context,
    cache: &LayerCache,
    mut stop: Stop,
) -> Ended {
    let stopped = Arc::new(AtomicBool::new(false));
    let registry = match context.store.registry_by_id(scan.registry_id).await {
        Ok(Some(registry)) => registry,
        Ok(None) => return Ended::Failed(Failure::never("its registry was removed")),
        Err(error) => {
            tracing::warn!(scan.id = scan.id, error = error_chain(&error), "registry not read");
            return Ended::Untouched;
        }
    };
    let attempt = attempt(scan, &registry, context, cache.clone(), Arc::clone(&stopped));
    let mut attempt = std::pin::pin!(attempt);
    let mut beats = tokio::time::interval(context.store.lease() / HEARTBEATS);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beats.tick().await;
    let mut outcome = None;
    loop {
        tokio::select! {
            ended = attempt.as_mut() => {
                return match (outcome, ended) {
                    (Some(outcome), _) => outcome,
                    (None, Ok(report)) => Ended::Report(Box::new(report)),
                    (None, Err(failure)) => Ended::Failed(failure),
                };
            }
            _ = beats.tick(), if outcome.is_none() => {
                match context.store.extend_requested_scan(scan, context.lease_time().await).await {
                    Ok(true) => {}
                    Ok(false) => outcome = Some(Ended::Lost),
                    Err(error) => tracing::warn!(error = error_chain(&error), "heartbeat failed"),
                }
            }
            () = stop.said(), if outcome.is_none() => outcome = Some(Ended::Untouched),
        }
        if outcome.is_some() {
            stopped.store(true, Ordering::Relaxed);
        }
    }
}

async fn attempt(
    scan: &RequestedScan,
    registry: &Registry,
    context: &Context,
    cache: LayerCache,
    stopped: Arc<AtomicBool>,
) -> Result<Report, Failure> {
    let wish: Wish = serde_json::from_str(&scan.wish)
        .map_err(|_error| Failure::never("the wish cannot be read: another version kept it"))?;
    let authorization = match &scan.credential {
        Some(value) => Some(Authorization::parse(value.reveal()).ok_or_else(|| {
            Failure::never("the credential that came along is neither Basic nor Bearer")
        })?),
        None => None,
    };
    let client = client_with(&registry.settings, authorization).map_err(Failure::registry)?;
    // The digest names one manifest: an index was taken apart by whoever asks.
    let platform = registry.settings.platform.clone().unwrap_or_else(|| Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
        variant: None,
    });
    let artifact = &wish.artifact;
    let image =
        resolve(&client, &artifact.repository, &artifact.digest, &platform, &context.budget)
            .boxed()
            .await
            .map_err(of_registry)?;
    let made = scan_fetched(image, MatchContext::default(), context, cache, stopped).await?;
    if made.report.coverage.verdict == Verdict::Unreadable {
        let gaps = &made.report.coverage.gaps;
        let gap = gaps.iter().find(|gap| gap.reason == plimsoll_model::GapReason::UnreadableImage);
        let why = gap.map_or("the image could not be read", |gap| gap.detail.as_str());
        return Err(Failure::never(why));
    }
    Ok(made.report)
}

/// A credential that is refused now is refused later too: it was made for this scan.
fn of_registry(error: RegistryError) -> Failure {
    match error {
        RegistryError::Refused { .. } | RegistryError::NotFound { .. } => {
            Failure::never(error_chain(&error))
        }
        error => Failure::registry(error),
    }
}
