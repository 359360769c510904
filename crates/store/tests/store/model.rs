//! Listing, ranking and searching against a naive model, on drawn fleets that change and drawn queries.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use plimsoll_model::{Digest, Finding, Kind, Level, RiskCounters};
use plimsoll_store::{
    Dimension, FindingSums, ImageRiskQuery, ImageRow, ImageSelection, Origin, RegistrySettings,
    RiskFilter, Scope, Store, SyncListing, SyncedImage, Workload, split_repository,
};
use proptest::prelude::*;

use crate::builders::{
    Fixture, NOW, after, digest, image, open, report, risk, settings, unreadable, vulnerability,
};

mod drawn;

use self::drawn::{CONTENTS, Fleet, Runs, Scan, fleets, queries};

const PATHS: [&str; 6] = ["app", "team/app", "team/web_1", "kube-system/app", "Z/app", "team/a/b"];
const TAGS: [&str; 4] = ["1", "2", "V1", "latest"];
const REGISTRIES: [&str; 3] = ["alpha", "hub", "Beta"];

fn index_of(content: usize) -> Digest {
    // Every other content has one platform only: there the tag names the manifest itself.
    if content.is_multiple_of(2) {
        digest(&format!("index {content}"))
    } else {
        manifest_of(content)
    }
}

fn manifest_of(content: usize) -> Digest {
    digest(&format!("content {content}"))
}

fn config_of(content: usize) -> Digest {
    digest(&format!("config of content {content}"))
}

fn authority(registry: usize) -> &'static str {
    ["alpha.test", "docker.io", "beta.test:5000"][registry]
}

fn findings(scan: &Scan) -> Option<Vec<Finding>> {
    let Scan::Finds { asap, later, nntf, baseline, malware, top } = scan else { return None };
    let mut findings = Vec::new();
    let mut add = |count: usize, make: &dyn Fn(usize) -> Finding| {
        findings.extend((0..count).map(make));
    };
    add(*asap, &|n| vulnerability(&format!("CVE-1-{n}"), "x", *top));
    add(*later, &|n| vulnerability(&format!("CVE-2-{n}"), "x", 90));
    add(*nntf, &|n| vulnerability(&format!("CVE-3-{n}"), "x", 20));
    for (count, level) in baseline.iter().zip([Level::High, Level::Medium, Level::Low]) {
        add(*count, &|n| risk(Kind::Baseline, &format!("{level}-{n}"), level));
    }
    add(*malware, &|n| risk(Kind::Malware, &format!("evil-{n}"), Level::Medium));
    Some(findings)
}

