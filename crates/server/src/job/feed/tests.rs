//! A new snapshot is used, a damaged one is not, and what rests on another is scanned again.

use plimsoll_advisory::starter_feed;
use std::path::PathBuf;

use plimsoll_advisory::{ImportOptions, MatchContext, import};
use plimsoll_image::{Budget, ImageBuilder, Layer, open_path};
use plimsoll_model::{Digest, Platform, Report};
use plimsoll_scanner::{NoProgress, ScanOptions, scan};
use plimsoll_store::{
    RecordOutcome, RepoType, ScanRecord, Store, StoreOptions, SyncListing, SyncedImage,
};

use super::*;
use crate::{
    Clock,
    operation::{
        feed::feed_path,
        registries::{AddRegistry, add_registry},
    },
    stop::stop,
};

#[tokio::test]
async fn a_new_snapshot_is_used_and_a_damaged_one_leaves_it_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
    let context = Context::new(store, Clock::fixed("2026-11-25".parse().unwrap()));
    let path = feed_path(folder.path());
    exchange(&context, &path).await;
    assert_eq!(context.feed.state(), None);
    let before = trace(&path);
    let summary = starter_feed(&path).unwrap();
    assert_ne!(trace(&path), before);
    exchange(&context, &path).await;
    assert_eq!(context.feed.state(), Some(summary.state.clone()));

    // As an import does it: a whole file is renamed over the old one, which stays mapped.
    let damaged = folder.path().join("damaged");
    std::fs::write(&damaged, b"no snapshot").unwrap();
    std::fs::rename(&damaged, &path).unwrap();
    exchange(&context, &path).await;
    assert_eq!(context.feed.state(), Some(summary.state));
    enqueue_outdated(&context).await;
}

