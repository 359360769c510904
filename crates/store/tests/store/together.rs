//! Several writers at once, as several processes are.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use plimsoll_model::{Digest, Report};
use plimsoll_store::{
    AffectedQuery, ImageRiskQuery, RecordOutcome, ScanRecord, Store, StoreOptions, SyncListing,
    SyncedImage, TaskCounts, Workload,
};

use crate::{
    builders::{DETECTORS, Fixture, NOW, digest, image, open, settings},
    inventories::record,
    judge::{TestJudge, scan},
    outside::{Writer, ask_sql, on_postgres, options, run_sql},
};

fn judge() -> TestJudge {
    TestJudge::new(
        "snapshot",
        &[("openssl", &["1"], "CVE-1", 140), ("curl", &["1", "3"], "CVE-2", 90)],
    )
}

/// Sixty images that share packages, of which each has one that nobody else has.
fn reports(judge: &TestJudge) -> BTreeMap<Digest, Report> {
    (0..60)
        .map(|number| {
            let manifest = digest(&number.to_string());
            let (openssl, curl) = ((number % 2).to_string(), (number % 5).to_string());
            let own = format!("own-{number}");
            let packages = [
                ("openssl", openssl.as_str()),
                ("curl", curl.as_str()),
                ("libc6", "1"),
                (own.as_str(), "1"),
            ];
            (manifest, scan(judge, &manifest, &["base"], &packages, &["root"]))
        })
        .collect()
}

fn images(from: usize) -> Vec<SyncedImage> {
    (from..60).map(|n| image(&format!("team/app{n}"), "1", &n.to_string())).collect()
}

/// What people see of a fleet, without the numbers of rows.
async fn seen(store: &Store) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut affected = Vec::new();
    for name in ["CVE-1", "CVE-2", "ROOT"] {
        let page = AffectedQuery { page_size: 100, ..AffectedQuery::default() };
        let page = store.affected(name, &page).await.unwrap();
        let images: Vec<String> =
            page.items.iter().map(|item| item.image.repository.clone()).collect();
        affected.push((page.images, images));
    }
    let mut counters = Vec::new();
    for number in 0..60 {
        let artifact = store.artifact(&digest(&number.to_string())).await.unwrap().unwrap();
        counters.push((artifact.counters, artifact.verdict));
    }
    let query = ImageRiskQuery { page_size: 100, ..ImageRiskQuery::default() };
    let listed = store.list_image_risk(&query).await.unwrap();
    let listed: Vec<(String, u32)> = listed
        .items
        .iter()
        .map(|item| (item.image.repository.clone(), item.counters.asap))
        .collect();
    (affected, counters, listed, store.inventory_counts().await.unwrap())
}

async fn work(store: Store, name: String, reports: Arc<BTreeMap<Digest, Report>>) -> usize {
    let judge = judge();
    let mut recorded = 0;
    while let Some(task) = store.claim(&name, NOW).await.unwrap() {
        let report = &reports[&task.digest];
        let scan = ScanRecord { report, detectors_version: DETECTORS };
        let outcome = store.record_inventory(&task.lease, scan, &judge, NOW).await.unwrap();
        assert_eq!(outcome, RecordOutcome::Stored);
        recorded += 1;
    }
    recorded
}

/// Claims, records and syncs of three processes at once leave what one after another leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_recorded_at_once_is_what_is_recorded_in_turn() {
    let in_turn = Fixture::new().await;
    let registry = in_turn.registry("build").await;
    in_turn.sync(&registry, &images(0)).await;
    let reports = Arc::new(reports(&judge()));
    record(&in_turn, &reports, &judge()).await;

    let at_once = Fixture::new().await;
    let registry = at_once.registry("build").await;
    at_once.sync(&registry, &images(0)).await;
    let folder = at_once.folder.path();
    let stores = [at_once.store.clone(), open(folder).await, open(folder).await];
    let workers: Vec<_> = (0..9)
        .map(|number| {
            let store = stores[number % 3].clone();
            tokio::spawn(work(store, format!("w{number}"), Arc::clone(&reports)))
        })
        .collect();
    // Meanwhile the registry is synced again and again by two of them.
    let syncs: Vec<_> = (0..2)
        .map(|number| {
            let store = stores[number].clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    let listing = SyncListing { images: images(0), ..SyncListing::default() };
                    store.apply_sync(registry.id, &listing, NOW).await.unwrap();
                }
            })
        })
        .collect();
    let mut recorded = 0;
    for worker in workers {
        recorded += worker.await.unwrap();
    }
    for sync in syncs {
        sync.await.unwrap();
    }
    assert_eq!(recorded, 60, "each once");
    let counts = at_once.store.task_counts(None).await.unwrap();
    assert_eq!(counts, TaskCounts { done: 60, ..TaskCounts::default() });
    assert_eq!(seen(&at_once.store).await, seen(&in_turn.store).await);
    assert_eq!(seen(&stores[2]).await, seen(&in_turn.store).await, "another process's list");
}

