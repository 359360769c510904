//! Syncs against a registry in this process: what is asked, what is written, what stays.

mod kinds;

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_store::{Store, StoreOptions};

use super::*;
use crate::{
    LoopbackHandle, LoopbackRegistry,
    operation::registries::{AddRegistry, add_registry, list_registries},
};

async fn store() -> (tempfile::TempDir, Store, Clock) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
    (folder, store, Clock::fixed("2026-11-25T09:30:00Z".parse().unwrap()))
}

async fn served(
    store: &Store,
    clock: &Clock,
    request: AddRegistry,
) -> (LoopbackRegistry, LoopbackHandle) {
    let registry = LoopbackRegistry::new();
    let handle = registry.serve().await.unwrap();
    let request = AddRegistry { name: "r".into(), url: handle.url(), ..request };
    add_registry(store, &request, clock.now()).await.unwrap();
    (registry, handle)
}

fn image(text: &str) -> BuiltImage {
    let layer = Layer::builder("COPY").file("srv/text", text.as_bytes()).build().unwrap();
    ImageBuilder::new(default_platform()).layer(&layer).build().unwrap()
}

#[tokio::test]
async fn a_second_sync_asks_one_head_per_tag_and_changes_nothing() {
    let (_folder, store, clock) = store().await;
    let (registry, _handle) = served(&store, &clock, AddRegistry::default()).await;
    let image = image("one");
    for number in 0..101 {
        registry.put("team/app", &format!("v{number:03}"), &image);
    }
    let first = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((first.added, first.queued, first.problem_count), (101, 1, 0));
    registry.take_requests();
    let second = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((second.added, second.updated, second.unchanged, second.queued), (0, 0, 101, 0));
    let requests = registry.take_requests();
    let heads = requests.iter().filter(|request| request.starts_with("HEAD ")).count();
    assert_eq!(heads, 101);
    // The catalog, and two pages of tags.
    assert_eq!(requests.len() - heads, 3, "{requests:?}");
}

#[tokio::test]
async fn tags_that_moved_came_and_went_are_told_apart() {
    let (_folder, store, clock) = store().await;
    let (registry, _handle) = served(&store, &clock, AddRegistry::default()).await;
    registry.put("team/app", "moves", &image("one"));
    registry.put("team/app", "goes", &image("one"));
    registry.put("solo", "stays", &image("one"));
    sync_registry(&store, "r", &clock).await.unwrap();
    registry.put("team/app", "moves", &image("two"));
    registry.remove_tag("team/app", "goes");
    registry.put("team/app", "comes", &image("two"));
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.added, report.updated, report.removed, report.unchanged), (1, 1, 1, 1));
    assert_eq!(report.queued, 1);
}

#[tokio::test]
async fn what_is_no_image_for_the_platform_is_skipped_and_said() {
    let (_folder, store, clock) = store().await;
    let (registry, _handle) = served(&store, &clock, AddRegistry::default()).await;
    let index = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":2,"platform":{"os":"windows","architecture":"amd64"}}]}"#;
    let media_type = "application/vnd.oci.image.index.v1+json";
    registry.put_manifest("win/app", Some("1"), media_type, index);
    registry.put("team/app", "1", &image("one"));
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.images, report.problem_count), (1, 0), "{report:?}");
    assert_eq!(report.skipped.len(), 1);
    assert_eq!(report.skipped[0].at, "win/app:1");
    assert!(report.skipped[0].why.contains("windows/amd64"), "{report:?}");
}

#[tokio::test]
async fn an_index_is_represented_by_its_platform_and_again_after_another_one_is_wanted() {
    let (_folder, store, clock) = store().await;
    let (registry, _handle) = served(&store, &clock, AddRegistry::default()).await;
    let arm: Platform = "linux/arm64".parse().unwrap();
    let layer = Layer::builder("COPY").file("srv/text", b"x").build().unwrap();
    let mut entries = Vec::new();
    let mut digests = Vec::new();
    for platform in [default_platform(), arm.clone()] {
        let built = ImageBuilder::new(platform.clone()).layer(&layer).build().unwrap();
        registry.put("multi", &platform.architecture, &built);
        digests.push(built.manifest_digest);
        entries.push(format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"{}"}}}}"#,
            built.manifest_digest,
            built.manifest.len(),
            platform.architecture
        ));
        registry.remove_tag("multi", &platform.architecture);
    }
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{}]}}"#,
        entries.join(",")
    );
    let digest = registry.put_manifest("multi", Some("1"), media_type, index.as_bytes());
    let tag = async || {
        sync_registry(&store, "r", &clock).await.unwrap();
        let registry = store.registry("r").await.unwrap().unwrap();
        store.images_of_repository(registry.id, "multi").await.unwrap().remove(0)
    };
    let image = tag().await;
    assert_eq!((image.digest, image.manifest_digest), (digest, digests[0]));
    let mut settings = store.registry("r").await.unwrap().unwrap().settings;
    settings.platform = Some(arm);
    store.update_registry(&settings, clock.now()).await.unwrap();
    assert_eq!(tag().await.manifest_digest, digests[1]);
}

#[tokio::test]
async fn a_tag_that_cannot_be_looked_at_stays_and_the_problem_is_remembered_until_it_is_over() {
    let (_folder, store, clock) = store().await;
    let (registry, _handle) = served(&store, &clock, AddRegistry::default()).await;
    registry.put("team/app", "1", &image("one"));
    sync_registry(&store, "r", &clock).await.unwrap();
    // The tag moves to bytes that are no manifest.
    registry.put_manifest("team/app", Some("1"), crate::loopback_registry::IMAGE_MANIFEST, b"junk");
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.removed, report.problem_count), (0, 1));
    assert_eq!(report.problems[0].at, "team/app:1");
    let problem = async || list_registries(&store).await.unwrap().registries.remove(0).problem;
    assert!(problem().await.unwrap().starts_with("team/app:1: "));
    let registry_id = store.registry("r").await.unwrap().unwrap().id;
    assert_eq!(store.images_of_repository(registry_id, "team/app").await.unwrap().len(), 1);
    registry.put("team/app", "1", &image("two"));
    sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!(problem().await, None);
}

#[tokio::test]
async fn named_repositories_replace_the_catalog_and_a_missing_one_is_a_problem() {
    let (_folder, store, clock) = store().await;
    let repositories = vec!["team/app".to_owned(), "team/missing".to_owned()];
    let request = AddRegistry { repositories, ..AddRegistry::default() };
    let (registry, _handle) = served(&store, &clock, request).await;
    registry.put("team/app", "1", &image("one"));
    registry.put("team/other", "1", &image("one"));
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.images, report.repositories, report.problem_count), (1, 2, 1));
    assert_eq!(report.problems[0].at, "team/missing");
    assert!(!registry.take_requests().iter().any(|request| request.contains("_catalog")));
}

#[tokio::test]
async fn an_unknown_registry_and_one_that_is_gone_are_errors() {
    let (_folder, store, clock) = store().await;
    let error = sync_registry(&store, "nobody", &clock).await.unwrap_err();
    assert!(matches!(error, OperationError::NotFound { what: "registry", .. }));
    let (_, handle) = served(&store, &clock, AddRegistry::default()).await;
    drop(handle);
    tokio::task::yield_now().await;
    let error = sync_registry(&store, "r", &clock).await.unwrap_err();
    assert!(matches!(error, OperationError::Registry { .. }), "{error}");
}
