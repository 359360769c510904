//! Orders, cycle tasks, the inventory, containers, and what is said of registries besides their settings: on both databases.

use std::collections::BTreeMap;

use plimsoll_model::{Platform, Secret};
use plimsoll_store::{
    AnnouncedBuild, AssetCondition, AssetField, AssetQuery, CycleSettings, OrderKind, OrderQuery,
    OrderTargetQuery, PeriodUnit, Placed, Registry, RegistryExtras, Retry, ScanSelection, Store,
    SyncListing, TargetState, Workload,
};

use crate::{
    builders::{Fixture, NOW, after, digest, image, settings},
    outside::run_sql,
};

fn named(name: &str) -> ScanSelection {
    ScanSelection { repo_names: vec![name.to_owned()], ..ScanSelection::default() }
}

async fn place(store: &Store, selection: &ScanSelection) -> i64 {
    match store.order_scans(selection, "openapi", after(10)).await.unwrap() {
        Placed::New(order) => order.id,
        other => panic!("{other:?}"),
    }
}

async fn states(store: &Store, order: i64) -> Vec<(TargetState, Option<String>)> {
    let query = OrderTargetQuery {
        kind: OrderKind::Scan,
        order: Some(order),
        source: None,
        states: Vec::new(),
        from: None,
        until: None,
        target: None,
        page: 1,
        page_size: 100,
    };
    let page = store.order_targets(&query).await.unwrap();
    page.items.into_iter().map(|target| (target.state, target.error)).collect()
}

/// Three repositories, all scanned.
async fn scanned() -> Fixture {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("yard").await;
    let images = [
        image("team/a", "1", "a"),
        image("team/a", "2", "a"),
        image("team/b", "1", "b"),
        image("solo", "1", "c"),
    ];
    fixture.sync(&registry, &images).await;
    fixture.scan_all(&BTreeMap::new(), NOW).await;
    fixture
}

#[tokio::test]
async fn an_order_ends_with_the_scans_of_its_contents() {
    let fixture = scanned().await;
    let store = &fixture.store;
    assert_eq!(store.succeeded_scans(None).await.unwrap(), 3);
    let first = place(store, &named("a")).await;
    let all = place(store, &ScanSelection::default()).await;
    let same = store.order_scans(&named("a"), "console_batch", after(11)).await.unwrap();
    assert!(matches!(same, Placed::Same(order) if order.id == first));
    let order = store.order(all).await.unwrap().unwrap();
    assert_eq!((order.total, order.ended(), order.percent()), (4, 0, 0));
    let mut seen = 0;
    while let Some(task) = store.claim("test/1", after(20)).await.unwrap() {
        let order = store.order(all).await.unwrap().unwrap();
        assert_eq!(order.running, if task.digest == digest("a") { 2 } else { 1 });
        if task.digest == digest("b") {
            store.fail(&task.lease, "no such layer", Retry::Never, after(30)).await.unwrap();
        } else {
            let report = crate::builders::report(&task.digest, Vec::new());
            fixture.record(&task.lease, &report, after(30)).await;
        }
        seen += 1;
    }
    assert_eq!(seen, 3, "each content once");
    let done = (TargetState::Done, None);
    assert_eq!(states(store, first).await, [done.clone(), done.clone()]);
    let failed = (TargetState::Failed, Some("no such layer".to_owned()));
    // In the order of names: solo, team/a twice, team/b.
    assert_eq!(states(store, all).await, [done.clone(), done.clone(), done, failed]);
    let order = store.order(all).await.unwrap().unwrap();
    assert_eq!((order.done, order.failed, order.is_open()), (3, 1, false));
    assert_eq!(order.finished, Some(after(30)));
    assert_eq!(store.succeeded_scans(None).await.unwrap(), 5);
    assert_eq!(store.succeeded_scans(Some(after(86_400))).await.unwrap(), 0);
    let page = store.orders(&OrderQuery { page_size: 1, ..OrderQuery::default() }).await.unwrap();
    assert_eq!((page.total, page.items[0].id), (2, all));
    assert_eq!(store.forget_orders(after(0)).await.unwrap(), 0);
    assert_eq!(store.forget_orders(after(60)).await.unwrap(), 2);
}

