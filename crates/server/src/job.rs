//! Background jobs: what the server does without being asked.
//!
//! In: the context and [`JobSettings`]. Out: changes in the store. Odd: a job holds no state that matters: killed at any
//! point it goes on after a restart, because tasks are rows with leases.

mod clusters;
mod contexts;
mod deliver;
mod feed;
mod hook;
mod ignore;
mod orders;
mod presence;
mod prune;
mod rules;
mod scan;
mod schedules;
mod sync;
mod update;
mod verdict;
mod vex;

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use plimsoll_scanner::LayerCache;

use self::presence::Presence;
pub use self::update::FeedUpdates;
use crate::{
    context::Context,
    serve::{ServeConfig, ServeError},
    shared_layers::Shared,
    shared_snapshots::SharedSnapshots,
    stop::Stop,
};

/// What the jobs are told.
#[derive(Debug)]
pub(crate) struct JobSettings {
    /// How many scans run at once.
    pub workers: usize,
    /// Whether this process only scans, and leaves it to servers to keep the fleet current.
    pub only_scans: bool,
    /// Names this process in the leases of its workers, and shows that it lives.
    pub presence: Presence,
    /// How often every registry is synced.
    pub sync_interval: Option<Duration>,
    /// Where the advisory snapshot lies.
    pub feed: PathBuf,
    /// When and from where advisories are downloaded; `None`: never.
    pub feed_updates: Option<FeedUpdates>,
    /// What is known of layers.
    pub cache: LayerCache,
    /// Where the advisory snapshot is shared with other machines.
    pub shared_snapshots: Option<SharedSnapshots>,
    /// The data directory.
    pub data: PathBuf,
    /// Folders with rules for malicious files besides the data directory's.
    pub rules: Vec<PathBuf>,
    /// VEX documents and folders of them, besides the data directory's.
    pub vex: Vec<PathBuf>,
}

/// Something that the server does in the background.
pub(crate) trait Job: Sync {
    /// Its name in the log.
    fn id(&self) -> &'static str;

    /// What it does, as one sentence.
    fn about(&self) -> &'static str;

    /// Whether a process does it that only scans.
    fn is_of_workers(&self) -> bool {
        false
    }

    /// Does it until the stop is said.
    fn run(
        &self,
        context: Context,
        settings: Arc<JobSettings>,
        stop: Stop,
    ) -> BoxFuture<'static, ()>;
}

/// Every job.
pub(crate) fn jobs() -> &'static [&'static dyn Job] {
    &[
        &update::UpdateFeeds,
        &feed::WatchFeed,
        &rules::WatchRules,
        &vex::WatchVex,
        &sync::SyncRegistries,
        &schedules::DoScheduled,
        &hook::FollowHooks,
        &scan::ScanImages,
        &deliver::Deliver,
        &prune::Prune,
        &orders::FollowOrders,
        &ignore::EndIgnoreRules,
        &verdict::JudgeImages,
        &contexts::FollowContexts,
        &clusters::WatchClusters,
    ]
}

impl JobSettings {
    /// What the server's configuration means for the jobs.
    pub(crate) fn new(
        config: &ServeConfig,
        feed: PathBuf,
        only_scans: bool,
    ) -> Result<Self, ServeError> {
        let presence = Presence::show(&config.data_dir)?;
        let path = config.data_dir.join("layers");
        let cache = LayerCache::open(&path, &config.budget);
        let mut cache = cache.map_err(|source| ServeError::Cache { path, source })?;
        let mut shared_snapshots = None;
        if let Some(place) = &config.shared {
            let shared = Shared::new(place.clone(), config.clock.clone());
            cache = cache.shared_with(Arc::new(shared));
            shared_snapshots = Some(SharedSnapshots::new(place.clone(), config.clock.clone()));
        }
        Ok(Self {
            workers: config.workers,
            only_scans,
            presence,
            sync_interval: config.sync_interval,
            feed,
            feed_updates: config.feed_updates.clone(),
            cache,
            shared_snapshots,
            data: config.data_dir.clone(),
            rules: config.rules.clone(),
            vex: config.vex.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_have_names_of_their_own_and_say_what_they_do() {
        let mut ids: Vec<&str> = jobs().iter().map(|job| job.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), jobs().len());
        assert!(jobs().iter().all(|job| job.about().ends_with('.')));
    }

    #[test]
    fn workers_scan_with_what_servers_use_and_change_nothing_else() {
        let of_workers = jobs().iter().filter(|job| job.is_of_workers());
        let ids: Vec<&str> = of_workers.map(|job| job.id()).collect();
        assert_eq!(ids, ["watch-feed", "watch-rules", "watch-vex", "scan-images"]);
    }
}
