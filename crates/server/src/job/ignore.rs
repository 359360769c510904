//! Ends ignore rules that have run out.
//!
//! In: the time. Out: the images that they covered, counted again without them. Odd: a rule holds until this is done, in
//! every list alike.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use super::{Job, JobSettings};
use crate::{context::Context, operation::error_chain, stop::Stop};

const EVERY: Duration = Duration::from_secs(30);

/// The job.
pub(super) struct EndIgnoreRules;

impl Job for EndIgnoreRules {
    fn id(&self) -> &'static str {
        "ignore"
    }

    fn about(&self) -> &'static str {
        "Ends ignore rules that have run out, and counts again what they ignored."
    }

    fn run(&self, context: Context, _: Arc<JobSettings>, stop: Stop) -> BoxFuture<'static, ()> {
        run(context, stop).boxed()
    }
}

async fn run(context: Context, mut stop: Stop) {
    loop {
        match context.store.expire_ignore_rules(context.clock.now()).await {
            Ok(ended) => {
                for rule in ended {
                    tracing::warn!(
                        rule = rule.id,
                        vulnerability = rule.rule.vulnerability,
                        "ignore rule ran out"
                    );
                }
            }
            Err(error) => {
                tracing::error!(error = error_chain(&error), "ignore rules not looked at")
            }
        }
        if stop.said_within(EVERY).await {
            break;
        }
    }
}
