//! How images are used: whoever says it in whatever order, all that counts, lists and ranks is as if each image had been scanned
//! so by itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{
    ContextScope, ContextSetting, Exposure, ImageInUse, Importance, Kind, MatchContext, Priority,
    Report, RiskCounters,
};
use plimsoll_store::{
    Dimension, GroupedQuery, ImageRiskQuery, ImageRow, InstanceQuery, InstanceStates, Judge,
    Registry, ScanRecord, Scope, Settled, Workload,
};
use proptest::{collection::vec, prelude::*};

use crate::{
    builders::{DETECTORS, Fixture, NOW, after, digest, image},
    inventories::{first, refresh, second},
    judge::{TestJudge, scan_in},
};

/// What each content consists of: its name, layers, packages and failed checks.
type Content = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const CONTENTS: &[Content] = &[
    ("a", &[("openssl", "1"), ("curl", "1"), ("libc6", "1")], &["root"]),
    ("b", &[("openssl", "2"), ("libc6", "1")], &[]),
    ("c", &[("curl", "1"), ("zlib", "1")], &["root", "sudo"]),
];
const PATHS: [&str; 4] = ["team/app", "team/web", "other/app", "lonely"];
const CLUSTERS: [&str; 2] = ["edge", "lab"];
const OPEN: InstanceStates = InstanceStates { open: true, dealt_with: false, fixed: false };

/// The fleet as it should be.
struct World {
    fixture: Fixture,
    registry: Registry,
    judge: Arc<TestJudge>,
    settings: BTreeMap<(ContextScope, String), ContextSetting>,
    /// Where each content runs.
    runs: BTreeMap<&'static str, BTreeSet<&'static str>>,
    settled: Option<Settled>,
    time: i64,
}

#[derive(Clone, Debug)]
enum Step {
    Say(ContextScope, usize, Option<Exposure>, Option<Importance>),
    Run(usize, usize),
    Bring(usize, usize),
    Refresh(bool),
    Rescan(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let scope = prop::sample::select(ContextScope::ALL.to_vec());
    let exposure = prop::option::of(prop::sample::select(Exposure::ALL.to_vec()));
    let importance = prop::option::of(prop::sample::select(Importance::ALL.to_vec()));
    let step = prop_oneof![
        4 => (scope, 0..8_usize, exposure, importance)
            .prop_map(|(scope, place, exposure, importance)| Step::Say(scope, place, exposure, importance)),
        2 => (0..3_usize, 0..2_usize).prop_map(|(content, cluster)| Step::Run(content, cluster)),
        2 => (0..4_usize, 0..3_usize).prop_map(|(path, content)| Step::Bring(path, content)),
        2 => any::<bool>().prop_map(Step::Refresh),
        1 => (0..3_usize).prop_map(Step::Rescan),
    ];
    vec(step, 1..7)
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let registry = fixture.registry("build").await;
        let world = Self {
            fixture,
            registry,
            judge: Arc::new(first()),
            settings: BTreeMap::new(),
            runs: BTreeMap::new(),
            settled: None,
            time: 0,
        };
        for (path, content) in PATHS.iter().zip(["a", "a", "b", "c"]) {
            world.bring(path, content).await;
        }
        world.scan().await;
        world
    }

    async fn bring(&self, path: &str, content: &str) {
        self.fixture.sync(&self.registry, &[image(path, "1", content)]).await;
    }

    /// Scans whatever is queued, each as its images are used.
    async fn scan(&self) {
        let store = &self.fixture.store;
        while let Some(task) = store.claim("test/1", after(self.time)).await.unwrap() {
            let content = CONTENTS.iter().find(|content| digest(content.0) == task.digest).unwrap();
            let report = self.report(content, task.lease.context);
            let scan = ScanRecord { report: &report, detectors_version: DETECTORS };
            let now = after(self.time);
            store.record_inventory(&task.lease, scan, self.judge.as_ref(), now).await.unwrap();
        }
    }

    fn report(&self, (content, packages, checks): &Content, context: MatchContext) -> Report {
        scan_in(&self.judge, &digest(content), (&["base", content], packages, checks), context)
    }

