//! Whose task is next: origins, turns of registries, rates.

use plimsoll_store::{
    MOST_SCANS_PER_HOUR, Origin, RegistryError, Retry, ScanRate, SyncListing, SyncedImage,
    TaskQuery,
};

use crate::builders::{Fixture, NOW, after, digest, image, settings};

const EVERY: TaskQuery = TaskQuery { state: None, registry_id: None, page: 1, page_size: 100 };

/// Registries with as many images each as said, whose digests are `NAME N`.
async fn registries(wanted: &[(&str, usize)]) -> Fixture {
    let fixture = Fixture::new().await;
    for (name, count) in wanted {
        let registry = fixture.registry(name).await;
        fixture.sync(&registry, &images(name, 0..*count)).await;
    }
    fixture
}

fn images(registry: &str, numbers: std::ops::Range<usize>) -> Vec<SyncedImage> {
    numbers.map(|n| image("app", &n.to_string(), &format!("{registry} {n}"))).collect()
}

/// Which registry the next task is of, done at once; `None`: nothing may be begun.
async fn next(fixture: &Fixture, seconds: i64) -> Option<String> {
    let task = fixture.store.claim("w", after(seconds)).await.unwrap()?;
    fixture.store.fail(&task.lease, "enough", Retry::Never, after(seconds)).await.unwrap();
    let registry = fixture.store.registry_by_id(task.registry_id).await.unwrap().unwrap();
    Some(registry.settings.name)
}

async fn many(fixture: &Fixture, count: usize) -> Vec<String> {
    let mut order = Vec::new();
    for _ in 0..count {
        order.extend(next(fixture, 0).await);
    }
    order
}

#[tokio::test]
async fn one_worker_takes_registries_in_turn() {
    let fixture = registries(&[("large", 40), ("middle", 10), ("small", 2)]).await;
    let order = many(&fixture, 52).await;
    assert_eq!(order.len(), 52);
    assert_eq!(of("small", &order[..6]), 2, "{order:?}");
    assert_eq!(of("middle", &order[..6]), 2, "{order:?}");
    let rest = &order[6..22];
    assert_eq!((of("large", rest), of("middle", rest)), (8, 8), "{order:?}");
    assert!(order[22..].iter().all(|name| name == "large"));
}

#[tokio::test]
async fn a_registry_that_rested_saves_up_no_turns() {
    let fixture = registries(&[("busy", 60), ("late", 0)]).await;
    many(&fixture, 20).await;
    let late = fixture.store.registry("late").await.unwrap().unwrap();
    fixture.sync(&late, &images("late", 0..20)).await;
    let order = many(&fixture, 20).await;
    assert_eq!(order.iter().filter(|name| *name == "late").count(), 10, "{order:?}");
}

#[tokio::test]
async fn a_person_goes_before_a_push_and_a_push_before_a_schedule() {
    let fixture = registries(&[("one", 4)]).await;
    let one = fixture.store.registry("one").await.unwrap().unwrap();
    let pushed = SyncListing { images: images("one", 4..5), ..SyncListing::default() };
    let at = after(9);
    fixture.store.apply_sync_for(one.id, &pushed, Origin::Push, at).await.unwrap();
    // What waits moves forward, never back.
    fixture.store.enqueue(&digest("one 2"), Origin::Push, at).await.unwrap();
    fixture.store.enqueue(&digest("one 3"), Origin::User, at).await.unwrap();
    fixture.store.enqueue(&digest("one 3"), Origin::Push, at).await.unwrap();
    let mut order = Vec::new();
    while let Some(task) = fixture.store.claim("w", at).await.unwrap() {
        order.push((task.digest, task.origin));
    }
    let wanted = [
        ("one 3", Origin::User),
        ("one 2", Origin::Push),
        ("one 4", Origin::Push),
        ("one 0", Origin::Schedule),
        ("one 1", Origin::Schedule),
    ];
    assert_eq!(order, wanted.map(|(name, origin)| (digest(name), origin)));
}

