//! `plimsoll explain`: what is found, and what is not, each with its reason.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{plimsoll, plimsoll_ok, temporary};

/// A root file system of Debian 12 with one package, built from another source.
fn root_file_system(folder: &Path) -> String {
    let root = folder.join("root");
    for parent in ["etc", "var/lib/dpkg"] {
        fs::create_dir_all(root.join(parent)).unwrap();
    }
    let release = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n";
    fs::write(root.join("etc/os-release"), release).unwrap();
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.8-1\nMaintainer: x <x@debian.org>\nDescription: x\n";
    fs::write(root.join("var/lib/dpkg/status"), status).unwrap();
    format!("dir:{}", root.display())
}

fn record(id: &str, cve: &str, ecosystem: &str, name: &str, fixed: &str) -> Value {
    json!({
        "id": id, "modified": "2024-05-06T00:00:00Z", "published": "2024-03-01T00:00:00Z", "upstream": [cve],
        "affected": [{
            "package": {"ecosystem": ecosystem, "name": name},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
        }],
    })
}

/// Imports advisories; the data folder.
fn feed(folder: &Path) -> String {
    let feeds = folder.join("feeds/Debian");
    fs::create_dir_all(&feeds).unwrap();
    for record in [
        record("DSA-1-1", "CVE-2024-0001", "Debian:12", "openssl", "3.0.9-1"),
        record("DSA-2-1", "CVE-2024-0002", "Debian:12", "openssl", "3.0.7-1"),
        record("DSA-3-1", "CVE-2024-0003", "Debian:11", "openssl", "3.0.9-1"),
        record("DSA-4-1", "CVE-2024-0004", "Debian:12", "curl", "8.0-1"),
    ] {
        fs::write(
            feeds.join(format!("{}.json", record["id"].as_str().unwrap())),
            record.to_string(),
        )
        .unwrap();
    }
    let data = folder.join("data").to_str().unwrap().to_owned();
    plimsoll_ok(["feed", "import", "--data", &data, feeds.to_str().unwrap()]);
    data
}

#[test]
fn every_answer_gives_its_reason() {
    let folder = temporary();
    let (target, data) = (root_file_system(folder.path()), feed(folder.path()));
    let asked = |id: &str, more: &[&str]| {
        let all = ["explain", id, &target, "--data", &data, "--format", "json"];
        let text = plimsoll_ok(all.iter().chain(more));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let found = asked("CVE-2024-0001", &[]);
    assert_eq!(found["conclusion"], "CVE-2024-0001 is found in libssl3");
    let finding = &found["found"][0]["finding"];
    assert_eq!(finding["why"][0]["advisory"], "DSA-1-1");
    assert_eq!(finding["why"][0]["range"], "[0, 3.0.9-1)");
    assert_eq!(finding["why"][0]["comparison"], "3.0.8-1 < 3.0.9-1 by dpkg");
    assert_eq!(found["found"][0]["package"]["locations"][0]["path"], "var/lib/dpkg/status");
    assert!(found.get("absent").is_none());
    // By the advisory's id, too, in any case.
    assert_eq!(asked("dsa-1-1", &["--package", "libssl3"])["found"][0]["finding"], *finding);

    let fixed = asked("CVE-2024-0002", &[]);
    assert_eq!(fixed["found"], json!([]));
    let look = &fixed["absent"]["looked_at"][0];
    assert_eq!(look["verdict"], "outside");
    assert_eq!(look["reason"], "3.0.8-1 >= 3.0.7-1 by dpkg, the version that fixes it");
    assert_eq!(look["installed"], "libssl3 3.0.8-1 (source openssl 3.0.8-1)");
    assert_eq!((&look["advisory"], &look["source"]), (&json!("DSA-2-1"), &json!("osv/Debian")));

    let other = asked("CVE-2024-0003", &[]);
    let look = &other["absent"]["looked_at"][0];
    assert_eq!(look["verdict"], "other-release");
    assert_eq!(look["reason"], "it speaks of Debian 11; the package is of Debian 12");

    let elsewhere = asked("CVE-2024-0004", &[]);
    assert_eq!(elsewhere["absent"]["looked_at"], json!([]));
    assert_eq!(elsewhere["absent"]["advisories"][0]["packages"], json!(["Debian:12 curl"]));
    assert_eq!(
        elsewhere["conclusion"],
        "CVE-2024-0004 is not found: 1 advisory bears this id, and none speaks of a package of this image"
    );
    let unknown = asked("CVE-1999-0001", &[]);
    assert_eq!(
        unknown["conclusion"],
        "CVE-1999-0001 is not found: no advisory in the feed bears this id"
    );
}

#[test]
fn a_report_explains_as_its_image_does() {
    let folder = temporary();
    let (target, data) = (root_file_system(folder.path()), feed(folder.path()));
    let report = folder.path().join("report.json");
    let report = report.to_str().unwrap();
    plimsoll_ok(["scan", "--format", "json", "-o", report, "--data", &data, &target]);
    for id in ["CVE-2024-0001", "CVE-2024-0003"] {
        let explained = |of: &str| plimsoll_ok(["explain", id, of, "--data", &data]);
        assert_eq!(explained(report), explained(&target));
    }
    let text = plimsoll_ok(["explain", "CVE-2024-0001", report, "--data", &data]);
    for part in [
        "3.0.8-1 < 3.0.9-1 by dpkg",
        "DSA-1-1 (osv/Debian, changed 2024-05-06)",
        "var/lib/dpkg/status",
        "upgrade libssl3 to 3.0.9-1",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    // Without a feed a report still explains what it has, and says why it cannot say more.
    let empty = folder.path().join("empty");
    let empty = empty.to_str().unwrap();
    assert!(plimsoll_ok(["explain", "CVE-2024-0001", report, "--data", empty]).contains("by dpkg"));
    let missing = plimsoll_ok(["explain", "CVE-2024-0002", report, "--data", empty]);
    assert!(missing.contains("there is no feed here that could say why"), "{missing}");
    let wrong =
        plimsoll(["explain", "CVE-2024-0001", report, "--package", "curl", "--data", &data]);
    assert!(!wrong.status.success());
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("`curl` is no package of"));
}
