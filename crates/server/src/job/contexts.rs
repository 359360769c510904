//! Brings images to how they are used, as people say it.
//!
//! In: what is said of images, repositories, clusters and registries, and where images run. Out: images whose packages are judged
//! so. Odd: it looks every few seconds whether anything changed, which is two short questions; nobody tells it, since what
//! changes may come from another process.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{contexts::settle, error_chain},
    stop::Stop,
};

const EVERY: Duration = Duration::from_secs(3);

/// The job.
pub(super) struct FollowContexts;

impl Job for FollowContexts {
    fn id(&self) -> &'static str {
        "contexts"
    }

    fn about(&self) -> &'static str {
        "Judges the packages of images again whose exposure or importance somebody changed."
    }

    fn run(&self, context: Context, _: Arc<JobSettings>, stop: Stop) -> BoxFuture<'static, ()> {
        run(context, stop).boxed()
    }
}

async fn run(context: Context, mut stop: Stop) {
    let mut settled = None;
    loop {
        let go_on = || !stop.is_said();
        match settle(&context, settled.as_ref(), &go_on).await {
            Ok(now) => {
                if now.moved > 0 {
                    tracing::info!(images = now.moved, "images are used in another way");
                }
                settled = Some(now);
            }
            Err(error) => {
                tracing::error!(error = error_chain(&error), "uses of images not looked at");
            }
        }
        if stop.said_within(EVERY).await {
            break;
        }
    }
}
