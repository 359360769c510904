//! Ignoring from the command line: by a file for one scan, and by rules on a store.

use std::{fs, path::Path};

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_model::{Finding, IgnoreUseState, Kind, Report};
use plimsoll_server::LoopbackRegistry;
use serde_json::{Value, json};

use crate::support::{plimsoll, plimsoll_ok, python, root, run, temporary};

fn image() -> BuiltImage {
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
    let layer = Layer::builder("ADD rootfs /")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .build()
        .unwrap();
    ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap()
}

fn starter(data: &Path) {
    plimsoll_ok(["feed", "import", "--starter", "--quiet", "--data", data.to_str().unwrap()]);
}

fn open(report: &Report) -> Vec<&Finding> {
    let of = |finding: &&Finding| finding.kind == Kind::Vulnerability && finding.is_open();
    report.findings.iter().filter(of).collect()
}

#[test]
fn a_file_of_rules_takes_findings_out_of_one_scan() {
    let folder = temporary();
    starter(folder.path());
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    let (data, target) = (folder.path().to_str().unwrap(), layout.to_str().unwrap());
    let scan = |more: &[&str]| {
        let fixed = ["scan", "--format", "json", "--data", data];
        plimsoll(fixed.iter().chain(more).chain(&[target]))
    };
    let before: Report = serde_json::from_slice(&scan(&[]).stdout).unwrap();
    let all = open(&before);
    let first = all.first().expect("the starter feed knows this version");
    let rule = |id: &str, more: &str| {
        format!("[[ignore]]\nvulnerability = \"{id}\"\nreason = \"not reachable\"\n{more}\n")
    };
    let path = folder.path().join("plimsoll.toml");
    let write = |text: &str| fs::write(&path, text).unwrap();
    write(&format!(
        "{}{}{}",
        rule(&first.id, "package = \"openssl\"\nauthor = \"ada\"\nexpires = 2999-01-01"),
        rule("CVE-2099-0001", ""),
        rule(&first.id, "expires = 2020-01-01")
    ));
    let file = path.to_str().unwrap();
    let output = scan(&["--ignore-file", file]);
    let after: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(after.findings.len(), before.findings.len(), "nothing is lost");
    assert_eq!(open(&after).len(), all.len() - 1);
    let ignored: Vec<&Finding> = after.findings.iter().filter(|one| one.is_ignored()).collect();
    let [finding] = ignored[..] else { panic!("{ignored:?}") };
    assert_eq!((&finding.id, finding.status, finding.priority), (&first.id, first.status, None));
    let why = finding.suppressed.as_ref().unwrap();
    assert_eq!((why.by.as_str(), why.advisory.as_str()), ("ignore rule", "plimsoll.toml:1"));
    assert_eq!(
        (why.reason.as_str(), why.ignored.as_ref().unwrap().author.as_str()),
        ("not reachable", "ada")
    );
    let states: Vec<(IgnoreUseState, usize)> =
        after.ignore_rules.iter().map(|used| (used.state, used.findings)).collect();
    assert_eq!(
        states,
        [(IgnoreUseState::Used, 1), (IgnoreUseState::Unused, 0), (IgnoreUseState::Expired, 0)]
    );
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("`CVE-2099-0001` is not found here"), "{told}");
    assert!(told.contains("ran out at 2020-01-01T00:00:00Z"), "{told}");
    if let Some(python) = python() {
        let report = folder.path().join("report.json");
        fs::write(&report, &output.stdout).unwrap();
        let script = "import json, sys, jsonschema; jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))";
        let schema = root().join("docs/reference/report.schema.json");
        run(
            python.to_str().unwrap(),
            ["-c", script, schema.to_str().unwrap(), report.to_str().unwrap()],
        );
    }
    let table = plimsoll_ok(["scan", "--data", data, "--ignore-file", file, target]);
    assert!(
        table.contains("Ignored: 1 vulnerability") && table.contains("not reachable"),
        "{table}"
    );

    // What is ignored does not reach the line.
    let line = ["--fail-on", "vulnerability"];
    assert_eq!(scan(&line).status.code(), Some(3));
    let each: String = all.iter().map(|finding| rule(&finding.id, "")).collect();
    write(&each);
    assert_eq!(scan(&["--fail-on", "vulnerability", "--ignore-file", file]).status.code(), Some(0));

    write("[[ignore]]\nvulnerability = \"CVE-1\"\n");
    let output = scan(&["--ignore-file", file]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("plimsoll.toml") && told.contains("reason"), "{told}");
    let missing = scan(&["--ignore-file", "no-such.toml"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no-such.toml"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_on_a_store_lower_numbers_until_they_are_taken_back() {
    let registry = LoopbackRegistry::new();
    let image = image();
    registry.put("team/app", "1", &image);
    registry.put("other/app", "1", &image);
    let handle = registry.serve().await.unwrap();
    let folder = temporary();
    let data = folder.path().to_str().unwrap().to_owned();
    let url = handle.url();
    tokio::task::spawn_blocking(move || on_a_store(&data, &url)).await.unwrap();
    drop(handle);
}

fn on_a_store(data: &str, url: &str) {
    starter(Path::new(data));
    let ok = |words: &[&str]| plimsoll_ok(words.iter().chain(&["--data", data]));
    ok(&["registry", "add", "build", url]);
    ok(&["registry", "sync", "build", "--scan", "--quiet"]);
    let numbers = || {
        let text = ok(&["images", "--format", "json"]);
        let images: Vec<Value> = serde_json::from_str(&text).unwrap();
        let mut numbers: Vec<(String, u64)> = images
            .iter()
            .map(|image| {
                let counters = &image["counters"];
                let count = |name: &str| counters[name].as_u64().unwrap();
                let name = image["namespace"].as_str().unwrap().to_owned();
                (name, count("cve") + count("sca"))
            })
            .collect();
        numbers.sort();
        numbers
    };
    let before = numbers();
    assert_eq!(before.len(), 2);
    assert!(before[0].1 > 0 && before[0].1 == before[1].1, "{before:?}");
    let layout = Path::new(data).join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    let target: Report =
        serde_json::from_str(&ok(&["scan", "--format", "json", layout.to_str().unwrap()])).unwrap();
    let first = open(&target)[0];
    let add = [
        "ignore",
        "add",
        &first.record,
        "--repository",
        "team/*",
        "--reason",
        "not reachable",
        "--author",
        "ada",
    ];
    let id = ok(&add);
    let id = id.trim();
    let after = numbers();
    assert_eq!((after[0].1, after[1].1), (before[0].1, before[1].1 - 1), "other, team");
    ok(&[
        "ignore",
        "add",
        "CVE-2099-0001",
        "--reason",
        "r",
        "--author",
        "ada",
        "--expires",
        "2999-01-01",
    ]);
    let list: Vec<Value> =
        serde_json::from_str(&ok(&["ignore", "list", "--format", "json"])).unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(
        (&list[1]["images"], &list[1]["unused"], &list[1]["reason"]),
        (&1.into(), &false.into(), &"not reachable".into())
    );
    assert_eq!(list[0]["unused"], true);
    let idle: Vec<Value> =
        serde_json::from_str(&ok(&["ignore", "list", "--unused", "--format", "json"])).unwrap();
    assert_eq!(idle.len(), 1);
    let table = ok(&["ignore", "list"]);
    assert!(
        table.contains("1 image") && table.contains("unused") && table.contains("team/*"),
        "{table}"
    );
    let shown = ok(&["ignore", "show", id]);
    assert!(shown.contains(&first.record) && shown.contains("ada"), "{shown}");
    for (words, wanted) in [
        (
            vec!["ignore", "add", &first.record, "--reason", " ", "--author", "ada"],
            "gives no reason",
        ),
        (
            vec![
                "ignore",
                "add",
                "CVE-1",
                "--reason",
                "r",
                "--author",
                "a",
                "--expires",
                "2020-01-01",
            ],
            "which is past",
        ),
        (
            vec!["ignore", "add", "CVE-1", "--reason", "r", "--author", "a", "--type", "os"],
            "cve, sca",
        ),
        (
            vec!["ignore", "add", "CVE-1", "--reason", "r", "--author", "a", "--image", "latest"],
            "neither an image's id",
        ),
        (
            vec!["ignore", "add", "CVE-2099-0001", "--reason", "r", "--author", "ada"],
            "change that one",
        ),
        (vec!["ignore", "show", "77"], "there is no ignore rule `77`"),
    ] {
        let output = plimsoll(words.iter().copied().chain(["--data", data]));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(wanted), "{words:?}: {told}");
    }
    ok(&["ignore", "remove", id]);
    assert_eq!(numbers(), before);
    // The same out of a document; what no rule can say is told.
    let document = Path::new(data).join("team.openvex.json");
    let product = |id: &str| {
        json!({
            "vulnerability": {"name": first.id}, "status": "not_affected",
            "justification": "vulnerable_code_not_present", "products": [{"@id": id}],
        })
    };
    let statements = [
        product("pkg:docker/team/app"),
        product("pkg:deb/debian/libssl3?arch=amd64"),
        product("pkg:oci/app?repository_url=registry.example.org/x/app"),
    ];
    let text = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/7", "author": "ada",
        "timestamp": "2026-01-01T00:00:00Z", "statements": statements,
    });
    fs::write(&document, text.to_string()).unwrap();
    let import = |more: &[&str]| {
        let fixed = ["ignore", "import", document.to_str().unwrap(), "--data", data];
        let output = plimsoll(fixed.iter().chain(more));
        assert!(output.status.success());
        (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (shown, _) = import(&["--dry-run"]);
    assert!(shown.contains(&first.id) && shown.contains("in any package, team/app"), "{shown}");
    assert_eq!(numbers(), before);
    let (id, told) = import(&[]);
    assert!(told.contains("1 rules made, 1 of them cover something now, 2 cannot"), "{told}");
    assert!(told.contains("`--repository`") && told.contains("`arch` alone"), "{told}");
    let after = numbers();
    assert!(after[0].1 == before[0].1 && after[1].1 < before[1].1, "{after:?}");
    let (none, told) = import(&[]);
    assert!(none.is_empty() && told.contains("0 rules made") && told.contains("1 stood before"));
    ok(&["ignore", "remove", id.trim()]);
    assert_eq!(numbers(), before);
}
