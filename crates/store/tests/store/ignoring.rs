//! Ignore rules against a naive model: every number of every image is what its report says without what the rules cover.

mod steps;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{
    Digest, Finding, ImageNames, Kind, Level, NewIgnoreRule, Priority, Report, RiskCounters,
    RuleSource, RuleType, Timestamp,
};
use plimsoll_store::{
    Dimension, FindingSums, IgnoreError, ImageRisk, ImageRiskQuery, ImageSelection, Origin,
    RecordOutcome, Registry, ScanRecord, Scope, Store, SyncListing, image_uuid,
};
use proptest::prelude::*;

use crate::{
    builders::{DETECTORS, Fixture, NOW, after, digest, image, open, report, risk, vulnerability},
    inventories::refresh,
    judge::{TestJudge, scan},
};

use self::steps::{rule, rules, steps, take};

const CONTENTS: [&str; 5] = ["a", "b", "c", "d", "whole"];
const PATHS: [&str; 3] = ["team/a", "team/b", "other"];
const BOTH: &[&str] = &["1", "2"];

/// A fleet with all that it is made of.
pub(crate) struct World {
    fixture: Fixture,
    registry: Registry,
    judge: Arc<TestJudge>,
    now: Timestamp,
}

fn first() -> TestJudge {
    TestJudge::new(
        "snapshot-1",
        &[
            ("openssl", BOTH, "CVE-1", 80),
            ("curl", BOTH, "CVE-1", 140),
            ("libc6", BOTH, "CVE-2", 20),
            ("curl", BOTH, "CVE-3", 140),
            ("zlib", BOTH, "CVE-4", 90),
        ],
    )
}

fn second(alias: &'static str) -> TestJudge {
    let mut judge = TestJudge::new(
        "snapshot-2",
        &[
            ("openssl", BOTH, "CVE-1", 140),
            ("curl", BOTH, "CVE-3", 20),
            ("libc6", BOTH, "CVE-2", 20),
            ("libc6", BOTH, "CVE-5", 90),
            ("zlib", BOTH, "CVE-4", 90),
        ],
    );
    judge.alias = alias;
    judge
}

/// What a scan says of a content.
fn report_of(judge: &TestJudge, content: &str) -> Report {
    let manifest = digest(content);
    let packages: &[(&str, &str)] = match content {
        "a" => &[("openssl", "1"), ("curl", "1"), ("libc6", "1")],
        "b" => &[("openssl", "1"), ("libc6", "1"), ("zlib", "2")],
        "c" => &[("zlib", "1")],
        "d" => &[],
        _ => {
            let mut library = vulnerability("CVE-1", "x", 90);
            library.record = "imgsca:python:x:CVE-1".to_owned();
            let findings = vec![
                vulnerability("CVE-1", "openssl", 80),
                vulnerability("CVE-2", "libc6", 20),
                vulnerability("CVE-2", "curl", 140),
                risk(Kind::Baseline, "root", Level::Medium),
                file(Kind::Malware, "miner", Level::High),
                risk(Kind::Build, "add", Level::Medium),
                library,
            ];
            return Report {
                feed: plimsoll_store::Judge::feed(judge),
                ..report(&manifest, findings)
            };
        }
    };
    let checks: &[&str] = match content {
        "a" => &["shadow", "root"],
        "b" => &["root"],
        _ => &[],
    };
    let mut scanned = scan(judge, &manifest, &["base", content], packages, checks);
    if content == "a" || content == "c" {
        scanned.findings.extend([
            file(Kind::Malware, "miner", Level::High),
            file(Kind::Malware, "shell", Level::Low),
            file(Kind::Secret, "pem", Level::Medium),
            risk(Kind::Build, "add", Level::Medium),
        ]);
        scanned.findings.sort_by(Finding::compare_urgency);
    }
    scanned
}

/// A finding about a file of which the MD5 is known.
fn file(kind: Kind, id: &str, level: Level) -> Finding {
    let mut finding = risk(kind, id, level);
    finding.record = format!("{kind}:{id}:etc");
    finding.extra.insert("md5".to_owned(), md5(id));
    finding
}

