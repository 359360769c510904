//! Importing: real feeds, the starter feed, and everything that must be refused without touching what is in place.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use plimsoll_advisory::{
    FeedError, ImportOptions, ImportProgress, ImportSummary, Snapshot, SnapshotError, import,
    starter_feed,
};

const KEV: &str = r#"{"catalogVersion":"1","dateReleased":"2026-08-01T00:00:00Z","count":1,
    "vulnerabilities":[{"cveID":"CVE-2021-44228","dateAdded":"2021-12-10"}]}"#;
const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-07-30T00:00:00+0000\ncve,epss,percentile\nCVE-2021-44228,0.94358,0.99959\n";

fn record(id: &str, modified: &str) -> String {
    format!(
        r#"{{"id":"{id}","modified":"{modified}","affected":[{{"package":{{"ecosystem":"npm","name":"{id}"}},
        "ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}},{{"fixed":"2.0.0"}}]}}]}}]}}"#
    )
}

fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder with a good snapshot in place.
struct Place {
    folder: tempfile::TempDir,
    good: String,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut place = Self { folder, good: String::new() };
        let members = [
            ("GHSA-a.json", record("GHSA-a", "2026-06-01T00:00:00Z")),
            ("GHSA-b.json", record("GHSA-b", "2026-06-02T00:00:00Z")),
        ];
        let members: Vec<(&str, &str)> =
            members.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let path = place.file("good/npm/all.zip", &zip(&members));
        let summary = place.import(&[path]).unwrap();
        place.good = summary.state.snapshot.to_string();
        place
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("data/advisories.snapshot")
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn import(&self, paths: &[PathBuf]) -> Result<ImportSummary, FeedError> {
        import(paths, &self.target(), &ImportOptions::default(), &mut |_| {})
    }

