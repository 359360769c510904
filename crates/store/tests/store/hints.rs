//! Hints of webhooks: kept, looked at once however often they are said, and never lost while somebody looks.

use plimsoll_store::{ClaimedHint, Hint, LEASE_SECONDS, Noted};

use crate::builders::{Fixture, NOW, after};

fn hint(path: &str, tag: &str) -> Hint {
    Hint { path: path.to_owned(), tag: (!tag.is_empty()).then(|| tag.to_owned()) }
}

async fn claim(fixture: &Fixture, seconds: i64) -> Option<ClaimedHint> {
    fixture.store.claim_hint("a/1", after(seconds)).await.unwrap()
}

#[tokio::test]
async fn what_is_said_often_is_looked_at_once() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("one").await;
    let store = &fixture.store;
    let said = [hint("team/app", "1"), hint("team/app", "1"), hint("team/app", ""), hint("b", "1")];
    let noted = store.note_hints(registry.id, &said, NOW).await.unwrap();
    assert_eq!(noted, Noted { new: 3, known: 1 });
    let noted = store.note_hints(registry.id, &said[..1], NOW).await.unwrap();
    assert_eq!(noted, Noted { new: 0, known: 1 });
    assert_eq!(store.open_hints().await.unwrap(), 3);
    let fixture = fixture.reopen().await;
    let mut looked = Vec::new();
    while let Some(claimed) = claim(&fixture, 0).await {
        looked.extend(claimed.hint.clone());
        fixture.store.end_hint(&claimed, NOW).await.unwrap();
    }
    looked.sort();
    assert_eq!(looked, [hint("b", "1"), hint("team/app", ""), hint("team/app", "1")]);
}

#[tokio::test]
async fn what_is_said_while_somebody_looks_is_looked_at_again() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("one").await;
    let said = [hint("team/app", "1")];
    fixture.store.note_hints(registry.id, &said, NOW).await.unwrap();
    let first = claim(&fixture, 0).await.unwrap();
    fixture.store.note_hints(registry.id, &said, after(1)).await.unwrap();
    assert_eq!(claim(&fixture, 1).await, None, "two do not look at once");
    fixture.store.end_hint(&first, after(2)).await.unwrap();
    let second = claim(&fixture, 2).await.unwrap();
    assert_eq!((second.hint.as_ref(), second.attempt), (Some(&said[0]), 1));
    fixture.store.end_hint(&second, after(3)).await.unwrap();
    assert_eq!(claim(&fixture, 3).await, None);
}

#[tokio::test]
async fn a_look_that_fails_is_tried_again_and_then_left_to_the_next_sync() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("one").await;
    fixture.store.note_hints(registry.id, &[hint("team/app", "1")], NOW).await.unwrap();
    let mut now = 0;
    for attempt in 1..=5 {
        let claimed = claim(&fixture, now).await.unwrap();
        assert_eq!(claimed.attempt, attempt);
        let again = fixture.store.fail_hint(&claimed, "no route", after(now)).await.unwrap();
        assert_eq!(again, attempt < 5);
        assert_eq!(claim(&fixture, now).await, None);
        now += 1_000;
    }
    assert_eq!(claim(&fixture, now).await, None);
}

#[tokio::test]
async fn a_look_that_died_is_taken_up_by_another() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("one").await;
    fixture.store.note_hints(registry.id, &[hint("team/app", "1")], NOW).await.unwrap();
    let dead = claim(&fixture, 0).await.unwrap();
    assert_eq!(claim(&fixture, LEASE_SECONDS - 1).await, None);
    fixture.store.extend_hint(&dead, after(10)).await.unwrap();
    assert_eq!(claim(&fixture, LEASE_SECONDS).await, None);
    let second = claim(&fixture, LEASE_SECONDS + 10).await.unwrap();
    assert_eq!(second.attempt, 2);
    // What the first one says late ends nothing of the second's.
    let late = after(LEASE_SECONDS + 11);
    fixture.store.fail_hint(&dead, "no route", late).await.unwrap();
    assert_eq!(claim(&fixture, LEASE_SECONDS + 60).await, None);
    fixture.store.end_hint(&second, late).await.unwrap();
    assert_eq!(fixture.store.open_hints().await.unwrap(), 0);
}

#[tokio::test]
async fn a_loud_webhook_becomes_one_look_at_the_whole_registry() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("one").await;
    let said: Vec<Hint> =
        (0..1_500).map(|number| hint("team/app", &format!("v{number}"))).collect();
    fixture.store.note_hints(registry.id, &said, NOW).await.unwrap();
    let claimed = claim(&fixture, 0).await.unwrap();
    assert_eq!(claimed.hint, None);
    fixture.store.end_hint(&claimed, NOW).await.unwrap();
    // It was said again and again meanwhile, but before the look began.
    assert_eq!(claim(&fixture, 0).await, None);
}

#[tokio::test]
async fn places_that_no_registry_has_are_left_out() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("one").await;
    let long = "x".repeat(129);
    let said = [
        hint("", "1"),
        hint("a//b", "1"),
        hint("a\nb", "1"),
        hint("a", &long),
        hint("a", "b\u{0}"),
        Hint { path: "a".to_owned(), tag: Some(String::new()) },
    ];
    let noted = fixture.store.note_hints(registry.id, &said, NOW).await.unwrap();
    assert_eq!(noted, Noted::default());
    assert_eq!(claim(&fixture, 0).await, None);
}