fn md5(id: &str) -> String {
    digest(id).hex().chars().take(32).collect()
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let registry = fixture.registry("build").await;
        let judge = Arc::new(first());
        let world = Self { fixture, registry, judge, now: NOW };
        let images: Vec<(usize, usize)> =
            (0..PATHS.len() * 2).map(|n| (n, n % CONTENTS.len())).collect();
        world.bring(&images).await;
        world
    }

    pub(crate) fn store(&self) -> &Store {
        &self.fixture.store
    }

    /// Makes the registry hold these images: place (path and tag) and content.
    async fn bring(&self, images: &[(usize, usize)]) {
        let places: BTreeMap<usize, usize> = images.iter().copied().collect();
        let images = places.iter().map(|(place, content)| {
            image(PATHS[place / 2], &(place % 2).to_string(), CONTENTS[*content])
        });
        let paths: Vec<String> = PATHS.map(ToOwned::to_owned).to_vec();
        let listing = SyncListing {
            images: images.collect(),
            complete: paths.clone(),
            catalog: Some(paths),
            ..SyncListing::default()
        };
        self.store().apply_sync(self.registry.id, &listing, self.now).await.unwrap();
        self.scan_queued().await;
    }

    async fn scan_queued(&self) {
        while let Some(task) = self.store().claim("test/1", self.now).await.unwrap() {
            let content = CONTENTS.into_iter().find(|one| digest(one) == task.digest).unwrap();
            let report = report_of(&self.judge, content);
            let scan = ScanRecord { report: &report, detectors_version: DETECTORS };
            let store = self.store();
            let outcome = if content == "whole" {
                store.record_scan(&task.lease, scan, self.now).await.unwrap()
            } else {
                let judge = self.judge.as_ref();
                store.record_inventory(&task.lease, scan, judge, self.now).await.unwrap()
            };
            assert!(matches!(outcome, RecordOutcome::Stored | RecordOutcome::Unchanged));
        }
    }

    async fn list(&self) -> Vec<ImageRisk> {
        let query = ImageRiskQuery { page_size: 100, ..ImageRiskQuery::default() };
        self.store().list_image_risk(&query).await.unwrap().items
    }

    /// Findings of an image by whether a rule covers them, and with which.
    pub(crate) async fn findings(&self, risk: &ImageRisk) -> Vec<(Finding, BTreeSet<i64>)> {
        let image = &risk.image;
        let report = self.store().artifact_report(&image.manifest_digest).await.unwrap();
        let names = ImageNames {
            uuid: &image.uuid,
            digests: [&image.digest, &image.manifest_digest, &image.image_id],
            path: &image.path(),
        };
        let rules = self.store().ignore_rules().await.unwrap();
        let holding: Vec<_> = rules
            .iter()
            .map(|one| &one.rule)
            .filter(|one| !one.expired && one.rule.holds_in(names))
            .collect();
        let covered = |finding: &Finding| {
            holding.iter().filter(|one| one.rule.covers(finding)).map(|one| one.id).collect()
        };
        let findings = report.unwrap().findings;
        findings.into_iter().map(|finding| (finding.clone(), covered(&finding))).collect()
    }

    /// Everything that is read is what the reports say without what the rules cover.
    async fn check(&self, other: &Store) {
        let mut sums = FindingSums::default();
        let mut levels: BTreeMap<u8, u64> = BTreeMap::new();
        let list = self.list().await;
        for risk in &list {
            let findings = self.findings(risk).await;
            let left: Vec<Finding> = findings
                .iter()
                .filter(|(_, rules)| rules.is_empty())
                .map(|(finding, _)| finding.clone())
                .collect();
            let wanted = RiskCounters::of_findings(&left);
            assert_eq!(risk.counters, wanted, "{}", risk.image.path());
            let report = self.store().image_report(&risk.image.uuid).await.unwrap().unwrap();
            assert_eq!(RiskCounters::of(&report), wanted);
            assert_eq!(report.findings.len(), findings.len(), "nothing is deleted");
            // I1, I2, I3.
            assert_eq!(wanted.vulnerabilities(), wanted.asap + wanted.later + wanted.nntf);
            let one = self.store().image_risk(&risk.image.uuid).await.unwrap().unwrap();
            assert_eq!(one.counters, wanted);
            let selection =
                ImageSelection { uuid: Some(risk.image.uuid.clone()), ..ImageSelection::default() };
            let own = self.store().finding_sums(&selection).await.unwrap();
            let ignored = self.store().ignored_sums(&selection).await.unwrap();
            let whole = RiskCounters::of_findings(
                &findings.iter().map(|(finding, _)| finding.clone()).collect::<Vec<_>>(),
            );
            assert_eq!(own.cve + ignored.cve, u64::from(whole.cve));
            assert_eq!(own.sca + ignored.sca, u64::from(whole.sca));
            assert_eq!(own.baseline + ignored.baseline, u64::from(whole.baseline()));
            assert_eq!(own.malicious + ignored.malicious, u64::from(whole.malicious()));
            // I8: the sums of one image are its lists' lengths.
            let records = |of_type| {
                let of = left.iter().filter(|finding| {
                    finding.kind == Kind::Vulnerability
                        && RuleType::of_record(&finding.record) == of_type
                });
                of.map(|finding| finding.record.as_str()).collect::<BTreeSet<_>>().len() as u64
            };
            assert_eq!((own.cve, own.sca), (records(RuleType::Cve), records(RuleType::Sca)));
            for (sum, more) in [
                (&mut sums.cve, own.cve),
                (&mut sums.sca, own.sca),
                (&mut sums.baseline, own.baseline),
                (&mut sums.malicious, own.malicious),
            ] {
                *sum += more;
            }
            *levels.entry(wanted.risk_level()).or_default() += 1;
            self.check_ignored(risk, &findings, &left).await;
            let lead =
                self.store().lead_findings(std::slice::from_ref(&risk.image.uuid)).await.unwrap();
            assert_eq!(lead.values().next().map(|lead| lead.id.clone()), lead_of(&left));
        }
        for store in [self.store(), other] {
            assert_eq!(store.finding_sums(&ImageSelection::default()).await.unwrap(), sums);
            // I11.
            let overview = store.risk_overview().await.unwrap();
            let of = |level: u8| levels.get(&level).copied().unwrap_or_default();
            assert_eq!(
                (overview.high, overview.medium, overview.low, overview.none),
                (of(3), of(2), of(1), of(0))
            );
            for dimension in [Dimension::VulAsap, Dimension::Baseline] {
                let ranked = store.rank(dimension, Scope::All, 100).await.unwrap();
                for entry in &ranked {
                    let listed = list.iter().find(|risk| risk.image == entry.image).unwrap();
                    assert_eq!(entry.counters, listed.counters);
                }
                let has = |counters: &RiskCounters| match dimension {
                    Dimension::VulAsap => counters.asap > 0,
                    Dimension::Baseline => counters.baseline() > 0,
                };
                let contents = |images: &mut dyn Iterator<Item = (String, Digest)>| {
                    images.collect::<BTreeSet<_>>()
                };
                let wanted = contents(
                    &mut list
                        .iter()
                        .filter(|risk| has(&risk.counters))
                        .map(|risk| (risk.image.path(), risk.image.manifest_digest)),
                );
                let found = contents(
                    &mut ranked
                        .iter()
                        .map(|entry| (entry.image.path(), entry.image.manifest_digest)),
                );
                assert_eq!(found, wanted);
                let key = |c: &RiskCounters| match dimension {
                    Dimension::VulAsap => [c.asap, c.later, c.nntf, c.top_tenths],
                    Dimension::Baseline => [c.baseline_high, c.baseline_medium, c.baseline_low, 0],
                };
                assert!(
                    ranked.is_sorted_by(|one, other| key(&one.counters) >= key(&other.counters))
                );
            }
            let query = ImageRiskQuery { page_size: 100, ..ImageRiskQuery::default() };
            assert_eq!(store.list_image_risk(&query).await.unwrap().items, list);
        }
        crate::items::check(self, &list).await;
        // I15: what differs for one digest differs by rules alone.
        let mut by_digest: BTreeMap<Digest, BTreeMap<BTreeSet<(String, i64)>, RiskCounters>> =
            BTreeMap::new();
        for risk in &list {
            let ignored = self.store().ignored_records(&risk.image.uuid).await.unwrap();
            let ignored = ignored.into_iter().map(|one| (one.record, one.rule.id)).collect();
            let known = by_digest.entry(risk.image.manifest_digest).or_default();
            assert_eq!(*known.entry(ignored).or_insert(risk.counters), risk.counters);
        }
    }

    async fn check_ignored(
        &self,
        risk: &ImageRisk,
        findings: &[(Finding, BTreeSet<i64>)],
        left: &[Finding],
    ) {
        let mut wanted: BTreeMap<(String, i64), (String, Option<Priority>, bool)> = BTreeMap::new();
        for (finding, rules) in findings {
            for rule in rules {
                let is_whole = !left.iter().any(|other| other.record == finding.record);
                let known = wanted
                    .entry((finding.record.clone(), *rule))
                    .or_insert_with(|| (finding.id.clone(), finding.priority, is_whole));
                known.1 = known.1.max(finding.priority);
            }
        }
        let found = self.store().ignored_records(&risk.image.uuid).await.unwrap();
        let found: BTreeMap<_, _> = found
            .into_iter()
            .map(|one| ((one.record, one.rule.id), (one.id, one.priority, one.is_whole)))
            .collect();
        assert_eq!(found, wanted);
    }
}

