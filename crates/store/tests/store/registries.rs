//! Registries and their secrets.

use plimsoll_model::Secret;
use plimsoll_store::{
    AdapterSettings, NetType, RegistryError, RegistrySettings, ReportedEndpoint, SyncListing,
    UrlScheme,
};

use crate::{
    builders::{Fixture, NOW, after, image, settings},
    outside::run_sql,
};

fn full() -> RegistrySettings {
    RegistrySettings {
        kind: "harbor".to_owned(),
        reported_type: "harbor".to_owned(),
        scheme: UrlScheme::Http,
        port: Some(5000),
        username: Some("robot$sync".to_owned()),
        password: Some(Secret::new("correct horse battery staple".to_owned())),
        net_type: NetType::Intranet,
        ca_pem: Some("-----BEGIN CERTIFICATE-----".to_owned()),
        repositories: vec!["team/app".to_owned(), "debian".to_owned()],
        platform: Some("linux/arm64/v8".parse().unwrap()),
        adapter: AdapterSettings {
            api_url: Some("https://api.build.test".to_owned()),
            api_account: Some("LTAI".to_owned()),
            api_token: Some(Secret::new("one of the tokens of the api".to_owned())),
            instance: Some("cri-1".to_owned()),
            namespaces: vec!["team".to_owned()],
            include: vec!["team/*".to_owned()],
            exclude: vec!["*:*-dev".to_owned()],
            proxy: Some("http://proxy.build.test:3128".to_owned()),
            proxy_username: Some("through".to_owned()),
            proxy_password: Some(Secret::new("the password of the proxy".to_owned())),
        },
        ..settings("build")
    }
}

#[tokio::test]
async fn a_registry_comes_back_as_it_was_added() {
    let fixture = Fixture::new().await;
    let added = fixture.store.add_registry(&full(), NOW).await.unwrap();
    assert_eq!(added.settings, full());
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.registry("build").await.unwrap().unwrap(), added);
    assert_eq!(fixture.store.registry_by_id(added.id).await.unwrap().unwrap(), added);
    assert_eq!(fixture.store.registry("other").await.unwrap(), None);
    let listed = fixture.store.registries().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].has_password && listed[0].settings.password.is_none());
    assert!(listed[0].has_api_token && listed[0].settings.adapter.api_token.is_none());
    assert!(listed[0].settings.adapter.proxy_password.is_none());
}

#[tokio::test]
async fn what_a_registrys_api_tells_of_itself_is_kept_and_written_when_it_changes() {
    let fixture = Fixture::new().await;
    let build = fixture.registry("build").await;
    assert!(build.endpoints.is_empty());
    let endpoints = vec![
        ReportedEndpoint {
            net_type: NetType::Internet,
            domains: vec!["build.test".to_owned(), "images.test".to_owned()],
        },
        ReportedEndpoint { net_type: NetType::Intranet, domains: vec!["vpc.test".to_owned()] },
    ];
    fixture.store.set_registry_endpoints(&build, &endpoints).await.unwrap();
    let build = fixture.store.registry("build").await.unwrap().unwrap();
    assert_eq!(build.endpoints, endpoints);
    let before = fixture.bytes().await;
    fixture.store.set_registry_endpoints(&build, &endpoints).await.unwrap();
    assert_eq!(fixture.bytes().await, before);
    fixture.store.set_registry_endpoints(&build, &[]).await.unwrap();
    assert!(fixture.store.registry("build").await.unwrap().unwrap().endpoints.is_empty());
}

#[tokio::test]
async fn a_vendors_id_of_a_repository_is_taken_over_and_stays_where_a_listing_has_none() {
    let fixture = Fixture::new().await;
    let build = fixture.registry("build").await;
    let images = [image("team/app", "1", "a"), image("team/web", "1", "b")];
    fixture.sync(&build, &images).await;
    let id = async |path: &str| {
        let images = fixture.store.images_of_repository(build.id, path).await.unwrap();
        images[0].repo_id.clone()
    };
    let own = id("team/web").await;
    assert_eq!(own.len(), 32);
    let listing = SyncListing {
        images: images.to_vec(),
        repository_ids: [("team/app".to_owned(), "crr-1".to_owned())].into(),
        ..SyncListing::default()
    };
    let outcome = fixture.store.apply_sync(build.id, &listing, NOW).await.unwrap();
    assert_eq!((outcome.updated, outcome.unchanged), (1, 1));
    assert_eq!((id("team/app").await.as_str(), id("team/web").await), ("crr-1", own));
    let outcome = fixture.store.apply_sync(build.id, &listing, NOW).await.unwrap();
    assert_eq!((outcome.updated, outcome.unchanged), (0, 2));
    fixture.sync(&build, &images).await;
    assert_eq!(id("team/app").await, "crr-1");
}

