//! Scans of images that the tests build: what the pipeline promises, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod known;
mod limits;

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use plimsoll_advisory::{MatchContext, Snapshot, starter_feed};
use plimsoll_image::{
    Budget, EntryVisitor, FilePlace, ImageDocuments, LayerEntries, LayerSource, ReadError,
    build::{ImageBuilder, Layer},
    open_path,
};
use plimsoll_model::{Digest, GapReason, Kind, Platform, Report, RiskCounters, Timestamp, Verdict};
use plimsoll_scanner::{LayerCache, NoProgress, ScanOptions, Scanned, scan};

const STATUS: &str = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.9-1\n\n\
    Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
const OS_RELEASE: &str =
    "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";

fn base() -> Layer {
    Layer::builder("ADD rootfs /")
        .file("etc/os-release", OS_RELEASE.as_bytes())
        .file("etc/debian_version", b"12.0\n")
        .file("var/lib/dpkg/status", STATUS.as_bytes())
        .build()
        .unwrap()
}

/// An OCI layout of these layers, opened.
struct Image {
    folder: tempfile::TempDir,
    source: Box<dyn LayerSource + Send>,
}

fn image(layers: &[Layer]) -> Image {
    let folder = tempfile::tempdir().unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let builder = layers.iter().fold(ImageBuilder::new(platform.clone()), ImageBuilder::layer);
    let layout = folder.path().join("layout");
    builder.build().unwrap().write_oci_layout(&layout, "latest").unwrap();
    let source = open_path(&layout, None, &platform, &Budget::default()).unwrap();
    Image { folder, source }
}

fn starter(folder: &tempfile::TempDir) -> Snapshot {
    let path = folder.path().join("starter.snapshot");
    starter_feed(&path).unwrap();
    Snapshot::open(&path).unwrap()
}

fn scan_with(
    source: &dyn LayerSource,
    snapshot: Option<&Snapshot>,
    cache: Option<&LayerCache>,
    threads: usize,
) -> Scanned {
    scan_within(source, snapshot, cache, threads, &Budget::default())
}

fn scan_within(
    source: &dyn LayerSource,
    snapshot: Option<&Snapshot>,
    cache: Option<&LayerCache>,
    threads: usize,
    budget: &Budget,
) -> Scanned {
    let today: Timestamp = "2026-11-25".parse().unwrap();
    let options = ScanOptions {
        snapshot,
        cache,
        budget,
        today,
        threads,
        context: MatchContext::default(),
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
        watch: None,
    };
    scan(source, &options, &NoProgress)
}

/// Counts the layers that are really read, or fails at them.
struct Watched<'a> {
    source: &'a dyn LayerSource,
    read: AtomicUsize,
    hashed: AtomicUsize,
    breaks_off: bool,
}

impl LayerSource for Watched<'_> {
    fn documents(&self) -> &ImageDocuments {
        self.source.documents()
    }

    fn place(&self, index: usize) -> Option<FilePlace> {
        self.source.place(index)
    }

    fn hash_layer(&self, index: usize) -> Option<Digest> {
        self.hashed.fetch_add(1, Ordering::Relaxed);
        self.source.hash_layer(index)
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        if self.breaks_off {
            let source = io::Error::from(io::ErrorKind::ConnectionReset);
            return Err(ReadError::Io { at: format!("layer {index}"), source });
        }
        self.source.read_layer(index, budget, visitor)
    }
}

fn watch(source: &dyn LayerSource) -> Watched<'_> {
    Watched { source, read: AtomicUsize::new(0), hashed: AtomicUsize::new(0), breaks_off: false }
}

fn reasons(report: &Report) -> Vec<GapReason> {
    report.coverage.gaps.iter().map(|gap| gap.reason).collect()
}

#[test]
fn one_cve_in_two_packages_of_a_source_counts_once() {
    let image = image(&[base()]);
    let snapshot = starter(&image.folder);
    let report = scan_with(image.source.as_ref(), Some(&snapshot), None, 1).report;
    let of_cve = report.findings.iter().filter(|finding| finding.id == "CVE-2024-5535").count();
    assert_eq!(of_cve, 2, "one finding for each package");
    let records: std::collections::BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.kind == Kind::Vulnerability)
        .map(|finding| finding.record.as_str())
        .collect();
    assert!(records.contains("debian:12:CVE-2024-5535"));
    assert_eq!(
        usize::try_from(RiskCounters::of(&report).vulnerabilities()).unwrap(),
        records.len()
    );
}

