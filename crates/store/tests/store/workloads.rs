//! Workloads: replaced whole, joined by digest, else by reference.

use plimsoll_store::{ImageRiskQuery, SyncListing, SyncedImage, Workload};

use crate::builders::{Fixture, NOW, after, digest, image};

fn container(pod: &str, image: &str, digest: Option<plimsoll_model::Digest>) -> Workload {
    Workload {
        namespace: "prod".to_owned(),
        app: "web".to_owned(),
        pod: pod.to_owned(),
        container: "c".to_owned(),
        image: image.to_owned(),
        digest,
        detail: Default::default(),
    }
}

#[tokio::test]
async fn a_cluster_is_replaced_and_forgotten() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("team/app", "1", "a")]).await;
    let first = [
        container("p1", "build.test/team/app:1", Some(digest("a"))),
        container("p2", "elsewhere.test/x:1", Some(digest("x"))),
    ];
    assert!(fixture.store.replace_workloads("c1", &first, NOW).await.unwrap());
    let before = fixture.bytes().await;
    assert!(!fixture.store.replace_workloads("c1", &first, after(60)).await.unwrap());
    assert!(fixture.bytes().await == before, "the same again writes nothing");
    let clusters = fixture.store.clusters().await.unwrap();
    assert_eq!((clusters[0].containers, clusters[0].known, clusters[0].updated), (2, 1, NOW));

    assert!(fixture.store.replace_workloads("c1", &first[..1], after(60)).await.unwrap());
    let clusters = fixture.store.clusters().await.unwrap();
    assert_eq!((clusters[0].containers, clusters[0].updated), (1, after(60)));
    let image = &fixture.store.images_of_repository(registry.id, "team/app").await.unwrap()[0];
    let running = fixture.store.workloads_of_image(&image.uuid, 10).await.unwrap();
    assert_eq!(running, [("c1".to_owned(), first[0].clone())], "once, though two digests agree");

    assert!(fixture.store.replace_workloads("c1", &[], NOW).await.unwrap());
    assert_eq!(fixture.store.clusters().await.unwrap(), []);
    assert_eq!(fixture.store.workloads_of_image(&image.uuid, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_moved_tag_is_not_what_runs() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("team/app", "1", "old")]).await;
    let workloads = [
        container("pulled", "build.test/team/app:1", Some(digest("old"))),
        container("starting", "build.test/team/app:1", None),
        container("pinned", &format!("build.test/team/app:1@{}", digest("old")), None),
    ];
    fixture.store.replace_workloads("c1", &workloads, NOW).await.unwrap();
    let pods = async || {
        let image = &fixture.store.images_of_repository(registry.id, "team/app").await.unwrap()[0];
        let running = fixture.store.workloads_of_image(&image.uuid, 10).await.unwrap();
        running.into_iter().map(|(_, workload)| workload.pod).collect::<Vec<_>>()
    };
    assert_eq!(pods().await, ["pinned", "pulled", "starting"]);
    fixture.sync(&registry, &[image("team/app", "1", "new")]).await;
    assert_eq!(pods().await, ["starting"]);
}

#[tokio::test]
async fn many_containers_are_kept() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let images: Vec<SyncedImage> =
        (0..100).map(|n| image("app", &n.to_string(), &n.to_string())).collect();
    let listing = SyncListing { images, ..SyncListing::default() };
    fixture.store.apply_sync(registry.id, &listing, NOW).await.unwrap();
    let workloads: Vec<Workload> = (0..3_000)
        .map(|n| container(&format!("p{n}"), "x:1", Some(digest(&(n % 50).to_string()))))
        .collect();
    fixture.store.replace_workloads("c1", &workloads, NOW).await.unwrap();
    assert_eq!(fixture.store.clusters().await.unwrap()[0].known, 3_000);
    let query = ImageRiskQuery { app_name: Some("web".to_owned()), ..ImageRiskQuery::default() };
    assert_eq!(fixture.store.list_image_risk(&query).await.unwrap().total, 50);
}