#[tokio::test]
async fn names_are_unique_and_settings_are_checked() {
    let fixture = Fixture::new().await;
    fixture.registry("build").await;
    let error = fixture.store.add_registry(&settings("build"), NOW).await.unwrap_err();
    assert!(matches!(error, RegistryError::Taken(name) if name == "build"));
    let wrong: [fn(&mut RegistrySettings); 6] = [
        |s| s.name = String::new(),
        |s| s.name = "a\nb".to_owned(),
        |s| s.name = "x".repeat(129),
        |s| s.host = String::new(),
        |s| s.host = "https://Registry.test".to_owned(),
        |s| s.repositories = vec!["a//b".to_owned()],
    ];
    for (number, change) in wrong.into_iter().enumerate() {
        let mut settings = settings("other");
        change(&mut settings);
        let error = fixture.store.add_registry(&settings, NOW).await.unwrap_err();
        assert!(matches!(error, RegistryError::Invalid { .. }), "{number}: {error}");
    }
    assert_eq!(fixture.store.registries().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_update_replaces_all_but_name_and_number() {
    let fixture = Fixture::new().await;
    let added = fixture.store.add_registry(&full(), NOW).await.unwrap();
    let changed = RegistrySettings { password: None, host: "new.test".to_owned(), ..full() };
    let updated = fixture.store.update_registry(&changed, after(60)).await.unwrap();
    assert_eq!((updated.id, updated.created, updated.modified), (added.id, NOW, after(60)));
    assert_eq!(updated.settings, changed);
    assert!(!updated.has_password);
    let error = fixture.store.update_registry(&settings("other"), NOW).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unknown(name) if name == "other"));
}

#[tokio::test]
async fn a_removed_registry_takes_its_images_along_and_its_number_is_not_used_again() {
    let fixture = Fixture::new().await;
    let build = fixture.registry("build").await;
    let other = fixture.registry("other").await;
    fixture.sync(&build, &[image("team/app", "1", "a"), image("team/app", "2", "b")]).await;
    fixture.sync(&other, &[image("copy", "1", "b")]).await;
    assert_eq!(fixture.store.remove_registry("build", NOW).await.unwrap(), 2);
    assert_eq!(fixture.store.risk_overview().await.unwrap().images, 1);
    assert!(fixture.store.remove_registry("build", NOW).await.is_err());
    // What the other registry has too is still scanned, from there.
    let task = fixture.store.claim("test", NOW).await.unwrap().unwrap();
    assert_eq!((task.registry_id, task.path.as_str()), (other.id, "copy"));
    assert_eq!(fixture.store.claim("test", NOW).await.unwrap(), None);
    assert!(fixture.registry("build").await.id > other.id);
}

#[tokio::test]
async fn a_problem_is_written_when_it_changes() {
    let fixture = Fixture::new().await;
    let build = fixture.registry("build").await;
    fixture.store.set_registry_problem(build.id, Some("401")).await.unwrap();
    let before = fixture.bytes().await;
    fixture.store.set_registry_problem(build.id, Some("401")).await.unwrap();
    assert_eq!(fixture.bytes().await, before);
    let problem = fixture.store.registry("build").await.unwrap().unwrap().problem;
    assert_eq!(problem.as_deref(), Some("401"));
    fixture.store.set_registry_problem(build.id, None).await.unwrap();
    assert_eq!(fixture.store.registry("build").await.unwrap().unwrap().problem, None);
}

#[tokio::test]
async fn no_secret_stands_in_any_file() {
    let fixture = Fixture::new().await;
    fixture.store.add_registry(&full(), NOW).await.unwrap();
    let policy = plimsoll_store::Policy::allowing(["yundun-sas:*"]);
    let key = fixture.store.create_key("ci", &policy, NOW).await.unwrap();
    let session = fixture.store.create_session(NOW).await.unwrap();
    let token = fixture.store.ensure_admin_token().await.unwrap().unwrap();
    let secrets = [
        "correct horse battery staple",
        "one of the tokens of the api",
        key.secret.reveal(),
        session.reveal(),
    ];
    // Once as it lies in the write-ahead log, once after the checkpoint at closing.
    for round in 0..2 {
        for (name, bytes) in fixture.bytes().await {
            let holds =
                |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            for secret in secrets {
                assert!(!holds(secret), "{name} holds a secret in round {round}");
            }
            assert_eq!(holds(token.reveal()), name == "admin-token", "{name}");
            if name == "plimsoll.db-wal" && round == 0 {
                assert!(holds("robot$sync") && holds(&key.id), "the test looks where rows are");
            }
            if name == "table registries" {
                assert!(holds("robot$sync"), "the test looks where rows are");
            }
        }
        fixture.store.close().await;
    }
}

#[tokio::test]
async fn a_sealed_password_does_not_open_in_another_row() {
    let fixture = Fixture::new().await;
    fixture.store.add_registry(&full(), NOW).await.unwrap();
    let other = RegistrySettings { name: "other".to_owned(), ..full() };
    fixture.store.add_registry(&other, NOW).await.unwrap();
    run_sql(
        fixture.folder.path(),
        "UPDATE registries SET password = (SELECT password FROM registries WHERE name = 'build')",
    )
    .await;
    assert!(fixture.store.registry("build").await.is_ok());
    let error = fixture.store.registry("other").await.unwrap_err().to_string();
    assert!(error.contains("registries|2|password"), "{error}");
    assert_eq!(fixture.store.registries().await.unwrap().len(), 2, "listing needs no password");
}

#[tokio::test]
async fn docker_hub_is_known_under_all_its_names() {
    for host in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
        let settings = RegistrySettings { host: host.to_owned(), ..settings("hub") };
        assert_eq!(settings.authority(), "docker.io");
    }
    assert_eq!(full().authority(), "build.test:5000");
    assert_eq!(RegistrySettings { port: Some(80), ..full() }.authority(), "build.test");
    assert_eq!(RegistrySettings { port: Some(443), ..full() }.authority(), "build.test:443");
}
