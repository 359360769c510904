//! `plimsoll admission` as people run it: its policy, one review, its certificate, and a webhook whose database goes away.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_server::LoopbackRegistry;
use serde_json::{Value, json};

use crate::{
    postgres_server,
    support::{Process, get, has, plimsoll, plimsoll_ok, run, temporary, wait_until},
};

const POLICY: &str =
    "unavailable = 'deny'\n[[rule]]\nname = 'all'\n[rule.deny]\nvulnerability = 'low'\n";

fn image() -> BuiltImage {
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
    let layer = Layer::builder("ADD rootfs /")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .build()
        .unwrap();
    ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap()
}

/// A registry with one image, and its host.
async fn registry() -> (plimsoll_server::LoopbackHandle, String) {
    let registry = LoopbackRegistry::new();
    registry.put("team/app", "1", &image());
    let handle = registry.serve().await.unwrap();
    let host = handle.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    (handle, host)
}

/// A site whose registry was synced and scanned.
fn scanned(place: &[&str], host: &str) {
    let ok = |words: &[&str]| plimsoll_ok(words.iter().chain(place));
    ok(&["feed", "import", "--starter", "--quiet"]);
    ok(&["registry", "add", "build", &format!("http://{host}")]);
    ok(&["registry", "sync", "build", "--scan", "--quiet"]);
}

fn review(image: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "prod",
            "operation": "CREATE",
            "object": {"spec": {"containers": [{"name": "c", "image": image}]}}
        }
    })
}

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// A running webhook.
struct Webhook {
    _process: Process,
    /// `https://127.0.0.1:PORT/validate`
    url: String,
}

fn webhook(arguments: &[&str]) -> Webhook {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["admission", "serve", "--listen", "127.0.0.1:0", "--quiet"])
        .args(arguments)
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().expect("it says where it listens").unwrap();
    let url = line.strip_prefix("answering reviews at ").expect("an address").to_owned();
    std::thread::spawn(move || lines.for_each(drop));
    Webhook { _process: Process { child }, url }
}

