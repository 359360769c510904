//! Schedules: once in the whole fleet, however many processes look.

use plimsoll_store::{ScheduleError, ScheduleKind, ScheduleSettings, Store};

use crate::builders::{Fixture, NOW, after, open};

fn nightly(name: &str, kind: ScheduleKind, registry: Option<&str>) -> ScheduleSettings {
    ScheduleSettings {
        name: name.to_owned(),
        kind,
        registry: registry.map(ToOwned::to_owned),
        cron: "0 3 * * *".to_owned(),
    }
}

async fn add(store: &Store, settings: &ScheduleSettings, due: i64) {
    store.add_schedule(settings, after(due), NOW).await.unwrap();
}

#[tokio::test]
async fn schedules_are_added_listed_and_removed() {
    let fixture = Fixture::new().await;
    fixture.registry("build").await;
    let scan = nightly("nightly", ScheduleKind::Scan, Some("build"));
    let added = fixture.store.add_schedule(&scan, after(60), NOW).await.unwrap();
    add(&fixture.store, &nightly("all", ScheduleKind::Sync, None), 30).await;
    let listed = fixture.store.schedules().await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].settings, nightly("all", ScheduleKind::Sync, None));
    assert_eq!(listed[1], added);

    let taken = fixture.store.add_schedule(&scan, after(1), NOW).await;
    assert!(matches!(taken, Err(ScheduleError::Taken(name)) if name == "nightly"));
    let unknown = nightly("x", ScheduleKind::Scan, Some("nobody"));
    let unknown = fixture.store.add_schedule(&unknown, after(1), NOW).await;
    assert!(matches!(unknown, Err(ScheduleError::UnknownRegistry(name)) if name == "nobody"));
    let nameless = nightly("a\nb", ScheduleKind::Scan, None);
    let nameless = fixture.store.add_schedule(&nameless, after(1), NOW).await;
    assert!(matches!(nameless, Err(ScheduleError::Name)));

    fixture.store.remove_schedule("all").await.unwrap();
    let gone = fixture.store.remove_schedule("all").await;
    assert!(matches!(gone, Err(ScheduleError::Unknown(name)) if name == "all"));
    // A registry takes what is scheduled for it along.
    fixture.store.remove_registry("build", NOW).await.unwrap();
    assert!(fixture.store.schedules().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_processes_does_what_is_due() {
    let fixture = Fixture::new().await;
    add(&fixture.store, &nightly("one", ScheduleKind::Scan, None), 10).await;
    add(&fixture.store, &nightly("two", ScheduleKind::Sync, None), 5).await;
    let before = fixture.bytes().await;
    assert_eq!(fixture.store.claim_schedule("early", after(4)).await.unwrap(), None);
    assert!(fixture.bytes().await == before, "who looks does not write");
    let other = open(fixture.folder.path()).await;
    let looks: Vec<_> = (0..8)
        .map(|n| {
            let store = if n % 2 == 0 { fixture.store.clone() } else { other.clone() };
            tokio::spawn(
                async move { store.claim_schedule(&format!("p{n}"), after(10)).await.unwrap() },
            )
        })
        .collect();
    let mut claimed = Vec::new();
    for look in looks {
        claimed.extend(look.await.unwrap().map(|lease| lease.schedule.settings.name));
    }
    claimed.sort();
    assert_eq!(claimed, ["one", "two"]);
}

#[tokio::test]
async fn a_dead_process_leaves_it_to_the_next_and_says_nothing_more() {
    let fixture = Fixture::new().await;
    add(&fixture.store, &nightly("nightly", ScheduleKind::Scan, None), 0).await;
    let store = &fixture.store;
    let dead = store.claim_schedule("dead", NOW).await.unwrap().unwrap();
    assert_eq!(store.claim_schedule("next", after(59)).await.unwrap(), None);
    assert!(store.extend_schedule(&dead, after(30)).await.unwrap());
    assert_eq!(store.claim_schedule("next", after(89)).await.unwrap(), None);
    let next = store.claim_schedule("next", after(90)).await.unwrap().unwrap();
    assert!(!store.extend_schedule(&dead, after(91)).await.unwrap());
    assert!(!store.end_schedule(&dead, None, after(86_400), after(91)).await.unwrap());
    assert!(store.end_schedule(&next, Some("401"), after(86_400), after(92)).await.unwrap());
    let listed = store.schedules().await.unwrap().remove(0);
    assert_eq!((listed.due, listed.finished), (after(86_400), Some(after(92))));
    assert_eq!((listed.problem.as_deref(), listed.running_until), (Some("401"), None));
    // Given back, it is due still.
    let held = store.claim_schedule("w", after(86_400)).await.unwrap().unwrap();
    store.release_schedule(&held).await.unwrap();
    assert!(store.claim_schedule("w", after(86_400)).await.unwrap().is_some());
}
