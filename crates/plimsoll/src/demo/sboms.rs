//! The demo's images and their SBOMs say the same.

use plimsoll_advisory::{MatchContext, Snapshot, starter_feed};
use plimsoll_image::{Budget, open_path};
use plimsoll_model::{Finding, Report, Subject};
use plimsoll_scanner::{
    NoProgress, ScanOptions,
    format::{Style, formats},
    scan,
};

use super::images;

fn scan_path(path: &std::path::Path, snapshot: &Snapshot) -> Report {
    let budget = Budget::default();
    let source = open_path(path, None, &"linux/amd64".parse().unwrap(), &budget).unwrap();
    let options = ScanOptions {
        snapshot: Some(snapshot),
        cache: None,
        budget: &budget,
        today: snapshot.state().date,
        threads: 1,
        context: MatchContext::default(),
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
        watch: None,
    };
    scan(source.as_ref(), &options, &NoProgress).report
}

fn of_packages(report: &Report) -> Vec<&Finding> {
    let is_of_package = |finding: &&Finding| matches!(finding.subject, Subject::Purl(_));
    report.findings.iter().filter(is_of_package).collect()
}

#[test]
fn the_sboms_of_the_demo_s_images_have_their_vulnerabilities() {
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("snapshot");
    starter_feed(&feed).unwrap();
    let snapshot = Snapshot::open(&feed).unwrap();
    let mut count = 0;
    for demo in images::all().unwrap() {
        let layout = folder.path().join(demo.repository.replace('/', "-"));
        demo.image.write_oci_layout(&layout, "latest").unwrap();
        let image = scan_path(&layout, &snapshot);
        count += of_packages(&image).len();
        let is_sbom = |id: &str| id.starts_with("cyclonedx") || id.starts_with("spdx");
        for format in formats().iter().filter(|format| is_sbom(format.id())) {
            let path = folder.path().join(format.id());
            let mut text = Vec::new();
            format.write(&image, Style::default(), &mut text).unwrap();
            std::fs::write(&path, text).unwrap();
            let sbom = scan_path(&path, &snapshot);
            assert_eq!(sbom.packages, image.packages, "{} {}", demo.repository, format.id());
            assert_eq!(of_packages(&sbom), of_packages(&image), "{}", format.id());
            assert_eq!(sbom.findings.len(), of_packages(&sbom).len());
        }
    }
    assert!(count > 50, "{count}");
}
