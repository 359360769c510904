//! Lists of vulnerabilities: grouped and one by one, held against the reports that they come from.

mod ignored;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{
    Digest, Finding, Kind, Origin, Priority, Report, Status, Suppression, Timestamp,
};
use plimsoll_store::{
    GroupedQuery, ImageSelection, InstanceQuery, InstanceState, InstanceStates, Judge, Judged,
    Origin as Asker, RecordOutcome, Refreshed, Registry, ScanRecord, VulnerabilityFilter,
    VulnerabilityInstance, Workload,
};
use proptest::{collection::vec, prelude::*};

use crate::{
    builders::{DETECTORS, Fixture, NOW, after, digest, image},
    judge::{TestJudge, scan},
};

const ONE: &[&str] = &["1"];
const BOTH: &[&str] = &["1", "2"];
const OPEN: InstanceStates = InstanceStates { open: true, dealt_with: false, fixed: false };
const CLOSED: InstanceStates = InstanceStates { open: false, dealt_with: true, fixed: true };

/// A judge with vendors that speak against some of its advisories.
struct Doubted {
    judge: TestJudge,
    denied: BTreeSet<&'static str>,
}

impl Judge for Doubted {
    fn feed(&self) -> Option<plimsoll_model::FeedState> {
        self.judge.feed()
    }

    fn version(&self) -> String {
        self.judge.version()
    }

    fn judge(
        &self,
        package: &plimsoll_model::Package,
        context: plimsoll_model::MatchContext,
    ) -> Judged {
        let mut judged = self.judge.judge(package, context);
        judged.findings.iter_mut().for_each(|finding| self.deny(finding));
        judged
    }

    fn names(&self, package: &plimsoll_model::Package) -> Vec<(String, String)> {
        self.judge.names(package)
    }

    fn gaps(&self, packages: &[&plimsoll_model::Package], stale: bool) -> Vec<plimsoll_model::Gap> {
        self.judge.gaps(packages, stale)
    }

    fn is_gap_of_matching(&self, gap: &plimsoll_model::Gap) -> bool {
        self.judge.is_gap_of_matching(gap)
    }
}

