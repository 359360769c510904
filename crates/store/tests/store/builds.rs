//! Images that builds report: judged here, apart from what real registries hold, and asked of nobody.

use plimsoll_model::{ContextScope, ContextSetting, Exposure, Platform, Report};
use plimsoll_store::{
    BuildOrigin, BuiltImage, ImageRiskQuery, Origin, RecordedBuild, Registry, RegistrySettings,
};

use crate::{
    builders::{Fixture, NOW, after, digest, image, settings},
    inventories::{first, record, reports},
    judge::{TestJudge, scan},
};

async fn builds(fixture: &Fixture) -> Registry {
    let settings = RegistrySettings { reported_type: "CI/CD".to_owned(), ..settings("builds") };
    fixture.store.add_registry(&settings, NOW).await.unwrap()
}

async fn report_build(
    fixture: &Fixture,
    registry: &Registry,
    report: &Report,
    judge: &TestJudge,
    seconds: i64,
) -> RecordedBuild {
    let platform: Platform = "linux/amd64".parse().unwrap();
    let origin = BuildOrigin {
        system: "jenkins".to_owned(),
        job: Some("team/app".to_owned()),
        build: Some(seconds.to_string()),
        ..BuildOrigin::default()
    };
    let built = BuiltImage {
        path: "team/app",
        tag: "1",
        digest: report.image.digest.unwrap(),
        image_id: digest("config"),
        platform: &platform,
        report,
        detectors_version: "build: plimsoll",
        origin: &origin,
    };
    fixture.store.record_build(registry, built, judge, after(seconds)).await.unwrap()
}

#[tokio::test]
async fn a_build_is_listed_judged_here_and_knows_where_it_was_built() {
    let fixture = Fixture::new().await;
    let registry = builds(&fixture).await;
    let judge = first();
    // What the build's own advisories say does not count.
    let harmless = TestJudge { name: judge.name.clone(), ..TestJudge::new("other", &[]) };
    let report =
        scan(&harmless, &digest("b"), &["base"], &[("openssl", "1"), ("curl", "1")], &["root"]);
    let RecordedBuild::Stored { uuid } =
        report_build(&fixture, &registry, &report, &judge, 1).await
    else {
        panic!("not stored")
    };
    let fixture = fixture.reopen().await;
    let page = fixture.store.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let listed = &page.items[0];
    assert_eq!((listed.image.uuid.as_str(), listed.image.digest), (uuid.as_str(), digest("b")));
    assert_eq!(listed.registry.settings.reported_type, "CI/CD");
    let counters = listed.counters;
    assert_eq!((counters.asap, counters.later), (1, 1));
    let origin = fixture.store.build_of(&uuid).await.unwrap().unwrap();
    assert_eq!((origin.system.as_str(), origin.build.as_deref()), ("jenkins", Some("1")));
    assert_eq!(origin.commit, None);
    assert_eq!(fixture.store.build_of("other").await.unwrap(), None);
}

#[tokio::test]
async fn a_build_reports_again_and_nobody_else_looks() {
    let fixture = Fixture::new().await;
    let registry = builds(&fixture).await;
    let judge = first();
    for (seconds, packages) in [(1, &[("openssl", "1")][..]), (2, &[("zlib", "3")][..])] {
        let content = digest(&format!("content {seconds}"));
        let report = scan(&judge, &content, &["base"], packages, &[]);
        let recorded = report_build(&fixture, &registry, &report, &judge, seconds).await;
        assert!(matches!(recorded, RecordedBuild::Stored { .. }));
    }
    let page = fixture.store.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].image.digest, digest("content 2"));
    assert_eq!(page.items[0].counters.later, 0);
    let store = &fixture.store;
    let snapshot = digest(&judge.name);
    assert_eq!(store.enqueue_outdated(Some(&snapshot), "newer", after(3)).await.unwrap(), 0);
    assert_eq!(store.claim("a/1", after(1_000_000)).await.unwrap(), None);
}

#[tokio::test]
async fn no_build_speaks_of_what_a_real_registry_holds_under_the_same_digest() {
    let judge = first();
    let clean = |content: &str| scan(&judge, &digest(content), &["base"], &[("zlib", "3")], &[]);

    // The registry was there first: its report stays.
    let fixture = Fixture::new().await;
    let (real, ci) = (fixture.registry("real").await, builds(&fixture).await);
    fixture.sync(&real, &[image("team/app", "1", "a")]).await;
    record(&fixture, &reports(&judge), &judge).await;
    let before = fixture.store.artifact(&digest("a")).await.unwrap().unwrap();
    assert!(before.counters.asap > 0);
    report_build(&fixture, &ci, &clean("a"), &judge, 1).await;
    assert_eq!(fixture.store.artifact(&digest("a")).await.unwrap().unwrap(), before);

    // The build was there first: the registry's image is scanned all the same.
    let fixture = Fixture::new().await;
    let (real, ci) = (fixture.registry("real").await, builds(&fixture).await);
    report_build(&fixture, &ci, &clean("a"), &judge, 1).await;
    fixture.sync(&real, &[image("team/app", "1", "a")]).await;
    let task = fixture.store.claim("a/1", NOW).await.unwrap().unwrap();
    assert_eq!(
        (task.digest, task.registry_id, task.origin),
        (digest("a"), real.id, Origin::Schedule)
    );
}

#[tokio::test]
async fn what_does_not_fit_is_not_taken() {
    let fixture = Fixture::new().await;
    let registry = builds(&fixture).await;
    let (judge, other) = (first(), TestJudge::new("other", &[]));
    let report = scan(&other, &digest("b"), &["base"], &[("openssl", "1")], &[]);
    let recorded = report_build(&fixture, &registry, &report, &judge, 1).await;
    assert_eq!(recorded, RecordedBuild::OtherSnapshot);
    let mut report = scan(&judge, &digest("b"), &["base"], &[("openssl", "1")], &[]);
    report.packages[0].locations[0].layer = Some(digest("no layer of it"));
    let recorded = report_build(&fixture, &registry, &report, &judge, 2).await;
    assert_eq!(recorded, RecordedBuild::Inconsistent);
}

#[tokio::test]
async fn a_build_is_judged_as_its_image_is_used() {
    let fixture = Fixture::new().await;
    let registry = builds(&fixture).await;
    let judge = first();
    let setting = ContextSetting {
        scope: ContextScope::Registry,
        name: "builds".to_owned(),
        exposure: Some(Exposure::Internal),
        importance: None,
    };
    fixture.store.set_context(&setting).await.unwrap();
    let report = scan(&judge, &digest("b"), &["base"], &[("openssl", "1")], &[]);
    let recorded = report_build(&fixture, &registry, &report, &judge, 1).await;
    assert!(matches!(recorded, RecordedBuild::Stored { .. }), "{recorded:?}");
    let page = fixture.store.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
    assert!(page.items[0].scanned.is_some());
    let key = page.items[0].image.manifest_digest;
    let artifact = fixture.store.artifact(&key).await.unwrap().unwrap();
    assert_eq!(artifact.context.exposure, Exposure::Internal);
}