    /// Imports a file that must be refused; answers the message; what is in place must be what it was.
    #[track_caller]
    fn refused(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.file(name, bytes);
        let error = self.import(&[path]).unwrap_err();
        let snapshot = Snapshot::open(&self.target()).unwrap();
        assert_eq!(snapshot.state().snapshot.to_string(), self.good);
        let beside: Vec<_> = fs::read_dir(self.target().parent().unwrap()).unwrap().collect();
        assert_eq!(beside.len(), 1, "temporary files are left behind: {beside:?}");
        error.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[test]
fn a_snapshot_says_what_is_in_it() {
    let place = Place::new();
    let paths = [
        place.file("good/kev.json", KEV.as_bytes()),
        place.file("good/scores.gz", &gzip(EPSS.as_bytes())),
    ];
    let mut progress = Vec::new();
    let mut all = paths.to_vec();
    all.push(place.folder.path().join("good"));
    let summary =
        import(&all, &place.target(), &ImportOptions::default(), &mut |step| progress.push(step))
            .unwrap();
    let snapshot = Snapshot::open(&place.target()).unwrap();
    assert_eq!(snapshot.state(), summary.state);
    let sources: Vec<(&str, u64, String)> = summary
        .state
        .sources
        .iter()
        .map(|source| (source.name.as_str(), source.records, source.date.date()))
        .collect();
    assert_eq!(
        sources,
        [
            ("epss", 1, "2026-07-30".to_owned()),
            ("kev", 1, "2026-08-01".to_owned()),
            ("osv/npm", 2, "2026-06-02".to_owned())
        ]
    );
    assert_eq!(summary.state.date.date(), "2026-08-01");
    assert_eq!(snapshot.ids().collect::<Vec<_>>(), ["GHSA-a", "GHSA-b"]);
    assert_eq!((summary.advisories, summary.affected, summary.signals), (2, 2, 1));
    assert!(matches!(progress.first(), Some(ImportProgress::Found { files: 3, .. })));
    assert!(matches!(progress.last(), Some(ImportProgress::Check)));
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let place = Place::new();
    let (a, b) =
        (record("GHSA-a", "2026-06-01T00:00:00Z"), record("GHSA-b", "2026-06-02T00:00:00Z"));
    let other = [
        place.file("other/1", b.as_bytes()),
        place.file("other/2", a.as_bytes()),
        place.file("other/3.zip", &zip(&[("b.json", &b), ("a.json", &a)])),
    ];
    let summary = place.import(&other).unwrap();
    assert_eq!(summary.state.snapshot.to_string(), place.good);
}

#[test]
fn broken_feeds_are_refused_by_name() {
    let place = Place::new();
    let good = record("GHSA-a", "2026-07-01T00:00:00Z");
    let archive =
        zip(&[("GHSA-a.json", &good), ("GHSA-b.json", &record("GHSA-b", "2026-07-01T00:00:00Z"))]);
    let cut = &archive[..archive.len() - 30];
    assert!(
        place
            .refused("bad/all.zip", cut)
            .starts_with("`bad/all.zip`: it is no complete zip archive")
    );
    for at in (0..archive.len()).step_by(7) {
        // A flipped byte is refused, or lies where it means nothing (a date, an attribute).
        let mut flipped = archive.clone();
        flipped[at] ^= 0x20;
        let path = place.file("bad/flipped.zip", &flipped);
        let _either = place.import(&[path]);
        assert!(Snapshot::open(&place.target()).is_ok());
    }
    let place = Place::new();
    let broken = zip(&[("GHSA-a.json", &good), ("GHSA-b.json", "{\"id\": \"GHSA-b\", ")]);
    let message = place.refused("bad/all.zip", &broken);
    assert!(
        message.starts_with("`bad/all.zip`, member `GHSA-b.json`: EOF while parsing"),
        "{message}"
    );
    let message =
        place.refused("bad/all.zip", &zip(&[("GHSA-a.json", &good), ("README.json", "{}")]));
    assert!(
        message.starts_with("`bad/all.zip`, member `README.json`: missing field `id`"),
        "{message}"
    );
    assert_eq!(
        place.refused("bad/all.zip", &zip(&[("README.md", "x")])),
        "`bad/all.zip`: the archive holds no record"
    );
    assert!(place.refused("bad/all.zip", &zip(&[])).contains("the archive holds no record"));
    let timeless = good.replace("2026-07-01T00:00:00Z", "soon");
    assert_eq!(
        place.refused("bad/1.json", timeless.as_bytes()),
        "`bad/1.json`: its `modified` is `soon`"
    );
    let strange = good.replace("\"id\":\"GHSA-a\"", "\"id\":\"GHSA-\\u001b[31m\"");
    assert_eq!(
        place.refused("bad/1.json", strange.as_bytes()),
        "`bad/1.json`: its id is `GHSA-\\u{1b}[31m`"
    );
}

#[test]
fn broken_signals_are_refused_by_name() {
    let place = Place::new();
    for (name, text, wanted) in [
        (
            "kev.json",
            KEV.replace("\"count\":1", "\"count\":2"),
            "it says that it has 2 entries, but has 1",
        ),
        ("kev.json", KEV.replace("2021-12-10", "once"), "`CVE-2021-44228` has the date `once`"),
        ("kev.json", KEV.replace("CVE-2021-44228", "CVE-x"), "`CVE-x` is not a CVE"),
        ("kev.json", KEV.trim_end_matches('}').to_owned(), "EOF while parsing"),
        ("kev.csv", "cveID,dateAdded\nCVE-2021-44228,\"2021".to_owned(), "it ends within quotes"),
        (
            "kev.csv",
            "cveID,dateAdded\nCVE-2021-44228\n".to_owned(),
            "record 2 has 1 columns, its header 2",
        ),
        ("kev.csv", "cveID,dateAdded\n".to_owned(), "it has no entry"),
        ("epss.csv", EPSS.trim_end().to_owned(), "its last line has no end"),
        ("epss.csv", EPSS.replace("0.94358", "1.5"), "line 3 is `CVE-2021-44228,1.5,0.99959`"),
        ("epss.csv", EPSS.replace(",0.99959", ""), "line 3 is `CVE-2021-44228,0.94358`"),
        (
            "epss.csv",
            EPSS.replace("cve,epss,percentile", "cve,percentile"),
            "its header is `cve,percentile`",
        ),
        (
            "epss.csv",
            "cve,epss\nCVE-2021-44228,0.5\n".to_owned(),
            "neither its first line nor its name",
        ),
        ("notes.txt", "hello".to_owned(), "it is none of the feeds that can be imported"),
    ] {
        let message = place.refused(&format!("bad/{name}"), text.as_bytes());
        assert!(message.starts_with(&format!("`bad/{name}`: {wanted}")), "{message}");
    }
    let zipped = gzip(EPSS.as_bytes());
    let message = place.refused("bad/epss.csv.gz", &zipped[..zipped.len() - 9]);
    assert!(message.starts_with("`bad/epss.csv.gz`: it is cut off or damaged"), "{message}");
}

#[test]
fn broken_trackers_and_records_are_refused_by_name() {
    const TRACKER: &str = r#"{"alpha":{"CVE-2024-0001":{"releases":{"bookworm":{"status":"open","repositories":{},"urgency":"low"}}}}}"#;
    const SECDB: &str = r#"{"apkurl":"","urlprefix":"https://dl-cdn.alpinelinux.org/alpine","distroversion":"v3.20","packages":[{"pkg":{"name":"alpha","secfixes":{"1-r0":["CVE-2024-0001"]}}}]}"#;
    const RECORD: &str = r#"{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2024-0001","state":"PUBLISHED","datePublished":"2024-01-02T00:00:00Z"},"containers":{"cna":{}}}"#;
    let other = Place::new();
    let good = [
        other.file("new/tracker.json", TRACKER.as_bytes()),
        other.file("new/secdb.json", SECDB.as_bytes()),
        other.file("new/cves.zip", &zip(&[("CVE-2024-0001.json", RECORD)])),
        other.folder.path().join("good"),
    ];
    assert!(other.import(&good).is_ok());
    let place = Place::new();
    let long = "9".repeat(5000);
    for (name, text, wanted) in [
        ("tracker.json", TRACKER.replace("}}}}}", "}}}}"), "EOF while parsing"),
        (
            "tracker.json",
            TRACKER.replace("CVE-2024-0001", "CVE\\u001b"),
            "package `alpha`, `CVE\\u{1b}`: this is no id",
        ),
        (
            "tracker.json",
            TRACKER.replace("\"low\"", &format!("\"low\",\"fixed_version\":\"{long}\"")),
            "package `alpha`, `CVE-2024-0001`: it has a version of more than 4096 bytes",
        ),
        (
            "tracker.json",
            TRACKER.replace("{\"bookworm\"", "[{\"bookworm\"").replace("}}}}}", "}}]}}}"),
            "releases are a list that is not empty",
        ),
        ("secdb.json", SECDB.trim_end_matches('}').to_owned(), "EOF while parsing"),
        (
            "secdb.json",
            SECDB.replace("v3.20", "soon"),
            "`distroversion` names no release of Alpine",
        ),
        (
            "secdb.json",
            SECDB.replace("dl-cdn.alpinelinux.org", "example.org").replace("v3.20", ""),
            "its packages lie at `https://example.org/alpine`, which is none of",
        ),
        ("secdb.json", SECDB.replace("1-r0", ""), "package `alpha` has a fix in the version ``"),
        ("secdb.json", SECDB.replace("CVE-2024-0001", "none"), "it names no vulnerability"),
        ("CVE.json", RECORD.replace("CVE-2024-0001", "CVE-x"), "`cveMetadata.cveId` is `CVE-x`"),
        (
            "CVE.json",
            RECORD.replace("PUBLISHED", "RESERVED"),
            "`CVE-2024-0001` has the state `RESERVED`",
        ),
        (
            "CVE.json",
            RECORD.replace("datePublished", "dateReserved"),
            "`CVE-2024-0001` has neither `dateUpdated` nor `datePublished`",
        ),
    ] {
        let message = place.refused(&format!("bad/{name}"), text.as_bytes());
        assert!(message.starts_with(&format!("`bad/{name}`: {wanted}")), "{message}");
    }
    let broken = RECORD.replace("PUBLISHED", "RESERVED");
    let message = place.refused("bad/cves.zip", &zip(&[("CVE-2024-0001.json", &broken)]));
    assert_eq!(
        message,
        "`bad/cves.zip`, member `CVE-2024-0001.json`: `CVE-2024-0001` has the state `RESERVED`"
    );
}

#[test]
fn scores_without_comment_or_percentile_are_read() {
    let place = Place::new();
    let paths = [
        place.folder.path().join("good"),
        place.file("epss-2026-07-05-small.csv", b"cve,epss\nCVE-2021-44228,0.5\n"),
    ];
    let summary = place.import(&paths).unwrap();
    let epss = summary.state.sources.iter().find(|source| source.name == "epss").unwrap();
    assert_eq!((epss.records, epss.date.date()), (1, "2026-07-05".to_owned()));
}

#[test]
fn nothing_is_no_feed() {
    let place = Place::new();
    let empty = place.folder.path().join("empty");
    fs::create_dir_all(&empty).unwrap();
    assert!(matches!(place.import(&[empty]), Err(FeedError::Empty { .. })));
    assert!(matches!(place.import(&[]), Err(FeedError::Empty { .. })));
    let missing = place.folder.path().join("missing");
    assert!(matches!(place.import(&[missing]), Err(FeedError::Read { .. })));
    let withdrawn = record("GHSA-a", "2026-07-01T00:00:00Z").replacen(
        '{',
        "{\"withdrawn\":\"2026-07-01T00:00:00Z\",",
        1,
    );
    let only = place.file("withdrawn.json", withdrawn.as_bytes());
    assert!(matches!(
        place.import(&[only]),
        Err(FeedError::Empty { .. } | FeedError::Older { .. })
    ));
}

#[test]
fn folders_may_hold_other_files() {
    let place = Place::new();
    place.file("mixed/notes.md", b"# notes");
    place.file("mixed/schema.json", b"{\"$schema\": \"x\", \"title\": \"y\"}");
    place.file("mixed/.hidden.json", b"{broken");
    place.file("mixed/npm/GHSA-a.json", record("GHSA-a", "2026-07-01T00:00:00Z").as_bytes());
    let summary = place.import(&[place.folder.path().join("mixed")]).unwrap();
    let skipped: Vec<_> = summary.skipped.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(skipped, ["notes.md", "schema.json"]);
    place.file("mixed/broken.json", b"{\"id\": ");
    assert!(matches!(
        place.import(&[place.folder.path().join("mixed")]),
        Err(FeedError::Corrupt { .. })
    ));
}

#[test]
fn older_or_thinner_feeds_do_not_replace_newer_ones() {
    let place = Place::new();
    let older = record("GHSA-a", "2026-05-31T00:00:00Z");
    let message = place.refused("old.json", older.as_bytes());
    assert_eq!(
        message,
        "the import would replace newer data: `osv/npm` is of 2026-05-31T00:00:00Z, in place is 2026-06-02T00:00:00Z"
    );
    let message = place.refused("kev.json", KEV.as_bytes());
    assert!(
        message.contains(
            "`osv/npm` (2 records of 2026-06-02) is in place and not among what was given"
        ),
        "{message}"
    );
    let path = place.file("old.json", older.as_bytes());
    let options = ImportOptions { allow_older: true, ..ImportOptions::default() };
    import(&[path], &place.target(), &options, &mut |_| {}).unwrap();
    assert_ne!(Snapshot::open(&place.target()).unwrap().state().snapshot.to_string(), place.good);
}

#[test]
fn what_is_no_snapshot_is_not_overwritten() {
    let place = Place::new();
    let target = place.file("precious.txt", b"precious");
    let feed = place.file("1.json", record("GHSA-a", "2026-07-01T00:00:00Z").as_bytes());
    let refused = import(&[feed], &target, &ImportOptions::default(), &mut |_| {});
    assert!(matches!(refused, Err(FeedError::Older { .. })));
    assert_eq!(fs::read(target).unwrap(), b"precious");
}

#[test]
fn the_starter_feed_compiles_and_gives_way() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    let summary = starter_feed(&target).unwrap();
    assert!(summary.state.starter);
    assert!(summary.advisories > 100, "{}", summary.advisories);
    let names: Vec<&str> =
        summary.state.sources.iter().map(|source| source.name.as_str()).collect();
    for wanted in [
        "kev",
        "epss",
        "osv/Debian",
        "osv/Alpine",
        "osv/AlmaLinux",
        "osv/PyPI",
        "osv/npm",
        "osv/Maven",
    ] {
        assert!(names.contains(&wanted), "{wanted} is not among {names:?}");
    }
    let digest = summary.state.snapshot;
    assert_eq!(starter_feed(&target).unwrap().state.snapshot, digest);
    // Any imported feed replaces it, and is not replaced by it.
    let feed = folder.path().join("1.json");
    fs::write(&feed, record("GHSA-a", "2020-07-01T00:00:00Z")).unwrap();
    let state = import(&[feed], &target, &ImportOptions::default(), &mut |_| {}).unwrap().state;
    assert!(!state.starter);
    assert!(matches!(starter_feed(&target), Err(FeedError::Older { .. })));
}

#[test]
fn opening_tells_what_is_wrong() {
    let place = Place::new();
    let bytes = fs::read(place.target()).unwrap();
    let open = |bytes: &[u8]| Snapshot::open(&place.file("some", bytes)).unwrap_err();
    assert!(open_missing(&place.folder.path().join("missing")).is_missing());
    assert!(matches!(open(b""), SnapshotError::NotASnapshot { .. }));
    assert!(matches!(open(b"something else"), SnapshotError::NotASnapshot { .. }));
    assert!(matches!(open(&bytes[..9]), SnapshotError::Damaged { .. }));
    assert!(matches!(open(&bytes[..bytes.len() - 1]), SnapshotError::Damaged { .. }));
    for at in (12..bytes.len()).step_by(5) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(matches!(open(&flipped), SnapshotError::Damaged { .. }), "byte {at}");
    }
    let mut newer = bytes;
    newer[8] = 99;
    assert!(matches!(open(&newer), SnapshotError::Format { found: 99, .. }));
}

