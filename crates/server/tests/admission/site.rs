//! A store with images as a file says, and a webhook on it.
//!
//! In: `store.json` of a case, or the one that most cases share. Out: [`Site`]. Odd: a digest is a number, whose byte fills it.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use plimsoll_model::{
    Coverage, Digest, Ecosystem, FeedState, Finding, Fix, Gap, GapReason, ImageIdentity, Kind,
    Level, Package, Priority, Report, Subject, Timestamp,
};
use plimsoll_server::{
    Clock, TlsFiles,
    admission::{AdmissionConfig, AdmissionServer, serve_admission},
};
use plimsoll_store::{
    AdapterSettings, NetType, Origin, RegistrySettings, RepoType, ScanRecord, Store, StoreOptions,
    SyncListing, SyncedImage, UrlScheme,
};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) const NOW: &str = "2026-12-01T12:00:00Z";

/// What is in a store.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fleet {
    pub(crate) registries: BTreeMap<String, Host>,
    pub(crate) images: Vec<Image>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    host: String,
    port: Option<u16>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Image {
    registry: String,
    path: String,
    tag: String,
    /// What the tag names.
    pub(crate) digest: u8,
    /// The platform's manifest, where that is an index.
    manifest: Option<u8>,
    #[serde(default = "amd64")]
    platform: String,
    /// What a scan found; without it nobody scanned.
    scan: Option<Scan>,
}

