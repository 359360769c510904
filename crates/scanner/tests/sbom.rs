//! SBOMs: valid by the judgement of others, whatever the packages are called, and the same for the same report.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use plimsoll_advisory::{MatchContext, Snapshot, starter_feed};
use plimsoll_image::{Budget, ImageBuilder, Layer, open_path};
use plimsoll_model::{
    Coverage, Digest, Ecosystem, Evidence, Finding, Fix, Gap, GapReason, ImageIdentity, Kind,
    Level, Location, Package, Platform, Priority, Report, SourcePackage, Subject, Urgency, Verdict,
};
use plimsoll_scanner::{
    NoProgress, ScanOptions,
    format::{Format, Style, formats},
    scan,
};

fn package(ecosystem: &str, name: &str, version: &str, purl: &str) -> Package {
    Package {
        ecosystem: Ecosystem::named(ecosystem),
        release: None,
        name: name.to_owned(),
        version: version.to_owned(),
        source: None,
        purl: purl.to_owned(),
        locations: vec![Location { path: "srv/a".to_owned(), layer: None }],
        found_by: "test".to_owned(),
        extra: BTreeMap::new(),
    }
}

fn with(mut package: Package, extra: &[(&str, &str)]) -> Package {
    package.extra.extend(extra.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    package
}

/// Packages of all kinds, among them such as only an attacker would name.
fn packages() -> Vec<Package> {
    let odd = "a\u{1b}[2J\u{0}\u{202e}\u{ffff}</text>\n]]>&<b>\"\\'";
    let openssl = Package {
        release: Some("12".to_owned()),
        source: Some(SourcePackage { name: "openssl".to_owned(), version: "3.0.9-1".to_owned() }),
        locations: vec![
            Location { path: odd.to_owned(), layer: Some(Digest::from_bytes([1; 32])) },
            Location { path: String::new(), layer: None },
        ],
        ..package(
            "Debian",
            "libssl3",
            "3.0.9-1",
            "pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12&upstream=openssl",
        )
    };
    let sha1 = "0123456789abcdef0123456789ABCDEF01234567";
    vec![
        with(
            openssl,
            &[("architecture", "amd64"), ("cpe", "cpe:2.3:a:openssl:openssl:3.0.9:*:*:*:*:*:*:*")],
        ),
        with(
            package("Maven", "org.a.b:c", "1", "pkg:maven/org.a.b/c@1"),
            &[("sha1", sha1), ("license", "Apache License, Version 2.0")],
        ),
        with(
            package("npm", "@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"),
            &[("license", "MIT OR GPL-2.0+")],
        ),
        with(
            package("npm", "JSONStream", "1.3.5", "pkg:npm/jsonstream@1.3.5"),
            &[("license", odd), ("vendor", odd), ("cpe", "no name"), ("sha1", "short")],
        ),
        package("PyPI", "Foo_Bar", "1", "pkg:pypi/foo-bar@1"),
        package("PyPI", "foo-bar", "1", "pkg:pypi/foo-bar@1"),
        package("npm", odd, odd, "pkg:npm/odd@1"),
        package("npm", "long", &"9".repeat(5_000), "pkg:npm/long@9"),
        package("", "", "", "pkg:generic/x"),
    ]
}

fn finding(kind: Kind, id: &str, purl: &str, fix: Option<&str>) -> Finding {
    Finding {
        kind,
        id: id.to_owned(),
        record: format!("debian:12:{id}"),
        aliases: vec!["GHSA-pjwm-rvh2-c87w".to_owned(), "odd id/ö".to_owned()],
        advisories: vec!["DSA-5532-1".to_owned()],
        level: Level::High,
        priority: Some(Priority::Later),
        score: Some(8.2),
        urgency: Some(Urgency {
            tenths: 82,
            c10: 75,
            t100: 100,
            e10: 10,
            a10: 10,
            rules: Vec::new(),
            pending: false,
            cvss: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H".to_owned()),
            known_exploited: Some("2024-01-02".to_owned()),
            epss: Some(0.25),
        }),
        subject: Subject::Purl(purl.to_owned()),
        title: "a <title> & \u{1b}more".to_owned(),
        evidence: vec![Evidence { location: None, detail: "x".to_owned() }],
        fix: fix.map(|version| Fix {
            version: Some(version.to_owned()),
            advice: format!("upgrade to {version}"),
        }),
        status: None,
        suppressed: None,
        views: Vec::new(),
        why: Vec::new(),
        extra: BTreeMap::from([("cwe".to_owned(), "CWE-79,CWE-80".to_owned())]),
    }
}

fn report() -> Report {
    let gap = Gap {
        reason: GapReason::UnreadableFile,
        by: "npm".to_owned(),
        at: "srv/b</text>\u{1b}".to_owned(),
        detail: "byte 1: is \"not\" JSON".to_owned(),
    };
    let (debian, npm) = (
        "pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12&upstream=openssl",
        "pkg:npm/odd@1",
    );
    Report {
        image: ImageIdentity {
            name: "registry.example:5000/team/app:1.0".to_owned(),
            source: "registry".to_owned(),
            digest: Some(Digest::from_bytes([2; 32])),
            id: Some(Digest::from_bytes([3; 32])),
            platform: Some("linux/amd64".parse().unwrap()),
            size: 1_000,
            layers: vec![Digest::from_bytes([1; 32])],
            distribution: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        },
        coverage: Coverage::new(vec!["dpkg".to_owned(), "npm".to_owned()], vec![gap]),
        feed: None,
        packages: packages(),
        findings: vec![
            finding(Kind::Vulnerability, "CVE-2023-5363", debian, Some("3.0.11-1")),
            finding(Kind::Vulnerability, "CVE-2023-5363", "pkg:pypi/foo-bar@1", Some("3.0.11-1")),
            finding(Kind::Vulnerability, "CVE-2023-5363", npm, None),
            finding(Kind::Malware, "MAL-2024-1", npm, None),
            Finding {
                subject: Subject::Path("etc/shadow".to_owned()),
                ..finding(Kind::Baseline, "perm_shadow", npm, None)
            },
        ],
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

fn sboms() -> impl Iterator<Item = &'static dyn Format> {
    let is_sbom = |id: &str| id.starts_with("cyclonedx") || id.starts_with("spdx");
    formats().iter().copied().filter(move |format| is_sbom(format.id()))
}

fn text(format: &dyn Format, report: &Report) -> String {
    let mut text = Vec::new();
    format.write(report, Style::default(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The Python with the validators; `None`, said aloud, where it is not installed.
fn python() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools");
    let python = tools.join("python/bin/python");
    let has_validators = Command::new(&python)
        .args(["-c", "import cyclonedx.validation.xml, lxml, spdx_tools"])
        .output()
        .is_ok_and(|output| output.status.success());
    if has_validators {
        return Some(python);
    }
    println!("skipped: the validators are not installed (`cargo xtask test` installs them)");
    assert!(std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(), "although everything was set up");
    None
}

/// What the validators say of a report's SBOMs, after a change of their texts.
fn judgement(python: &Path, report: &Report, change: fn(String) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = Vec::new();
    for format in sboms() {
        let suffix = if format.id() == "spdx" { ".spdx.json" } else { ".spdx" };
        let path = folder.path().join(format!("{}{suffix}", format.id()));
        std::fs::write(&path, change(text(format, report))).unwrap();
        arguments.push(format.id().into());
        arguments.push(path.into_os_string());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/sbom.py");
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn sboms_are_valid() {
    let Some(python) = python() else { return };
    assert_eq!(judgement(&python, &report(), |text| text), "");
    let mut nothing = Report { packages: Vec::new(), findings: Vec::new(), ..report() };
    nothing.image.name.clear();
    assert_eq!(judgement(&python, &nothing, |text| text), "");
    let wrong = judgement(&python, &report(), |text| {
        text.replace("library", "nonsense").replace("LIBRARY", "NONSENSE")
    });
    for format in sboms() {
        assert!(wrong.contains(&format!("{}: ", format.id())), "the judges do judge: {wrong}");
    }
}

#[test]
fn equal_reports_are_equal_bytes_and_others_have_another_name() {
    let mut other = report();
    other.packages.pop();
    for format in sboms() {
        assert_eq!(text(format, &report()), text(format, &report()), "{}", format.id());
        let name = |text: &str| {
            let at = text.find("urn:uuid:").or_else(|| text.find("spdxdocs/plimsoll-")).unwrap();
            text.chars().skip(at).take(54).collect::<String>()
        };
        assert_ne!(name(&text(format, &report())), name(&text(format, &other)));
    }
}

#[test]
fn a_vulnerability_stands_once_with_all_packages_that_it_affects_alike() {
    let bom: serde_json::Value = serde_json::from_str(&text(
        plimsoll_scanner::format::format("cyclonedx").unwrap(),
        &report(),
    ))
    .unwrap();
    let entries: Vec<(&str, Vec<&str>)> = bom["vulnerabilities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let affects = entry["affects"].as_array().unwrap().iter();
            (
                entry["bom-ref"].as_str().unwrap(),
                affects.map(|affects| affects["ref"].as_str().unwrap()).collect(),
            )
        })
        .collect();
    let debian = "pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12&upstream=openssl";
    assert_eq!(
        entries,
        [
            // Two packages have one package URL.
            ("CVE-2023-5363", vec![debian, "pkg:pypi/foo-bar@1", "pkg:pypi/foo-bar@1#2"]),
            ("CVE-2023-5363#2", vec!["pkg:npm/odd@1"]),
            ("MAL-2024-1", vec!["pkg:npm/odd@1"]),
        ]
    );
}

/// What a scan says of an SBOM of the report.
fn scanned(report: &Report, format: &dyn Format, snapshot: Option<&Snapshot>) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app");
    std::fs::write(&path, text(format, report)).unwrap();
    scan_path(&path, snapshot)
}

fn scan_path(path: &Path, snapshot: Option<&Snapshot>) -> Report {
    let budget = Budget::default();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let source = open_path(path, None, &platform, &budget).unwrap();
    let options = ScanOptions {
        snapshot,
        cache: None,
        budget: &budget,
        today: "2026-11-25".parse().unwrap(),
        threads: 1,
        context: MatchContext::default(),
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
        watch: None,
    };
    scan(source.as_ref(), &options, &NoProgress).report
}

/// Every package that any case of the inspection expects, as an image has them: each once, sorted.
fn all_known_packages() -> Vec<Package> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inspect/tests/cases");
    let mut packages = BTreeMap::new();
    let mut pending = vec![cases];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.ends_with("expect.json") {
            let value: serde_json::Value =
                serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let listed = value.get("packages").and_then(serde_json::Value::as_array);
            for package in listed.into_iter().flatten() {
                let package: Package = serde_json::from_value(package.clone()).unwrap();
                let (ecosystem, name, version, purl) = package.sort_key();
                let key = [ecosystem, name, version, purl].map(str::to_owned);
                packages.insert(key, package);
            }
        }
    }
    packages.into_values().collect()
}

#[test]
fn an_sbom_gives_back_the_packages_of_its_image() {
    let all = Report { packages: all_known_packages(), findings: Vec::new(), ..report() };
    assert!(all.packages.len() > 100);
    for format in sboms() {
        let mut report = all.clone();
        // Neither XML nor lines of tag and value can hold a control character.
        if !text(format, &all).starts_with('{') {
            report.packages.retain(|package| !package.name.contains(char::is_control));
            assert!(report.packages.len() < all.packages.len());
        }
        let again = scanned(&report, format, None);
        for (package, wanted) in again.packages.iter().zip(&report.packages) {
            assert_eq!(package, wanted, "{}", format.id());
        }
        assert_eq!(again.packages.len(), report.packages.len(), "{}", format.id());
        assert_eq!(
            (again.image.digest, again.image.layers),
            (report.image.digest, report.image.layers.clone())
        );
        assert_eq!(again.image.source, "sbom");
        let reasons: Vec<GapReason> = again.coverage.gaps.iter().map(|gap| gap.reason).collect();
        // The feed's that is missing now, what the image's scan could not look at, and what no SBOM shows.
        assert_eq!(
            reasons,
            [GapReason::UnreadableFile, GapReason::FeedMissing, GapReason::NotInSource],
            "{}",
            format.id()
        );
    }
}

#[test]
fn an_sbom_has_the_vulnerabilities_of_its_image() {
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
    let layer = Layer::builder("ADD rootfs /")
        .file(
            "etc/os-release",
            b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        )
        .file("etc/debian_version", b"12.0\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .file(
            "srv/node_modules/ua-parser-js/package.json",
            br#"{"name": "ua-parser-js", "version": "0.7.29"}"#,
        )
        .file("etc/shadow", b"root::19000:0:99999:7:::\n")
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let image = ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap();
    let layout = folder.path().join("layout");
    image.write_oci_layout(&layout, "latest").unwrap();
    let feed = folder.path().join("snapshot");
    starter_feed(&feed).unwrap();
    let snapshot = Snapshot::open(&feed).unwrap();
    let report = scan_path(&layout, Some(&snapshot));
    let of_packages = |report: &Report| -> Vec<Finding> {
        let is_of_package = |finding: &&Finding| matches!(finding.subject, Subject::Purl(_));
        report.findings.iter().filter(is_of_package).cloned().collect()
    };
    assert!(of_packages(&report).len() > 3 && of_packages(&report).len() < report.findings.len());
    for format in sboms() {
        let again = scanned(&report, format, Some(&snapshot));
        assert_eq!(again.packages, report.packages, "{}", format.id());
        assert_eq!(again.findings, of_packages(&report), "{}", format.id());
        assert_eq!(again.coverage.verdict, Verdict::Partial);
        assert_eq!(again.coverage.ran, ["match", "sbom"]);
        assert_eq!(again.image.distribution, report.image.distribution);
    }
}

#[test]
fn what_is_no_sbom_is_unreadable_and_not_clean() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.json");
    for (text, wanted) in [
        ("{}", "is no SBOM of a kind that is known"),
        ("{\"bomFormat\": \"CycloneDX\", \"components\": [", "EOF while parsing"),
        ("<html></html>", "is no SBOM of a kind that is known"),
        ("<rdf:RDF xmlns:rdf=\"x\"/>", "is SPDX as RDF/XML"),
        ("SPDXID: x\nspdxVersion: SPDX-2.3\n", "is SPDX as YAML"),
    ] {
        std::fs::write(&path, text).unwrap();
        let report = scan_path(&path, None);
        assert_eq!(report.coverage.verdict, Verdict::Unreadable, "{text}");
        let gaps = &report.coverage.gaps;
        assert!(gaps.iter().any(|gap| gap.detail.contains(wanted)), "{gaps:?}");
    }
}
