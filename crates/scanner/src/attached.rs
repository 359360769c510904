//! What SBOMs that a registry keeps beside an image add to the image's report.
//!
//! In: the image's report, and for each SBOM the report that a scan of it gave. Out: the image's report with the packages
//! that only SBOMs know, and with their vulnerabilities. Odd: nobody's signature is checked, so each SBOM that is believed
//! is a gap. What the image itself shows wins, as it does over an SBOM that lies in the image.

use std::collections::HashSet;

use plimsoll_inspect::{NO_SBOM, add_listed};
use plimsoll_model::{
    Coverage, Digest, Evidence, Finding, Gap, GapReason, Location, Package, Report, Subject,
};

/// `found_by` of packages that only such an SBOM knows, and `by` of gaps.
pub const FOUND_BY: &str = "sbom-referrer";

/// An SBOM from beside an image, scanned by itself.
#[derive(Debug)]
pub struct Attached {
    /// Digest of the document.
    pub digest: Digest,
    /// How it was found: `referrer`, `cosign tag`, …
    pub via: String,
    /// Whether somebody said that it is an SBOM: an attestation may be about anything.
    pub is_said_to_be_sbom: bool,
    /// What a scan of it says.
    pub report: Report,
}

/// Adds what SBOMs say; `problems` are what could not be listed or fetched.
pub fn add(report: &mut Report, attached: Vec<Attached>, problems: Vec<String>) {
    let mut gaps = std::mem::take(&mut report.coverage.gaps);
    gaps.extend(problems.into_iter().map(|detail| gap(GapReason::UnreadableFile, "", detail)));
    for sbom in attached {
        let place = format!("{} {}", sbom.via, sbom.digest);
        if sbom.report.coverage.gaps.iter().any(|gap| gap.detail == NO_SBOM) {
            if sbom.is_said_to_be_sbom {
                gaps.push(gap(GapReason::UnreadableFile, &place, NO_SBOM.to_owned()));
            }
            continue;
        }
        let count = sbom.report.packages.len();
        gaps.push(gap(
            GapReason::Unverified,
            &place,
            format!("an SBOM of {count} packages was believed, its signature was not verified"),
        ));
        gaps.extend(sbom.report.coverage.gaps.into_iter().filter_map(|gap| own_gap(gap, &place)));
        let listed = sbom.report.packages.into_iter().map(|package| placed(package, &place));
        let new = add_packages(report, listed.collect());
        let findings = sbom.report.findings.into_iter().filter(|finding| match &finding.subject {
            Subject::Purl(purl) => new.contains(purl),
            _ => false,
        });
        report.findings.extend(findings.map(|finding| seen_at(finding, &place)));
    }
    report.findings.sort_by(Finding::compare_urgency);
    report.findings.dedup_by(|a, b| a.id == b.id && a.subject == b.subject && a.kind == b.kind);
    let mut ran = std::mem::take(&mut report.coverage.ran);
    ran.push(FOUND_BY.to_owned());
    report.coverage = Coverage::new(ran, gaps);
}

fn gap(reason: GapReason, at: &str, detail: String) -> Gap {
    Gap { reason, by: FOUND_BY.to_owned(), at: at.to_owned(), detail }
}

/// The gaps that are about the document: what it does not show, the image does, and what was missing when it was matched is
/// missing for the image too.
fn own_gap(own: Gap, place: &str) -> Option<Gap> {
    match own.reason {
        // The image was read all the same.
        GapReason::UnreadableImage => Some(gap(GapReason::UnreadableFile, place, own.detail)),
        GapReason::UnreadableFile | GapReason::BudgetReached | GapReason::Anomaly => {
            Some(gap(own.reason, place, own.detail))
        }
        GapReason::UnparsableVersion => Some(own),
        _ => None,
    }
}

/// A package as found at the SBOM; where that says that it lies is nobody's evidence.
fn placed(package: Package, place: &str) -> Package {
    let location = Location { path: place.to_owned(), layer: None };
    Package { locations: vec![location], found_by: FOUND_BY.to_owned(), ..package }
}

/// The package URLs that were not there before.
fn add_packages(report: &mut Report, listed: Vec<Package>) -> HashSet<String> {
    let before: HashSet<String> =
        report.packages.iter().map(|package| package.purl.clone()).collect();
    add_listed(listed, &mut report.packages);
    let all = report.packages.iter_mut();
    all.map(|package| {
        package.locations.sort();
        package.locations.dedup();
        package.purl.clone()
    })
    .filter(|purl| !before.contains(purl))
    .collect()
}

fn seen_at(finding: Finding, place: &str) -> Finding {
    let evidence = finding.evidence.into_iter().map(|evidence| Evidence {
        location: evidence.location.map(|_| Location { path: place.to_owned(), layer: None }),
        ..evidence
    });
    let mut evidence: Vec<Evidence> = evidence.collect();
    evidence.sort();
    evidence.dedup();
    Finding { evidence, ..finding }
}