/// One image as the model knows it.
struct Modelled {
    row: ImageRow,
    registry: usize,
    /// `None`: not scanned with success.
    counters: Option<RiskCounters>,
    /// Cluster, namespace, app of what runs it.
    runs: BTreeSet<(&'static str, &'static str, &'static str)>,
}

/// An empty store with the three registries.
async fn empty() -> (Fixture, Vec<i64>) {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for (index, name) in REGISTRIES.into_iter().enumerate() {
        let mut settings = RegistrySettings { host: "alpha.test".to_owned(), ..settings(name) };
        if index == 1 {
            settings.host = "registry-1.docker.io".to_owned();
        } else if index == 2 {
            settings.host = "beta.test".to_owned();
            settings.port = Some(5000);
        }
        ids.push(fixture.store.add_registry(&settings, NOW).await.unwrap().id);
    }
    (fixture, ids)
}

/// Makes the store hold the fleet through its own methods, whatever it held before.
async fn bring(fixture: &Fixture, ids: &[i64], fleet: &Fleet) {
    for (index, id) in ids.iter().enumerate() {
        let images: Vec<SyncedImage> = fleet
            .images
            .iter()
            .filter(|image| image.0 == index)
            .map(|(_, path, tag, content, seconds)| SyncedImage {
                digest: index_of(*content),
                updated: Some(after(*seconds)),
                ..image(PATHS[*path], TAGS[*tag], &format!("content {content}"))
            })
            .collect();
        let paths: Vec<String> = PATHS.map(ToOwned::to_owned).to_vec();
        let listing = SyncListing {
            images,
            complete: paths.clone(),
            catalog: Some(paths),
            ..SyncListing::default()
        };
        fixture.store.apply_sync(*id, &listing, NOW).await.unwrap();
    }
    for content in 0..CONTENTS {
        fixture.store.enqueue(&manifest_of(content), Origin::User, NOW).await.unwrap();
    }
    while let Some(task) = fixture.store.claim("model", NOW).await.unwrap() {
        let content = (0..).find(|content| manifest_of(*content) == task.digest).unwrap();
        match &fleet.scans[content] {
            Scan::Never => {} // The lease just runs.
            Scan::Unreadable => {
                fixture.record(&task.lease, &unreadable(&task.digest), NOW).await;
            }
            finds => {
                let report = report(&task.digest, findings(finds).unwrap());
                fixture.record(&task.lease, &report, NOW).await;
            }
        }
    }
    // What was left to its lease can be scanned for the next fleet.
    fixture.store.release_worker("model", NOW).await.unwrap();
    for cluster in ["c1", "c2"] {
        let workloads: Vec<Workload> = fleet
            .containers
            .iter()
            .enumerate()
            .filter(|(_, container)| container.0 == cluster)
            .map(|(number, (_, namespace, app, runs))| workload(number, namespace, app, runs))
            .collect();
        fixture.store.replace_workloads(cluster, &workloads, NOW).await.unwrap();
    }
}

/// The images that the store holds, as the model knows them.
async fn modelled(fixture: &Fixture, ids: &[i64], fleet: &Fleet) -> Vec<Modelled> {
    let mut modelled = Vec::new();
    for (registry, id) in ids.iter().enumerate() {
        for path in PATHS {
            for row in fixture.store.images_of_repository(*id, path).await.unwrap() {
                modelled.push(model_of(row, registry, fleet));
            }
        }
    }
    modelled
}

/// What is known after a second fleet: a scan that did not succeed leaves what an earlier one found.
fn after_both(first: &Fleet, second: &Fleet) -> Fleet {
    let scans = (0..CONTENTS).map(|content| {
        let found = |fleet: &Fleet| {
            // Of two images at one place the later counts.
            let images = fleet.images.iter().map(|image| ((image.0, image.1, image.2), image.3));
            let has = images.collect::<BTreeMap<_, _>>().values().any(|other| *other == content);
            matches!(fleet.scans[content], Scan::Finds { .. }) && has
        };
        let kept = found(first) && !matches!(second.scans[content], Scan::Finds { .. });
        if kept { first.scans[content].clone() } else { second.scans[content].clone() }
    });
    Fleet { scans: scans.collect(), ..second.clone() }
}

fn workload(number: usize, namespace: &str, app: &str, runs: &Runs) -> Workload {
    let (image, digest) = match runs {
        Runs::Index(content) => ("written:1".to_owned(), Some(index_of(*content))),
        Runs::Manifest(content) => ("written:1".to_owned(), Some(manifest_of(*content))),
        Runs::Config(content) => ("written:1".to_owned(), Some(config_of(*content))),
        Runs::Unknown => (format!("{}/team/app:1", authority(0)), Some(digest("unknown"))),
        Runs::Reference { registry, path, tag } => {
            (format!("{}/{}:{}", authority(*registry), PATHS[*path], TAGS[*tag]), None)
        }
    };
    Workload {
        namespace: namespace.to_owned(),
        app: app.to_owned(),
        pod: format!("{app}-{number}"),
        container: "c".to_owned(),
        image,
        digest,
        detail: Default::default(),
    }
}

fn model_of(row: ImageRow, registry: usize, fleet: &Fleet) -> Modelled {
    let content = (0..).find(|content| manifest_of(*content) == row.manifest_digest).unwrap();
    let counters =
        findings(&fleet.scans[content]).map(|findings| RiskCounters::of_findings(&findings));
    let runs = fleet
        .containers
        .iter()
        .filter(|(_, _, _, runs)| match runs {
            Runs::Index(other) => {
                index_of(*other) == row.digest || index_of(*other) == row.manifest_digest
            }
            Runs::Manifest(other) | Runs::Config(other) => *other == content,
            Runs::Unknown => false,
            Runs::Reference { registry: other, path, tag } => {
                // A name of one segment on Docker Hub means `library/`; capitals are in no reference.
                *other == registry
                    && PATHS[*path] == row.path()
                    && TAGS[*tag] == row.tag
                    && (registry != 1 || PATHS[*path].contains('/'))
                    && !PATHS[*path].contains('Z')
            }
        })
        .map(|(cluster, namespace, app, _)| (*cluster, *namespace, *app))
        .collect();
    Modelled { row, registry, counters, runs }
}

fn is_listed(image: &Modelled, query: &ImageRiskQuery) -> bool {
    let given = |filter: &Option<String>| filter.clone().filter(|text| !text.is_empty());
    let (cluster, app, namespace) =
        (given(&query.cluster_id), given(&query.app_name), given(&query.namespace));
    let is =
        |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    let runs_so = image.runs.iter().any(|(in_cluster, in_namespace, as_app)| {
        is(&cluster, in_cluster) && is(&namespace, in_namespace) && is(&app, as_app)
    });
    let placed = if cluster.is_some() || app.is_some() {
        runs_so
    } else {
        is(&namespace, &image.row.namespace) || (namespace.is_some() && runs_so)
    };
    let reference = format!("{}/{}:{}", authority(image.registry), image.row.path(), image.row.tag);
    let holds =
        |text: &str, part: &str| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
    let names = format!("{reference} {}", REGISTRIES[image.registry]);
    let begins = |word: &str| {
        let word = word.to_ascii_lowercase();
        let hex = word.strip_prefix("sha256:").unwrap_or(&word);
        let row = &image.row;
        let ids =
            [row.digest.hex(), row.manifest_digest.hex(), row.image_id.hex(), row.uuid.clone()];
        word == "sha256:"
            || (hex.chars().filter(char::is_ascii_hexdigit).count() >= 4
                && ids.iter().any(|id| id.starts_with(hex)))
    };
    placed
        && given(&query.image_name).is_none_or(|name| holds(&reference, &name))
        && is(&given(&query.registry), REGISTRIES[image.registry])
        && query
            .text
            .iter()
            .flat_map(|text| text.split_whitespace())
            .all(|word| holds(&names, word) || begins(word))
        && match query.risk {
            None => true,
            Some(RiskFilter::NotScanned) => image.counters.is_none(),
            Some(RiskFilter::Level(level)) => {
                image.counters.is_some_and(|counters| counters.risk_level() == level)
            }
        }
}

fn ties(image: &Modelled) -> (String, String, String, String, &'static str) {
    let row = &image.row;
    let (namespace, repository) =
        split_repository(PATHS.into_iter().find(|path| *path == row.path()).unwrap());
    (
        namespace.to_owned(),
        repository.to_owned(),
        row.tag.clone(),
        row.manifest_digest.to_string(),
        REGISTRIES[image.registry],
    )
}

fn listed<'a>(images: &'a [Modelled], query: &ImageRiskQuery) -> Vec<&'a Modelled> {
    let mut listed: Vec<&Modelled> =
        images.iter().filter(|image| is_listed(image, query)).collect();
    listed.sort_by_key(|image| {
        let counters = image.counters.unwrap_or_default();
        let level = image.counters.map_or(-1, |counters| i16::from(counters.risk_level()));
        (
            Reverse(level),
            Reverse([counters.asap, counters.later, counters.nntf]),
            Reverse([counters.baseline_high, counters.baseline_medium, counters.baseline_low]),
            ties(image),
        )
    });
    listed
}

