//! Scans that another system asked for: kept, claimed one at a time, and without their credential once they ended.

use std::time::Duration;

use plimsoll_model::Secret;
use plimsoll_store::{LEASE_SECONDS, RequestedState, ScanWish, Store, StoreOptions};

use crate::{
    builders::{Fixture, NOW, after, digest, report},
    outside::{ask_sql, run_sql},
};

const SECRET: &str = "Basic cm9ib3Q6c2VjcmV0";

async fn request(fixture: &Fixture, registry_id: i64, wish: &str) -> String {
    let credential = Secret::new(SECRET.to_owned());
    let wish = ScanWish { registry_id, wish, credential: Some(&credential) };
    fixture.store.request_scan(wish, NOW).await.unwrap().unwrap()
}

async fn credentials(fixture: &Fixture) -> String {
    ask_sql(
        fixture.folder.path(),
        "SELECT CAST(COUNT(*) AS TEXT) FROM requested_scans WHERE credential IS NOT NULL",
    )
    .await
}

#[tokio::test]
async fn a_requested_scan_outlives_the_process_and_its_credential_does_not_outlive_the_scan() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("harbor").await;
    let id = request(&fixture, registry.id, "{}").await;
    let bytes: Vec<u8> = fixture.bytes().await.into_values().flatten().collect();
    assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));

    let fixture = fixture.reopen().await;
    let store = &fixture.store;
    assert_eq!(
        store.requested_scan(registry.id, &id).await.unwrap(),
        Some(RequestedState::Waiting)
    );
    assert_eq!(store.requested_scan(registry.id + 1, &id).await.unwrap(), None);
    let scan = store.claim_requested_scan("a/1", NOW).await.unwrap().unwrap();
    assert_eq!((scan.id.as_str(), scan.wish.as_str(), scan.attempt), (id.as_str(), "{}", 1));
    assert_eq!(scan.credential.as_ref().unwrap().reveal(), SECRET);
    assert_eq!(store.claim_requested_scan("a/2", NOW).await.unwrap(), None);
    assert_eq!(credentials(&fixture).await, "1");
    let made = report(&digest("x"), Vec::new());
    assert!(store.finish_requested_scan(&scan, &made, after(7)).await.unwrap());
    assert_eq!(credentials(&fixture).await, "0");
    let state = store.requested_scan(registry.id, &id).await.unwrap().unwrap();
    let wanted =
        RequestedState::Done { wish: "{}".to_owned(), report: Box::new(made), finished: after(7) };
    assert_eq!(state, wanted);
    assert_eq!(store.forget_requested_scans(after(86_399)).await.unwrap(), 0);
    assert_eq!(store.forget_requested_scans(after(86_400)).await.unwrap(), 1);
    assert_eq!(store.requested_scan(registry.id, &id).await.unwrap(), None);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_lands_nothing() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("harbor").await;
    let store = &fixture.store;
    let id = request(&fixture, registry.id, "{}").await;
    let late = store.claim_requested_scan("a/1", NOW).await.unwrap().unwrap();
    assert!(store.extend_requested_scan(&late, after(30)).await.unwrap());
    let during = after(LEASE_SECONDS + 1);
    assert_eq!(store.claim_requested_scan("b/1", during).await.unwrap(), None);
    let expired = after(30 + LEASE_SECONDS);
    let scan = store.claim_requested_scan("b/1", expired).await.unwrap().unwrap();
    assert_eq!((scan.id.as_str(), scan.attempt), (id.as_str(), 2));
    let made = report(&digest("x"), Vec::new());
    assert!(!store.extend_requested_scan(&late, expired).await.unwrap());
    assert!(!store.finish_requested_scan(&late, &made, expired).await.unwrap());
    store.fail_requested_scan(&late, "late", false, expired).await.unwrap();
    store.release_requested_scan(&late, expired).await.unwrap();
    assert!(store.finish_requested_scan(&scan, &made, expired).await.unwrap());
}

