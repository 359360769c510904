//! Matching: records as their publishers write them, packages as the inventory finds them, and what must come out.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

#[path = "matching/decision.rs"]
mod decision;
#[path = "matching/machine.rs"]
mod machine;

use std::{collections::BTreeMap, fs};

use plimsoll_advisory::{ImportOptions, MatchContext, Matched, Snapshot, import, match_packages};
use plimsoll_model::{
    Ecosystem, Finding, GapReason, Kind, Level, Location, Package, Priority, SourcePackage, Status,
    Subject,
};
use serde_json::{Value, json};

/// Writes documents into a folder, imports it, opens the snapshot.
struct Feeds {
    folder: tempfile::TempDir,
    count: usize,
}

impl Feeds {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), count: 0 }
    }

    fn file(mut self, text: &str) -> Self {
        self.count += 1;
        let feeds = self.folder.path().join("feeds");
        fs::create_dir_all(&feeds).unwrap();
        fs::write(feeds.join(format!("{}", self.count)), text).unwrap();
        self
    }

    /// One OSV record; `modified` and `published` are filled in.
    fn osv(self, record: Value) -> Self {
        let mut full =
            json!({"modified": "2026-08-01T00:00:00Z", "published": "2024-03-01T00:00:00Z"});
        full.as_object_mut().unwrap().extend(record.as_object().unwrap().clone());
        self.file(&full.to_string())
    }

    fn compile(&self) -> Snapshot {
        let target = self.folder.path().join("snapshot");
        let options = ImportOptions::default();
        import(&[self.folder.path().join("feeds")], &target, &options, &mut |_| {}).unwrap();
        Snapshot::open(&target).unwrap()
    }

    fn matched(&self, packages: &[Package]) -> Matched {
        match_packages(packages, &self.compile(), &MatchContext::default())
    }
}

/// `introduced 0`, and fixed in `fix` unless that is empty.
fn affected(ecosystem: &str, name: &str, fix: &str) -> Value {
    let mut events = vec![json!({"introduced": "0"})];
    if !fix.is_empty() {
        events.push(json!({"fixed": fix}));
    }
    json!({
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    })
}

fn package(ecosystem: &str, name: &str, version: &str) -> Package {
    let (ecosystem, release) = Ecosystem::split(ecosystem);
    Package {
        purl: format!(
            "pkg:{}/{name}@{version}",
            ecosystem.row().map_or("generic", |row| row.purl_type)
        ),
        ecosystem,
        release,
        name: name.to_owned(),
        version: version.to_owned(),
        source: None,
        locations: vec![Location { path: "var/lib/db".to_owned(), layer: None }],
        found_by: "test".to_owned(),
        extra: BTreeMap::new(),
    }
}

fn from_source(mut package: Package, name: &str, version: &str) -> Package {
    package.source = Some(SourcePackage { name: name.to_owned(), version: version.to_owned() });
    package
}

