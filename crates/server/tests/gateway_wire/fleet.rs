//! Images in a store: two registries, six tags, one of them never scanned, one running in a cluster.

use std::collections::BTreeMap;

use plimsoll_model::{
    Coverage, Digest, Ecosystem, Evidence, Finding, Fix, ImageIdentity, Kind, Level, Location,
    Package, Platform, Priority, Report, Subject, Urgency, Why,
};
use plimsoll_store::{
    NetType, Origin, RegistrySettings, RepoType, ScanRecord, SyncListing, SyncedImage, UrlScheme,
    Workload,
};

use crate::server::Server;

pub(crate) fn digest(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}

pub(crate) fn registry(
    name: &str,
    host: &str,
    port: Option<u16>,
    net_type: NetType,
) -> RegistrySettings {
    RegistrySettings {
        name: name.to_owned(),
        kind: "oci".to_owned(),
        reported_type: if name == "hub" { "docker-hub" } else { "harbor" }.to_owned(),
        scheme: if port.is_some() { UrlScheme::Http } else { UrlScheme::Https },
        host: host.to_owned(),
        port,
        username: None,
        password: None,
        region_id: "cn-hangzhou".to_owned(),
        net_type,
        ca_pem: None,
        repositories: Vec::new(),
        platform: None,
        adapter: plimsoll_store::AdapterSettings::default(),
    }
}

pub(crate) fn image(path: &str, tag: &str, number: u8) -> SyncedImage {
    SyncedImage {
        path: path.to_owned(),
        tag: tag.to_owned(),
        digest: digest(number),
        manifest_digest: digest(number),
        platform: "linux/amd64".parse::<Platform>().unwrap(),
        image_id: digest(number + 100),
        size: 5_000_000_000 + u64::from(number),
        repo_type: if path.starts_with("library") { RepoType::Public } else { RepoType::Private },
        tag_immutable: tag == "9.9",
        created: Some("2026-11-01T00:00:00Z".parse().unwrap()),
        updated: Some("2026-11-02T00:00:00Z".parse().unwrap()),
    }
}

pub(crate) fn vulnerability(name: &str, priority: Priority, tenths: u16) -> Finding {
    Finding {
        kind: Kind::Vulnerability,
        id: name.to_owned(),
        record: format!("debian:12:{name}"),
        aliases: vec![],
        advisories: vec!["DSA-1-1".to_owned(), format!("DEBIAN-{name}")],
        level: Level::High,
        priority: Some(priority),
        score: Some(f64::from(tenths) / 10.0),
        urgency: Some(Urgency {
            tenths,
            c10: 75,
            t100: 60,
            e10: 10,
            a10: 10,
            rules: vec![],
            pending: false,
            cvss: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H".to_owned()),
            known_exploited: None,
            epss: None,
        }),
        subject: Subject::Purl("pkg:deb/debian/openssl@3".to_owned()),
        title: name.to_owned(),
        evidence: vec![],
        fix: Some(Fix { version: Some("3.0.14-1".to_owned()), advice: "upgrade".to_owned() }),
        status: None,
        suppressed: None,
        views: Vec::new(),
        why: vec![Why {
            advisory: "DSA-1-1".to_owned(),
            source: "osv/Debian".to_owned(),
            revision: None,
            range: "[0, 3.0.14-1)".to_owned(),
            comparison: "3.0.11-1 < 3.0.14-1 by dpkg".to_owned(),
            package: "openssl 1:3.0.11-1".to_owned(),
        }],
        extra: BTreeMap::new(),
    }
}

fn openssl() -> Package {
    Package {
        ecosystem: Ecosystem::named("Debian"),
        release: Some("12".to_owned()),
        name: "openssl".to_owned(),
        version: "1:3.0.11-1".to_owned(),
        source: None,
        purl: "pkg:deb/debian/openssl@3".to_owned(),
        locations: vec![Location {
            path: "var/lib/dpkg/status".to_owned(),
            layer: Some(digest(201)),
        }],
        found_by: "dpkg-installed".to_owned(),
        extra: BTreeMap::new(),
    }
}

pub(crate) fn other(kind: Kind, name: &str, level: Level) -> Finding {
    Finding {
        kind,
        record: name.to_owned(),
        level,
        priority: None,
        score: None,
        urgency: None,
        subject: Subject::Path(format!("srv/{name}")),
        advisories: vec![],
        fix: None,
        why: vec![],
        ..vulnerability(name, Priority::Nntf, 0)
    }
}

