use std::fmt::Write;

use super::*;

fn read_text(text: &str) -> Result<Document, ParseError> {
    read(Content::of_bytes(text.as_bytes()))
}

fn details(document: &Document) -> Vec<&str> {
    document.problems.iter().map(|problem| problem.detail.as_str()).collect()
}

#[test]
fn places_are_known_and_others_are_not() {
    for (path, wanted) in [
        ("app.cdx.json", true),
        ("srv/APP.CDX.JSON", true),
        ("srv/bom.json", true),
        ("srv/bom.xml", true),
        ("srv/sbom-app.json", true),
        ("srv/app.syft.json", true),
        ("opt/bitnami/nginx/.spdx-nginx.spdx", true),
        ("usr/share/sbom/whatever.json", true),
        ("var/lib/db/sbom/busybox-1.36.1-r2.spdx.json", true),
        ("srv/venv/lib/python3.12/site-packages/a-1.dist-info/sboms/a.json", true),
        ("srv/venv/lib/python3.12/site-packages/a/sboms/a.json", false),
        ("srv/package.json", false),
        ("srv/LICENSE.spdx", false),
        ("usr/share/sbom/README", false),
        ("srv/sbom", false),
        ("", false),
    ] {
        assert_eq!(is_place(path.as_bytes()), wanted, "{path}");
    }
}

#[test]
fn components_nested_too_deep_are_said() {
    let open = r#"{"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1", "components": ["#;
    let nested = |depth: usize| {
        format!(
            "{{\"bomFormat\": \"CycloneDX\", \"components\": [{}{}]}}",
            open.repeat(depth),
            "]}".repeat(depth)
        )
    };
    let document = read_text(&nested(5)).unwrap();
    assert_eq!((document.entries.len(), details(&document)), (5, vec![]));
    // Deeper than any parser may recurse.
    for depth in [20, 40, 20_000] {
        let document = read_text(&nested(depth)).unwrap();
        assert!(details(&document)[0].contains("the limit of 8 levels is reached"));
        assert_eq!(document.entries.len(), 9);
    }
}

#[test]
fn very_many_components_end_at_the_limit() {
    let one = r#"{"purl": "pkg:npm/a@1"},"#.repeat(crate::packages::MAX_PACKAGES + 5);
    let text = format!("{{\"components\": [{one}{{}}], \"bomFormat\": \"CycloneDX\"}}");
    let document = read_text(&text).unwrap();
    assert!(
        document.entries.len() > 50_000 && document.entries.len() <= crate::packages::MAX_PACKAGES
    );
    assert!(details(&document)[0].starts_with("packages of one SBOM: the limit of 200000, or of"));
}

#[test]
fn packages_that_take_much_end_at_the_limit_too() {
    let license = "x".repeat(4_000);
    let one = format!(
        "{{\"purl\": \"pkg:npm/a@1\", \"licenses\": [{{\"expression\": \"{license}\"}}]}},"
    );
    let text =
        format!("{{\"components\": [{}{{}}], \"bomFormat\": \"CycloneDX\"}}", one.repeat(20_000));
    let document = read_text(&text).unwrap();
    assert!(document.entries.len() > 10_000 && document.entries.len() < 13_000);
    assert_eq!(document.problems.len(), 1);
}

#[test]
fn very_long_lists_within_a_component_are_cut() {
    let properties = r#"{"name": "plimsoll:extra:x", "value": "y"},"#.repeat(20_000);
    let licenses = r#"{"expression": "MIT"},"#.repeat(20_000);
    let text = format!(
        "{{\"bomFormat\": \"CycloneDX\", \"components\": [{{\"purl\": \"pkg:npm/a@1\", \"licenses\": [{licenses}{{}}], \"properties\": [{properties}{{}}]}}]}}"
    );
    let document = read_text(&text).unwrap();
    assert_eq!(document.entries[0].fact.extra["license"], "MIT");
}

#[test]
fn xml_bombs_end_early() {
    let bom = "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\">";
    let mut attributes = String::new();
    for number in 0..100_000 {
        write!(attributes, " a{number}=\"\"").unwrap();
    }
    for (text, wanted) in [
        (format!("{bom}{}", "<components>".repeat(100_000)), "nested deeper than 128"),
        (format!("{bom}<a {}", "x".repeat(9 << 20)), "longer than 8388608 bytes"),
        (format!("{bom}{}", "y".repeat(9 << 20)), "longer than 8388608 bytes"),
        (format!("{bom}<a>&unknown;</a></bom>"), "unknown entity `unknown`"),
        (format!("<!DOCTYPE bom>{bom}</bom>"), "has a document type"),
        (format!("{bom}<components></bom>"), "components"),
        (format!("{bom}<components{attributes}>"), "ends within an element"),
    ] {
        let error = read_text(&text).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn what_comes_before_damage_is_kept_and_the_damage_said() {
    let component = r#"{"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1"}"#;
    let document =
        read_text(&format!("{{\"bomFormat\": \"CycloneDX\", \"components\": [{component}, x"))
            .unwrap();
    assert_eq!(document.entries.len(), 1);
    assert!(details(&document)[0].ends_with("; only what comes before was read"));
    let text = "SPDXVersion: SPDX-2.3\nPackageName: a\nExternalRef: PACKAGE-MANAGER purl pkg:npm/a@1\nPackageDescription: <text>no end";
    assert_eq!(read_text(text).unwrap().entries.len(), 1);
}

#[test]
fn a_stream_gives_what_bytes_in_memory_give() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/sbom");
    let mut pending = vec![std::path::PathBuf::from(cases)];
    let mut count = 0;
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if !is_place(path.to_str().unwrap().as_bytes()) {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        if !looks_like_one(&bytes) {
            continue;
        }
        let file = std::fs::File::open(&path).unwrap();
        let streamed = read(Content::of_file(&file, bytes.len() as u64));
        let whole = read(Content::of_bytes(&bytes));
        assert_eq!(format!("{streamed:?}"), format!("{whole:?}"), "{}", path.display());
        count += 1;
    }
    assert!(count > 10);
}

#[test]
fn wrappings_have_an_end() {
    let mut text = r#"{"bomFormat": "CycloneDX"}"#.to_owned();
    for depth in 0..10 {
        let document = read_text(&text).unwrap();
        assert_eq!(document.format.is_some(), depth <= MAX_WRAPPINGS, "{depth}");
        text = format!("{{\"predicate\": {text}}}");
    }
}
