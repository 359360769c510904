//! A new snapshot is used, a damaged one is not, and what rests on another is scanned again.

use std::path::PathBuf;

use plimsoll_advisory::{ImportOptions, import, starter_feed, vex::Image};
use plimsoll_image::{Budget, ImageBuilder, Layer, open_path};
use plimsoll_model::{
    ContextScope, ContextSetting, Digest, Exposure, MatchContext, Platform, Report,
};
use plimsoll_scanner::{
    NoProgress, ScanOptions, scan,
    vex::{Given, apply},
};
use plimsoll_store::{
    ImageRiskQuery, RecordOutcome, RepoType, ScanRecord, Store, StoreOptions, SyncListing,
    SyncedImage,
};

use super::*;
use crate::{
    Clock, VEX_FOLDER, VexDocuments,
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
    scanned_in(layout, snapshot, today, MatchContext::default())
}

fn scanned_in(
    layout: &Path,
    snapshot: Option<&Snapshot>,
    today: Timestamp,
    context: MatchContext,
) -> Report {
    let budget = Budget::default();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let source = open_path(layout, None, &platform, &budget).unwrap();
    let options = ScanOptions {
        snapshot,
        cache: None,
        budget: &budget,
        today,
        threads: 1,
        context,
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
        watch: None,
    };
    scan(source.as_ref(), &options, &NoProgress).report
}

/// Two images of one content, of which nothing is scanned yet, and two advisories.
struct Fleet {
    _folder: tempfile::TempDir,
    feeds: PathBuf,
    data: PathBuf,
    path: PathBuf,
    context: Context,
    images: [(PathBuf, Digest); 2],
}

