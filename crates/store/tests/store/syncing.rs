//! Sync: only differences, and only what is stated to be complete makes an image vanish.

use plimsoll_model::Digest;
use plimsoll_store::{RegistryError, Retry, SyncListing, SyncOutcome, SyncedImage, TaskState};

use crate::builders::{Fixture, NOW, after, digest, image};

fn listing(images: Vec<SyncedImage>) -> SyncListing {
    let mut complete: Vec<String> = images.iter().map(|image| image.path.clone()).collect();
    complete.dedup();
    SyncListing { images, complete, ..SyncListing::default() }
}

async fn tags(fixture: &Fixture, registry_id: i64, path: &str) -> Vec<String> {
    let images = fixture.store.images_of_repository(registry_id, path).await.unwrap();
    images.into_iter().map(|image| image.tag).collect()
}

#[tokio::test]
async fn a_second_sync_and_scan_of_the_same_writes_no_byte() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let mut images: Vec<SyncedImage> = (0..200)
        .map(|number| {
            image(
                &format!("team/app{}", number / 4),
                &number.to_string(),
                &format!("content {}", number % 150),
            )
        })
        .collect();
    images[0].created = Some(NOW);
    images[0].updated = Some(after(-5));
    let mut listing = listing(images);
    listing.catalog = Some(listing.complete.clone());
    let outcome = fixture.store.apply_sync(registry.id, &listing, NOW).await.unwrap();
    assert_eq!(outcome, SyncOutcome { added: 200, queued: 150, ..SyncOutcome::default() });
    assert_eq!(fixture.scan_all(&Default::default(), NOW).await, 150, "each digest once");

    let before = fixture.bytes().await;
    for day in [1, 2] {
        let now = after(day * 86_400);
        let outcome = fixture.store.apply_sync(registry.id, &listing, now).await.unwrap();
        assert_eq!(outcome, SyncOutcome { unchanged: 200, ..SyncOutcome::default() });
        let snapshot = digest("snapshot-1");
        let outdated = fixture
            .store
            .enqueue_outdated(Some(&snapshot), crate::builders::DETECTORS, now)
            .await
            .unwrap();
        assert_eq!(outdated, 0);
        assert_eq!(fixture.scan_all(&Default::default(), now).await, 0);
        assert_eq!(fixture.store.prune_artifacts(now).await.unwrap(), 0);
    }
    assert!(fixture.bytes().await == before, "the database or its log was written");
}

#[tokio::test]
async fn tags_come_move_and_go() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let first = listing(vec![image("team/app", "1", "a"), image("team/app", "latest", "a")]);
    fixture.store.apply_sync(registry.id, &first, NOW).await.unwrap();
    let uuid =
        fixture.store.images_of_repository(registry.id, "team/app").await.unwrap()[1].uuid.clone();

    let second = listing(vec![image("team/app", "2", "b"), image("team/app", "latest", "b")]);
    let outcome = fixture.store.apply_sync(registry.id, &second, after(60)).await.unwrap();
    assert_eq!(outcome, SyncOutcome { added: 1, updated: 1, removed: 1, unchanged: 0, queued: 1 });
    let images = fixture.store.images_of_repository(registry.id, "team/app").await.unwrap();
    assert_eq!(images.iter().map(|image| image.tag.as_str()).collect::<Vec<_>>(), ["2", "latest"]);
    let latest = &images[1];
    assert_eq!((latest.digest, &latest.uuid), (digest("b"), &uuid), "a tag keeps its id");
    assert_eq!((latest.created, latest.updated), (NOW, after(60)));
    // Nothing names the first artifact any more: its scan is not wanted.
    let task = fixture.store.claim("test", after(60)).await.unwrap().unwrap();
    assert_eq!(task.digest, digest("b"));
    assert_eq!(fixture.store.claim("test", after(60)).await.unwrap(), None);
    // A tag that goes back finds its old artifact queued again.
    let outcome = fixture.store.apply_sync(registry.id, &first, after(120)).await.unwrap();
    assert_eq!((outcome.removed, outcome.queued), (1, 1));
}

#[tokio::test]
async fn properties_are_updated_without_a_scan() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("app", "1", "a")]).await;
    fixture.scan_all(&Default::default(), NOW).await;
    let mut changed = image("app", "1", "a");
    changed.tag_immutable = true;
    changed.repo_type = plimsoll_store::RepoType::Public;
    let outcome =
        fixture.store.apply_sync(registry.id, &listing(vec![changed]), after(60)).await.unwrap();
    assert_eq!(outcome, SyncOutcome { updated: 1, ..SyncOutcome::default() });
    let row = &fixture.store.images_of_repository(registry.id, "app").await.unwrap()[0];
    assert!(row.tag_immutable && row.repo_type == plimsoll_store::RepoType::Public);
    assert_eq!(row.updated, NOW, "the tag did not move");
}