#[test]
fn a_policy_is_checked_with_its_line_and_its_warnings() {
    let folder = temporary();
    let good = written(folder.path(), "good.toml", POLICY);
    let output = plimsoll(["admission", "check", good.to_str().unwrap()]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains("kube-system"), "{told}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("mode enforce, 1 rules; without the store images are refused"), "{said}");
    let wrong =
        written(folder.path(), "wrong.toml", "mode = 'warn'\n[[rule]]\nname = 'a'\nlabel = {}\n");
    let output = plimsoll(["admission", "check", wrong.to_str().unwrap()]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("wrong.toml") && told.contains("line 4"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_review_is_answered_from_a_file() {
    let (handle, host) = registry().await;
    tokio::task::spawn_blocking(move || {
        let folder = temporary();
        let data = folder.path().join("data");
        let place = ["--data", data.to_str().unwrap()];
        let policy = written(folder.path(), "admission.toml", POLICY);
        let answer = |image: &str| {
            let file = written(folder.path(), "review.json", &review(image).to_string());
            let words = ["admission", "review", file.to_str().unwrap(), "--policy"];
            plimsoll(words.iter().chain(&[policy.to_str().unwrap()]).chain(&place))
        };
        let output = answer("debian:12");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && told.contains("data directory"), "{told}");
        assert!(!data.exists(), "nothing is made by reading");
        scanned(&place, &host);
        let output = answer(&format!("{host}/team/app:1"));
        assert_eq!(output.status.code(), Some(3));
        let answer_: Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = answer_["response"]["status"]["message"].as_str().unwrap();
        for part in [
            format!("image `{host}/team/app:1`").as_str(),
            "rule `all`",
            "deny.vulnerability:low: CVE-",
            "remedy: ",
            "upgrade libssl3",
            image().manifest_digest.to_string().as_str(),
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        fs::write(&policy, "[[rule]]\nname = 'all'\n").unwrap();
        assert_eq!(answer(&format!("{host}/team/app:1")).status.code(), Some(0));
    })
    .await
    .unwrap();
    drop(handle);
}

#[test]
fn the_certificate_is_for_the_service_and_is_never_written_over() {
    if !has("openssl") {
        return;
    }
    let folder = temporary();
    let out = folder.path().join("certificate");
    let words =
        ["admission", "certificate", "--service", "gate", "--namespace", "shop", "--days", "30"];
    let made = |out: &Path| plimsoll(words.iter().copied().chain(["--out", out.to_str().unwrap()]));
    assert!(made(&out).status.success());
    let file = |name: &str| out.join(name).to_str().unwrap().to_owned();
    let verified = run(
        "openssl",
        [
            "verify",
            "-CAfile",
            &file("ca.crt"),
            "-verify_hostname",
            "gate.shop.svc",
            "-purpose",
            "sslserver",
            &file("tls.crt"),
        ],
    );
    assert!(verified.contains("OK"), "{verified}");
    let key = fs::metadata(out.join("tls.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
    let again = made(&out);
    let told = String::from_utf8(again.stderr).unwrap();
    assert!(again.status.code() == Some(1) && told.contains("ca.crt"), "{told}");
    let output =
        plimsoll(["admission", "certificate", "--service", "A b", "--out", "/nonexistent/x"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("`--service A b`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_over_tls_goes_by_its_policy_when_the_database_goes() {
    if !has("pg_createcluster") || !has("curl") {
        return;
    }
    let (handle, host) = registry().await;
    tokio::task::spawn_blocking(move || database_goes(&host)).await.unwrap();
    drop(handle);
}

fn database_goes(host: &str) {
    let Some(server) = postgres_server::Server::start() else { return };
    let url = server.url();
    let folder = temporary();
    let data = folder.path().join("data");
    scanned(&["--data", data.to_str().unwrap(), "--store", &url], host);
    let policy = written(folder.path(), "admission.toml", POLICY);
    let certificate = folder.path().join("certificate");
    plimsoll_ok(["admission", "certificate", "--out", certificate.to_str().unwrap()]);
    let file = |name: &str| certificate.join(name).to_str().unwrap().to_owned();
    let (ca, crt, key) = (file("ca.crt"), file("tls.crt"), file("tls.key"));
    // Neither master key nor data directory.
    let webhook = webhook(&[
        "--store",
        &url,
        "--policy",
        policy.to_str().unwrap(),
        "--tls-certificate",
        &crt,
        "--tls-key",
        &key,
        "--timeout",
        "5000",
    ]);
    let name = "plimsoll-admission.plimsoll.svc";
    let port = webhook.url.trim_end_matches("/validate").rsplit(':').next().unwrap();
    let address = format!("https://{name}:{port}/validate?timeout=10s");
    let resolve = format!("{name}:{port}:127.0.0.1");
    let ask = |image: &str| -> Value {
        let body = written(folder.path(), "review.json", &review(image).to_string());
        let body = format!("@{}", body.display());
        let said = run(
            "curl",
            [
                "--silent",
                "--show-error",
                "--fail",
                "--cacert",
                &ca,
                "--resolve",
                &resolve,
                "--data-binary",
                &body,
                &address,
            ],
        );
        serde_json::from_str(&said).unwrap()
    };
    let risky = format!("{host}/team/app:1");
    // The database is looked for in the background.
    wait_until("the store to be opened", || {
        ask(&risky)["response"]["auditAnnotations"]["unavailable"].is_null()
    });
    let answer = ask(&risky);
    assert_eq!(answer["response"]["status"]["code"], 403, "{answer}");
    let answer = ask("ghcr.io/un/known:1");
    assert!(
        answer["response"]["status"]["message"].as_str().unwrap().contains("unscanned"),
        "{answer}"
    );

    drop(server);
    let answer = ask(&risky);
    assert_eq!(answer["response"]["status"]["code"], 503, "{answer}");
    assert_eq!(answer["response"]["auditAnnotations"]["verdict"], "unavailable-denied");
    fs::write(&policy, POLICY.replace("'deny'", "'allow'")).unwrap();
    wait_until("the other policy", || ask(&risky)["response"]["allowed"] == true);
    let annotations = &ask(&risky)["response"]["auditAnnotations"];
    assert_eq!(annotations["verdict"], "unavailable-allowed");
}

#[test]
fn a_webhook_answers_probes_apart_and_needs_a_policy() {
    let folder = temporary();
    let policy = written(folder.path(), "admission.toml", POLICY);
    let data = folder.path().to_str().unwrap();
    let webhook = webhook(&["--data", data, "--policy", policy.to_str().unwrap()]);
    let host = webhook.url.trim_start_matches("http://").trim_end_matches("/validate");
    assert_eq!(get(host, "/livez").0, 200);
    assert_eq!(get(host, "/metrics").0, 404);
    // There is no store, which is looked for at first.
    wait_until("readiness", || get(host, "/readyz").0 == 200);
    let missing = folder.path().join("none.toml");
    let output =
        plimsoll(["admission", "serve", "--data", data, "--policy", missing.to_str().unwrap()]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("none.toml"), "{told}");
}
