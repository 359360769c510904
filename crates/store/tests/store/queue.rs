//! The queue: leases, fairness, retries, and workers that die.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_store::{
    Enqueued, FailOutcome, MAX_ATTEMPTS, Origin, RecordOutcome, Retry, SyncedImage, TaskCounts,
    TaskState,
};

use crate::builders::{Fixture, NOW, after, digest, image, open, report};

async fn queued(count: usize) -> Fixture {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let images: Vec<SyncedImage> =
        (0..count).map(|n| image("team/app", &n.to_string(), &n.to_string())).collect();
    fixture.sync(&registry, &images).await;
    fixture
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_of_two_processes_scan_each_image_once() {
    let fixture = queued(120).await;
    let other = open(fixture.folder.path()).await;
    let workers: Vec<_> = (0..8)
        .map(|number| {
            let store = if number % 2 == 0 { fixture.store.clone() } else { other.clone() };
            tokio::spawn(async move {
                let mut scanned = Vec::new();
                while let Some(task) = store.claim(&format!("w{number}"), NOW).await.unwrap() {
                    let lease = store.heartbeat(&task.lease, NOW).await.unwrap().unwrap();
                    let report = report(&task.digest, Vec::new());
                    let scan =
                        plimsoll_store::ScanRecord { report: &report, detectors_version: "1" };
                    let outcome = store.record_scan(&lease, scan, NOW).await.unwrap();
                    assert_eq!(outcome, RecordOutcome::Stored);
                    scanned.push(task.digest);
                }
                scanned
            })
        })
        .collect();
    let mut scanned = Vec::new();
    for worker in workers {
        scanned.extend(worker.await.unwrap());
    }
    assert_eq!(scanned.len(), 120);
    assert_eq!(scanned.into_iter().collect::<BTreeSet<_>>().len(), 120);
    let counts = fixture.store.task_counts(None).await.unwrap();
    assert_eq!(counts, TaskCounts { done: 120, ..TaskCounts::default() });
}

#[tokio::test]
async fn a_store_that_is_dropped_mid_lease_loses_no_task() {
    let mut fixture = queued(6).await;
    for _ in 0..3 {
        let task = fixture.store.claim("dead/1", NOW).await.unwrap().unwrap();
        assert_eq!(task.attempt, 1);
    }
    // No close, no release: like a process that was killed.
    let folder = fixture.folder;
    drop(fixture.store);
    fixture = Fixture { store: open(folder.path()).await, folder };
    let counts = fixture.store.task_counts(None).await.unwrap();
    assert_eq!((counts.queued, counts.running), (3, 3));
    assert_eq!(fixture.scan_all(&BTreeMap::new(), after(59)).await, 3, "the leases stand");
    assert_eq!(fixture.scan_all(&BTreeMap::new(), after(60)).await, 3, "the leases have ended");
    let counts = fixture.store.task_counts(None).await.unwrap();
    assert_eq!(counts, TaskCounts { done: 6, ..TaskCounts::default() });
}

#[tokio::test]
async fn tasks_of_a_process_known_to_be_dead_are_free_at_once() {
    let fixture = queued(3).await;
    fixture.store.claim("host-a/1", NOW).await.unwrap().unwrap();
    fixture.store.claim("host-a/2", NOW).await.unwrap().unwrap();
    fixture.store.claim("host-ab/1", NOW).await.unwrap().unwrap();
    assert_eq!(fixture.store.release_worker("host-a/", after(1)).await.unwrap(), 2);
    let again = fixture.store.claim("host-a/1", after(1)).await.unwrap().unwrap();
    assert_eq!(again.attempt, 2, "one of them may be what killed it");
    assert!(fixture.store.claim("host-a/1", after(1)).await.unwrap().is_some());
    assert_eq!(fixture.store.claim("host-a/1", after(1)).await.unwrap(), None);
}

#[tokio::test]
async fn heartbeats_keep_a_lease() {
    let fixture = queued(1).await;
    let task = fixture.store.claim("w", NOW).await.unwrap().unwrap();
    assert_eq!(task.lease.until, after(60));
    let lease = fixture.store.heartbeat(&task.lease, after(45)).await.unwrap().unwrap();
    assert_eq!(lease.until, after(105));
    assert_eq!(fixture.store.claim("other", after(104)).await.unwrap(), None);
    // Late, but nobody has taken it: the lease goes on.
    let lease = fixture.store.heartbeat(&lease, after(500)).await.unwrap().unwrap();
    assert_eq!(lease.until, after(560));
    assert!(fixture.store.claim("other", after(560)).await.unwrap().is_some());
    assert_eq!(fixture.store.heartbeat(&lease, after(560)).await.unwrap(), None);
}

#[tokio::test]
async fn failures_pause_longer_each_time_and_end() {
    let fixture = queued(1).await;
    let mut now = NOW;
    let mut pauses = Vec::new();
    for attempt in 1..=MAX_ATTEMPTS {
        let task = fixture.store.claim("w", now).await.unwrap().unwrap();
        assert_eq!(task.attempt, attempt);
        let error = format!("attempt {attempt}: {}", "x".repeat(5_000));
        match fixture.store.fail(&task.lease, &error, Retry::Later, now).await.unwrap() {
            FailOutcome::Again(due) => {
                pauses.push(due.0 - now.0);
                let early = plimsoll_model::Timestamp(due.0 - 1);
                assert_eq!(fixture.store.claim("w", early).await.unwrap(), None);
                now = due;
            }
            outcome => {
                assert_eq!((attempt, outcome), (MAX_ATTEMPTS, FailOutcome::Failed));
            }
        }
    }
    assert_eq!(pauses.len(), 4);
    assert!(pauses.is_sorted() && pauses[0] >= 30 && pauses[3] < 300, "{pauses:?}");
    assert_eq!(fixture.store.claim("w", after(1_000_000)).await.unwrap(), None);
    let failed = fixture.store.failed_tasks(10).await.unwrap();
    assert_eq!(failed.len(), 1);
    let error = failed[0].error.as_ref().unwrap();
    assert!(error.starts_with("attempt 5: ") && error.len() == 2_000);
    // A person can ask again, with all attempts.
    let again = fixture.store.enqueue(&digest("0"), Origin::User, now).await.unwrap();
    assert_eq!(again, Enqueued::Queued);
    assert_eq!(fixture.store.claim("w", now).await.unwrap().unwrap().attempt, 1);
}

#[tokio::test]
async fn a_task_that_kills_its_workers_does_not_block_the_others() {
    let fixture = queued(1).await;
    let mut now = NOW;
    for attempt in 1..=MAX_ATTEMPTS {
        let task = fixture.store.claim(&format!("victim-{attempt}"), now).await.unwrap().unwrap();
        now = task.lease.until;
    }
    assert_eq!(fixture.store.claim("w", now).await.unwrap(), None);
    let failed = fixture.store.failed_tasks(10).await.unwrap();
    let error = failed[0].error.as_ref().unwrap();
    assert!(error.contains("victim-5") && error.contains("attempt 5"), "{error}");
}

#[tokio::test]
async fn a_released_task_loses_no_attempt() {
    let fixture = queued(1).await;
    for _ in 0..10 {
        let task = fixture.store.claim("w", NOW).await.unwrap().unwrap();
        assert_eq!(task.attempt, 1);
        fixture.store.release(&task.lease, NOW).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_person_asks_for_goes_first() {
    let fixture = queued(5).await;
    assert_eq!(
        fixture.store.enqueue(&digest("3"), Origin::User, after(9)).await.unwrap(),
        Enqueued::Open
    );
    let first = fixture.store.claim("w", after(9)).await.unwrap().unwrap();
    assert_eq!((first.digest, first.origin), (digest("3"), Origin::User));
    assert_eq!(fixture.store.claim("w", after(9)).await.unwrap().unwrap().digest, digest("0"));
    let running = fixture.store.enqueue(&digest("3"), Origin::User, after(9)).await.unwrap();
    assert_eq!(running, Enqueued::Open);
    let unknown = fixture.store.enqueue(&digest("x"), Origin::User, after(9)).await.unwrap();
    assert_eq!(unknown, Enqueued::Unknown);
}

#[tokio::test]
async fn a_large_registry_does_not_starve_a_small_one() {
    let fixture = Fixture::new().await;
    let large = fixture.registry("large").await;
    let small = fixture.registry("small").await;
    let images: Vec<_> =
        (0..50).map(|n| image("a", &n.to_string(), &format!("large {n}"))).collect();
    fixture.sync(&large, &images).await;
    fixture.sync(&small, &[image("a", "1", "small 1"), image("a", "2", "small 2")]).await;
    let mut order = Vec::new();
    for _ in 0..6 {
        let task = fixture.store.claim("w", NOW).await.unwrap().unwrap();
        order.push(if task.registry_id == small.id { "small" } else { "large" });
    }
    assert_eq!(order, ["large", "small", "large", "small", "large", "large"]);
    let counts = fixture.store.task_counts(Some(small.id)).await.unwrap();
    assert_eq!(counts, TaskCounts { running: 2, ..TaskCounts::default() });
}

#[tokio::test]
async fn a_lease_that_ended_takes_no_share() {
    let fixture = Fixture::new().await;
    let one = fixture.registry("one").await;
    let two = fixture.registry("two").await;
    let images = |registry: &str| {
        (0..4).map(|n| image("a", &n.to_string(), &format!("{registry} {n}"))).collect::<Vec<_>>()
    };
    fixture.sync(&one, &images("one")).await;
    for _ in 0..3 {
        fixture.store.claim("dead", NOW).await.unwrap().unwrap();
    }
    fixture.sync(&two, &images("two")).await;
    let mut order = Vec::new();
    for _ in 0..4 {
        let task = fixture.store.claim("w", after(60)).await.unwrap().unwrap();
        order.push(if task.registry_id == one.id { "one" } else { "two" });
    }
    // Three claims of `one` are three turns: `two` begins where the latest one was.
    assert_eq!(order, ["two", "one", "two", "one"]);
}

#[tokio::test]
async fn all_images_of_a_registry_can_be_asked_for() {
    let fixture = queued(4).await;
    let other = fixture.registry("other").await;
    fixture.sync(&other, &[image("b", "1", "0"), image("b", "2", "new")]).await;
    fixture.scan_all(&BTreeMap::new(), NOW).await;
    let wish =
        async |registry| fixture.store.enqueue_registry(registry, Origin::User, NOW).await.unwrap();
    assert_eq!(wish(Some(other.id)).await, 2);
    assert_eq!(wish(None).await, 3, "two are queued already");
    assert_eq!(fixture.scan_all(&BTreeMap::new(), NOW).await, 5);
}

#[tokio::test]
async fn a_hint_wakes_who_waits_and_who_comes_to_wait() {
    let fixture = queued(1).await;
    // Queued before anybody waited.
    fixture.store.task_hint().await;
    let waiting = {
        let store = fixture.store.clone();
        tokio::spawn(async move { store.task_hint().await })
    };
    tokio::task::yield_now().await;
    fixture.scan_all(&BTreeMap::new(), NOW).await;
    fixture.store.enqueue(&digest("0"), Origin::User, NOW).await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn waiting_workers_do_not_write() {
    let fixture = queued(1).await;
    let task = fixture.store.claim("w", NOW).await.unwrap().unwrap();
    let before = fixture.bytes().await;
    for _ in 0..5 {
        assert_eq!(fixture.store.claim("idle", NOW).await.unwrap(), None);
    }
    assert!(fixture.bytes().await == before);
    assert_eq!(
        fixture.store.artifact(&task.digest).await.unwrap().unwrap().task.unwrap().state,
        TaskState::Running
    );
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_whoever_claims_says() {
    let fixture = queued(2).await;
    for (asked, lasts) in [(5, 5), (0, 2)] {
        let lease = std::time::Duration::from_secs(asked);
        let options = crate::outside::options(fixture.folder.path()).await;
        let options = plimsoll_store::StoreOptions { lease, ..options };
        let store = plimsoll_store::Store::open(fixture.folder.path(), options).await.unwrap();
        let task = store.claim("w", NOW).await.unwrap().unwrap();
        assert_eq!(task.lease.until, after(lasts));
        let lease = store.heartbeat(&task.lease, after(1)).await.unwrap().unwrap();
        assert_eq!(lease.until, after(1 + lasts));
        store.close().await;
    }
    assert_eq!(fixture.store.claim("w", after(2)).await.unwrap(), None);
    assert!(fixture.store.claim("w", after(3)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_says_what_time_it_is_and_a_file_does_not() {
    let fixture = Fixture::new().await;
    let time = fixture.store.database_time().await.unwrap();
    assert_eq!(time.is_some(), crate::outside::on_postgres());
    assert!(time.is_none_or(|time| time.0 > 1_700_000_000));
}
