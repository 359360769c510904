//! Delivers messages to subscribers.
//!
//! In: the outbox. Out: messages that arrived, or are tried again later, or are given up. Odd: several at once, so that a
//! receiver that does not answer holds up few others; a process that is killed leaves its messages to the next one.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_store::{Delivered, MessageTask};
use tokio::task::JoinSet;

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{error_chain, subscriptions::deliver},
    stop::Stop,
};

/// How often is looked for messages that are due.
const LOOK: Duration = Duration::from_secs(1);
/// Messages that are delivered at once.
const AT_ONCE: usize = 4;

/// The job.
pub(super) struct Deliver;

impl Job for Deliver {
    fn id(&self) -> &'static str {
        "deliver"
    }

    fn about(&self) -> &'static str {
        "Delivers messages to subscribers, again and again where need be, until they arrive or are given up."
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
    let worker = format!("{}/deliver", settings.presence.name());
    let mut running = JoinSet::new();
    while !stop.is_said() {
        while running.try_join_next().is_some() {}
        let mut taken = None;
        if running.len() < AT_ONCE {
            match context.store.claim_message(&worker, None, context.clock.now()).await {
                Ok(task) => taken = task,
                Err(error) => {
                    tracing::error!(error = error_chain(&error), "no message claimed");
                }
            }
        }
        match taken {
            Some(task) => {
                running.spawn(one(context.clone(), task, stop.clone()));
            }
            None => {
                stop.said_within(LOOK).await;
            }
        }
    }
    while running.join_next().await.is_some() {}
}

async fn one(context: Context, task: MessageTask, mut stop: Stop) {
    let lease = task.lease.clone();
    let outcome = tokio::select! {
        outcome = deliver(&context.store, &task, &context.clock) => outcome,
        () = stop.said() => {
            // It may have arrived: then it arrives once more, with the same id.
            if let Err(error) = context.store.release_message(&lease).await {
                tracing::error!(error = error_chain(&error), "message not given back");
            }
            return;
        }
    };
    let (event, subscription) = (&task.event_id, &task.subscription.name);
    match outcome {
        Ok(Delivered::Done) => tracing::info!(event, subscription, "message delivered"),
        Ok(Delivered::Again(at)) => {
            tracing::warn!(event, subscription, %at, "message not delivered; tried again later");
        }
        Ok(Delivered::Failed) => tracing::error!(event, subscription, "message given up"),
        Ok(Delivered::Dropped) => tracing::info!(event, subscription, "message is another's"),
        Err(error) => {
            tracing::error!(event, subscription, error = error_chain(&error), "message not noted");
        }
    }
}
