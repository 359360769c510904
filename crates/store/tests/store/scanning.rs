//! Recording scans: once, whole, under the fencing number, and only what differs.

use std::collections::BTreeMap;

use plimsoll_model::{Kind, Level, RiskCounters, Verdict};
use plimsoll_store::{
    FailOutcome, Origin, RecordOutcome, Retry, ScanRecord, SyncListing, TaskState,
};

use crate::builders::{
    DETECTORS, Fixture, NOW, after, digest, image, report, risk, unreadable, vulnerability,
};

async fn scanned() -> Fixture {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("team/app", "1", "a"), image("team/app", "2", "a")]).await;
    let mut log4shell = vulnerability("CVE-2021-44228", "log4j", 150);
    log4shell.aliases = vec!["GHSA-jfh8-c2jp-5v3q".to_owned()];
    log4shell.advisories = vec!["DSA-5020-1".to_owned()];
    let first = report(
        &digest("a"),
        vec![
            log4shell,
            vulnerability("CVE-2024-0001", "curl", 80),
            risk(Kind::Baseline, "root-user", Level::High),
            risk(Kind::Malware, "evil", Level::Medium),
        ],
    );
    fixture.scan_all(&BTreeMap::from([(digest("a"), first)]), NOW).await;
    fixture
}

#[tokio::test]
async fn a_report_is_stored_with_its_counters() {
    let fixture = scanned().await;
    let artifact = fixture.store.artifact(&digest("a")).await.unwrap().unwrap();
    let stored = fixture.store.artifact_report(&digest("a")).await.unwrap().unwrap();
    assert_eq!(artifact.counters, RiskCounters::of(&stored));
    assert_eq!((artifact.counters.asap, artifact.counters.baseline_high), (1, 1));
    assert_eq!(artifact.verdict, Some(Verdict::Complete));
    assert_eq!(artifact.scanned, Some(NOW));
    assert_eq!(artifact.snapshot, Some(digest("snapshot-1")));
    assert_eq!(artifact.detectors_version.as_deref(), Some(DETECTORS));
    let task = artifact.task.unwrap();
    assert_eq!((task.state, task.finished, task.error), (TaskState::Done, Some(NOW), None));
    assert_eq!(fixture.store.artifact_report(&digest("b")).await.unwrap(), None);
    assert_eq!(fixture.store.artifact(&digest("b")).await.unwrap(), None);
}

#[tokio::test]
async fn an_unchanged_report_changes_the_task_alone() {
    let fixture = scanned().await;
    let before = fixture.dump(&["tasks", "registry_shares", "succeeded_scans"]).await;
    let stored = fixture.store.artifact_report(&digest("a")).await.unwrap().unwrap();
    let outcome = fixture.rescan(&digest("a"), &stored, after(3600)).await;
    assert_eq!(outcome, RecordOutcome::Unchanged);
    assert_eq!(fixture.dump(&["tasks", "registry_shares", "succeeded_scans"]).await, before);
    let artifact = fixture.store.artifact(&digest("a")).await.unwrap().unwrap();
    assert_eq!(artifact.scanned, Some(after(3600)), "but it is known to have been scanned");
}

#[tokio::test]
async fn only_findings_that_differ_are_written() {
    let fixture = scanned().await;
    let mut changed = fixture.store.artifact_report(&digest("a")).await.unwrap().unwrap();
    let before = fixture.dump(&[]).await;
    changed.findings.retain(|finding| finding.id != "CVE-2024-0001");
    changed.findings.push(vulnerability("CVE-2024-0002", "wget", 20));
    assert_eq!(fixture.rescan(&digest("a"), &changed, after(60)).await, RecordOutcome::Stored);
    let after = fixture.dump(&[]).await;
    let of = |dump: &[String], table: &str| -> Vec<String> {
        dump.iter().filter(|row| row.starts_with(table)).cloned().collect()
    };
    for table in ["findings: ", "finding_names: "] {
        let (before, after) = (of(&before, table), of(&after, table));
        let gone: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
        let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
        assert_eq!((gone.len(), new.len()), (1, 1), "{table}: {gone:?} {new:?}");
        assert!(gone[0].contains("CVE-2024-0001") && new[0].contains("CVE-2024-0002"));
    }
    let artifact = fixture.store.artifact(&digest("a")).await.unwrap().unwrap();
    assert_eq!(artifact.counters, RiskCounters::of(&changed));
}

