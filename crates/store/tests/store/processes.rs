//! A process that is killed while it scans.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use plimsoll_store::{ScanRecord, TaskCounts};

use crate::builders::{Fixture, NOW, after, digest, image, open, report, vulnerability};

const FOLDER: &str = "PLIMSOLL_STORE_CHILD";

/// Runs in its own process: scans and says so, until it is killed.
#[tokio::test]
#[ignore = "the child of `a_killed_process_loses_nothing`"]
async fn child() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let store = open(&folder).await;
    while let Some(task) = store.claim("child/1", NOW).await.unwrap() {
        println!("claimed {}", task.digest);
        let findings = (0..20).map(|n| vulnerability(&format!("CVE-{n}"), "x", 140)).collect();
        let report = report(&task.digest, findings);
        let scan = ScanRecord { report: &report, detectors_version: "1" };
        store.record_scan(&task.lease, scan, NOW).await.unwrap();
        println!("recorded {}", task.digest);
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing() {
    const IMAGES: usize = 60;
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let images: Vec<_> =
        (0..IMAGES).map(|n| image("app", &n.to_string(), &n.to_string())).collect();
    fixture.sync(&registry, &images).await;

    let mut recorded = BTreeSet::new();
    for kill_after in [1, 2, 5, 8, 11, 14] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::child", "--ignored", "--nocapture"])
            .env(FOLDER, fixture.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines {
            let line = line.unwrap();
            // The test harness prints its own words before the first line.
            if let Some((_, digest)) = line.rsplit_once("recorded ") {
                recorded.insert(digest.to_owned());
            }
            seen += usize::from(line.contains("claimed ") || line.contains("recorded "));
            if seen == kill_after {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= kill_after, "the child said too little");
        fixture.store.release_worker("child/", NOW).await.unwrap();
    }
    assert!(recorded.len() >= 15);

    let counts = fixture.store.task_counts(None).await.unwrap();
    assert_eq!(counts.done + counts.running + counts.queued, u64::try_from(IMAGES).unwrap());
    for number in 0..IMAGES {
        let name = number.to_string();
        let artifact = fixture.store.artifact(&digest(&name)).await.unwrap().unwrap();
        if recorded.contains(&artifact.digest.to_string()) {
            assert_eq!(artifact.scanned, Some(NOW), "what was acknowledged is there");
        }
        let report = fixture.store.artifact_report(&artifact.digest).await.unwrap();
        let stored = if report.is_some() { 20 } else { 0 };
        assert_eq!(artifact.counters.asap, stored, "report and counters are one");
    }
    assert_eq!(
        fixture.store.images_affected("CVE-7", 1_000).await.unwrap().len(),
        usize::try_from(counts.done).unwrap(),
        "findings too"
    );
    fixture.scan_all(&Default::default(), after(1)).await;
    let counts = fixture.store.task_counts(None).await.unwrap();
    assert_eq!(counts, TaskCounts { done: 60, ..TaskCounts::default() });
    assert_eq!(fixture.store.risk_overview().await.unwrap().images, 60);
}
