//! The evasion ladder: what somebody does to an image who wants a scanner to say "0 findings, COMPLETE".
//!
//! In: real images of Debian's, Alpine's and RPM's packages that the set-up built, with an application of our own on top, and
//! real advisories where they are at hand. Each step changes the image further. Out: a table of steps. Whatever is done,
//! at least 95 of 100 findings stay, or the verdict is PARTIAL with a reason that fits. Source: "Malicious Compliance"
//! (`KubeCon` Europe 2023), which brought other scanners to none.
//!
//! Odd: a reason counts only if the untouched image does not have it, too.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "the table is for people, and a test says what it skips")]

mod files;
mod steps;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use files::Files;
use plimsoll_advisory::{ImportOptions, MatchContext, Snapshot, import};
use plimsoll_image::{
    Budget,
    build::{ImageBuilder, Layer},
    open_path,
};
use plimsoll_model::{Gap, GapReason, Kind, Platform, Report, Subject, Verdict};
use plimsoll_scanner::{LayerCache, NoProgress, ScanOptions, scan};
use steps::{Step, Wrapping, ladder};

/// Of 100 findings so many must stay for a verdict that says nothing.
const KEPT: usize = 95;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Real advisories of the images' ecosystems where they are at hand, and the starter feed's for the rest.
fn feed(folder: &Path) -> Snapshot {
    let target = folder.join("snapshot");
    let real = root().join("../shared/advisories/osv");
    let mut paths = vec![root().join("crates/advisory/starter/osv"), rocky(folder)];
    if real.exists() {
        paths.extend(["Debian", "Alpine"].map(|name| real.join(name)));
    } else {
        println!("the real advisories are not here: the starter feed is used");
    }
    import(&paths, &target, &ImportOptions::default(), &mut |_| {}).unwrap();
    Snapshot::open(&target).unwrap()
}

/// Records for packages of Rocky Linux, of which no real ones are at hand.
fn rocky(folder: &Path) -> PathBuf {
    let records = folder.join("Rocky Linux");
    fs::create_dir(&records).unwrap();
    let sources =
        ["openssl", "curl", "glibc", "zlib", "expat", "libxml2", "sqlite", "krb5", "gnutls"];
    for (number, name) in (1000..).zip(sources) {
        let record = format!(
            r#"{{"schema_version":"1.7.0","id":"RLSA-2021:{number}","modified":"2021-11-01T00:00:00Z",
            "published":"2021-11-01T00:00:00Z","summary":"A hole in {name}","upstream":["CVE-2021-9{number}"],
            "affected":[{{"package":{{"ecosystem":"Rocky Linux:8","name":"{name}"}},"ranges":[{{"type":"ECOSYSTEM",
            "events":[{{"introduced":"0"}},{{"fixed":"9:98-1.el8"}}]}}]}}]}}"#
        );
        fs::write(records.join(format!("RLSA-2021:{number}.json")), record).unwrap();
    }
    records
}

/// Everything that scans share.
struct Laboratory {
    folder: tempfile::TempDir,
    feed: Snapshot,
    cache: LayerCache,
}

impl Laboratory {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let feed = feed(folder.path());
        let cache = LayerCache::open(&folder.path().join("layers"), &Budget::default()).unwrap();
        Self { folder, feed, cache }
    }

    fn scan(&self, layers: &[Layer]) -> Report {
        let platform: Platform = "linux/amd64".parse().unwrap();
        let builder = layers.iter().fold(ImageBuilder::new(platform.clone()), ImageBuilder::layer);
        let layout = tempfile::tempdir_in(self.folder.path()).unwrap();
        let layout = layout.path().join("layout");
        builder.build().unwrap().write_oci_layout(&layout, "latest").unwrap();
        let budget = Budget::default();
        let source = open_path(&layout, None, &platform, &budget).unwrap();
        let options = ScanOptions {
            snapshot: Some(&self.feed),
            cache: Some(&self.cache),
            budget: &budget,
            today: self.feed.state().date,
            threads: 2,
            context: MatchContext::default(),
            kinds: plimsoll_model::Kinds::ALL,
            malware: None,
            watch: None,
        };
        scan(source.as_ref(), &options, &NoProgress).report
    }
}

/// Vulnerabilities, each by its id and the package that has it.
fn found(report: &Report) -> BTreeSet<(String, String)> {
    let vulnerabilities =
        report.findings.iter().filter(|finding| finding.kind == Kind::Vulnerability);
    let package = |subject: &Subject| match subject {
        Subject::Purl(purl) => purl.split('@').next().unwrap_or_default().to_owned(),
        Subject::Path(text) | Subject::Image(text) => text.clone(),
    };
    vulnerabilities.map(|finding| (finding.id.clone(), package(&finding.subject))).collect()
}

/// Scans every step of one image, prints the table and says which steps deceived us.
fn climb(name: &str, real: Option<Files>, steps: &[Step]) {
    let Some(base) = real else { return };
    let laboratory = Laboratory::new();
    let untouched = base.layer("ADD rootfs /");
    let before = laboratory.scan(std::slice::from_ref(&untouched));
    let all = found(&before);
    assert!(!all.is_empty(), "{name}: nothing is found in the untouched image");
    println!("{name}: {} findings, {}", all.len(), before.coverage.verdict);
    for gap in &before.coverage.gaps {
        println!("    {:?} {} {}: {}", gap.reason, gap.by, gap.at, gap.detail);
    }
    let mut deceived = Vec::new();
    for step in steps {
        let mut changed = base.clone();
        for change in step.changes {
            change(&mut changed);
        }
        let layers = match step.wrapping {
            Wrapping::OnTop => vec![untouched.clone(), changed.layer_above(&base)],
            Wrapping::Single => vec![changed.layer("COPY --from=build / /")],
        };
        let report = laboratory.scan(&layers);
        let kept = found(&report).intersection(&all).count();
        let new: Vec<&Gap> =
            report.coverage.gaps.iter().filter(|gap| !before.coverage.gaps.contains(gap)).collect();
        let reasons: BTreeSet<GapReason> = new.iter().map(|gap| gap.reason).collect();
        println!(
            "| {} | {kept}/{} | {} | {reasons:?} |",
            step.name,
            all.len(),
            report.coverage.verdict
        );
        for gap in new.iter().take(6) {
            println!("    {:?} {} {}: {}", gap.reason, gap.by, gap.at, gap.detail);
        }
        let is_kept = kept * 100 >= all.len() * KEPT;
        let is_said = report.coverage.verdict != Verdict::Complete
            && step.reasons.iter().any(|reason| reasons.contains(reason));
        if !is_said && (step.must_be_said || !is_kept) {
            deceived.push(format!("{name}: {}: {kept} of {}, {reasons:?}", step.name, all.len()));
        }
    }
    assert!(deceived.is_empty(), "{deceived:#?}");
}

#[test]
fn debian_is_not_hidden() {
    climb(
        "debian-slim",
        Files::of_image("debian-slim").map(steps::aged_debian).map(steps::with_application),
        &ladder(&steps::DEBIAN),
    );
}

#[test]
fn alpine_is_not_hidden() {
    climb(
        "alpine-app",
        Files::of_image("alpine-app").map(steps::aged_alpine).map(steps::with_application),
        &ladder(&steps::ALPINE),
    );
}

#[test]
fn rpm_is_not_hidden() {
    climb("rpm-app", Files::of_image("rpm-app").map(steps::with_application), &ladder(&steps::RPM));
}
