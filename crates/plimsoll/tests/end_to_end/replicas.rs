//! Machines with a data directory each: what one needs of another goes by the database and by a place that they share.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use plimsoll_image::{ImageBuilder, Layer};
use plimsoll_server::LoopbackRegistry;
use serde_json::Value;

use crate::{
    postgres_server,
    support::{Process, Server, get, plimsoll, plimsoll_ok, serve, temporary, wait_until},
};

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TOKEN: &str = "canary-token-0123456789abcdef012345";

fn put(registry: &LoopbackRegistry, name: &str) {
    let status =
        "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.9-1\n\n";
    let layer = Layer::builder("ADD rootfs /")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .file("srv/name", name.as_bytes())
        .build()
        .unwrap();
    let image = ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer);
    registry.put(name, "1", &image.build().unwrap());
}

fn mounted(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn by(server: &Server, token: &str, arguments: &[&str]) -> String {
    let there = ["--server", server.endpoint.as_str(), "--token-file", token];
    plimsoll_ok(arguments.iter().chain(&there))
}

/// Names of the images of which a server says that they have the vulnerability.
fn affected(server: &Server, token: &str) -> Vec<String> {
    let text = by(server, token, &["affected", "CVE-2024-5535", "--format", "json"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    let images = list.as_array().unwrap().iter();
    let mut images: Vec<String> =
        images.map(|image| image["image"].as_str().unwrap().to_owned()).collect();
    images.sort();
    images
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_and_a_worker_have_no_folder_of_state_in_common() {
    let Some(postgres) = postgres_server::Server::start() else {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(), "no PostgreSQL here");
        println!("skipped: PostgreSQL is not installed");
        return;
    };
    let (url, folder) = (postgres.url(), temporary());
    let registry = LoopbackRegistry::new();
    let served = registry.serve().await.unwrap();
    put(&registry, "team/one");
    let key = mounted(folder.path(), "key", KEY);
    let token = mounted(folder.path(), "token", TOKEN);
    let password = mounted(folder.path(), "password", "canary-password");
    let shared = folder.path().join("shared");
    let shared = shared.to_str().unwrap();
    let machines = ["first", "second", "third"].map(|name| folder.path().join(name));
    let [first, second, third] = &machines;

    plimsoll_ok(["feed", "import", "--starter", "--data", first.to_str().unwrap()]);
    let everywhere = ["--store", &url, "--shared", shared];
    let replica = ["--master-key-file", &key, "--admin-token-file", &token, "--workers", "0"];
    let replica = [&everywhere[..], &replica, &["--sync-interval", "0"]].concat();
    let one = serve(first, &replica);
    let two = serve(second, &replica);
    let child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["worker", "--data", third.to_str().unwrap()])
        .args(everywhere)
        .env("PLIMSOLL_MASTER_KEY", KEY)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _worker = Process { child };

    // What one is told, the worker reads with the account that only the master key opens, and the other one lists.
    let add = ["registry", "add", "build", &served.url(), "--username", "ci", "--password-file"];
    by(&one, &token, &[&add[..], &[password.as_str(), "--tenant", "team-a"]].concat());
    by(&one, &token, &["registry", "sync"]);
    wait_until("the scan", || affected(&two, &token) == ["team/one:1"]);
    let listed = by(&two, &token, &["registry", "list"]);
    assert!(listed.contains("team-a"), "{listed}");
    let feed = |server: &Server| {
        let host = server.endpoint.trim_start_matches("http://");
        get(host, "/healthz").0
    };
    assert_eq!((feed(&one), feed(&two)), (200, 200));
    for machine in &machines {
        let file = |name: &str| fs::read(machine.join(name)).unwrap();
        let of_first = |name: &str| fs::read(first.join(name)).unwrap();
        assert!(file("advisories.snapshot") == of_first("advisories.snapshot"), "{machine:?}");
        assert_eq!(file("layers/fingerprint.key"), of_first("layers/fingerprint.key"));
        assert!(!machine.join("master.key").exists() && !machine.join("admin-token").exists());
    }

    // The machine that had the advisories goes for good; the others go on, and one that is new takes its place.
    one.process.kill();
    fs::remove_dir_all(first).unwrap();
    put(&registry, "team/two");
    by(&two, &token, &["registry", "sync"]);
    let three = serve(first, &replica);
    wait_until("the second scan", || affected(&three, &token) == ["team/one:1", "team/two:1"]);

    // Without the key there is no way in; nothing is made that would pass for one.
    let stranger = folder.path().join("stranger");
    let refused = plimsoll(["images", "--store", &url, "--data", stranger.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(error.contains("--master-key-file") && !error.contains("canary"), "{error}");
    assert!(!stranger.join("master.key").exists());
}