/// The most urgent finding, by the words of `lead_findings`.
fn lead_of(left: &[Finding]) -> Option<String> {
    let key = |finding: &Finding| {
        let class = match (finding.kind, finding.priority, finding.level) {
            (Kind::Build, ..) => 3,
            (_, Some(Priority::Asap), _) => 0,
            (_, Some(Priority::Later), _) => 1,
            (_, Some(Priority::Nntf), _) => 2,
            (_, None, Level::High) => 0,
            (_, None, Level::Medium) => 1,
            (_, None, _) => 2,
        };
        let kind = match finding.kind {
            Kind::Malware => 0,
            Kind::Vulnerability => 1,
            Kind::Baseline => 2,
            _ => 3,
        };
        let tenths = finding.urgency.as_ref().map_or(0, |urgency| urgency.tenths);
        (class, kind, std::cmp::Reverse(tenths), finding.id.clone())
    };
    left.iter().min_by_key(|finding| key(finding)).map(|finding| finding.id.clone())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn numbers_are_what_reports_say_without_what_rules_cover(steps in prop::collection::vec(steps(), 1..10)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            let other = open(world.fixture.folder.path()).await;
            for step in steps {
                take(&mut world, step).await;
                world.check(&other).await;
            }
            // Without rules nothing is left of them.
            let ids: Vec<i64> =
                world.store().ignore_rules().await.unwrap().iter().map(|one| one.rule.id).collect();
            world.store().remove_ignore_rules(&ids, world.now).await.unwrap();
            world.check(&other).await;
            let dump = world.fixture.dump(&[]).await;
            for table in ["ignore_rules: ", "image_counters: ", "ignored_records: "] {
                prop_assert!(!dump.iter().any(|row| row.starts_with(table)));
            }
            Ok(())
        })?;
    }

    /// I12.
    #[test]
    fn a_rule_lowers_one_tier_by_one_and_nothing_else(place in 0..2_usize, again in rules()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let given = NewIgnoreRule { expires: None, ..again };
            world.store().add_ignore_rule(&given, world.now).await.unwrap();
            let record = ["debian:12:CVE-1", "imgsca:python:x:CVE-1"][place];
            let before = world.list().await;
            let open: BTreeSet<String> = open_in(&world, &before, record).await;
            // What was, is remembered.
            let without =
                ["ignore_rules", "sqlite_sequence", "list_changes", "image_counter_history"];
            let dump = world.fixture.dump(&without).await;
            let added = match world.store().add_ignore_rule(&rule(record), world.now).await {
                Ok(added) => added,
                // The drawn rule is the same.
                Err(IgnoreError::Duplicate { .. }) => return Ok(()),
                Err(error) => panic!("{error}"),
            };
            for after in world.list().await {
                let before = before.iter().find(|one| one.image.uuid == after.image.uuid).unwrap();
                let (was, is) = (before.counters, after.counters);
                if !open.contains(&after.image.uuid) {
                    prop_assert_eq!(was, is);
                    continue;
                }
                let tiers = [(was.asap, is.asap), (was.later, is.later), (was.nntf, is.nntf)];
                prop_assert_eq!(was.vulnerabilities(), is.vulnerabilities() + 1);
                prop_assert_eq!(tiers.iter().filter(|(was, is)| was != is).count(), 1);
                prop_assert_eq!(
                    RiskCounters { cve: 0, sca: 0, asap: 0, later: 0, nntf: 0, top_tenths: 0, ..was },
                    RiskCounters { cve: 0, sca: 0, asap: 0, later: 0, nntf: 0, top_tenths: 0, ..is }
                );
            }
            world.store().remove_ignore_rules(&[added.id], world.now).await.unwrap();
            prop_assert_eq!(world.list().await, before);
            prop_assert_eq!(world.fixture.dump(&without).await, dump);
            Ok(())
        })?;
    }
}