#[tokio::test]
async fn affected_images_are_found_by_every_name() {
    let fixture = scanned().await;
    for name in ["CVE-2021-44228", " cve-2021-44228 ", "ghsa-JFH8-c2jp-5v3q", "DSA-5020-1"] {
        let affected = fixture.store.images_affected(name, 10).await.unwrap();
        let tags: Vec<&str> = affected.iter().map(|one| one.image.tag.as_str()).collect();
        assert_eq!(tags, ["1", "2"], "{name}");
        assert_eq!(affected[0].id, "CVE-2021-44228");
        assert_eq!(affected[0].subject, "pkg:deb/debian/log4j@1.0");
        assert_eq!(affected[0].fix_version.as_deref(), Some("1.1"));
        assert_eq!((affected[0].tenths, affected[0].registry.as_str()), (Some(150), "build"));
    }
    assert_eq!(fixture.store.images_affected("CVE-2021-44228", 1).await.unwrap().len(), 1);
    assert_eq!(fixture.store.images_affected("root-user", 10).await.unwrap().len(), 2);
    for name in ["", "CVE-2021", "%", "CVE-2024-9999"] {
        assert_eq!(fixture.store.images_affected(name, 10).await.unwrap(), [], "{name}");
    }
}

#[tokio::test]
async fn a_stale_result_is_dropped_whole() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("app", "1", "a")]).await;
    let slow = fixture.store.claim("slow", NOW).await.unwrap().unwrap();
    let later = after(61);
    let fast = fixture.store.claim("fast", later).await.unwrap().unwrap();
    assert_eq!((fast.digest, fast.attempt), (slow.digest, 2));
    assert_eq!(fast.lease.task_id, slow.lease.task_id);
    let good = report(&digest("a"), vec![vulnerability("CVE-1", "x", 140)]);
    let stale = report(&digest("a"), vec![vulnerability("CVE-2", "x", 140)]);

    let before = fixture.dump(&[]).await;
    assert_eq!(fixture.record(&slow.lease, &stale, later).await, RecordOutcome::Dropped);
    assert_eq!(fixture.store.heartbeat(&slow.lease, later).await.unwrap(), None);
    let failed = fixture.store.fail(&slow.lease, "late", Retry::Later, later).await.unwrap();
    assert_eq!(failed, FailOutcome::Dropped);
    fixture.store.release(&slow.lease, later).await.unwrap();
    assert_eq!(fixture.dump(&[]).await, before);

    assert_eq!(fixture.record(&fast.lease, &good, later).await, RecordOutcome::Stored);
    // The same lease does not write twice, nor after the row was queued again.
    assert_eq!(fixture.record(&fast.lease, &stale, later).await, RecordOutcome::Dropped);
    fixture.store.enqueue(&digest("a"), Origin::User, later).await.unwrap();
    assert_eq!(fixture.record(&fast.lease, &stale, later).await, RecordOutcome::Dropped);
    fixture.store.claim("third", later).await.unwrap().unwrap();
    assert_eq!(fixture.record(&fast.lease, &stale, later).await, RecordOutcome::Dropped);
    let stored = fixture.store.artifact_report(&digest("a")).await.unwrap().unwrap();
    assert_eq!(stored, good);
}

