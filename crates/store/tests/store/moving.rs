//! An embedded site moves to PostgreSQL.

use std::{collections::BTreeMap, fs};

use plimsoll_store::{
    AffectedQuery, CopyError, Dimension, ImageRiskQuery, Policy, Scope, Store, StoreLocation,
    StoreOptions, Workload,
};

use crate::{
    builders::{Fixture, NOW, after, digest, image, report, settings, vulnerability},
    inventories::record,
    judge::{TestJudge, scan},
    outside::{dump, on_postgres, options},
};

/// A site with something in every corner.
async fn embedded() -> (Fixture, plimsoll_store::NewKey) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
    let site = Fixture { folder, store };
    let mut with_password = settings("build");
    with_password.password = Some(plimsoll_model::Secret::new("hunter2-hunter2".to_owned()));
    let registry = site.store.add_registry(&with_password, NOW).await.unwrap();
    site.store.add_registry(&settings("gone"), NOW).await.unwrap();
    site.store.remove_registry("gone", NOW).await.unwrap();
    let images: Vec<_> =
        (0..600).map(|n| image(&format!("team/app{n}"), "1", &n.to_string())).collect();
    site.sync(&registry, &images).await;
    let judge = TestJudge::new("snapshot", &[("openssl", &["1"], "CVE-1", 140)]);
    let mut reports = BTreeMap::new();
    for number in 0..600 {
        let manifest = digest(&number.to_string());
        let version = (number % 3).to_string();
        let own = format!("own\0{number}");
        let packages = [("openssl", version.as_str()), (own.as_str(), "1")];
        reports.insert(manifest, scan(&judge, &manifest, &["base"], &packages, &["root"]));
    }
    record(&site, &reports, &judge).await;
    // One whose report is kept whole.
    let whole = report(&digest("7"), vec![vulnerability("CVE-9", "x", 90)]);
    site.rescan(&digest("7"), &whole, after(1)).await;
    let container = Workload {
        namespace: "prod".to_owned(),
        app: "web".to_owned(),
        pod: "p".to_owned(),
        container: "c".to_owned(),
        image: "build.test/team/app1:1".to_owned(),
        digest: None,
        detail: Default::default(),
    };
    site.store.replace_workloads("c1", &[container], NOW).await.unwrap();
    site.store.set_setting("rank.limit", Some("20")).await.unwrap();
    let key = site.store.create_key("ci", &Policy::allowing(["yundun-sas:*"]), NOW).await.unwrap();
    assert!(site.store.use_nonce(&key.id, "used", after(900), NOW).await.unwrap());
    (site, key)
}

/// Everything that people see.
async fn seen(store: &Store) -> String {
    let query = ImageRiskQuery { page_size: 100, page: 5, ..ImageRiskQuery::default() };
    let running = ImageRiskQuery { app_name: Some("web".to_owned()), ..ImageRiskQuery::default() };
    let mut reports = Vec::new();
    for number in [0, 7, 599] {
        reports.push(store.artifact_report(&digest(&number.to_string())).await.unwrap());
    }
    format!(
        "{:?}",
        (
            store.list_image_risk(&query).await.unwrap(),
            store.list_image_risk(&running).await.unwrap().total,
            store.rank(Dimension::VulAsap, Scope::All, 50).await.unwrap(),
            store.affected("CVE-1", &AffectedQuery::default()).await.unwrap(),
            store.affected("CVE-9", &AffectedQuery::default()).await.unwrap(),
            store.clusters().await.unwrap(),
            store.settings().await.unwrap(),
            store.list_keys().await.unwrap(),
            store.inventory_counts().await.unwrap(),
            store.task_counts(None).await.unwrap(),
            reports,
        )
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_site_goes_on_where_it_was_copied_to() {
    if !on_postgres() {
        return;
    }
    let (site, key) = embedded().await;
    let there = tempfile::tempdir().unwrap();
    let target = options(there.path()).await;
    let StoreLocation::Postgres(location) = target.location.clone() else { panic!("no server") };
    let copied = site.store.copy_to(&location, &StoreOptions::default()).await.unwrap();
    let rows_of = |name: &str| copied.tables.iter().find(|(table, _)| table == name).unwrap().1;
    assert_eq!((rows_of("images"), rows_of("artifacts"), rows_of("registries")), (600, 600, 1));
    assert_eq!(rows_of("nonces"), 1);
    assert_eq!(copied.rows(), copied.tables.iter().map(|(_, rows)| rows).sum::<u64>());

    let error = Store::open(there.path(), target.clone()).await.unwrap_err().to_string();
    assert!(error.contains("master.key` is missing"), "{error}");
    fs::copy(site.folder.path().join("master.key"), there.path().join("master.key")).unwrap();
    let store = Store::open(there.path(), target).await.unwrap();
    assert_eq!(seen(&store).await, seen(&site.store).await);
    assert_eq!(store.key(&key.id).await.unwrap().unwrap().secret, key.secret);
    let registry = store.registry("build").await.unwrap().unwrap();
    assert_eq!(*registry.settings.password.unwrap().reveal(), "hunter2-hunter2");
    assert!(!store.use_nonce(&key.id, "used", after(900), NOW).await.unwrap());
    let added = store.add_registry(&settings("next"), NOW).await.unwrap();
    assert_eq!(added.id, 3, "the number of the one that is gone is not used again");
    // It works on: what is listed follows what is synced and scanned there.
    let next = Fixture { folder: there, store };
    next.sync(&added, &[image("team/new", "1", "new")]).await;
    assert_eq!(next.scan_all(&BTreeMap::new(), after(60)).await, 1);
    let listed = next.store.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
    assert_eq!(listed.total, 601);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_empty_database_is_copied_to() {
    if !on_postgres() {
        return;
    }
    let (site, _) = embedded().await;
    let there = Fixture::new().await;
    there.store.set_setting("rank.limit", Some("5")).await.unwrap();
    let before = dump(there.folder.path(), &[]).await;
    let StoreLocation::Postgres(location) = there.store.location().clone() else {
        panic!("no server")
    };
    let error = site.store.copy_to(&location, &StoreOptions::default()).await.unwrap_err();
    assert!(matches!(&error, CopyError::NotEmpty { rows: 1, .. }), "{error}");
    assert_eq!(dump(there.folder.path(), &[]).await, before);
    let error = there.store.copy_to(&location, &StoreOptions::default()).await.unwrap_err();
    assert!(matches!(error, CopyError::NotEmbedded(_)), "{error}");
}
