//! What differs between two snapshots: no package that matches otherwise may be missing among the names.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeMap, fs, path::Path};

use plimsoll_advisory::{ImportOptions, MatchContext, Snapshot, import, match_alone};
use plimsoll_model::{Ecosystem, Package};
use proptest::prelude::*;

/// One advisory: what it is about, and what of it can be otherwise.
#[derive(Debug, Clone, Copy)]
struct Record {
    package: (&'static str, &'static str),
    cve: u8,
    fixed: u8,
    severe: bool,
}

const PACKAGES: &[(&str, &str)] =
    &[("npm", "lodash"), ("npm", "left-pad"), ("PyPI", "django"), ("Debian:12", "openssl")];

fn record() -> impl Strategy<Value = Record> {
    (prop::sample::select(PACKAGES), 0..4_u8, 1..4_u8, any::<bool>())
        .prop_map(|(package, cve, fixed, severe)| Record { package, cve, fixed, severe })
}

/// A snapshot of numbered records, with a CVE that is exploited or not.
fn snapshot(folder: &Path, records: &BTreeMap<u8, Record>, exploited: Option<u8>) -> Snapshot {
    let feed = folder.join("feed");
    let _none_there = fs::remove_dir_all(&feed);
    fs::create_dir_all(&feed).unwrap();
    for (number, record) in records {
        let (ecosystem, name) = record.package;
        let id = format!("GHSA-0000-0000-000{number}");
        let impact = if record.severe { "H" } else { "L" };
        let json = serde_json::json!({
            "id": id, "modified": "2026-07-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
            "aliases": [format!("CVE-2026-000{}", record.cve)],
            "severity": [{ "type": "CVSS_V3", "score": format!("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:{impact}/I:N/A:N") }],
            "affected": [{ "package": { "ecosystem": ecosystem, "name": name },
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": format!("{}.0", record.fixed) }] }] }],
        });
        fs::write(feed.join(format!("{id}.json")), json.to_string()).unwrap();
    }
    // Both snapshots are of one day, and both have every source.
    let always = serde_json::json!({
        "id": "GHSA-9999-9999-9999", "modified": "2026-08-01T00:00:00Z",
        "affected": [{ "package": { "ecosystem": "npm", "name": "another" }, "versions": ["1.0"] }],
    });
    fs::write(feed.join("GHSA-9999-9999-9999.json"), always.to_string()).unwrap();
    let cve = exploited.map_or("CVE-1999-0001".to_owned(), |cve| format!("CVE-2026-000{cve}"));
    let kev = serde_json::json!({
        "catalogVersion": "1", "dateReleased": "2026-08-01T00:00:00Z", "count": 1,
        "vulnerabilities": [{ "cveID": cve, "dateAdded": "2026-07-10" }],
    });
    fs::write(feed.join("kev.json"), kev.to_string()).unwrap();
    let target = folder.join("snapshot");
    let options = ImportOptions { allow_older: true, starter: false };
    import(&[feed], &target, &options, &mut |_| {}).unwrap();
    Snapshot::open(&target).unwrap()
}

fn packages() -> Vec<Package> {
    let versions = ["0.5", "1.5", "2.5"];
    let named = PACKAGES.iter().flat_map(|named| versions.map(|version| (named, version)));
    named
        .map(|(&(ecosystem, name), version)| {
            let (ecosystem, release) = Ecosystem::split(ecosystem);
            Package {
                purl: format!("pkg:generic/{name}@{version}"),
                ecosystem,
                release,
                name: name.to_owned(),
                version: version.to_owned(),
                source: None,
                locations: Vec::new(),
                found_by: "test".to_owned(),
                extra: BTreeMap::new(),
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whoever_matches_otherwise_is_named(
        before in prop::collection::btree_map(0..6_u8, record(), 0..5),
        changes in prop::collection::btree_map(0..6_u8, prop::option::of(record()), 0..3),
        exploited in prop::option::of(0..4_u8),
        exploited_now in prop::option::of(0..4_u8),
    ) {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut after = before.clone();
        for (number, change) in &changes {
            match change {
                Some(record) => drop(after.insert(*number, *record)),
                None => drop(after.remove(number)),
            }
        }
        let old = snapshot(one.path(), &before, exploited);
        let new = snapshot(other.path(), &after, exploited_now);
        let changes = new.changes_since(&old).unwrap();
        for package in packages() {
            let context = MatchContext::default();
            let (was, is) = (match_alone(&package, &old, &context), match_alone(&package, &new, &context));
            if was.findings != is.findings {
                let asked = is.asked.unwrap();
                prop_assert!(changes.names.contains(&asked), "{asked:?} in {:?}", changes.names);
            }
        }
        let same = old.changes_since(&old).unwrap();
        prop_assert!(same.names.is_empty() && !same.coverage);
        let backwards = old.changes_since(&new).unwrap();
        prop_assert_eq!(backwards.names, changes.names);
        prop_assert_eq!(backwards.coverage, changes.coverage);
    }
}
