//! Lists of malicious and sensitive files against a naive model: what they say is what the reports say.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    Digest, Evidence, Finding, Kind, Level, Location, NewEventRule, Report, RuleSource, Subject,
    event_rule::{
        EventComparison, EventCondition, EventConditionKey, EventScenario, EventScenarioType,
    },
};
use plimsoll_store::{
    EventRuleQuery, FileFilter, FileInImage, FileKind, FileLevel, FileState, FilesQuery,
    GroupedFilesQuery, ImageRisk, ImageRiskQuery, ImageSelection, RecordOutcome, ScanRecord, Store,
    SyncListing,
};
use proptest::{collection::vec, prelude::*};

use crate::{
    builders::{DETECTORS, Fixture, NOW, after, digest, image, open, risk},
    judge::{TestJudge, scan},
};

const PATHS: [&str; 3] = ["team/a", "team/b", "other"];
const MD5S: [&str; 2] = ["0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff"];
const KEYS: [&str; 3] = ["pem", "npm_token", "gitLab_personal_token"];

pub(crate) fn malicious(md5: &str, path: &str, level: Level, layer: Digest) -> Finding {
    let (word, virus) = match level {
        Level::High => ("serious", "WebShell"),
        Level::Medium => ("suspicious", "Miner"),
        _ => ("remind", "Engtest"),
    };
    let extra = [
        ("md5", md5),
        ("malicious_level", word),
        ("virus_type", virus),
        ("malicious_key", &format!("{}_IMG", virus.to_ascii_uppercase())),
        ("malicious_type", "Malicious Script"),
        ("highlight", "[[0,4]]"),
    ];
    Finding {
        record: format!("malware:{md5}:{path}"),
        subject: Subject::Path(path.to_owned()),
        extra: extra.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        evidence: vec![Evidence {
            location: Some(Location { path: path.to_owned(), layer: Some(layer) }),
            detail: "eval of a request".to_owned(),
        }],
        ..risk(Kind::Malware, "php-eval", level)
    }
}

pub(crate) fn secret(key: &str, path: &str, level: Level, layer: Digest, md5: &str) -> Finding {
    let extra = [("class", "cert_key"), ("name", key), ("md5", md5), ("masked", "AKIA…9Q")];
    Finding {
        record: format!("{key}:{layer}:{path}"),
        subject: Subject::Path(path.to_owned()),
        extra: extra.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        evidence: vec![Evidence {
            location: Some(Location { path: path.to_owned(), layer: Some(layer) }),
            detail: "line 1: AKIA…9Q, 20 characters".to_owned(),
        }],
        ..risk(Kind::Secret, key, level)
    }
}

/// What a content has: malicious files by MD5, path and level; sensitive ones by key, path, layer.
#[derive(Clone, Debug, Default)]
struct Content {
    malicious: BTreeSet<(usize, usize, usize)>,
    sensitive: BTreeSet<(usize, usize, bool)>,
    whole: bool,
}

fn content() -> impl Strategy<Value = Content> {
    (
        vec((0..2_usize, 0..2_usize, 0..3_usize), 0..4),
        vec((0..3_usize, 0..2_usize, any::<bool>()), 0..5),
        any::<bool>(),
    )
        .prop_map(|(malicious, sensitive, whole)| {
            // One level a file.
            let files: BTreeMap<(usize, usize), usize> =
                malicious.into_iter().map(|(md5, path, level)| ((md5, path), level)).collect();
            Content {
                malicious: files
                    .into_iter()
                    .map(|((md5, path), level)| (md5, path, level))
                    .collect(),
                sensitive: sensitive.into_iter().collect(),
                whole,
            }
        })
}

fn report_of(judge: &TestJudge, number: usize, content: &Content) -> Report {
    let name = format!("content-{number}");
    let mut report = scan(judge, &digest(&name), &["base", &name], &[("libc6", "1")], &["root"]);
    let layers = report.image.layers.clone();
    for (md5, path, level) in &content.malicious {
        let level = [Level::Low, Level::Medium, Level::High][*level];
        report.findings.push(malicious(MD5S[*md5], &format!("srv/{path}.php"), level, layers[0]));
    }
    for (key, path, in_base) in &content.sensitive {
        let layer = layers[usize::from(!in_base)];
        let level = [Level::Low, Level::Medium, Level::High][*key];
        let md5 = MD5S[usize::from(*in_base)];
        report.findings.push(secret(KEYS[*key], &format!("etc/{path} key"), level, layer, md5));
    }
    report.findings.sort_by(Finding::compare_urgency);
    report
}

