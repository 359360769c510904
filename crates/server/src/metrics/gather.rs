//! All metrics of a process, and of the database behind it, as of now.
//!
//! In: the context. Out: the text of `/metrics`. Odd: a database that does not answer leaves its own metrics out, and
//! `plimsoll_store_up` says 0; the process's are always there.

use std::time::Duration;

use plimsoll_store::{StoreError, TaskState, store_errors};

use super::{ClaimOutcome, ScanOutcome, exposition::Exposition};
use crate::{context::Context, operation::error_chain};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The text.
pub(crate) async fn gather(context: &Context) -> String {
    let mut text = Exposition::default();
    process(context, &mut text);
    feed(context, &mut text);
    let mut of_store = Exposition::default();
    let up = match tokio::time::timeout(PATIENCE, store(context, &mut of_store)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(error = error_chain(&error), "metrics of the store left out");
            false
        }
        Err(_elapsed) => {
            tracing::warn!("metrics of the store left out: it did not answer in time");
            false
        }
    };
    text.gauge("plimsoll_store_up", "Whether the database answered.").sample(&[], u8::from(up));
    let mut text = text.into_text();
    if up {
        text.push_str(&of_store.into_text());
    }
    text
}

fn process(context: &Context, text: &mut Exposition) {
    let metrics = &context.metrics;
    text.gauge("plimsoll_build_info", "The program's version.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.counts(
        "plimsoll_scans_total",
        "Tasks that workers of this process ended, by how.",
        ScanOutcome::ALL.map(ScanOutcome::as_str),
        &metrics.scans,
    );
    text.histogram(
        "plimsoll_scan_duration_seconds",
        "From the claim of a task to its end.",
        &metrics.scan_seconds,
    );
    text.gauge("plimsoll_scans_running", "Tasks that workers of this process have.")
        .sample(&[], metrics.running());
    text.counts(
        "plimsoll_claims_total",
        "Questions of this process for a task, by what came of them.",
        ClaimOutcome::ALL.map(ClaimOutcome::as_str),
        &metrics.claims,
    );
    text.histogram(
        "plimsoll_claim_duration_seconds",
        "How long a question for a task took.",
        &metrics.claim_seconds,
    );
    text.counts(
        "plimsoll_syncs_total",
        "Registries that this process synced, by whether all went well.",
        ["done", "failed"],
        &metrics.syncs,
    );
    text.histogram(
        "plimsoll_sync_duration_seconds",
        "How long a sync of a registry took.",
        &metrics.sync_seconds,
    );
    let errors = store_errors();
    let mut family =
        text.counter("plimsoll_store_errors_total", "Statements that failed in this process.");
    family.sample(&[("transient", "true")], errors.transient);
    family.sample(&[("transient", "false")], errors.lasting);
}

fn feed(context: &Context, text: &mut Exposition) {
    let feed = context.feed.state();
    text.gauge("plimsoll_feed_loaded", "Whether there is advisory data.")
        .sample(&[], u8::from(feed.is_some()));
    if let Some(feed) = feed {
        let age = context.clock.now().0.saturating_sub(feed.date.0);
        text.gauge("plimsoll_feed_age_seconds", "Since the date of the advisory data in use.")
            .sample(&[], age);
    }
}

async fn store(context: &Context, text: &mut Exposition) -> Result<(), StoreError> {
    let (store, now) = (&context.store, context.clock.now());
    let counts = store.task_counts(None).await?;
    let messages = store.all_message_counts().await?;
    let mut family = text.gauge("plimsoll_tasks", "Tasks of all processes, by kind and state.");
    for state in TaskState::ALL {
        family.sample(&[("kind", "scan"), ("state", state.as_str())], counts.of(state));
    }
    for (state, number) in messages {
        family.sample(&[("kind", "message"), ("state", state.as_str())], number);
    }
    let oldest = store.oldest_due_task(now).await?;
    let waits = oldest.map_or(0, |queued| now.0.saturating_sub(queued.0));
    text.gauge(
        "plimsoll_queue_age_seconds",
        "How long the oldest scan has been waiting that could begin; 0: none waits.",
    )
    .sample(&[], waits);
    let registries = store.registries().await?;
    let troubled = registries.iter().filter(|registry| registry.problem.is_some()).count();
    text.gauge("plimsoll_registries", "Registries that are watched.").sample(&[], registries.len());
    text.gauge("plimsoll_registries_troubled", "Registries whose last sync did not end well.")
        .sample(&[], troubled);
    Ok(())
}
