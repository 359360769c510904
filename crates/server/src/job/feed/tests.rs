//! A new snapshot is used, a damaged one is not, and what rests on another is scanned again.

use plimsoll_advisory::starter_feed;
use plimsoll_store::{Store, StoreOptions};

use super::*;
use crate::{Clock, operation::feed::feed_path};

#[tokio::test]
async fn a_new_snapshot_is_used_and_a_damaged_one_leaves_it_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
    let context = Context::new(store, Clock::fixed("2026-11-25".parse().unwrap()));
    let path = feed_path(folder.path());
    exchange(&context, &path).await;
    assert_eq!(context.feed.state(), None);
    let before = trace(&path);
    let summary = starter_feed(&path).unwrap();
    assert_ne!(trace(&path), before);
    exchange(&context, &path).await;
    assert_eq!(context.feed.state(), Some(summary.state.clone()));

    // As an import does it: a whole file is renamed over the old one, which stays mapped.
    let damaged = folder.path().join("damaged");
    std::fs::write(&damaged, b"no snapshot").unwrap();
    std::fs::rename(&damaged, &path).unwrap();
    exchange(&context, &path).await;
    assert_eq!(context.feed.state(), Some(summary.state));
    enqueue_outdated(&context).await;
}
