//! Tasks as people see them, and what people do with them.

use std::collections::BTreeMap;

use plimsoll_store::{
    Cancelled, Enqueued, FailReason, MAX_ATTEMPTS, Origin, RecordOutcome, Retry, TaskCounts,
    TaskItem, TaskQuery, TaskState,
};

use crate::builders::{Fixture, NOW, after, digest, image, report, unreadable};

const ALL: TaskQuery = TaskQuery { state: None, registry_id: None, page: 1, page_size: 100 };

/// One registry with images `app:0`, `app:1`, …
async fn queued(count: usize) -> Fixture {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let images: Vec<_> =
        (0..count).map(|n| image("team/app", &n.to_string(), &n.to_string())).collect();
    fixture.sync(&registry, &images).await;
    fixture
}

async fn list(fixture: &Fixture, query: TaskQuery) -> Vec<TaskItem> {
    fixture.store.tasks(&query).await.unwrap().tasks
}

fn names(tasks: &[TaskItem]) -> Vec<&str> {
    tasks.iter().filter_map(|task| task.image.as_deref()).collect()
}

#[tokio::test]
async fn what_runs_is_first_then_what_waits_then_what_ended_last() {
    let fixture = queued(6).await;
    let failed = fixture.store.claim("w", NOW).await.unwrap().unwrap();
    fixture.store.fail(&failed.lease, "no such layer", Retry::Never, after(5)).await.unwrap();
    let done = fixture.store.claim("w", NOW).await.unwrap().unwrap();
    fixture.record(&done.lease, &report(&done.digest, Vec::new()), after(7)).await;
    fixture.store.enqueue(&digest("4"), Origin::User, after(8)).await.unwrap();
    fixture.store.enqueue(&digest("5"), Origin::Push, after(8)).await.unwrap();
    let running = fixture.store.claim("host/3", after(8)).await.unwrap().unwrap();
    assert_eq!(running.digest, digest("4"));

    let tasks = list(&fixture, ALL).await;
    assert_eq!(
        names(&tasks),
        ["team/app:4", "team/app:5", "team/app:2", "team/app:3", "team/app:1", "team/app:0"]
    );
    let first = &tasks[0];
    assert_eq!(first.worker.as_deref(), Some("host/3"));
    assert_eq!((first.lease_until, first.generation), (Some(after(68)), 1));
    assert_eq!((first.origin, first.registry.as_deref()), (Origin::User, Some("build")));
    let last = &tasks[5];
    assert_eq!((last.state, last.reason), (TaskState::Failed, Some(FailReason::Final)));
    assert_eq!(last.error.as_deref(), Some("no such layer"));

    let page = TaskQuery { page: 2, page_size: 4, ..ALL };
    assert_eq!(names(&list(&fixture, page).await), ["team/app:1", "team/app:0"]);
    let only = TaskQuery { state: Some(TaskState::Queued), page_size: 2, ..ALL };
    let page = fixture.store.tasks(&only).await.unwrap();
    assert_eq!((page.total, names(&page.tasks)), (3, vec!["team/app:5", "team/app:2"]));
    let other = fixture.registry("other").await;
    let nothing = TaskQuery { registry_id: Some(other.id), ..ALL };
    assert_eq!(fixture.store.tasks(&nothing).await.unwrap().total, 0);
    assert_eq!(fixture.store.task(first.id).await.unwrap().as_ref(), Some(first));
    assert_eq!(fixture.store.task(1 << 40).await.unwrap(), None);
    let moving = fixture.store.tasks_in_motion(after(6), 10).await.unwrap();
    assert_eq!(names(&moving), ["team/app:1", "team/app:4"]);
    assert_eq!(fixture.store.oldest_due_task(after(8)).await.unwrap(), Some(NOW));
}

