//! A root file system as a folder: this machine's own package database. The machine's other files are left out, for there may be
//! millions, all of which would be read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{has, plimsoll_ok, root, run, shared, temporary};

#[test]
fn the_machine_has_the_packages_that_dpkg_knows() {
    if !std::path::Path::new("/var/lib/dpkg/status").exists() || !has("dpkg-query") {
        println!("skipped: this machine is no Debian");
        return;
    }
    let folder = temporary();
    let data = folder.path().join("data");
    let with_advisories = shared("advisories").map(|folder| {
        (folder.join("osv/Debian/all.zip"), folder.join("debian-12-changelog/Debian/all.zip"))
    });
    if let Some((debian, changelogs)) = &with_advisories {
        plimsoll_ok([
            "feed",
            "import",
            "--data",
            data.to_str().unwrap(),
            debian.to_str().unwrap(),
            changelogs.to_str().unwrap(),
        ]);
    }
    let machine = folder.path().join("machine");
    for path in ["etc", "usr/lib", "var/lib"] {
        std::fs::create_dir_all(machine.join(path)).unwrap();
    }
    let machine = machine.to_str().unwrap();
    run("cp", ["-a", "/var/lib/dpkg", &format!("{machine}/var/lib/")]);
    for path in ["etc/os-release", "usr/lib/os-release", "etc/debian_version"] {
        std::fs::copy(format!("/{path}"), format!("{machine}/{path}")).unwrap();
    }
    let text = plimsoll_ok(["scan", "--format", "json", "--data", data.to_str().unwrap(), machine]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let found: BTreeSet<(String, String)> = report["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| package["found_by"] == "dpkg")
        .map(|package| {
            (
                package["name"].as_str().unwrap().to_owned(),
                package["version"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let listed = run("dpkg-query", ["-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"]);
    let wanted: BTreeSet<(String, String)> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("installed ")?.split_once(' '))
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect();
    assert_eq!(found, wanted);
    let release = std::fs::read_to_string("/etc/os-release").unwrap();
    let Some((debian, changelogs)) =
        with_advisories.filter(|_| release.contains("VERSION_ID=\"12\""))
    else {
        return;
    };
    let oracle = root().join("crates/plimsoll/tests/end_to_end/debian_oracle.py");
    let arguments =
        [oracle.to_str().unwrap(), "12", debian.to_str().unwrap(), changelogs.to_str().unwrap()];
    let wanted: BTreeSet<String> = run("python3", arguments).lines().map(str::to_owned).collect();
    // What documents and folders on this machine list beside dpkg's database (this project's own cases are among them) is
    // not dpkg's to judge.
    let sources: BTreeMap<&str, &str> = report["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| package["found_by"] == "dpkg")
        .map(|package| {
            let name = package["source"]["name"].as_str().or(package["name"].as_str()).unwrap();
            (package["purl"].as_str().unwrap(), name)
        })
        .collect();
    let system = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["record"].as_str().unwrap().starts_with("debian:12:"))
        .filter(|finding| sources.contains_key(finding["subject"]["purl"].as_str().unwrap()));
    let found: BTreeSet<String> = system
        .clone()
        .map(|finding| {
            format!(
                "{} {}",
                finding["id"].as_str().unwrap(),
                sources[finding["subject"]["purl"].as_str().unwrap()]
            )
        })
        .collect();
    println!("{} vulnerabilities of this machine, as dpkg orders versions", wanted.len());
    assert_eq!(found, wanted);
    let with_fix = system.filter(|finding| finding["fix"]["version"].is_string()).count();
    assert!(wanted.is_empty() || with_fix > 0, "fixed versions are named");
}