#[tokio::test]
async fn a_rate_holds_whoever_asks_and_others_go_on() {
    let fixture = registries(&[("bounded", 10), ("free", 3)]).await;
    fixture.store.set_scan_rate("bounded", Some(60), NOW).await.unwrap();
    fixture.store.enqueue(&digest("bounded 7"), Origin::User, NOW).await.unwrap();
    // The person's image is the one scan of this minute.
    assert_eq!(many(&fixture, 9).await, ["bounded", "free", "free", "free"]);
    let before = fixture.bytes().await;
    assert_eq!(next(&fixture, 59).await, None);
    assert!(fixture.bytes().await == before, "who waits for a rate does not write");
    assert_eq!(next(&fixture, 60).await.as_deref(), Some("bounded"));
    assert_eq!(next(&fixture, 60).await, None);
    // A rest is worth a minute, not an hour.
    assert_eq!(next(&fixture, 7_200).await.as_deref(), Some("bounded"));
    assert_eq!(next(&fixture, 7_200).await, None);
    fixture.store.set_scan_rate("bounded", None, after(7_200)).await.unwrap();
    for _ in 0..7 {
        assert_eq!(next(&fixture, 7_200).await.as_deref(), Some("bounded"));
    }
}

#[tokio::test]
async fn rates_are_listed_checked_and_not_reset_by_saying_them_again() {
    let fixture = registries(&[("b", 5), ("a", 0)]).await;
    fixture.store.set_scan_rate("b", Some(30), NOW).await.unwrap();
    let rate =
        |registry: &str, scans_per_hour| ScanRate { registry: registry.to_owned(), scans_per_hour };
    assert_eq!(fixture.store.scan_rates().await.unwrap(), [rate("a", None), rate("b", Some(30))]);
    assert_eq!(next(&fixture, 0).await.as_deref(), Some("b"));
    for again in [30, 31, 30] {
        fixture.store.set_scan_rate("b", Some(again), NOW).await.unwrap();
        assert_eq!(next(&fixture, 0).await, None, "{again}");
    }
    for wrong in [0, MOST_SCANS_PER_HOUR + 1] {
        let refused = fixture.store.set_scan_rate("b", Some(wrong), NOW).await;
        assert!(matches!(refused, Err(RegistryError::Invalid { .. })), "{wrong}");
    }
    let unknown = fixture.store.set_scan_rate("c", Some(1), NOW).await;
    assert!(matches!(unknown, Err(RegistryError::Unknown(name)) if name == "c"));
}

#[tokio::test]
async fn a_removed_registry_leaves_its_tasks_to_others_that_have_the_images() {
    let fixture = registries(&[("gone", 3)]).await;
    let other = fixture.registry("other").await;
    fixture.sync(&other, &[image("b", "1", "gone 1")]).await;
    fixture.store.remove_registry("gone", NOW).await.unwrap();
    let task = fixture.store.claim("w", NOW).await.unwrap().unwrap();
    assert_eq!((task.digest, task.registry_id), (digest("gone 1"), other.id));
    assert_eq!(fixture.store.claim("w", NOW).await.unwrap(), None);
}