async fn fleet() -> Fleet {
    let folder = tempfile::tempdir().unwrap();
    let (feeds, data) = (folder.path().join("feeds"), folder.path().join("data"));
    std::fs::create_dir_all(&feeds).unwrap();
    record(&feeds, "CVE-2026-0001", "musl", "1.2.5-r1", "2026-11-20T00:00:00Z");
    record(&feeds, "CVE-2026-0002", "zlib", "1.3.1-r0", "2026-11-20T00:00:00Z");
    let store = Store::open(&data, StoreOptions::default()).await.unwrap();
    let context = Context::new(store, Clock::fixed("2026-11-25".parse().unwrap()));
    let (store, today) = (context.store.clone(), context.clock.now());
    let path = feed_path(&data);
    import(std::slice::from_ref(&feeds), &path, &ImportOptions::default(), &mut |_| {}).unwrap();
    exchange(&context, &path).await;

    let request =
        AddRegistry { name: "r".into(), url: "https://r.test".into(), ..AddRegistry::default() };
    add_registry(&store, &request, today).await.unwrap();
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
    Fleet { _folder: folder, feeds, data, path, context, images }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refreshed_report_has_the_bytes_of_a_new_scan() {
    let Fleet { _folder, feeds, path, context, images, .. } = fleet().await;
    let (store, today) = (&context.store, context.clock.now());
    let judge = context.judge();
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
    keep_matched(&path);
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

/// An OpenVEX document: of this product, this vulnerability is none.
fn document(folder: &Path, name: &str, id: &str, product: &str) -> PathBuf {
    let path = folder.join(name);
    let text = format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://test/{name}","author":"ada","version":1,
        "timestamp":"2026-11-21T00:00:00Z","statements":[{{"vulnerability":{{"name":"{id}"}},
        "products":[{{"@id":"{product}"}}],"status":"not_affected","justification":"vulnerable_code_not_present"}}]}}"#
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_and_uses_count_for_the_fleet_as_for_one_scan() {
    let Fleet { _folder, feeds, data, path, context, images } = fleet().await;
    let (store, today) = (&context.store, context.clock.now());
    let (_stopper, stop) = stop();
    let in_use = |exposure| MatchContext { exposure, ..MatchContext::default() };
    // As `plimsoll scan --vex … --exposure …` makes it.
    let wanted = |layout: &Path, context_of: MatchContext| {
        let snapshot = context.feed.snapshot();
        let mut report = scanned_in(layout, snapshot.as_deref(), today, context_of);
        let documents = context.vex.current();
        if !documents.given().is_empty() {
            let image = Image::of(&report.image, &[]);
            let given: Vec<&Given> = documents.given().iter().collect();
            apply(&mut report, &image, &given, Vec::new());
        }
        report
    };
    let work = async || {
        let judge = context.judge();
        let mut scans = 0;
        while let Some(task) = store.claim("test", today).await.unwrap() {
            let (path, _) = images.iter().find(|(_, digest)| *digest == task.digest).unwrap();
            let report = wanted(path, task.lease.context);
            let version = context.detectors_version();
            let scan = ScanRecord { report: &report, detectors_version: &version };
            store.record_inventory(&task.lease, scan, &judge, today).await.unwrap();
            scans += 1;
        }
        scans
    };
    let check = async |exposure: Exposure| {
        for (path, digest) in &images {
            let wanted = wanted(path, in_use(exposure));
            let stored = store.artifact_report(digest).await.unwrap().unwrap();
            assert_eq!(
                serde_json::to_string(&stored).unwrap(),
                serde_json::to_string(&wanted).unwrap()
            );
            let artifact = store.artifact(digest).await.unwrap().unwrap();
            assert_eq!(artifact.counters, plimsoll_model::RiskCounters::of(&wanted));
        }
    };
    let counted = async || {
        let listed = store.list_image_risk(&ImageRiskQuery::default()).await.unwrap().items;
        listed.iter().map(|one| one.counters.cve).collect::<Vec<_>>()
    };
    assert_eq!(work().await, 2);
    check(Exposure::Unknown).await;
    assert_eq!(counted().await, [1, 1]);

    // What is said of a package wherever it is counts before anything is scanned, and needs no report of its own.
    let folder = data.join(VEX_FOLDER);
    std::fs::create_dir(&folder).unwrap();
    document(&folder, "musl.json", "CVE-2026-0001", "pkg:apk/alpine/musl");
    context.vex.set(VexDocuments::open(&data, &[]).unwrap());
    refresh(&context, &path, &stop).await;
    assert_eq!(counted().await, [0, 0]);
    enqueue_outdated(&context).await;
    assert_eq!(work().await, 2, "the first document: reports say that documents were heard");
    check(Exposure::Unknown).await;
    let inventories = store.inventory_counts().await.unwrap().inventories;
    assert_eq!(inventories, 2, "that of before, which goes later, and one for both");

    // Another document on packages asks for no scan.
    record(&feeds, "CVE-2026-0003", "busybox", "1.36.1-r29", "2026-11-22T00:00:00Z");
    record(&feeds, "CVE-2026-0004", "zlib", "1.3.1-r9", "2026-11-22T00:00:00Z");
    import(std::slice::from_ref(&feeds), &path, &ImportOptions::default(), &mut |_| {}).unwrap();
    exchange(&context, &path).await;
    document(&folder, "busybox.json", "CVE-2026-0003", "pkg:apk/alpine/busybox@1.36.1-r28");
    context.vex.set(VexDocuments::open(&data, &[]).unwrap());
    refresh(&context, &path, &stop).await;
    enqueue_outdated(&context).await;
    assert_eq!(work().await, 0);
    assert_eq!(counted().await, [1, 1]);
    check(Exposure::Unknown).await;

    // Priorities follow what is said of the registry.
    let said = ContextSetting {
        scope: ContextScope::Registry,
        name: "r".to_owned(),
        exposure: Some(Exposure::Internet),
        importance: None,
    };
    store.set_context(&said).await.unwrap();
    let settled = crate::operation::contexts::settle(&context, None, &|| true).await.unwrap();
    assert_eq!((settled.moved, settled.is_done), (2, true));
    assert_eq!(work().await, 0);
    check(Exposure::Internet).await;
    let asap = store.list_image_risk(&ImageRiskQuery::default()).await.unwrap().items;
    assert!(
        asap.iter().all(|one| one.counters.asap == 1),
        "automatable and total, on the internet"
    );

    // What is said of an image is heard when it is scanned, and holds for that image.
    let product = format!("pkg:oci/one@{}", images[0].1);
    let one = document(&data, "one.json", "CVE-2026-0004", &product);
    context.vex.set(VexDocuments::open(&data, &[one]).unwrap());
    refresh(&context, &path, &stop).await;
    enqueue_outdated(&context).await;
    assert_eq!(work().await, 2);
    check(Exposure::Internet).await;
    let mut counted = counted().await;
    counted.sort_unstable();
    assert_eq!(counted, [0, 1]);
}
