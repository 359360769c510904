//! Images by the names under which they run, read by a process that has neither key nor folder.

use std::collections::BTreeMap;

use plimsoll_model::{Finding, ImageReference, NewIgnoreRule};
use plimsoll_store::{NamedImage, OpenError, Store, SyncListing};

use crate::{
    builders::{Fixture, NOW, after, digest, image, report, vulnerability},
    outside::{options, run_sql},
};

fn name(text: &str) -> ImageReference {
    text.parse().unwrap()
}

async fn named(store: &Store, text: &str) -> Vec<NamedImage> {
    store.images_named(&name(text)).await.unwrap()
}

async fn names(store: &Store, text: &str) -> Vec<String> {
    named(store, text).await.into_iter().map(|image| image.name).collect()
}

#[tokio::test]
async fn a_tag_is_what_it_named_last_and_a_digest_is_content() {
    let fixture = Fixture::new().await;
    let (build, other) = (fixture.registry("build").await, fixture.registry("other").await);
    let app =
        [image("team/app", "1", "one"), image("team/app", "2", "one"), image("app", "1", "two")];
    fixture.sync(&build, &app).await;
    fixture.sync(&other, &[image("team/app", "1", "one")]).await;
    let store = &fixture.store;
    assert_eq!(names(store, "build.test/team/app:1").await, ["build.test/team/app:1"]);
    assert_eq!(names(store, "build.test/app:1").await, ["build.test/app:1"]);
    assert!(names(store, "build.test/team/app:3").await.is_empty());
    assert!(names(store, "elsewhere.test/team/app:1").await.is_empty());
    assert!(names(store, "build.test/eam/app:1").await.is_empty());

    // Those of the named repository alone, where it has the digest; else those of any.
    let pinned = |place: &str, content: &str| format!("{place}@{}", digest(content));
    let found = names(store, &pinned("build.test/team/app", "one")).await;
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|name| name.starts_with("build.test/team/app:")), "{found:?}");
    assert_eq!(names(store, &pinned("elsewhere.test/x", "one")).await.len(), 3);
    assert!(names(store, &pinned("build.test/team/app", "three")).await.is_empty());

    // The tags moved: their artifact stays for a while.
    fixture.scan_all(&BTreeMap::new(), NOW).await;
    let moved = [image("team/app", "1", "four"), image("team/app", "2", "four")];
    fixture.sync(&build, &moved).await;
    let listing = SyncListing { catalog: Some(Vec::new()), ..SyncListing::default() };
    store.apply_sync(other.id, &listing, NOW).await.unwrap();
    let [alone] = &named(store, &pinned("build.test/team/app", "one")).await[..] else {
        panic!("the artifact")
    };
    assert_eq!((alone.uuid.as_ref(), alone.manifest_digest), (None, digest("one")));
    assert!(alone.verdict.is_some());
    assert!(store.artifact_report(&alone.manifest_digest).await.unwrap().is_some());
}

#[tokio::test]
async fn an_index_is_all_its_platforms() {
    let fixture = Fixture::new().await;
    let build = fixture.registry("build").await;
    let mut amd = image("team/app", "1", "amd");
    let mut arm = image("team/app", "1-arm", "arm");
    (amd.digest, arm.digest) = (digest("index"), digest("index"));
    arm.platform = "linux/arm64".parse().unwrap();
    fixture.sync(&build, &[amd, arm]).await;
    let index = format!("build.test/team/app@{}", digest("index"));
    let mut platforms: Vec<String> =
        named(&fixture.store, &index).await.into_iter().map(|image| image.platform).collect();
    platforms.sort();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    let one = format!("build.test/team/app@{}", digest("arm"));
    assert_eq!(names(&fixture.store, &one).await, ["build.test/team/app:1-arm"]);
}

#[tokio::test]
async fn a_revision_is_another_as_soon_as_what_counts_is() {
    let fixture = Fixture::new().await;
    let build = fixture.registry("build").await;
    fixture.sync(&build, &[image("team/app", "1", "one")]).await;
    let store = &fixture.store;
    let revision = async || named(store, "build.test/team/app:1").await[0].revision.clone();
    let mut known = vec![revision().await];
    let with = |findings: Vec<Finding>| report(&digest("one"), findings);

    fixture.scan_all(&BTreeMap::new(), NOW).await;
    known.push(revision().await);
    let found = with(vec![vulnerability("CVE-2024-1", "openssl", 150)]);
    fixture.rescan(&digest("one"), &found, after(10)).await;
    known.push(revision().await);
    // The same again changes nothing.
    fixture.rescan(&digest("one"), &found, after(20)).await;
    assert_eq!(revision().await, known[2]);

    let rule = NewIgnoreRule {
        vulnerability: "CVE-2024-1".to_owned(),
        reason: "not reachable".to_owned(),
        author: "ada".to_owned(),
        ..NewIgnoreRule::default()
    };
    store.add_ignore_rule(&rule, after(30)).await.unwrap();
    known.push(revision().await);
    fixture.sync(&build, &[image("team/app", "1", "two")]).await;
    known.push(revision().await);
    let mut different = known.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), known.len(), "{known:#?}");
}

#[tokio::test]
async fn who_only_reads_needs_no_key_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let build = fixture.registry("build").await;
    fixture.sync(&build, &[image("team/app", "1", "one")]).await;
    fixture.scan_all(&BTreeMap::new(), NOW).await;
    let folder = fixture.folder.path();
    std::fs::remove_file(folder.join("master.key")).unwrap();
    let before = fixture.dump(&[]).await;
    let reading = Store::open_to_read(folder, options(folder).await).await.unwrap();
    let [found] = &named(&reading, "build.test/team/app:1").await[..] else { panic!("one image") };
    let uuid = found.uuid.as_ref().unwrap();
    assert!(reading.image_report(uuid).await.unwrap().is_some());
    reading.close().await;
    assert_eq!(fixture.dump(&[]).await, before);
    assert!(!folder.join("master.key").exists());

    run_sql(folder, "INSERT INTO schema_migrations (number) VALUES (999)").await;
    let error = Store::open_to_read(folder, options(folder).await).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 999, .. }), "{error}");
    run_sql(folder, "DELETE FROM schema_migrations WHERE number > 5").await;
    let error = Store::open_to_read(folder, options(folder).await).await.unwrap_err();
    assert!(matches!(error, OpenError::Older { found: 5, .. }), "{error}");
}

#[tokio::test]
async fn where_there_is_no_store_reading_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none");
    assert!(Store::open_to_read(&missing, options(&missing).await).await.is_err());
    assert!(!missing.exists());
}