/// Numbers of changes are given in the order of commits: whoever looks sees no number missing below one that is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_the_list_are_numbered_as_they_are_committed() {
    let fixture = Fixture::new().await;
    let folder = fixture.folder.path().to_owned();
    let done = Arc::new(AtomicBool::new(false));
    let looks = {
        let (folder, done) = (folder.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                let seen = ask_sql(
                    &folder,
                    "SELECT CAST(COUNT(*) AS TEXT) || ' of ' || \
                     CAST(COALESCE(MAX(number) - MIN(number) + 1, 0) AS TEXT) FROM list_changes",
                );
                let seen = seen.await;
                let (there, numbers) = seen.split_once(" of ").unwrap();
                assert_eq!(there, numbers, "a number is missing");
                looks += 1;
            }
        })
    };
    let writers: Vec<_> = (0..4)
        .map(|number| {
            let folder = folder.clone();
            tokio::spawn(async move {
                let store = open(&folder).await;
                let registry =
                    store.add_registry(&settings(&format!("r{number}")), NOW).await.unwrap();
                for round in 0..6_usize {
                    // Images come and go.
                    let images = (round % 3..5).map(|n| {
                        image(&format!("team/app{n}"), "1", &format!("{number} {n} {round}"))
                    });
                    let listing = SyncListing {
                        images: images.collect(),
                        catalog: Some((round % 3..5).map(|n| format!("team/app{n}")).collect()),
                        ..SyncListing::default()
                    };
                    store.apply_sync(registry.id, &listing, NOW).await.unwrap();
                    let container = Workload {
                        namespace: format!("{round}"),
                        app: "web".to_owned(),
                        pod: "p".to_owned(),
                        container: "c".to_owned(),
                        image: format!("r{number}.test/team/app{round}:1"),
                        digest: None,
                        detail: Default::default(),
                    };
                    let cluster = format!("c{number}");
                    store.replace_workloads(&cluster, &[container], NOW).await.unwrap();
                    // Another program changes its mind.
                    let begin = if on_postgres() { "BEGIN" } else { "BEGIN IMMEDIATE" };
                    let sql = format!(
                        "{begin}; UPDATE registries SET problem = '{round}'; UPDATE images SET size = 7; ROLLBACK"
                    );
                    run_sql(&folder, &sql).await;
                    let listed = store.list_image_risk(&ImageRiskQuery::default()).await.unwrap();
                    assert!(listed.total >= 3);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    looks.await.unwrap();
    let query = ImageRiskQuery { page_size: 100, ..ImageRiskQuery::default() };
    let mut lists = Vec::new();
    for store in [&fixture.store, &open(&folder).await] {
        let listed = store.list_image_risk(&query).await.unwrap();
        assert_eq!(listed.total, 12, "four registries with three images each");
        lists.push(listed.items);
    }
    assert_eq!(lists[0], lists[1], "the list that followed is the list that was made");
}

/// A step of the schema that fails leaves nothing of it, and is done again from its beginning.
#[tokio::test]
async fn a_migration_is_done_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path()).await;
    if !on_postgres() {
        std::fs::write(folder.path().join("plimsoll.db"), b"").unwrap();
    }
    // In the way of the second step, behind its first table.
    run_sql(folder.path(), "CREATE TABLE part_inventories (x BIGINT)").await;
    let error = Store::open(folder.path(), options.clone()).await.unwrap_err();
    assert!(error.to_string().contains("preparing the schema"), "{error}");
    let version = "SELECT CAST(MAX(number) AS TEXT) FROM schema_migrations";
    assert_eq!(ask_sql(folder.path(), version).await, "1");
    run_sql(folder.path(), "DROP TABLE part_inventories; CREATE TABLE parts (x BIGINT)").await;
    run_sql(folder.path(), "DROP TABLE parts").await;
    drop(Store::open(folder.path(), options).await.unwrap());
}

const FOLDER: &str = "PLIMSOLL_STORE_OPENS";

/// Runs in its own process.
#[tokio::test]
#[ignore = "the child of `a_process_that_is_killed_while_it_opens_is_in_nobodys_way`"]
async fn child_that_opens() {
    let folder = std::path::PathBuf::from(std::env::var_os(FOLDER).unwrap());
    drop(open(&folder).await);
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_opens_is_in_nobodys_way() {
    for milliseconds in [5, 10, 15, 20, 30, 40, 60, 80, 120, 160] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "together::child_that_opens", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Wherever it is by then: every moment has to do.
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(folder.path()).await;
        store.set_setting("rank.limit", Some("10")).await.unwrap();
        store.add_registry(&settings("build"), NOW).await.unwrap();
    }
}

/// Whoever waits too long for another writer is told that it may do later, and it does.
#[tokio::test]
async fn a_writer_that_does_not_end_is_waited_for_and_told() {
    let fixture = Fixture::new().await;
    fixture.registry("build").await;
    let folder = fixture.folder.path();
    let busy_timeout = Duration::from_millis(50);
    let options = StoreOptions { busy_timeout, ..options(folder).await };
    let store = Store::open(folder, options).await.unwrap();
    let other = Writer::begin(folder).await;
    let error = store.set_setting("rank.limit", Some("20")).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(store.registry("build").await.unwrap().unwrap().problem.is_none(), "reading goes on");
    other.end().await;
    // On a busy machine 50 ms are short for writing alone.
    let mut tries = 0;
    while let Err(error) = store.set_setting("rank.limit", Some("20")).await {
        tries += 1;
        assert!(error.is_transient() && tries < 200, "{error:?}");
    }
    assert_eq!(fixture.store.setting("rank.limit").await.unwrap().as_deref(), Some("20"));
}