fn ids(matched: &Matched) -> Vec<&str> {
    let mut ids: Vec<&str> = matched.findings.iter().map(|finding| finding.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

fn only(matched: &Matched) -> &Finding {
    assert_eq!(matched.findings.len(), 1, "{:?}", ids(matched));
    &matched.findings[0]
}

#[test]
fn a_debian_advisory_gives_one_finding_per_cve() {
    let feeds = Feeds::new().osv(json!({
        "id": "DSA-5417-1", "summary": "openssl - security update",
        "upstream": ["CVE-2023-0464", "CVE-2023-0465"],
        "affected": [affected("Debian:11", "openssl", "1.1.1n-0+deb11u5"), affected("Debian:12", "openssl", "3.0.9-1")],
    }));
    let libssl = from_source(package("Debian:12", "libssl3", "3.0.8-1"), "openssl", "3.0.8-1");
    let matched = feeds.matched(std::slice::from_ref(&libssl));
    assert_eq!(ids(&matched), ["CVE-2023-0464", "CVE-2023-0465"]);
    assert_eq!(matched.gaps, []);
    let finding = &matched.findings[0];
    assert_eq!(finding.kind, Kind::Vulnerability);
    assert_eq!(finding.record, "debian:12:CVE-2023-0464");
    assert_eq!(finding.advisories, ["DSA-5417-1"]);
    assert_eq!(finding.aliases, [""; 0]);
    assert_eq!(finding.subject, Subject::Purl(libssl.purl.clone()));
    let fix = finding.fix.as_ref().unwrap();
    assert_eq!(fix.version.as_deref(), Some("3.0.9-1"));
    assert_eq!(fix.advice, "upgrade libssl3 to 3.0.9-1 or later");
    assert_eq!((finding.status, &finding.suppressed), (Some(Status::Affected), &None));
    let evidence: Vec<&str> = finding.evidence.iter().map(|one| one.detail.as_str()).collect();
    assert_eq!(
        evidence,
        [
            "DSA-5417-1: 3.0.8-1 is in [0, 3.0.9-1)",
            "libssl3 3.0.8-1 (source openssl 3.0.8-1) is installed"
        ]
    );
    assert_eq!(finding.evidence[1].location.as_ref().unwrap().path, "var/lib/db");
    // The same source in another release, the fixed version, and a package that only shares the binary's name.
    for other in [
        from_source(package("Debian:12", "libssl3", "3.0.9-1"), "openssl", "3.0.9-1"),
        from_source(
            package("Debian:11", "libssl1.1", "1.1.1w-0+deb11u1"),
            "openssl",
            "1.1.1w-0+deb11u1",
        ),
        from_source(package("Debian:12", "openssl", "1"), "other", "1"),
    ] {
        assert_eq!(feeds.matched(&[other]).findings, []);
    }
}

#[test]
fn a_binary_with_its_own_version_is_told_the_sources() {
    let feeds = Feeds::new()
        .osv(json!({"id": "DSA-1-1", "upstream": ["CVE-2023-0001"], "affected": [affected("Debian:12", "gcc-12", "12.2.0-15")]}));
    let binary = from_source(package("Debian:12", "gcc", "4:12.2.0-3"), "gcc-12", "12.2.0-14");
    let matched = feeds.matched(&[binary]);
    assert_eq!(
        only(&matched).fix.as_ref().unwrap().advice,
        "upgrade gcc to a build of gcc-12 12.2.0-15 or later"
    );
}

#[test]
fn several_advisories_on_one_cve_ask_for_the_highest_fix() {
    let cve = |id: &str, fix: &str| json!({"id": id, "upstream": ["CVE-2023-0001"], "affected": [affected("Debian:12", "a", fix)]});
    let feeds = Feeds::new()
        .osv(cve("DSA-1-1", "1.2"))
        .osv(cve("DSA-1-2", "1.10"))
        .osv(cve("DSA-9-9", "0.9"));
    let matched = feeds.matched(&[package("Debian:12", "a", "1.0")]);
    let finding = only(&matched);
    assert_eq!(finding.fix.as_ref().unwrap().version.as_deref(), Some("1.10"));
    assert_eq!(finding.advisories, ["DSA-1-1", "DSA-1-2"]);
}

#[test]
fn records_without_a_release_do_not_match_a_distribution() {
    let feeds = Feeds::new()
        .osv(json!({"id": "X-1", "upstream": ["CVE-2023-0001"], "affected": [affected("Alpine", "a", "9-r0")]}))
        .osv(json!({"id": "X-2", "upstream": ["CVE-2023-0002"], "affected": [affected("Alpine:v3.20", "a", "9-r0")]}));
    assert_eq!(ids(&feeds.matched(&[package("Alpine:v3.20", "a", "1-r0")])), ["CVE-2023-0002"]);
    let unknown = feeds.matched(&[package("Alpine", "a", "1-r0")]);
    assert_eq!(
        (unknown.findings.len(), unknown.gaps[0].reason),
        (0, GapReason::UnknownDistribution)
    );
    let old = feeds.matched(&[package("Alpine:v3.5", "a", "1-r0")]);
    assert_eq!((old.findings.len(), old.gaps[0].reason), (0, GapReason::UnsupportedDistribution));
}

#[test]
fn wolfi_has_no_releases() {
    let feeds = Feeds::new().osv(json!({
        "id": "CGA-1", "upstream": ["CVE-2025-22868", "GHSA-6v2p-p543-phr9"], "affected": [affected("Wolfi", "podman", "5.4.1-r2")],
        "database_specific": {"state": "fixed"},
    }));
    let matched = feeds.matched(&[package("Wolfi", "podman", "5.4.1-r0")]);
    let finding = only(&matched);
    assert_eq!(finding.record, "wolfi:rolling:CVE-2025-22868");
    assert_eq!(finding.aliases, ["GHSA-6v2p-p543-phr9"]);
}

#[test]
fn a_missing_feed_is_a_gap() {
    let feeds =
        Feeds::new().osv(json!({"id": "DSA-1-1", "affected": [affected("Debian:12", "a", "2")]}));
    let matched = feeds.matched(&[package("npm", "a", "1.0.0"), package("npm", "b", "1.0.0")]);
    assert_eq!(matched.findings, []);
    assert_eq!(matched.gaps.len(), 1);
    assert_eq!(matched.gaps[0].reason, GapReason::FeedMissing);
    assert_eq!(matched.gaps[0].detail, "2 packages of npm: the snapshot has no advisories for npm");
    let strange = feeds.matched(&[package("Nonesuch", "a", "1")]);
    assert_eq!(strange.gaps[0].reason, GapReason::UnsupportedDistribution);
}

#[test]
fn a_version_that_cannot_be_compared_is_a_gap() {
    let feeds = Feeds::new()
        .osv(json!({"id": "GHSA-a", "affected": [affected("npm", "a", "2.0.0")]}))
        .osv(json!({"id": "GHSA-b", "affected": [affected("npm", "b", "soon")]}));
    let matched = feeds.matched(&[package("npm", "a", "latest"), package("npm", "b", "1.0.0")]);
    assert_eq!(matched.findings, []);
    let gaps: Vec<_> = matched.gaps.iter().map(|gap| (gap.reason, gap.at.as_str())).collect();
    assert_eq!(
        gaps,
        [
            (GapReason::UnparsableVersion, "pkg:npm/a@latest"),
            (GapReason::UnparsableVersion, "pkg:npm/b@1.0.0")
        ]
    );
}

#[test]
fn aliases_are_one_vulnerability() {
    let feeds = Feeds::new()
        .osv(json!({
            "id": "GHSA-aaaa", "aliases": ["CVE-2021-35042"], "summary": "SQL injection in Django",
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
            "database_specific": {"severity": "CRITICAL", "cwe_ids": ["CWE-89"]},
            "affected": [affected("PyPI", "Django", "3.1.13")],
        }))
        .osv(json!({"id": "PYSEC-2021-109", "aliases": ["GHSA-aaaa"], "affected": [affected("PyPI", "django", "3.1.12")]}));
    let matched = feeds.matched(&[package("PyPI", "Django", "3.1")]);
    let finding = only(&matched);
    assert_eq!(finding.id, "CVE-2021-35042");
    assert_eq!(finding.record, "imgsca:python:Django:CVE-2021-35042");
    assert_eq!(finding.aliases, ["GHSA-aaaa"]);
    assert_eq!(finding.advisories, ["GHSA-aaaa", "PYSEC-2021-109"]);
    assert_eq!(finding.title, "SQL injection in Django");
    assert_eq!(finding.fix.as_ref().unwrap().version.as_deref(), Some("3.1.13"));
    assert_eq!(finding.extra["cwe"], "CWE-89");
    assert_eq!(finding.level, Level::Critical);
    assert_eq!(finding.priority, Some(Priority::Later));
}

#[test]
fn without_a_cve_the_github_advisory_names_it() {
    let feeds = Feeds::new()
        .osv(json!({"id": "PYSEC-1", "aliases": ["GHSA-aaaa"], "affected": [affected("PyPI", "a", "2")]}))
        .osv(json!({"id": "NSWG-1", "affected": [affected("npm", "a", "2.0.0")]}));
    let matched = feeds.matched(&[package("PyPI", "a", "1"), package("npm", "a", "1.0.0")]);
    assert_eq!(ids(&matched), ["GHSA-aaaa", "NSWG-1"]);
}

#[test]
fn alma_names_cves_as_related_and_bug_fixes_are_none() {
    let feeds = Feeds::new()
        .osv(json!({
            "id": "ALSA-2024:2193", "summary": "Moderate: podman security update",
            "related": ["CVE-2023-39326", "CVE-2023-45287"], "affected": [affected("AlmaLinux:9", "podman", "2:4.9.4-0.1.el9")],
        }))
        .osv(json!({"id": "ALBA-2024:1", "summary": "podman bug fix update", "related": [], "affected": [affected("AlmaLinux:9", "podman", "2:4.9.4-3.el9")]}));
    let matched = feeds.matched(&[package("AlmaLinux:9.4", "podman", "2:4.6.1-5.el9")]);
    assert_eq!(ids(&matched), ["CVE-2023-39326", "CVE-2023-45287"]);
    assert_eq!(matched.findings[0].record, "almalinux:9:CVE-2023-39326");
    assert_eq!(matched.findings[0].extra["vendor-severity"], "medium");
    assert_eq!(
        feeds.matched(&[package("AlmaLinux:9.4", "podman", "2:4.9.4-0.1.el9")]).findings,
        []
    );
    let without_epoch = feeds.matched(&[package("AlmaLinux:9.4", "podman", "4.9.4-0.1.el9")]);
    assert_eq!(without_epoch.findings.len(), 2);
}

#[test]
fn modules_match_their_own_stream() {
    let feeds = Feeds::new().osv(json!({
        "id": "ALSA-2023:1582", "summary": "Moderate: nodejs:18 security update", "related": ["CVE-2022-35065"],
        "affected": [affected("AlmaLinux:8", "nodejs", "1:18.14.2-2.module_el8.7.0+3473+85f2fcfe")],
    }));
    let node = |version: &str, module: &str| {
        let mut node = package("AlmaLinux:8", "nodejs", version);
        if !module.is_empty() {
            node.extra.insert("modularity".to_owned(), module.to_owned());
        }
        feeds.matched(&[node]).findings.len()
    };
    assert_eq!(node("1:18.9.1-1.module_el8.7.0+1", "nodejs:18:8070020220101:abc"), 1);
    assert_eq!(node("1:16.18.1-3.module_el8.7.0+1", "nodejs:16:8070020220101:abc"), 0);
    assert_eq!(node("1:10.24.0-1.el8", ""), 0, "a package of no module");
    assert_eq!(node("1:18.9.1-1.module_el8.7.0+1", ""), 1, "the stream is not known");
}

#[test]
fn a_version_that_the_advisory_names_as_fixed_is_fixed() {
    let rebuilds = ["1.0-2.git1.module_el8.5.0+119+9a", "1.0-2.git1.module_el8.4.0+24+12"];
    let entries: Vec<Value> =
        rebuilds.iter().map(|fix| affected("AlmaLinux:8", "oci-umount", fix)).collect();
    let feeds = Feeds::new()
        .osv(json!({"id": "ALSA-2021:1", "related": ["CVE-2021-0001"], "affected": entries}));
    for fixed in rebuilds {
        assert_eq!(feeds.matched(&[package("AlmaLinux:8", "oci-umount", fixed)]).findings, []);
    }
    let old = package("AlmaLinux:8", "oci-umount", "1.0-1.git1.module_el8.4.0+1+1");
    assert_eq!(feeds.matched(&[old]).findings.len(), 1);
}

#[test]
fn ubuntu_pro_lies_on_top_of_the_plain_archive() {
    let plain = |status: &str| {
        let mut entry = affected("Ubuntu:22.04:LTS", "a", "");
        entry["ecosystem_specific"] = json!({"status": status});
        entry
    };
    let pro = affected("Ubuntu:Pro:22.04:LTS", "a", "1.0-1ubuntu0.1~esm1");
    let feeds = Feeds::new()
        .osv(json!({"id": "UBUNTU-CVE-2023-0001", "upstream": ["CVE-2023-0001"], "affected": [plain("needed"), pro.clone()], "severity": [{"type": "Ubuntu", "score": "low"}]}))
        .osv(json!({"id": "UBUNTU-CVE-2023-0002", "upstream": ["CVE-2023-0002"], "affected": [pro]}));
    let matched = feeds.matched(&[package("Ubuntu:22.04:LTS", "a", "1.0-1")]);
    assert_eq!(ids(&matched), ["CVE-2023-0001", "CVE-2023-0002"]);
    let low = matched.findings.iter().find(|finding| finding.id == "CVE-2023-0001").unwrap();
    assert_eq!(low.record, "ubuntu:22.04:CVE-2023-0001");
    assert_eq!(low.extra["subscription"], "ubuntu-pro");
    assert_eq!(
        low.fix.as_ref().unwrap().advice,
        "upgrade a to 1.0-1ubuntu0.1~esm1 or later (with Ubuntu Pro)"
    );
    assert_eq!((low.level, low.priority), (Level::Low, Some(Priority::Nntf)));
    let subscribed = feeds.matched(&[package("Ubuntu:22.04:LTS", "a", "1.0-1ubuntu0.1~esm1")]);
    assert_eq!(subscribed.findings, []);
}

#[test]
fn statuses_without_a_fix_are_shown() {
    let ubuntu = |number: u32, status: &str, note: &str| {
        let mut entry = affected("Ubuntu:22.04:LTS", "a", "");
        entry["ecosystem_specific"] = json!({"status": status, "note": note});
        json!({"id": format!("UBUNTU-CVE-2023-{number:04}"), "affected": [entry]})
    };
    let feeds = Feeds::new()
        .osv(ubuntu(1, "needed", ""))
        .osv(ubuntu(2, "needs-triage", ""))
        .osv(ubuntu(3, "ignored", "not exploitable"))
        .osv(ubuntu(4, "ignored", "reached end-of-life"));
    let matched = feeds.matched(&[package("Ubuntu:22.04:LTS", "a", "1.0-1")]);
    let mut statuses: Vec<(&str, &str)> = matched
        .findings
        .iter()
        .map(|finding| (finding.id.as_str(), finding.status.unwrap().as_str()))
        .collect();
    statuses.sort_unstable();
    assert_eq!(
        statuses,
        [
            ("CVE-2023-0001", "affected"),
            ("CVE-2023-0002", "under-investigation"),
            ("CVE-2023-0003", "will-not-fix"),
            ("CVE-2023-0004", "end-of-life"),
        ]
    );
    let rules = |id: &str| {
        let finding = matched.findings.iter().find(|finding| finding.id == id).unwrap();
        assert_eq!(finding.fix, None);
        finding.urgency.as_ref().unwrap().rules.clone()
    };
    assert_eq!(rules("CVE-2023-0003"), [""; 0], "nothing is known of it: no cap below T 0.85");
    assert_eq!(rules("CVE-2023-0004"), [""; 0]);
}

#[test]
fn debian_unimportant_is_negligible() {
    let mut entry = affected("Debian:12", "tar", "");
    entry["ecosystem_specific"] = json!({"urgency": "unimportant"});
    let feeds = Feeds::new()
        .osv(json!({"id": "DEBIAN-CVE-2005-2541", "upstream": ["CVE-2005-2541"], "affected": [entry], "severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:C/I:C/A:C"}]}));
    let matched = feeds.matched(&[package("Debian:12", "tar", "1.34+dfsg-1.2+deb12u1")]);
    let finding = only(&matched);
    assert_eq!((finding.level, finding.priority), (Level::Negligible, Some(Priority::Nntf)));
    assert_eq!(finding.urgency.as_ref().unwrap().rules, ["cap:unimportant"]);
}

