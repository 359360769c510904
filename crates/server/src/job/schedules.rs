//! Does what is scheduled when it is due.
//!
//! In: schedules from the store. Out: syncs, queued scans, and the next time. Source: the queue rules of `docs/store.md`. Odd: of all processes with one database one does what is due; what came due several times
//! while none ran is done once.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use plimsoll_store::{ScheduleLease, StoreError};

use super::{Job, JobSettings};
use crate::{
    context::Context,
    operation::{
        error_chain,
        schedules::{do_scheduled, next_time},
    },
    stop::Stop,
};

/// How often is looked for what is due.
const LOOK: Duration = Duration::from_secs(5);
/// How often a lease is extended before it would end.
const HEARTBEATS: u32 = 4;

/// The job.
pub(super) struct DoScheduled;

impl Job for DoScheduled {
    fn id(&self) -> &'static str {
        "do-scheduled"
    }

    fn about(&self) -> &'static str {
        "Syncs registries and queues scans when a schedule says so."
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
    let worker = format!("{}/schedules", settings.presence.name());
    while !stop.is_said() {
        match one(&context, &worker, &mut stop).await {
            Ok(true) => {}
            Ok(false) => {
                stop.said_within(LOOK).await;
            }
            Err(error) => {
                tracing::error!(error = error_chain(&error), "nothing scheduled done");
                stop.said_within(LOOK).await;
            }
        }
    }
}

/// Does one that is due; whether there was one.
pub(super) async fn one(
    context: &Context,
    worker: &str,
    stop: &mut Stop,
) -> Result<bool, StoreError> {
    let store = &context.store;
    let Some(lease) = store.claim_schedule(worker, context.lease_time().await).await? else {
        return Ok(false);
    };
    let name = &lease.schedule.settings.name;
    tracing::info!(schedule.name = name, "schedule start");
    let ended = tokio::select! {
        ended = do_scheduled(context, &lease) => ended,
        () = keep(context, &lease) => {
            tracing::warn!(schedule.name = name, "schedule dropped: its lease was lost");
            return Ok(true);
        }
        () = stop.said() => {
            store.release_schedule(&lease).await?;
            return Ok(true);
        }
    };
    let problem = ended.unwrap_or_else(|error| Some(error_chain(&error)));
    let now = context.lease_time().await;
    let (next, wrong) = next_time(&lease.schedule, now);
    let problem = problem.or(wrong);
    if let Some(problem) = &problem {
        tracing::warn!(schedule.name = name, problem, "schedule did not end well");
    }
    store.end_schedule(&lease, problem.as_deref(), next, now).await?;
    Ok(true)
}

