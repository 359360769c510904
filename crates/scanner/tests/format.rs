//! Every format's text of one report, held against a committed one (`UPDATE_EXPECT=1` rewrites it).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use plimsoll_advisory::{MatchContext, Snapshot, starter_feed};
use plimsoll_image::{
    Budget,
    build::{ImageBuilder, Layer},
    open_path,
};
use plimsoll_model::{Platform, Report};
use plimsoll_scanner::{
    NoProgress, ScanOptions,
    format::{Style, formats},
    scan,
};

/// An image with something of every kind that checks find today.
fn report() -> Report {
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
    let layer = Layer::builder("ADD rootfs /")
        .file(
            "etc/os-release",
            b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        )
        .file("etc/debian_version", b"12.0\n")
        .file("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\n")
        .file("etc/shadow", b"root::19000:0:99999:7:::\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .file(
            "srv/node_modules/ua-parser-js/package.json",
            br#"{"name": "ua-parser-js", "version": "0.7.29"}"#,
        )
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let layout = folder.path().join("layout");
    let image = ImageBuilder::new(platform.clone())
        .layer(&layer)
        .env("DB_PASSWORD", "hunter2-hunter2")
        .build()
        .unwrap();
    image.write_oci_layout(&layout, "latest").unwrap();
    let feed = folder.path().join("snapshot");
    starter_feed(&feed).unwrap();
    let snapshot = Snapshot::open(&feed).unwrap();
    let budget = Budget::default();
    let source = open_path(&layout, None, &platform, &budget).unwrap();
    let options = ScanOptions {
        snapshot: Some(&snapshot),
        cache: None,
        budget: &budget,
        today: "2026-11-25".parse().unwrap(),
        threads: 1,
        context: MatchContext::default(),
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
        watch: None,
    };
    let mut report = scan(source.as_ref(), &options, &NoProgress).report;
    "shop/storefront:1.0\u{1b}[31m".clone_into(&mut report.image.name);
    // Which detectors there are is no matter of formats.
    report.coverage.ran = vec!["dpkg".to_owned(), "match".to_owned(), "npm".to_owned()];
    report
}

#[test]
fn formats_write_what_is_expected() {
    let report = report();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/format");
    for format in formats() {
        let mut text = Vec::new();
        format.write(&report, Style::default(), &mut text).unwrap();
        let path = cases.join(format!("{}.txt", format.id()));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let (text, wanted) =
            (String::from_utf8(text).unwrap(), std::fs::read_to_string(&path).unwrap());
        assert_eq!(text, wanted, "{}", format.id());
        assert!(
            !text.contains('\u{1b}'),
            "{}: no control character reaches a terminal",
            format.id()
        );
        assert!(!text.contains("hunter2"), "{}: no secret is shown", format.id());
    }
}

#[test]
fn a_narrow_terminal_shows_every_id_whole() {
    let report = report();
    let mut text = Vec::new();
    let table = plimsoll_scanner::format::format("table").unwrap();
    table.write(&report, Style { width: 80, ..Style::default() }, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for id in ["GHSA-pjwm-rvh2-c87w", "CVE-2024-5535", "non_pwd_user", "no_healthcheck"] {
        assert!(text.contains(id), "{id}:\n{text}");
    }
    // What is a sentence of its own the terminal breaks.
    let of_tables = text.lines().skip_while(|line| !line.starts_with("What to do first"));
    for line in of_tables {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let report = report();
    let mut text = Vec::new();
    let table = plimsoll_scanner::format::format("table").unwrap();
    table.write(&report, Style { color: true, ..Style::default() }, &mut text).unwrap();
    assert!(String::from_utf8(text).unwrap().contains("\u{1b}[1;31m"));
}
