//! Workers against a registry in this process: what is recorded, what is tried again, what a dead worker leaves behind.

use plimsoll_image::{Budget, BuiltImage, ImageBuilder, Layer};
use plimsoll_model::{Digest, Platform, Timestamp};
use plimsoll_scanner::LayerCache;
use plimsoll_store::{LEASE_SECONDS, RecordOutcome, ScanRecord, Store, StoreOptions, TaskState};

use super::work::work;
use crate::{
    Blobs, Clock, Context, LoopbackHandle, LoopbackRegistry, ServeConfig,
    job::JobSettings,
    operation::{
        images::{ListImages, list_images},
        registries::{AddRegistry, add_registry, remove_registry},
        sync::{SyncReport, sync_registry},
    },
    stop::stop,
};

/// A store, a registry, and a clock that stands.
struct Fixture {
    folder: tempfile::TempDir,
    context: Context,
    registry: LoopbackRegistry,
    _served: LoopbackHandle,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
        let clock = Clock::fixed("2026-11-25T09:30:00Z".parse().unwrap());
        let context = Context::new(store, clock);
        let registry = LoopbackRegistry::new();
        let served = registry.serve().await.unwrap();
        let request =
            AddRegistry { name: "loopback".into(), url: served.url(), ..AddRegistry::default() };
        add_registry(&context.store, &request, context.clock.now()).await.unwrap();
        Self { folder, context, registry, _served: served }
    }

    async fn sync(&self) -> SyncReport {
        sync_registry(&self.context.store, "loopback", &self.context.clock).await.unwrap()
    }

    fn cache(&self) -> LayerCache {
        LayerCache::open(&self.folder.path().join("layers"), &Budget::default()).unwrap()
    }

    fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    /// Claims the next task and works on it; `false` when there is none.
    async fn work(&self, worker: &str) -> bool {
        let Some(task) = self.context.store.claim(worker, self.now()).await.unwrap() else {
            return false;
        };
        let (_stopper, stop) = stop();
        work(task, &self.context, &self.cache(), stop).await;
        true
    }

    async fn state(&self, digest: Digest) -> (TaskState, Option<String>) {
        let artifact = self.context.store.artifact(&digest).await.unwrap().unwrap();
        let task = artifact.task.unwrap();
        (task.state, task.error)
    }

    async fn listed(&self) -> usize {
        list_images(&self.context.store, &ListImages::default()).await.unwrap().images.len()
    }
}

