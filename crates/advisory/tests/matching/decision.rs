//! Who decides where sources contradict each other, and what the report says of it.

use plimsoll_advisory::overrule;
use plimsoll_model::{RiskCounters, View};

use super::*;

/// An announcement on two CVEs, and the register's own word on one of them.
fn announcement_and_register(register: &str) -> Feeds {
    Feeds::new()
        .osv(json!({
            "id": "DSA-1-1", "upstream": ["CVE-2024-0001", "CVE-2024-0002"],
            "affected": [affected("Debian:12", "a", "1.2-4")],
        }))
        .osv(json!({
            "id": "DEBIAN-CVE-2024-0001", "modified": "2026-07-01T00:00:00Z",
            "affected": [affected("Debian:12", "a", register)],
        }))
}

fn finding<'a>(matched: &'a Matched, id: &str) -> &'a Finding {
    matched.findings.iter().find(|finding| finding.id == id).unwrap()
}

#[test]
fn a_match_explains_itself() {
    let feeds = announcement_and_register("1.2-4");
    let a = from_source(package("Debian:12", "liba", "1.2-3+b1"), "a", "1.2-3");
    let matched = feeds.matched(&[a]);
    let found = finding(&matched, "CVE-2024-0001");
    assert_eq!(found.status, Some(Status::Affected));
    let whys: Vec<&str> = found.why.iter().map(|why| why.advisory.as_str()).collect();
    assert_eq!(whys, ["DEBIAN-CVE-2024-0001", "DSA-1-1"]);
    let why = &found.why[0];
    assert_eq!(why.source, "osv/Debian");
    assert_eq!(why.revision.unwrap().to_string(), "2026-07-01T00:00:00Z");
    assert_eq!(why.range, "[0, 1.2-4)");
    assert_eq!(why.comparison, "1.2-3 < 1.2-4 by dpkg");
    assert_eq!(why.package, "liba 1.2-3+b1 (source a 1.2-3)");
    // The register's view comes first: its word counts more.
    let views: Vec<&str> = found.views.iter().map(|view| view.advisory.as_str()).collect();
    assert_eq!(views, ["DEBIAN-CVE-2024-0001", "DSA-1-1"]);
    let view = &found.views[0];
    assert_eq!((view.status, view.fixed.as_deref()), (Some(Status::Affected), Some("1.2-4")));
    assert_eq!(view.url.as_deref(), Some("https://osv.dev/vulnerability/DEBIAN-CVE-2024-0001"));
}

#[test]
fn bounds_stand_in_the_comparison() {
    let feeds = Feeds::new().osv(json!({
        "id": "GHSA-a", "affected": [{
            "package": {"ecosystem": "npm", "name": "a"}, "versions": ["9.0.0"],
            "ranges": [
                {"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"last_affected": "1.5.0"}]},
                {"type": "SEMVER", "events": [{"introduced": "2.0.0"}]},
            ],
        }],
    }));
    for (version, comparison) in
        [("1.2.0", "1.0.0 <= 1.2.0 <= 1.5.0 by semver"), ("2.1.0", "2.0.0 <= 2.1.0 by semver")]
    {
        let matched = feeds.matched(&[package("npm", "a", version)]);
        assert_eq!(only(&matched).why[0].comparison, comparison);
    }
}

#[test]
fn the_register_overrules_announcements() {
    let matched = announcement_and_register("1.2-1").matched(&[package("Debian:12", "a", "1.2-2")]);
    let open = finding(&matched, "CVE-2024-0002");
    assert!(open.is_open() && open.priority.is_some());
    let suppressed = finding(&matched, "CVE-2024-0001");
    assert_eq!(suppressed.status, Some(Status::Fixed));
    assert_eq!((suppressed.priority, suppressed.score), (None, None));
    assert!(suppressed.urgency.is_some(), "what it would be stays");
    let why = suppressed.suppressed.as_ref().unwrap();
    assert_eq!(why.by, "osv/Debian");
    assert_eq!(why.advisory, "DEBIAN-CVE-2024-0001");
    assert_eq!(why.reason, "this version has the fix: 1.2-2 >= 1.2-1 by dpkg");
    assert_eq!(suppressed.views[0].status, Some(Status::Fixed));
    assert_eq!(suppressed.views[1].status, Some(Status::Affected));
    // It stands last, and counts nowhere.
    assert_eq!(matched.findings.last().unwrap().id, "CVE-2024-0001");
    assert_eq!(RiskCounters::of_findings(&matched.findings).vulnerabilities(), 1);
}

#[test]
fn an_announcement_does_not_overrule_the_register() {
    let matched = announcement_and_register("1.2-9").matched(&[package("Debian:12", "a", "1.2-5")]);
    let open = only(&matched);
    assert_eq!((open.id.as_str(), open.is_open()), ("CVE-2024-0001", true));
    assert_eq!(open.fix.as_ref().unwrap().version.as_deref(), Some("1.2-9"));
}

#[test]
fn the_register_alone_denies_nothing() {
    let matched = announcement_and_register("1.2-1").matched(&[package("Debian:12", "a", "1.2-4")]);
    assert_eq!(matched.findings, []);
}

#[test]
fn a_document_on_the_product_has_the_last_word() {
    let matched = announcement_and_register("1.2-1").matched(&[package("Debian:12", "a", "1.2-2")]);
    let view = |status| View {
        source: "vex/acme".to_owned(),
        advisory: "https://example.org/vex/1".to_owned(),
        revision: None,
        url: None,
        links: Vec::new(),
        status: Some(status),
        fixed: None,
        severity: None,
        cvss: Vec::new(),
        justification: Some("vulnerable_code_not_in_execute_path".to_owned()),
        text: Some("never called".to_owned()),
    };
    let mut open = finding(&matched, "CVE-2024-0002").clone();
    let (priority, score) = (open.priority, open.score);
    overrule(&mut open, view(Status::NotAffected));
    assert_eq!(open.priority, None);
    let reason = &open.suppressed.as_ref().unwrap().reason;
    assert_eq!(reason, "not affected: vulnerable code not in execute path (never called)");
    assert_eq!(open.views[0].source, "vex/acme");
    overrule(&mut open, view(Status::UnderInvestigation));
    assert_eq!((open.priority, open.score, open.suppressed.is_none()), (priority, score, true));
    assert_eq!(open.status, Some(Status::UnderInvestigation));
    let mut denied = finding(&matched, "CVE-2024-0001").clone();
    overrule(&mut denied, view(Status::Affected));
    assert!(denied.is_open() && denied.priority.is_some());
}
