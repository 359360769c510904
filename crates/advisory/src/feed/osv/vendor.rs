//! What the publishers of OSV records write in their own ways.
//!
//! Source: each vendor's records. Odd: statuses stand under three names (`status`, `state`, `urgency`); Red Hat's rebuilds
//! put severity and module stream into the summary (`Important: nodejs:18 security update`).

use super::{
    is_cve,
    record::{Record, Specific, words},
};
use plimsoll_model::Status;

use crate::priority::VendorSeverity;

/// Distributions whose advisories name their CVEs in `related`.
pub(super) fn lists_cves_as_related(id: &str) -> bool {
    let prefixes = [
        "ALSA-",
        "ALBA-",
        "ALEA-",
        "RLSA-",
        "RXSA-",
        "RLBA-",
        "RLEA-",
        "RHSA-",
        "RHBA-",
        "RHEA-",
        "ELSA-",
        "SUSE-",
        "openSUSE-",
        "USN-",
    ];
    prefixes.iter().any(|prefix| id.starts_with(prefix))
}

/// Bug fixes and enhancements, which the same feeds carry.
pub(super) fn is_bug_fix(id: &str) -> bool {
    ["ALBA-", "ALEA-", "RLBA-", "RLEA-", "RHBA-", "RHEA-"]
        .iter()
        .any(|prefix| id.starts_with(prefix))
}

/// Records that a distribution's own register of vulnerabilities is made of, one vulnerability each.
pub(super) fn is_of_a_tracker(id: &str) -> bool {
    ["DEBIAN-CVE-", "UBUNTU-CVE-", "ALPINE-CVE-", "ECHO-", "MINI-", "CGA-"]
        .iter()
        .any(|prefix| id.starts_with(prefix))
}

/// The CVE in a distribution's own id: `DEBIAN-CVE-2024-1234`.
pub(super) fn cve_within(id: &str) -> Option<&str> {
    let at = id.find("-CVE-")?;
    id.get(at + 1..).filter(|cve| is_cve(cve))
}

/// The vendor's severity of a whole record.
pub(super) fn record_severity(record: &Record<'_>, specific: &Specific) -> Option<VendorSeverity> {
    words(record.severity.as_deref())
        .find_map(VendorSeverity::from_word)
        .or_else(|| specific.severity())
        .or_else(|| {
            let summary = record.summary.as_ref()?.as_str();
            let (word, _) = summary.split_once(": ")?;
            lists_cves_as_related(record.id.as_str()).then(|| VendorSeverity::from_word(word))?
        })
}

/// The module stream of a rebuild of a Red Hat module.
pub(super) fn module<'a>(id: &str, title: &'a str) -> Option<&'a str> {
    if !lists_cves_as_related(id) {
        return None;
    }
    title.split([' ', ',']).find(|word| {
        word.split_once(':').is_some_and(|(name, stream)| {
            !name.is_empty()
                && !stream.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && stream.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        })
    })
}

/// What the vendor says about a package without a fix.
pub(super) fn status(word: &str, note: &str) -> Option<Status> {
    let end_of_life = |text: &str| text.contains("end-of-life") || text.contains("end of life");
    Some(match word.to_ascii_lowercase().as_str() {
        "not-affected" | "not affected" | "false-positive-determination" => Status::NotAffected,
        // Ubuntu ignores what its release no longer supports: that is no assessment of the vulnerability.
        "ignored" | "wont-fix" | "will-not-fix" | "fix-not-planned" if end_of_life(note) => {
            Status::EndOfLife
        }
        "ignored" | "wont-fix" | "will-not-fix" | "fix-not-planned" => Status::WillNotFix,
        word if end_of_life(word) => Status::EndOfLife,
        "needs-triage" | "detection" | "under-investigation" | "undetermined" => {
            Status::UnderInvestigation
        }
        "needed"
        | "deferred"
        | "pending"
        | "active"
        | "affected"
        | "pending-upstream-fix"
        | "true-positive-determination" => Status::Affected,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_stand_in_the_title() {
        let title = "Important: nodejs:18 security, bug fix, and enhancement update";
        assert_eq!(module("ALSA-2023:1582", title), Some("nodejs:18"));
        assert_eq!(
            module("ALSA-2021:1", "Moderate: container-tools:rhel8 security update"),
            Some("container-tools:rhel8")
        );
        assert_eq!(module("ALSA-2024:2193", "Moderate: podman security update"), None);
        assert_eq!(module("GHSA-x", "a:b is broken"), None);
    }

    #[test]
    fn a_distributions_id_may_hold_the_cve() {
        assert_eq!(cve_within("DEBIAN-CVE-2024-1234"), Some("CVE-2024-1234"));
        assert_eq!(cve_within("DEBIAN-CVE-2024-12x"), None);
        assert_eq!(cve_within("DSA-5417-1"), None);
    }

    #[test]
    fn end_of_life_is_no_assessment() {
        assert_eq!(status("ignored", "reached end-of-life"), Some(Status::EndOfLife));
        assert_eq!(status("ignored", "end of life, was needed"), Some(Status::EndOfLife));
        assert_eq!(status("ignored", "not exploitable"), Some(Status::WillNotFix));
        assert_eq!(status("needs-triage", ""), Some(Status::UnderInvestigation));
        assert_eq!(status("fixed", ""), None);
    }
}
