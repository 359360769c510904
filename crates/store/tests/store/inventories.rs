//! Inventories: what a scan says is taken apart, shared, put together again, and brought to another snapshot.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use plimsoll_model::{Digest, Ecosystem, Priority, Report, RiskCounters, Verdict};
use plimsoll_store::{
    AffectedQuery, DeltaImages, Judge, Origin, PackageName, RecordOutcome, Refreshed, Registry,
    ScanRecord, SyncListing, Workload, image_uuid,
};
use proptest::{collection::vec, prelude::*};

use crate::{
    builders::{DETECTORS, Fixture, NOW, after, digest, image},
    judge::{TestJudge, scan},
};

const ONE: &[&str] = &["1"];
const BOTH: &[&str] = &["1", "2"];

/// An image of a test: its content's name, layers, packages, failed checks.
type Image = (
    &'static str,
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

const FLEET: &[Image] = &[
    ("a", &["base", "own-a"], &[("openssl", "1"), ("curl", "1"), ("libc6", "1")], &["root"]),
    ("b", &["base", "own-b"], &[("openssl", "1"), ("curl", "1"), ("libc6", "1")], &["root"]),
    ("c", &["base"], &[("openssl", "2"), ("libc6", "1")], &[]),
    ("d", &["base"], &[("zlib", "odd")], &["root", "sudo"]),
];

pub(crate) fn first() -> TestJudge {
    TestJudge::new(
        "snapshot-1",
        &[("openssl", ONE, "CVE-1", 80), ("libc6", ONE, "CVE-2", 20), ("curl", ONE, "CVE-3", 140)],
    )
}

pub(crate) fn second() -> TestJudge {
    TestJudge::new(
        "snapshot-2",
        &[
            ("openssl", BOTH, "CVE-1", 140),
            ("libc6", ONE, "CVE-2", 20),
            ("libc6", ONE, "CVE-4", 90),
            ("zlib", ONE, "CVE-5", 90),
        ],
    )
}

pub(crate) fn reports(judge: &TestJudge) -> BTreeMap<Digest, Report> {
    FLEET
        .iter()
        .map(|(content, layers, packages, checks)| {
            let manifest = digest(content);
            (manifest, scan(judge, &manifest, layers, packages, checks))
        })
        .collect()
}

pub(crate) async fn record(
    fixture: &Fixture,
    reports: &BTreeMap<Digest, Report>,
    judge: &TestJudge,
) {
    while let Some(task) = fixture.store.claim("test/1", NOW).await.unwrap() {
        let report = &reports[&task.digest];
        let scan = ScanRecord { report, detectors_version: DETECTORS };
        let outcome = fixture.store.record_inventory(&task.lease, scan, judge, NOW).await.unwrap();
        assert_eq!(outcome, RecordOutcome::Stored);
    }
}

pub(crate) async fn fleet() -> (Fixture, Registry, TestJudge) {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let images: Vec<_> =
        FLEET.iter().map(|(content, ..)| image(&format!("team/{content}"), "1", content)).collect();
    fixture.sync(&registry, &images).await;
    fixture.sync(&registry, &[image("team/a", "latest", "a")]).await;
    let judge = first();
    record(&fixture, &reports(&judge), &judge).await;
    (fixture, registry, judge)
}

async fn assert_as_scanned(fixture: &Fixture, judge: &TestJudge) {
    for (manifest, wanted) in reports(judge) {
        let stored = fixture.store.artifact_report(&manifest).await.unwrap().unwrap();
        assert_eq!(
            serde_json::to_string(&stored).unwrap(),
            serde_json::to_string(&wanted).unwrap()
        );
        let artifact = fixture.store.artifact(&manifest).await.unwrap().unwrap();
        assert_eq!(artifact.counters, RiskCounters::of(&wanted));
        assert_eq!(artifact.verdict, Some(wanted.coverage.verdict));
        assert_eq!(artifact.snapshot, wanted.feed.map(|feed| feed.snapshot));
    }
}

pub(crate) async fn refresh(
    fixture: &Fixture,
    before: &TestJudge,
    judge: TestJudge,
    all: bool,
) -> Arc<TestJudge> {
    let names = judge.names_since(before);
    let judge = Arc::new(judge);
    let names = (!all).then_some(&names);
    fixture.store.begin_refresh(judge.as_ref(), names, false, NOW).await.unwrap();
    let dynamic: Arc<dyn Judge> = Arc::clone(&judge) as Arc<dyn Judge>;
    let refreshed = fixture.store.continue_refresh(dynamic, after(9), &|| true).await.unwrap();
    assert_eq!(refreshed, Refreshed::Done);
    judge
}

fn rows<'a>(dump: &'a [String], table: &str) -> Vec<&'a String> {
    dump.iter().filter(|row| row.starts_with(&format!("{table}: "))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_comes_back_as_it_was_and_what_is_equal_is_kept_once() {
    let (fixture, _, judge) = fleet().await;
    assert_as_scanned(&fixture, &judge).await;
    let dump = fixture.dump(&[]).await;
    assert_eq!(
        rows(&dump, "inventories").len(),
        3,
        "a and b differ in their layers' digests alone"
    );
    // openssl 1 and 2, curl, libc6, zlib, and three remainders.
    assert_eq!(rows(&dump, "parts").len(), 8);
    assert_eq!(rows(&dump, "findings"), Vec::<&String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_image_writes_no_row_but_its_task() {
    let (fixture, _, judge) = fleet().await;
    let before = fixture.dump(&["tasks", "registry_shares", "succeeded_scans"]).await;
    fixture.store.enqueue(&digest("a"), Origin::User, after(60)).await.unwrap();
    let task = fixture.store.claim("test/1", after(60)).await.unwrap().unwrap();
    let report = &reports(&judge)[&digest("a")];
    let written = fixture.store.rows_written().await.unwrap();
    let scan = ScanRecord { report, detectors_version: DETECTORS };
    let outcome =
        fixture.store.record_inventory(&task.lease, scan, &judge, after(60)).await.unwrap();
    assert_eq!(outcome, RecordOutcome::Unchanged);
    let rows = fixture.store.rows_written().await.unwrap() - written;
    assert_eq!(rows, 2, "the task's own, and the minute's count of scans");
    assert_eq!(fixture.dump(&["tasks", "registry_shares", "succeeded_scans"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_detectors_are_noted_without_another_word() {
    let (fixture, _, judge) = fleet().await;
    let outdated =
        fixture.store.enqueue_outdated(Some(&digest("snapshot-9")), DETECTORS, NOW).await.unwrap();
    assert_eq!(outdated, 0, "a new snapshot needs no scan");
    let queued = async || {
        let snapshot = digest("snapshot-1");
        fixture.store.enqueue_outdated(Some(&snapshot), "detectors-2", NOW).await.unwrap()
    };
    assert_eq!(queued().await, 4);
    let reports = reports(&judge);
    while let Some(task) = fixture.store.claim("test/1", NOW).await.unwrap() {
        let report = &reports[&task.digest];
        let scan = ScanRecord { report, detectors_version: "detectors-2" };
        let outcome = fixture.store.record_inventory(&task.lease, scan, &judge, NOW).await.unwrap();
        assert_eq!(outcome, RecordOutcome::Unchanged);
    }
    assert_eq!(queued().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_another_snapshot_waits_for_the_refresh() {
    let (fixture, _, _) = fleet().await;
    let newer = second();
    fixture.store.enqueue(&digest("a"), Origin::User, NOW).await.unwrap();
    let task = fixture.store.claim("test/1", NOW).await.unwrap().unwrap();
    let report = &reports(&newer)[&digest("a")];
    let before = fixture.dump(&[]).await;
    let scan = ScanRecord { report, detectors_version: DETECTORS };
    let outcome = fixture.store.record_inventory(&task.lease, scan, &newer, NOW).await.unwrap();
    assert_eq!(outcome, RecordOutcome::OtherSnapshot);
    assert_eq!(fixture.dump(&[]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_would_not_come_back_is_kept_whole() {
    let (fixture, _, judge) = fleet().await;
    let mut report = reports(&judge).remove(&digest("a")).unwrap();
    // Cut at a limit: the least urgent are left out.
    report.findings.truncate(2);
    fixture.store.enqueue(&digest("a"), Origin::User, NOW).await.unwrap();
    let task = fixture.store.claim("test/1", NOW).await.unwrap().unwrap();
    let scan = ScanRecord { report: &report, detectors_version: DETECTORS };
    let outcome = fixture.store.record_inventory(&task.lease, scan, &judge, NOW).await.unwrap();
    assert_eq!(outcome, RecordOutcome::Stored);
    assert_eq!(fixture.store.artifact_report(&digest("a")).await.unwrap(), Some(report.clone()));
    let artifact = fixture.store.artifact(&digest("a")).await.unwrap().unwrap();
    assert_eq!(artifact.counters, RiskCounters::of(&report));
    // It is found beside those with inventories.
    let page = fixture.store.affected("CVE-3", &AffectedQuery::default()).await.unwrap();
    assert_eq!(page.images, 3);
    let snapshot = digest("snapshot-2");
    let outdated = fixture.store.enqueue_outdated(Some(&snapshot), DETECTORS, NOW).await.unwrap();
    assert_eq!(outdated, 1, "only a scan brings it to another snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_matches_only_what_may_have_changed() {
    let (fixture, _, before) = fleet().await;
    let judge = refresh(&fixture, &before, second(), false).await;
    // openssl 1 and 2, curl, libc6, zlib all differ here; nothing is judged twice.
    assert_eq!(judge.judged.load(Ordering::Relaxed), 5);
    assert_as_scanned(&fixture, &judge).await;

    let mut third = second();
    third.name = "snapshot-3".to_owned();
    third.advisories.push(("zlib", &["odd"], "CVE-6".to_owned(), 140));
    let third = refresh(&fixture, &judge, third, false).await;
    assert_eq!(third.judged.load(Ordering::Relaxed), 1, "zlib alone");
    assert_as_scanned(&fixture, &third).await;
    let last = fixture.store.refreshes(1).await.unwrap().remove(0);
    assert_eq!((last.parts, last.changed, last.artifacts), (1, 1, 1));
    assert_eq!(last.finished, Some(after(9)));
    // A second look finds nothing to do.
    let again = fixture.store.begin_refresh(third.as_ref(), None, true, NOW).await.unwrap();
    assert_eq!(again, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpm_is_matched_again_under_each_of_its_names() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("team/rpm", "1", "rpm")]).await;
    let judge = first();
    let names = [("bash", "1"), ("httpd-tools", "1"), ("mod_ssl", "1")];
    let mut report = scan(&judge, &digest("rpm"), &["base"], &names, &[]);
    for package in &mut report.packages {
        package.ecosystem = Ecosystem::named("Rocky Linux");
        package.purl = format!("pkg:rpm/rocky/{}@1", package.name);
        if package.name != "bash" {
            package.source.as_mut().unwrap().name = "httpd".to_owned();
        }
    }
    record(&fixture, &BTreeMap::from([(digest("rpm"), report)]), &judge).await;
    for (number, (changed, wanted)) in
        [("httpd.src", 2), ("mod_ssl", 1), ("bash.src", 1), ("httpd", 0)].into_iter().enumerate()
    {
        let mut next = first();
        next.name = format!("snapshot-{}", number + 2);
        let changed = BTreeSet::from([("Rocky Linux".to_owned(), changed.to_owned())]);
        fixture.store.begin_refresh(&next, Some(&changed), false, NOW).await.unwrap();
        let next = Arc::new(next);
        let dynamic: Arc<dyn Judge> = Arc::clone(&next) as Arc<dyn Judge>;
        let refreshed = fixture.store.continue_refresh(dynamic, after(9), &|| true).await.unwrap();
        assert_eq!(refreshed, Refreshed::Done);
        assert_eq!(next.judged.load(Ordering::Relaxed), wanted, "{changed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_vulnerability_has_one_delta() {
    let (fixture, _, before) = fleet().await;
    refresh(&fixture, &before, second(), false).await;
    let deltas = fixture.store.deltas_since(after(9), 100).await.unwrap();
    let told: Vec<_> = deltas
        .iter()
        .map(|delta| {
            (
                delta.id.as_str(),
                delta.priority_before,
                delta.priority,
                [delta.images, delta.newly, delta.cleared],
            )
        })
        .collect();
    let (asap, later) = (Some(Priority::Asap), Some(Priority::Later));
    assert_eq!(
        told,
        [
            // Tags a:1, a:latest and b had it, c has it newly, and all of them as soon as possible.
            ("CVE-1", later, asap, [4, 1, 0]),
            ("CVE-4", None, later, [4, 4, 0]),
            ("CVE-3", asap, None, [0, 0, 3]),
        ]
    );
    assert_eq!(fixture.store.deltas_since(after(10), 100).await.unwrap(), []);
    let images = async |id, which| {
        let images = fixture.store.delta_images(deltas[0].refresh, id, which, 10).await.unwrap();
        images
            .iter()
            .map(|(image, _)| format!("{}:{}", image.path(), image.tag))
            .collect::<Vec<_>>()
    };
    assert_eq!(images("CVE-1", DeltaImages::Newly).await, ["team/c:1"]);
    assert_eq!(images("CVE-1", DeltaImages::Cleared).await, [""; 0]);
    assert_eq!(
        images("CVE-3", DeltaImages::Cleared).await,
        ["team/a:1", "team/a:latest", "team/b:1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_is_killed_anywhere_goes_on() {
    let (fixture, _, before) = fleet().await;
    let whole = fleet().await.0;
    let done = refresh(&whole, &before, second(), false).await;
    let names = done.names_since(&before);
    fixture.store.begin_refresh(done.as_ref(), Some(&names), false, NOW).await.unwrap();
    let mut fixture = fixture;
    for steps in 0.. {
        assert!(steps < 20, "it never ends");
        let left = AtomicUsize::new(1);
        let go_on = || {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
        };
        let judge: Arc<dyn Judge> = Arc::clone(&done) as Arc<dyn Judge>;
        let refreshed = fixture.store.continue_refresh(judge, after(9), &go_on).await.unwrap();
        fixture = fixture.reopen().await;
        if refreshed == Refreshed::Done {
            break;
        }
        assert_eq!(refreshed, Refreshed::Stopped);
    }
    assert_as_scanned(&fixture, &done).await;
    let random = ["master_key", "registries"];
    assert_eq!(fixture.dump(&random).await, whole.dump(&random).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_comes_meanwhile_is_taken_over() {
    let (fixture, _, before) = fleet().await;
    let one = Arc::new(second());
    fixture
        .store
        .begin_refresh(one.as_ref(), Some(&one.names_since(&before)), false, NOW)
        .await
        .unwrap();
    let left = AtomicUsize::new(1);
    let go_on = || {
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    };
    let dynamic: Arc<dyn Judge> = Arc::clone(&one) as Arc<dyn Judge>;
    fixture.store.continue_refresh(Arc::clone(&dynamic), NOW, &go_on).await.unwrap();
    let mut third = first();
    third.name = "snapshot-3".to_owned();
    fixture.store.begin_refresh(&third, Some(&third.names_since(&one)), false, NOW).await.unwrap();
    let late = fixture.store.continue_refresh(dynamic, NOW, &|| true).await.unwrap();
    assert_eq!(late, Refreshed::OtherSnapshot);
    let third = Arc::new(third);
    let dynamic: Arc<dyn Judge> = Arc::clone(&third) as Arc<dyn Judge>;
    let done = fixture.store.continue_refresh(dynamic, after(9), &|| true).await.unwrap();
    assert_eq!(done, Refreshed::Done);
    assert_as_scanned(&fixture, &third).await;
    assert_eq!(fixture.store.refreshes(9).await.unwrap().len(), 1);
    assert_eq!(fixture.store.deltas_since(NOW, 9).await.unwrap(), [], "there and back again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_snapshot_does_not_know_changes_the_coverage() {
    let (fixture, _, before) = fleet().await;
    let mut blind = first();
    blind.name = "snapshot-2".to_owned();
    blind.unknown = vec!["Debian"];
    let names = BTreeSet::new();
    let blind = Arc::new(blind);
    fixture.store.begin_refresh(blind.as_ref(), Some(&names), true, NOW).await.unwrap();
    let dynamic: Arc<dyn Judge> = Arc::clone(&blind) as Arc<dyn Judge>;
    fixture.store.continue_refresh(dynamic, NOW, &|| true).await.unwrap();
    assert_as_scanned(&fixture, &blind).await;
    assert!(before.unknown.is_empty());
    let artifact = fixture.store.artifact(&digest("c")).await.unwrap().unwrap();
    assert_eq!(artifact.verdict, Some(Verdict::Partial));
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_found_by_package_and_filtered() {
    let (fixture, _, _) = fleet().await;
    let other = fixture.registry("other").await;
    fixture.sync(&other, &[image("x", "1", "c")]).await;
    let held = async |package: PackageName, query: AffectedQuery| {
        let page = fixture.store.holders(&package, &query).await.unwrap();
        let images: Vec<String> = page
            .items
            .iter()
            .map(|item| format!("{}/{}:{}", item.registry, item.image.path(), item.image.tag))
            .collect();
        (images, page.images)
    };
    let all = AffectedQuery::default();
    let purl = |text: &str| PackageName::Purl(text.to_owned());
    let name = |text: &str| PackageName::Name(text.to_owned());
    let everything =
        ["build/team/a:1", "build/team/a:latest", "build/team/b:1", "build/team/c:1", "other/x:1"];
    let (images, total) = held(name("openssl"), all.clone()).await;
    assert_eq!((images.as_slice(), total), (everything.map(str::to_owned).as_slice(), 5));
    assert_eq!(held(purl("pkg:deb/debian/openssl"), all.clone()).await.1, 5);
    assert_eq!(held(purl("pkg:deb/debian/openssl@2"), all.clone()).await.0, everything[3..]);
    assert_eq!(held(purl("pkg:deb/debian/openssl@2?arch=amd64"), all.clone()).await.1, 2);
    assert_eq!(held(purl("pkg:deb/debian/open"), all.clone()).await.1, 0);
    assert_eq!(held(name("OpenSSL%"), all.clone()).await.1, 0);
    let of_other = AffectedQuery { registry: Some("other".to_owned()), ..all.clone() };
    assert_eq!(held(name("openssl"), of_other).await.0, everything[4..]);
    let second = AffectedQuery { page: 2, page_size: 2, ..all.clone() };
    assert_eq!(
        held(name("openssl"), second).await,
        (everything[2..4].iter().map(|it| (*it).to_owned()).collect(), 5)
    );
    let workload = Workload {
        namespace: "shop".to_owned(),
        app: "front".to_owned(),
        pod: "front-1".to_owned(),
        container: "front".to_owned(),
        image: "build.test/team/b:1".to_owned(),
        digest: Some(digest("b")),
        detail: Default::default(),
    };
    fixture.store.replace_workloads("c1", &[workload], NOW).await.unwrap();
    let running = AffectedQuery { running: true, ..all };
    assert_eq!(
        held(name("openssl"), running.clone()).await,
        (vec!["build/team/b:1".to_owned()], 1)
    );
    let page = fixture.store.affected("ghsa-cve-1", &running).await.unwrap();
    assert_eq!((page.images, page.items.len()), (1, 1));
    assert_eq!(page.items[0].subject, "pkg:deb/debian/openssl@1?arch=amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_urgent_finding_leads() {
    let (fixture, _, before) = fleet().await;
    let lead = async || {
        let ids = ["a", "d"].map(|name| image_uuid("build", "team", name, "1"));
        let mut leads = fixture.store.lead_findings(&ids).await.unwrap();
        ids.map(|id| leads.remove(&id).unwrap().id)
    };
    assert_eq!(lead().await, ["CVE-3", "root"]);
    refresh(&fixture, &before, second(), false).await;
    assert_eq!(lead().await[0], "CVE-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_of_what_no_image_has() {
    let (fixture, registry, _) = fleet().await;
    let some = SyncListing {
        catalog: Some(vec!["team/c".to_owned()]),
        images: vec![image("team/c", "1", "c")],
        ..SyncListing::default()
    };
    fixture.store.apply_sync(registry.id, &some, NOW).await.unwrap();
    let page = fixture.store.affected("CVE-2", &AffectedQuery::default()).await.unwrap();
    assert_eq!(page.images, 1, "those without images are not counted");
    let month = 30 * 86_400;
    assert_eq!(fixture.store.prune_artifacts(after(month)).await.unwrap(), 3);
    let dump = fixture.dump(&[]).await;
    assert_eq!((rows(&dump, "inventories").len(), rows(&dump, "parts").len()), (1, 3));
    let none = SyncListing { catalog: Some(Vec::new()), ..SyncListing::default() };
    fixture.store.apply_sync(registry.id, &none, NOW).await.unwrap();
    fixture.store.prune_artifacts(after(month)).await.unwrap();
    let kept = [
        "fleet",
        "list_changes",
        "master_key",
        "registries",
        "registry_shares",
        "schema_migrations",
        "snapshots",
        "sqlite_sequence",
        "succeeded_scans",
    ];
    assert_eq!(fixture.dump(&kept).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_images_are_paged_in_their_order() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let judge = first();
    let mut reports = Vec::new();
    let mut images = Vec::new();
    for number in 0..2_400_u32 {
        let content = format!("image {number}");
        images.push(image(&format!("team/app-{:04}", number * 7 % 2_400), "1", &content));
        let packages: &[(&str, &str)] =
            if number % 12 == 0 { &[("zlib", "1")] } else { &[("openssl", "1"), ("libc6", "1")] };
        let check = format!("check-{}", number % 40);
        reports.push(scan(&judge, &digest(&content), &["base"], packages, &[&check]));
    }
    fixture.sync(&registry, &images).await;
    let taken = fixture.store.take_in(&reports, DETECTORS, &judge, NOW).await.unwrap();
    assert_eq!(taken, 2_400);
    let mut wanted: Vec<String> = (0..2_400_u32)
        .filter(|number| number % 12 != 0)
        .map(|number| format!("app-{:04}", number * 7 % 2_400))
        .collect();
    wanted.sort();
    for page in [1, 2, 11, 22, 23] {
        let query = AffectedQuery { page, ..AffectedQuery::default() };
        let found = fixture.store.affected("CVE-1", &query).await.unwrap();
        assert_eq!(found.images, 2_200);
        let from = (page as usize - 1) * 100;
        let names: Vec<String> =
            found.items.iter().map(|item| item.image.repository.clone()).collect();
        assert_eq!(names, wanted[from.min(2_200)..(from + 100).min(2_200)], "page {page}");
    }
}

const NAMES: [&str; 4] = ["openssl", "curl", "libc6", "zlib"];
const VERSIONS: [&[&str]; 3] = [&["1"], &["2"], &["1", "2"]];

fn judges() -> impl Strategy<Value = Vec<(usize, usize, u8, u16)>> {
    vec((0..4_usize, 0..3_usize, 1..6_u8, 0..151_u16), 0..8)
}

fn judge_of(name: &str, rows: &[(usize, usize, u8, u16)]) -> TestJudge {
    let mut judge = TestJudge::new(name, &[]);
    let mut seen = BTreeSet::new();
    for (package, versions, id, tenths) in rows {
        if seen.insert((package, id)) {
            judge.advisories.push((
                NAMES[*package],
                VERSIONS[*versions],
                format!("CVE-{id}"),
                *tenths,
            ));
        }
    }
    judge
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn a_refresh_is_a_scan_of_everything(one in judges(), other in judges(), all: bool) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let registry = fixture.registry("build").await;
            let images: Vec<_> = FLEET.iter().map(|(content, ..)| image(content, "1", content)).collect();
            fixture.sync(&registry, &images).await;
            let before = judge_of("snapshot-1", &one);
            record(&fixture, &reports(&before), &before).await;
            assert_as_scanned(&fixture, &before).await;
            let since = refresh(&fixture, &before, judge_of("snapshot-2", &other), all).await;
            assert_as_scanned(&fixture, &since).await;

            // The deltas are what a comparison of all reports says.
            let having = |judge: &TestJudge| {
                let mut having: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
                for (manifest, report) in reports(judge) {
                    for finding in report.findings.iter().filter(|finding| finding.priority.is_some()) {
                        having.entry(finding.id.clone()).or_default().insert(manifest);
                    }
                }
                having
            };
            let (had, has) = (having(&before), having(&since));
            let deltas = fixture.store.deltas_since(NOW, 100).await.unwrap();
            let none = BTreeSet::new();
            for id in had.keys().chain(has.keys()) {
                let (had, has) = (had.get(id).unwrap_or(&none), has.get(id).unwrap_or(&none));
                let newly = u64::try_from(has.difference(had).count()).unwrap();
                let cleared = u64::try_from(had.difference(has).count()).unwrap();
                let delta = deltas.iter().find(|delta| delta.id == *id);
                assert_eq!(delta.map_or(0, |delta| delta.newly), newly, "{id}");
                assert_eq!(delta.map_or(0, |delta| delta.cleared), cleared, "{id}");
                if let Some(delta) = delta {
                    assert_eq!(delta.images, u64::try_from(has.len()).unwrap(), "{id}");
                }
                let page = fixture.store.affected(id, &AffectedQuery::default()).await.unwrap();
                assert_eq!(page.images, u64::try_from(has.len()).unwrap(), "{id}");
            }
        });
    }
}
