//! Watches the advisory snapshot: a new one is used at once, and all known packages are brought to it.
//!
//! In: the snapshot's file. Out: the current feed, findings and counters by it, and tasks where only a scan helps. Odd:
//! * The file is looked at every few seconds instead of watched, since it may lie on any file system; an import renames a
//!   whole new file over it, so a look never sees half. A damaged file leaves the feed as it is.
//! * The snapshot that the fleet is matched with is kept under a second name, so that a server which was down while the file
//!   was exchanged still knows what differs.
//! * Where machines share snapshots, the fleet is brought to the one that all use, and by nobody who has another one.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_advisory::{Changes, STALE_SCORES_DAYS, Snapshot, staleness_gap};
use plimsoll_model::{Digest, Timestamp};
use plimsoll_store::StoreError;

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{
        error_chain,
        feed::{keep_matched, matched_path, open_feed, trace},
    },
    shared_snapshots::{Gives, Settled},
    stop::Stop,
};

const EVERY: Duration = Duration::from_secs(5);
/// Looks between two questions for outdated artifacts: what was running when the feed changed is found then.
const LOOKS_PER_QUESTION: u32 = 12;

/// The job.
pub(super) struct WatchFeed;

impl Job for WatchFeed {
    fn id(&self) -> &'static str {
        "watch-feed"
    }

    fn about(&self) -> &'static str {
        "Uses a new advisory snapshot as soon as it lies there, and brings all that rests on another one to it."
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
        run(context, settings, stop).boxed()
    }
}

async fn run(context: Context, settings: Arc<JobSettings>, mut stop: Stop) {
    let mut seen = trace(&settings.feed);
    let mut looks = 0;
    let unasked = if settings.only_scans { Gives::Never } else { Gives::Newer };
    let mut gives = unasked;
    loop {
        let settled = match &settings.shared_snapshots {
            Some(shared) => shared.settle(&context, &settings.feed, gives).await,
            None => Settled::Agreed,
        };
        match settled {
            Settled::Agreed => gives = unasked,
            Settled::Taken(taken) => (seen, looks) = (taken, 0),
            Settled::Apart => {}
        }
        // Two processes with different snapshots would bring the fleet from one to the other for ever.
        if settled != Settled::Apart {
            if !settings.only_scans && looks % LOOKS_PER_QUESTION == 0 {
                refresh(&context, &settings.feed, &stop).await;
                enqueue_outdated(&context).await;
            }
            looks = looks.wrapping_add(1);
        }
        if stop.said_within(EVERY).await {
            return;
        }
        let now = trace(&settings.feed);
        if now != seen {
            seen = now;
            exchange(&context, &settings.feed).await;
            looks = 0;
            if !settings.only_scans {
                gives = Gives::Whatever;
            }
        }
    }
}

/// Opens the file and uses what is in it.
pub(super) async fn exchange(context: &Context, path: &Path) {
    let owned = path.to_owned();
    match tokio::task::spawn_blocking(move || open_feed(&owned)).await {
        Ok(Ok(snapshot)) => {
            let found = snapshot.is_some();
            context.feed.set(snapshot.map(Arc::new));
            tracing::info!(found, "feed exchanged");
        }
        Ok(Err(error)) => {
            tracing::error!(path = %path.display(), error = error_chain(&error), "feed not usable");
        }
        Err(error) => tracing::error!(%error, "feed not opened"),
    }
}

/// Brings all known packages to the feed in use: those whose advisories differ are matched again.
pub(super) async fn refresh(context: &Context, path: &Path, stop: &Stop) {
    if let Err(error) = try_refresh(context, path, stop).await {
        tracing::error!(
            error = error_chain(&error),
            "fleet not refreshed; it goes on at the next look"
        );
    }
}

async fn try_refresh(context: &Context, path: &Path, stop: &Stop) -> Result<(), StoreError> {
    let snapshot = context.feed.snapshot();
    let now = context.clock.now();
    let judge = context.judge();
    let Some(fleet) = context.store.fleet().await? else { return Ok(()) };
    if fleet.is_of(&judge) && fleet.refresh.is_none() {
        return Ok(());
    }
    if !fleet.is_of(&judge) {
        let before = matched_path(path);
        let (known, current) = (fleet.snapshot(), snapshot);
        let changes = move || changes(&before, known, current.as_deref(), now);
        let changes = tokio::task::spawn_blocking(changes).await.ok().flatten();
        let names = changes.as_ref().map(|changes| &changes.names);
        let every_gap = changes.as_ref().is_none_or(|changes| changes.coverage);
        tracing::info!(names = names.map(std::collections::BTreeSet::len), "refresh start");
        context.store.begin_refresh(&judge, names, every_gap, now).await?;
        keep_matched(path);
    }
    let go_on = || !stop.is_said();
    let refreshed = context.store.continue_refresh(Arc::new(judge), now, &go_on).await?;
    if let Some(last) = context.store.refreshes(1).await?.pop() {
        tracing::info!(
            ?refreshed,
            parts = last.parts,
            changed = last.changed,
            artifacts = last.artifacts,
            "refresh done"
        );
    }
    Ok(())
}

/// What differs between the snapshot that the fleet is matched with and the one in use; `None`: that cannot be told.
fn changes(
    kept: &Path,
    known: Option<Digest>,
    current: Option<&Snapshot>,
    today: Timestamp,
) -> Option<Changes> {
    let before = Snapshot::open(kept).ok()?;
    let current = current?;
    if Some(before.state().snapshot) != known {
        return None;
    }
    let mut changes = current.changes_since(&before)?;
    // What is said of an old feed names its age, and what is said of old scores their date.
    let is_old = |snapshot: &Snapshot| {
        let state = snapshot.state();
        let scores = state.sources.iter().find(|source| source.name == "epss");
        staleness_gap(&state, today).is_some()
            || scores.is_some_and(|scores| state.date.days_since(scores.date) > STALE_SCORES_DAYS)
    };
    changes.coverage |= is_old(&before) || is_old(current);
    Some(changes)
}

/// Queues what only a scan can bring up to date: made by other detectors, or kept whole and of another snapshot.
pub(super) async fn enqueue_outdated(context: &Context) {
    let snapshot = context.feed.state().map(|state| state.snapshot);
    let version = context.detectors_version();
    let queued =
        context.store.enqueue_outdated(snapshot.as_ref(), &version, context.clock.now()).await;
    match queued {
        Ok(0) => {}
        Ok(queued) => tracing::info!(queued, "outdated scans queued"),
        Err(error) => tracing::error!(error = error_chain(&error), "outdated scans not queued"),
    }
}

#[cfg(test)]
mod tests;
