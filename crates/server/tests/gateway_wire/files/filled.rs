//! Images with malicious and sensitive files, as scans report them.

use plimsoll_model::{Evidence, Finding, Kind, Level, Location, Report, Subject};
use plimsoll_store::{NetType, ScanRecord, SyncListing, Workload};

use crate::{
    fleet::{digest, image, other, registry, report},
    server::Server,
};

pub(crate) const SHELL: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const MINER: &str = "ffffffffffffffffffffffffffffffff";
pub(crate) const KEY_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn file(
    kind: Kind,
    id: &str,
    path: &str,
    level: Level,
    layer: u8,
    extra: &[(&str, &str)],
) -> Finding {
    Finding {
        subject: Subject::Path(path.to_owned()),
        evidence: vec![Evidence {
            location: Some(Location { path: path.to_owned(), layer: Some(digest(layer)) }),
            detail: "line 1: seen".to_owned(),
        }],
        extra: extra
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..other(kind, id, level)
    }
}

pub(crate) fn malicious(id: &str, path: &str, level: Level, md5: &str, virus: &str) -> Finding {
    let key = format!("{}_IMG", virus.to_ascii_uppercase());
    let extra = [
        ("md5", md5),
        ("virus_type", virus),
        ("malicious_key", key.as_str()),
        ("highlight", "[{\"offset\":0,\"length\":4}]"),
    ];
    Finding {
        record: format!("malware:{md5}:{path}"),
        ..file(Kind::Malware, id, path, level, 201, &extra)
    }
}

pub(crate) fn secret(key: &str, path: &str, level: Level, layer: u8, removed: bool) -> Finding {
    let mut extra = vec![("class", "cert_key"), ("md5", KEY_MD5), ("masked", "-----…--")];
    if removed {
        extra.push(("removed", "true"));
    }
    Finding {
        record: format!("{key}:{}:{path}", digest(layer)),
        ..file(Kind::Secret, key, path, level, layer, &extra)
    }
}

fn findings(number: u8) -> Vec<Finding> {
    let shell = || malicious("php-eval", "srv/www/a.php", Level::High, SHELL, "WebShell");
    match number {
        1 => vec![
            shell(),
            malicious("xmrig", "tmp/.x", Level::Medium, MINER, "Miner"),
            secret("rsa_private_key", "root/.ssh/id_rsa", Level::High, 200, true),
            secret("npm_token", "app/.npmrc", Level::Medium, 201, false),
        ],
        2 => vec![
            shell(),
            Finding {
                subject: Subject::Purl("pkg:npm/evil@1.0.0".to_owned()),
                ..other(Kind::Malware, "MAL-2024-1", Level::High)
            },
            secret("rsa_private_key", "etc/key.pem", Level::High, 201, false),
        ],
        _ => vec![],
    }
}

fn report_of(number: u8) -> Report {
    Report { findings: findings(number), packages: Vec::new(), ..report(number) }
}

/// Three tags, two of them of one content; one image without anything.
pub(crate) async fn filled() -> Server {
    let server = Server::start().await;
    let (store, now) = (&server.store, server.now());
    let yard = registry("yard", "registry.example", Some(5000), NetType::Intranet);
    let yard = store.add_registry(&yard, now).await.unwrap();
    let images = vec![
        image("team/app", "1.0", 1),
        image("team/app", "latest", 1),
        image("team/web/front", "2.0", 2),
        image("solo", "9.9", 3),
    ];
    let paths: Vec<String> = images.iter().map(|image| image.path.clone()).collect();
    let listing = SyncListing {
        images,
        complete: paths.clone(),
        catalog: Some(paths),
        ..SyncListing::default()
    };
    store.apply_sync(yard.id, &listing, now).await.unwrap();
    while let Some(task) = store.claim("test", now).await.unwrap() {
        let report = report_of(task.digest.as_bytes()[0]);
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
    store.replace_workloads("c1", &[workload], now).await.unwrap();
    server
}