#[tokio::test]
async fn a_canceled_order_leaves_what_others_wait_for() {
    let fixture = scanned().await;
    let store = &fixture.store;
    let registry = store.registry("yard").await.unwrap().unwrap();
    fixture.sync(&registry, &[image("team/new", "1", "n")]).await;
    let both = ScanSelection {
        repo_names: vec!["a".into(), "b".into(), "new".into()],
        ..ScanSelection::default()
    };
    let (first, second) = (place(store, &both).await, place(store, &named("b")).await);
    let canceled = store.cancel_order(first, after(20)).await.unwrap().unwrap();
    assert_eq!((canceled.withdrawn, canceled.is_open()), (4, false));
    assert_eq!(store.cancel_order(99, after(20)).await.unwrap(), None);
    // What another order waits for, then what was never scanned; what was scanned before is not scanned again.
    let mut order = Vec::new();
    while let Some(task) = store.claim("test/1", after(20)).await.unwrap() {
        order.push(task.digest);
        let report = crate::builders::report(&task.digest, Vec::new());
        fixture.record(&task.lease, &report, after(30)).await;
    }
    assert_eq!(order, [digest("b"), digest("n")]);
    assert_eq!(states(store, second).await, [(TargetState::Done, None)]);
    assert!(states(store, first).await.iter().all(|(state, _)| *state == TargetState::Canceled));
    assert_eq!(store.succeeded_scans(None).await.unwrap(), 5, "taking back is no scan");
}

#[tokio::test]
async fn a_window_of_time_is_another_wish_than_all_and_the_same_as_a_later_one() {
    let fixture = scanned().await;
    let store = &fixture.store;
    let within = |since| ScanSelection { moved_since: Some(since), ..ScanSelection::default() };
    let first = place(store, &within(after(-60))).await;
    let later = store.order_scans(&within(after(-50)), "openapi", after(11)).await.unwrap();
    assert!(matches!(later, Placed::Same(order) if order.id == first));
    assert_ne!(place(store, &ScanSelection::default()).await, first);
}

#[tokio::test]
async fn a_cycle_task_whose_order_cannot_be_placed_stays_due() {
    let fixture = scanned().await;
    let store = &fixture.store;
    let settings = CycleSettings {
        kind: "IMAGE_SCAN".to_owned(),
        name: "nightly".to_owned(),
        enabled: true,
        first: after(60),
        every: 1,
        unit: PeriodUnit::Day,
        from_hour: 0,
        until_hour: 24,
        parameter: String::new(),
        source: String::new(),
    };
    let id = store.add_cycle_task(&settings, None, NOW).await.unwrap();
    let (folder, away) = (fixture.folder.path(), "order_targets RENAME TO order_targets_away");
    run_sql(folder, &format!("ALTER TABLE {away}")).await;
    assert!(store.begin_cycle_tasks(None, after(60)).await.is_err());
    run_sql(folder, "ALTER TABLE order_targets_away RENAME TO order_targets").await;
    assert_eq!(store.cycle_task(&id).await.unwrap().unwrap().due, Some(after(60)));
    assert_eq!(store.begin_cycle_tasks(None, after(61)).await.unwrap(), 1);
    assert_eq!(store.begin_cycle_tasks(None, after(62)).await.unwrap(), 0);
    let task = store.cycle_task(&id).await.unwrap().unwrap();
    assert_eq!(task.due, Some(after(60 + 86_400)));
    let order = store.order(task.last_order.unwrap()).await.unwrap().unwrap();
    assert_eq!((order.total, order.source.as_str()), (4, "schedule"));
}

#[tokio::test]
async fn an_order_for_an_image_that_goes_fails() {
    let fixture = scanned().await;
    let store = &fixture.store;
    let order = place(store, &named("solo")).await;
    let registry = store.registry("yard").await.unwrap().unwrap();
    let listing = SyncListing { complete: vec!["solo".to_owned()], ..SyncListing::default() };
    store.apply_sync(registry.id, &listing, after(20)).await.unwrap();
    assert_eq!(store.claim("test/1", after(20)).await.unwrap(), None);
    let states = states(store, order).await;
    assert_eq!(states[0].0, TargetState::Failed, "{states:?}");
    assert!(states[0].1.as_ref().unwrap().contains("no image"));
}

