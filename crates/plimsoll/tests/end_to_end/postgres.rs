//! A site on PostgreSQL: the same commands, with `--store`.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::{
    fleet::build_layout,
    postgres_server,
    support::{docker_registry, has, plimsoll, plimsoll_ok, python, serve, temporary, wait_until},
};

/// Asks for the list as clients do: signed, through the official SDK.
const LIST: &str = r#"
import json, sys
from alibabacloud_sas20181203.client import Client
from alibabacloud_sas20181203.models import ListImageRiskRequest
from alibabacloud_tea_openapi.models import Config
endpoint, key, secret = sys.argv[1:]
client = Client(Config(access_key_id=key, access_key_secret=secret, endpoint=endpoint, protocol="http"))
body = client.list_image_risk(ListImageRiskRequest(page_size=20)).body
print(json.dumps(sorted(image.image for image in body.image_risk_list)))
"#;

struct Site<'a> {
    data: &'a str,
    store: Option<&'a str>,
}

impl Site<'_> {
    fn arguments<'s>(&'s self, arguments: &[&'s str]) -> Vec<&'s str> {
        let store = self.store.map(|url| ["--store", url]);
        let place = ["--data", self.data].into_iter().chain(store.into_iter().flatten());
        arguments.iter().copied().chain(place).collect()
    }

    fn run(&self, arguments: &[&str]) -> String {
        plimsoll_ok(self.arguments(arguments))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[arguments, &["--format", "json"]].concat())).unwrap()
    }
}

fn scanned(site: &Site<'_>, number: usize) -> bool {
    let listed = site.json(&["images"]);
    let listed = listed.as_array().unwrap();
    listed.len() == number && listed.iter().all(|image| image["scanned"].is_string())
}

#[test]
fn a_site_lives_on_postgresql() {
    if !has("docker-registry") || !has("skopeo") || !has("pg_createcluster") {
        return;
    }
    let Some(server) = postgres_server::Server::start() else { return };
    let url = server.url();
    let folder = temporary();
    let registry = docker_registry(folder.path());
    for number in 0..3 {
        let layout = build_layout(folder.path(), number, 100_000);
        registry.push(&layout, &format!("team/app-{number}:1.0"));
    }
    let data = folder.path().join("data");
    let data_text = data.to_str().unwrap();
    let site = Site { data: data_text, store: Some(&url) };
    site.run(&["feed", "import", "--starter"]);
    let host = format!("http://{}", registry.host);
    site.run(&["registry", "add", "build", &host, "--region", "cn-test"]);
    let running = serve(&data, &["--sync-interval", "0", "--store", &url]);
    site.run(&["registry", "sync"]);
    wait_until("all scans", || scanned(&site, 3));
    let affected = site.json(&["affected", "CVE-2024-5535"]);
    assert_eq!(affected.as_array().unwrap().len(), 3, "{affected}");
    assert_eq!(site.json(&["rank"])["scanned"], 3);
    assert!(data.join("master.key").exists() && !data.join("plimsoll.db").exists());
    if let Some(python) = python() {
        lists_by_sdk(&site, &python, &running.endpoint);
    }
    // Killed and started again, it knows all.
    running.process.kill();
    let running = serve(&data, &["--sync-interval", "0", "--store", &url]);
    assert!(scanned(&site, 3));
    drop(running);
    // Without the database's name it is another, empty site.
    let embedded = Site { data: data_text, store: None };
    assert_eq!(embedded.json(&["images"]).as_array().unwrap().len(), 0);
}

fn lists_by_sdk(site: &Site<'_>, python: &Path, endpoint: &str) {
    let key = ["key", "create", "reports", "--allow", "yundun-sas:*", "--format", "env"];
    let key = site.run(&key);
    let value = |name: &str| {
        let line = key.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim_start_matches('=').to_owned()
    };
    let output = Command::new(python)
        .args(["-c", LIST, endpoint.trim_start_matches("http://")])
        .arg(value("ALIBABA_CLOUD_ACCESS_KEY_ID"))
        .arg(value("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed[0].ends_with("team/app-0:1.0"), "{listed:?}");
}

#[test]
fn an_embedded_site_moves_to_postgresql() {
    if !has("docker-registry") || !has("skopeo") || !has("pg_createcluster") {
        return;
    }
    let Some(server) = postgres_server::Server::start() else { return };
    let url = server.url();
    let folder = temporary();
    let registry = docker_registry(folder.path());
    registry.push(&build_layout(folder.path(), 1, 100_000), "team/app:1.0");
    let data = folder.path().join("data");
    let data_text = data.to_str().unwrap();
    let before = Site { data: data_text, store: None };
    let after = Site { data: data_text, store: Some(&url) };
    before.run(&["feed", "import", "--starter"]);
    before.run(&["registry", "add", "build", &format!("http://{}", registry.host)]);
    let running = serve(&data, &["--sync-interval", "0"]);
    before.run(&["registry", "sync"]);
    wait_until("the scan", || scanned(&before, 1));
    running.process.kill();
    before.run(&["settings", "rank.limit", "7"]);
    let said = before.run(&["store", "copy", "--to", &url]);
    assert!(said.contains("images") && said.contains("artifacts"), "{said}");
    for question in [&["images"][..], &["rank"], &["affected", "CVE-2024-5535"]] {
        assert_eq!(after.json(question), before.json(question));
    }
    assert_eq!(after.run(&["settings", "rank.limit"]).trim(), "7");

    let again = plimsoll(before.arguments(&["store", "copy", "--to", &url]));
    assert_eq!(again.status.code(), Some(1));
    let error = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(error.contains("not empty") && error.contains("search_path"), "{error}");
    let secret = "postgres://plimsoll:canary-password@localhost/plimsoll";
    let refused = plimsoll(before.arguments(&["images", "--store", secret]));
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(error.contains("PGPASSWORD") && !error.contains("canary"), "{error}");
}