#[test]
fn kernel_headers_are_not_applicable() {
    let feeds = Feeds::new()
        .osv(json!({"id": "DSA-2-1", "upstream": ["CVE-2022-0847"], "affected": [affected("Debian:12", "linux", "6.1.76-1")]}));
    let headers =
        from_source(package("Debian:12", "linux-libc-dev", "6.1.69-1"), "linux", "6.1.69-1");
    let matched = feeds.matched(&[headers]);
    let finding = only(&matched);
    assert_eq!((finding.score, finding.priority), (Some(0.0), Some(Priority::Nntf)));
    assert_eq!(finding.urgency.as_ref().unwrap().rules, ["not-applicable:kernel"]);
}

#[test]
fn signals_of_the_cve_make_the_priority() {
    let feeds = Feeds::new()
        .osv(json!({"id": "DSA-3-1", "summary": "apache-log4j2 - security update", "upstream": ["CVE-2021-44228"], "affected": [affected("Debian:12", "apache-log4j2", "2.17.1-1")]}))
        .file("{\"catalogVersion\":\"1\",\"dateReleased\":\"2026-08-01T00:00:00Z\",\"count\":1,\"vulnerabilities\":[{\"cveID\":\"CVE-2021-44228\",\"vulnerabilityName\":\"Apache Log4j2 Remote Code Execution Vulnerability\",\"dateAdded\":\"2021-12-10\",\"knownRansomwareCampaignUse\":\"Known\",\"cwes\":[\"CWE-502\"]}]}")
        .file("#model_version:v2025.03.14,score_date:2026-07-30T00:00:00+0000\ncve,epss,percentile\nCVE-2021-44228,0.94358,0.99959\n")
        .file("{\"id\":\"CVE-2021-44228\",\"published\":\"2021-12-10T00:00:00\",\"cvss\":[{\"by\":\"CISA-ADP\",\"vector\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H\"}],\"cwe\":[\"CWE-20\"],\"ssvc\":{\"Exploitation\":\"active\",\"Automatable\":\"yes\",\"Technical Impact\":\"total\"}}\n");
    let matched = feeds.matched(&[package("Debian:12", "apache-log4j2", "2.14.0-1")]);
    let finding = only(&matched);
    assert_eq!((finding.priority, finding.score), (Some(Priority::Asap), Some(15.0)));
    let urgency = finding.urgency.as_ref().unwrap();
    assert_eq!(urgency.known_exploited.as_deref(), Some("2021-12-10"));
    assert_eq!(urgency.epss, Some(0.94358));
    assert_eq!((urgency.c10, urgency.t100, urgency.pending), (100, 100, false));
    assert_eq!(finding.title, "Apache Log4j2 Remote Code Execution Vulnerability");
    assert_eq!(finding.extra["exploit"], "known-exploited");
    assert_eq!(finding.extra["ransomware"], "known");
    assert_eq!(finding.extra["epss-percentile"], "0.99959");
    assert_eq!(finding.extra["cwe"], "CWE-20,CWE-502");
    assert_eq!(matched.gaps, []);
}