struct World {
    fixture: Fixture,
    contents: Vec<Content>,
    judge: TestJudge,
    other: Store,
}

impl World {
    /// Six tags of three repositories, each with one of the contents.
    async fn new(contents: Vec<Content>, tags: &[usize]) -> Self {
        let fixture = Fixture::new().await;
        let registry = fixture.registry("build").await;
        let judge = TestJudge::new("snapshot-1", &[("libc6", &["1"], "CVE-2", 20)]);
        let images: Vec<_> = tags
            .iter()
            .enumerate()
            .map(|(place, content)| {
                let content = format!("content-{}", content % contents.len());
                image(PATHS[place / 2], &(place % 2).to_string(), &content)
            })
            .collect();
        fixture.sync(&registry, &images).await;
        let other = open(fixture.folder.path()).await;
        let world = Self { fixture, contents, judge, other };
        world.scan_queued(0).await;
        world
    }

    fn store(&self) -> &Store {
        &self.fixture.store
    }

    fn report(&self, digest: &Digest) -> Report {
        let numbers = 0..self.contents.len();
        let number = numbers
            .into_iter()
            .find(|number| crate::builders::digest(&format!("content-{number}")) == *digest)
            .unwrap();
        report_of(&self.judge, number, &self.contents[number])
    }

    async fn scan_queued(&self, seconds: i64) {
        while let Some(task) = self.store().claim("test/1", after(seconds)).await.unwrap() {
            let report = self.report(&task.digest);
            let scan = ScanRecord { report: &report, detectors_version: DETECTORS };
            let is_whole = self.contents.iter().enumerate().any(|(number, content)| {
                content.whole && digest(&format!("content-{number}")) == task.digest
            });
            let outcome = if is_whole {
                self.store().record_scan(&task.lease, scan, after(seconds)).await.unwrap()
            } else {
                let now = after(seconds);
                self.store().record_inventory(&task.lease, scan, &self.judge, now).await.unwrap()
            };
            assert!(matches!(outcome, RecordOutcome::Stored | RecordOutcome::Unchanged));
        }
    }

    async fn images(&self) -> Vec<ImageRisk> {
        let query = ImageRiskQuery { page_size: 100, ..ImageRiskQuery::default() };
        self.store().list_image_risk(&query).await.unwrap().items
    }

    /// Every file of every image with how rules say that it stands.
    async fn model(&self, kind: FileKind) -> Vec<(ImageRisk, Finding, FileState)> {
        let wanted = match kind {
            FileKind::Malicious => Kind::Malware,
            FileKind::Sensitive => Kind::Secret,
        };
        let all = EventRuleQuery { page_size: 100, ..EventRuleQuery::default() };
        let rules = self.store().event_rules(&all).await.unwrap().items.into_iter();
        let rules: Vec<NewEventRule> = rules.map(|rule| rule.rule).collect();
        let mut all = Vec::new();
        for image in self.images().await {
            let report = self.store().image_report(&image.image.uuid).await.unwrap().unwrap();
            for finding in report.findings.iter().filter(|finding| finding.kind == wanted) {
                let Subject::Path(path) = &finding.subject else { panic!("{finding:?}") };
                let md5 = finding.extra.get("md5").map(String::as_str);
                let is_covered = kind == FileKind::Sensitive
                    && rules.iter().any(|rule| {
                        let here = rule.scenario.of == EventScenarioType::Default
                            || rule.scenario.value == image.image.path();
                        here && rule.covers(&finding.id, path, md5)
                    });
                let state = match (&finding.suppressed, is_covered) {
                    (Some(_), _) | (None, true) => FileState::Ignored,
                    (None, false) => FileState::Open,
                };
                all.push((image.clone(), finding.clone(), state));
            }
        }
        all
    }

    async fn files(&self, store: &Store, query: FilesQuery) -> Vec<FileInImage> {
        let whole = store.files_in_images(&query).await.unwrap();
        assert_eq!(whole.total, whole.items.len() as u64);
        // Pages are parts of the whole, in its order.
        let mut paged = Vec::new();
        for page in 1..=whole.items.len().div_ceil(3) {
            let query =
                FilesQuery { page: u32::try_from(page).unwrap(), page_size: 3, ..query.clone() };
            let part = store.files_in_images(&query).await.unwrap();
            assert_eq!(part.total, whole.total);
            paged.extend(part.items);
        }
        assert_eq!(paged, whole.items);
        whole.items
    }