impl Doubted {
    fn new(judge: TestJudge, denied: &[&'static str]) -> Self {
        Self { judge, denied: denied.iter().copied().collect() }
    }

    fn deny(&self, finding: &mut Finding) {
        if self.denied.contains(finding.id.as_str()) {
            let suppression = Suppression {
                by: "vendor".to_owned(),
                advisory: "VEX-1".to_owned(),
                reason: "the code is not in it".to_owned(),
                ignored: None,
            };
            finding.suppress(Status::NotAffected, suppression);
        }
    }

    fn scan(&self, content: &str, packages: &[(&str, &str)]) -> Report {
        let mut report =
            scan(&self.judge, &digest(content), &["base", content], packages, &["root"]);
        let vulnerabilities = report.findings.iter_mut();
        vulnerabilities
            .filter(|finding| finding.kind == Kind::Vulnerability)
            .for_each(|finding| self.deny(finding));
        report.findings.sort_by(Finding::compare_urgency);
        report
    }
}

fn first() -> TestJudge {
    TestJudge::new(
        "snapshot-1",
        &[
            ("openssl", ONE, "CVE-1", 80),
            ("libssl3", ONE, "CVE-1", 140),
            ("libc6", ONE, "CVE-2", 20),
            ("curl", ONE, "CVE-3", 140),
            ("curl", BOTH, "CVE-4", 75),
        ],
    )
}

/// What each image of the tests consists of.
const FLEET: &[(&str, &[(&str, &str)])] = &[
    ("a", &[("openssl", "1"), ("libssl3", "1"), ("libc6", "1"), ("curl", "1")]),
    ("b", &[("openssl", "1"), ("libc6", "1"), ("curl", "2")]),
    ("c", &[("libc6", "2"), ("curl", "2")]),
];

async fn record(
    fixture: &Fixture,
    reports: &BTreeMap<Digest, Report>,
    judge: &Doubted,
    now: Timestamp,
) {
    while let Some(task) = fixture.store.claim("test/1", now).await.unwrap() {
        let scan = ScanRecord { report: &reports[&task.digest], detectors_version: DETECTORS };
        let outcome = fixture.store.record_inventory(&task.lease, scan, judge, now).await.unwrap();
        assert_ne!(outcome, RecordOutcome::Dropped);
    }
}

fn reports(judge: &Doubted) -> BTreeMap<Digest, Report> {
    FLEET
        .iter()
        .map(|(content, packages)| (digest(content), judge.scan(content, packages)))
        .collect()
}

/// Three contents under four tags.
async fn fleet(denied: &[&'static str]) -> (Fixture, Registry, Doubted) {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let images = [
        image("team/a", "1", "a"),
        image("team/a", "latest", "a"),
        image("team/b", "1", "b"),
        image("other/c", "1", "c"),
    ];
    fixture.sync(&registry, &images).await;
    let judge = Doubted::new(first(), denied);
    record(&fixture, &reports(&judge), &judge, NOW).await;
    (fixture, registry, judge)
}

async fn refresh(fixture: &Fixture, before: &TestJudge, judge: Doubted, now: Timestamp) {
    let names = judge.judge.names_since(before);
    let judge: Arc<dyn Judge> = Arc::new(judge);
    fixture.store.begin_refresh(judge.as_ref(), Some(&names), false, now).await.unwrap();
    let refreshed = fixture.store.continue_refresh(judge, now, &|| true).await.unwrap();
    assert_eq!(refreshed, Refreshed::Done);
}

/// Name to images at asap, later and nntf, in the list's order.
async fn grouped(fixture: &Fixture, query: GroupedQuery) -> Vec<(String, [u64; 3])> {
    let query = GroupedQuery { page: 1, page_size: 100, ..query };
    let page = fixture.store.grouped_vulnerabilities(&query).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    page.items.into_iter().map(|one| (one.name, [one.asap, one.later, one.nntf])).collect()
}

async fn instances(fixture: &Fixture, query: InstanceQuery) -> Vec<VulnerabilityInstance> {
    let query = InstanceQuery { page: 1, page_size: 1_000, ..query };
    let page = fixture.store.vulnerability_instances(&query).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    page.items
}

fn named(rows: &[(&str, [u64; 3])]) -> Vec<(String, [u64; 3])> {
    rows.iter().map(|(id, counts)| (format!("debian:12:{id}"), *counts)).collect()
}

fn short(instances: &[VulnerabilityInstance]) -> Vec<String> {
    instances
        .iter()
        .map(|one| format!("{}:{} {}", one.image.path(), one.image.tag, one.packages[0].finding.id))
        .collect()
}

fn in_repository(path: &str) -> ImageSelection {
    let (namespace, repository) = plimsoll_store::split_repository(path);
    ImageSelection {
        repo_namespace: Some(namespace.to_owned()),
        repo_name: Some(repository.to_owned()),
        ..ImageSelection::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_counted_by_vulnerability() {
    let (fixture, registry, _) = fleet(&[]).await;
    let all = named(&[
        ("CVE-1", [2, 1, 0]),
        ("CVE-3", [2, 0, 0]),
        ("CVE-4", [0, 4, 0]),
        ("CVE-2", [0, 0, 3]),
    ]);
    assert_eq!(grouped(&fixture, GroupedQuery::default()).await, all);
    let filtered =
        async |filter| grouped(&fixture, GroupedQuery { filter, ..GroupedQuery::default() }).await;
    let none = VulnerabilityFilter::default;
    for (filter, wanted) in [
        (VulnerabilityFilter { priority: Some(Priority::Later), ..none() }, vec![0, 2]),
        (VulnerabilityFilter { origin: Some(Origin::System), ..none() }, vec![0, 1, 2, 3]),
        (VulnerabilityFilter { origin: Some(Origin::Application), ..none() }, vec![]),
        (VulnerabilityFilter { name: Some("debian:12:CVE-4".to_owned()), ..none() }, vec![2]),
        (VulnerabilityFilter { name: Some("CVE-4".to_owned()), ..none() }, vec![]),
        (VulnerabilityFilter { id: Some("cve-4".to_owned()), ..none() }, vec![2]),
        (VulnerabilityFilter { id: Some("GHSA-CVE-2".to_owned()), ..none() }, vec![3]),
        (VulnerabilityFilter { title: Some("in LIBC6".to_owned()), ..none() }, vec![3]),
        (VulnerabilityFilter { title: Some("nowhere".to_owned()), ..none() }, vec![]),
    ] {
        let wanted: Vec<_> = wanted.into_iter().map(|place: usize| all[place].clone()).collect();
        assert_eq!(filtered(filter.clone()).await, wanted, "{filter:?}");
    }
    let of =
        async |images| grouped(&fixture, GroupedQuery { images, ..GroupedQuery::default() }).await;
    let of_b = named(&[("CVE-1", [0, 1, 0]), ("CVE-4", [0, 1, 0]), ("CVE-2", [0, 0, 1])]);
    assert_eq!(of(in_repository("team/b")).await, of_b);
    assert_eq!(of(in_repository("other/c")).await, named(&[("CVE-4", [0, 1, 0])]));
    let with_layer =
        |layer: &str| ImageSelection { layer: Some(digest(layer)), ..ImageSelection::default() };
    assert_eq!(of(with_layer("base")).await, all);
    assert_eq!(of(with_layer("b")).await, of_b);
    assert_eq!(of(with_layer("none")).await, named(&[]));
    let latest = ImageSelection { latest: true, ..ImageSelection::default() };
    assert_eq!(of(latest).await[0], ("debian:12:CVE-1".to_owned(), [1, 1, 0]));
    let runs = Workload {
        namespace: "shop".to_owned(),
        app: "web".to_owned(),
        pod: "web-0".to_owned(),
        container: "web".to_owned(),
        image: "build.test/team/b:1".to_owned(),
        digest: Some(digest("b")),
        detail: Default::default(),
    };
    fixture.store.replace_workloads("cluster-1", &[runs], NOW).await.unwrap();
    let in_cluster =
        ImageSelection { cluster_id: Some("cluster-1".to_owned()), ..ImageSelection::default() };
    assert_eq!(of(in_cluster.clone()).await, of_b);
    let elsewhere = ImageSelection { namespace: Some("else".to_owned()), ..in_cluster };
    assert_eq!(of(elsewhere).await, named(&[]));
    // One image more, and one that goes.
    fixture.sync(&registry, &[image("team/d", "1", "c")]).await;
    assert_eq!(
        grouped(&fixture, GroupedQuery::default()).await[2],
        ("debian:12:CVE-4".to_owned(), [0, 5, 0])
    );
    fixture.store.remove_registry("build", after(1)).await.unwrap();
    assert_eq!(grouped(&fixture, GroupedQuery::default()).await, named(&[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_group_is_of_its_most_urgent_package() {
    let (fixture, ..) = fleet(&[]).await;
    let query = GroupedQuery { page: 1, page_size: 1, ..GroupedQuery::default() };
    let page = fixture.store.grouped_vulnerabilities(&query).await.unwrap();
    assert_eq!((page.total, page.items.len()), (4, 1));
    let one = &page.items[0];
    assert_eq!((one.finding.title.as_str(), one.has_fix), ("CVE-1 in libssl3", true));
    assert_eq!((one.first_seen, one.last_scanned), (NOW, Some(NOW)));
    // A scan of an image that has it moves the latest scan alone; one of an image that has it not does not.
    let judge = Doubted::new(first(), &[]);
    for (content, scanned) in [("b", 50), ("c", 60)] {
        fixture.store.enqueue(&digest(content), Asker::User, after(scanned)).await.unwrap();
        record(&fixture, &reports(&judge), &judge, after(scanned)).await;
    }
    let one = fixture.store.grouped_vulnerabilities(&query).await.unwrap().items.remove(0);
    assert_eq!((one.first_seen, one.last_scanned), (NOW, Some(after(50))));
    // Of a selection, what its images have.
    let query = GroupedQuery { images: in_repository("team/b"), ..query };
    let one = fixture.store.grouped_vulnerabilities(&query).await.unwrap().items.remove(0);
    assert_eq!(one.finding.title, "CVE-1 in openssl");
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_stand_image_by_image_and_by_urgency() {
    let (fixture, ..) = fleet(&[]).await;
    let all = instances(&fixture, InstanceQuery { states: OPEN, ..InstanceQuery::default() }).await;
    let wanted = [
        "other/c:1 CVE-4",
        "team/a:1 CVE-1",
        "team/a:1 CVE-3",
        "team/a:1 CVE-4",
        "team/a:1 CVE-2",
        "team/a:latest CVE-1",
        "team/a:latest CVE-3",
        "team/a:latest CVE-4",
        "team/a:latest CVE-2",
        "team/b:1 CVE-1",
        "team/b:1 CVE-4",
        "team/b:1 CVE-2",
    ];
    assert_eq!(short(&all), wanted);
    // Two packages have it, and it is one.
    let names: Vec<&str> =
        all[1].packages.iter().map(|one| one.package.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(names, ["libssl3", "openssl"]);
    assert_eq!(all[1].packages[0].package.as_ref().unwrap().locations[0].layer, Some(digest("a")));
    assert_eq!(all[1].layers, [digest("base"), digest("a")]);
    let os = all[1].operating_system.clone().unwrap();
    assert_eq!((os.0.0.as_str(), os.1.as_deref()), ("Debian", Some("12")));
    // Ids are one for each image and vulnerability, and small enough for any client.
    let ids: BTreeSet<i64> = all.iter().map(VulnerabilityInstance::primary_id).collect();
    assert_eq!(ids.len(), all.len());
    assert!(ids.iter().all(|id| (0..1 << 53).contains(id)));
    for size in 1..=13 {
        let mut seen = Vec::new();
        for page in 1..=13 {
            let query =
                InstanceQuery { states: OPEN, page, page_size: size, ..InstanceQuery::default() };
            let found = fixture.store.vulnerability_instances(&query).await.unwrap();
            assert_eq!(found.total, 12);
            seen.extend(short(&found.items));
        }
        assert_eq!(seen, wanted, "pages of {size}");
    }
    let one_each = InstanceQuery { states: OPEN, one_an_image: true, ..InstanceQuery::default() };
    assert_eq!(
        short(&instances(&fixture, one_each).await),
        ["other/c:1 CVE-4", "team/a:1 CVE-1", "team/a:latest CVE-1", "team/b:1 CVE-1"]
    );
    let of_one = InstanceQuery {
        states: OPEN,
        filter: VulnerabilityFilter {
            id: Some("CVE-3".to_owned()),
            ..VulnerabilityFilter::default()
        },
        ..InstanceQuery::default()
    };
    assert_eq!(
        short(&instances(&fixture, of_one).await),
        ["team/a:1 CVE-3", "team/a:latest CVE-3"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn first_times_stay() {
    let (fixture, _, judge) = fleet(&[]).await;
    let of_b = || InstanceQuery {
        images: in_repository("team/b"),
        states: OPEN,
        ..InstanceQuery::default()
    };
    let times = |instances: &[VulnerabilityInstance]| -> Vec<(String, i64, i64)> {
        instances
            .iter()
            .map(|one| {
                let id = one.packages[0].finding.id.clone();
                (id, one.first_seen.0 - NOW.0, one.modified.0 - NOW.0)
            })
            .collect()
    };
    let row = |id: &str, first, modified| (id.to_owned(), first, modified);
    let before = instances(&fixture, of_b()).await;
    assert_eq!(times(&before), [row("CVE-1", 0, 0), row("CVE-4", 0, 0), row("CVE-2", 0, 0)]);
    // Another scan of the same.
    fixture.store.enqueue(&digest("b"), Asker::User, after(10)).await.unwrap();
    record(&fixture, &reports(&judge), &judge, after(10)).await;
    let again = instances(&fixture, of_b()).await;
    assert_eq!(times(&again), times(&before));
    assert_eq!(again[0].scanned, after(10));
    assert_eq!(again[0].primary_id(), before[0].primary_id());
    // Other advisories: one becomes urgent, one comes, one goes.
    let second = TestJudge::new(
        "snapshot-2",
        &[
            ("openssl", ONE, "CVE-1", 140),
            ("libssl3", ONE, "CVE-1", 140),
            ("libc6", ONE, "CVE-2", 20),
            ("libc6", ONE, "CVE-9", 90),
            ("curl", ONE, "CVE-3", 140),
        ],
    );
    refresh(&fixture, &judge.judge, Doubted::new(second, &[]), after(20)).await;
    let third = instances(&fixture, of_b()).await;
    assert_eq!(times(&third), [row("CVE-1", 0, 20), row("CVE-9", 20, 20), row("CVE-2", 0, 0)]);
    let fixed = InstanceQuery { states: CLOSED, ..of_b() };
    let gone = instances(&fixture, fixed.clone()).await;
    assert_eq!(times(&gone), [row("CVE-4", 0, 20)]);
    assert_eq!(gone[0].state, InstanceState::Fixed);
    assert_eq!(gone[0].priority, Priority::Later);
    assert_eq!(gone[0].packages[0].package.as_ref().unwrap().name, "curl");
    // It comes back: it counts, and is known since it was first known.
    let second = TestJudge::new("snapshot-2", &[]);
    let third = TestJudge::new("snapshot-3", &[("curl", BOTH, "CVE-4", 75)]);
    refresh(&fixture, &second, Doubted::new(third, &[]), after(30)).await;
    let back = instances(&fixture, of_b()).await;
    assert!(times(&back).contains(&row("CVE-4", 0, 30)));
    assert_eq!(instances(&fixture, fixed).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_speaks_against_is_listed_apart() {
    let (fixture, _, judge) = fleet(&["CVE-3"]).await;
    let of_a = |states| InstanceQuery {
        images: ImageSelection { tag: Some("latest".to_owned()), ..ImageSelection::default() },
        states,
        ..InstanceQuery::default()
    };
    let open = instances(&fixture, of_a(OPEN)).await;
    assert_eq!(short(&open), ["team/a:latest CVE-1", "team/a:latest CVE-4", "team/a:latest CVE-2"]);
    let closed = instances(&fixture, of_a(CLOSED)).await;
    assert_eq!(short(&closed), ["team/a:latest CVE-3"]);
    assert_eq!(closed[0].state, InstanceState::Suppressed);
    assert_eq!((closed[0].priority, closed[0].first_seen), (Priority::Asap, NOW));
    assert!(closed[0].packages[0].finding.suppressed.is_some());
    // In groups it does not count.
    assert!(
        grouped(&fixture, GroupedQuery::default())
            .await
            .iter()
            .all(|one| one.0 != "debian:12:CVE-3")
    );
    // The vendor takes it back, and speaks against another.
    let names = [("curl", ONE, "CVE-3", 141), ("libc6", ONE, "CVE-2", 21)];
    let mut advisories = vec![
        ("openssl", ONE, "CVE-1", 80),
        ("libssl3", ONE, "CVE-1", 140),
        ("curl", BOTH, "CVE-4", 75),
    ];
    advisories.extend(names);
    let second = Doubted::new(TestJudge::new("snapshot-2", &advisories), &["CVE-2"]);
    refresh(&fixture, &judge.judge, second, after(20)).await;
    let open = instances(&fixture, of_a(OPEN)).await;
    assert_eq!(short(&open), ["team/a:latest CVE-3", "team/a:latest CVE-1", "team/a:latest CVE-4"]);
    assert_eq!((open[0].first_seen, open[0].modified), (NOW, after(20)));
    let closed = instances(&fixture, of_a(CLOSED)).await;
    assert_eq!(short(&closed), ["team/a:latest CVE-2"]);
    assert_eq!((closed[0].first_seen, closed[0].modified), (NOW, after(20)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tag_no_longer_has_is_fixed() {
    let (fixture, registry, judge) = fleet(&[]).await;
    fixture.sync(&registry, &[image("team/b", "1", "c")]).await;
    let query = |states| InstanceQuery {
        images: in_repository("team/b"),
        states,
        ..InstanceQuery::default()
    };
    assert_eq!(short(&instances(&fixture, query(OPEN)).await), ["team/b:1 CVE-4"]);
    let fixed = instances(&fixture, query(CLOSED)).await;
    assert_eq!(short(&fixed), ["team/b:1 CVE-1", "team/b:1 CVE-2"]);
    assert!(fixed.iter().all(|one| one.state == InstanceState::Fixed && one.digest == digest("b")));
    let later = InstanceQuery {
        filter: VulnerabilityFilter {
            priority: Some(Priority::Later),
            ..VulnerabilityFilter::default()
        },
        ..query(CLOSED)
    };
    assert_eq!(short(&instances(&fixture, later).await), ["team/b:1 CVE-1"]);
    // Once nobody knows the earlier content any more, nobody knows what it had.
    drop(judge);
    fixture.store.prune_artifacts(after(40 * 86_400)).await.unwrap();
    assert_eq!(instances(&fixture, query(CLOSED)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_is_open_until_the_next_scan() {
    let (fixture, _, judge) = fleet(&[]).await;
    let query =
        || InstanceQuery { states: OPEN, only_being_fixed: true, ..InstanceQuery::default() };
    assert_eq!(instances(&fixture, query()).await, []);
    let all = instances(&fixture, InstanceQuery { only_being_fixed: false, ..query() }).await;
    let one = all.iter().find(|one| one.image.path() == "team/b").unwrap();
    let names = [one.name.clone()];
    assert!(
        fixture.store.request_fixes(&one.image.uuid, &names, Some("2"), after(5)).await.unwrap()
    );
    assert!(!fixture.store.request_fixes("none", &names, None, after(5)).await.unwrap());
    fixture.store.enqueue(&digest("b"), Asker::User, after(5)).await.unwrap();
    assert_eq!(short(&instances(&fixture, query()).await), ["team/b:1 CVE-1"]);
    record(&fixture, &reports(&judge), &judge, after(9)).await;
    assert_eq!(instances(&fixture, query()).await, []);
}

/// The invariant between lists and counters, for any fleet and any advisories, after scans and after refreshes.
async fn assert_agreement(fixture: &Fixture) {
    let mut by_name: BTreeMap<String, u64> = BTreeMap::new();
    for content in ["p", "q", "r"] {
        let Some(artifact) = fixture.store.artifact(&digest(content)).await.unwrap() else {
            continue;
        };
        let counters = artifact.counters;
        let total = async |origin, priority| {
            let query = InstanceQuery {
                images: ImageSelection {
                    digest: Some(digest(content)),
                    ..ImageSelection::default()
                },
                filter: VulnerabilityFilter { origin, priority, ..VulnerabilityFilter::default() },
                states: OPEN,
                ..InstanceQuery::default()
            };
            u32::try_from(instances(fixture, query).await.len()).unwrap()
        };
        assert_eq!(total(Some(Origin::System), None).await, counters.cve);
        assert_eq!(total(Some(Origin::Application), None).await, counters.sca);
        assert_eq!(total(None, Some(Priority::Asap)).await, counters.asap);
        assert_eq!(total(None, Some(Priority::Later)).await, counters.later);
        assert_eq!(total(None, Some(Priority::Nntf)).await, counters.nntf);
        let all = InstanceQuery {
            images: ImageSelection { digest: Some(digest(content)), ..ImageSelection::default() },
            states: OPEN,
            ..InstanceQuery::default()
        };
        for one in instances(fixture, all).await {
            *by_name.entry(one.name).or_default() += 1;
        }
    }
    let groups: BTreeMap<String, u64> = grouped(fixture, GroupedQuery::default())
        .await
        .into_iter()
        .map(|(name, [asap, later, nntf])| (name, asap + later + nntf))
        .collect();
    assert_eq!(groups, by_name);
}

const NAMES: [&str; 4] = ["openssl", "libc6", "curl", "zlib"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn lists_agree_with_counters(
        contents in vec(vec((0_usize..4, prop_oneof![Just("1"), Just("2")]), 0..5), 3),
        advisories in vec((0_usize..4, any::<bool>(), 0_u8..5, 0_u16..150), 0..10),
        later in vec((0_usize..4, any::<bool>(), 0_u8..5, 0_u16..150), 0..10),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let judge = |name: &str, drawn: &[(usize, bool, u8, u16)]| {
                let mut seen = BTreeSet::new();
                let ids = ["CVE-1", "CVE-2", "CVE-3", "CVE-4", "CVE-5"];
                let advisories: Vec<_> = drawn
                    .iter()
                    .filter(|(package, _, id, _)| seen.insert((*package, *id)))
                    .map(|(package, both, id, tenths)| {
                        (NAMES[*package], if *both { BOTH } else { ONE }, ids[usize::from(*id)], *tenths)
                    })
                    .collect();
                Doubted::new(TestJudge::new(name, &advisories), &["CVE-5"])
            };
            let fixture = Fixture::new().await;
            let registry = fixture.registry("build").await;
            let first = judge("snapshot-1", &advisories);
            let mut reports = BTreeMap::new();
            let mut images = Vec::new();
            for (content, packages) in ["p", "q", "r"].into_iter().zip(&contents) {
                let distinct: BTreeSet<(&str, &str)> =
                    packages.iter().map(|(name, version)| (NAMES[*name], *version)).collect();
                let packages: Vec<(&str, &str)> = distinct.into_iter().collect();
                reports.insert(digest(content), first.scan(content, &packages));
                images.push(image("team/app", content, content));
            }
            fixture.sync(&registry, &images).await;
            record(&fixture, &reports, &first, NOW).await;
            assert_agreement(&fixture).await;
            refresh(&fixture, &first.judge, judge("snapshot-2", &later), after(5)).await;
            assert_agreement(&fixture).await;
            let third = judge("snapshot-3", &advisories);
            refresh(&fixture, &judge("snapshot-2", &later).judge, third, after(9)).await;
            assert_agreement(&fixture).await;
        });
    }
}
