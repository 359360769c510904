//! Reports for other programs and for browsers: valid by the judgement of others, whatever things are called, with every
//! kind of finding, and the same for the same report.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use plimsoll_model::{
    Coverage, Digest, Ecosystem, Evidence, FeedState, Finding, Fix, Gap, GapReason, IgnoredBy,
    ImageIdentity, Kind, Level, Location, Package, Priority, Report, Status, Subject, Suppression,
    Urgency, View,
};
use plimsoll_scanner::format::{Style, format, formats};
use proptest::prelude::*;

/// What only an attacker would name something.
const ODD: &str = "a\u{1b}[2J\u{0}\u{202e}\u{ffff}</text>\n]]>&<b>\"\\'</script><script>alert(1)</script><!-- {0} [x](y) ${{a}}";

fn package(ecosystem: &str, name: &str, version: &str, purl: &str) -> Package {
    Package {
        ecosystem: Ecosystem::named(ecosystem),
        release: None,
        name: name.to_owned(),
        version: version.to_owned(),
        source: None,
        purl: purl.to_owned(),
        locations: vec![Location { path: format!("srv/{name}"), layer: None }],
        found_by: "test".to_owned(),
        extra: BTreeMap::from([("license".to_owned(), name.to_owned())]),
    }
}

fn finding(kind: Kind, id: &str, level: Level, subject: Subject) -> Finding {
    Finding {
        kind,
        id: id.to_owned(),
        record: id.to_owned(),
        aliases: Vec::new(),
        advisories: Vec::new(),
        level,
        status: None,
        suppressed: None,
        priority: None,
        score: None,
        urgency: None,
        subject,
        title: format!("the title of {id}"),
        evidence: vec![Evidence { location: None, detail: "line 12: x".to_owned() }],
        fix: Some(Fix { version: None, advice: "mend it".to_owned() }),
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::from([("why".to_owned(), "because".to_owned())]),
    }
}

fn vulnerability(id: &str, purl: &str, priority: Priority) -> Finding {
    Finding {
        aliases: vec!["GHSA-pjwm-rvh2-c87w".to_owned(), "odd id/ö".to_owned()],
        advisories: vec!["DSA-5532-1".to_owned()],
        status: Some(Status::Affected),
        priority: Some(priority),
        score: Some(13.5),
        urgency: Some(Urgency {
            tenths: 135,
            c10: 98,
            t100: 100,
            e10: 15,
            a10: 10,
            rules: Vec::new(),
            pending: false,
            cvss: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H".to_owned()),
            known_exploited: Some("2024-01-02".to_owned()),
            epss: Some(0.25),
        }),
        fix: Some(Fix { version: Some("2".to_owned()), advice: "upgrade".to_owned() }),
        views: ["https://a.example/x", "javascript:alert(1)"]
            .map(|url| View {
                source: "osv/npm".to_owned(),
                advisory: id.to_owned(),
                revision: None,
                url: Some(url.to_owned()),
                links: Vec::new(),
                status: None,
                fixed: None,
                severity: None,
                cvss: Vec::new(),
                justification: None,
                text: None,
            })
            .to_vec(),
        extra: BTreeMap::from([("cwe".to_owned(), "CWE-79,odd".to_owned())]),
        ..finding(Kind::Vulnerability, id, Level::Critical, Subject::Purl(purl.to_owned()))
    }
}