fn ranked(images: &[Modelled], dimension: Dimension, scope: Scope, limit: usize) -> Vec<String> {
    let mut newest: BTreeMap<_, &Modelled> = BTreeMap::new();
    for image in images.iter().filter(|image| scope == Scope::All || image.registry == 1) {
        let Some(counters) = image.counters else { continue };
        let counts = match dimension {
            Dimension::VulAsap => counters.asap,
            Dimension::Baseline => counters.baseline(),
        };
        if counts == 0 {
            continue;
        }
        let key = (image.registry, image.row.path(), image.row.manifest_digest);
        let prefer = |image: &Modelled| (Reverse(image.row.updated), image.row.tag.clone());
        let kept = newest.entry(key).or_insert(image);
        if prefer(image) < prefer(kept) {
            *kept = image;
        }
    }
    let mut ranked: Vec<&Modelled> = newest.into_values().collect();
    ranked.sort_by_key(|image| {
        let c = image.counters.unwrap();
        let order = match dimension {
            Dimension::VulAsap => [c.asap, c.later, c.nntf, c.top_tenths],
            Dimension::Baseline => [c.baseline_high, c.baseline_medium, c.baseline_low, 0],
        };
        (Reverse(order), ties(image))
    });
    ranked.into_iter().take(limit).map(|image| image.row.uuid.clone()).collect()
}

