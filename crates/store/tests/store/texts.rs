//! Texts that only one of the databases would take as they are.

use std::collections::BTreeMap;

use plimsoll_store::{AffectedQuery, PackageName, Workload};

use crate::{
    builders::{Fixture, NOW, digest, image},
    inventories::record,
    judge::{TestJudge, scan},
};

const NAMES: [&str; 4] = ["nul\0name", "nul\u{1}0name", "nul\u{1}name", "nulname"];

#[tokio::test(flavor = "multi_thread")]
async fn names_with_zero_characters_are_kept_apart_and_found() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let judge = TestJudge::new("snapshot", &[]);
    let mut reports = BTreeMap::new();
    for (number, name) in NAMES.into_iter().enumerate() {
        let content = number.to_string();
        fixture.sync(&registry, &[image(&format!("team/{content}"), "1", &content)]).await;
        let report = scan(&judge, &digest(&content), &["base"], &[(name, "1\0")], &["a\0check"]);
        reports.insert(digest(&content), report);
    }
    record(&fixture, &reports, &judge).await;
    for (number, name) in NAMES.into_iter().enumerate() {
        let manifest = digest(&number.to_string());
        let stored = fixture.store.artifact_report(&manifest).await.unwrap();
        assert_eq!(stored.as_ref(), reports.get(&manifest));
        let by_name = PackageName::Name(name.to_owned());
        let page = fixture.store.holders(&by_name, &AffectedQuery::default()).await.unwrap();
        assert_eq!(page.images, 1, "{name:?}");
        assert_eq!(page.items[0].image.repository, number.to_string());
        assert!(page.items[0].purl.contains(&format!("{name}@1\0?")), "{:?}", page.items[0].purl);
    }
    let page = fixture.store.affected("a\0check", &AffectedQuery::default()).await.unwrap();
    assert_eq!(page.images, 4);
    let page = fixture.store.affected("acheck", &AffectedQuery::default()).await.unwrap();
    assert_eq!(page.images, 0);
}

/// Random, because what repeats is packed before it is indexed.
fn long(seed: &str) -> String {
    let digests = (0..200).map(|number| digest(&format!("{seed} {number}")).to_string());
    digests.map(|digest| digest.replace("sha256:", "")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn very_long_names_stop_no_scan() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("team/app", "1", "a")]).await;
    let judge = TestJudge::new("snapshot", &[]);
    let (name, version, check) = (long("name"), long("version"), long("check"));
    let report =
        scan(&judge, &digest("a"), &["base"], &[(name.as_str(), version.as_str())], &[&check]);
    let reports = BTreeMap::from([(digest("a"), report)]);
    record(&fixture, &reports, &judge).await;
    let stored = fixture.store.artifact_report(&digest("a")).await.unwrap();
    assert_eq!(stored.as_ref(), reports.get(&digest("a")));
    let purl = format!("pkg:deb/debian/{name}@{version}?arch=amd64");
    for wanted in [PackageName::Name(name), PackageName::Purl(purl)] {
        let page = fixture.store.holders(&wanted, &AffectedQuery::default()).await.unwrap();
        assert_eq!(page.images, 1);
    }
    let page = fixture.store.affected(&check, &AffectedQuery::default()).await.unwrap();
    assert_eq!((page.images, page.items[0].id.as_str()), (1, check.as_str()));

    let container = Workload {
        namespace: "prod".to_owned(),
        app: "web".to_owned(),
        pod: "pod".to_owned(),
        container: "c".to_owned(),
        image: format!("build.test/{}:1", long("image")),
        digest: None,
        detail: Default::default(),
    };
    assert!(fixture.store.replace_workloads("c1", &[container], NOW).await.unwrap());
}