#[tokio::test]
async fn syncs_are_ordered_and_end() {
    let fixture = scanned().await;
    let store = &fixture.store;
    fixture.registry("two").await;
    let placed = store.order_syncs(None, "openapi", NOW).await.unwrap();
    let Placed::New(order) = placed else { panic!("{placed:?}") };
    let ordered = store.ordered_syncs().await.unwrap();
    assert_eq!(ordered.len(), 2);
    for (problem, (id, newest)) in [None, Some("no answer")].into_iter().zip(ordered) {
        store.end_ordered_sync(id, newest, problem, after(5)).await.unwrap();
    }
    let order = store.order(order.id).await.unwrap().unwrap();
    assert_eq!((order.kind, order.done, order.failed), (OrderKind::Sync, 1, 1));
    assert!(store.ordered_syncs().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_said_of_a_registry_is_kept_and_sealed() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("yard").await;
    let store = &fixture.store;
    assert_eq!(store.registry_extras(registry.id).await.unwrap(), RegistryExtras::default());
    let tokens = [("team".to_owned(), Secret::new("token-of-team".to_owned()))];
    let extras = RegistryExtras {
        version: "V2".to_owned(),
        host_ip: "10.0.0.1".to_owned(),
        kept_days: 3,
        white_list: "10.0.0.0/8".to_owned(),
        namespace_tokens: tokens.into_iter().collect(),
        ..RegistryExtras::default()
    };
    assert!(store.set_registry_extras(registry.id, &extras).await.unwrap());
    assert!(!store.set_registry_extras(99, &extras).await.unwrap());
    assert_eq!(store.registry_extras(registry.id).await.unwrap(), extras);
    let dump = fixture.dump(&[]).await.join("\n");
    assert!(dump.contains("10.0.0.0/8") && !dump.contains("token-of-team"));
    let listed = store.all_registry_extras().await.unwrap();
    assert!(listed[&registry.id].namespace_tokens.is_empty());

    fixture.sync(&registry, &[image("team/a", "1", "a")]).await;
    assert_eq!(store.registry_image_counts().await.unwrap()[&registry.id], 1);
    assert_eq!(store.remove_outdated_images(after(3 * 86_400)).await.unwrap(), 0);
    assert_eq!(store.remove_outdated_images(after(3 * 86_400 + 1)).await.unwrap(), 1);
    assert!(store.registry_image_counts().await.unwrap().is_empty());
    store.remove_registry("yard", NOW).await.unwrap();
    assert!(store.all_registry_extras().await.unwrap().is_empty());
}

async fn builds(store: &Store) -> Registry {
    let settings = plimsoll_store::RegistrySettings {
        reported_type: "CI/CD".to_owned(),
        ..settings("builds")
    };
    store.add_registry(&settings, NOW).await.unwrap()
}

fn announcement(platform: &Platform) -> AnnouncedBuild<'_> {
    AnnouncedBuild {
        path: "team/app",
        tag: "7",
        digest: digest("made"),
        image_id: digest("config"),
        platform,
        size: 12,
        created: None,
        updated: None,
        job: Some("nightly"),
    }
}

#[tokio::test]
async fn an_announced_build_waits_for_its_report() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let registry = builds(store).await;
    let platform = "linux/amd64".parse().unwrap();
    let build = announcement(&platform);
    let announced = store.announce_build(&registry, build, NOW).await.unwrap();
    let image = store.image(&announced.uuid).await.unwrap().unwrap();
    assert_eq!((image.digest, &image.repo_id), (digest("made"), &announced.repo_id));
    assert_ne!(image.manifest_digest, digest("made"), "a build cannot speak of what others scan");
    assert_eq!(states(store, announced.order).await[0].0, TargetState::Waiting);
    assert_eq!(store.enqueue_unscanned(None, NOW).await.unwrap(), 0, "the build scans it");
    let repository = ScanSelection { repo_ids: vec![image.repo_id], ..ScanSelection::default() };
    assert_eq!(store.count_selected(&repository).await.unwrap().images, 0);
    assert_eq!(store.selected_images(&repository, 9).await.unwrap().len(), 1, "it can be named");
    assert_eq!(store.fail_unreported_builds(after(86_400)).await.unwrap(), 0);
    assert_eq!(store.fail_unreported_builds(after(86_401)).await.unwrap(), 1);
    assert_eq!(states(store, announced.order).await[0].0, TargetState::Failed);
}

/// A layer cache may have made it long ago.
#[tokio::test]
async fn a_build_is_kept_from_its_report_on_whatever_the_age_of_its_image() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let registry = builds(store).await;
    let extras = RegistryExtras { kept_days: 90, ..RegistryExtras::default() };
    assert!(store.set_registry_extras(registry.id, &extras).await.unwrap());
    let platform = "linux/amd64".parse().unwrap();
    let old = Some(after(-100 * 86_400));
    let build = AnnouncedBuild { updated: old, created: old, ..announcement(&platform) };
    store.announce_build(&registry, build, NOW).await.unwrap();
    assert_eq!(store.remove_outdated_images(after(90 * 86_400)).await.unwrap(), 0);
    assert_eq!(store.remove_outdated_images(after(90 * 86_400 + 1)).await.unwrap(), 1);
}

