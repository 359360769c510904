//! Messages to subscribers: what is queued with what, what they say, and that each is delivered by one at a time until it
//! arrives or is given up.

use plimsoll_model::{NewIgnoreRule, Priority, Secret, Timestamp};
use plimsoll_store::{
    Composition, Delivered, Delivery, Judge, MAX_DELIVERIES, MessageKind, MessageState,
    MessageTask, Most, Retry, ScanRecord, SubscriptionError, SubscriptionSettings, Wanted,
    Workload,
};

use crate::{
    builders::{DETECTORS, Fixture, NOW, after, digest, image},
    inventories::{first, fleet, refresh, second},
    judge::{TestJudge, scan},
    outside::{on_postgres, run_sql},
};

const MOST: Most = Most { findings: 10, images: 10, scanned: 10 };

fn subscription(name: &str, wanted: Wanted) -> SubscriptionSettings {
    SubscriptionSettings {
        name: name.to_owned(),
        channel: "webhook".to_owned(),
        shown: "https://chat.test".to_owned(),
        destination: Secret::new("https://chat.test/robot?token=canary-address".to_owned()),
        secret: Some(Secret::new("canary-secret".to_owned())),
        wanted,
    }
}

async fn subscribe(fixture: &Fixture, name: &str, wanted: Wanted) {
    fixture.store.add_subscription(&subscription(name, wanted), NOW).await.unwrap();
}

async fn claim(fixture: &Fixture, now: Timestamp) -> Option<MessageTask> {
    fixture.store.claim_message("process/1", None, now).await.unwrap()
}

/// What each message that is due says, by subscriber.
async fn said(fixture: &Fixture, now: Timestamp) -> Vec<(String, MessageKind, Vec<String>)> {
    let mut said = Vec::new();
    while let Some(task) = claim(fixture, now).await {
        let composition = fixture.store.compose(&task, MOST).await.unwrap();
        said.push((task.subscription.name.clone(), task.kind, sentences(&composition)));
        assert_eq!(fixture.store.end_message(&task.lease, now).await.unwrap(), Delivered::Done);
    }
    said.sort_by(|a, b| a.0.cmp(&b.0));
    said
}

