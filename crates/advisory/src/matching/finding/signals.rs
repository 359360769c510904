//! Gathers all that bears on a vulnerability's urgency: from its advisories, from its CVE, from its package.
//!
//! Source: `docs/semantics.md`, "Priority". Odd: of several advisories the worst word counts; an advisory on several CVEs
//! rates the worst of them, so its vector is only used where nobody rated the CVE itself.

use plimsoll_model::{Origin, Package, Status, Timestamp};

use super::{super::gaps::STALE_SCORES_DAYS, Statement, Subjects, decision::Decision};
use crate::{
    feed::is_cve,
    priority::{Assessor, CvssVector, FRESH_DAYS, Signals, VendorSeverity},
    snapshot::reader::SignalRecord,
};

/// Vendors whose "critical" means: from afar, without authentication.
const RESERVES_CRITICAL: [&str; 9] = [
    "Red Hat",
    "CentOS",
    "AlmaLinux",
    "Rocky Linux",
    "Oracle Linux",
    "Ubuntu",
    "SUSE",
    "openSUSE",
    "Amazon Linux",
];

pub(super) fn gather(
    about: &Subjects<'_>,
    id: &str,
    decision: &Decision<'_, '_>,
    signal: &SignalRecord<'_>,
) -> Signals {
    let hits = decision.hits.as_slice();
    let vendor = |hits: &[&Statement<'_>]| hits.iter().filter_map(|hit| hit.severity).max();
    let alone = || hits.iter().filter(|hit| hit.advisory.cves.len() <= 1);
    let critical_alone = alone().any(|hit| hit.severity == Some(VendorSeverity::Critical));
    let cwe = alone().flat_map(|hit| &hit.advisory.cwe).chain(&signal.cwe);
    Signals {
        cvss: vectors(hits, signal),
        vendor: vendor(&decision.deciding).or_else(|| vendor(hits)),
        vendor_reserves_critical: critical_alone
            && RESERVES_CRITICAL.contains(&about.package.ecosystem.0.as_str()),
        will_not_fix: decision
            .deciding
            .iter()
            .all(|hit| hit.reason.fix.is_none() && hit.status == Status::WillNotFix),
        known_exploited: signal.known_exploited.map(str::to_owned),
        weaponised: signal.is_weaponised || alone().any(|hit| hit.advisory.is_weaponised),
        proof_of_concept: signal.has_proof_of_concept
            || alone().any(|hit| hit.advisory.has_proof_of_concept),
        exploitation: signal.exploitation,
        automatable: signal.automatable,
        total_impact: signal.total_impact,
        epss: signal.epss.filter(|_| !has_stale_score(signal, about.date)).map(|(_, epss)| epss),
        cwe: cwe.copied().collect(),
        published: if is_cve(id) {
            signal.published
        } else {
            hits.iter().filter_map(|hit| hit.advisory.published).min()
        },
        disputed: signal.is_disputed || alone().any(|hit| hit.advisory.is_disputed),
        kernel: about.row.origin == Origin::System && is_kernel(about.package),
    }
}

pub(super) fn has_stale_score(signal: &SignalRecord<'_>, date: Timestamp) -> bool {
    signal.epss.is_some_and(|(scored, _)| date.days_since(scored) > STALE_SCORES_DAYS)
}

/// The first date of a snapshot, after `date`, at which the same signals are evaluated otherwise: a disclosure is no longer
/// fresh, or a score has become too old.
pub(super) fn fresh_until(
    published: Option<Timestamp>,
    signal: &SignalRecord<'_>,
    date: Timestamp,
) -> Option<Timestamp> {
    let after = |time: Timestamp, days: i64| Timestamp(time.0.saturating_add((days + 1) * DAY));
    let fresh = published.map(|published| after(published, FRESH_DAYS));
    let scored = signal.epss.as_ref().map(|(scored, _)| after(*scored, STALE_SCORES_DAYS));
    fresh.into_iter().chain(scored).filter(|until| *until > date).min()
}

const DAY: i64 = 86_400;

fn vectors(hits: &[&Statement<'_>], signal: &SignalRecord<'_>) -> Vec<CvssVector> {
    let mut vectors = Vec::new();
    for hit in hits {
        let by = match hit.advisory.cves.len() {
            0 | 1 => Assessor::Advisory,
            _ if signal.cvss.is_empty() => Assessor::Other,
            _ => continue,
        };
        vectors.extend(hit.cvss.iter().map(|text| CvssVector { by, vector: (*text).to_owned() }));
    }
    for (by, text) in &signal.cvss {
        let by = match *by {
            "NVD" => Assessor::Nvd,
            "CNA" => Assessor::Cna,
            "CISA-ADP" => Assessor::CisaAdp,
            _ => Assessor::Other,
        };
        vectors.push(CvssVector { by, vector: (*text).to_owned() });
    }
    vectors.sort();
    vectors.dedup();
    vectors
}

/// A kernel or its headers, by source or by binary name.
pub(super) fn is_kernel(package: &Package) -> bool {
    let source = package.source.as_ref().map(|source| source.name.as_str());
    let by_source = source.is_some_and(|name| {
        ["linux", "kernel"].contains(&name) || name.starts_with("linux-signed")
    });
    let name = package.name.as_str();
    let exact = ["linux-libc-dev", "kernel", "kernel-core", "kernel-headers", "kernel-devel"];
    let starts = ["linux-headers", "linux-image", "linux-modules", "kernel-modules"];
    by_source || exact.contains(&name) || starts.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plimsoll_model::{Ecosystem, SourcePackage};

    use super::*;

    #[test]
    fn kernels_are_told_by_source_or_name() {
        let package = |name: &str, source: Option<&str>| Package {
            ecosystem: Ecosystem::named("Debian"),
            release: None,
            name: name.to_owned(),
            version: "1".to_owned(),
            source: source
                .map(|name| SourcePackage { name: name.to_owned(), version: "1".to_owned() }),
            purl: String::new(),
            locations: Vec::new(),
            found_by: String::new(),
            extra: BTreeMap::new(),
        };
        for (name, source) in [
            ("linux-libc-dev", Some("linux")),
            ("bpftool", Some("linux")),
            ("linux-image-6.1.0-18-amd64", Some("linux-signed-amd64")),
            ("kernel-modules-core", None),
            ("kernel", None),
        ] {
            assert!(is_kernel(&package(name, source)), "{name}");
        }
        for (name, source) in [
            ("util-linux", Some("util-linux")),
            ("linux-base", Some("linux-base")),
            ("kernelshark", None),
        ] {
            assert!(!is_kernel(&package(name, source)), "{name}");
        }
    }
}