#[tokio::test]
async fn the_inventory_and_containers_are_read_on_both_databases() {
    let fixture = scanned().await;
    let store = &fixture.store;
    let condition = |field, value: &str, or| AssetCondition { field, value: value.to_owned(), or };
    let query = |conditions| AssetQuery { conditions, scanned: Some(true), page: 1, page_size: 10 };
    let count = async |conditions| {
        let images = store.image_assets(&query(conditions)).await.unwrap();
        assert_eq!(images.total, images.items.len() as u64);
        images.total
    };
    assert_eq!(count(vec![]).await, 4);
    for (field, value, wanted) in [
        (AssetField::RepoName, "SOL", 1),
        (AssetField::RepoNamespace, "team", 3),
        (AssetField::Tag, "1", 3),
        (AssetField::Digest, &digest("a").hex(), 2),
        (AssetField::ImageId, &digest("config of b").to_string(), 1),
        (AssetField::RegionId, "cn-hangzhou", 4),
        (AssetField::RegistryType, "harbor", 0),
        (AssetField::InstanceId, "i", 0),
        (AssetField::VulStatus, "NO", 4),
        (AssetField::AlarmStatus, "YES", 0),
        (AssetField::HcStatus, "NO", 4),
        (AssetField::RiskStatus, "YES", 0),
    ] {
        assert_eq!(count(vec![condition(field, value, false)]).await, wanted, "{field:?} {value}");
        let query = query(vec![condition(field, value, false)]);
        store.repository_assets(&query).await.unwrap();
    }
    let both =
        vec![condition(AssetField::RepoName, "solo", false), condition(AssetField::Tag, "2", true)];
    assert_eq!(count(both).await, 2);
    let repositories = store.repository_assets(&query(vec![])).await.unwrap();
    let counts: Vec<(String, u64)> =
        repositories.items.into_iter().map(|one| (one.repository, one.images)).collect();
    assert_eq!(counts, [("solo".to_owned(), 1), ("a".to_owned(), 2), ("b".to_owned(), 1)]);

    let runs = |pod: &str, image: &str, of: Option<&str>| Workload {
        namespace: "prod".to_owned(),
        app: "web".to_owned(),
        pod: pod.to_owned(),
        container: "c".to_owned(),
        image: image.to_owned(),
        digest: of.map(digest),
        detail: Default::default(),
    };
    let workloads = [
        runs("p1", "yard.test/team/a:2", Some("a")),
        runs("p2", "yard.test/solo:1", None),
        runs("p3", "elsewhere.test/x:1", Some("x")),
    ];
    store.replace_workloads("c1", &workloads, after(7)).await.unwrap();
    let containers = store.containers(Some("c1")).await.unwrap();
    let tags: Vec<Option<String>> = containers
        .iter()
        .map(|one| one.image.as_ref().map(|image| image.image.tag.clone()))
        .collect();
    assert_eq!(tags, [Some("2".to_owned()), Some("1".to_owned()), None]);
    assert_eq!(containers[0].seen, after(7));
    assert!(store.containers(Some("c2")).await.unwrap().is_empty());
    let deployed = store.image_assets(&query(vec![])).await.unwrap();
    assert_eq!(deployed.items.iter().filter(|one| one.deployed).count(), 3);
}

#[tokio::test]
async fn a_window_keeps_old_images_from_the_queue() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("yard").await;
    let store = &fixture.store;
    store.set_setting(plimsoll_store::SCAN_DAYS_SETTING, Some("7")).await.unwrap();
    let mut old = image("team/old", "1", "old");
    old.updated = Some(after(-8 * 86_400));
    fixture.sync(&registry, &[old, image("team/new", "1", "new")]).await;
    assert_eq!(fixture.scan_all(&BTreeMap::new(), NOW).await, 1);
    let since = Some(after(-9 * 86_400));
    assert_eq!(store.enqueue_unscanned(since, NOW).await.unwrap(), 1);
    assert_eq!(fixture.scan_all(&BTreeMap::new(), NOW).await, 1);
    assert_eq!(store.enqueue_unscanned(None, NOW).await.unwrap(), 0);
    let (_, task) = store.latest_task_of(&digest("old")).await.unwrap().unwrap();
    assert_eq!(task.queued, NOW);
    assert_eq!(task.finished, Some(NOW));
}
