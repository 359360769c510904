//! What formats say of a finding alike.
//!
//! In: findings of all kinds. Out: headings, subjects, places, scores on the common scale, fingerprints. Odd: a fingerprint
//! outlives a rebuild of the image and an upgrade that does not help: digests of layers and versions are not in it, and a
//! number tells findings apart that are alike without them.

use std::{collections::HashMap, fmt::Write as _};

use plimsoll_model::{
    Evidence, Finding, Kind, Level, Location, Package, Report, Subject, purl::Purl,
};
use ring::digest::{self, SHA256};

/// Every kind in the order of reports, with what one and what all of it are called.
pub(super) const KINDS: [(Kind, &str, &str); 6] = [
    (Kind::Vulnerability, "Vulnerability", "Vulnerabilities"),
    (Kind::Malware, "Malicious file or package", "Malicious files and packages"),
    (Kind::Secret, "Sensitive file", "Sensitive files"),
    (Kind::Baseline, "Baseline risk", "Baseline"),
    (Kind::Build, "Build risk", "Build history"),
    (Kind::License, "Licence", "Licences"),
];

/// What one finding of a kind is called.
pub(super) fn name(kind: Kind) -> &'static str {
    KINDS.iter().find(|(one, ..)| *one == kind).map_or("", |(_, name, _)| name)
}

/// What it is about, as a text.
pub(super) fn subject(finding: &Finding) -> &str {
    let (Subject::Purl(text) | Subject::Path(text) | Subject::Image(text)) = &finding.subject;
    text
}

/// The same for people: `openssl 3.0.9-1`, `/etc/shadow`, `config.User`.
pub(super) fn shown_subject(finding: &Finding, packages: &HashMap<&str, &Package>) -> String {
    match &finding.subject {
        Subject::Purl(purl) => packages.get(purl.as_str()).map_or_else(
            || purl.clone(),
            |package| format!("{} {}", package.name, package.version),
        ),
        Subject::Path(path) => format!("/{path}"),
        Subject::Image(part) => part.clone(),
    }
}

/// The packages of a report by their URLs.
pub(super) fn packages(report: &Report) -> HashMap<&str, &Package> {
    report.packages.iter().map(|package| (package.purl.as_str(), package)).collect()
}

/// What to do: the advice, else what is wrong.
pub(super) fn advice(finding: &Finding) -> &str {
    finding.fix.as_ref().map_or(finding.title.as_str(), |fix| fix.advice.as_str())
}

/// How bad it is by its nature, 0 to 100, on the scale of CVSS times ten: the score of a vulnerability, else what its level
/// stands for.
pub(super) fn severity_tenths(finding: &Finding) -> u16 {
    match (&finding.urgency, finding.level) {
        (Some(urgency), _) => urgency.c10,
        (None, Level::Critical) => 95,
        (None, Level::High) => 80,
        (None, Level::Medium) => 55,
        (None, Level::Low) => 30,
        (None, Level::Negligible) => 5,
        (None, Level::Unknown) => 0,
    }
}

/// The line of a file that a detail begins with, as detectors write it: `line 12: …`.
pub(super) fn line(detail: &str) -> Option<u32> {
    let (number, _) = detail.strip_prefix("line ")?.split_once(':')?;
    number.parse().ok().filter(|number| *number > 0)
}

/// Where it is: the evidence that names a file, else the file that it is about.
pub(super) fn places(finding: &Finding) -> Vec<(Location, &str)> {
    let placed = |seen: &'_ Evidence| seen.location.clone();
    let mut places: Vec<(Location, &str)> = finding
        .evidence
        .iter()
        .filter_map(|seen| Some((placed(seen)?, seen.detail.as_str())))
        .collect();
    if let (true, Subject::Path(path)) = (places.is_empty(), &finding.subject) {
        let detail = finding.evidence.first().map_or("", |seen| seen.detail.as_str());
        places.push((Location { path: path.clone(), layer: None }, detail));
    }
    places
}

/// One text per finding, in their order; equal findings of different scans have equal ones.
pub(super) fn fingerprints(report: &Report) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut fingerprints = Vec::with_capacity(report.findings.len());
    for finding in &report.findings {
        let fingerprint = fingerprint(finding);
        let count = seen.entry(fingerprint.clone()).or_default();
        *count += 1;
        fingerprints.push(format!("{fingerprint}:{count}"));
    }
    fingerprints
}

fn fingerprint(finding: &Finding) -> String {
    let package = match &finding.subject {
        Subject::Purl(purl) => purl.parse::<Purl>().ok(),
        _ => None,
    };
    let subject = match &package {
        Some(purl) => {
            let namespace = purl.namespace.as_deref().unwrap_or_default();
            format!("{}/{namespace}/{}", purl.purl_type, purl.name)
        }
        None => subject(finding).to_owned(),
    };
    let extra = |key: &str| finding.extra.get(key).map(String::as_str).unwrap_or_default();
    let parts = [finding.kind.as_str(), &finding.id, &subject, extra("md5"), extra("fingerprint")];
    let mut context = digest::Context::new(&SHA256);
    for part in parts {
        // Their lengths keep parts apart, whatever stands in them.
        context.update(&part.len().to_le_bytes());
        context.update(part.as_bytes());
    }
    let mut text = String::with_capacity(32);
    for byte in context.finish().as_ref().iter().take(16) {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

/// At most so many characters, with a sign that there was more.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
            short.push('…');
            short
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_as_detectors_write_them() {
        for (detail, wanted) in [
            ("line 12: `guest` has no password", Some(12)),
            ("line 0: x", None),
            ("line up: x", None),
            ("lines 12: x", None),
            ("line 99999999999: x", None),
        ] {
            assert_eq!(line(detail), wanted, "{detail}");
        }
    }

    #[test]
    fn cuts_fall_between_characters() {
        assert_eq!((cut("äöü", 3), cut("äöüß", 3)), ("äöü".to_owned(), "äö…".to_owned()));
    }
}
