//! Pairs of package and advisory whose answer somebody else published: precision and recall, both without an exception.
//!
//! In: `labelled/NAME.tsv` (package URL, advisory, `affected` or `not`, source, how the source says it) and
//! `labelled/NAME.jsonl`, the facts of those advisories that bear on the answer, as OSV records. Out: what matching says of each
//! pair, against the label. Source: `labelled/README.md`. Odd: all advisories of all tables are in one snapshot, so that a
//! package must also escape those of the same name elsewhere.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use plimsoll_advisory::{ImportOptions, MatchContext, Snapshot, import, match_packages};
use plimsoll_model::{Location, Package, purl::Purl};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/labelled")
}

/// Files of the folder with that ending, by name.
fn files(ending: &str) -> BTreeMap<String, String> {
    fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|own| own == ending))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn snapshot(target: &Path) -> Snapshot {
    let feeds = target.join("feeds");
    fs::create_dir_all(&feeds).unwrap();
    let mut records: BTreeMap<String, Value> = BTreeMap::new();
    for line in files("jsonl").values().flat_map(|text| text.lines()) {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let id = record["id"].as_str().unwrap().to_owned();
        record["modified"] = json!("2026-08-01T00:00:00Z");
        record["published"] = json!("2024-03-01T00:00:00Z");
        // Two tables may hold different parts of one record.
        match records.get_mut(&id) {
            Some(known) => {
                let more = record["affected"].as_array().unwrap().clone();
                known["affected"].as_array_mut().unwrap().extend(more);
            }
            None => drop(records.insert(id, record)),
        }
    }
    for (number, record) in records.values().enumerate() {
        fs::write(feeds.join(number.to_string()), record.to_string()).unwrap();
    }
    let path = target.join("snapshot");
    import(&[feeds], &path, &ImportOptions::default(), &mut |_| {}).unwrap();
    Snapshot::open(&path).unwrap()
}

/// The package that a package URL means, its release by what `distro` says.
fn package(text: &str) -> Package {
    let identity = text.parse::<Purl>().unwrap().identity();
    let release = identity.distro.as_deref().map(|distro| {
        let (name, number) = distro.split_once('-').unwrap();
        match name {
            "alpine" => format!("v{number}"),
            "ubuntu" => format!("{number}:LTS"),
            _ => number.to_owned(),
        }
    });
    let name = identity.full_name();
    Package {
        ecosystem: identity.ecosystem,
        release,
        name,
        version: identity.version,
        source: identity.source,
        purl: text.to_owned(),
        locations: vec![Location { path: "place".to_owned(), layer: None }],
        found_by: "test".to_owned(),
        extra: identity
            .modularity
            .map(|module| ("modularity".to_owned(), module))
            .into_iter()
            .collect(),
    }
}

#[test]
fn every_label_is_answered_as_published() {
    let target = tempfile::tempdir().unwrap();
    let snapshot = snapshot(target.path());
    let (mut right, mut wrong, mut ecosystems) = (0, Vec::new(), BTreeSet::new());
    let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for (table, text) in files("tsv") {
        for line in text.lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            let [purl, advisory, label, source, by] = columns.as_slice() else {
                panic!("{table}: {line}")
            };
            assert!(!source.is_empty() && !by.is_empty(), "{table}: {line} names no source");
            let package = package(purl);
            assert!(package.ecosystem.row().is_some(), "{table}: {purl} is of no known ecosystem");
            let matched =
                match_packages(std::slice::from_ref(&package), &snapshot, &MatchContext::default());
            let is_found = matched.findings.iter().any(|finding| {
                finding.id == *advisory || finding.advisories.iter().any(|id| id == advisory)
            });
            let wanted = match *label {
                "affected" => true,
                "not" => false,
                _ => panic!("{table}: {line} has no label"),
            };
            counts.entry(package.ecosystem.0.clone()).or_default()[usize::from(wanted)] += 1;
            ecosystems.insert(package.ecosystem.0);
            if is_found == wanted {
                right += 1;
            } else {
                wrong.push(format!(
                    "{table}: {purl} is said {label} by {advisory} ({source}; {by})"
                ));
            }
        }
    }
    for (ecosystem, [not, affected]) in &counts {
        println!("{ecosystem}: {affected} affected, {not} not");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), right + wrong.len(), wrong.join("\n"));
    assert!(
        right >= 500 && ecosystems.len() >= 8,
        "{right} pairs, {} ecosystems",
        ecosystems.len()
    );
}
