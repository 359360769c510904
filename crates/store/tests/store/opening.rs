//! Opening: permissions, several openers, keys, schemas.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use plimsoll_model::Secret;
use plimsoll_store::{MasterKeyError, MasterKeySource, OpenError, Policy, Store, StoreOptions};

use crate::{
    builders::{Fixture, NOW, open, settings},
    outside::{ask_sql, on_postgres, options, run_sql},
};

async fn try_open(folder: &Path) -> Result<Store, OpenError> {
    Store::open(folder, options(folder).await).await
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_new_data_directory_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a/b");
    let store = open(&data).await;
    assert_eq!(mode(&data), 0o700);
    store.set_setting("rank.limit", Some("10")).await.unwrap();
    for file in ["master.key", "open.lock"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    assert_eq!(store.data_dir(), data);
    assert_eq!(data.join("plimsoll.db").exists(), !on_postgres());
    if !on_postgres() {
        for file in ["plimsoll.db", "plimsoll.db-wal"] {
            assert_eq!(mode(&data.join(file)), 0o600, "{file}");
        }
        assert_eq!(ask_sql(&data, "PRAGMA journal_mode").await, "wal");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn many_open_a_new_data_directory_at_once() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let barrier = Arc::new(tokio::sync::Barrier::new(8));
        let opens: Vec<_> = (0..8)
            .map(|number| {
                tokio::spawn(open_and_write(folder.path().to_owned(), number, barrier.clone()))
            })
            .collect();
        for opened in opens {
            opened.await.unwrap();
        }
        let store = open(folder.path()).await;
        assert_eq!(store.settings().await.unwrap().len(), 8);
        for number in 0..8 {
            let registry = store.registry(&format!("r{number}")).await.unwrap().unwrap();
            let password = registry.settings.password.unwrap();
            assert_eq!(*password.reveal(), format!("password-{number}"), "all read one key");
        }
    }
}

async fn open_and_write(folder: PathBuf, number: usize, barrier: Arc<tokio::sync::Barrier>) {
    barrier.wait().await;
    let store = open(&folder).await;
    store.set_setting(&format!("opener-{number}"), Some("here")).await.unwrap();
    let mut settings = settings(&format!("r{number}"));
    settings.password = Some(Secret::new(format!("password-{number}")));
    store.add_registry(&settings, NOW).await.unwrap();
}

#[tokio::test]
async fn two_stores_see_what_the_other_writes() {
    let fixture = Fixture::new().await;
    let other = open(fixture.folder.path()).await;
    fixture.store.set_setting("rank.scope", Some("dockerhub")).await.unwrap();
    assert_eq!(other.setting("rank.scope").await.unwrap().as_deref(), Some("dockerhub"));
    other.set_setting("rank.scope", None).await.unwrap();
    assert_eq!(fixture.store.setting("rank.scope").await.unwrap(), None);
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let fixture = Fixture::new().await;
    let other = Fixture::new().await;
    fixture.store.close().await;
    let key = fixture.folder.path().join("master.key");
    let own = fs::read(&key).unwrap();
    fs::copy(other.folder.path().join("master.key"), &key).unwrap();
    let error = try_open(fixture.folder.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::MasterKey(MasterKeyError::Wrong(path)) if path == key));

    fs::remove_file(&key).unwrap();
    let error = try_open(fixture.folder.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::MasterKey(MasterKeyError::Missing(path)) if path == key));
    assert!(!key.exists(), "a new key would lose every secret");

    fs::write(&key, own).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    drop(open(fixture.folder.path()).await);
}

#[tokio::test]
async fn a_data_directory_without_its_key_opens_with_one_that_is_named() {
    let fixture = Fixture::new().await;
    let made = fixture.store.create_key("ci", &Policy::default(), NOW).await.unwrap();
    fixture.store.close().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let named = elsewhere.path().join("mounted");
    fs::rename(fixture.folder.path().join("master.key"), &named).unwrap();
    let named = StoreOptions {
        master_key: MasterKeySource::File(named),
        ..options(fixture.folder.path()).await
    };
    let store = Store::open(fixture.folder.path(), named).await.unwrap();
    assert_eq!(store.key(&made.id).await.unwrap().unwrap().secret, made.secret);
    assert!(!fixture.folder.path().join("master.key").exists(), "none is made beside it");
    store.close().await;
    let given = MasterKeySource::Given { name: "VARIABLE", text: Secret::new("ab".repeat(32)) };
    let given = StoreOptions { master_key: given, ..options(fixture.folder.path()).await };
    let Err(error) = Store::open(fixture.folder.path(), given).await else { panic!("taken") };
    assert!(error.to_string().contains("`VARIABLE` is not the key"), "{error}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let fixture = Fixture::new().await;
    fixture.store.close().await;
    run_sql(fixture.folder.path(), "INSERT INTO schema_migrations (number) VALUES (999)").await;
    let before = fixture.dump(&[]).await;
    let error = try_open(fixture.folder.path()).await.unwrap_err();
    assert_eq!(fixture.dump(&[]).await, before);
    assert!(matches!(error, OpenError::Newer { found: 999, known } if known < 999), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plimsoll.db"), b"not a database, but long enough to look")
        .unwrap();
    let error = Store::open(folder.path(), StoreOptions::default()).await.unwrap_err();
    assert!(error.to_string().starts_with("database: "), "{error}");
    let folder = tempfile::NamedTempFile::new().unwrap();
    let error = Store::open(folder.path(), StoreOptions::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::Folder { .. }), "{error}");
}