/// Ids of the images in which a record counts.
async fn open_in(world: &World, list: &[ImageRisk], record: &str) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    for risk in list {
        let findings = world.findings(risk).await;
        if findings.iter().any(|(finding, rules)| finding.record == record && rules.is_empty()) {
            open.insert(risk.image.uuid.clone());
        }
    }
    open
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_knows_what_it_does_and_when_it_last_did() {
    let world = World::new().await;
    let store = world.store();
    let added = store.add_ignore_rule(&rule("CVE-4"), after(1)).await.unwrap();
    let unused = store.add_ignore_rule(&rule("CVE-99"), after(2)).await.unwrap();
    let use_of = async |id| store.ignore_rule(id).await.unwrap().unwrap();
    let used = use_of(added.id).await;
    assert_eq!((used.images, used.records, used.last_used), (2, 1, Some(after(1))));
    assert!(!used.is_unused());
    let of_unused = use_of(unused.id).await;
    assert_eq!((of_unused.images, of_unused.last_used), (0, None));
    assert!(of_unused.is_unused());
    let ignored = store.ignored_in(&["debian:12:CVE-4".to_owned()]).await.unwrap();
    assert_eq!(
        (ignored.len(), ignored[0].images, ignored[0].priority),
        (1, 2, Some(Priority::Later))
    );
    // A registry that goes takes the use along.
    store.remove_registry("build", after(9)).await.unwrap();
    let used = use_of(added.id).await;
    assert_eq!((used.images, used.last_used), (0, Some(after(9))));
    let rules = store.ignore_rules().await.unwrap();
    assert_eq!(rules.iter().map(|one| one.rule.id).collect::<Vec<_>>(), [unused.id, added.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_refused_where_another_says_the_same_or_none_is() {
    let world = World::new().await;
    let store = world.store();
    let added = store.add_ignore_rule(&rule("CVE-4"), NOW).await.unwrap();
    let error = store.add_ignore_rule(&rule("cve-4"), NOW).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("rule {} ignores `CVE-4` there already: change that one", added.id)
    );
    let two = [rule("CVE-5"), rule("CVE-4")];
    assert!(store.add_ignore_rules(&two, NOW).await.is_err(), "all or none");
    assert_eq!(store.ignore_rules().await.unwrap().len(), 1);
    let other = store.change_ignore_rule(77, &rule("CVE-1"), NOW).await.unwrap_err();
    assert_eq!(other.to_string(), "there is no ignore rule 77");
    assert!(store.remove_ignore_rules(&[added.id, 77], NOW).await.is_err());
    assert_eq!(store.ignore_rules().await.unwrap().len(), 1);
    assert!(matches!(store.add_ignore_rule(&rule(""), NOW).await, Err(IgnoreError::Rule(_))));
    // The same again writes nothing; one that ran out can be given a new time.
    let before = world.fixture.bytes().await;
    store.change_ignore_rule(added.id, &rule("CVE-4"), after(5)).await.unwrap();
    assert_eq!(world.fixture.bytes().await, before);
    let short = NewIgnoreRule { expires: Some(after(10)), ..rule("CVE-4") };
    store.change_ignore_rule(added.id, &short, after(5)).await.unwrap();
    assert_eq!(store.expire_ignore_rules(after(9)).await.unwrap(), []);
    assert_eq!(store.expire_ignore_rules(after(10)).await.unwrap().len(), 1);
    assert!(store.ignore_rule(added.id).await.unwrap().unwrap().rule.expired);
    let longer = NewIgnoreRule { expires: Some(after(99)), ..short };
    store.change_ignore_rule(added.id, &longer, after(11)).await.unwrap();
    let used = store.ignore_rule(added.id).await.unwrap().unwrap();
    assert_eq!((used.rule.expired, used.images, used.rule.modified), (false, 2, after(11)));
}