    async fn take(&mut self, step: &Step) {
        self.time += 10;
        let store = self.fixture.store.clone();
        match step {
            Step::Say(scope, place, exposure, importance) => {
                let path = PATHS[place % PATHS.len()];
                let (namespace, name) = path.split_once('/').unwrap_or(("", path));
                let name = match scope {
                    ContextScope::Image => {
                        plimsoll_store::image_uuid("build", namespace, name, "1")
                    }
                    ContextScope::Repository => {
                        if *place < PATHS.len() { path } else { "team/*" }.to_owned()
                    }
                    ContextScope::Cluster => CLUSTERS[place % CLUSTERS.len()].to_owned(),
                    ContextScope::Registry => "build".to_owned(),
                };
                let setting = ContextSetting {
                    scope: *scope,
                    name: name.clone(),
                    exposure: *exposure,
                    importance: *importance,
                };
                store.set_context(&setting).await.unwrap();
                self.settings.remove(&(*scope, name.clone()));
                if exposure.is_some() || importance.is_some() {
                    self.settings.insert((*scope, name), setting);
                }
            }
            Step::Run(content, cluster) => {
                let (content, cluster) = (CONTENTS[*content].0, CLUSTERS[*cluster]);
                let runs = self.runs.entry(content).or_default();
                if !runs.remove(cluster) {
                    runs.insert(cluster);
                }
                let here = self.runs.iter().filter(|(_, clusters)| clusters.contains(cluster));
                let workloads: Vec<Workload> = here.map(|(content, _)| workload(content)).collect();
                store.replace_workloads(cluster, &workloads, after(self.time)).await.unwrap();
            }
            Step::Bring(path, content) => {
                self.bring(PATHS[*path], CONTENTS[*content].0).await;
            }
            Step::Refresh(is_second) => {
                let wanted = if *is_second { second() } else { first() };
                if wanted.name != self.judge.name {
                    let before = Arc::clone(&self.judge);
                    self.judge = refresh(&self.fixture, &before, wanted, true).await;
                }
            }
            Step::Rescan(content) => {
                let digest = digest(CONTENTS[*content].0);
                let origin = plimsoll_store::Origin::User;
                store.enqueue(&digest, origin, after(self.time)).await.unwrap();
            }
        }
    }

    async fn settle(&mut self) -> Settled {
        let judge: Arc<dyn Judge> = Arc::clone(&self.judge) as Arc<dyn Judge>;
        let before = self.settled.as_ref();
        let store = &self.fixture.store;
        let settled =
            store.settle_contexts(judge, before, after(self.time), &|| true).await.unwrap();
        assert!(settled.is_done);
        self.settled = Some(settled.clone());
        settled
    }

    fn context(&self, image: &ImageRow, content: &str) -> MatchContext {
        let settings: Vec<ContextSetting> = self.settings.values().cloned().collect();
        let clusters: Vec<&str> = self.runs.get(content).into_iter().flatten().copied().collect();
        let in_use = ImageInUse {
            uuid: &image.uuid,
            registry: "build",
            path: &image.path(),
            clusters: &clusters,
        };
        MatchContext::of(&settings, in_use)
    }

    /// All that is told of images is what a scan of each in its context tells.
    async fn check(&self) {
        let store = &self.fixture.store;
        let listed = store.list_image_risk(&ImageRiskQuery::default()).await.unwrap().items;
        assert_eq!(listed.len(), PATHS.len());
        // The first may be of before, the second is remembered.
        for _ in 0..2 {
            let page = store.list_image_numbers(&ImageRiskQuery::default()).await.unwrap();
            let told = page.items.iter().map(|one| (&one.image, one.counters));
            assert!(told.eq(listed.iter().map(|one| (&one.image, one.counters))));
        }
        let mut tiers: BTreeMap<String, BTreeMap<Priority, u64>> = BTreeMap::new();
        let mut asap = Vec::new();
        for one in &listed {
            let content = CONTENTS
                .iter()
                .find(|content| digest(content.0) == one.image.manifest_digest)
                .unwrap();
            let context = self.context(&one.image, content.0);
            assert_eq!(store.image_context(&one.image.uuid).await.unwrap(), Some(context));
            let wanted = self.report(content, context);
            let stored = store.image_report(&one.image.uuid).await.unwrap().unwrap();
            assert_eq!(
                serde_json::to_string(&stored).unwrap(),
                serde_json::to_string(&wanted).unwrap()
            );
            let counters = RiskCounters::of(&wanted);
            assert_eq!(one.counters, counters);
            asap.extend((counters.asap > 0).then_some((counters.asap, one.image.uuid.clone())));
            let mut own: BTreeMap<&str, Priority> = BTreeMap::new();
            for finding in wanted.findings.iter().filter(|one| one.kind == Kind::Vulnerability) {
                let priority = own.entry(&finding.record).or_insert(Priority::Nntf);
                *priority = (*priority).max(finding.priority.unwrap_or(Priority::Nntf));
            }
            let selected = plimsoll_store::ImageSelection {
                uuid: Some(one.image.uuid.clone()),
                ..plimsoll_store::ImageSelection::default()
            };
            let query = InstanceQuery {
                images: selected,
                states: OPEN,
                page: 1,
                page_size: 100,
                ..InstanceQuery::default()
            };
            let instances = store.vulnerability_instances(&query).await.unwrap();
            let named: BTreeMap<&str, Priority> = instances
                .items
                .iter()
                .map(|instance| (instance.name.as_str(), instance.priority))
                .collect();
            assert_eq!(named, own);
            for (record, priority) in own {
                *tiers.entry(record.to_owned()).or_default().entry(priority).or_default() += 1;
            }
        }
        let grouped = GroupedQuery { page: 1, page_size: 100, ..GroupedQuery::default() };
        let grouped = store.grouped_vulnerabilities(&grouped).await.unwrap().items;
        let told: BTreeMap<String, BTreeMap<Priority, u64>> = grouped
            .into_iter()
            .map(|one| {
                let tiers = [
                    (Priority::Asap, one.asap),
                    (Priority::Later, one.later),
                    (Priority::Nntf, one.nntf),
                ];
                (one.name, tiers.into_iter().filter(|(_, count)| *count > 0).collect())
            })
            .collect();
        assert_eq!(told, tiers);
        let ranked = store.rank(Dimension::VulAsap, Scope::All, 10).await.unwrap();
        let mut ranked: Vec<(u32, String)> =
            ranked.into_iter().map(|entry| (entry.counters.asap, entry.image.uuid)).collect();
        ranked.sort();
        asap.sort();
        assert_eq!(ranked, asap);
    }
}