fn amd64() -> String {
    "linux/amd64".to_owned()
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Scan {
    #[serde(default)]
    findings: Vec<Found>,
    #[serde(default)]
    gap: Option<GapReason>,
    #[serde(default)]
    without_feed: bool,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Found {
    kind: Kind,
    id: String,
    level: Level,
    priority: Option<Priority>,
    advice: Option<String>,
}

impl Fleet {
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap()
    }
}

pub(crate) fn digest(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

impl Image {
    fn manifest(&self) -> u8 {
        self.manifest.unwrap_or(self.digest)
    }

    fn synced(&self) -> SyncedImage {
        SyncedImage {
            path: self.path.clone(),
            tag: self.tag.clone(),
            digest: digest(self.digest),
            manifest_digest: digest(self.manifest()),
            platform: self.platform.parse().unwrap(),
            image_id: digest(self.manifest() + 100),
            size: 1,
            repo_type: RepoType::Private,
            tag_immutable: false,
            created: None,
            updated: None,
        }
    }

    /// A scan finds nothing any more.
    pub(crate) fn forget_findings(&mut self) {
        if let Some(scan) = &mut self.scan {
            scan.findings.clear();
        }
    }

    fn report(&self, scan: &Scan) -> Report {
        let gaps = scan.gap.map(|reason| Gap {
            reason,
            by: "test".to_owned(),
            at: String::new(),
            detail: String::new(),
        });
        let feed =
            FeedState { snapshot: digest(250), date: now(), starter: false, sources: Vec::new() };
        Report {
            image: ImageIdentity {
                name: self.path.clone(),
                source: "registry".to_owned(),
                digest: Some(digest(self.manifest())),
                id: Some(digest(self.manifest() + 100)),
                platform: Some(self.platform.parse().unwrap()),
                size: 1,
                layers: vec![digest(200)],
                distribution: None,
            },
            coverage: Coverage::new(vec!["test".to_owned()], gaps.into_iter().collect()),
            feed: (!scan.without_feed).then_some(feed),
            packages: scan.findings.iter().filter_map(Found::package).collect(),
            findings: scan.findings.iter().map(Found::finding).collect(),
            build: Vec::new(),
            ignore_rules: Vec::new(),
        }
    }
}

impl Found {
    /// What a vulnerability is of: a package of its own.
    fn package(&self) -> Option<Package> {
        (self.kind == Kind::Vulnerability).then(|| Package {
            ecosystem: Ecosystem::named("Debian"),
            release: Some("12".to_owned()),
            name: self.id.to_lowercase(),
            version: "1".to_owned(),
            source: None,
            purl: format!("pkg:deb/debian/{}@1?distro=debian-12", self.id.to_lowercase()),
            locations: Vec::new(),
            found_by: "dpkg-installed".to_owned(),
            extra: BTreeMap::new(),
        })
    }

    fn finding(&self) -> Finding {
        Finding {
            kind: self.kind,
            id: self.id.clone(),
            record: self.id.clone(),
            aliases: Vec::new(),
            advisories: Vec::new(),
            level: self.level,
            status: None,
            suppressed: None,
            priority: self.priority,
            score: None,
            urgency: None,
            subject: self.package().map_or_else(
                || Subject::Path(format!("srv/{}", self.id)),
                |package| Subject::Purl(package.purl),
            ),
            title: self.id.clone(),
            evidence: Vec::new(),
            fix: self.advice.clone().map(|advice| Fix { version: None, advice }),
            views: Vec::new(),
            why: Vec::new(),
            extra: BTreeMap::new(),
        }
    }
}

/// Fills an empty store.
pub(crate) async fn fill(store: &Store, fleet: &Fleet) {
    for (name, host) in &fleet.registries {
        let settings = RegistrySettings {
            name: name.clone(),
            kind: "oci".to_owned(),
            reported_type: "harbor".to_owned(),
            scheme: UrlScheme::Https,
            host: host.host.clone(),
            port: host.port,
            username: None,
            password: None,
            region_id: "default".to_owned(),
            net_type: NetType::Internet,
            ca_pem: None,
            repositories: Vec::new(),
            platform: None,
            adapter: AdapterSettings::default(),
        };
        store.add_registry(&settings, now()).await.unwrap();
    }
    sync(store, fleet).await;
    scan(store, fleet).await;
}

/// Brings the store's images to what the fleet says.
pub(crate) async fn sync(store: &Store, fleet: &Fleet) {
    for registry in store.registries().await.unwrap() {
        let images: Vec<SyncedImage> = fleet
            .images
            .iter()
            .filter(|image| image.registry == registry.settings.name)
            .map(Image::synced)
            .collect();
        let paths: Vec<String> = images.iter().map(|image| image.path.clone()).collect();
        let listing = SyncListing {
            images,
            complete: paths.clone(),
            catalog: Some(paths),
            ..SyncListing::default()
        };
        store.apply_sync(registry.id, &listing, now()).await.unwrap();
    }
}

/// Scans what is queued, as far as the fleet says what is found.
pub(crate) async fn scan(store: &Store, fleet: &Fleet) {
    while let Some(task) = store.claim("test", now()).await.unwrap() {
        let scanned = fleet
            .images
            .iter()
            .find(|image| digest(image.manifest()) == task.digest)
            .and_then(|image| Some(image.report(image.scan.as_ref()?)));
        // What has no scan stays claimed.
        let Some(report) = scanned else { continue };
        let record = ScanRecord { report: &report, detectors_version: "1" };
        store.record_scan(&task.lease, record, now()).await.unwrap();
    }
}

/// Scans one manifest again, which has only these findings now.
pub(crate) async fn scan_again(store: &Store, fleet: &Fleet, number: u8) {
    store.enqueue(&digest(number), Origin::User, now()).await.unwrap();
    scan(store, fleet).await;
}

/// A store, and a webhook on it.
pub(crate) struct Site {
    _folder: TempDir,
    pub(crate) store: Store,
    pub(crate) server: AdmissionServer,
    pub(crate) clock: Clock,
}

impl Site {
    pub(crate) async fn new(fleet: &Fleet, policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
        fill(&store, fleet).await;
        let clock = Clock::fixed(now());
        let config = config(folder.path(), folder.path(), policy, clock.clone());
        let server = serve_admission(config).await.unwrap();
        until("the store to be opened", async || server.has_store()).await;
        Self { _folder: folder, store, server, clock }
    }

    /// The answer to a review.
    pub(crate) async fn ask(&self, review: &Value) -> Value {
        let (status, body) = post(self.server.address(), review.to_string().as_bytes()).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

/// A webhook whose policy lies in one folder and whose database in another.
pub(crate) fn config(folder: &Path, data: &Path, policy: &str, clock: Clock) -> AdmissionConfig {
    let file = folder.join("admission.toml");
    std::fs::write(&file, policy).unwrap();
    AdmissionConfig {
        data_dir: data.to_owned(),
        store: StoreOptions::default(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        probes: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        tls: None::<TlsFiles>,
        policy: file,
        // Busy machines are slow; what a test asserts never depends on it.
        timeout: Duration::from_secs(20),
        patience: Duration::ZERO,
        drain: Duration::ZERO,
        clock,
    }
}

/// Sends a review.
pub(crate) async fn post(address: SocketAddr, body: &[u8]) -> (u16, String) {
    send(TcpStream::connect(address).await.unwrap(), "POST", "/validate", body).await
}

/// Sends a review whose answer is not waited for as long as a busy machine may take.
pub(crate) async fn post_in_haste(address: SocketAddr, body: &[u8]) -> (u16, String) {
    let path = "/validate?timeout=250ms";
    send(TcpStream::connect(address).await.unwrap(), "POST", path, body).await
}

/// Asks an address of the process.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    send(TcpStream::connect(address).await.unwrap(), "GET", path, b"").await
}

/// One request on a connection of its own.
pub(crate) async fn send(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    method: &str,
    path: &str,
    body: &[u8],
) -> (u16, String) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses a large body may close before it read all of it.
    let _sent = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Waits for the process's own work, which no test can order; it gives up after a minute.
pub(crate) async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    for _ in 0..3000 {
        if reached().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} was not reached");
}
