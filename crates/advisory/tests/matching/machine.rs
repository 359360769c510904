//! The packages of the machine that runs the tests, matched with real advisories and judged by dpkg.
//!
//! In: `dpkg-query`, and the real advisory data where they are at hand. Out: no finding whose fix dpkg calls reached.

use std::path::PathBuf;

use plimsoll_advisory::{ImportOptions, MatchContext, Snapshot, import, match_packages};
use plimsoll_model::{Package, Subject};

use super::{from_source, package};

/// The packages that are installed on this machine, as dpkg lists them.
fn installed() -> Vec<Package> {
    let format =
        "${Package}\t${Version}\t${source:Package}\t${source:Version}\t${db:Status-Abbrev}\n";
    let Ok(output) = std::process::Command::new("dpkg-query").args(["-W", "-f", format]).output()
    else {
        return Vec::new();
    };
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| {
            let [name, version, source, source_version, status] =
                *line.split('\t').collect::<Vec<_>>()
            else {
                return None;
            };
            let package = package("Debian:12", name, version);
            status.starts_with("ii").then(|| from_source(package, source, source_version))
        })
        .collect()
}

#[test]
fn this_machine_is_judged_as_dpkg_would() {
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/advisories"));
    let packages = installed();
    if !shared.is_dir() || packages.is_empty() {
        println!("skipped: ../shared or dpkg is not here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    let paths: Vec<PathBuf> = ["osv/Debian", "debian-12-changelog", "kev", "epss", "cve"]
        .iter()
        .map(|part| shared.join(part))
        .collect();
    import(&paths, &target, &ImportOptions::default(), &mut |_| {}).unwrap();
    let snapshot = Snapshot::open(&target).unwrap();
    let start = std::time::Instant::now();
    let matched = match_packages(&packages, &snapshot, &MatchContext::default());
    println!(
        "{} packages, {} findings, {} gaps, {:?}",
        packages.len(),
        matched.findings.len(),
        matched.gaps.len(),
        start.elapsed()
    );
    for finding in matched.findings.iter().take(8) {
        println!(
            "{:?} {:?} {} {:?} {} {:?}",
            finding.priority,
            finding.score,
            finding.id,
            finding.subject,
            finding.title,
            finding.fix
        );
        println!("   {:?} {:?} {:?}", finding.urgency, finding.extra, finding.evidence);
    }
    println!("{:?}", matched.gaps);
    for finding in &matched.findings {
        let Subject::Purl(purl) = &finding.subject else { continue };
        let package = packages.iter().find(|package| package.purl == *purl).unwrap();
        let Some(fix) = finding.fix.as_ref().and_then(|fix| fix.version.as_deref()) else {
            continue;
        };
        let (_, version) = package.matched_name_and_version();
        let status = std::process::Command::new("dpkg")
            .args(["--compare-versions", version, "lt", fix])
            .status();
        assert!(status.unwrap().success(), "{} {version} is not below {fix}", finding.id);
    }
}