fn open_missing(path: &Path) -> SnapshotError {
    Snapshot::open(path).unwrap_err()
}

#[test]
fn all_of_the_shared_advisories_compile() {
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/advisories"));
    if !shared.is_dir() {
        println!("skipped: ../shared is not here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    let paths: Vec<PathBuf> =
        ["osv", "kev", "epss", "cve"].iter().map(|part| shared.join(part)).collect();
    let summary = import(&paths, &target, &ImportOptions::default(), &mut |_| {}).unwrap();
    println!(
        "{} advisories, {} entries, {} signals, {} bytes",
        summary.advisories, summary.affected, summary.signals, summary.bytes
    );
    assert_eq!(summary.withdrawn, 309);
    // 137,557 members; what stands in several archives counts once, what is withdrawn not at all.
    assert_eq!(summary.advisories, 136_620);
    let records = |name: &str| {
        summary.state.sources.iter().find(|source| source.name == name).unwrap().records
    };
    // Of 11,269 none is withdrawn; ecosystems without a row of their own are kept.
    assert_eq!(
        (records("osv/Debian"), records("osv/CleanStart"), records("osv/opam")),
        (11_269, 1_982, 26)
    );
    assert_eq!((records("cve"), records("kev")), (44_130, 1_460));
    // Two records of PyPI say that they were modified in July 2027.
    assert_eq!(summary.state.date.date(), "2026-08-22");
    assert!(summary.bytes < 40_000_000);
    let snapshot = Snapshot::open(&target).unwrap();
    assert_eq!(u64::try_from(snapshot.ids().count()).unwrap(), summary.advisories);
    assert!(snapshot.ids().is_sorted());
}
