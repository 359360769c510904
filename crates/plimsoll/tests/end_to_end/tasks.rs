//! Tasks and schedules by hand, in a data folder and through a server; a replica that only answers, and a worker that only scans.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use plimsoll_image::{ImageBuilder, Layer};
use plimsoll_server::{Blobs, LoopbackRegistry};
use serde_json::Value;

use crate::support::{Process, get, plimsoll, plimsoll_ok, run, serve, temporary, wait_until};

/// A registry with as many images.
fn registry(images: u32) -> LoopbackRegistry {
    let registry = LoopbackRegistry::new();
    for number in 0..images {
        let layer = Layer::builder("COPY")
            .file("etc/os-release", b"ID=none\n")
            .file("srv/number", number.to_string().as_bytes())
            .build()
            .unwrap();
        let image = ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer);
        registry.put(&format!("team/app-{number}"), "1", &image.build().unwrap());
    }
    registry
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_are_cancelled_retried_slowed_and_scheduled_by_hand() {
    let folder = temporary();
    let data = folder.path().join("data");
    let registry = registry(3);
    let served = registry.serve().await.unwrap();
    let here = ["--data", data.to_str().unwrap()];
    plimsoll_ok(["registry", "add", "build", &served.url()].iter().chain(&here));
    plimsoll_ok(["registry", "sync"].iter().chain(&here));
    let server = serve(&data, &["--sync-interval", "0", "--workers", "0"]);
    let token = data.join("admin-token");
    let there = ["--server", &server.endpoint, "--token-file", token.to_str().unwrap()];

    let mut lists = Vec::new();
    for place in [here.as_slice(), there.as_slice()] {
        let text = plimsoll_ok(["task", "list", "--format", "json"].iter().chain(place));
        lists.push(serde_json::from_str::<Value>(&text).unwrap());
    }
    assert_eq!(lists[0], lists[1], "by hand and through the server");
    let tasks = lists[0].as_array().unwrap();
    assert_eq!(tasks.len(), 3);
    assert!(tasks.iter().all(|task| task["state"] == "queued" && task["origin"] == "schedule"));

    let first = tasks[0]["id"].to_string();
    plimsoll_ok(["task", "cancel", &first].iter().chain(&there));
    let shown = plimsoll_ok(["task", "show", &first].iter().chain(&here));
    assert!(shown.contains("scan of build/team/app-0:1") && shown.contains("cancelled"), "{shown}");
    let again = plimsoll(["task", "cancel", &first].iter().chain(&here));
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("is cancelled"));
    plimsoll_ok(["task", "retry", &first].iter().chain(&here));
    let text = plimsoll_ok(["task", "list"].iter().chain(&there));
    let line = text.lines().find(|line| line.contains("app-0:1")).unwrap();
    assert!(line.contains("queued") && line.contains("person"), "{text}");
    plimsoll_ok(["task", "cancel", "--registry", "build"].iter().chain(&there));
    let none = ["task", "list", "--state", "queued", "--format", "json"];
    assert_eq!(plimsoll_ok(none.iter().chain(&here)).trim(), "[]");

    plimsoll_ok(["task", "rate", "build", "120"].iter().chain(&there));
    let rate = plimsoll_ok(["task", "rate"].iter().chain(&here));
    assert!(rate.contains("120 scans an hour"), "{rate}");
    plimsoll_ok(["task", "rate", "build", "0"].iter().chain(&here));
    let rate = plimsoll_ok(["task", "rate", "build"].iter().chain(&there));
    assert!(rate.contains("as fast as the workers are"), "{rate}");

    let nightly = ["schedule", "add", "nightly", "scan", "30 3 * * mon", "--registry", "build"];
    plimsoll_ok(nightly.iter().chain(&there));
    let text = plimsoll_ok(["schedule", "list"].iter().chain(&here));
    assert!(text.contains("30 3 * * mon") && text.contains("T03:30:00Z"), "{text}");
    let wrong = plimsoll(["schedule", "add", "x", "sync", "99 * * * *"].iter().chain(&here));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("minute `99`"));
    plimsoll_ok(["schedule", "remove", "nightly"].iter().chain(&here));
    let gone = plimsoll(["schedule", "remove", "nightly"].iter().chain(&there));
    let said = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(said.contains("no schedule `nightly`") && said.contains("schedule list"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_scans_what_a_replica_queues_and_drains_when_it_is_told_to_end() {
    let folder = temporary();
    let data = folder.path().join("data");
    let registry = registry(2);
    let served = registry.serve().await.unwrap();
    let server = serve(&data, &["--sync-interval", "0", "--workers", "0"]);
    let here = ["--data", data.to_str().unwrap()];
    plimsoll_ok(["registry", "add", "build", &served.url()].iter().chain(&here));
    plimsoll_ok(["registry", "sync"].iter().chain(&here));
    registry.answer_blobs(Blobs::Hold);

    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["worker", "--workers", "1", "--drain", "200", "--lease", "4"])
        .args(["--probes", "127.0.0.1:0", "--log-format", "json"])
        .args(here)
        .env("RUST_LOG", "plimsoll_server=info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        log.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
    });
    let mut worker = Process { child };
    let mut said = Vec::new();
    let mut wait_for = |wanted: &str| loop {
        let line = lines.recv_timeout(crate::support::DEADLINE).unwrap();
        let found = line.contains(wanted).then(|| line.clone());
        said.push(line);
        if let Some(found) = found {
            return found;
        }
    };
    let probes = wait_for("probes and metrics: http://");
    let probes = probes.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    wait_for("\"scan start\"");
    assert_eq!(get(&probes, "/readyz").0, 200);
    assert!(get(&probes, "/metrics").1.contains("plimsoll_scans_running 1"));
    run("kill", ["-TERM", &worker.child.id().to_string()]);
    wait_until("a worker that is not ready any more", || get(&probes, "/readyz").0 == 503);
    registry.answer_blobs(Blobs::Serve);
    assert!(worker.child.wait().unwrap().success());
    wait_for("\"work done\"");
    let events: Vec<Value> =
        said.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect();
    let start = events.iter().find(|event| event["message"] == "scan start").unwrap();
    assert_eq!((&start["level"], start["attempt"].as_u64()), (&Value::from("INFO"), Some(1)));
    assert!(start["image.digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(events.iter().filter(|event| event["message"] == "scan start").count(), 1);
    assert_eq!(events.iter().filter(|event| event["message"] == "scan done").count(), 1);

    let text = plimsoll_ok(["task", "list", "--format", "json"].iter().chain(&here));
    let tasks: Value = serde_json::from_str(&text).unwrap();
    let states: Vec<&str> =
        tasks.as_array().unwrap().iter().map(|task| task["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["queued", "done"], "what was begun is done, the other is left");
    drop(server);
}