#[tokio::test]
async fn a_scan_that_fails_is_tried_three_times_and_then_says_why() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("harbor").await;
    let store = &fixture.store;
    let id = request(&fixture, registry.id, "{}").await;
    let mut now = NOW;
    for attempt in 1..=3 {
        let scan = store.claim_requested_scan("a/1", now).await.unwrap().unwrap();
        assert_eq!(scan.attempt, attempt);
        let again = store.fail_requested_scan(&scan, "no route", true, now).await.unwrap();
        assert_eq!(again, attempt < 3);
        assert_eq!(store.claim_requested_scan("a/1", now).await.unwrap(), None, "it pauses");
        now.0 += 60;
    }
    let failed = RequestedState::Failed { why: "no route".to_owned() };
    assert_eq!(store.requested_scan(registry.id, &id).await.unwrap(), Some(failed));
    assert_eq!(credentials(&fixture).await, "0");
}

#[tokio::test]
async fn what_kills_its_worker_each_time_ends_as_failed_without_its_credential() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("harbor").await;
    let store = &fixture.store;
    let id = request(&fixture, registry.id, "{}").await;
    let mut now = NOW;
    for _ in 0..3 {
        assert!(store.claim_requested_scan("a/1", now).await.unwrap().is_some());
        // The next start finds the dead and does not wait for the lease.
        assert_eq!(store.release_requested_scans("a/", now).await.unwrap(), 1);
        now.0 += 1;
    }
    assert_eq!(store.claim_requested_scan("b/1", now).await.unwrap(), None);
    let state = store.requested_scan(registry.id, &id).await.unwrap().unwrap();
    assert!(matches!(state, RequestedState::Failed { why } if why.contains("attempt 3")));
    assert_eq!(credentials(&fixture).await, "0");
}

#[tokio::test]
async fn one_whose_credential_is_damaged_fails_and_keeps_no_other_waiting() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("harbor").await;
    let store = &fixture.store;
    let mut ids =
        [request(&fixture, registry.id, "{}").await, request(&fixture, registry.id, "{}").await];
    // In the order in which they are taken.
    ids.sort();
    let [damaged, whole] = ids;
    // What is sealed is bound to its row.
    let sql = format!(
        "UPDATE requested_scans SET credential = \
         (SELECT o.credential FROM requested_scans o WHERE o.id = '{whole}') WHERE id = '{damaged}'"
    );
    run_sql(fixture.folder.path(), &sql).await;
    let scan = store.claim_requested_scan("a/1", NOW).await.unwrap().unwrap();
    assert_eq!((scan.id.as_str(), scan.attempt), (whole.as_str(), 1));
    let state = store.requested_scan(registry.id, &damaged).await.unwrap().unwrap();
    assert!(matches!(state, RequestedState::Failed { .. }), "{state:?}");
    assert_eq!(credentials(&fixture).await, "1");
}

#[tokio::test]
async fn a_worker_that_stops_gives_its_scan_back_uncounted() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("harbor").await;
    let store = &fixture.store;
    request(&fixture, registry.id, "{}").await;
    for _ in 0..5 {
        let scan = store.claim_requested_scan("a/1", NOW).await.unwrap().unwrap();
        assert_eq!(scan.attempt, 1);
        store.release_requested_scan(&scan, NOW).await.unwrap();
    }
}

#[tokio::test]
async fn a_requested_scan_is_leased_for_as_long_as_the_store_says() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("harbor").await;
    request(&fixture, registry.id, "{}").await;
    let options = StoreOptions {
        lease: Duration::from_secs(2),
        ..crate::outside::options(fixture.folder.path()).await
    };
    let store = Store::open(fixture.folder.path(), options).await.unwrap();
    let first = store.claim_requested_scan("a/1", NOW).await.unwrap().unwrap();
    assert_eq!(store.claim_requested_scan("b/1", after(1)).await.unwrap(), None);
    assert!(store.extend_requested_scan(&first, after(1)).await.unwrap());
    assert_eq!(store.claim_requested_scan("b/1", after(2)).await.unwrap(), None);
    let second = store.claim_requested_scan("b/1", after(3)).await.unwrap().unwrap();
    assert_eq!((second.id, second.attempt), (first.id, 2));
    store.close().await;
}
