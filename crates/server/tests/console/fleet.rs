//! A small fleet in a store of its own: what the console's tests look at.

use std::collections::BTreeMap;

use plimsoll_model::{
    Coverage, Digest, Ecosystem, Evidence, Finding, Fix, Gap, GapReason, ImageIdentity, Kind,
    Level, Location, Package, Platform, Priority, Report, SourcePackage, Status, Subject,
    Timestamp, Urgency,
};
use plimsoll_store::{
    NetType, Registry, RegistrySettings, RepoType, ScanRecord, Store, StoreOptions, SyncListing,
    SyncedImage, UrlScheme,
};

/// When everything happens.
pub(crate) const NOW: &str = "2026-11-25T09:30:00Z";

/// The time of the fleet.
pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A digest that is recognised by its number.
pub(crate) fn digest(number: u32) -> Digest {
    let mut bytes = [0x5e; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes[4..8].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    Digest::from_bytes(bytes)
}

/// An empty store.
pub(crate) async fn store(folder: &std::path::Path) -> Store {
    Store::open(folder, StoreOptions::default()).await.unwrap()
}

/// A registry of that name.
pub(crate) async fn registry(store: &Store, name: &str) -> Registry {
    let settings = RegistrySettings {
        name: name.into(),
        kind: "oci".into(),
        reported_type: "oci".into(),
        scheme: UrlScheme::Https,
        host: format!("{name}.example.com"),
        port: None,
        username: None,
        password: None,
        region_id: "eu-central-1".into(),
        net_type: NetType::Internet,
        ca_pem: None,
        repositories: vec![],
        platform: None,
        adapter: plimsoll_store::AdapterSettings::default(),
    };
    store.add_registry(&settings, now()).await.unwrap()
}

/// An image whose manifest has the digest of that number.
pub(crate) fn image(path: &str, tag: &str, number: u32) -> SyncedImage {
    SyncedImage {
        path: path.into(),
        tag: tag.into(),
        digest: digest(number),
        manifest_digest: digest(number),
        platform: Platform { os: "linux".into(), architecture: "amd64".into(), variant: None },
        image_id: digest(number + 10_000),
        size: 29_126_278 + u64::from(number) * 7_654_321,
        repo_type: RepoType::Public,
        tag_immutable: false,
        created: None,
        updated: None,
    }
}

/// Makes the images known.
pub(crate) async fn sync(store: &Store, registry: &Registry, images: Vec<SyncedImage>) {
    let complete: Vec<String> = images.iter().map(|image| image.path.clone()).collect();
    let listing = SyncListing { images, complete, ..SyncListing::default() };
    store.apply_sync(registry.id, &listing, now()).await.unwrap();
}

/// Records `report_of` for every queued task that it gives a report for; the others fail.
pub(crate) async fn scan_all(store: &Store, report_of: impl Fn(Digest) -> Option<Report>) {
    let mut held = vec![];
    while let Some(task) = store.claim("fleet", now()).await.unwrap() {
        match report_of(task.digest) {
            Some(report) => {
                let scan = ScanRecord { report: &report, detectors_version: "1" };
                store.record_scan(&task.lease, scan, now()).await.unwrap();
            }
            None => held.push(task),
        }
    }
    for task in held {
        store.release(&task.lease, now()).await.unwrap();
    }
}

/// A report without anything in it.
pub(crate) fn report(number: u32) -> Report {
    Report {
        image: ImageIdentity {
            name: format!("image {number}"),
            source: "registry".into(),
            digest: Some(digest(number)),
            id: Some(digest(number + 10_000)),
            platform: None,
            size: 1,
            layers: vec![digest(number + 20_000), digest(number + 20_001)],
            distribution: Some("Debian GNU/Linux 12 (bookworm)".into()),
        },
        coverage: Coverage::new(vec!["apk-installed".into(), "dpkg-status".into()], vec![]),
        feed: None,
        packages: vec![],
        findings: vec![],
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

/// Adds a gap.
pub(crate) fn with_gap(mut report: Report, reason: GapReason, at: &str, detail: &str) -> Report {
    let mut gaps = report.coverage.gaps;
    gaps.push(Gap { reason, by: "dpkg-status".into(), at: at.into(), detail: detail.into() });
    report.coverage = Coverage::new(report.coverage.ran, gaps);
    report
}

/// Adds a Debian package.
pub(crate) fn with_package(mut report: Report, name: &str, version: &str, source: &str) -> Report {
    report.packages.push(Package {
        ecosystem: Ecosystem("Debian".into()),
        release: Some("12".into()),
        name: name.into(),
        version: version.into(),
        source: Some(SourcePackage { name: source.into(), version: version.into() }),
        purl: purl(name, version),
        locations: vec![Location {
            path: "var/lib/dpkg/status".into(),
            layer: report.image.layers.first().copied(),
        }],
        found_by: "dpkg-status".into(),
        extra: BTreeMap::new(),
    });
    report.packages.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    report
}

fn purl(name: &str, version: &str) -> String {
    format!("pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12")
}

/// A vulnerability of a package, with its score in tenths.
pub(crate) fn vulnerability(
    id: &str,
    title: &str,
    package: (&str, &str),
    tenths: u16,
    fixed: Option<&str>,
) -> Finding {
    let priority = match tenths {
        135.. => Priority::Asap,
        70.. => Priority::Later,
        _ => Priority::Nntf,
    };
    let (name, version) = package;
    Finding {
        kind: Kind::Vulnerability,
        id: id.into(),
        record: format!("debian:12:{id}"),
        aliases: vec![],
        advisories: vec![format!("DEBIAN-{id}")],
        level: if tenths >= 90 { Level::Critical } else { Level::Medium },
        priority: Some(priority),
        score: Some(f64::from(tenths) / 10.0),
        urgency: Some(Urgency {
            tenths,
            c10: 75,
            t100: if tenths >= 135 { 100 } else { 60 },
            e10: 15,
            a10: 10,
            rules: if tenths == 135 { vec!["floor:exploited".into()] } else { vec![] },
            pending: false,
            cvss: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N".into()),
            known_exploited: (tenths >= 135).then(|| "2022-05-04".into()),
            epss: Some(0.9446),
        }),
        subject: Subject::Purl(purl(name, version)),
        title: title.into(),
        evidence: vec![Evidence {
            location: None,
            detail: fixed.map_or_else(
                || format!("{version}, no fixed version"),
                |fixed| format!("{version} < {fixed}"),
            ),
        }],
        fix: fixed.map(|fixed| Fix {
            version: Some(fixed.into()),
            advice: format!("Update {name} to {fixed} or newer."),
        }),
        status: Some(Status::Affected),
        suppressed: None,
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::new(),
    }
}

/// A failed check.
pub(crate) fn baseline(
    id: &str,
    title: &str,
    level: Level,
    path: Option<&str>,
    advice: &str,
) -> Finding {
    Finding {
        kind: Kind::Baseline,
        id: id.into(),
        record: id.into(),
        aliases: vec![],
        advisories: vec![],
        level,
        priority: None,
        score: None,
        urgency: None,
        subject: path.map_or_else(
            || Subject::Image("config.User".into()),
            |path| Subject::Path(path.into()),
        ),
        title: title.into(),
        evidence: vec![Evidence {
            location: path.map(|path| Location { path: path.into(), layer: None }),
            detail: "USER is not set, so processes run as root".into(),
        }],
        fix: Some(Fix { version: None, advice: advice.into() }),
        status: None,
        suppressed: None,
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::new(),
    }
}

/// Adds findings and sorts them.
pub(crate) fn with_findings(
    mut report: Report,
    findings: impl IntoIterator<Item = Finding>,
) -> Report {
    report.findings.extend(findings);
    report.findings.sort_by(Finding::compare_urgency);
    report
}