/// The list, the rankings and the sums of one fleet, then of another that took its place; read by the process that
/// writes and by another that only looks.
async fn check(
    first: Fleet,
    second: Fleet,
    queries: Vec<ImageRiskQuery>,
) -> Result<(), TestCaseError> {
    let (fixture, ids) = empty().await;
    let other = open(fixture.folder.path()).await;
    bring(&fixture, &ids, &first).await;
    let images = modelled(&fixture, &ids, &first).await;
    for store in [&fixture.store, &other] {
        agree(store, &images, &queries).await?;
    }
    bring(&fixture, &ids, &second).await;
    let images = modelled(&fixture, &ids, &after_both(&first, &second)).await;
    for store in [&other, &fixture.store] {
        agree(store, &images, &queries).await?;
    }
    Ok(())
}

async fn agree(
    store: &Store,
    images: &[Modelled],
    queries: &[ImageRiskQuery],
) -> Result<(), TestCaseError> {
    for query in queries {
        let wanted = listed(images, query);
        let found = store.list_image_risk(query).await.unwrap();
        prop_assert_eq!(usize::try_from(found.total).unwrap(), wanted.len(), "{:?}", query);
        let before = (found.page as usize - 1) * query.page_size as usize;
        let page: Vec<_> = wanted
            .iter()
            .skip(before)
            .take(query.page_size as usize)
            .map(|image| &image.row)
            .collect();
        let rows: Vec<_> = found.items.iter().map(|item| &item.image).collect();
        prop_assert_eq!(rows, page, "{:?}", query);
        for (item, image) in found.items.iter().zip(wanted.iter().skip(before)) {
            prop_assert_eq!(item.counters, image.counters.unwrap_or_default());
            prop_assert_eq!(item.scanned.is_some(), image.counters.is_some());
            prop_assert_eq!(item.registry.settings.name.as_str(), REGISTRIES[image.registry]);
            prop_assert_eq!(&store.image_risk(&item.image.uuid).await.unwrap().unwrap(), item);
        }
    }
    for scope in [Scope::All, Scope::DockerHub] {
        for (dimension, limit) in
            [(Dimension::VulAsap, 100), (Dimension::Baseline, 100), (Dimension::VulAsap, 3)]
        {
            let entries = store.rank(dimension, scope, limit).await.unwrap();
            let found: Vec<String> = entries.into_iter().map(|entry| entry.image.uuid).collect();
            let wanted = ranked(images, dimension, scope, limit as usize);
            prop_assert_eq!(found, wanted, "{:?} {:?}", dimension, scope);
        }
        let in_scope = |image: &&Modelled| scope == Scope::All || image.registry == 1;
        let counters: Vec<RiskCounters> =
            images.iter().filter(in_scope).filter_map(|image| image.counters).collect();
        let statistic = store.risk_statistic(scope).await.unwrap();
        prop_assert_eq!(statistic.scanned, counters.len() as u64);
        prop_assert_eq!(statistic.asap, counters.iter().map(|c| u64::from(c.asap)).sum::<u64>());
        prop_assert_eq!(
            statistic.baseline,
            counters.iter().map(|c| u64::from(c.baseline())).sum::<u64>()
        );
        prop_assert_eq!(statistic.scan_time, (!counters.is_empty()).then_some(NOW));
        for search in ["app", "app:1", "team/app", "team/app:V1", "a/b", "team/a/b", "ap", "web%1"]
        {
            check_search(store, images, search, scope).await?;
        }
    }
    check_sums(store, images).await?;
    let overview = store.risk_overview().await.unwrap();
    let level = |level: i16| {
        let of = |image: &Modelled| image.counters.map_or(-1, |c| i16::from(c.risk_level()));
        images.iter().filter(|image| of(image) == level).count() as u64
    };
    prop_assert_eq!(
        [overview.high, overview.medium, overview.low, overview.none, overview.not_scanned],
        [level(3), level(2), level(1), level(0), level(-1)]
    );
    prop_assert_eq!(overview.images, images.len() as u64);
    Ok(())
}