    async fn check(&self) {
        for kind in [FileKind::Malicious, FileKind::Sensitive] {
            let model = self.model(kind).await;
            for store in [self.store(), &self.other] {
                self.check_files(store, kind, &model).await;
                for selection in [
                    ImageSelection::default(),
                    ImageSelection {
                        repo_namespace: Some("team".to_owned()),
                        ..Default::default()
                    },
                ] {
                    check_groups(store, kind, &selection, &model).await;
                }
            }
        }
        // I10 and I5: what lists count is what images' numbers count.
        for image in self.images().await {
            let mut sum = 0;
            for (level, wanted) in [
                (FileLevel::High, image.counters.malicious_serious),
                (FileLevel::Medium, image.counters.malicious_suspicious),
                (FileLevel::Low, image.counters.malicious_remind),
            ] {
                let query = FilesQuery {
                    images: ImageSelection {
                        uuid: Some(image.image.uuid.clone()),
                        ..Default::default()
                    },
                    filter: FileFilter { levels: [level].into(), ..Default::default() },
                    states: [FileState::Open].into(),
                    ..all(FileKind::Malicious)
                };
                let found = self.store().files_in_images(&query).await.unwrap();
                assert_eq!(found.total, u64::from(wanted), "{} {level:?}", image.image.path());
                sum += wanted;
            }
            let statistics = image.counters.statistics();
            assert!(statistics.contains(&format!("\"newSuspicious\":{sum},")), "{statistics}");
        }
    }

    async fn check_files(
        &self,
        store: &Store,
        kind: FileKind,
        model: &[(ImageRisk, Finding, FileState)],
    ) {
        let found = self.files(store, all(kind)).await;
        let key = |uuid: &str, finding: &Finding, state: FileState| {
            (uuid.to_owned(), finding.record.clone(), state)
        };
        let mut ours: Vec<_> =
            found.iter().map(|one| key(&one.image.uuid, &one.finding, one.state)).collect();
        let mut wanted: Vec<_> = model
            .iter()
            .map(|(image, finding, state)| key(&image.image.uuid, finding, *state))
            .collect();
        ours.sort();
        wanted.sort();
        assert_eq!(ours, wanted);
        let ids: BTreeSet<i64> = found.iter().map(|one| one.id).collect();
        assert_eq!(ids.len(), found.len(), "ids are unique");
        for one in &found {
            // Nothing of it is lost: the finding is the report's, its layer the image's own.
            let (image, finding, _) = model
                .iter()
                .find(|(image, finding, _)| {
                    image.image.uuid == one.image.uuid && finding.record == one.finding.record
                })
                .unwrap();
            let finding = Finding { suppressed: None, ..finding.clone() };
            assert_eq!((&one.finding, &one.image), (&finding, &image.image));
            assert_eq!(one.layer, finding.evidence[0].location.as_ref().unwrap().layer);
            assert_eq!((one.first_seen, one.level), (NOW, FileLevel::of(finding.level)));
        }
        let all_ids: Vec<i64> = ids.into_iter().collect();
        let mut again = store.files_by_id(kind, &all_ids).await.unwrap();
        let mut found = found;
        let order = |one: &FileInImage| one.id;
        again.sort_by_key(order);
        found.sort_by_key(order);
        assert_eq!(again, found, "a file is found by its id");
        let query = FilesQuery { states: [FileState::Open].into(), ..all(kind) };
        let open = store.files_in_images(&query).await.unwrap();
        let wanted = model.iter().filter(|(_, _, state)| *state == FileState::Open).count();
        assert_eq!(open.total, wanted as u64);
        let with = store.images_with_files(&all(kind)).await.unwrap();
        for one in &with.items {
            let of_image = model.iter().filter(|(image, ..)| image.image.uuid == one.image.uuid);
            let states: Vec<FileState> = of_image.map(|(_, _, state)| *state).collect();
            assert_eq!(one.files, states.len() as u64);
            assert_eq!(Some(one.state), states.into_iter().min());
        }
        let images: BTreeSet<&String> = model.iter().map(|(image, ..)| &image.image.uuid).collect();
        assert_eq!(with.total, images.len() as u64);
    }
}

fn all(kind: FileKind) -> FilesQuery {
    FilesQuery {
        kind,
        images: ImageSelection::default(),
        filter: FileFilter::default(),
        states: BTreeSet::new(),
        page: 1,
        page_size: 1_000,
    }
}

