//! What VEX documents make of an image's vulnerabilities.
//!
//! In: the image's report, documents and where each comes from. Out: the report, in which the latest statement on a
//! vulnerability of a package decides whether it counts. Source: `docs/semantics.md`, "VEX". Odd: nobody's signature is checked, so
//! each document that was found beside the image, and not named by the user, is a gap; what says nothing of this image changes
//! nothing, and is told.

use std::collections::HashMap;

use plimsoll_advisory::{
    overrule,
    vex::{About, Document, Image},
};
use plimsoll_model::{
    Coverage, Finding, Gap, GapReason, Kind, Package, Report, Subject, Timestamp, View,
};

/// `by` of gaps, and what ran.
pub const FOUND_BY: &str = "vex";

/// A document and where it comes from.
#[derive(Debug)]
pub struct Given {
    /// `app.vex.json`, `referrer sha256:…`.
    pub place: String,
    /// What it says.
    pub document: Document,
    /// It was found beside the image, and nobody vouched for it.
    pub is_attached: bool,
}

/// What a document came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Where it comes from.
    pub place: String,
    /// Its statements.
    pub statements: usize,
    /// Vulnerabilities in packages of this image that it speaks of.
    pub findings: usize,
}

/// Lets the documents decide; `problems` are what could not be had or read.
pub fn apply(
    report: &mut Report,
    image: &Image,
    given: &[&Given],
    problems: Vec<String>,
) -> Vec<Told> {
    let mut told: Vec<Told> = given
        .iter()
        .map(|one| Told {
            place: one.place.clone(),
            statements: one.document.statements.len(),
            findings: 0,
        })
        .collect();
    let sources: Vec<String> = given.iter().map(|one| format!("vex/{}", one.place)).collect();
    let Report { findings, packages, .. } = report;
    let by_purl: HashMap<&str, &Package> =
        packages.iter().map(|package| (package.purl.as_str(), package)).collect();
    for finding in findings.iter_mut().filter(|finding| finding.kind == Kind::Vulnerability) {
        let Subject::Purl(purl) = &finding.subject else { continue };
        let Some(package) = by_purl.get(purl.as_str()) else { continue };
        let mut views: Vec<(Option<Timestamp>, View)> = Vec::new();
        for ((one, source), told) in given.iter().zip(&sources).zip(&mut told) {
            let is_attached = one.is_attached;
            let about = About { image, package, packages, is_attached };
            let before = views.len();
            views.extend(one.document.views(source, finding, &about));
            told.findings += usize::from(views.len() > before);
        }
        // The latest comes last, and stays; of one time the one that was named first.
        views.reverse();
        views.sort_by_key(|(time, _)| *time);
        for (_, view) in views {
            overrule(finding, view);
        }
    }
    findings.sort_by(Finding::compare_urgency);
    let mut gaps = std::mem::take(&mut report.coverage.gaps);
    gaps.extend(problems.into_iter().map(|detail| gap(GapReason::UnreadableFile, "", detail)));
    for one in given.iter().filter(|one| one.is_attached) {
        let count = one.document.statements.len();
        let author = match one.document.author.as_str() {
            "" => "nobody named",
            author => author,
        };
        gaps.push(gap(
            GapReason::Unverified,
            &one.place,
            format!("a VEX document of {count} statements by {author} was believed, its signature was not verified"),
        ));
    }
    let mut ran = std::mem::take(&mut report.coverage.ran);
    ran.push(FOUND_BY.to_owned());
    report.coverage = Coverage::new(ran, gaps);
    told
}

fn gap(reason: GapReason, at: &str, detail: String) -> Gap {
    Gap { reason, by: FOUND_BY.to_owned(), at: at.to_owned(), detail }
}