#[test]
fn old_scores_are_not_used_and_said_so() {
    let feeds = Feeds::new()
        .osv(json!({"id": "DSA-3-1", "upstream": ["CVE-2021-44228"], "affected": [affected("Debian:12", "a", "2")]}))
        .file("#model_version:v2025.03.14,score_date:2026-06-30T00:00:00+0000\ncve,epss,percentile\nCVE-2021-44228,0.94358,0.99959\n");
    let matched = feeds.matched(&[package("Debian:12", "a", "1")]);
    assert_eq!(only(&matched).urgency.as_ref().unwrap().epss, None);
    assert_eq!(
        (matched.gaps[0].reason, matched.gaps[0].by.as_str()),
        (GapReason::FeedStale, "epss")
    );
}

#[test]
fn malicious_packages_are_malware() {
    let feeds = Feeds::new().osv(json!({
        "id": "MAL-2024-11938", "aliases": ["GHSA-hp83-576q-jpp2"], "summary": "Malicious code in abacus-frontend (npm)",
        "affected": [{"package": {"ecosystem": "npm", "name": "abacus-frontend"}, "versions": ["9.9.9"]}],
    }));
    let feeds = feeds.osv(json!({"id": "GHSA-hp83-576q-jpp2", "aliases": ["MAL-2024-11938"], "affected": [affected("npm", "abacus-frontend", "")]}));
    let matched = feeds.matched(&[package("npm", "abacus-frontend", "9.9.9")]);
    let finding = only(&matched);
    assert_eq!((finding.kind, finding.level, finding.priority), (Kind::Malware, Level::High, None));
    assert_eq!(
        (finding.id.as_str(), finding.record.as_str()),
        ("MAL-2024-11938", "MAL-2024-11938")
    );
    assert_eq!(finding.aliases, ["GHSA-hp83-576q-jpp2"]);
    let said = ["malicious_level", "malicious_key", "malicious_type", "rules"];
    assert_eq!(
        said.map(|key| finding.extra[key].as_str()),
        ["serious", "MALBASEWARE_IMG", "Malicious Software", "MAL-2024-11938"]
    );
    assert_eq!(feeds.matched(&[package("npm", "abacus", "1.0.0")]).findings, []);
}

