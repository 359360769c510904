//! What must never become the snapshot in use: `cases/fault/<case>/case.json` says what is wrong with a bundle or a feed
//! and what is said about it; the snapshot that was in place must be there to the byte.
//!
//! `gives`: `bundle`, `difference` or `archive`. `wrong`, one of: `empty`, `cut` (share that is left), `flip` (which part),
//! `more` (bytes that follow), `older`, `other-key`, `unsigned`, `lost` (ecosystem of which half is missing).

use std::{fs, io::Write, path::Path};

use plimsoll_advisory::{ImportOptions, Snapshot, bundle::write_bundle, import};
use plimsoll_model::Timestamp;
use serde_json::Value;

use crate::{Place, Record, bytes, records};

fn part(bundle: &[u8], name: &str) -> usize {
    let header = usize::try_from(u32::from_le_bytes(bundle[12..16].try_into().unwrap())).unwrap();
    match name {
        "magic" => 3,
        "format" => 8,
        "length" => 14,
        "header" => 16 + header / 2,
        "signature" => 16 + header + 30,
        "payload" => bundle.len() - 40,
        "anywhere" => bundle.len() / 3,
        other => panic!("no part is called `{other}`"),
    }
}

fn spoil(mut file: Vec<u8>, wrong: &Value) -> Vec<u8> {
    if wrong == "empty" {
        return Vec::new();
    }
    if let Some(percent) = wrong["cut"].as_u64() {
        file.truncate(file.len() * usize::try_from(percent).unwrap() / 100);
    }
    if let Some(name) = wrong["flip"].as_str() {
        let at = part(&file, name);
        file[at] ^= 1;
    }
    if let Some(more) = wrong["more"].as_str() {
        file.extend_from_slice(more.as_bytes());
    }
    file
}

/// What remains when every second record of an ecosystem is missing.
fn without_half(mut left: Vec<Record>, ecosystem: &str) -> Vec<Record> {
    let mut seen = 0;
    left.retain(|record| {
        seen += usize::from(record.ecosystem == ecosystem);
        record.ecosystem != ecosystem || seen % 2 == 1
    });
    left
}

fn archive(records: &[Record]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for record in records {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(format!("{}.json", record.id), options).unwrap();
        writer.write_all(record.json().as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Tries what a case describes and answers what is said.
fn attempt(place: &Place, old: &Snapshot, case: &Value) -> String {
    let wrong = &case["wrong"];
    let mut newer = records();
    newer.push(Record::new("npm", 99, 1));
    for record in &mut newer {
        record.day = 3;
    }
    if let Some(ecosystem) = wrong["lost"].as_str() {
        newer = without_half(newer, ecosystem);
    }
    if case["gives"] == "archive" {
        let spoilt = spoil(archive(&newer), wrong);
        let folder = place.path("mirror/npm");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("all.zip"), spoilt).unwrap();
        let paths = [place.path("mirror")];
        return import(&paths, &place.path("target"), &ImportOptions::default(), &mut |_| {})
            .unwrap_err()
            .to_string();
    }
    let new = place.snapshot("new", &newer);
    let base = (case["gives"] == "difference").then_some(old);
    let made = Timestamp(if wrong == "older" { 5 } else { 20 });
    let (other, path) = (Place::new(), place.path("bundle"));
    let key = match wrong.as_str() {
        Some("other-key") => Some(&other.key),
        Some("unsigned") => None,
        _ => Some(&place.key),
    };
    write_bundle(&new, base, key, made, &path).unwrap();
    fs::write(&path, spoil(fs::read(&path).unwrap(), wrong)).unwrap();
    place.take(&path, "target").unwrap_err().to_string()
}

#[test]
fn no_fault_ever_reaches_what_is_in_use() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/fault");
    let (mut count, mut unexpected) = (0, Vec::new());
    for folder in fs::read_dir(&root).unwrap() {
        let folder = folder.unwrap().path();
        let case: Value =
            serde_json::from_slice(&fs::read(folder.join("case.json")).unwrap()).unwrap();
        let place = Place::new();
        let old = place.snapshot("old", &records());
        place.take(&place.bundle("first", &old, None, 10), "target").unwrap();
        let remembered = fs::read(place.path("taken.json")).unwrap();
        let said = attempt(&place, &old, &case);
        let expected = case["says"].as_str().unwrap();
        if !said.contains(expected) {
            unexpected.push(format!("{}: {said}", folder.display()));
        }
        assert_eq!(fs::read(place.path("target")).unwrap(), bytes(&old), "{}", folder.display());
        assert_eq!(fs::read(place.path("taken.json")).unwrap(), remembered);
        assert!(Snapshot::open(&place.path("target")).unwrap().digest_is_right());
        let left = fs::read_dir(place.folder.path()).unwrap();
        let temporary = left.filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp")
        });
        assert_eq!(temporary.count(), 0, "{}", folder.display());
        count += 1;
    }
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert!(count >= 20, "{count}");
}