#[tokio::test]
async fn images_that_come_back_with_another_registry_are_scanned_again() {
    let fixture = registries(&[("yard", 2)]).await;
    assert_eq!(many(&fixture, 2).await.len(), 2);
    fixture.store.remove_registry("yard", NOW).await.unwrap();
    let again = fixture.registry("yard").await;
    fixture.sync(&again, &images("yard", 0..2)).await;
    let (store, origin) = (&fixture.store, Origin::User);
    assert_eq!(store.enqueue_registry(Some(again.id), origin, NOW).await.unwrap(), 2);
    assert_eq!(many(&fixture, 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_keep_fair_shares_and_scan_nothing_twice() {
    let wanted = [("one", 150), ("two", 150), ("three", 150)];
    let fixture = registries(&wanted).await;
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let workers: Vec<_> = (0..8)
        .map(|number| {
            let (store, order) = (fixture.store.clone(), std::sync::Arc::clone(&order));
            tokio::spawn(async move {
                let name = format!("w{number}");
                while let Some(task) = store.claim(&name, NOW).await.unwrap() {
                    order.lock().unwrap().push((task.registry_id, task.digest));
                    tokio::task::yield_now().await;
                    store.fail(&task.lease, "enough", Retry::Never, NOW).await.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let order = order.lock().unwrap().clone();
    let digests: std::collections::BTreeSet<_> = order.iter().map(|(_, digest)| *digest).collect();
    assert_eq!((order.len(), digests.len()), (450, 450));
    // While all three have something to scan, each has a third, within a tenth.
    for (name, _) in wanted {
        let id = fixture.store.registry(name).await.unwrap().unwrap().id;
        let share = order[..300].iter().filter(|(registry, _)| *registry == id).count();
        assert!((90..=110).contains(&share), "{name}: {share}");
    }
}

/// Says whose registries are.
async fn tenants(fixture: &Fixture, owned: &[(&str, &str)]) {
    for (registry, tenant) in owned {
        fixture.store.set_tenant(registry, Some(tenant), NOW).await.unwrap();
    }
}

fn of(name: &str, part: &[String]) -> usize {
    part.iter().filter(|one| *one == name).count()
}

#[tokio::test]
async fn a_tenant_with_many_registries_does_not_starve_one_with_few() {
    let wanted = [("a1", 30), ("a2", 30), ("a3", 30), ("a4", 30), ("b1", 30)];
    let fixture = registries(&wanted).await;
    tenants(&fixture, &[("a1", "a"), ("a2", "a"), ("a3", "a"), ("a4", "a"), ("b1", "b")]).await;
    let order = many(&fixture, 60).await;
    assert_eq!(of("b1", &order), 30, "{order:?}");
    // Within a tenant its registries take turns, though the turns of others go on faster.
    for registry in ["a1", "a2", "a3", "a4"] {
        assert!((7..=8).contains(&of(registry, &order)), "{registry}: {order:?}");
    }
    let rest = many(&fixture, 90).await;
    assert_eq!((rest.len(), of("b1", &rest)), (90, 0));
}

#[tokio::test]
async fn a_tenant_that_comes_late_or_rested_saves_up_no_turns() {
    let fixture = registries(&[("site", 80), ("late", 0)]).await;
    many(&fixture, 20).await;
    let dump = fixture.dump(&[]).await;
    assert!(!dump.iter().any(|row| row.starts_with("tenant_shares")), "one alone writes no turns");
    tenants(&fixture, &[("late", "late")]).await;
    many(&fixture, 20).await;
    let late = fixture.store.registry("late").await.unwrap().unwrap();
    assert_eq!(late.tenant.as_deref(), Some("late"));
    fixture.sync(&late, &images("late", 0..20)).await;
    let order = many(&fixture, 20).await;
    // It begins one turn below whoever is first, and takes that one at once.
    assert_eq!(of("late", &order[..3]), 2, "{order:?}");
    assert_eq!(of("late", &order[2..]), 9, "{order:?}");
}

#[tokio::test]
async fn a_person_of_one_tenant_goes_before_the_schedules_of_all() {
    let fixture = registries(&[("a1", 10), ("b1", 10)]).await;
    tenants(&fixture, &[("a1", "a"), ("b1", "b")]).await;
    for number in 0..4 {
        fixture.store.enqueue(&digest(&format!("a1 {number}")), Origin::User, NOW).await.unwrap();
    }
    let order = many(&fixture, 10).await;
    assert_eq!(of("a1", &order[..4]), 4, "{order:?}");
    // Then they take turns as before: who was passed over saves up nothing.
    assert!((3..=4).contains(&of("b1", &order[4..])), "{order:?}");
}

#[tokio::test]
async fn slow_scans_of_one_tenant_leave_workers_to_others() {
    let fixture = registries(&[("a1", 20), ("a2", 20), ("b1", 20)]).await;
    tenants(&fixture, &[("a1", "a"), ("a2", "a"), ("b1", "b")]).await;
    let mut running = Vec::new();
    for _ in 0..8 {
        let task = fixture.store.claim("w", NOW).await.unwrap().unwrap();
        running.push(fixture.store.registry_by_id(task.registry_id).await.unwrap().unwrap());
    }
    let of = |name: &str| running.iter().filter(|one| one.settings.name == name).count();
    assert_eq!((of("a1"), of("a2"), of("b1")), (2, 2, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_keep_fair_shares_between_tenants() {
    let wanted = [("a1", 120), ("a2", 120), ("b1", 120), ("c1", 120)];
    let fixture = registries(&wanted).await;
    tenants(&fixture, &[("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c")]).await;
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let workers: Vec<_> = (0..8)
        .map(|number| {
            let (store, order) = (fixture.store.clone(), std::sync::Arc::clone(&order));
            tokio::spawn(async move {
                let name = format!("w{number}");
                while let Some(task) = store.claim(&name, NOW).await.unwrap() {
                    order.lock().unwrap().push(task.registry_id);
                    tokio::task::yield_now().await;
                    store.fail(&task.lease, "enough", Retry::Never, NOW).await.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let order = order.lock().unwrap().clone();
    assert_eq!(order.len(), 480);
    // While all tenants have something to scan, each has a third and each registry of one its half, within a tenth.
    for (name, shares) in [("a1", 45..=55), ("a2", 45..=55), ("b1", 90..=110), ("c1", 90..=110)] {
        let id = fixture.store.registry(name).await.unwrap().unwrap().id;
        let share = order[..300].iter().filter(|registry| **registry == id).count();
        assert!(shares.contains(&share), "{name}: {share}");
    }
}

#[tokio::test]
async fn tenants_are_names_and_can_be_taken_back() {
    let fixture = registries(&[("one", 1), ("two", 1)]).await;
    for wrong in ["", "  ", "a\nb", &"x".repeat(129)] {
        let refused = fixture.store.set_tenant("one", Some(wrong), NOW).await;
        assert!(matches!(refused, Err(RegistryError::Invalid { .. })), "{wrong:?}");
        let refused = fixture.store.add_registry_of(Some(wrong), &settings("new"), NOW).await;
        assert!(matches!(refused, Err(RegistryError::Invalid { .. })), "{wrong:?}");
    }
    let unknown = fixture.store.set_tenant("three", None, NOW).await;
    assert!(matches!(unknown, Err(RegistryError::Unknown(name)) if name == "three"));
    let three = fixture.store.add_registry_of(Some("a"), &settings("three"), NOW).await.unwrap();
    assert_eq!(three.tenant.as_deref(), Some("a"));
    // Whoever changes its settings does not change whose it is.
    let changed = fixture.store.update_registry(&settings("three"), after(1)).await.unwrap();
    assert_eq!(changed.tenant.as_deref(), Some("a"));
    many(&fixture, 2).await;
    let back = fixture.store.set_tenant("three", None, after(2)).await.unwrap();
    assert_eq!((back.tenant, back.modified), (None, after(2)));
    assert_eq!(fixture.store.tasks(&EVERY).await.unwrap().tasks[0].tenant, None);
    let named = fixture.store.set_tenant("one", Some("b"), after(3)).await.unwrap();
    assert_eq!(named.tenant.as_deref(), Some("b"));
    let tasks = fixture.store.tasks(&EVERY).await.unwrap().tasks;
    let of_one = tasks.iter().find(|task| task.registry.as_deref() == Some("one")).unwrap();
    assert_eq!(of_one.tenant.as_deref(), Some("b"));
}
