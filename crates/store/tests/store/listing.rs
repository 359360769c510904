//! The risk list and the ranking where a drawn fleet would not go.

use std::collections::BTreeMap;

use plimsoll_model::{Kind, Level, Timestamp};
use plimsoll_store::{
    Dimension, ImageRiskQuery, RegistrySettings, Scope, SearchError, Store, SyncListing,
    SyncedImage, TaskState,
};

use crate::{
    builders::{Fixture, NOW, after, digest, image, open, report, risk, settings, vulnerability},
    outside::{on_postgres, plan},
};

#[tokio::test]
async fn pages_end_and_odd_pages_are_taken_as_documented() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let images: Vec<_> =
        (0..45).map(|n| image("app", &format!("{n:02}"), &n.to_string())).collect();
    fixture.sync(&registry, &images).await;
    let page = async |page, page_size| {
        let query = ImageRiskQuery { page, page_size, ..ImageRiskQuery::default() };
        fixture.store.list_image_risk(&query).await.unwrap()
    };
    let mut tags = Vec::new();
    for number in 1..=3 {
        let found = page(number, 20).await;
        assert_eq!((found.total, found.page, found.page_size), (45, number, 20));
        tags.extend(found.items.into_iter().map(|item| item.image.tag));
    }
    assert_eq!(tags.len(), 45);
    assert!(tags.is_sorted(), "no numbers yet: by name");
    assert_eq!(page(4, 20).await.items.len(), 0);
    assert_eq!(page(0, 20).await.page, 1);
    let nothing = page(1, 0).await;
    assert_eq!((nothing.items.len(), nothing.total), (0, 45));
    assert_eq!(page(u32::MAX, u32::MAX).await.total, 45);
}

#[tokio::test]
async fn an_image_that_was_never_scanned_is_listed_with_zeros_and_ranked_nowhere() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("app", "1", "a")]).await;
    let list = async || fixture.store.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
    let item = &list().await.items[0];
    assert_eq!((item.scanned, item.verdict, item.counters), (None, None, Default::default()));
    assert_eq!(item.task.as_ref().unwrap().state, TaskState::Queued);
    assert_eq!(item.platform, "linux/amd64");
    assert!(item.registry.settings.password.is_none());
    let found = report(&digest("a"), vec![vulnerability("CVE-1", "x", 140)]);
    fixture.scan_all(&BTreeMap::from([(digest("a"), found)]), after(5)).await;
    let item = &list().await.items[0];
    assert_eq!((item.scanned, item.counters.asap), (Some(after(5)), 1));
    let by_hex = fixture.store.image_risk(&item.image.uuid.replace('-', "")).await.unwrap();
    assert_eq!(by_hex.as_ref(), Some(item));
    assert_eq!(fixture.store.image(&item.image.uuid).await.unwrap().unwrap(), item.image);
    assert_eq!(fixture.store.image("none").await.unwrap(), None);
}

#[tokio::test]
async fn of_tags_with_one_digest_the_one_that_moved_last_is_ranked() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let tag = |tag: &str, seconds: i64| SyncedImage {
        updated: Some(after(seconds)),
        ..image("app", tag, "a")
    };
    fixture.sync(&registry, &[tag("1", 0), tag("2", 9), tag("3", 9), tag("4", 5)]).await;
    fixture.sync(&registry, &[image("other", "1", "a")]).await;
    let found = report(
        &digest("a"),
        vec![vulnerability("CVE-1", "x", 140), risk(Kind::Baseline, "r", Level::Low)],
    );
    fixture.scan_all(&BTreeMap::from([(digest("a"), found)]), NOW).await;
    for dimension in [Dimension::VulAsap, Dimension::Baseline] {
        let ranked = fixture.store.rank(dimension, Scope::All, 10).await.unwrap();
        let names: Vec<_> = ranked
            .iter()
            .map(|entry| (entry.image.repository.as_str(), entry.image.tag.as_str()))
            .collect();
        assert_eq!(names, [("app", "2"), ("other", "1")]);
        assert_eq!(fixture.store.rank(dimension, Scope::All, 0).await.unwrap().len(), 1);
        assert_eq!(fixture.store.rank(dimension, Scope::DockerHub, 10).await.unwrap(), []);
    }
}

/// A tag may name an index and another one the manifest in it: one image, so one place in the ranking.
#[tokio::test]
async fn an_index_and_its_manifest_are_ranked_once() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let index = SyncedImage { digest: digest("index"), ..image("app", "index", "a") };
    fixture.sync(&registry, &[image("app", "single", "a"), index]).await;
    let found = report(&digest("a"), vec![vulnerability("CVE-1", "x", 140)]);
    fixture.scan_all(&BTreeMap::from([(digest("a"), found)]), NOW).await;
    let ranked = fixture.store.rank(Dimension::VulAsap, Scope::All, 10).await.unwrap();
    let tags: Vec<_> = ranked.iter().map(|entry| entry.image.tag.as_str()).collect();
    assert_eq!(tags, ["index"]);
}