/// Extends the lease; returns when it is lost.
async fn keep(context: &Context, lease: &ScheduleLease) {
    loop {
        tokio::time::sleep(context.store.lease() / HEARTBEATS).await;
        match context.store.extend_schedule(lease, context.lease_time().await).await {
            Ok(true) => {}
            Ok(false) => return,
            // Whether it still stands shows when the end is written.
            Err(error) => tracing::warn!(error = error_chain(&error), "heartbeat failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_image::{ImageBuilder, Layer};
    use plimsoll_store::{Store, StoreOptions};

    use super::*;
    use crate::{
        Clock, LoopbackHandle, LoopbackRegistry,
        operation::{
            registries::{AddRegistry, add_registry},
            schedules::{AddSchedule, ScheduleView, add_schedule, list_schedules},
        },
        stop::{self, Stopper},
    };

    /// A store, a registry with one image, and a Tuesday morning that stands.
    struct Fixture {
        _folder: tempfile::TempDir,
        context: Context,
        served: Option<LoopbackHandle>,
        _stopper: Stopper,
        stop: Stop,
    }

    impl Fixture {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
            let clock = Clock::fixed("2026-12-01T02:59:50Z".parse().unwrap());
            let context = Context::new(store, clock);
            let registry = LoopbackRegistry::new();
            let layer = Layer::builder("base").file("a", b"a").build().unwrap();
            let image = ImageBuilder::new("linux/amd64".parse().unwrap());
            registry.put("team/app", "1", &image.layer(&layer).build().unwrap());
            let served = registry.serve().await.unwrap();
            let request =
                AddRegistry { name: "r".into(), url: served.url(), ..AddRegistry::default() };
            add_registry(&context.store, &request, context.clock.now()).await.unwrap();
            let (stopper, stop) = stop::stop();
            Self { _folder: folder, context, served: Some(served), _stopper: stopper, stop }
        }

        async fn add(&self, name: &str, kind: &str, cron: &str) {
            let request = AddSchedule {
                name: name.into(),
                kind: kind.into(),
                cron: cron.into(),
                registry: None,
            };
            let now = self.context.clock.now();
            add_schedule(&self.context.store, &request, now).await.unwrap();
        }

        async fn one(&mut self) -> bool {
            one(&self.context, "test/schedules", &mut self.stop).await.unwrap()
        }

        async fn only(&self) -> ScheduleView {
            let now = self.context.clock.now();
            let list = list_schedules(&self.context.store, now).await.unwrap();
            list.schedules.into_iter().next().unwrap()
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sync_is_done_when_it_is_due_and_once_however_late() {
        let mut fixture = Fixture::new().await;
        fixture.add("nightly", "sync", "0 3 * * *").await;
        assert!(!fixture.one().await, "not yet");
        fixture.context.clock.advance(10);
        assert!(fixture.one().await);
        let counts = fixture.context.store.task_counts(None).await.unwrap();
        assert_eq!(counts.queued, 1, "the image is found");
        let view = fixture.only().await;
        assert_eq!(view.next.to_string(), "2026-12-02T03:00:00Z");
        assert_eq!(
            (view.problem, view.last.unwrap().to_string().as_str()),
            (None, "2026-12-01T03:00:00Z")
        );
        // Nobody was there for three days.
        fixture.context.clock.advance(3 * 86_400 + 60);
        assert!(fixture.one().await);
        assert!(!fixture.one().await);
        assert_eq!(fixture.only().await.next.to_string(), "2026-12-05T03:00:00Z");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_registry_that_is_away_is_a_problem_that_is_said_and_not_the_end_of_the_schedule() {
        let mut fixture = Fixture::new().await;
        fixture.add("nightly", "sync", "@hourly").await;
        fixture.context.clock.advance(10);
        fixture.served = None;
        assert!(fixture.one().await);
        let view = fixture.only().await;
        assert!(view.problem.unwrap().contains("registry `r`"));
        assert_eq!(view.next.to_string(), "2026-12-01T04:00:00Z");
        assert!(!view.running);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_schedule_of_scans_asks_for_every_image_again() {
        let mut fixture = Fixture::new().await;
        fixture.add("a-sync", "sync", "@hourly").await;
        fixture.context.clock.advance(10);
        assert!(fixture.one().await);
        let store = fixture.context.store.clone();
        assert_eq!(store.cancel_tasks(None, fixture.context.clock.now()).await.unwrap(), 1);
        fixture.add("scans", "scan", "5 * * * *").await;
        fixture.context.clock.advance(5 * 60);
        assert!(fixture.one().await);
        assert_eq!(store.task_counts(None).await.unwrap().queued, 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_builds_report_is_scanned_by_them_alone() {
        let mut fixture = Fixture::new().await;
        let (store, now) = (fixture.context.store.clone(), fixture.context.clock.now());
        let request = AddRegistry {
            name: "builds".into(),
            url: "https://ci.example.com".into(),
            reported_type: Some("CI/CD".into()),
            ..AddRegistry::default()
        };
        add_registry(&store, &request, now).await.unwrap();
        let builds = store.registry("builds").await.unwrap().unwrap();
        let digest = plimsoll_model::Digest::from_bytes([7; 32]);
        let build = plimsoll_store::AnnouncedBuild {
            path: "team/app",
            tag: "7",
            digest,
            image_id: digest,
            platform: &"linux/amd64".parse().unwrap(),
            size: 1,
            created: None,
            updated: None,
            job: None,
        };
        let uuid = store.announce_build(&builds, build, now).await.unwrap().uuid;
        fixture.add("scans", "scan", "@hourly").await;
        fixture.context.clock.advance(10);
        assert!(fixture.one().await);
        assert_eq!(store.task_counts(None).await.unwrap().open(), 0);
        let refused = crate::operation::images::scan_image(&store, &uuid, now).await.unwrap_err();
        assert!(refused.to_string().contains("--report-to"), "{refused}");
        assert_eq!(store.task_counts(None).await.unwrap().open(), 0);
    }
}
