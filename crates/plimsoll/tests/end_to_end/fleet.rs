//! A real registry, synced, scanned, listed and ranked; and a server that is killed while it works.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use plimsoll_image::build::{BuiltImage, ImageBuilder, Layer};
use plimsoll_model::Platform;
use serde_json::Value;

use crate::support::{
    DockerRegistry, Server, docker_registry, has, plimsoll_ok, real_image, run, serve, temporary,
    wait_until,
};

/// A Debian image; `size` bytes of it are noise, so that reading takes a moment.
pub(crate) fn build_image(number: u32, size: usize) -> BuiltImage {
    let status = format!(
        "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.9-1\n\n\
         Package: demo-{number}\nStatus: install ok installed\nArchitecture: all\nVersion: 1.{number}\n\n"
    );
    let mut noise = Vec::with_capacity(size);
    let mut state = u64::from(number) + 1;
    while noise.len() < size {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.extend((state >> 16).to_be_bytes());
    }
    let layer = Layer::builder("ADD rootfs /")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n")
        .file("etc/debian_version", b"12.0\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .file("opt/noise", &noise)
        .build()
        .unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    ImageBuilder::new(platform).layer(&layer).build().unwrap()
}

/// The same as an OCI layout.
pub(crate) fn build_layout(folder: &Path, number: u32, size: usize) -> PathBuf {
    let layout = folder.join(format!("layout-{number}"));
    build_image(number, size).write_oci_layout(&layout, "latest").unwrap();
    layout
}

fn images(server: &Server, data: &Path) -> Vec<Value> {
    let token = data.join("admin-token");
    let text = plimsoll_ok([
        "images",
        "--format",
        "json",
        "--page-size",
        "100",
        "--server",
        &server.endpoint,
        "--token-file",
        token.to_str().unwrap(),
    ]);
    serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().clone()
}

fn sync(server: &Server, data: &Path) {
    let token = data.join("admin-token");
    plimsoll_ok([
        "registry",
        "sync",
        "--server",
        &server.endpoint,
        "--token-file",
        token.to_str().unwrap(),
    ]);
}

fn wait_for_scans(server: &Server, data: &Path, number: usize) -> Vec<Value> {
    let mut listed = Vec::new();
    wait_until("all scans", || {
        listed = images(server, data);
        listed.len() == number && listed.iter().all(|image| image["scanned"].is_string())
    });
    listed
}

fn prepare(folder: &Path, registry: &DockerRegistry) -> PathBuf {
    let data = folder.join("data");
    let data_text = data.to_str().unwrap();
    plimsoll_ok(["feed", "import", "--starter", "--data", data_text]);
    plimsoll_ok([
        "registry",
        "add",
        "build",
        &format!("http://{}", registry.host),
        "--region",
        "cn-test",
        "--data",
        data_text,
    ]);
    data
}

/// Rows of all tables but the ones that count requests, as text.
fn dump(data: &Path) -> String {
    run("sqlite3", ["-readonly", data.join("plimsoll.db").to_str().unwrap(), ".dump"])
        .lines()
        .filter(|line| !line.contains("INTO \"nonce") && !line.contains("INTO nonce"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn a_registry_is_synced_scanned_listed_and_ranked() {
    if !has("docker-registry") || !has("skopeo") || !has("sqlite3") {
        return;
    }
    let folder = temporary();
    let registry = docker_registry(folder.path());
    let mut wanted = BTreeSet::new();
    for number in 0..3 {
        let name = format!("team/app-{number}:1.0");
        registry.push(&build_layout(folder.path(), number, 100_000), &name);
        wanted.insert(name);
    }
    for name in ["debian-slim", "alpine-app", "rpm-app", "multi-arch"] {
        if let Some(layout) = real_image(name) {
            registry.push(&layout, &format!("real/{name}:latest"));
            wanted.insert(format!("real/{name}:latest"));
        }
    }
    let data = prepare(folder.path(), &registry);
    let server = serve(&data, &["--sync-interval", "0"]);
    sync(&server, &data);
    let listed = wait_for_scans(&server, &data, wanted.len());
    let names: BTreeSet<String> = listed
        .iter()
        .map(|image| image["image"].as_str().unwrap().split_once('/').unwrap().1.to_owned())
        .collect();
    assert_eq!(names, wanted);
    let app = listed.iter().find(|image| image["repository"] == "app-0").unwrap();
    assert!(
        app["counters"]["later"].as_u64().unwrap() + app["counters"]["asap"].as_u64().unwrap() > 0,
        "{app}"
    );
    let ranking = plimsoll_ok(["rank", "--format", "json", "--data", data.to_str().unwrap()]);
    let ranking: Value = serde_json::from_str(&ranking).unwrap();
    assert_eq!(ranking["scanned"], wanted.len(), "{ranking}");
    let affected = plimsoll_ok([
        "affected",
        "CVE-2024-5535",
        "--format",
        "json",
        "--data",
        data.to_str().unwrap(),
    ]);
    let affected: Value = serde_json::from_str(&affected).unwrap();
    let hit: BTreeSet<&str> =
        affected.as_array().unwrap().iter().map(|row| row["image"].as_str().unwrap()).collect();
    assert!(hit.iter().any(|image| image.contains("team/app-0")), "{hit:?}");

    let before = dump(&data);
    sync(&server, &data);
    assert_eq!(dump(&data), before, "a second sync of unchanged images writes no row");
}

#[test]
fn nothing_is_lost_when_the_server_is_killed_again_and_again() {
    if !has("docker-registry") || !has("skopeo") || !has("sqlite3") {
        return;
    }
    const IMAGES: u8 = 24;
    let folder = temporary();
    let registry = docker_registry(folder.path());
    for number in 0..IMAGES {
        registry.push(
            &build_layout(folder.path(), number.into(), 3_000_000),
            &format!("kill/app-{number}:1"),
        );
    }
    let data = prepare(folder.path(), &registry);
    let server = serve(&data, &["--sync-interval", "0", "--workers", "1"]);
    sync(&server, &data);
    server.process.kill();
    for round in 1..=4_usize {
        let server = serve(&data, &["--sync-interval", "0", "--workers", "1"]);
        wait_until("another scan", || {
            let scanned =
                images(&server, &data).iter().filter(|image| image["scanned"].is_string()).count();
            scanned >= round * 2
        });
        server.process.kill();
    }
    let server = serve(&data, &["--sync-interval", "0", "--workers", "2"]);
    let listed = wait_for_scans(&server, &data, usize::from(IMAGES));
    let names: BTreeSet<&str> =
        listed.iter().map(|image| image["repository"].as_str().unwrap()).collect();
    assert_eq!(names.len(), usize::from(IMAGES), "no image is listed twice");
    assert!(listed.iter().all(|image| image["scan"]["error"].is_null()), "no scan failed");
    let check =
        run("sqlite3", [data.join("plimsoll.db").to_str().unwrap(), "PRAGMA integrity_check"]);
    assert_eq!(check.trim(), "ok");
}