#[test]
fn the_report_does_not_depend_on_threads_or_the_cache() {
    let more: Vec<Layer> = (0..6)
        .map(|number| {
            let path = format!("srv/node_modules/p{number}/package.json");
            let text = format!("{{\"name\": \"p{number}\", \"version\": \"1.0.{number}\"}}");
            Layer::builder("COPY").file(&path, text.as_bytes()).build().unwrap()
        })
        .collect();
    let layers: Vec<Layer> = std::iter::once(base()).chain(more).collect();
    let image = image(&layers);
    let snapshot = starter(&image.folder);
    let cache = LayerCache::open(&image.folder.path().join("layers"), &Budget::default()).unwrap();
    let first = scan_with(image.source.as_ref(), Some(&snapshot), Some(&cache), 1).report;
    assert_eq!(first.packages.len(), 8);
    for threads in [2, 8] {
        let watched = watch(image.source.as_ref());
        assert_eq!(scan_with(&watched, Some(&snapshot), None, threads).report, first);
        assert_eq!(watched.read.into_inner(), 7);
        let watched = watch(image.source.as_ref());
        assert_eq!(scan_with(&watched, Some(&snapshot), Some(&cache), threads).report, first);
        assert_eq!(watched.read.into_inner(), 0, "layers that are known are not read");
    }
}

/// The files of a cache, with what is in them.
fn entries(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let shards = std::fs::read_dir(folder).unwrap().map(|shard| shard.unwrap().path());
    // The key of fingerprints lies beside them.
    let shards = shards.filter(|shard| shard.is_dir());
    let files = shards.flat_map(|shard| std::fs::read_dir(shard).unwrap());
    files
        .map(|file| file.unwrap().path())
        .map(|file| (file.clone(), std::fs::read(file).unwrap()))
        .collect()
}

#[test]
fn a_damaged_cache_entry_counts_as_absent() {
    let image = image(&[base()]);
    let folder = image.folder.path().join("layers");
    let cache = LayerCache::open(&folder, &Budget::default()).unwrap();
    let first = scan_with(image.source.as_ref(), None, Some(&cache), 1).report;
    let entries = entries(&folder);
    let flip = |at: fn(usize) -> usize| {
        move |whole: &[u8]| {
            let mut flipped = whole.to_vec();
            let at = at(whole.len());
            flipped.get_mut(at).map(|byte| *byte ^= 1).unwrap();
            flipped
        }
    };
    type Damage<'d> = &'d dyn Fn(&[u8]) -> Vec<u8>;
    let damages: [Damage<'_>; 7] = [
        &flip(|_| 0),
        &flip(|_| 6),
        &flip(|_| 9),
        &flip(|length| length / 2),
        &flip(|length| length - 1),
        &|whole| whole.iter().take(20).copied().collect(),
        &|_| Vec::new(),
    ];
    for damage in damages {
        for (path, whole) in &entries {
            std::fs::write(path, damage(whole)).unwrap();
        }
        let watched = watch(image.source.as_ref());
        assert_eq!(scan_with(&watched, None, Some(&cache), 1).report, first);
        assert_eq!(watched.read.into_inner(), 1);
    }
    for (path, whole) in entries {
        assert_eq!(std::fs::read(&path).unwrap(), whole, "and is written anew");
    }
}

#[test]
fn a_source_that_breaks_off_is_to_be_tried_again() {
    let image = image(&[base()]);
    let watched = Watched { breaks_off: true, ..watch(image.source.as_ref()) };
    let scanned = scan_with(&watched, None, None, 2);
    assert!(scanned.interrupted.unwrap().contains("layer 0"));
    assert_eq!(scanned.report.coverage.verdict, Verdict::Unreadable);
}