/// The sums over findings, of all images and of selections.
async fn check_sums(store: &Store, images: &[Modelled]) -> Result<(), TestCaseError> {
    let none = ImageSelection::default;
    let mut selections: Vec<(ImageSelection, Vec<&Modelled>)> =
        vec![(none(), images.iter().collect())];
    for cluster in ["c1", "c3"] {
        let there = |image: &&Modelled| image.runs.iter().any(|place| place.0 == cluster);
        let selection = ImageSelection { cluster_id: Some(cluster.to_owned()), ..none() };
        selections.push((selection, images.iter().filter(there).collect()));
    }
    if let [first, .., last] = images {
        let uuid = first.row.uuid.replace('-', "");
        let one = ImageSelection { uuid: Some(uuid.clone()), ..none() };
        let same = |image: &&Modelled| image.row.uuid == first.row.uuid;
        selections.push((one, images.iter().filter(same).collect()));
        let two = ImageSelection { uuids: vec![uuid, last.row.uuid.clone()], ..none() };
        let either = |image: &&Modelled| same(image) || image.row.uuid == last.row.uuid;
        selections.push((two, images.iter().filter(either).collect()));
        let digest = ImageSelection {
            digest: Some(last.row.manifest_digest),
            tag: Some(last.row.tag.clone()),
            region_id: Some("cn-hangzhou".to_owned()),
            ..none()
        };
        let content = |image: &&Modelled| {
            image.row.manifest_digest == last.row.manifest_digest && image.row.tag == last.row.tag
        };
        selections.push((digest, images.iter().filter(content).collect()));
        let repository = ImageSelection { repo_id: Some(first.row.repo_id.clone()), ..none() };
        let beside = |image: &&Modelled| image.row.repo_id == first.row.repo_id;
        selections.push((repository, images.iter().filter(beside).collect()));
    }
    for (selection, images) in selections {
        let mut wanted = FindingSums::default();
        for counters in images.iter().filter_map(|image| image.counters) {
            wanted.cve += u64::from(counters.cve);
            wanted.sca += u64::from(counters.sca);
            wanted.baseline += u64::from(counters.baseline());
            wanted.malicious += u64::from(
                counters.malicious_serious
                    + counters.malicious_suspicious
                    + counters.malicious_remind,
            );
        }
        prop_assert_eq!(store.finding_sums(&selection).await.unwrap(), wanted, "{:?}", selection);
    }
    Ok(())
}

async fn check_search(
    store: &Store,
    images: &[Modelled],
    search: &str,
    scope: Scope,
) -> Result<(), TestCaseError> {
    let (path, tag) =
        search.split_once(':').map_or((search, None), |(path, tag)| (path, Some(tag)));
    let mut wanted: Vec<&Modelled> = images
        .iter()
        .filter(|image| image.counters.is_some() && (scope == Scope::All || image.registry == 1))
        .filter(|image| tag.is_none_or(|tag| tag == image.row.tag))
        .filter(|image| {
            let whole = image.row.path();
            image.row.repository == path || (path.contains('/') && whole == path)
        })
        .collect();
    wanted.sort_by_key(|image| ties(image));
    let found = store.search_images(search, scope, 1_000).await.unwrap();
    let found: Vec<&str> = found.iter().map(|entry| entry.image.uuid.as_str()).collect();
    let wanted: Vec<&str> = wanted.iter().map(|image| image.row.uuid.as_str()).collect();
    prop_assert_eq!(found, wanted, "{}", search);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn store_and_model_agree(
        first in fleets(),
        second in fleets(),
        queries in prop::collection::vec(queries(), 8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(first, second, queries))?;
    }
}
