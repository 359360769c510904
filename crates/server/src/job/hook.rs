//! Looks at what webhooks hint at.
//!
//! In: hints from the store. Out: what changed in the registries' own words, with tasks for it. Odd: a hint is forgotten only
//! after the look, so that nothing is lost when the process dies; one that fails again and again is left to the next sync.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_store::{ClaimedHint, StoreError};
use tokio::task::JoinSet;

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{error_chain, sync::sync_place},
    stop::Stop,
};

/// How often is looked for hints.
const LOOK: Duration = Duration::from_millis(500);
/// Hints that are followed at once, so that a slow registry holds up few others.
const AT_ONCE: usize = 4;
/// How often the lease of a long look is extended before it would end.
const HEARTBEATS: u32 = 4;

/// The job.
pub(super) struct FollowHooks;

impl Job for FollowHooks {
    fn id(&self) -> &'static str {
        "follow-hooks"
    }

    fn about(&self) -> &'static str {
        "Looks at the repositories and tags of which webhooks say that they changed."
    }

    fn run(
        &self,
        context: Context,
        settings: Arc<JobSettings>,
        stop: Stop,
    ) -> BoxFuture<'static, ()> {
        async move {
            let mut followers = JoinSet::new();
            for number in 1..=AT_ONCE {
                let name = format!("{}/hook-{number}", settings.presence.name());
                followers.spawn(run(name, context.clone(), stop.clone()));
            }
            while followers.join_next().await.is_some() {}
        }
        .boxed()
    }
}

async fn run(name: String, context: Context, mut stop: Stop) {
    while !stop.is_said() {
        match follow_next(&name, &context, &mut stop).await {
            Ok(true) => {}
            Ok(false) => {
                stop.said_within(LOOK).await;
            }
            Err(error) => {
                tracing::error!(error = error_chain(&error), "no hint followed");
                stop.said_within(LOOK).await;
            }
        }
    }
}

/// Takes the next hint and looks; `false` when there is none.
async fn follow_next(name: &str, context: &Context, stop: &mut Stop) -> Result<bool, StoreError> {
    let Some(claimed) = context.store.claim_hint(name, context.lease_time().await).await? else {
        return Ok(false);
    };
    let store = &context.store;
    let (registry, hint) = (claimed.registry_id, claimed.hint.as_ref());
    let mut looking = sync_place(store, registry, hint, &context.clock).boxed();
    let mut beats = tokio::time::interval(store.lease() / HEARTBEATS);
    beats.tick().await;
    let looked = loop {
        tokio::select! {
            looked = &mut looking => break looked,
            _ = beats.tick() => {
                let extended = store.extend_hint(&claimed, context.lease_time().await).await;
                // The lease may still stand; if it does not, somebody looks once more.
                if let Err(error) = extended {
                    tracing::warn!(error = error_chain(&error), "heartbeat failed");
                }
            }
            // The lease ends by itself, and the next process looks.
            () = stop.said() => return Ok(true),
        }
    };
    let now = context.lease_time().await;
    match looked {
        Ok(outcome) => {
            store.end_hint(&claimed, now).await?;
            let (added, updated, removed) = outcome
                .map_or((0, 0, 0), |outcome| (outcome.added, outcome.updated, outcome.removed));
            tracing::info!(at = place(&claimed), added, updated, removed, "hint followed");
        }
        Err(error) => {
            let why = error_chain(&error);
            let again = store.fail_hint(&claimed, &why, now).await?;
            tracing::warn!(at = place(&claimed), why, again, "hint not followed");
        }
    }
    Ok(true)
}

/// For the log.
fn place(claimed: &ClaimedHint) -> String {
    match &claimed.hint {
        None => "everywhere".to_owned(),
        Some(hint) => match &hint.tag {
            Some(tag) => format!("{}:{tag}", hint.path),
            None => hint.path.clone(),
        },
    }
}