#[test]
fn a_layer_that_is_damaged_makes_the_image_unreadable_and_not_clean() {
    let image = image(&[base()]);
    let digest = image.source.documents().layers.first().unwrap().digest.unwrap();
    let blob = image.folder.path().join("layout/blobs/sha256").join(digest.hex());
    let mut bytes = std::fs::read(&blob).unwrap();
    if let Some(byte) = bytes.last_mut() {
        *byte ^= 1;
    }
    std::fs::write(&blob, bytes).unwrap();
    let scanned = scan_with(image.source.as_ref(), None, None, 1);
    assert_eq!(scanned.report.coverage.verdict, Verdict::Unreadable);
    assert_eq!(scanned.interrupted, None, "trying again would not help");
    assert!(reasons(&scanned.report).contains(&GapReason::UnreadableImage));
}

#[test]
fn a_package_database_behind_links_is_read() {
    let system = Layer::builder("ADD rootfs /")
        .file("etc/os-release", OS_RELEASE.as_bytes())
        .file("opt/hidden/status", STATUS.as_bytes())
        .symlink("var/lib/dpkg", "../../opt/hidden")
        .build()
        .unwrap();
    let image = image(&[system]);
    let watched = watch(image.source.as_ref());
    let report = scan_with(&watched, None, None, 1).report;
    assert_eq!(report.packages.len(), 2, "{:?}", report.coverage);
    assert_eq!(watched.read.into_inner(), 2, "a second pass reads what only the merged tree shows");
}

#[test]
fn without_a_feed_and_with_an_old_one_the_report_says_so() {
    let image = image(&[base()]);
    let report = scan_with(image.source.as_ref(), None, None, 1).report;
    assert!(reasons(&report).contains(&GapReason::FeedMissing));
    assert_eq!(report.coverage.verdict, Verdict::Partial);
    let snapshot = starter(&image.folder);
    let budget = Budget::default();
    let at = |today: &str| {
        let today = today.parse().unwrap();
        let options = ScanOptions {
            snapshot: Some(&snapshot),
            cache: None,
            budget: &budget,
            today,
            threads: 1,
            context: MatchContext::default(),
            kinds: plimsoll_model::Kinds::ALL,
            malware: None,
            watch: None,
        };
        scan(image.source.as_ref(), &options, &NoProgress).report
    };
    let (fresh, stale) = (at("2026-11-25"), at("2027-06-01"));
    assert!(stale.coverage.gaps.len() > fresh.coverage.gaps.len());
    assert_eq!(
        (fresh.findings, fresh.packages),
        (stale.findings, stale.packages),
        "time changes nothing else"
    );
}

/// A folder to which a file comes between the first pass and the second.
struct Growing {
    folder: tempfile::TempDir,
    source: Box<dyn LayerSource + Send>,
    read: AtomicUsize,
}

impl LayerSource for Growing {
    fn documents(&self) -> &ImageDocuments {
        self.source.documents()
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        if self.read.fetch_add(1, Ordering::Relaxed) == 1 {
            std::fs::write(self.folder.path().join("opt/a"), b"new").unwrap();
        }
        self.source.read_layer(index, budget, visitor)
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_changes_between_two_passes_lends_no_file_another_s_content() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("etc/os-release", OS_RELEASE);
    write("opt/b", "Package: wrong\nStatus: install ok installed\nVersion: 1\n");
    write("opt/c", STATUS);
    write("var/lib/dpkg/x", "");
    std::os::unix::fs::symlink("/opt/c", folder.path().join("var/lib/dpkg/status")).unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let source = open_path(folder.path(), None, &platform, &Budget::default()).unwrap();
    let growing = Growing { folder, source, read: AtomicUsize::new(0) };
    let report = scan_with(&growing, None, None, 1).report;
    assert_eq!(report.packages, []);
    assert!(
        report.coverage.gaps.iter().any(|gap| {
            gap.reason == GapReason::UnreadableFile && gap.at == "var/lib/dpkg/status"
        })
    );
}

#[test]
fn a_root_file_system_has_no_configuration_that_could_disagree() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::create_dir_all(root.join("var/lib/dpkg")).unwrap();
    std::fs::write(root.join("etc/os-release"), OS_RELEASE).unwrap();
    std::fs::write(root.join("var/lib/dpkg/status"), STATUS).unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let source = open_path(&root, None, &platform, &Budget::default()).unwrap();
    let report = scan_with(source.as_ref(), None, None, 1).report;
    assert_eq!(report.packages.len(), 2);
    assert_eq!(reasons(&report), [GapReason::FeedMissing]);
}
