//! Whatever bytes stand in a snapshot, reading them ends in an answer or an error.

use std::{collections::BTreeMap, fs, path::PathBuf};

use plimsoll_model::{Ecosystem, Package};
use proptest::prelude::*;

use super::{Snapshot, layout::CRC_FROM, writer::seal};
use crate::{MatchContext, match_packages, starter_feed};

fn starter() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    starter_feed(&target).unwrap();
    fs::read(target).unwrap()
}

fn packages() -> Vec<Package> {
    [
        ("Debian:12", "openssl", "3.0.8-1"),
        ("Debian:12", "zlib", "1:1.2.13.dfsg-1"),
        ("Alpine:v3.17", "openssl", "3.0.7-r0"),
        ("AlmaLinux:9", "openssl", "1:3.0.1-1.el9"),
        ("PyPI", "django", "2.0"),
        ("npm", "lodash", "4.17.0"),
        ("Maven", "org.apache.logging.log4j:log4j-core", "2.14.1"),
    ]
    .into_iter()
    .map(|(ecosystem, name, version)| {
        let (ecosystem, release) = Ecosystem::split(ecosystem);
        Package {
            purl: format!("pkg:generic/{ecosystem}/{name}@{version}"),
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

/// Opens the bytes and asks for everything.
fn read_all(path: &PathBuf, bytes: &[u8]) -> Option<usize> {
    fs::write(path, bytes).unwrap();
    let snapshot = Snapshot::open(path).ok()?;
    let ids = snapshot.ids().count();
    let _counts = snapshot.counts();
    let reader = snapshot.reader();
    for number in 0..u32::try_from(ids).unwrap().min(300) {
        let _record = reader.advisory(number);
    }
    let _signal = reader.signal("CVE-2021-44228");
    Some(match_packages(&packages(), &snapshot, &MatchContext::default()).findings.len())
}

#[test]
fn the_starter_feed_knows_these_packages() {
    let folder = tempfile::tempdir().unwrap();
    let found = read_all(&folder.path().join("snapshot"), &starter());
    assert!(found.is_some_and(|found| found >= 10), "{found:?}");
}

#[test]
fn every_length_is_read_or_refused() {
    let (bytes, folder) = (starter(), tempfile::tempdir().unwrap());
    let path = folder.path().join("snapshot");
    for length in (0..600).chain((600..bytes.len()).step_by(997)) {
        let mut cut = bytes[..length].to_vec();
        // A right checksum lets the cut through to the reader.
        seal(&mut cut);
        let _answer = read_all(&path, &cut);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_change_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..12),
    ) {
        thread_local! {
            static STARTER: (Vec<u8>, tempfile::TempDir) = (starter(), tempfile::tempdir().unwrap());
        }
        STARTER.with(|(bytes, folder)| {
            let path = folder.path().join("snapshot");
            let mut changed = bytes.clone();
            for (place, value, in_tables) in &changes {
                // Half of the changes hit header and tables, where they do most harm.
                let end = if *in_tables { 4096 } else { changed.len() };
                let place = CRC_FROM + place.index(end - CRC_FROM);
                changed[place] = *value;
            }
            if changed != *bytes {
                fs::write(&path, &changed).unwrap();
                assert!(Snapshot::open(&path).is_err(), "the checksum must notice");
            }
            seal(&mut changed);
            let _answer = read_all(&path, &changed);
        });
    }
}