#[tokio::test]
async fn what_was_not_listed_to_the_end_stays() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let all = [
        image("a", "1", "a1"),
        image("a", "2", "a2"),
        image("b/c", "1", "b1"),
        image("d", "1", "d1"),
    ];
    fixture.sync(&registry, &all).await;

    // A repository that failed half-way, with nothing else said.
    let partial = SyncListing { images: vec![image("a", "1", "a1")], ..SyncListing::default() };
    fixture.store.apply_sync(registry.id, &partial, NOW).await.unwrap();
    assert_eq!(tags(&fixture, registry.id, "a").await, ["1", "2"]);

    // Tag 2 exists but could not be resolved.
    let unresolved = SyncListing {
        complete: vec!["a".to_owned()],
        unresolved: vec![("a".to_owned(), "2".to_owned())],
        ..partial.clone()
    };
    fixture.store.apply_sync(registry.id, &unresolved, NOW).await.unwrap();
    assert_eq!(tags(&fixture, registry.id, "a").await, ["1", "2"]);

    // The catalog knows `a` and `b/c`, of which `b/c` could not be listed; `d` is gone.
    let catalog = SyncListing {
        catalog: Some(vec!["a".to_owned(), "b/c".to_owned()]),
        complete: vec!["a".to_owned()],
        ..partial
    };
    let outcome = fixture.store.apply_sync(registry.id, &catalog, NOW).await.unwrap();
    assert_eq!(outcome, SyncOutcome { removed: 2, unchanged: 1, ..SyncOutcome::default() });
    assert_eq!(tags(&fixture, registry.id, "a").await, ["1"]);
    assert_eq!(tags(&fixture, registry.id, "b/c").await, ["1"]);
    assert_eq!(tags(&fixture, registry.id, "d").await, [""; 0]);

    // An empty repository is complete too.
    let empty = SyncListing { complete: vec!["b/c".to_owned()], ..SyncListing::default() };
    fixture.store.apply_sync(registry.id, &empty, NOW).await.unwrap();
    assert_eq!(tags(&fixture, registry.id, "b/c").await, [""; 0]);
}

#[tokio::test]
async fn registries_do_not_touch_each_other() {
    let fixture = Fixture::new().await;
    let one = fixture.registry("one").await;
    let two = fixture.registry("two").await;
    fixture.sync(&one, &[image("app", "1", "a")]).await;
    fixture.sync(&two, &[image("app", "1", "a")]).await;
    let nothing = SyncListing { catalog: Some(Vec::new()), ..SyncListing::default() };
    fixture.store.apply_sync(one.id, &nothing, NOW).await.unwrap();
    assert_eq!(tags(&fixture, one.id, "app").await, [""; 0]);
    assert_eq!(tags(&fixture, two.id, "app").await, ["1"]);
}

#[tokio::test]
async fn names_that_cannot_be_are_refused_whole() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    for (path, tag) in [("", "1"), ("a//b", "1"), ("a", ""), ("a\0", "1"), ("a", "1\n")] {
        let listing = listing(vec![image("good", "1", "a"), image(path, tag, "b")]);
        let error = fixture.store.apply_sync(registry.id, &listing, NOW).await.unwrap_err();
        assert!(matches!(error, RegistryError::Invalid { .. }), "{path:?}:{tag:?}");
    }
    assert_eq!(tags(&fixture, registry.id, "good").await, [""; 0]);
    let error = fixture.store.apply_sync(99, &SyncListing::default(), NOW).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unknown(_)));
}

#[tokio::test]
async fn a_failed_scan_is_tried_again_by_a_sync_after_a_day() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let listing = listing(vec![image("app", "1", "a")]);
    fixture.store.apply_sync(registry.id, &listing, NOW).await.unwrap();
    let task = fixture.store.claim("test", NOW).await.unwrap().unwrap();
    fixture.store.fail(&task.lease, "blob is gone", Retry::Never, NOW).await.unwrap();
    let queued =
        async |now| fixture.store.apply_sync(registry.id, &listing, now).await.unwrap().queued;
    assert_eq!(queued(after(86_399)).await, 0);
    assert_eq!(queued(after(86_400)).await, 1);
    let artifact = fixture.store.artifact(&digest("a")).await.unwrap().unwrap();
    assert_eq!(artifact.task.unwrap().state, TaskState::Queued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn syncs_at_the_same_time_list_nothing_twice() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let images: Vec<_> =
        (0..40).map(|n| image("team/app", &n.to_string(), &n.to_string())).collect();
    let other = crate::builders::open(fixture.folder.path()).await;
    let syncs: Vec<_> = (0..8)
        .map(|number| {
            let store = if number % 2 == 0 { fixture.store.clone() } else { other.clone() };
            let listing = listing(images.clone());
            tokio::spawn(async move { store.apply_sync(registry.id, &listing, NOW).await.unwrap() })
        })
        .collect();
    let mut added = 0;
    for sync in syncs {
        added += sync.await.unwrap().added;
    }
    assert_eq!(added, 40);
    assert_eq!(tags(&fixture, registry.id, "team/app").await.len(), 40);
    assert_eq!(fixture.store.task_counts(None).await.unwrap().queued, 40);
}

#[tokio::test]
async fn an_index_and_its_manifest_are_two_digests() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let index: Digest = digest("index");
    let listed = SyncedImage { digest: index, ..image("app", "1", "child") };
    fixture.sync(&registry, &[listed]).await;
    let row = &fixture.store.images_of_repository(registry.id, "app").await.unwrap()[0];
    assert_eq!((row.digest, row.manifest_digest), (index, digest("child")));
    assert_eq!(fixture.store.claim("test", NOW).await.unwrap().unwrap().digest, digest("child"));
}