#[test]
fn withdrawn_records_do_not_match() {
    let record = |withdrawn: bool, modified: &str| {
        let mut record = json!({"id": "GHSA-a", "modified": modified, "affected": [affected("npm", "a", "2.0.0")]});
        if withdrawn {
            record["withdrawn"] = json!("2026-01-01T00:00:00Z");
        }
        record
    };
    let other = json!({"id": "GHSA-b", "affected": [affected("npm", "b", "2.0.0")]});
    let a = [package("npm", "a", "1.0.0")];
    let withdrawn_later = Feeds::new()
        .osv(other.clone())
        .osv(record(true, "2026-02-01T00:00:00Z"))
        .osv(record(false, "2026-01-01T00:00:00Z"));
    assert_eq!(withdrawn_later.matched(&a).findings, []);
    let came_back = Feeds::new()
        .osv(other)
        .osv(record(true, "2026-02-01T00:00:00Z"))
        .osv(record(false, "2026-03-01T00:00:00Z"));
    assert_eq!(came_back.matched(&a).findings.len(), 1);
}

#[test]
fn what_says_nothing_about_packages_matches_nothing() {
    let feeds = Feeds::new()
        .osv(json!({"id": "GHSA-a", "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "ranges": [{"type": "GIT", "repo": "r", "events": [{"introduced": "0"}]}]}]}))
        .osv(json!({"id": "GHSA-b", "affected": [{"package": {"ecosystem": "npm", "name": "a"}}]}))
        .osv(json!({"id": "GHSA-c", "affected": null, "aliases": null, "severity": null}))
        .osv(json!({"id": "GHSA-d", "affected": [affected("npm", "other", "")]}));
    assert_eq!(feeds.matched(&[package("npm", "a", "1.0.0")]).findings, []);
}

#[test]
fn red_hats_releases_are_cpe_tails() {
    let feeds = Feeds::new().osv(json!({
        "id": "CVE-2023-5685", "affected": [
            affected("Red Hat:enterprise_linux:9::baseos", "xnio", "3.8.11-1.el9"),
            affected("Red Hat:jboss_enterprise_application_platform:7.4::el8", "xnio", "9-1.el8"),
        ],
    }));
    let matched = feeds.matched(&[package("Red Hat:9.3", "xnio", "3.8.10-1.el9")]);
    assert_eq!(only(&matched).record, "redhat:9:CVE-2023-5685");
    assert_eq!(feeds.matched(&[package("Red Hat:8.9", "xnio", "3.8.10-1.el8")]).findings, []);
}

#[test]
fn maven_packages_match_by_group_and_artifact() {
    let feeds = Feeds::new()
        .osv(json!({"id": "GHSA-jfh8", "aliases": ["CVE-2021-44228"], "affected": [affected("Maven", "org.apache.logging.log4j:log4j-core", "2.15.0")]}));
    let name = "org.apache.logging.log4j:log4j-core";
    assert_eq!(feeds.matched(&[package("Maven", name, "2.14.1")]).findings.len(), 1);
    assert_eq!(feeds.matched(&[package("Maven", name, "2.15.0")]).findings, []);
    assert_eq!(feeds.matched(&[package("Maven", "log4j-core", "2.14.1")]).findings, []);
}

#[test]
fn the_same_input_gives_the_same_findings() {
    let record = |id: &str| json!({"id": id, "aliases": ["CVE-2021-0001"], "affected": [affected("npm", "a", "2.0.0")]});
    let one = Feeds::new().osv(record("GHSA-a")).osv(record("GHSA-b"));
    let other = Feeds::new().osv(record("GHSA-b")).osv(record("GHSA-a"));
    let packages = [package("npm", "a", "1.0.0"), package("npm", "a", "1.1.0")];
    assert_eq!(one.matched(&packages), other.matched(&packages));
    assert_eq!(one.compile().state(), other.compile().state());
}

#[test]
fn the_starter_feed_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    plimsoll_advisory::starter_feed(&target).unwrap();
    let snapshot = Snapshot::open(&target).unwrap();
    let packages = [package("npm", "lodash", "4.17.0")];
    let matched = match_packages(&packages, &snapshot, &MatchContext::default());
    assert!(!matched.findings.is_empty());
    assert!(matched.gaps[0].detail.starts_with("only the starter feed of"), "{:?}", matched.gaps);
    assert_eq!(match_packages(&[], &snapshot, &MatchContext::default()), Matched::default());
}

#[test]
fn a_program_without_a_package_is_judged_by_upstream_s_releases() {
    let feeds = Feeds::new()
        .osv(json!({
            "id": "BIT-apache-2024-0001", "aliases": ["CVE-2024-0001"],
            "affected": [affected("Bitnami", "apache", "2.4.59")],
        }))
        .osv(json!({
            "id": "BIT-ruby-2024-0002", "aliases": ["CVE-2024-0002"],
            "affected": [affected("Bitnami", "ruby", "3.1.2")],
        }))
        .osv(json!({
            "id": "BIT-jre-2024-0003", "aliases": ["CVE-2024-0003"],
            "affected": [affected("Bitnami", "java/jre", "18.0.0")],
        }));
    let matched = feeds.matched(&[
        package("generic", "httpd", "2.4.57"),
        package("generic", "ruby", "3.1.2p20"),
        package("generic", "java/jre", "17.0.9+9"),
        package("generic", "bash", "5.2.15"),
        package("Bitnami", "apache", "2.4.59"),
    ]);
    let finding = only(&matched);
    assert_eq!(finding.id, "CVE-2024-0001");
    assert_eq!(finding.subject, Subject::Purl("pkg:generic/httpd@2.4.57".to_owned()));
    assert_eq!(finding.record, "imgsca:generic:httpd:CVE-2024-0001");
    assert_eq!(finding.fix.as_ref().unwrap().advice, "upgrade httpd to 2.4.59 or later");
    assert!(finding.evidence.iter().any(|one| one.detail.contains("says of itself")));
    let gaps: Vec<&str> = matched.gaps.iter().map(|gap| gap.detail.as_str()).collect();
    let none = "programs and libraries that no package describes, bash, java/jre: no advisory source speaks of them";
    assert_eq!(gaps, [none]);

    let other = Feeds::new().osv(json!({
        "id": "DSA-1-1", "affected": [affected("Debian:12", "a", "1")],
    }));
    let matched = other.matched(&[package("generic", "nginx", "1.22.1")]);
    assert_eq!(matched.findings, []);
    assert_eq!(matched.gaps[0].reason, GapReason::FeedMissing);
    assert!(matched.gaps[0].detail.contains("nginx: the snapshot has no advisories of Bitnami"));
}
