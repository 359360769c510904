//! Workloads: replaced whole, joined by digest, else by reference.

use plimsoll_model::{ContainerDetail, ContainerRole, ContainerState, Secret};
use plimsoll_store::{
    ClusterConnectionError, ImageRiskQuery, NewClusterConnection, NewClusterKey, SyncListing,
    SyncedImage, Workload,
};

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

fn connection(name: &str, id: &str) -> NewClusterConnection {
    NewClusterConnection {
        cluster_id: id.to_owned(),
        name: name.to_owned(),
        server: "https://10.0.0.1:6443".to_owned(),
        access: Some(Secret::new("hunter2".to_owned())),
        version: "v1.33.2".to_owned(),
    }
}

#[tokio::test]
async fn only_pods_in_which_something_differs_are_written() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    store.add_cluster_connection(&connection("one", "c1"), false, NOW).await.unwrap();
    let lease = store.claim_cluster("a", false, NOW).await.unwrap().unwrap();
    let workloads: Vec<Workload> =
        (0..3_000).map(|n| container(&format!("p{n}"), "x:1", None)).collect();
    assert!(store.write_watched(&lease, None, &workloads, NOW).await.unwrap());
    let before = store.clusters().await.unwrap();
    assert_eq!((before[0].containers, before[0].updated), (3_000, NOW));
    assert_eq!(before[0].connection.as_ref().unwrap().heard, Some(NOW));

    // Asked to write what is there already: nothing is.
    let pods = |names: &[&str]| -> Vec<(String, String)> {
        names.iter().map(|name| ("prod".to_owned(), (*name).to_owned())).collect()
    };
    let bytes = fixture.bytes().await;
    let same = pods(&["p7"]);
    assert!(store.write_watched(&lease, Some(&same), &workloads[7..8], after(60)).await.unwrap());
    assert!(fixture.bytes().await == bytes, "the same again writes nothing");

    // One is new, one different, one gone, one was never there.
    let changed = pods(&["new", "p1", "p2", "never"]);
    let now = [container("new", "y:1", None), container("p1", "x:2", None)];
    assert!(store.write_watched(&lease, Some(&changed), &now, after(60)).await.unwrap());
    let found = store.containers(Some("c1")).await.unwrap();
    assert_eq!(found.len(), 3_000);
    let image = |pod: &str| {
        let one = found.iter().find(|one| one.workload.pod == pod);
        one.map(|one| one.workload.image.clone())
    };
    assert_eq!(image("new").as_deref(), Some("y:1"));
    assert_eq!((image("p1").as_deref(), image("p2"), image("never")), (Some("x:2"), None, None));
    assert_eq!(image("p3").as_deref(), Some("x:1"));
    assert_eq!(store.clusters().await.unwrap()[0].updated, after(60));
    // The last pod goes, and the cluster stays.
    assert!(store.write_watched(&lease, None, &[], after(70)).await.unwrap());
    assert_eq!(store.clusters().await.unwrap()[0].containers, 0);
}

#[tokio::test]
async fn a_cluster_is_watched_by_one_and_only_while_its_lease_stands() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    store.add_cluster_connection(&connection("one", "c1"), false, NOW).await.unwrap();
    let within = NewClusterConnection { access: None, ..connection("home", "c2") };
    store.add_cluster_connection(&within, false, NOW).await.unwrap();
    let first = store.claim_cluster("a", false, NOW).await.unwrap().unwrap();
    assert_eq!(first.access.as_ref().unwrap().reveal(), "hunter2");
    assert!(!format!("{first:?}").contains("hunter2"));
    assert!(store.claim_cluster("b", false, NOW).await.unwrap().is_none(), "not from within");
    let home = store.claim_cluster("b", true, NOW).await.unwrap().unwrap();
    assert!(home.access.is_none() && home.connection.in_cluster);

    // Its process sleeps; another one takes over; it wakes and lands nothing.
    assert!(store.extend_cluster(&first, after(10)).await.unwrap());
    let second = store.claim_cluster("b", false, after(100_000)).await.unwrap().unwrap();
    assert_eq!(second.connection.cluster_id, "c1");
    let stale = [container("stale", "x:1", None)];
    assert!(!store.write_watched(&first, None, &stale, NOW).await.unwrap());
    assert!(!store.extend_cluster(&first, NOW).await.unwrap());
    store.set_cluster_problem(&first, Some("stale")).await.unwrap();
    store.release_cluster(&first).await.unwrap();
    assert!(store.write_watched(&second, None, &stale[..0], NOW).await.unwrap());
    let known = store.cluster_connections().await.unwrap();
    assert_eq!((known["c1"].problem.as_deref(), known["c1"].watched_until.is_some()), (None, true));

    // Another credential ends the lease, too; and so does removal.
    let taken = store.add_cluster_connection(&connection("one", "c1"), false, NOW).await;
    assert!(matches!(taken, Err(ClusterConnectionError::Taken(_))));
    let other = store.add_cluster_connection(&connection("two", "c1"), true, NOW).await;
    assert!(matches!(other, Err(ClusterConnectionError::Watched(name)) if name == "one"));
    let taken = store.add_cluster_connection(&connection("one", "c3"), true, NOW).await;
    assert!(matches!(taken, Err(ClusterConnectionError::Taken(_))));
    store.add_cluster_connection(&connection("one", "c1"), true, NOW).await.unwrap();
    assert!(!store.write_watched(&second, None, &stale, NOW).await.unwrap());
    assert_eq!(store.remove_cluster("home").await.unwrap().as_deref(), Some("c2"));
    assert!(!store.extend_cluster(&home, NOW).await.unwrap());
    assert_eq!(store.remove_cluster("c2").await.unwrap(), None);
}