/// An OSV record of Alpine 3.20 about a package, fixed in a version.
fn record(folder: &Path, id: &str, package: &str, fixed: &str, modified: &str) {
    let text = format!(
        r#"{{"schema_version":"1.7.0","id":"{id}","modified":"{modified}","published":"2026-01-05T00:00:00Z",
        "summary":"A test of {package}","severity":[{{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
        "affected":[{{"package":{{"ecosystem":"Alpine:v3.20","name":"{package}"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    );
    std::fs::write(folder.join(format!("{id}.json")), text).unwrap();
}

/// A layout of an Alpine image with a few packages; its manifest's digest.
fn layout(folder: &Path, text: &str) -> (PathBuf, Digest) {
    let release = b"ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n";
    let mut installed = String::new();
    for (package, version) in
        [("musl", "1.2.5-r0"), ("zlib", "1.3.1-r1"), ("busybox", "1.36.1-r28")]
    {
        installed.push_str(&format!("P:{package}\nV:{version}\nA:x86_64\no:{package}\n\n"));
    }
    let base = Layer::builder("base")
        .file("etc/os-release", release)
        .file("etc/alpine-release", b"3.20.3\n")
        .file("lib/apk/db/installed", installed.as_bytes())
        .build()
        .unwrap();
    let own = Layer::builder("COPY").file("srv/text", text.as_bytes()).build().unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let image = ImageBuilder::new(platform).layer(&base).layer(&own).build().unwrap();
    let path = folder.join(text);
    image.write_oci_layout(&path, "1").unwrap();
    (path, image.manifest_digest)
}

fn scanned(layout: &Path, snapshot: Option<&Snapshot>, today: Timestamp) -> Report {
    let budget = Budget::default();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let source = open_path(layout, None, &platform, &budget).unwrap();
    let options = ScanOptions {
        snapshot,
        cache: None,
        budget: &budget,
        today,
        threads: 1,
        context: MatchContext::default(),
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
        watch: None,
    };
    scan(source.as_ref(), &options, &NoProgress).report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refreshed_report_has_the_bytes_of_a_new_scan() {
    let folder = tempfile::tempdir().unwrap();
    let (feeds, data) = (folder.path().join("feeds"), folder.path().join("data"));
    std::fs::create_dir_all(&feeds).unwrap();
    record(&feeds, "CVE-2026-0001", "musl", "1.2.5-r1", "2026-11-20T00:00:00Z");
    record(&feeds, "CVE-2026-0002", "zlib", "1.3.1-r0", "2026-11-20T00:00:00Z");
    let store = Store::open(&data, StoreOptions::default()).await.unwrap();
    let context = Context::new(store, Clock::fixed("2026-11-25".parse().unwrap()));
    let (store, today) = (&context.store, context.clock.now());
    let path = feed_path(&data);
    import(std::slice::from_ref(&feeds), &path, &ImportOptions::default(), &mut |_| {}).unwrap();
    exchange(&context, &path).await;

    let request =
        AddRegistry { name: "r".into(), url: "https://r.test".into(), ..AddRegistry::default() };
    add_registry(store, &request, today).await.unwrap();
    let registry = store.registry("r").await.unwrap().unwrap();
    let images = [layout(folder.path(), "one"), layout(folder.path(), "two")];
    let listed = images.iter().map(|(path, digest)| SyncedImage {
        path: format!("team/{}", path.file_name().unwrap().to_str().unwrap()),
        tag: "1".into(),
        digest: *digest,
        manifest_digest: *digest,
        platform: "linux/amd64".parse().unwrap(),
        image_id: *digest,
        size: 1,
        repo_type: RepoType::Private,
        tag_immutable: false,
        created: None,
        updated: None,
    });
    let listing = SyncListing { images: listed.collect(), ..SyncListing::default() };
    store.apply_sync(registry.id, &listing, today).await.unwrap();
    let judge = SnapshotJudge::new(context.feed.snapshot(), today);
    while let Some(task) = store.claim("test", today).await.unwrap() {
        let (path, _) = images.iter().find(|(_, digest)| *digest == task.digest).unwrap();
        let report = scanned(path, context.feed.snapshot().as_deref(), today);
        let scan = ScanRecord { report: &report, detectors_version: "test" };
        let outcome = store.record_inventory(&task.lease, scan, &judge, today).await.unwrap();
        assert_eq!(outcome, RecordOutcome::Stored);
    }
    let same_bytes = async |least: usize| {
        for (path, digest) in &images {
            let wanted = scanned(path, context.feed.snapshot().as_deref(), today);
            assert!(wanted.packages.len() == 3 && wanted.findings.len() >= least, "{wanted:?}");
            let stored = store.artifact_report(digest).await.unwrap().unwrap();
            assert_eq!(
                serde_json::to_string(&stored).unwrap(),
                serde_json::to_string(&wanted).unwrap()
            );
            let artifact = store.artifact(digest).await.unwrap().unwrap();
            assert_eq!(artifact.counters, plimsoll_model::RiskCounters::of(&wanted));
            assert_eq!(artifact.verdict, Some(wanted.coverage.verdict));
        }
    };
    same_bytes(1).await;
    assert_eq!(store.inventory_counts().await.unwrap().inventories, 1, "the layers differ alone");

    // A snapshot with another advisory about one of the packages: it alone is matched again.
    let (_stopper, stop) = stop();
    refresh(&context, &path, &stop).await;
    assert_eq!(store.refreshes(9).await.unwrap(), [], "nothing to do");
    keep(&path, &matched_path(&path));
    record(&feeds, "CVE-2026-0003", "busybox", "1.36.1-r29", "2026-11-22T00:00:00Z");
    import(std::slice::from_ref(&feeds), &path, &ImportOptions::default(), &mut |_| {}).unwrap();
    exchange(&context, &path).await;
    refresh(&context, &path, &stop).await;
    let last = store.refreshes(1).await.unwrap().remove(0);
    assert_eq!((last.parts, last.changed, last.artifacts), (1, 1, 2));
    same_bytes(2).await;
    let deltas = store.deltas_since(today, 9).await.unwrap();
    assert_eq!(deltas.len(), 1);
    assert_eq!((deltas[0].id.as_str(), deltas[0].images, deltas[0].newly), ("CVE-2026-0003", 2, 2));

    // Without the snapshot before, nobody can tell what differs: all packages are matched again.
    std::fs::remove_file(matched_path(&path)).unwrap();
    std::fs::remove_file(feeds.join("CVE-2026-0001.json")).unwrap();
    record(&feeds, "CVE-2026-0004", "zlib", "1.3.1-r2", "2026-11-23T00:00:00Z");
    import(&[feeds], &path, &ImportOptions::default(), &mut |_| {}).unwrap();
    exchange(&context, &path).await;
    refresh(&context, &path, &stop).await;
    assert_eq!(store.refreshes(1).await.unwrap().remove(0).parts, 3);
    same_bytes(2).await;

    // No feed any more.
    context.feed.set(None);
    refresh(&context, &path, &stop).await;
    same_bytes(0).await;
}