/// What a search answers as a repository's name finds it again.
#[tokio::test]
async fn nested_repositories_are_found_with_and_without_namespace() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("team/sub/app", "1", "a"), image("sub/app", "2", "a")]).await;
    let found = report(&digest("a"), Vec::new());
    fixture.scan_all(&BTreeMap::from([(digest("a"), found)]), NOW).await;
    for (search, wanted) in [
        ("sub/app", vec!["2", "1"]),
        ("sub/app:1", vec!["1"]),
        ("team/sub/app", vec!["1"]),
        ("app", vec!["2"]),
    ] {
        let found = fixture.store.search_images(search, Scope::All, 10).await.unwrap();
        let tags: Vec<_> = found.iter().map(|entry| entry.image.tag.as_str()).collect();
        assert_eq!(tags, wanted, "{search}");
    }
}

#[tokio::test]
async fn searches_that_cannot_be_are_errors() {
    let fixture = Fixture::new().await;
    for text in ["", ":", "a:", "/", "a//b"] {
        let error = fixture.store.search_images(text, Scope::All, 10).await.unwrap_err();
        assert!(matches!(error, SearchError::Query(query) if query == text));
    }
}

#[tokio::test]
async fn very_long_filters_find_nothing() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("app", "1", "a")]).await;
    let long = "a".repeat(1_000_000);
    for query in [
        ImageRiskQuery { image_name: Some(long.clone()), ..ImageRiskQuery::default() },
        ImageRiskQuery { text: Some(long.clone()), ..ImageRiskQuery::default() },
        ImageRiskQuery { namespace: Some(long.clone()), ..ImageRiskQuery::default() },
        ImageRiskQuery { cluster_id: Some(long.clone()), ..ImageRiskQuery::default() },
    ] {
        assert_eq!(fixture.store.list_image_risk(&query).await.unwrap().total, 0);
    }
}

/// Ten thousand images; the look-ups that each question is made of go through an index.
#[tokio::test]
async fn a_large_fleet_is_answered_through_indexes() {
    let fixture = Fixture::new().await;
    let hub = RegistrySettings { host: "docker.io".to_owned(), ..settings("hub") };
    let registry = fixture.store.add_registry(&hub, NOW).await.unwrap();
    let images: Vec<SyncedImage> = (0..10_000)
        .map(|n| {
            image(&format!("team{}/app{}", n % 50, n % 500), &n.to_string(), &(n % 100).to_string())
        })
        .collect();
    let listing = SyncListing { images, ..SyncListing::default() };
    fixture.store.apply_sync(registry.id, &listing, NOW).await.unwrap();
    let reports = (0..100)
        .map(|n| {
            let digest = digest(&n.to_string());
            let findings = (0..n).map(|v| vulnerability(&format!("CVE-{v}"), "x", 140)).collect();
            (digest, report(&digest, findings))
        })
        .collect();
    fixture.scan_all(&reports, NOW).await;

    let found = fixture.store.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
    assert_eq!((found.total, found.items[0].counters.asap), (10_000, 99));
    let query = ImageRiskQuery {
        image_name: Some("app499".to_owned()),
        page: 2,
        page_size: 5,
        ..ImageRiskQuery::default()
    };
    let found = fixture.store.list_image_risk(&query).await.unwrap();
    assert_eq!((found.total, found.items.len()), (20, 5));
    assert_eq!(fixture.store.images_affected("CVE-98", 1_000).await.unwrap().len(), 100);
    assert_eq!(
        fixture.store.search_images("team7/app7:7", Scope::DockerHub, 10).await.unwrap().len(),
        1
    );
    assert_eq!(
        fixture.store.rank(Dimension::VulAsap, Scope::DockerHub, 100).await.unwrap().len(),
        100
    );

    for (sql, index) in [
        ("SELECT 1 FROM images WHERE repository = 'a' AND tag = '1'", "images_repository"),
        ("SELECT 1 FROM images WHERE digest = 'a'", "images_digest"),
        ("SELECT 1 FROM images WHERE manifest_digest = 'a'", "images_manifest_digest"),
        ("SELECT 1 FROM images WHERE image_id = 'a'", "images_image_id"),
        ("SELECT 1 FROM images WHERE artifact_id = 1", "images_artifact"),
        ("SELECT 1 FROM workloads WHERE app = 'a'", "workloads_app"),
        ("SELECT 1 FROM finding_names WHERE name = 'a'", "PRIMARY KEY"),
        ("DELETE FROM findings WHERE artifact_id = 1 AND number = 1", "finding"),
        (
            "SELECT 1 FROM tasks WHERE state = 'queued' AND due <= 1",
            if on_postgres() { "tasks_claim" } else { "tasks_state" },
        ),
        (
            "SELECT 1 FROM tasks WHERE succeeded IS NOT NULL ORDER BY succeeded DESC",
            "tasks_succeeded",
        ),
        ("DELETE FROM nonces WHERE expires < 1", "nonces_expires"),
    ] {
        let plan = plan(fixture.folder.path(), sql).await;
        let index =
            if on_postgres() { index.replace("PRIMARY KEY", "_pkey") } else { index.to_owned() };
        assert!(plan.iter().any(|step| step.contains(&index)), "{sql}: {plan:?}");
    }
}