#[tokio::test]
async fn a_report_of_another_artifact_is_refused() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("app", "1", "a")]).await;
    let task = fixture.store.claim("test", NOW).await.unwrap().unwrap();
    let other = report(&digest("b"), Vec::new());
    let scan = ScanRecord { report: &other, detectors_version: DETECTORS };
    let error = fixture.store.record_scan(&task.lease, scan, NOW).await.unwrap_err();
    assert!(error.to_string().contains(&digest("b").to_string()), "{error}");
    assert!(fixture.store.heartbeat(&task.lease, NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn an_unreadable_image_never_replaces_a_readable_one() {
    let fixture = scanned().await;
    let before = fixture.dump(&["tasks", "registry_shares", "succeeded_scans"]).await;
    let outcome = fixture.rescan(&digest("a"), &unreadable(&digest("a")), after(60)).await;
    assert_eq!(outcome, RecordOutcome::Unreadable);
    assert_eq!(fixture.dump(&["tasks", "registry_shares", "succeeded_scans"]).await, before);
    let artifact = fixture.store.artifact(&digest("a")).await.unwrap().unwrap();
    assert_eq!(artifact.scanned, Some(NOW), "the last success counts");
    let task = artifact.task.unwrap();
    assert_eq!(
        (task.state, task.error.as_deref()),
        (TaskState::Failed, Some("layer 1 ends early"))
    );
}

#[tokio::test]
async fn a_first_scan_that_reads_nothing_is_shown_but_does_not_count() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    fixture.sync(&registry, &[image("app", "1", "a")]).await;
    let task = fixture.store.claim("test", NOW).await.unwrap().unwrap();
    let outcome = fixture.record(&task.lease, &unreadable(&digest("a")), NOW).await;
    assert_eq!(outcome, RecordOutcome::Unreadable);
    let artifact = fixture.store.artifact(&digest("a")).await.unwrap().unwrap();
    assert_eq!((artifact.verdict, artifact.scanned), (Some(Verdict::Unreadable), None));
    assert!(fixture.store.artifact_report(&digest("a")).await.unwrap().is_some());
    let overview = fixture.store.risk_overview().await.unwrap();
    assert_eq!((overview.images, overview.not_scanned), (1, 1));
    // When it can be read it counts.
    let good = report(&digest("a"), Vec::new());
    assert_eq!(fixture.rescan(&digest("a"), &good, after(60)).await, RecordOutcome::Stored);
    let overview = fixture.store.risk_overview().await.unwrap();
    assert_eq!((overview.none, overview.not_scanned), (1, 0));
}

#[tokio::test]
async fn a_new_snapshot_or_new_detectors_queue_what_is_outdated() {
    let fixture = scanned().await;
    let registry = fixture.store.registry("build").await.unwrap().unwrap();
    fixture.sync(&registry, &[image("team/new", "1", "b")]).await;
    let one = digest("snapshot-1");
    let two = digest("snapshot-2");
    let outdated = async |snapshot, detectors| {
        fixture.store.enqueue_outdated(snapshot, detectors, after(60)).await.unwrap()
    };
    assert_eq!(outdated(Some(&one), DETECTORS).await, 0, "the queued first scan is not outdated");
    assert_eq!(outdated(Some(&two), DETECTORS).await, 1);
    assert_eq!(outdated(Some(&two), DETECTORS).await, 0, "it is queued");
    let mut newer = report(&digest("a"), Vec::new());
    newer.feed.as_mut().unwrap().snapshot = two;
    fixture.scan_all(&BTreeMap::from([(digest("a"), newer)]), after(60)).await;
    assert_eq!(outdated(Some(&two), "detectors-2").await, 2);
    fixture.scan_all(&BTreeMap::new(), after(60)).await;
    assert_eq!(outdated(None, DETECTORS).await, 2, "no feed any more");
}

#[tokio::test]
async fn artifacts_without_images_are_kept_for_thirty_days() {
    let fixture = scanned().await;
    let registry = fixture.store.registry("build").await.unwrap().unwrap();
    let gone = SyncListing { catalog: Some(Vec::new()), ..SyncListing::default() };
    fixture.store.apply_sync(registry.id, &gone, NOW).await.unwrap();
    let month = 30 * 86_400;
    assert_eq!(fixture.store.prune_artifacts(after(month - 1)).await.unwrap(), 0);
    // It comes back within the month and needs no scan.
    fixture.sync(&registry, &[image("team/app", "1", "a")]).await;
    assert_eq!(fixture.store.task_counts(None).await.unwrap().open(), 0);
    assert_eq!(fixture.store.prune_artifacts(after(2 * month)).await.unwrap(), 0);
    fixture.store.apply_sync(registry.id, &gone, after(month)).await.unwrap();
    let early = fixture.store.prune_artifacts(after(2 * month - 1)).await.unwrap();
    assert_eq!(early, 0, "a second month begins when it goes again");
    assert_eq!(fixture.store.prune_artifacts(after(2 * month)).await.unwrap(), 1);
    let kept = [
        "list_changes",
        "master_key",
        "registries",
        "registry_shares",
        "schema_migrations",
        "sqlite_sequence",
        "succeeded_scans",
    ];
    let left = fixture.dump(&kept).await;
    assert_eq!(left, [""; 0], "nothing of it stays");
}
