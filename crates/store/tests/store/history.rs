//! The history of counters: a row a change, none where nothing changed, for a bounded time.

use plimsoll_model::{NewIgnoreRule, RiskCounters};
use plimsoll_store::{ChangedBy, HISTORY_DAYS_SETTING, Origin, ScanRecord, image_uuid};

use crate::{
    builders::{DETECTORS, NOW, after, digest},
    inventories::{fleet, refresh, reports, second},
};

fn uuid(repository: &str) -> String {
    image_uuid("build", "team", repository, "1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_one_row_with_its_reason_and_nothing_else_is_any() {
    let (fixture, _, before) = fleet().await;
    let history = async |name: &str| {
        let changes = fixture.store.counter_history(&uuid(name), 9).await.unwrap();
        let short = changes
            .into_iter()
            .map(|change| (change.at, change.by, change.counters, change.snapshot));
        short.collect::<Vec<_>>()
    };
    let counters = |judge, content: &str| RiskCounters::of(&reports(judge)[&digest(content)]);
    let scanned = (NOW, ChangedBy::Scan, counters(&before, "c"), Some(digest("snapshot-1")));
    assert_eq!(history("c").await, [scanned]);

    // A scan that finds the same again.
    fixture.store.enqueue(&digest("c"), Origin::User, after(5)).await.unwrap();
    let task = fixture.store.claim("test/1", after(5)).await.unwrap().unwrap();
    let report = &reports(&before)[&digest("c")];
    let scan = ScanRecord { report, detectors_version: DETECTORS };
    fixture.store.record_inventory(&task.lease, scan, &before, after(5)).await.unwrap();
    assert_eq!(history("c").await, [scanned]);

    let judge = refresh(&fixture, &before, second(), false).await;
    let refreshed =
        (after(9), ChangedBy::Refresh, counters(&judge, "c"), Some(digest("snapshot-2")));
    assert_eq!(history("c").await, [scanned, refreshed]);
    assert_eq!(history("d").await.len(), 1, "nothing changed there");

    // What a scan changed, of any image; the refresh is not among it.
    let since = fixture.store.scanned_since(NOW, 10).await.unwrap();
    assert_eq!(since.len(), 5);
    assert!(since.iter().all(|one| one.first && one.change.by == ChangedBy::Scan));
    assert!(fixture.store.scanned_since(after(1), 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_forgotten_but_not_where_an_image_stands() {
    let (fixture, _, before) = fleet().await;
    let judge = refresh(&fixture, &before, second(), false).await;
    let mut third = second();
    third.name = "snapshot-3".to_owned();
    third.advisories.retain(|advisory| advisory.2 != "CVE-4");
    refresh(&fixture, &judge, third, false).await;
    let length = async || fixture.store.counter_history(&uuid("c"), 9).await.unwrap().len();
    // The two refreshes ended within the same second.
    assert_eq!(length().await, 2);
    let days = |days: i64| after(9 + days * 86_400 + 1);
    assert_eq!(fixture.store.forget_history(days(89)).await.unwrap(), 0);
    fixture.store.set_setting(HISTORY_DAYS_SETTING, Some("30")).await.unwrap();
    let gone = fixture.store.forget_history(days(30)).await.unwrap();
    assert_eq!(length().await, 1);
    assert_eq!(gone, 3 + 2, "the scans of a, b and c, and two refreshes");
    assert!(fixture.store.deltas_since(NOW, 9).await.unwrap().is_empty());
    assert_eq!(fixture.store.forget_history(days(30)).await.unwrap(), 0, "it is done once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_about_an_image_is_what_it_got_lost_or_must_do_sooner() {
    let (fixture, _, before) = fleet().await;
    refresh(&fixture, &before, second(), false).await;
    let changes = async |name: &str| {
        let changes = fixture.store.image_changes_since(&uuid(name), NOW, 9).await.unwrap();
        let short = changes.into_iter().map(|change| format!("{} {:?}", change.id, change.what));
        short.collect::<Vec<_>>()
    };
    assert_eq!(changes("a").await, ["CVE-1 Priority", "CVE-4 Newly", "CVE-3 Cleared"]);
    assert_eq!(changes("c").await, ["CVE-1 Newly", "CVE-4 Newly"]);
    assert_eq!(changes("d").await, [""; 0]);
    assert_eq!(changes("nothing").await, [""; 0]);
    let later = fixture.store.image_changes_since(&uuid("a"), after(10), 9).await.unwrap();
    assert!(later.is_empty());
    assert_eq!(fixture.store.image_changes_since(&uuid("a"), NOW, 1).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_part_of_the_history_of_the_images_in_which_it_holds() {
    let (fixture, _, before) = fleet().await;
    let rule = NewIgnoreRule {
        vulnerability: "CVE-1".to_owned(),
        repositories: vec!["team/a".to_owned()],
        reason: "not reachable".to_owned(),
        author: "ada".to_owned(),
        ..NewIgnoreRule::default()
    };
    let history = async |name: &str| {
        let changes = fixture.store.counter_history(&uuid(name), 9).await.unwrap();
        let short = changes.into_iter().map(|change| {
            let counters = change.counters;
            (change.at.0 - NOW.0, change.by, counters.asap, counters.later)
        });
        short.collect::<Vec<_>>()
    };
    let scan = (0, ChangedBy::Scan, 1, 1);
    assert_eq!(history("a").await, [scan]);
    let rule = fixture.store.add_ignore_rule(&rule, after(3)).await.unwrap();
    let ruled = (3, ChangedBy::Rule, 1, 0);
    assert_eq!(history("a").await, [scan, ruled]);
    assert_eq!(history("b").await, [scan], "the same contents under another name");
    // CVE-1 would be as soon as possible now; CVE-4 comes, CVE-3 goes.
    refresh(&fixture, &before, second(), false).await;
    let refreshed = history("a").await;
    assert_eq!(refreshed[..2], [scan, ruled]);
    assert_eq!(refreshed[2..], [(9, ChangedBy::Refresh, 0, 1)], "without CVE-1");
    fixture.store.remove_ignore_rules(&[rule.id], after(12)).await.unwrap();
    let last = history("a").await.pop().unwrap();
    assert_eq!(last, (12, ChangedBy::Rule, 1, 1), "as its artifact again");
    fixture.store.forget_history(after(91 * 86_400)).await.unwrap();
    assert_eq!(history("a").await.len(), 1);
}
