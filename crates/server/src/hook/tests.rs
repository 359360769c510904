//! Every case of `tests/hooks/cases`: which format knows the body, and where it says that something changed.

use std::{collections::BTreeSet, fs, path::Path};

use axum::http::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::{formats, receive::understand};

fn headers(folder: &Path) -> HeaderMap {
    let text = fs::read_to_string(folder.join("headers")).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        headers.insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    headers
}

fn folders(path: &Path) -> Vec<std::path::PathBuf> {
    let mut folders: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

#[test]
fn every_case_is_read_as_it_should_be() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks/cases");
    let (mut cases, mut seen) = (0, BTreeSet::new());
    for vendor in folders(&root) {
        for case in folders(&vendor) {
            let body: Value =
                serde_json::from_slice(&fs::read(case.join("body.json")).unwrap()).unwrap();
            let wanted: Value =
                serde_json::from_slice(&fs::read(case.join("expect.json")).unwrap()).unwrap();
            assert!(case.join("NOTE").exists(), "{}", case.display());
            let found = match understand(&headers(&case), &body) {
                None => json!({ "format": null, "hints": [] }),
                Some((format, hints)) => {
                    seen.insert(format);
                    let shown = hints.iter().map(|hint| match &hint.tag {
                        Some(tag) => format!("{}:{tag}", hint.path),
                        None => hint.path.clone(),
                    });
                    json!({ "format": format, "hints": shown.collect::<Vec<_>>() })
                }
            };
            assert_eq!(found, wanted, "{}", case.display());
            cases += 1;
        }
    }
    assert!(cases >= 50, "{cases} cases");
    let all: BTreeSet<&str> = formats().iter().map(|format| format.id()).collect();
    assert_eq!(seen, all, "each format has a case");
    assert_eq!(all.len(), formats().len());
    assert!(formats().iter().all(|format| format.about().ends_with('.')));
}

#[test]
fn a_body_of_many_events_gives_a_bounded_list() {
    let event = |number: usize| {
        json!({ "action": "push", "target": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "repository": "a", "tag": format!("v{number}")
        } })
    };
    let body = json!({ "events": (0..5_000).map(event).collect::<Vec<_>>() });
    let (format, hints) = understand(&HeaderMap::new(), &body).unwrap();
    assert_eq!((format, hints.len()), ("distribution", 2_000));
}
