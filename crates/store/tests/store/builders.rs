//! Small builders with good defaults, and the ways to look at the database from outside.

use std::{collections::BTreeMap, path::Path};

use plimsoll_model::{
    Coverage, Digest, FeedState, Finding, Fix, Gap, GapReason, ImageIdentity, Kind, Level,
    Priority, Report, Subject, Timestamp, Urgency,
};
use plimsoll_store::{
    Lease, NetType, Origin, RecordOutcome, Registry, RegistrySettings, RepoType, ScanRecord, Store,
    SyncListing, SyncedImage, UrlScheme,
};

use crate::outside;

/// A Wednesday in November 2026.
pub(crate) const NOW: Timestamp = Timestamp(1_795_600_000);
pub(crate) const DETECTORS: &str = "detectors-1";

pub(crate) fn after(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

/// A digest for a name; the same name gives the same.
pub(crate) fn digest(name: &str) -> Digest {
    let hash = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    Digest::from_bytes(hash.as_ref().try_into().unwrap())
}

pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        Self { folder, store }
    }

    /// Closes the store as a program that ends well does, and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        self.store.close().await;
        drop(self.store);
        let store = open(self.folder.path()).await;
        Self { folder: self.folder, store }
    }

    pub(crate) async fn registry(&self, name: &str) -> Registry {
        self.store.add_registry(&settings(name), NOW).await.unwrap()
    }

    /// Adds images of one registry to what is there.
    pub(crate) async fn sync(&self, registry: &Registry, images: &[SyncedImage]) {
        let listing = SyncListing { images: images.to_vec(), ..SyncListing::default() };
        self.store.apply_sync(registry.id, &listing, NOW).await.unwrap();
    }

    /// Scans whatever is queued; reports by the artifact's digest, an empty one where none is given.
    pub(crate) async fn scan_all(
        &self,
        reports: &BTreeMap<Digest, Report>,
        now: Timestamp,
    ) -> usize {
        let mut scanned = 0;
        while let Some(task) = self.store.claim("test/1", now).await.unwrap() {
            let empty = report(&task.digest, Vec::new());
            let report = reports.get(&task.digest).unwrap_or(&empty);
            let outcome = self.record(&task.lease, report, now).await;
            assert_ne!(outcome, RecordOutcome::Dropped);
            scanned += 1;
        }
        scanned
    }

    pub(crate) async fn record(
        &self,
        lease: &Lease,
        report: &Report,
        now: Timestamp,
    ) -> RecordOutcome {
        let scan = ScanRecord { report, detectors_version: DETECTORS };
        self.store.record_scan(lease, scan, now).await.unwrap()
    }

    pub(crate) async fn rescan(
        &self,
        digest: &Digest,
        report: &Report,
        now: Timestamp,
    ) -> RecordOutcome {
        self.store.enqueue(digest, Origin::User, now).await.unwrap();
        let task = self.store.claim("test/1", now).await.unwrap().unwrap();
        assert_eq!(task.digest, *digest);
        self.record(&task.lease, report, now).await
    }

    /// All rows of all tables but `except`, as another program reads them.
    pub(crate) async fn dump(&self, except: &[&str]) -> Vec<String> {
        outside::dump(self.folder.path(), except).await
    }

    /// Equal means that nothing at all was written.
    pub(crate) async fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        outside::bytes(self.folder.path()).await
    }
}

pub(crate) async fn open(folder: &Path) -> Store {
    Store::open(folder, outside::options(folder).await).await.unwrap()
}

pub(crate) fn settings(name: &str) -> RegistrySettings {
    RegistrySettings {
        name: name.to_owned(),
        kind: "oci".to_owned(),
        reported_type: "oci".to_owned(),
        scheme: UrlScheme::Https,
        host: format!("{name}.test"),
        port: None,
        username: None,
        password: None,
        region_id: "cn-hangzhou".to_owned(),
        net_type: NetType::Internet,
        ca_pem: None,
        repositories: Vec::new(),
        platform: None,
        adapter: plimsoll_store::AdapterSettings::default(),
    }
}

/// A tag whose digests are made of `content`.
pub(crate) fn image(path: &str, tag: &str, content: &str) -> SyncedImage {
    SyncedImage {
        path: path.to_owned(),
        tag: tag.to_owned(),
        digest: digest(content),
        manifest_digest: digest(content),
        platform: "linux/amd64".parse().unwrap(),
        image_id: digest(&format!("config of {content}")),
        size: 1_000,
        repo_type: RepoType::Private,
        tag_immutable: false,
        created: None,
        updated: None,
    }
}

pub(crate) fn report(digest: &Digest, mut findings: Vec<Finding>) -> Report {
    findings.sort_by(Finding::compare_urgency);
    Report {
        image: ImageIdentity {
            name: "image".to_owned(),
            source: "registry".to_owned(),
            digest: Some(*digest),
            id: None,
            platform: None,
            size: 1_000,
            layers: Vec::new(),
            distribution: None,
        },
        coverage: Coverage::new(vec!["dpkg".to_owned()], Vec::new()),
        feed: Some(FeedState {
            snapshot: self::digest("snapshot-1"),
            date: NOW,
            starter: false,
            sources: Vec::new(),
        }),
        packages: Vec::new(),
        findings,
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

pub(crate) fn unreadable(digest: &Digest) -> Report {
    let gap = Gap {
        reason: GapReason::UnreadableImage,
        by: "image".to_owned(),
        at: "layer 1".to_owned(),
        detail: "layer 1 ends early".to_owned(),
    };
    Report { coverage: Coverage::new(Vec::new(), vec![gap]), ..report(digest, Vec::new()) }
}

pub(crate) fn vulnerability(id: &str, package: &str, tenths: u16) -> Finding {
    let priority = match tenths {
        135.. => Priority::Asap,
        70.. => Priority::Later,
        _ => Priority::Nntf,
    };
    Finding {
        kind: Kind::Vulnerability,
        id: id.to_owned(),
        record: format!("debian:12:{id}"),
        aliases: Vec::new(),
        advisories: Vec::new(),
        level: Level::High,
        priority: Some(priority),
        score: Some(f64::from(tenths) / 10.0),
        urgency: Some(Urgency {
            tenths,
            c10: 90,
            t100: 100,
            e10: 15,
            a10: 10,
            rules: Vec::new(),
            pending: false,
            cvss: None,
            known_exploited: None,
            epss: None,
        }),
        subject: Subject::Purl(format!("pkg:deb/debian/{package}@1.0")),
        title: format!("{id} in {package}"),
        evidence: Vec::new(),
        fix: Some(Fix { version: Some("1.1".to_owned()), advice: "update".to_owned() }),
        status: None,
        suppressed: None,
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::new(),
    }
}

pub(crate) fn risk(kind: Kind, id: &str, level: Level) -> Finding {
    Finding {
        kind,
        record: id.to_owned(),
        level,
        priority: None,
        score: None,
        urgency: None,
        subject: Subject::Path(format!("etc/{id}")),
        fix: None,
        ..vulnerability(id, "none", 0)
    }
}