async fn check_groups(
    store: &Store,
    kind: FileKind,
    selection: &ImageSelection,
    model: &[(ImageRisk, Finding, FileState)],
) {
    let query = GroupedFilesQuery {
        kind,
        images: selection.clone(),
        filter: FileFilter::default(),
        page: 1,
        page_size: 100,
    };
    let groups = store.grouped_files(&query).await.unwrap();
    let mut by_key: BTreeMap<String, Vec<&(ImageRisk, Finding, FileState)>> = BTreeMap::new();
    let is_meant = |image: &ImageRisk| {
        selection.repo_namespace.as_ref().is_none_or(|wanted| image.image.namespace == *wanted)
    };
    for one in model.iter().filter(|(image, ..)| is_meant(image)) {
        let key = match kind {
            FileKind::Malicious => one.1.extra["md5"].clone(),
            FileKind::Sensitive => one.1.id.clone(),
        };
        by_key.entry(key).or_default().push(one);
    }
    assert_eq!(groups.total, by_key.len() as u64);
    assert_eq!(groups.items.len(), by_key.len());
    let order = |one: &plimsoll_store::FileGroup| {
        (one.images == 0, std::cmp::Reverse(one.level), std::cmp::Reverse(one.images))
    };
    assert!(groups.items.is_sorted_by_key(order));
    for group in &groups.items {
        let files = &by_key[&group.key];
        let images = |is_open: bool| {
            let of_state = files.iter().filter(|(_, _, state)| state.is_open() == is_open);
            of_state.map(|(image, ..)| &image.image.uuid).collect::<BTreeSet<_>>()
        };
        assert_eq!(group.images, images(true).len() as u64, "{}", group.key);
        let dealt_with = images(false).difference(&images(true)).count();
        assert_eq!(group.dealt_with, dealt_with as u64, "{}", group.key);
        assert_eq!(group.files, files.len() as u64, "{}", group.key);
        let level = files.iter().map(|(_, finding, _)| FileLevel::of(finding.level)).max();
        assert_eq!(Some(group.level), level);
        let state = files.iter().map(|(_, _, state)| *state).min();
        assert_eq!(Some(group.state), state);
        assert_eq!((group.first_seen, group.last_scanned), (NOW, Some(NOW)));
    }
}

fn event_rule(
    key: &str,
    by: EventConditionKey,
    value: &str,
    repository: Option<&str>,
) -> NewEventRule {
    NewEventRule {
        event_key: key.to_owned(),
        event_name: String::new(),
        conditions: vec![EventCondition {
            condition: by,
            comparison: EventComparison::Equals,
            value: value.to_owned(),
        }],
        scenario: EventScenario {
            of: repository.map_or(EventScenarioType::Default, |_| EventScenarioType::Repo),
            value: repository.unwrap_or_default().to_owned(),
        },
        note: String::new(),
        source: RuleSource::Image,
    }
}

fn rules() -> impl Strategy<Value = Vec<NewEventRule>> {
    let one = (0..3_usize, any::<bool>(), 0..2_usize, 0..4_usize).prop_map(
        |(key, by_path, which, place)| {
            let (by, value) = if by_path {
                (EventConditionKey::Path, format!("/etc/{which} key"))
            } else {
                (EventConditionKey::Md5, MD5S[which].to_owned())
            };
            // Clients write keys in any case.
            let key = KEYS[key].to_ascii_uppercase();
            event_rule(&key, by, &value, PATHS.get(place).copied())
        },
    );
    vec(one, 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn lists_are_what_the_reports_say(
        contents in vec(content(), 1..4),
        tags in vec(0..4_usize, 6),
        rules in rules(),
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let world = World::new(contents, &tags).await;
            world.check().await;
            let mut made = Vec::new();
            for rule in &rules {
                made.push(world.store().add_event_rule(rule, NOW).await.unwrap().id);
            }
            world.check().await;
            for id in made {
                world.store().remove_event_rule(id).await.unwrap();
            }
            world.check().await;
        });
    }
}

/// What is found again, by other detectors too, keeps its number and since when it is known; nothing is written for what is the
/// same.
#[tokio::test]
async fn a_second_scan_changes_neither_ids_nor_times() {
    let content = Content {
        malicious: [(0, 0, 2)].into(),
        sensitive: [(0, 0, true), (1, 1, false)].into(),
        whole: false,
    };
    let mut world = World::new(vec![content], &[0]).await;
    let list = |world: &World, kind| {
        let (store, query) = (world.store().clone(), all(kind));
        async move { store.files_in_images(&query).await.unwrap().items }
    };
    let before = [list(&world, FileKind::Malicious).await, list(&world, FileKind::Sensitive).await];
    assert_eq!((before[0].len(), before[1].len()), (1, 2));
    let digest = digest("content-0");
    world.store().enqueue(&digest, plimsoll_store::Origin::User, after(10)).await.unwrap();
    let tables = ["tasks", "registry_shares", "succeeded_scans"];
    let dump = world.fixture.dump(&tables).await;
    world.scan_queued(100).await;
    assert_eq!(world.fixture.dump(&tables).await, dump);
    // Other detectors find one more file, so that the part in which all stand is another one.
    world.contents[0].sensitive.insert((2, 0, true));
    world.store().enqueue(&digest, plimsoll_store::Origin::User, after(200)).await.unwrap();
    world.scan_queued(300).await;
    let now = [list(&world, FileKind::Malicious).await, list(&world, FileKind::Sensitive).await];
    assert_eq!((now[0].len(), now[1].len()), (1, 3));
    for one in before.iter().flatten() {
        let same = now.iter().flatten().find(|other| other.finding == one.finding).unwrap();
        assert_eq!((same.id, same.first_seen, same.scanned), (one.id, NOW, after(300)));
    }
    let new = now[1].iter().find(|one| one.finding.id == KEYS[2]).unwrap();
    assert_eq!(new.first_seen, after(300));
}