/// A report with every kind of finding, open, ignored and denied, among them such as only an attacker would name.
fn report() -> Report {
    let layer = Digest::from_bytes([1; 32]);
    let at = |path: &str, detail: &str| Evidence {
        location: Some(Location { path: path.to_owned(), layer: Some(layer) }),
        detail: detail.to_owned(),
    };
    let path = |path: &str| Subject::Path(path.to_owned());
    let mut findings = vec![
        vulnerability("CVE-2024-1", "pkg:npm/a@1", Priority::Asap),
        vulnerability("CVE-2024-1", "pkg:npm/odd@1", Priority::Later),
        Finding {
            suppressed: Some(Suppression {
                by: "ignore rule".to_owned(),
                advisory: "plimsoll.toml:3".to_owned(),
                reason: ODD.to_owned(),
                ignored: Some(IgnoredBy { author: ODD.to_owned(), expires: None }),
            }),
            priority: None,
            score: None,
            ..vulnerability("CVE-2024-2", "pkg:npm/a@1", Priority::Asap)
        },
        Finding {
            status: Some(Status::NotAffected),
            suppressed: Some(Suppression {
                by: "vex".to_owned(),
                advisory: "x".to_owned(),
                reason: "not in it".to_owned(),
                ignored: None,
            }),
            priority: None,
            score: None,
            ..vulnerability("CVE-2024-3", "pkg:npm/a@1", Priority::Asap)
        },
        Finding {
            evidence: vec![at("srv/shell.php", "line 1: eval of what a request says")],
            extra: BTreeMap::from([("removed".to_owned(), "true".to_owned())]),
            ..finding(Kind::Malware, "php_eval", Level::High, path("srv/shell.php"))
        },
        finding(Kind::Malware, "MAL-2024-1", Level::High, Subject::Purl("pkg:npm/a@1".to_owned())),
        Finding {
            evidence: vec![at("root/.aws/credentials", "line 12: AKIA…9Q, 20 characters")],
            ..finding(Kind::Secret, "aws_access_key", Level::High, path("root/.aws/credentials"))
        },
        Finding {
            title: ODD.to_owned(),
            evidence: vec![at(ODD, ODD)],
            fix: Some(Fix { version: Some(ODD.to_owned()), advice: ODD.to_owned() }),
            extra: BTreeMap::from([
                ("why".to_owned(), ODD.to_owned()),
                ("source".to_owned(), ODD.to_owned()),
            ]),
            ..finding(Kind::Secret, ODD, Level::Medium, path(ODD))
        },
        Finding {
            evidence: vec![
                at("etc/shadow", "line 4: `guest` has no password"),
                at("etc/shadow", "x"),
            ],
            ..finding(Kind::Baseline, "non_pwd_user", Level::High, path("etc/shadow"))
        },
        Finding {
            extra: BTreeMap::from([("line".to_owned(), "7".to_owned())]),
            ..finding(
                Kind::Build,
                "secret_in_env",
                Level::Low,
                Subject::Image("history".to_owned()),
            )
        },
        finding(
            Kind::License,
            "GPL-3.0-only",
            Level::Unknown,
            Subject::Purl("pkg:npm/odd@1".to_owned()),
        ),
        finding(
            Kind::License,
            "",
            Level::Negligible,
            Subject::Purl("pkg:npm/unknown@1".to_owned()),
        ),
    ];
    findings.sort_by(Finding::compare_urgency);
    let gap = |at: &str| Gap {
        reason: GapReason::UnreadableFile,
        by: "npm".to_owned(),
        at: at.to_owned(),
        detail: ODD.to_owned(),
    };
    Report {
        image: ImageIdentity {
            name: format!("registry.example:5000/team/app:1.0{ODD}"),
            source: "registry".to_owned(),
            digest: Some(Digest::from_bytes([2; 32])),
            id: Some(Digest::from_bytes([3; 32])),
            platform: Some("linux/amd64".parse().unwrap()),
            size: 1_000,
            layers: vec![layer],
            distribution: Some(ODD.to_owned()),
        },
        coverage: Coverage::new(vec!["npm".to_owned()], vec![gap(""), gap(ODD)]),
        feed: Some(FeedState {
            snapshot: Digest::from_bytes([4; 32]),
            date: "2026-11-25T01:02:03Z".parse().unwrap(),
            starter: false,
            sources: Vec::new(),
        }),
        packages: vec![
            package("npm", "a", "1", "pkg:npm/a@1"),
            package("npm", ODD, ODD, "pkg:npm/odd@1"),
        ],
        findings,
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

fn nothing() -> Report {
    let report = report();
    Report {
        image: ImageIdentity {
            name: String::new(),
            distribution: None,
            digest: None,
            ..report.image
        },
        coverage: Coverage::new(Vec::new(), Vec::new()),
        feed: None,
        packages: Vec::new(),
        findings: Vec::new(),
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

fn text(id: &str, report: &Report) -> String {
    let mut text = Vec::new();
    format(id).unwrap().write(report, Style::default(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The Python with the validators; `None`, said aloud, where it is not installed.
fn python() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools");
    let python = tools.join("python/bin/python");
    let has_validators = Command::new(&python)
        .args(["-c", "import jsonschema, lxml, rfc3987_syntax"])
        .output()
        .is_ok_and(|output| output.status.success());
    if has_validators {
        return Some(python);
    }
    println!("skipped: the validators are not installed (`cargo xtask test` installs them)");
    assert!(std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(), "although everything was set up");
    None
}

const JUDGED: [&str; 3] = ["sarif", "gitlab", "junit"];

fn judgement(python: &Path, report: &Report, change: fn(String) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = Vec::new();
    for id in JUDGED {
        let path = folder.path().join(id);
        std::fs::write(&path, change(text(id, report))).unwrap();
        arguments.push(id.into());
        arguments.push(path.into_os_string());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/report.py");
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn reports_are_valid() {
    let Some(python) = python() else { return };
    assert_eq!(judgement(&python, &report(), |text| text), "");
    assert_eq!(judgement(&python, &nothing(), |text| text), "");
    let unreadable = Report {
        coverage: Coverage::new(
            Vec::new(),
            vec![Gap {
                reason: GapReason::UnreadableImage,
                by: "reader".to_owned(),
                at: String::new(),
                detail: "damaged".to_owned(),
            }],
        ),
        ..nothing()
    };
    assert_eq!(judgement(&python, &unreadable, |text| text), "");
    let wrong = judgement(&python, &report(), |text| {
        text.replace("\"2.1.0\"", "\"2.0\"")
            .replace("container_scanning", "sast")
            .replace(" failures=", " failed=")
    });
    for id in JUDGED {
        assert!(wrong.contains(&format!("{id}: ")), "the judges do judge: {wrong}");
    }
}

/// What GitHub would refuse: too many places and tags; and what GitLab would.
#[test]
fn large_reports_are_valid() {
    let Some(python) = python() else { return };
    let mut report = report();
    let many = |number: usize| {
        let path = format!("srv/{number}/shell.php");
        let location = Location { path: path.clone(), layer: None };
        Finding {
            evidence: (1..300)
                .map(|line| Evidence {
                    location: Some(location.clone()),
                    detail: format!("line {line}: {ODD}"),
                })
                .collect(),
            ..finding(Kind::Malware, "php_eval", Level::High, Subject::Path(path))
        }
    };
    report.findings.extend((0..1_500).map(many));
    let cwes: Vec<String> = (1..40).map(|number| format!("CWE-{number}")).collect();
    let ids = (0..60).map(|number| format!("GHSA-{number:04}-aaaa-bbbb"));
    report.findings.push(Finding {
        aliases: ids.collect(),
        extra: BTreeMap::from([("cwe".to_owned(), cwes.join(","))]),
        ..vulnerability("CVE-2024-9", "pkg:npm/a@1", Priority::Later)
    });
    report.findings.sort_by(Finding::compare_urgency);
    assert_eq!(judgement(&python, &report, |text| text), "");
    let log: serde_json::Value = serde_json::from_str(&text("sarif", &report)).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), report.findings.len());
}

#[test]
fn every_kind_is_in_every_report_and_no_character_is_hidden() {
    let report = report();
    for format in formats() {
        let text = text(format.id(), &report);
        let hidden = |character: char| {
            character.is_control() && character != '\n'
                || matches!(character, '\u{202e}' | '\u{200b}')
        };
        // Line ends of the parts that are ours.
        assert!(!text.contains(hidden), "{}", format.id());
        let is_sbom = ["cyclonedx", "spdx"].iter().any(|start| format.id().starts_with(start));
        if is_sbom {
            continue;
        }
        for wanted in [
            "CVE-2024-1",
            "php_eval",
            "MAL-2024-1",
            "aws_access_key",
            "non_pwd_user",
            "secret_in_env",
            "GPL-3.0-only",
        ] {
            assert!(text.contains(wanted), "{}: {wanted}", format.id());
        }
    }
}

#[test]
fn equal_reports_are_equal_bytes() {
    for format in formats() {
        assert_eq!(text(format.id(), &report()), text(format.id(), &report()), "{}", format.id());
    }
}

#[test]
fn sarif_places_what_it_says_and_keeps_what_is_ignored() {
    let log: serde_json::Value = serde_json::from_str(&text("sarif", &report())).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let of = |rule: &str| results.iter().find(|result| result["ruleId"] == rule).unwrap();
    let shadow = &of("baseline/non_pwd_user")["locations"][0];
    assert_eq!(shadow["physicalLocation"]["artifactLocation"]["uri"], "etc/shadow");
    assert_eq!(shadow["physicalLocation"]["region"]["startLine"], 4);
    assert_eq!(
        shadow["logicalLocations"][0]["fullyQualifiedName"],
        Digest::from_bytes([1; 32]).to_string()
    );
    let build = &of("build/secret_in_env")["locations"][0]["physicalLocation"];
    assert_eq!(
        (&build["artifactLocation"]["uri"], &build["region"]["startLine"]),
        (&"Dockerfile".into(), &7.into())
    );
    assert_eq!(
        of("CVE-2024-1")["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "srv/a"
    );
    assert_eq!(of("CVE-2024-2")["suppressions"][0]["status"], "accepted");
    assert!(of("CVE-2024-1").get("suppressions").is_none());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == "CVE-2024-1").unwrap();
    assert_eq!(rule["properties"]["security-severity"], "9.8");
    assert_eq!(rule["defaultConfiguration"]["level"], "error");
    assert_eq!(rule["helpUri"], "https://nvd.nist.gov/vuln/detail/CVE-2024-1");
    assert!(
        rule["properties"]["tags"].as_array().unwrap().contains(&"external/cwe/cwe-079".into())
    );
    assert_eq!(run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len(), 2);
}

/// Fingerprints of a report, as SARIF has them.
fn fingerprints(report: &Report) -> Vec<String> {
    let log: serde_json::Value = serde_json::from_str(&text("sarif", report)).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of = |result: &serde_json::Value| {
        result["partialFingerprints"]["plimsollFinding/v1"].as_str().unwrap().to_owned()
    };
    results.iter().map(of).collect()
}

#[test]
fn a_fingerprint_outlives_a_rebuild_and_an_upgrade_that_does_not_help() {
    let first = report();
    let mut rebuilt = report();
    let other = Digest::from_bytes([9; 32]);
    rebuilt.image.layers = vec![other];
    for finding in &mut rebuilt.findings {
        for seen in &mut finding.evidence {
            if let Some(location) = &mut seen.location {
                location.layer = Some(other);
            }
        }
        if let Subject::Purl(purl) = &mut finding.subject {
            *purl = purl.replace("@1", "@1.1");
        }
    }
    assert_eq!(fingerprints(&first), fingerprints(&rebuilt));
    let mut sorted = fingerprints(&first);
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), first.findings.len());
}

#[test]
fn no_build_passes_because_nobody_could_look() {
    let junit = text("junit", &nothing());
    assert!(junit.contains("<error message=\"there is no advisory data"), "{junit}");
    let complete = Report { feed: report().feed, ..nothing() };
    let junit = text("junit", &complete);
    assert!(!junit.contains("<error") && junit.contains("failures=\"0\" errors=\"0\""), "{junit}");
    let gitlab: serde_json::Value = serde_json::from_str(&text("gitlab", &report())).unwrap();
    let messages = gitlab["scan"]["messages"].as_array().unwrap();
    assert!(
        messages.iter().any(|message| message["value"]
            .as_str()
            .unwrap()
            .starts_with("2 findings are left out"))
    );
}

#[test]
fn a_page_loads_nothing_and_runs_nothing_but_its_own() {
    let page = text("html", &report());
    for wanted in ["default-src 'none'", "script-src 'sha256-", "style-src 'sha256-"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<style").count(), 1);
    for unwanted in [
        " src=",
        " style=",
        " onclick",
        "@import",
        "url(",
        "<link",
        "javascript:",
        "unsafe-inline",
        "<iframe",
        "<img",
    ] {
        assert!(!page.contains(unwanted), "{unwanted}");
    }
    let addresses = page.matches("href=\"").count();
    assert_eq!(
        addresses,
        page.matches("href=\"https://a.example/x\" rel=\"noreferrer noopener\"").count()
    );
    assert!(addresses > 0);
    assert_eq!(page.matches("<dt>Removed</dt>").count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_stays_text(name in "\\PC{0,12}|[\\x00-\\x7f]{0,24}") {
        let mut report = report();
        for finding in &mut report.findings {
            finding.title.clone_from(&name);
            finding.subject = Subject::Path(name.clone());
        }
        let page = text("html", &report);
        prop_assert_eq!(page.matches("<script").count(), 1);
        for id in ["sarif", "gitlab"] {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text(id, &report)).is_ok());
        }
    }
}
