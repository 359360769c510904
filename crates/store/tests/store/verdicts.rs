//! Verdicts of a policy: kept with each image, listed and filtered by, and due again whenever what they rest on is another.

use plimsoll_model::{Kind, Level, NewIgnoreRule};
use plimsoll_store::{ImageRiskQuery, KeptVerdict, Store, SyncListing};

use crate::builders::{Fixture, NOW, digest, image, report, risk, vulnerability};

async fn due(store: &Store) -> Vec<String> {
    let mut names = Vec::new();
    for one in store.images_due(100).await.unwrap() {
        names.push(store.image(&one.uuid).await.unwrap().unwrap().tag);
    }
    names.sort();
    names
}

/// Judges all that is due; what is named is denied.
async fn judge(store: &Store, denied: &[&str]) {
    let mut verdicts = Vec::new();
    for one in store.images_due(100).await.unwrap() {
        let tag = store.image(&one.uuid).await.unwrap().unwrap().tag;
        let is_denied = denied.contains(&tag.as_str());
        verdicts.push((one, if is_denied { KeptVerdict::Deny } else { KeptVerdict::Pass }));
    }
    store.keep_verdicts(&verdicts).await.unwrap();
}

async fn tags(store: &Store, policy: Option<KeptVerdict>) -> Vec<String> {
    let query = ImageRiskQuery { policy, ..ImageRiskQuery::default() };
    let page = store.list_image_risk(&query).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    for item in &page.items {
        assert!(policy.is_none() || item.policy == policy);
        let one = store.image_risk(&item.image.uuid).await.unwrap().unwrap();
        assert_eq!(one.policy, item.policy);
    }
    let mut tags: Vec<String> = page.items.into_iter().map(|item| item.image.tag).collect();
    tags.sort();
    tags
}

/// Three tags of two contents, scanned.
async fn filled() -> Fixture {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let images = [image("app", "1", "one"), image("app", "2", "one"), image("app", "3", "two")];
    fixture.sync(&registry, &images).await;
    fixture.scan_all(&Default::default(), NOW).await;
    fixture
}

#[tokio::test]
async fn without_a_policy_nothing_is_due_and_nothing_is_written() {
    let fixture = filled().await;
    let store = &fixture.store;
    assert!(due(store).await.is_empty());
    assert_eq!(tags(store, None).await, ["1", "2", "3"]);
    assert!(tags(store, Some(KeptVerdict::Pass)).await.is_empty());
    let bytes = fixture.bytes().await;
    store.judge_by(None).await.unwrap();
    assert_eq!(fixture.bytes().await, bytes);
}

#[tokio::test]
async fn verdicts_are_kept_listed_and_forgotten_with_their_policy() {
    let fixture = filled().await;
    let store = &fixture.store;
    store.judge_by(Some("first")).await.unwrap();
    assert_eq!(due(store).await, ["1", "2", "3"]);
    judge(store, &["2"]).await;
    assert!(due(store).await.is_empty());
    assert_eq!(tags(store, Some(KeptVerdict::Deny)).await, ["2"]);
    assert_eq!(tags(store, Some(KeptVerdict::Pass)).await, ["1", "3"]);
    assert!(tags(store, Some(KeptVerdict::Warn)).await.is_empty());
    // The same policy again, as after a restart.
    let bytes = fixture.bytes().await;
    store.judge_by(Some("first")).await.unwrap();
    assert_eq!(fixture.bytes().await, bytes);
    store.judge_by(Some("second")).await.unwrap();
    assert_eq!(due(store).await, ["1", "2", "3"]);
    assert!(tags(store, Some(KeptVerdict::Deny)).await.is_empty());
    judge(store, &[]).await;
    store.judge_by(None).await.unwrap();
    assert!(due(store).await.is_empty() && tags(store, Some(KeptVerdict::Pass)).await.is_empty());
}

#[tokio::test]
async fn what_a_verdict_rests_on_makes_it_due() {
    let fixture = filled().await;
    let store = &fixture.store;
    store.judge_by(Some("first")).await.unwrap();
    judge(store, &[]).await;

    // A scan, though no number of the image is another: sensitive files are in none.
    let secret = report(&digest("one"), vec![risk(Kind::Secret, "pem", Level::High)]);
    fixture.rescan(&digest("one"), &secret, NOW).await;
    assert_eq!(due(store).await, ["1", "2"]);
    judge(store, &["1", "2"]).await;

    // A rule, and its end; and one that covers nothing changes nothing.
    let rule = |id: &str, image: Option<String>| NewIgnoreRule {
        kind: Kind::Secret,
        vulnerability: id.to_owned(),
        image,
        reason: "a test".to_owned(),
        author: "ada".to_owned(),
        ..NewIgnoreRule::default()
    };
    store.add_ignore_rule(&rule("npm_token", None), NOW).await.unwrap();
    assert!(due(store).await.is_empty());
    let listed = store.list_image_risk(&ImageRiskQuery::default()).await.unwrap().items;
    let uuid = listed.iter().find(|one| one.image.tag == "1").unwrap().image.uuid.clone();
    let made = store.add_ignore_rule(&rule("pem", Some(uuid)), NOW).await.unwrap();
    assert_eq!(due(store).await, ["1"]);
    judge(store, &[]).await;
    assert_eq!(tags(store, Some(KeptVerdict::Deny)).await, ["2"]);
    store.remove_ignore_rules(&[made.id], NOW).await.unwrap();
    assert_eq!(due(store).await, ["1"]);
    judge(store, &["1"]).await;

    // A tag that moves, and one that is new; one that goes takes its verdict along.
    let registry = store.registry("build").await.unwrap().unwrap();
    let images = vec![image("app", "3", "one"), image("app", "4", "two"), image("app", "2", "one")];
    let listing = SyncListing {
        images,
        complete: vec!["app".to_owned()],
        catalog: Some(vec!["app".to_owned()]),
        ..SyncListing::default()
    };
    store.apply_sync(registry.id, &listing, NOW).await.unwrap();
    let moved = due(store).await;
    // Others of the same content may be judged with them; none of these may be missing.
    assert!(["3", "4"].iter().all(|tag| moved.iter().any(|due| due == tag)), "{moved:?}");
    assert_eq!(tags(store, Some(KeptVerdict::Deny)).await, ["2"]);
    judge(store, &[]).await;
    assert!(due(store).await.is_empty());
}

#[tokio::test]
async fn what_changes_while_it_is_judged_stays_due() {
    let fixture = filled().await;
    let store = &fixture.store;
    store.judge_by(Some("first")).await.unwrap();
    let read = store.images_due(100).await.unwrap();
    let worse = report(&digest("two"), vec![vulnerability("CVE-1", "x", 140)]);
    fixture.rescan(&digest("two"), &worse, NOW).await;
    let verdicts: Vec<_> = read.into_iter().map(|one| (one, KeptVerdict::Pass)).collect();
    store.keep_verdicts(&verdicts).await.unwrap();
    assert_eq!(due(store).await, ["3"]);
    judge(store, &["3"]).await;
    assert_eq!(tags(store, Some(KeptVerdict::Deny)).await, ["3"]);
}