/// What a scan of the image with this number finds.
fn findings(number: u8) -> Vec<Finding> {
    match number {
        1 => vec![
            vulnerability("CVE-2021-0001", Priority::Asap, 150),
            vulnerability("CVE-2021-0002", Priority::Asap, 140),
            vulnerability("CVE-2021-0003", Priority::Later, 90),
            other(Kind::Baseline, "root_user", Level::High),
        ],
        2 => vec![
            vulnerability("CVE-2021-0004", Priority::Nntf, 10),
            other(Kind::Baseline, "setuid", Level::Medium),
            other(Kind::Baseline, "world_writable", Level::Low),
            other(Kind::Malware, "miner", Level::High),
        ],
        4 => vec![vulnerability("CVE-2021-0001", Priority::Asap, 150)],
        _ => vec![],
    }
}

pub(crate) fn report(number: u8) -> Report {
    Report {
        image: ImageIdentity {
            name: format!("image-{number}"),
            source: "registry".to_owned(),
            digest: Some(digest(number)),
            id: Some(digest(number + 100)),
            platform: Some("linux/amd64".parse().unwrap()),
            size: 5_000_000_000 + u64::from(number),
            layers: vec![digest(200), digest(201)],
            distribution: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        },
        coverage: Coverage::new(vec!["dpkg-installed".to_owned()], vec![]),
        feed: None,
        packages: vec![openssl()],
        findings: findings(number),
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

/// What a check says of an image, as the scanner puts it.
pub(crate) fn failed_check(kind: Kind, id: &str, level: Level) -> Finding {
    let location = Location { path: format!("etc/{id}"), layer: Some(digest(201)) };
    let mut finding = other(kind, id, level);
    finding.subject = Subject::Path(location.path.clone());
    finding.evidence =
        vec![Evidence { location: Some(location), detail: format!("what {id} saw") }];
    finding.fix = Some(Fix { version: None, advice: format!("mend {id}") });
    finding.extra.insert("why".to_owned(), format!("why {id} matters"));
    if kind == Kind::Build {
        finding.record = format!("{id}:3");
        finding.extra.insert("history".to_owned(), "3".to_owned());
        finding.extra.insert("instruction".to_owned(), format!("RUN {id}"));
    }
    finding
}

/// Scans the images with this number again, which have these findings now.
pub(crate) async fn scan_again(server: &Server, number: u8, findings: Vec<Finding>) {
    let (store, now) = (&server.store, server.now());
    store.enqueue(&digest(number), Origin::User, now).await.unwrap();
    let task = store.claim("test", now).await.unwrap().unwrap();
    assert_eq!(task.digest, digest(number));
    let report = Report { findings, ..report(number) };
    let scan = ScanRecord { report: &report, detectors_version: "1" };
    store.record_scan(&task.lease, scan, now).await.unwrap();
}

/// Fills the server's store.
pub(crate) async fn fill(server: &Server) {
    let (store, now) = (&server.store, server.now());
    let yard = registry("yard", "registry.example", Some(5000), NetType::Intranet);
    let yard = store.add_registry(&yard, now).await.unwrap();
    let hub = registry("hub", "registry-1.docker.io", None, NetType::Internet);
    let hub = store.add_registry(&hub, now).await.unwrap();
    let in_yard = vec![
        image("team/app", "1.0", 1),
        image("team/app", "latest", 1),
        image("team/web/front", "2.0", 2),
        image("solo", "9.9", 3),
    ];
    let in_hub = vec![image("library/python", "3.9", 4), image("library/nginx", "1.27", 5)];
    for (registry, images) in [(yard, in_yard), (hub, in_hub)] {
        let paths: Vec<String> = images.iter().map(|image| image.path.clone()).collect();
        let listing = SyncListing {
            images,
            complete: paths.clone(),
            catalog: Some(paths),
            ..SyncListing::default()
        };
        store.apply_sync(registry.id, &listing, now).await.unwrap();
    }
    while let Some(task) = store.claim("test", now).await.unwrap() {
        let number = task.digest.as_bytes()[0];
        if number == 5 {
            // Stays claimed: an image that was never scanned.
            continue;
        }
        let report = report(number);
        let scan = ScanRecord { report: &report, detectors_version: "1" };
        store.record_scan(&task.lease, scan, now).await.unwrap();
    }
    let workload = Workload {
        namespace: "kube-system".to_owned(),
        app: "loki".to_owned(),
        pod: "loki-0".to_owned(),
        container: "loki".to_owned(),
        image: "registry.example:5000/team/app:1.0".to_owned(),
        digest: Some(digest(1)),
        detail: Default::default(),
    };
    store.replace_workloads("c80f79959fd724a888e1187779b13", &[workload], now).await.unwrap();
}