fn sentences(composition: &Composition) -> Vec<String> {
    let word = |priority: Option<Priority>| priority.map_or("none", Priority::as_str);
    let findings = composition.findings.iter().map(|about| {
        let named: Vec<&str> = about.named.iter().map(|named| named.image.as_str()).collect();
        format!(
            "{} {}>{} {}/{}/{} {}",
            about.id,
            word(about.priority_before),
            word(about.priority),
            about.images,
            about.newly,
            about.cleared,
            named.join(" ")
        )
    });
    let scanned = composition
        .scanned
        .iter()
        .map(|about| format!("{} asap {}", about.named.image, about.counters.asap));
    findings.chain(scanned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_one_message_a_subscriber_about_the_images_that_it_means() {
    let (fixture, _, before) = fleet().await;
    let asap = Some(Priority::Asap);
    let only = |patterns: &[&str]| patterns.iter().map(|text| (*text).to_owned()).collect();
    subscribe(&fixture, "all", Wanted::default()).await;
    subscribe(&fixture, "asap", Wanted { minimum: asap, ..Wanted::default() }).await;
    subscribe(&fixture, "c", Wanted { repositories: only(&["c", "x*"]), ..Wanted::default() })
        .await;
    subscribe(&fixture, "d", Wanted { repositories: only(&["d"]), ..Wanted::default() }).await;
    subscribe(&fixture, "elsewhere", Wanted { registries: only(&["x?"]), ..Wanted::default() })
        .await;
    subscribe(&fixture, "running", Wanted { running: true, ..Wanted::default() }).await;
    let workload = Workload {
        namespace: "shop".to_owned(),
        app: "web".to_owned(),
        pod: "web-1".to_owned(),
        container: "web".to_owned(),
        image: "build.test/team/b:1".to_owned(),
        digest: Some(digest("b")),
        detail: Default::default(),
    };
    fixture.store.replace_workloads("cluster-1", &[workload], NOW).await.unwrap();
    refresh(&fixture, &before, second(), false).await;

    let changed = MessageKind::Changed;
    let told = |name: &str, lines: &[&str]| {
        (name.to_owned(), changed, lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    };
    let cve_1 = "CVE-1 later>asap 4/1/0 team/c:1";
    let cve_3 = "CVE-3 asap>none 0/0/3 ";
    assert_eq!(
        said(&fixture, after(9)).await,
        [
            told(
                "all",
                &[cve_1, "CVE-4 none>later 4/4/0 team/a:1 team/a:latest team/b:1 team/c:1", cve_3]
            ),
            told("asap", &[cve_1, cve_3]),
            told("c", &["CVE-1 later>asap 1/1/0 team/c:1", "CVE-4 none>later 1/1/0 team/c:1"]),
            // Nothing to say: whoever delivers removes it.
            told("d", &[]),
            told("elsewhere", &[]),
            // Hit before already, but now urgent.
            told(
                "running",
                &[
                    "CVE-1 later>asap 1/0/0 team/b:1",
                    "CVE-4 none>later 1/1/0 team/b:1",
                    "CVE-3 asap>none 0/0/1 "
                ]
            ),
        ]
    );
    assert_eq!(claim(&fixture, after(100_000)).await, None);
}

/// A fleet is large, and a change touches little of it.
#[tokio::test(flavor = "multi_thread")]
async fn images_that_a_change_does_not_touch_are_not_read() {
    if on_postgres() {
        eprintln!("skipped: PostgreSQL keeps what cannot be read out of its columns");
        return;
    }
    let (fixture, _, before) = fleet().await;
    let team = Wanted { namespaces: vec!["team".to_owned()], ..Wanted::default() };
    subscribe(&fixture, "all", Wanted::default()).await;
    subscribe(&fixture, "team", team).await;
    refresh(&fixture, &before, second(), false).await;
    // Nothing changed in `d`: whoever read it would stumble.
    run_sql(fixture.folder.path(), "UPDATE images SET namespace = x'ff' WHERE repository = 'd'")
        .await;
    let said = said(&fixture, after(9)).await;
    assert_eq!(said[0].2, said[1].2);
    assert_eq!(said[0].2.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_in_which_a_rule_covers_it_is_not_hit() {
    let (fixture, _, before) = fleet().await;
    subscribe(&fixture, "all", Wanted::default()).await;
    let rule = |vulnerability: &str, repository: &str| NewIgnoreRule {
        vulnerability: vulnerability.to_owned(),
        repositories: vec![repository.to_owned()],
        reason: "not reachable".to_owned(),
        author: "ada".to_owned(),
        ..NewIgnoreRule::default()
    };
    let rules = [rule("CVE-1", "team/c"), rule("CVE-4", "*")];
    fixture.store.add_ignore_rules(&rules, after(1)).await.unwrap();
    refresh(&fixture, &before, second(), false).await;
    assert_eq!(
        said(&fixture, after(9)).await[0].2,
        ["CVE-1 later>asap 3/0/0 team/a:1 team/a:latest team/b:1", "CVE-3 asap>none 0/0/3 "]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_gathers_what_is_not_told_at_once() {
    let (fixture, _, before) = fleet().await;
    let asap = Priority::Asap;
    let hour = 8;
    let wanted = |delivery| Wanted { delivery, ..Wanted::default() };
    subscribe(&fixture, "digest", wanted(Delivery::Digest { hour })).await;
    subscribe(&fixture, "split", wanted(Delivery::Split { from: asap, hour })).await;
    let judge = refresh(&fixture, &before, second(), false).await;
    // CVE-1 is what it was before the first refresh, and CVE-4 is worse.
    let mut third = first();
    third.name = "snapshot-3".to_owned();
    third.advisories.push(("libc6", &["1"], "CVE-4".to_owned(), 100));
    refresh(&fixture, &judge, third, false).await;

    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let split = |told: &[&str]| ("split".to_owned(), MessageKind::Changed, lines(told));
    assert_eq!(
        said(&fixture, after(9)).await,
        [
            // Told when the fleet is at the third snapshot already: c was hit, and no longer is.
            split(&["CVE-1 later>asap 3/0/0 team/a:1 team/a:latest team/b:1"]),
            split(&[
                "CVE-3 none>asap 3/3/0 team/a:1 team/a:latest team/b:1",
                "CVE-1 asap>later 3/0/1 team/a:1 team/a:latest team/b:1"
            ]),
        ]
    );
    let tomorrow = "2026-11-26T08:00:00Z".parse().unwrap();
    assert_eq!(
        said(&fixture, tomorrow).await,
        [
            (
                "digest".to_owned(),
                MessageKind::Digest,
                lines(&["CVE-4 none>later 4/4/0 team/a:1 team/a:latest team/b:1 team/c:1"])
            ),
            (
                "split".to_owned(),
                MessageKind::Digest,
                lines(&["CVE-4 none>later 4/4/0 team/a:1 team/a:latest team/b:1 team/c:1"])
            ),
        ]
    );
}

/// Scans a new image of a package that has to be updated as soon as possible.
async fn scan_new(fixture: &Fixture, content: &'static str, judge: &TestJudge, now: Timestamp) {
    let registry = fixture.store.registry("build").await.unwrap().unwrap();
    fixture.sync(&registry, &[image(&format!("team/{content}"), "1", content)]).await;
    let task = fixture.store.claim("test/1", now).await.unwrap().unwrap();
    let report = scan(judge, &task.digest, &["base"], &[("curl", "1")], &[]);
    let scan = ScanRecord { report: &report, detectors_version: DETECTORS };
    fixture.store.record_inventory(&task.lease, scan, judge, now).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_images_with_urgent_findings_are_one_message_a_minute() {
    let (fixture, _, judge) = fleet().await;
    let wanted = |new_images, delivery| Wanted { new_images, delivery, ..Wanted::default() };
    subscribe(&fixture, "at-once", wanted(true, Delivery::Instant)).await;
    subscribe(&fixture, "daily", wanted(true, Delivery::Digest { hour: 8 })).await;
    subscribe(&fixture, "not", wanted(false, Delivery::Instant)).await;
    let elsewhere =
        Wanted { repositories: vec!["x".to_owned()], ..wanted(true, Delivery::Instant) };
    subscribe(&fixture, "elsewhere", elsewhere).await;
    scan_new(&fixture, "e", &judge, after(1)).await;
    scan_new(&fixture, "f", &judge, after(2)).await;
    assert_eq!(claim(&fixture, after(2)).await, None, "the minute is not over");
    let lines = vec!["team/e:1 asap 1".to_owned(), "team/f:1 asap 1".to_owned()];
    assert_eq!(
        said(&fixture, after(62)).await,
        [
            ("at-once".to_owned(), MessageKind::Scanned, lines.clone()),
            ("elsewhere".to_owned(), MessageKind::Scanned, Vec::new())
        ]
    );
    // What comes too late for a message that went is told by the next.
    scan_new(&fixture, "g", &judge, after(3)).await;
    assert_eq!(claim(&fixture, after(3)).await, None);
    let late = said(&fixture, after(200)).await;
    assert_eq!(late[0].2, ["team/g:1 asap 1"]);
    let tomorrow = "2026-11-26T08:00:00Z".parse().unwrap();
    let daily = said(&fixture, tomorrow).await;
    assert_eq!(daily.len(), 1);
    assert_eq!(daily[0].2, [lines, vec!["team/g:1 asap 1".to_owned()]].concat());
    // The same image again is nothing new.
    fixture.store.enqueue(&digest("e"), plimsoll_store::Origin::User, after(300)).await.unwrap();
    let task = fixture.store.claim("test/1", after(300)).await.unwrap().unwrap();
    let report = scan(&judge, &task.digest, &["base"], &[("curl", "1")], &["root"]);
    let record = ScanRecord { report: &report, detectors_version: DETECTORS };
    fixture.store.record_inventory(&task.lease, record, &judge, after(300)).await.unwrap();
    assert_eq!(claim(&fixture, after(1_000_000)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_refresh_and_its_messages_are_one() {
    let (fixture, _, before) = fleet().await;
    subscribe(&fixture, "all", Wanted::default()).await;
    // The disk is full, or whatever may happen, at the very last row.
    let (full, free) = if on_postgres() {
        (
            "ALTER TABLE message_sources ADD CONSTRAINT is_full CHECK (message_id < 0)",
            "ALTER TABLE message_sources DROP CONSTRAINT is_full",
        )
    } else {
        (
            "CREATE TRIGGER is_full BEFORE INSERT ON message_sources BEGIN SELECT RAISE(ABORT, 'full'); END",
            "DROP TRIGGER is_full",
        )
    };
    run_sql(fixture.folder.path(), full).await;
    let judge = std::sync::Arc::new(second());
    let names = judge.names_since(&before);
    fixture.store.begin_refresh(judge.as_ref(), Some(&names), false, NOW).await.unwrap();
    let dynamic: std::sync::Arc<dyn Judge> = judge;
    let go_on = || true;
    let failed = fixture.store.continue_refresh(dynamic.clone(), after(9), &go_on).await;
    assert!(failed.is_err());
    assert!(fixture.store.deltas_since(NOW, 9).await.unwrap().is_empty(), "it is not done");
    assert_eq!(claim(&fixture, after(9)).await, None);
    run_sql(fixture.folder.path(), free).await;
    fixture.store.continue_refresh(dynamic.clone(), after(10), &go_on).await.unwrap();
    fixture.store.continue_refresh(dynamic, after(11), &go_on).await.unwrap();
    let told = said(&fixture, after(11)).await;
    assert_eq!(told.len(), 1, "once, however often it was tried");
    assert_eq!(told[0].2.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_with_one_worker_and_keeps_its_id_and_text() {
    let (fixture, _, _) = fleet().await;
    subscribe(&fixture, "all", Wanted::default()).await;
    let event_id = fixture.store.queue_test_message("all", NOW, NOW).await.unwrap();
    let first = claim(&fixture, NOW).await.unwrap();
    assert_eq!(
        (first.event_id.as_str(), first.attempt, &first.body),
        (event_id.as_str(), 1, &None)
    );
    assert_eq!(first.destination.reveal(), "https://chat.test/robot?token=canary-address");
    assert_eq!(first.secret.as_ref().map(|secret| secret.reveal().as_str()), Some("canary-secret"));
    assert!(fixture.store.keep_message(&first.lease, "text").await.unwrap());
    assert_eq!(claim(&fixture, after(59)).await, None, "it is taken");
    // The worker is killed: its lease ends.
    let second = claim(&fixture, after(60)).await.unwrap();
    assert_eq!(
        (second.event_id, second.attempt, second.body),
        (event_id, 2, Some("text".to_owned()))
    );
    // It was only stopped: none of its words counts any more.
    assert_eq!(
        fixture.store.end_message(&first.lease, after(61)).await.unwrap(),
        Delivered::Dropped
    );
    assert!(!fixture.store.keep_message(&first.lease, "other").await.unwrap());
    let late = fixture.store.fail_message(&first, "late", Retry::Later, None, after(61)).await;
    assert_eq!(late.unwrap(), Delivered::Dropped);
    // A process that is known to be dead is not waited for.
    assert_eq!(fixture.store.release_messages("other/", after(61)).await.unwrap(), 0);
    assert_eq!(fixture.store.release_messages("process/", after(61)).await.unwrap(), 1);
    let third = claim(&fixture, after(61)).await.unwrap();
    assert!(fixture.store.release_message(&third.lease).await.unwrap());
    let fourth = claim(&fixture, after(61)).await.unwrap();
    assert_eq!(fourth.attempt, 3, "what is given back does not count");
    let done = fixture.store.end_message(&fourth.lease, after(62)).await.unwrap();
    assert_eq!(done, Delivered::Done);
    assert_eq!(claim(&fixture, after(9_999)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_later_and_in_the_end_given_up() {
    let (fixture, _, _) = fleet().await;
    subscribe(&fixture, "all", Wanted::default()).await;
    fixture.store.queue_test_message("all", NOW, NOW).await.unwrap();
    let mut now = NOW;
    let mut pauses = Vec::new();
    loop {
        let task = claim(&fixture, now).await.unwrap();
        match fixture.store.fail_message(&task, "no answer", Retry::Later, None, now).await.unwrap()
        {
            Delivered::Again(due) => {
                assert_eq!(claim(&fixture, Timestamp(due.0 - 1)).await, None);
                pauses.push(due.0 - now.0);
                now = due;
            }
            outcome => {
                assert_eq!((outcome, task.attempt), (Delivered::Failed, MAX_DELIVERIES));
                break;
            }
        }
    }
    assert_eq!(pauses.len(), usize::try_from(MAX_DELIVERIES).unwrap() - 1);
    assert!(pauses[..8].is_sorted(), "they grow up to six hours: {pauses:?}");
    assert_eq!(claim(&fixture, Timestamp(now.0 + 1_000_000)).await, None);
    let id = fixture.store.subscription("all").await.unwrap().unwrap().id;
    let messages = fixture.store.messages(id, 9).await.unwrap();
    assert_eq!(messages[0].state, MessageState::Failed);
    assert_eq!(messages[0].error.as_deref(), Some("no answer"));
    // A person asks again; a receiver's wish counts, and what is not to be tried again is not.
    assert_eq!(fixture.store.retry_messages("all", now).await.unwrap(), 1);
    let task = claim(&fixture, now).await.unwrap();
    let again = fixture.store.fail_message(&task, "busy", Retry::Later, Some(500), now).await;
    assert_eq!(again.unwrap(), Delivered::Again(Timestamp(now.0 + 500)));
    let now = Timestamp(now.0 + 500);
    let task = claim(&fixture, now).await.unwrap();
    let gone = fixture.store.fail_message(&task, "gone", Retry::Never, None, now).await.unwrap();
    assert_eq!(gone, Delivered::Failed);
    let counts = fixture.store.message_counts(id).await.unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("failed", 1)]);
    let kept = fixture.store.forget_messages(Timestamp(now.0 + 29 * 86_400)).await.unwrap();
    assert_eq!(kept, 0);
    let gone = fixture.store.forget_messages(Timestamp(now.0 + 31 * 86_400)).await.unwrap();
    assert_eq!(gone, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_its_worker_is_given_up() {
    let (fixture, _, _) = fleet().await;
    subscribe(&fixture, "all", Wanted::default()).await;
    fixture.store.queue_test_message("all", NOW, NOW).await.unwrap();
    let mut now = NOW;
    for attempt in 1..=MAX_DELIVERIES {
        assert_eq!(claim(&fixture, now).await.unwrap().attempt, attempt);
        now = Timestamp(now.0 + 60);
    }
    assert_eq!(claim(&fixture, now).await, None);
    let id = fixture.store.subscription("all").await.unwrap().unwrap().id;
    let last = fixture.store.messages(id, 1).await.unwrap().remove(0);
    assert_eq!(last.state, MessageState::Failed);
    assert!(last.error.unwrap().contains("stopped during attempt 10"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_can_be_taken_before_it_is_due() {
    let (fixture, _, _) = fleet().await;
    subscribe(&fixture, "all", Wanted::default()).await;
    let other = fixture.store.queue_test_message("all", NOW, NOW).await.unwrap();
    let event_id = fixture.store.queue_test_message("all", after(3_600), NOW).await.unwrap();
    let take =
        async |id: &str| fixture.store.claim_message("process/1", Some(id), NOW).await.unwrap();
    assert_eq!(take(&event_id).await.unwrap().event_id, event_id);
    assert_eq!(take(&event_id).await, None, "it is taken");
    assert_eq!(take("nothing").await, None);
    assert_eq!(claim(&fixture, NOW).await.unwrap().event_id, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_messages_without_delivering_one_twice() {
    let (fixture, _, _) = fleet().await;
    subscribe(&fixture, "all", Wanted::default()).await;
    for _ in 0..20 {
        fixture.store.queue_test_message("all", NOW, NOW).await.unwrap();
    }
    let mut workers = Vec::new();
    for worker in 0..4 {
        let store = fixture.store.clone();
        workers.push(tokio::spawn(async move {
            let mut own = Vec::new();
            while let Some(task) =
                store.claim_message(&format!("process/{worker}"), None, NOW).await.unwrap()
            {
                own.push(task.event_id.clone());
                store.end_message(&task.lease, NOW).await.unwrap();
            }
            own
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), 20);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_secrets_are_sealed_and_go_with_their_subscription() {
    let (fixture, _, _) = fleet().await;
    subscribe(&fixture, "all", Wanted::default()).await;
    let taken = fixture.store.add_subscription(&subscription("all", Wanted::default()), NOW).await;
    assert!(matches!(taken, Err(SubscriptionError::Taken(name)) if name == "all"));
    let dump = fixture.dump(&[]).await.join("\n");
    assert!(!dump.contains("canary"), "{dump}");
    let listed = fixture.store.subscriptions().await.unwrap();
    assert_eq!((listed[0].shown.as_str(), listed[0].has_secret), ("https://chat.test", true));
    assert!(!format!("{listed:?}").contains("canary"));
    // A row that is given another's number does not open.
    fixture.store.queue_test_message("all", NOW, NOW).await.unwrap();
    let (off, on) = if on_postgres() {
        (
            "ALTER TABLE messages DROP CONSTRAINT messages_subscription_id_fkey",
            "ALTER TABLE messages ADD FOREIGN KEY (subscription_id) REFERENCES subscriptions (id) ON DELETE CASCADE",
        )
    } else {
        ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON")
    };
    let moved = "UPDATE subscriptions SET id = 77; UPDATE messages SET subscription_id = 77";
    run_sql(fixture.folder.path(), &format!("{off}; {moved}; {on}")).await;
    let error = fixture.store.claim_message("process/1", None, NOW).await.unwrap_err();
    assert!(error.to_string().contains("does not decrypt"), "{error}");
    assert_eq!(fixture.store.remove_subscription("all").await.unwrap(), 1);
    let gone = fixture.store.remove_subscription("all").await;
    assert!(matches!(gone, Err(SubscriptionError::Unknown(_))));
    assert_eq!(claim(&fixture, after(9_999)).await, None);
}