/// What the order does not look at (here the highest score) does not come before the names, in a list that is made and in
/// one that followed.
#[tokio::test]
async fn equal_numbers_are_ordered_by_name() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.store.prepare_list().await.unwrap();
    // The later name comes first into the database.
    for name in ["b", "a"] {
        fixture.sync(&registry, &[image(name, "1", name)]).await;
    }
    let finds = |name: &str, tenths| {
        let findings = vec![vulnerability("CVE-1", "x", tenths)];
        (digest(name), report(&digest(name), findings))
    };
    fixture.scan_all(&BTreeMap::from([finds("a", 136), finds("b", 150)]), NOW).await;
    for store in [fixture.store.clone(), open(fixture.folder.path()).await] {
        let found = store.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
        let names: Vec<&str> =
            found.items.iter().map(|item| item.image.repository.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}

/// A process that did not look for long, and what it missed was forgotten, makes its list anew.
#[tokio::test]
async fn a_list_that_fell_behind_is_made_anew() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("app", "1", "a")]).await;
    let other = open(fixture.folder.path()).await;
    let tags = async |store: &Store| {
        let found = store.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
        found.items.into_iter().map(|item| item.image.tag).collect::<Vec<_>>()
    };
    assert_eq!(tags(&other).await, ["1"]);
    for tag in ["2", "3", "4"] {
        fixture.sync(&registry, &[image("app", tag, tag)]).await;
    }
    assert_eq!(tags(&fixture.store).await, ["1", "2", "3", "4"]);
    assert!(fixture.store.forget_list_changes(1).await.unwrap() > 0);
    assert_eq!(fixture.store.forget_list_changes(1).await.unwrap(), 0);
    assert_eq!(tags(&other).await, ["1", "2", "3", "4"]);
    // A registry's other address shows in the filter that names it.
    let elsewhere = RegistrySettings { host: "elsewhere.test".to_owned(), ..settings("build") };
    fixture.store.update_registry(&elsewhere, NOW).await.unwrap();
    let query = ImageRiskQuery {
        image_name: Some("elsewhere.test/app:3".to_owned()),
        ..ImageRiskQuery::default()
    };
    for store in [&fixture.store, &other] {
        let found = store.list_image_risk(&query).await.unwrap();
        assert_eq!(found.items[0].registry.settings.host, "elsewhere.test");
    }
    fixture.store.remove_registry("build", NOW).await.unwrap();
    assert_eq!(tags(&other).await, [""; 0]);
    assert_eq!(other.risk_overview().await.unwrap().images, 0);
}

/// Readers that list while another process writes see each list whole: the total and the page are of one moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_whole_while_images_come_and_go() {
    const MOST: u64 = 12;
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let other = open(fixture.folder.path()).await;
    let reader = tokio::spawn(async move {
        let mut totals = Vec::new();
        loop {
            let found = other.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
            assert_eq!(found.items.len() as u64, found.total);
            let wanted: Vec<String> = (0..found.total).map(|n| format!("{n:02}")).collect();
            let tags: Vec<String> = found.items.into_iter().map(|item| item.image.tag).collect();
            assert_eq!(tags, wanted);
            totals.push(found.total);
            if found.total == MOST {
                return totals;
            }
        }
    });
    for n in 0..MOST {
        fixture.sync(&registry, &[image("app", &format!("{n:02}"), &n.to_string())]).await;
    }
    assert!(reader.await.unwrap().is_sorted());
}

#[tokio::test]
async fn times_before_1970_and_far_ahead_are_kept() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let old = SyncedImage {
        created: Some(Timestamp(-5)),
        updated: Some(Timestamp(i64::MAX)),
        size: u64::MAX,
        ..image("app", "1", "a")
    };
    fixture.sync(&registry, &[old]).await;
    let row = &fixture.store.images_of_repository(registry.id, "app").await.unwrap()[0];
    assert_eq!((row.created, row.updated), (Timestamp(-5), Timestamp(i64::MAX)));
    assert_eq!(row.size, u64::try_from(i64::MAX).unwrap());
}