#[tokio::test]
async fn details_are_kept_and_the_image_for_the_node_s_platform_is_taken() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    // An index under two names: here its part for one platform is looked at, there that for another.
    let mut arm = image("team/app", "arm", "index");
    arm.manifest_digest = digest("arm");
    arm.platform = "linux/arm64".parse().unwrap();
    let mut amd = image("team/app", "amd", "index");
    amd.manifest_digest = digest("amd");
    amd.platform = "linux/amd64".parse().unwrap();
    for one in [&mut arm, &mut amd] {
        one.digest = digest("index");
    }
    fixture.sync(&registry, &[arm, amd]).await;
    let on = |platform: &str| Workload {
        detail: ContainerDetail {
            role: ContainerRole::Init,
            state: ContainerState::Waiting,
            container_id: "0123".to_owned(),
            node: "node-1".to_owned(),
            platform: Some(platform.parse().unwrap()),
            pod_ip: "10.0.0.1".to_owned(),
            host_ip: "fd00::1".to_owned(),
            created: Some(after(1)),
        },
        ..container(&platform.replace('/', "-"), "other.test/app:1", Some(digest("index")))
    };
    let workloads = [on("linux/amd64"), on("linux/arm64")];
    fixture.store.replace_workloads("c1", &workloads, NOW).await.unwrap();
    let found = fixture.store.containers(None).await.unwrap();
    let tags: Vec<&str> =
        found.iter().map(|one| one.image.as_ref().unwrap().image.tag.as_str()).collect();
    assert_eq!(tags, ["amd", "arm"]);
    let kept: Vec<Workload> = found.into_iter().map(|one| one.workload).collect();
    assert_eq!(kept, workloads);
}

#[tokio::test]
async fn a_cluster_s_key_lets_in_until_it_ends() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let new = |id: &str, expires| NewClusterKey {
        cluster_id: id.to_owned(),
        name: "edge".to_owned(),
        vendor: "Other".to_owned(),
        cpu_arch: String::new(),
        group_id: "1".to_owned(),
        expires,
    };
    let short = store.create_cluster_key(&new("c1", Some(after(60))), NOW).await.unwrap();
    let long = store.create_cluster_key(&new("c2", None), NOW).await.unwrap();
    let of = async |key: &str, now| {
        let found = store.cluster_of_key(key, now).await.unwrap();
        found.map(|key| key.settings.cluster_id)
    };
    assert_eq!(of(short.reveal(), after(59)).await.as_deref(), Some("c1"));
    assert_eq!(of(short.reveal(), after(60)).await, None);
    assert_eq!(of(long.reveal(), after(1_000_000)).await.as_deref(), Some("c2"));
    assert_eq!(of("wrong", NOW).await, None);
    let keys = store.cluster_keys().await.unwrap();
    assert_eq!((keys.len(), keys[0].used), (2, Some(after(59))));
    assert!(store.remove_cluster_key(keys[1].number).await.unwrap());
    assert!(!store.remove_cluster_key(keys[1].number).await.unwrap());
    assert_eq!(of(long.reveal(), NOW).await, None);
    // Its name is the cluster's.
    let told = [container("p", "x:1", None)];
    store.replace_workloads("c1", &told, NOW).await.unwrap();
    assert_eq!(store.clusters().await.unwrap()[0].name, "edge");
    assert_eq!(store.containers(None).await.unwrap()[0].cluster_name, "edge");
}
