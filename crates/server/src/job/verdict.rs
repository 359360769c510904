//! Judges images by the server's policy.
//!
//! In: the policy of the server. Out: a verdict for each image, written again after each scan, refresh and decision that it may
//! depend on. Odd: without a policy, verdicts of an earlier start are forgotten, and that is all.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_store::StoreError;

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{
        error_chain,
        verdicts::{judge_by, judge_some},
    },
    stop::Stop,
};

const EVERY: Duration = Duration::from_secs(2);

/// The job.
pub(super) struct JudgeImages;

impl Job for JudgeImages {
    fn id(&self) -> &'static str {
        "verdict"
    }

    fn about(&self) -> &'static str {
        "Judges images by the policy that the server was started with."
    }

    fn run(&self, context: Context, _: Arc<JobSettings>, stop: Stop) -> BoxFuture<'static, ()> {
        run(context, stop).boxed()
    }
}

async fn run(context: Context, mut stop: Stop) {
    let mut judging = None;
    loop {
        let pause = match look(&context, &mut judging).await {
            // There may be more.
            Ok(judged) if judged > 0 => Duration::ZERO,
            Ok(_) if context.policy.is_none() => break,
            Ok(_) => EVERY,
            Err(error) => {
                tracing::error!(error = error_chain(&error), "images not judged");
                EVERY
            }
        };
        if stop.said_within(pause).await {
            break;
        }
    }
}

/// Judges some images; `judging` is the policy that was said to the store.
async fn look(
    context: &Context,
    judging: &mut Option<Option<String>>,
) -> Result<usize, StoreError> {
    let (policy, now) = (context.policy.as_deref(), context.clock.now());
    let fingerprint = policy.map(|policy| policy.fingerprint(now));
    if judging.as_ref() != Some(&fingerprint) {
        judge_by(&context.store, policy, now).await?;
        *judging = Some(fingerprint);
    }
    match policy {
        Some(policy) => judge_some(&context.store, policy, now).await,
        None => Ok(0),
    }
}