fn image(text: &str) -> BuiltImage {
    let base = Layer::builder("base").file("etc/os-release", b"ID=none\n").build().unwrap();
    let own = Layer::builder("COPY").file("srv/text", text.as_bytes()).build().unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    ImageBuilder::new(platform).layer(&base).layer(&own).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tags_of_one_digest_are_scanned_once() {
    let fixture = Fixture::new().await;
    let image = image("one");
    fixture.registry.put("team/app", "1", &image);
    fixture.registry.put("team/app", "latest", &image);
    assert_eq!(fixture.sync().await.queued, 1);
    assert!(fixture.work("a").await);
    assert!(!fixture.work("a").await);
    assert_eq!(fixture.state(image.manifest_digest).await, (TaskState::Done, None));
    let artifact = fixture.context.store.artifact(&image.manifest_digest).await.unwrap().unwrap();
    assert_eq!(artifact.scanned, Some(fixture.now()));
    assert_eq!(fixture.listed().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_in_trouble_is_tried_again_and_no_report_is_made_of_it() {
    let fixture = Fixture::new().await;
    let image = image("one");
    fixture.registry.put("team/app", "1", &image);
    fixture.sync().await;
    fixture.registry.answer_blobs(Blobs::Fail);
    assert!(fixture.work("a").await);
    let (state, error) = fixture.state(image.manifest_digest).await;
    assert_eq!(state, TaskState::Queued);
    assert!(error.unwrap().contains("500"));
    let report = fixture.context.store.artifact_report(&image.manifest_digest).await.unwrap();
    assert_eq!(report, None);

    assert!(!fixture.work("a").await, "the next attempt has to wait");
    fixture.registry.answer_blobs(Blobs::Serve);
    fixture.context.clock.advance(3600);
    assert!(fixture.work("a").await);
    assert_eq!(fixture.state(image.manifest_digest).await.0, TaskState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_registry_never_recovers_ends_as_failed() {
    let fixture = Fixture::new().await;
    let image = image("one");
    fixture.registry.put("team/app", "1", &image);
    fixture.sync().await;
    fixture.registry.answer_blobs(Blobs::Fail);
    let mut attempts = 0;
    while fixture.work("a").await {
        attempts += 1;
        fixture.context.clock.advance(3600);
        assert!(attempts < 20);
    }
    assert_eq!(attempts, 5);
    assert_eq!(fixture.state(image.manifest_digest).await.0, TaskState::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_is_no_archive_is_a_result_and_not_tried_again() {
    let fixture = Fixture::new().await;
    let config = br#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:0000000000000000000000000000000000000000000000000000000000000000"]}}"#;
    let layer = b"this is no archive at all";
    let (config_digest, layer_digest) =
        (fixture.registry.put_blob(config), fixture.registry.put_blob(layer));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{manifest}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer_digest}","size":{}}}]}}"#,
        config.len(),
        layer.len(),
        manifest = crate::loopback_registry::IMAGE_MANIFEST,
    );
    let digest = fixture.registry.put_manifest(
        "team/broken",
        Some("1"),
        crate::loopback_registry::IMAGE_MANIFEST,
        manifest.as_bytes(),
    );
    let report = fixture.sync().await;
    assert_eq!(report.queued, 1, "{report:?}");
    assert!(fixture.work("a").await);
    let report = fixture.context.store.artifact_report(&digest).await.unwrap().unwrap();
    assert_eq!(report.coverage.verdict, plimsoll_model::Verdict::Unreadable);
    fixture.context.clock.advance(3600);
    assert!(!fixture.work("a").await);
    assert_eq!(fixture.listed().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_loses_nothing_and_what_it_says_later_is_dropped() {
    let fixture = Fixture::new().await;
    let image = image("one");
    fixture.registry.put("team/app", "1", &image);
    fixture.sync().await;
    fixture.registry.take_requests();
    let layer = image.layers.first().unwrap().0;
    fixture.registry.answer_blobs(Blobs::Hold);

    // The first worker is in the middle of fetching when it is killed.
    let task = fixture.context.store.claim("killed", fixture.now()).await.unwrap().unwrap();
    let late = task.lease.clone();
    let (_stopper, stop) = stop();
    let (context, cache) = (fixture.context.clone(), fixture.cache());
    let worker = tokio::spawn(async move { work(task, &context, &cache, stop).await });
    fixture.registry.asked_for("/blobs/").await;
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());
    assert!(!fixture.work("second").await, "the lease still stands");

    fixture.context.clock.advance(LEASE_SECONDS + 1);
    fixture.registry.answer_blobs(Blobs::Serve);
    assert!(fixture.work("second").await);
    assert_eq!(fixture.state(image.manifest_digest).await, (TaskState::Done, None));
    assert_eq!(fixture.listed().await, 1);

    // Its result would be as good, but the lease is another's.
    let store = &fixture.context.store;
    let report = store.artifact_report(&image.manifest_digest).await.unwrap().unwrap();
    let scan = ScanRecord { report: &report, detectors_version: "other" };
    let outcome = store.record_scan(&late, scan, fixture.now()).await.unwrap();
    assert_eq!(outcome, RecordOutcome::Dropped);
    assert!(report.image.layers.contains(&layer));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_gives_its_task_back() {
    let fixture = Fixture::new().await;
    let image = image("one");
    fixture.registry.put("team/app", "1", &image);
    fixture.sync().await;
    fixture.registry.take_requests();
    let layer = image.layers.first().unwrap().0;
    let task = fixture.context.store.claim("a", fixture.now()).await.unwrap().unwrap();
    assert_eq!(task.attempt, 1);
    fixture.registry.answer_blobs(Blobs::Hold);
    let (stopper, stop) = stop();
    let (context, cache) = (fixture.context.clone(), fixture.cache());
    let worker = tokio::spawn(async move { work(task, &context, &cache, stop).await });
    fixture.registry.asked_for("/blobs/").await;
    stopper.stop();
    fixture.registry.answer_blobs(Blobs::Serve);
    worker.await.unwrap();
    assert_eq!(fixture.state(image.manifest_digest).await.0, TaskState::Queued);
    let task = fixture.context.store.claim("b", fixture.now()).await.unwrap().unwrap();
    assert_eq!(task.attempt, 1, "the attempt does not count");
    assert_eq!(task.digest, image.manifest_digest);
    assert_ne!(layer, task.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_a_removed_registry_is_gone_with_it() {
    let fixture = Fixture::new().await;
    fixture.registry.put("team/app", "1", &image("one"));
    fixture.sync().await;
    remove_registry(&fixture.context.store, "loopback", fixture.now()).await.unwrap();
    assert!(!fixture.work("a").await);
    assert_eq!(fixture.listed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_a_killed_process_are_given_back_at_the_next_start() {
    let fixture = Fixture::new().await;
    let image = image("one");
    fixture.registry.put("team/app", "1", &image);
    fixture.sync().await;
    assert!(fixture.context.store.claim("killed/1", fixture.now()).await.unwrap().is_some());
    let settings =
        JobSettings::new(&ServeConfig::new(fixture.folder.path()), "no feed".into(), false)
            .unwrap();
    std::fs::write(fixture.folder.path().join("processes/killed"), "").unwrap();
    super::give_back_of_the_dead(&fixture.context, &settings).await;
    assert!(fixture.work("second").await, "without waiting for the end of the lease");
    assert_eq!(fixture.state(image.manifest_digest).await, (TaskState::Done, None));
}
