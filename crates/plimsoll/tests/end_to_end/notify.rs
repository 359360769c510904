//! Notifications against real receivers: the libraries of Standard Webhooks and CloudEvents, a mail server with TLS and accounts;
//! DingTalk and Slack as their documentation says, on this machine. A server that is killed while it delivers.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::{
    fleet::build_layout,
    support::{
        DockerRegistry, Process, docker_registry, free_port, has, plimsoll, plimsoll_ok, python,
        receivers, root, run, serve, temporary, wait_for_port, wait_until,
    },
};

/// A receiver of one kind, with what it received.
struct Receiver {
    _process: Process,
    folder: PathBuf,
    port: u16,
}

impl Receiver {
    /// Starts one that gives these answers in turn.
    fn start(folder: &Path, kind: &str, secret: &str, answers: &[&str]) -> Option<Self> {
        let folder = folder.join(format!("receiver-{kind}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("answers"), answers.join("\n")).unwrap();
        let port = free_port();
        let process = script("receiver.py", &[&port.to_string(), folder.to_str()?, kind, secret])?;
        wait_for_port(port);
        Some(Self { _process: process, folder, port })
    }

    fn received(&self) -> Vec<Value> {
        lines(&self.folder.join("received"))
    }
}

/// A Python script of this folder, with the packages that receive.
fn script(name: &str, arguments: &[&str]) -> Option<Process> {
    let child = Command::new(python()?)
        .arg(root().join("crates/plimsoll/tests/end_to_end").join(name))
        .args(arguments)
        .env("PYTHONPATH", receivers()?)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Some(Process { child })
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // A line that is being written is none yet.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn subscription(data: &Path, arguments: &[&str]) -> Output {
    let data = data.to_str().unwrap();
    plimsoll(["subscription"].iter().chain(arguments).chain(&["--data", data]))
}

fn subscription_ok(data: &Path, arguments: &[&str]) -> String {
    let output = subscription(data, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn error_of(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file with a secret; its path.
fn kept(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{text}\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn allow_loopback(data: &Path) {
    let data = data.to_str().unwrap();
    plimsoll_ok(["settings", "notify.networks", "127.0.0.0/8", "--data", data]);
    plimsoll_ok(["settings", "console.url", "https://plimsoll.test/", "--data", data]);
}

/// OSV records of Debian 12: package, id and the version that fixes it.
fn feed(folder: &Path, name: &str, modified: &str, records: &[(&str, &str, &str)]) -> String {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    for (package, id, fixed) in records {
        let record = serde_json::json!({
            "schema_version": "1.7.0", "id": id, "modified": modified, "published": modified,
            "summary": format!("A test of {package}"), "upstream": [id.replace("DEBIAN-", "")],
            "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
            "affected": [{ "package": { "ecosystem": "Debian:12", "name": package },
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }] }]
        });
        fs::write(folder.join(format!("{id}.json")), record.to_string()).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

fn import(data: &Path, feed: &str) {
    plimsoll_ok(["feed", "import", feed, "--data", data.to_str().unwrap()]);
}

fn sync(data: &Path, registry: &DockerRegistry) {
    let data = data.to_str().unwrap();
    let host = format!("http://{}", registry.host);
    plimsoll_ok(["registry", "add", "build", &host, "--data", data]);
    plimsoll_ok(["registry", "sync", "--data", data]);
}

const OLD: (&str, &str, &str) = ("bash", "DEBIAN-CVE-2026-1000", "0.1");
const NEW: (&str, &str, &str) = ("openssl", "DEBIAN-CVE-2026-2000", "3.0.99-1");

#[test]
fn what_a_refresh_changes_reaches_a_webhook_although_the_server_is_killed() {
    if !has("docker-registry") || !has("skopeo") || !has("sqlite3") || receivers().is_none() {
        return;
    }
    let folder = temporary();
    let registry = docker_registry(folder.path());
    for number in 0..2 {
        let layout = build_layout(folder.path(), number, 1_000);
        registry.push(&layout, &format!("team/app-{number}:1.0"));
    }
    let data = folder.path().join("data");
    let first = feed(folder.path(), "first", "2026-11-20T00:00:00Z", &[OLD]);
    import(&data, &first);
    allow_loopback(&data);
    sync(&data, &registry);
    let whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let secret = kept(folder.path(), "secret", whsec);
    // Broken, then silent until the server is killed, then well.
    let answers = ["500", "hang", "200"];
    let Some(receiver) = Receiver::start(folder.path(), "webhook", whsec, &answers) else { return };
    let url = format!("http://127.0.0.1:{}/hook?token=canary-token", receiver.port);
    let added =
        ["add", "siem", "webhook", "--url", &url, "--secret-file", &secret, "--minimum", "nntf"];
    assert_eq!(subscription_ok(&data, &added), "", "a secret that is given is not shown");
    let elsewhere = ["add", "quiet", "webhook", "--url", &url, "--namespace", "other-*"];
    assert!(subscription_ok(&data, &elsewhere).starts_with("whsec_"), "one that is made is");

    let server = serve(&data, &["--sync-interval", "0"]);
    wait_until("the scans", || {
        let images = ["images", "--format", "json", "--data", data.to_str().unwrap()];
        let images: Value = serde_json::from_str(&plimsoll_ok(images)).unwrap();
        images.as_array().unwrap().iter().filter(|image| image["scanned"].is_string()).count() == 2
    });
    let second = feed(folder.path(), "second", "2026-11-25T00:00:00Z", &[OLD, NEW]);
    import(&data, &second);
    wait_until("the second attempt", || receiver.received().len() == 2);
    server.process.kill();
    let server = serve(&data, &["--sync-interval", "0"]);
    wait_until("the third attempt", || receiver.received().len() == 3);
    let show = || -> Value {
        let text = subscription_ok(&data, &["show", "siem", "--format", "json"]);
        serde_json::from_str(&text).unwrap()
    };
    wait_until("the end of it", || show()["latest"][0]["state"] == "done");
    drop(server);

    let received = receiver.received();
    for attempt in &received {
        assert_eq!(
            attempt["error"],
            Value::Null,
            "verified by the libraries of the specifications"
        );
        assert_eq!(attempt["type"], "application/cloudevents+json; charset=utf-8");
        assert_eq!((&attempt["id"], &attempt["body"]), (&received[0]["id"], &received[0]["body"]));
    }
    let attributes = &received[2]["read"]["attributes"];
    assert_eq!(attributes["specversion"], "1.0");
    assert_eq!(attributes["type"], "plimsoll.vulnerabilities.changed");
    assert_eq!(attributes["source"], "https://plimsoll.test");
    assert_eq!(attributes["subject"], "siem");
    assert_eq!(attributes["id"], received[0]["id"], "one id for both specifications");
    let news = &received[2]["read"]["data"]["vulnerabilities"];
    assert_eq!(news.as_array().unwrap().len(), 1, "{news}");
    assert_eq!(news[0]["id"], "CVE-2026-2000");
    assert_eq!([&news[0]["images"], &news[0]["newly"], &news[0]["cleared"]], [2, 2, 0]);
    assert_eq!(news[0]["named"][0]["image"], "team/app-0:1.0");
    assert_eq!(news[0]["link"], "https://plimsoll.test/console/findings/CVE-2026-2000");
    let shown = show();
    assert_eq!(shown["latest"][0]["attempts"], 3, "{shown}");
    assert_eq!(shown["messages"]["done"], 1, "once, however often it was tried");
    let quiet = subscription_ok(&data, &["show", "quiet", "--format", "json"]);
    let quiet: Value = serde_json::from_str(&quiet).unwrap();
    assert_eq!(quiet["latest"], serde_json::json!([]), "nothing of its images changed");

    let dump = run("sqlite3", ["-readonly", data.join("plimsoll.db").to_str().unwrap(), ".dump"]);
    assert!(!dump.contains("canary-token") && !dump.contains(whsec), "secrets are sealed");
    let data = data.to_str().unwrap();
    let json = |arguments: &[&str]| -> Value {
        let output = plimsoll_ok(arguments.iter().chain(&["--format", "json", "--data", data]));
        serde_json::from_str(&output).unwrap()
    };
    let changes = json(&["changes", "--since", "2020-01-01"]);
    assert_eq!(changes["vulnerabilities"][0]["id"], "CVE-2026-2000");
    assert_eq!(changes["vulnerabilities"][0]["newly"], 2);
    assert_eq!(changes["scanned"].as_array().unwrap().len(), 2);
    let of_image = json(&["changes", "--since", "2020-01-01", "--image", "build/team/app-1:1.0"]);
    assert_eq!(of_image["vulnerabilities"][0]["what"], "newly", "{of_image}");
    let history = json(&["image", "history", "team/app-1:1.0"]);
    let why: Vec<&Value> =
        history.as_array().unwrap().iter().map(|change| &change["why"]).collect();
    assert_eq!(why, ["scan", "refresh"]);
    assert_ne!(history[0]["counters"], history[1]["counters"]);
    let future = plimsoll(["changes", "--since", "tomorrow", "--data", data]);
    assert!(error_of(&future).contains("`since`"));
}

#[test]
fn what_cannot_be_delivered_is_said_without_secrets() {
    if receivers().is_none() {
        return;
    }
    let folder = temporary();
    let data = folder.path().join("data");
    let whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let secret = kept(folder.path(), "secret", whsec);
    let answers = ["302", "410", "200"];
    let Some(receiver) = Receiver::start(folder.path(), "webhook", whsec, &answers) else { return };
    let url = format!("http://127.0.0.1:{}/hook?token=canary-token", receiver.port);
    subscription_ok(&data, &["add", "siem", "webhook", "--url", &url, "--secret-file", &secret]);
    let test = || subscription(&data, &["test", "siem"]);
    let error = error_of(&test());
    assert!(
        error.contains("127.0.0.1 in this machine") && error.contains("notify.networks"),
        "{error}"
    );
    assert!(receiver.received().is_empty(), "nothing was connected to");
    allow_loopback(&data);
    let error = error_of(&test());
    assert!(error.contains("redirects"), "{error}");
    let gone = error_of(&test());
    assert!(gone.contains("answered 410"), "{gone}");
    assert_eq!(receiver.received().len(), 2, "nothing was sent on, nothing was tried again");
    let output = test();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(receiver.received()[2]["read"]["attributes"]["type"], "plimsoll.test");
    let listed = subscription_ok(&data, &["list"]);
    assert!(listed.contains(&format!("http://127.0.0.1:{}", receiver.port)), "{listed}");
    let shown = subscription_ok(&data, &["show", "siem", "--format", "json"]);
    for text in [&error, &gone, &listed, &shown] {
        assert!(!text.contains("canary"), "{text}");
    }
    assert!(shown.contains("\"failed\": 3"), "dead letters are kept with their reasons: {shown}");
    subscription_ok(&data, &["retry", "siem"]);
    subscription_ok(&data, &["remove", "siem"]);
    assert!(error_of(&test()).contains("there is no subscription `siem`"));
    // Addresses that are secrets are no arguments.
    let argument = ["add", "chat", "slack", "--url", "https://chat.test/x"];
    assert!(error_of(&subscription(&data, &argument)).contains("--url-file"));
    let plain = ["add", "far", "webhook", "--url", "http://far.test/", "--secret-file", &secret];
    assert!(error_of(&subscription(&data, &plain)).contains("not encrypted"));
    let short = kept(folder.path(), "short", "whsec_abcd");
    let weak = ["add", "weak", "webhook", "--url", &url, "--secret-file", &short];
    assert!(error_of(&subscription(&data, &weak)).contains("`secret`"));
    let other = ["add", "odd", "webhook", "--url", &url, "--to", "a@b.test"];
    assert!(error_of(&subscription(&data, &other)).contains("channel `webhook` takes url, secret"));
}

/// DingTalk and Slack cannot be asked from here: this is what their documentation says that they take and answer.
#[test]
fn chats_get_what_their_documentation_asks_for() {
    if receivers().is_none() {
        return;
    }
    let folder = temporary();
    let data = folder.path().join("data");
    allow_loopback(&data);
    let (token, secret) = ("canary-token", "SECcanary");
    let Some(ding) = Receiver::start(folder.path(), "dingtalk", secret, &["400", "200"]) else {
        return;
    };
    let Some(slack) = Receiver::start(folder.path(), "slack", "", &["404", "200"]) else { return };
    let robot = format!("http://127.0.0.1:{}/robot/send?access_token={token}", ding.port);
    let robot = kept(folder.path(), "robot", &robot);
    let secret = kept(folder.path(), "robot-secret", secret);
    subscription_ok(
        &data,
        &["add", "group", "dingtalk", "--url-file", &robot, "--secret-file", &secret],
    );
    let hook = format!("http://127.0.0.1:{}/services/{token}", slack.port);
    let hook = kept(folder.path(), "hook", &hook);
    subscription_ok(&data, &["add", "channel", "slack", "--url-file", &hook]);

    let refused = error_of(&subscription(&data, &["test", "group"]));
    assert!(refused.contains("310000 sign not match"), "{refused}");
    let refused = error_of(&subscription(&data, &["test", "channel"]));
    assert!(refused.contains("answered 404: channel_is_archived"), "{refused}");
    for name in ["group", "channel"] {
        let output = subscription(&data, &["test", name]);
        assert!(output.status.success(), "{output:?}");
    }
    for receiver in [&ding, &slack] {
        let received = receiver.received();
        assert_eq!(received.len(), 2);
        let last = &received[1];
        assert_eq!(last["error"], Value::Null, "{last}");
        assert_eq!(last["type"], "application/json; charset=utf-8");
        let text = last["read"]["text"].as_str().unwrap();
        assert!(
            text.contains("CVE-2021-44228")
                && text.contains("now hits 212 images, 17 newly, 3 cleared"),
            "{text}"
        );
    }
    let text = slack.received()[1]["read"]["text"].as_str().unwrap().to_owned();
    let link = "<https://plimsoll.test/console/findings/CVE-2021-44228|CVE-2021-44228>";
    assert!(text.contains(link), "{text}");
    let markdown = ding.received()[1]["read"]["text"].as_str().unwrap().to_owned();
    let link = "[CVE-2021-44228](https://plimsoll.test/console/findings/CVE-2021-44228)";
    assert!(markdown.contains(link), "{markdown}");
}

/// An authority and a certificate for 127.0.0.1 of it.
fn certificates(folder: &Path) -> (String, String, String) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (ca, ca_key) = (path("ca.pem"), path("ca.key"));
    let (certificate, key, request) = (path("server.pem"), path("server.key"), path("server.csr"));
    let subject = "/CN=Test authority";
    run(
        "openssl",
        [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", subject,
            "-keyout", &ca_key, "-out", &ca,
        ],
    );
    run(
        "openssl",
        [
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=mail.test",
            "-keyout",
            &key,
            "-out",
            &request,
        ],
    );
    let extensions = path("extensions");
    fs::write(&extensions, "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    run(
        "openssl",
        [
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-days",
            "30",
            "-extfile",
            &extensions,
            "-out",
            &certificate,
        ],
    );
    (ca, certificate, key)
}

#[test]
fn mail_goes_by_a_server_that_proves_who_it_is_with_a_password_or_not_at_all() {
    if !has("openssl") || receivers().is_none() {
        return;
    }
    let folder = temporary();
    let data = folder.path().join("data");
    allow_loopback(&data);
    let (ca, certificate, key) = certificates(folder.path());
    let password = kept(folder.path(), "password", "canary-password");
    let wrong = kept(folder.path(), "wrong", "canary-wrong");
    let mut servers = Vec::new();
    for (mode, scheme) in [("starttls", "smtp"), ("tls", "smtps"), ("plain", "smtp")] {
        let own = folder.path().join(mode);
        fs::create_dir_all(&own).unwrap();
        let port = free_port();
        let arguments = [&port.to_string(), own.to_str().unwrap(), mode, &certificate, &key];
        let Some(process) = script("mail_server.py", &arguments) else { return };
        wait_for_port(port);
        servers.push((mode, own, format!("{scheme}://127.0.0.1:{port}"), process));
    }
    let add = |name: &str, url: &str, rest: &[&str]| {
        let base = [
            "add",
            name,
            "email",
            "--url",
            url,
            "--from",
            "Plimsoll <plimsoll@example.com>",
            "--to",
            "ops@example.com",
            "--to",
            "Ann <ann@example.com>",
        ];
        subscription_ok(&data, &[&base, rest].concat());
    };
    for (mode, own, url, _process) in &servers {
        let account = ["--username", "plimsoll", "--secret-file", &password, "--ca-file", &ca];
        match *mode {
            "plain" => add(mode, url, &["--plain"]),
            _ => add(mode, url, &account),
        }
        let output = subscription(&data, &["test", mode]);
        assert!(output.status.success(), "{mode}: {output:?}");
        let mail = lines(&own.join("mail")).remove(0);
        assert_eq!(mail["from"], "plimsoll@example.com");
        assert_eq!(mail["to"], serde_json::json!(["ops@example.com", "ann@example.com"]));
        assert_eq!(mail["tls"], *mode != "plain");
        let account = if *mode == "plain" { Value::Null } else { "plimsoll".into() };
        assert_eq!(mail["account"], account);
        let subject = mail["headers"]["subject"].as_str().unwrap();
        assert!(
            subject.starts_with("[Plimsoll] Test message: 2 vulnerabilities changed"),
            "{subject}"
        );
        let id = mail["headers"]["message-id"].as_str().unwrap();
        assert!(id.starts_with('<') && id.ends_with("@plimsoll>"), "{id}");
        let text = mail["text"].as_str().unwrap();
        assert!(
            text.contains("* CVE-2021-44228 now hits 212 images, 17 newly, 3 cleared"),
            "{text}"
        );
        assert!(text.contains("https://plimsoll.test/console/findings/CVE-2021-44228"), "{text}");
    }
    let fails = |name: &str| {
        let error = error_of(&subscription(&data, &["test", name]));
        assert!(!error.contains("canary"), "{error}");
        error
    };
    let starttls = servers[0].2.as_str();
    let account = ["--username", "plimsoll", "--secret-file", &wrong, "--ca-file", &ca];
    add("wrong-password", starttls, &account);
    assert!(fails("wrong-password").contains("535"), "the server's own word");
    add("unknown-authority", starttls, &["--username", "plimsoll", "--secret-file", &password]);
    assert!(fails("unknown-authority").contains("certificate"), "its authority is not known");
    add("no-tls", servers[2].2.as_str(), &[]);
    assert!(fails("no-tls").contains("STARTTLS"), "without TLS nothing is sent");
    assert_eq!(lines(&servers[2].1.join("mail")).len(), 1);
    let plain = [
        "add",
        "open",
        "email",
        "--url",
        servers[2].2.as_str(),
        "--from",
        "a@b.test",
        "--to",
        "c@d.test",
        "--plain",
        "--username",
        "plimsoll",
        "--secret-file",
        &password,
    ];
    let error = error_of(&subscription(&data, &plain));
    assert!(error.contains("a password is not sent without TLS"), "{error}");
}