/// What the tag's content had before it moved is gone, and listed where it is asked for.
#[tokio::test]
async fn a_file_is_gone_when_the_tag_has_other_content() {
    let bad = Content { malicious: [(0, 0, 2), (1, 1, 1)].into(), ..Content::default() };
    let better = Content { malicious: [(1, 0, 1)].into(), ..Content::default() };
    let world = World::new(vec![bad, better], &[0]).await;
    let listing = SyncListing {
        images: vec![image(PATHS[0], "0", "content-1")],
        complete: vec![PATHS[0].to_owned()],
        ..SyncListing::default()
    };
    let registry = world.store().registries().await.unwrap().remove(0);
    world.store().apply_sync(registry.id, &listing, after(10)).await.unwrap();
    world.scan_queued(20).await;
    let query = FilesQuery { states: [FileState::Gone].into(), ..all(FileKind::Malicious) };
    let gone = world.store().files_in_images(&query).await.unwrap().items;
    assert_eq!(gone.len(), 1, "of the other content there is still a file");
    assert_eq!((gone[0].md5(), gone[0].state), (Some(MD5S[0]), FileState::Gone));
    assert_eq!(gone[0].digest, digest("content-0"));
    let present = world.store().files_in_images(&all(FileKind::Malicious)).await.unwrap().items;
    assert_eq!(present.iter().map(|one| one.md5()).collect::<Vec<_>>(), [Some(MD5S[1])]);
}

/// Filters by level, key and name; a hostile path is a path.
#[tokio::test]
async fn filters_are_combined() {
    let content = Content {
        malicious: [(0, 0, 2), (1, 1, 0)].into(),
        sensitive: [(0, 0, true), (1, 1, false), (2, 1, false)].into(),
        whole: false,
    };
    let world = World::new(vec![content, Content::default()], &[0, 1, 0]).await;
    let groups = |filter: FileFilter| {
        let store = world.store().clone();
        async move {
            let kind = FileKind::Malicious;
            let images = ImageSelection::default();
            let query = GroupedFilesQuery { kind, images, filter, page: 1, page_size: 10 };
            let page = store.grouped_files(&query).await.unwrap();
            page.items.into_iter().map(|group| (group.name, group.images)).collect::<Vec<_>>()
        }
    };
    let (shell, test) = (("WebShell".to_owned(), 2), ("Engtest".to_owned(), 2));
    assert_eq!(groups(FileFilter::default()).await, [shell.clone(), test.clone()]);
    let low = FileFilter { levels: [FileLevel::Low].into(), ..Default::default() };
    assert_eq!(groups(low).await, [test]);
    let named = FileFilter { name: Some("websh".to_owned()), ..Default::default() };
    assert_eq!(groups(named.clone()).await, [shell]);
    let none = FileFilter { keys: Some([MD5S[1].to_owned()].into()), ..named };
    assert_eq!(groups(none).await, []);
    let names = world.store().file_names(FileKind::Malicious, &BTreeSet::new()).await.unwrap();
    let wanted = [("Engtest", "ENGTEST_IMG"), ("WebShell", "WEBSHELL_IMG")];
    assert_eq!(names, wanted.map(|(name, key)| (name.to_owned(), key.to_owned())));
    let hidden = FileFilter { hidden: ["pem".to_owned()].into(), ..Default::default() };
    let query = FilesQuery { filter: hidden, ..all(FileKind::Sensitive) };
    let found = world.store().files_in_images(&query).await.unwrap();
    assert_eq!(found.total, 4);
    assert_eq!(world.store().files_by_id(FileKind::Malicious, &[-1, 0, 1]).await.unwrap(), []);
}