#[tokio::test]
async fn a_cancelled_task_is_not_scanned_and_what_ran_lands_nothing() {
    let fixture = queued(2).await;
    let running = fixture.store.claim("w", NOW).await.unwrap().unwrap();
    let waiting = list(&fixture, ALL).await[1].id;
    let id = running.lease.task_id;
    assert_eq!(fixture.store.cancel_task(id, after(1)).await.unwrap(), Cancelled::Running);
    assert_eq!(fixture.store.cancel_task(waiting, after(1)).await.unwrap(), Cancelled::Queued);
    let again = fixture.store.cancel_task(id, after(2)).await.unwrap();
    assert_eq!(again, Cancelled::Ended(TaskState::Cancelled));
    assert_eq!(fixture.store.cancel_task(1 << 40, NOW).await.unwrap(), Cancelled::Unknown);

    assert_eq!(fixture.store.heartbeat(&running.lease, after(2)).await.unwrap(), None);
    let late = fixture.record(&running.lease, &report(&digest("0"), Vec::new()), after(3)).await;
    assert_eq!(late, RecordOutcome::Dropped);
    assert_eq!(fixture.store.claim("w", after(1_000)).await.unwrap(), None);
    let counts = fixture.store.task_counts(None).await.unwrap();
    assert_eq!(counts, TaskCounts { cancelled: 2, ..TaskCounts::default() });
    // A sync that sees the images again does not undo what a person said; a person does.
    let registry = fixture.store.registry("build").await.unwrap().unwrap();
    fixture.sync(&registry, &[image("team/app", "0", "0"), image("team/app", "new", "0")]).await;
    assert_eq!(fixture.store.claim("w", after(1_000)).await.unwrap(), None);
    assert_eq!(fixture.store.retry_task(id, after(1_000)).await.unwrap(), Enqueued::Queued);
    assert_eq!(fixture.store.retry_task(id, after(1_000)).await.unwrap(), Enqueued::Open);
    let retried = fixture.store.claim("w", after(1_000)).await.unwrap().unwrap();
    assert_eq!((retried.attempt, retried.origin), (1, Origin::User));
    // The worker of the first claim still lands nothing.
    let stale = fixture.record(&running.lease, &report(&digest("0"), Vec::new()), NOW).await;
    assert_eq!(stale, RecordOutcome::Dropped);
}

#[tokio::test]
async fn all_of_a_registry_can_be_cancelled_and_all_that_failed_tried_again() {
    let fixture = queued(3).await;
    let other = fixture.registry("other").await;
    fixture.sync(&other, &[image("b", "1", "b 1"), image("b", "2", "b 2")]).await;
    let build = fixture.store.registry("build").await.unwrap().unwrap();
    assert_eq!(fixture.store.cancel_tasks(Some(build.id), NOW).await.unwrap(), 3);
    while let Some(task) = fixture.store.claim("w", NOW).await.unwrap() {
        fixture.store.fail(&task.lease, "away", Retry::Never, NOW).await.unwrap();
    }
    assert_eq!(fixture.store.retry_failed(Some(build.id), NOW).await.unwrap(), 0);
    assert_eq!(fixture.store.retry_failed(None, after(1)).await.unwrap(), 2);
    let tasks = list(&fixture, TaskQuery { state: Some(TaskState::Queued), ..ALL }).await;
    assert!(tasks.iter().all(|task| task.attempts == 0 && task.reason.is_none()));
    assert_eq!(fixture.scan_all(&BTreeMap::new(), after(1)).await, 2);
    assert_eq!(fixture.store.cancel_tasks(None, NOW).await.unwrap(), 0);
}

#[tokio::test]
async fn every_dead_letter_says_why() {
    let fixture = queued(4).await;
    let mut now = NOW;
    // Its worker dies each time.
    for _ in 0..MAX_ATTEMPTS {
        let task = fixture.store.claim("victim", now).await.unwrap().unwrap();
        assert_eq!(task.digest, digest("0"));
        for other in ["1", "2", "3"] {
            let other = digest(other);
            let open = list(&fixture, ALL).await;
            let open = open.iter().find(|task| task.digest == other).unwrap();
            fixture.store.cancel_task(open.id, now).await.unwrap();
        }
        now = task.lease.until;
    }
    assert_eq!(fixture.store.claim("w", now).await.unwrap(), None);
    for name in ["1", "2", "3"] {
        fixture.store.enqueue(&digest(name), Origin::User, now).await.unwrap();
    }
    for attempt in 1..=MAX_ATTEMPTS {
        for _ in 0..3 {
            let Some(task) = fixture.store.claim("w", now).await.unwrap() else { continue };
            if task.digest == digest("1") {
                fixture.store.fail(&task.lease, "503", Retry::Later, now).await.unwrap();
            } else if task.digest == digest("2") {
                fixture.store.fail(&task.lease, "no image", Retry::Never, now).await.unwrap();
            } else {
                fixture.record(&task.lease, &unreadable(&digest("3")), now).await;
            }
        }
        now = plimsoll_model::Timestamp(now.0 + 1_000 * i64::from(attempt));
    }
    let failed = list(&fixture, TaskQuery { state: Some(TaskState::Failed), ..ALL }).await;
    let reasons: BTreeMap<_, _> =
        failed.iter().map(|task| (task.image.clone().unwrap(), task.reason.unwrap())).collect();
    let wanted = [
        ("team/app:0", FailReason::WorkerLost),
        ("team/app:1", FailReason::Attempts),
        ("team/app:2", FailReason::Final),
        ("team/app:3", FailReason::Unreadable),
    ];
    let wanted = wanted.map(|(image, reason)| (image.to_owned(), reason));
    assert_eq!(reasons, BTreeMap::from(wanted));
}
