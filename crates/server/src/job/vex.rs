//! Watches the VEX documents: changed ones are heard at once, wherever a package or an image is that they speak of.
//!
//! In: files and folders. Out: the current documents; the fleet judged with them, and tasks for images where one speaks of images.
//! Odd: as long as one of them cannot be used, the earlier ones stay.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use super::{
    Job, JobSettings,
    feed::{enqueue_outdated, refresh},
};
use crate::{
    context::Context,
    operation::error_chain,
    stop::Stop,
    vex::{VexDocuments, trace},
};

const EVERY: Duration = Duration::from_secs(5);

/// The job.
pub(super) struct WatchVex;

impl Job for WatchVex {
    fn id(&self) -> &'static str {
        "watch-vex"
    }

    fn about(&self) -> &'static str {
        "Hears changed VEX documents as soon as they lie there, for all images."
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
    // What was opened when the server began may be older than the files are now.
    let mut seen = None;
    loop {
        let (data, named) = (settings.data.clone(), settings.vex.clone());
        let look = move || trace(&data, &named);
        if let Ok(now) = tokio::task::spawn_blocking(look).await
            && seen.as_ref() != Some(&now)
        {
            seen = Some(now);
            exchange(&context, &settings, &stop).await;
        }
        if stop.said_within(EVERY).await {
            return;
        }
    }
}

/// Reads the documents and lets them decide.
pub(super) async fn exchange(context: &Context, settings: &JobSettings, stop: &Stop) {
    let (data, named) = (settings.data.clone(), settings.vex.clone());
    match tokio::task::spawn_blocking(move || VexDocuments::open(&data, &named)).await {
        Ok(Ok(documents)) if documents.version() == context.vex.current().version() => {}
        Ok(Ok(documents)) => {
            tracing::info!(documents = documents.given().len(), "VEX documents exchanged");
            context.vex.set(documents);
            if !settings.only_scans {
                refresh(context, &settings.feed, stop).await;
                enqueue_outdated(context).await;
            }
        }
        Ok(Err(error)) => tracing::error!(error = error_chain(&error), "VEX documents not usable"),
        Err(error) => tracing::error!(%error, "VEX documents not opened"),
    }
}
