//! Real images: those with nothing malicious in them, and the one in which something was planted.
//!
//! In: what `cargo xtask setup` built under `target/test-images`. Out: nothing of the first, all of the second. Odd: where there
//! are no images the test says so and passes; each image's hits are told, so that a person can judge them.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it skips")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use plimsoll_image::{Budget, Tree, open_path, parse_config};
use plimsoll_inspect::{LayerInspector, Malware, inspect_image, unread_claims};
use plimsoll_model::{Finding, Kind};
use plimsoll_yara::Rules;

fn images() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/test-images/oci");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no real images (`cargo xtask setup` builds them)");
    None
}

fn found(malware: &Malware, image: &Path) -> Vec<Finding> {
    let budget = Budget::default();
    let source = open_path(image, None, &"linux/amd64".parse().unwrap(), &budget).unwrap();
    let layers: Vec<_> = (0..source.documents().layers.len())
        .map(|index| {
            let mut inspector = LayerInspector::new(&budget).with_malware(Some(malware));
            let entries = source.read_layer(index, &budget, &mut inspector).unwrap();
            inspector.finish(entries)
        })
        .collect();
    let (tree, _) = Tree::merge(layers.iter().map(|layer| &layer.entries));
    let links = unread_claims(&tree, &layers);
    let documents = source.documents();
    let config = parse_config(&documents.config).unwrap();
    let inspection = inspect_image(
        &tree,
        &layers,
        &links,
        documents,
        &config,
        plimsoll_model::Kinds::ALL,
        Some(malware),
    );
    let gaps: Vec<_> = inspection.gaps.iter().filter(|gap| gap.by == "malware").collect();
    println!("{}: gaps {gaps:?}", image.display());
    inspection.findings.into_iter().filter(|finding| finding.kind == Kind::Malware).collect()
}

fn told(findings: &[Finding]) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for finding in findings {
        let path = finding.record.rsplit(':').next().unwrap_or_default();
        let rules = finding.extra.get("rules").cloned().unwrap_or_default();
        println!("  {path}: {rules}: {:?}", finding.evidence.first().map(|seen| &seen.detail));
        told.entry(rules).or_default().push(path.to_owned());
    }
    told
}

#[test]
fn images_without_anything_malicious_have_no_findings() {
    let Some(folder) = images() else { return };
    let malware = Rules::embedded().open().unwrap();
    for name in ["debian-slim", "python-app", "node-app", "java-app", "go-app", "rpm-app"] {
        let image = folder.join(name);
        if image.is_dir() {
            let findings = found(&malware, &image);
            println!("{name}: {} findings", findings.len());
            assert!(told(&findings).is_empty(), "{name}");
        }
    }
}

#[test]
fn all_that_was_planted_is_found() {
    let Some(image) = images().map(|folder| folder.join("kitchen-sink")) else { return };
    if !image.is_dir() {
        println!("skipped: there is no `{}`", image.display());
        return;
    }
    let malware = Rules::embedded().open().unwrap();
    let told = told(&found(&malware, &image));
    let wanted = [
        (
            "eicar_test_file",
            ["eicar.com", "eicar.zip", "eicar-deflated.zip", "eicar-in-zip-in-zip.zip"].as_slice(),
        ),
        ("webshell_php_request_executed", &["img.php"]),
        ("miner_configuration,miner_pool_address", &["config.json"]),
    ];
    for (rules, names) in wanted {
        let paths = told.get(rules).cloned().unwrap_or_default();
        for name in names {
            let ends = |path: &String| path.rsplit('/').next() == Some(*name);
            assert!(paths.iter().any(ends), "{rules} misses {name}: {paths:?}");
        }
    }
}
