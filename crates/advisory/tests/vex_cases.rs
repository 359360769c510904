//! VEX documents by example: `cases/vex/<case>/` holds `document.*`, `packages.json`, `expect.json` and a `NOTE` that says where the
//! document comes from. Several documents of one case must say the same. `UPDATE_EXPECT=1` writes what is found; review decides.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use plimsoll_advisory::vex::{About, Document, Image};
use plimsoll_model::{Ecosystem, Finding, Kind, Level, Package, Status, Subject};
use serde_json::{Value, json};

fn entries(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// `{"id": "CVE-…", "ecosystem": "npm", "name", "version", "purl"}`: a finding of a package.
fn finding(value: &Value) -> (Finding, Package) {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (ecosystem, release) = Ecosystem::split(&text("ecosystem"));
    let package = Package {
        ecosystem,
        release,
        name: text("name"),
        version: text("version"),
        source: None,
        purl: text("purl"),
        locations: Vec::new(),
        found_by: "case".to_owned(),
        extra: BTreeMap::new(),
    };
    let finding = Finding {
        kind: Kind::Vulnerability,
        id: text("id"),
        record: text("id"),
        aliases: Vec::new(),
        advisories: Vec::new(),
        level: Level::High,
        status: Some(Status::Affected),
        suppressed: None,
        priority: None,
        score: None,
        urgency: None,
        subject: Subject::Purl(package.purl.clone()),
        title: String::new(),
        evidence: Vec::new(),
        fix: None,
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::new(),
    };
    (finding, package)
}

/// What a document says of each finding, attached to the image and not.
fn said(document: &Path, findings: &[Value]) -> Value {
    let document = match Document::read(&fs::read(document).unwrap()) {
        Ok(document) => document,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    let image = Image::default();
    let said = findings.iter().map(|value| {
        let (finding, package) = finding(value);
        let packages = [package.clone()];
        let views = |is_attached| {
            let about =
                About { image: &image, package: &package, packages: &packages, is_attached };
            document.views("vex", &finding, &about).map(|(_, view)| view).collect::<Vec<_>>()
        };
        json!({
            "of": format!("{} in {}", finding.id, package.purl),
            "said": views(false),
            "said_when_attached": views(true).len(),
        })
    });
    json!({
        "format": document.format,
        "id": document.id,
        "author": document.author,
        "statements": document.statements.len(),
        "findings": said.collect::<Vec<_>>(),
    })
}

#[test]
fn every_case_gives_what_it_expects() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/vex");
    let cases = entries(&root);
    for case in &cases {
        assert!(case.join("NOTE").is_file(), "{} has no NOTE", case.display());
        let findings: Vec<Value> =
            serde_json::from_slice(&fs::read(case.join("packages.json")).unwrap()).unwrap();
        let is_document = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("document"))
        };
        let documents: Vec<PathBuf> = entries(case).into_iter().filter(is_document).collect();
        assert!(!documents.is_empty(), "{} has no document", case.display());
        for document in documents {
            let found = format!("{:#}\n", said(&document, &findings));
            let expect = case.join("expect.json");
            if env::var_os("UPDATE_EXPECT").is_some() {
                fs::write(&expect, &found).unwrap();
            }
            let expected = fs::read_to_string(&expect).unwrap_or_default();
            assert!(found == expected, "{} differs; found:\n{found}", document.display());
        }
    }
    assert!(cases.len() >= 8, "{}", cases.len());
}
