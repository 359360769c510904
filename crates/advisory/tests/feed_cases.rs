//! Feeds by example: `cases/feed/<feed>/<case>/` holds `input/`, `packages.json`, `expect.json` and a `NOTE` that says where
//! the input comes from. `UPDATE_EXPECT=1` writes what is found; review decides.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use plimsoll_advisory::{
    ImportOptions, MatchContext, Snapshot, feed::feeds, import, match_packages,
};
use plimsoll_model::{Ecosystem, Package, SourcePackage};
use serde_json::{Value, json};

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// `{"ecosystem": "Debian:12", "name", "version", "source": [name, version], "extra": {}}`.
fn package(value: &Value) -> Package {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (ecosystem, release) = Ecosystem::split(&text(&value["ecosystem"]));
    let source = value["source"].as_array().map(|source| match source.as_slice() {
        [name, version] => SourcePackage { name: text(name), version: text(version) },
        _ => SourcePackage { name: String::new(), version: String::new() },
    });
    let extra: BTreeMap<String, String> =
        serde_json::from_value(value["extra"].clone()).unwrap_or_default();
    Package {
        purl: format!("pkg:generic/{}@{}", text(&value["name"]), text(&value["version"])),
        ecosystem,
        release,
        name: text(&value["name"]),
        version: text(&value["version"]),
        source,
        locations: Vec::new(),
        found_by: "case".to_owned(),
        extra,
    }
}

fn run(case: &Path) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    import(&[case.join("input")], &target, &ImportOptions::default(), &mut |_| {}).unwrap();
    let snapshot = Snapshot::open(&target).unwrap();
    let packages: Vec<Value> =
        serde_json::from_slice(&fs::read(case.join("packages.json")).unwrap()).unwrap();
    let packages: Vec<Package> = packages.iter().map(package).collect();
    let matched = match_packages(&packages, &snapshot, &MatchContext::default());
    json!({
        "date": snapshot.state().date,
        "sources": snapshot.state().sources,
        "ids": snapshot.ids().collect::<Vec<_>>(),
        "findings": matched.findings,
        "gaps": matched.gaps,
    })
}

#[test]
fn every_case_gives_what_it_expects() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/feed");
    let known: Vec<&str> = feeds().iter().map(|feed| feed.id()).collect();
    let mut covered = Vec::new();
    for feed in folders(&root) {
        covered.push(feed.file_name().unwrap().to_string_lossy().into_owned());
        for case in folders(&feed) {
            let found = format!("{:#}\n", run(&case));
            let expect = case.join("expect.json");
            assert!(case.join("NOTE").is_file(), "{} has no NOTE", case.display());
            if env::var_os("UPDATE_EXPECT").is_some() {
                fs::write(&expect, &found).unwrap();
            }
            let expected = fs::read_to_string(&expect).unwrap_or_default();
            assert!(found == expected, "{} differs; found:\n{found}", case.display());
        }
    }
    for id in known {
        assert!(covered.iter().any(|feed| feed == id), "the feed `{id}` has no case");
    }
}