fn workload(content: &str) -> Workload {
    Workload {
        namespace: "shop".to_owned(),
        app: "web".to_owned(),
        pod: format!("pod-{content}"),
        container: "main".to_owned(),
        image: "build.test/any:1".to_owned(),
        digest: Some(digest(content)),
        detail: Default::default(),
    }
}

fn said(scope: ContextScope, name: &str, exposure: Exposure) -> ContextSetting {
    ContextSetting { scope, name: name.to_owned(), exposure: Some(exposure), importance: None }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn images_are_as_scanned_in_their_use_whatever_came_before(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in &steps {
                world.take(step).await;
                world.settle().await;
                world.scan().await;
                world.check().await;
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_not_scanned_again_and_is_known_since_the_same_time() {
    let mut world = World::new().await;
    let store = world.fixture.store.clone();
    let all = InstanceQuery { states: OPEN, page: 1, page_size: 100, ..InstanceQuery::default() };
    let seen = async || {
        let items = store.vulnerability_instances(&all).await.unwrap().items;
        items.into_iter().map(|one| (one.name, one.first_seen, one.scanned)).collect::<Vec<_>>()
    };
    let before = seen().await;
    let history = async || {
        let listed = store.list_image_risk(&ImageRiskQuery::default()).await.unwrap().items;
        store.counter_history(&listed[0].image.uuid, 10).await.unwrap().len()
    };
    assert_eq!(history().await, 1);
    world.time = 50;
    let internal = said(ContextScope::Registry, "build", Exposure::Internal);
    assert!(store.set_context(&internal).await.unwrap());
    assert!(!store.set_context(&internal).await.unwrap());
    assert_eq!(world.settle().await.moved, 4);
    assert_eq!(store.claim("test/1", after(60)).await.unwrap(), None);
    assert_eq!(seen().await, before);
    assert_eq!(history().await, 2);
    // Nothing changed since: nothing is written.
    let bytes = world.fixture.bytes().await;
    assert_eq!(world.settle().await.moved, 0);
    assert_eq!(world.fixture.bytes().await, bytes);

    let nothing = ContextSetting { exposure: None, ..internal };
    assert!(store.set_context(&nothing).await.unwrap());
    assert_eq!(world.settle().await.moved, 4);
    assert_eq!(seen().await, before);
    world.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_another_snapshot_are_not_mixed_in() {
    let world = World::new().await;
    let store = &world.fixture.store;
    let setting = said(ContextScope::Repository, "team/*", Exposure::Internet);
    store.set_context(&setting).await.unwrap();
    let before = world.fixture.dump(&[]).await;
    let other: Arc<dyn Judge> = Arc::new(second());
    let settled = store.settle_contexts(other, None, NOW, &|| true).await.unwrap();
    assert!(!settled.is_done);
    assert_eq!(world.fixture.dump(&[]).await, before);
}
