//! What is known of an image need not be read again, and what changed is not taken for known.

use std::{fs, path::Path, sync::atomic::Ordering};

use plimsoll_advisory::MatchContext;
use plimsoll_image::{
    Budget, LayerSource,
    build::{Compression, ImageBuilder, Layer},
    open_path,
};
use plimsoll_model::{GapReason, Platform, Report, Verdict};
use plimsoll_scanner::{LayerCache, NoProgress, ScanOptions, scan};

use super::{OS_RELEASE, STATUS, Watched, watch};

/// Long after any file of a test was made: its times can be relied on.
const LATER: &str = "2100-01-01";
/// Before any file of a test was made: it may change again without its times showing it.
const TOO_EARLY: &str = "2000-01-01";

fn layers(version: &str) -> [Layer; 2] {
    let base = Layer::builder("ADD rootfs /")
        .file("etc/os-release", OS_RELEASE.as_bytes())
        .file("var/lib/dpkg/status", STATUS.as_bytes())
        .build();
    let text = format!("{{\"name\": \"app\", \"version\": \"{version}\"}}");
    let app = Layer::builder("COPY").file("srv/node_modules/app/package.json", text.as_bytes());
    [base.unwrap(), app.build().unwrap()]
}

fn builder(version: &str) -> ImageBuilder {
    layers(version).iter().fold(ImageBuilder::new(platform()), ImageBuilder::layer)
}

fn platform() -> Platform {
    "linux/amd64".parse().unwrap()
}

fn open(path: &Path) -> Box<dyn LayerSource + Send> {
    open_path(path, None, &platform(), &Budget::default()).unwrap()
}

/// Scans; also tells how many layers were read and how many hashed.
fn scan_at(
    today: &str,
    source: &dyn LayerSource,
    cache: &LayerCache,
    budget: &Budget,
) -> (Report, usize, usize) {
    let watched = watch(source);
    let options = ScanOptions {
        snapshot: None,
        cache: Some(cache),
        budget,
        today: today.parse().unwrap(),
        threads: 2,
        context: MatchContext::default(),
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
        watch: None,
    };
    let report = scan(&watched, &options, &NoProgress).report;
    let Watched { read, hashed, .. } = watched;
    (report, read.load(Ordering::Relaxed), hashed.load(Ordering::Relaxed))
}

struct Scans {
    cache: LayerCache,
    budget: Budget,
    folder: tempfile::TempDir,
}

impl Scans {
    fn new(budget: Budget) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::open(&folder.path().join("known"), &budget).unwrap();
        Self { cache, budget, folder }
    }

    fn scan(&self, today: &str, path: &Path) -> (Report, usize, usize) {
        scan_at(today, &*open(path), &self.cache, &self.budget)
    }
}

/// Writes other bytes of the same length into a file, with its modification time set back.
fn change(file: &Path, at: usize) {
    let before = file.metadata().unwrap().modified().unwrap();
    let mut bytes = fs::read(file).unwrap();
    *bytes.get_mut(at).unwrap() ^= 1;
    fs::write(file, bytes).unwrap();
    fs::File::options().write(true).open(file).unwrap().set_modified(before).unwrap();
}

#[test]
fn a_layout_s_file_is_trusted_while_it_does_not_change() {
    let scans = Scans::new(Budget::default());
    let layout = scans.folder.path().join("layout");
    builder("1.0.0").build().unwrap().write_oci_layout(&layout, "latest").unwrap();
    let (first, read, hashed) = scans.scan(LATER, &layout);
    assert_eq!((read, hashed, first.packages.len()), (2, 0, 3));
    assert_eq!(scans.scan(LATER, &layout), (first.clone(), 0, 0));
    // Another file with the same bytes is hashed once, and not read.
    let blob = layout.join("blobs/sha256").join(layers("1.0.0")[1].digest().hex());
    let bytes = fs::read(&blob).unwrap();
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, &bytes).unwrap();
    assert_eq!(scans.scan(LATER, &layout), (first.clone(), 0, 1));
    assert_eq!(scans.scan(LATER, &layout), (first, 0, 0));
    // Bytes that were changed behind the file's name.
    change(&blob, 40);
    let (report, read, _) = scans.scan(LATER, &layout);
    assert_eq!((report.coverage.verdict, read), (Verdict::Unreadable, 1));
    // And back: what was known of the bytes is still right.
    change(&blob, 40);
    let (report, read, hashed) = scans.scan(LATER, &layout);
    assert_eq!((report.packages.len(), read, hashed), (3, 0, 1));
}

#[test]
fn a_file_that_changed_a_moment_ago_is_not_trusted() {
    let scans = Scans::new(Budget::default());
    let layout = scans.folder.path().join("layout");
    builder("1.0.0").build().unwrap().write_oci_layout(&layout, "latest").unwrap();
    let (first, read, _) = scans.scan(TOO_EARLY, &layout);
    assert_eq!(read, 2);
    for _ in 0..2 {
        assert_eq!(scans.scan(TOO_EARLY, &layout), (first.clone(), 0, 2), "hashed each time");
    }
}

#[test]
fn an_archive_is_trusted_while_it_does_not_change() {
    let scans = Scans::new(Budget::default());
    let archive = scans.folder.path().join("app.tar");
    let write = |version: &str| {
        builder(version).build().unwrap().write_docker_archive(&archive, "team/app:1").unwrap();
    };
    write("1.0.0");
    let (first, read, _) = scans.scan(LATER, &archive);
    assert_eq!((read, first.packages.len()), (2, 3));
    assert_eq!(scans.scan(LATER, &archive), (first, 0, 0));
    // The base layer is the same, wherever in the archive it lies.
    write("1.0.1");
    let (report, read, _) = scans.scan(LATER, &archive);
    assert_eq!(read, 1, "only the layer that is new");
    assert!(report.packages.iter().any(|package| package.version == "1.0.1"));
    // A member that is no longer what the configuration says.
    let bytes = fs::read(&archive).unwrap();
    let word = b"Version: 3.0.9-1";
    let at = bytes.windows(word.len()).position(|window| window == word).unwrap();
    change(&archive, at + 9);
    let (report, _, _) = scans.scan(LATER, &archive);
    assert_eq!(report.coverage.verdict, Verdict::Unreadable);
}

#[test]
fn a_single_tar_is_trusted_while_it_does_not_change() {
    let scans = Scans::new(Budget::default());
    let tar = scans.folder.path().join("rootfs.tar");
    let layer = Layer::builder("rootfs")
        .file("etc/os-release", OS_RELEASE.as_bytes())
        .file("var/lib/dpkg/status", STATUS.as_bytes())
        .compression(Compression::Plain)
        .build()
        .unwrap();
    fs::write(&tar, layer.bytes()).unwrap();
    let (first, read, _) = scans.scan(LATER, &tar);
    assert_eq!((read, first.packages.len()), (1, 2));
    assert_eq!(scans.scan(LATER, &tar), (first, 0, 0));
    let word = b"Version: 3.0.9-1";
    let at = layer.bytes().windows(word.len()).position(|window| window == word).unwrap();
    change(&tar, at + 9);
    let (changed, read, _) = scans.scan(LATER, &tar);
    assert_eq!(read, 1);
    assert!(changed.packages.iter().any(|package| package.version == "2.0.9-1"));
}

#[test]
fn an_image_that_shares_layers_costs_those_that_are_new() {
    let scans = Scans::new(Budget::default());
    let (one, two) = (scans.folder.path().join("one"), scans.folder.path().join("two"));
    builder("1.0.0").build().unwrap().write_oci_layout(&one, "latest").unwrap();
    builder("2.0.0").build().unwrap().write_oci_layout(&two, "latest").unwrap();
    assert_eq!(scans.scan(LATER, &one).1, 2);
    let (report, read, hashed) = scans.scan(LATER, &two);
    assert_eq!((report.packages.len(), read, hashed), (3, 1, 1));
}

#[test]
fn another_configuration_is_another_image() {
    let scans = Scans::new(Budget::default());
    let (one, two) = (scans.folder.path().join("one"), scans.folder.path().join("two"));
    builder("1.0.0").build().unwrap().write_oci_layout(&one, "latest").unwrap();
    let secret = builder("1.0.0").env("MYSQL_ROOT_PASSWORD", "root").build().unwrap();
    secret.write_oci_layout(&two, "latest").unwrap();
    let (first, ..) = scans.scan(LATER, &one);
    for _ in 0..2 {
        let (second, read, _) = scans.scan(LATER, &two);
        assert_eq!(read, 0);
        assert_ne!(second.findings, first.findings);
        assert_eq!(scans.scan(LATER, &one), (first.clone(), 0, 0));
    }
}

#[test]
fn what_was_read_within_other_limits_is_read_again() {
    let scans = Scans::new(Budget::default());
    let layout = scans.folder.path().join("layout");
    builder("1.0.0").build().unwrap().write_oci_layout(&layout, "latest").unwrap();
    let (first, ..) = scans.scan(LATER, &layout);
    let small = Budget { max_claimed_file_bytes: 10, ..Budget::default() };
    let cache = LayerCache::open(&scans.folder.path().join("known"), &small).unwrap();
    let (report, read, _) = scan_at(LATER, &*open(&layout), &cache, &small);
    assert_eq!((read, report.packages.len()), (2, 0));
    assert!(report.coverage.gaps.iter().any(|gap| gap.reason == GapReason::BudgetReached));
    assert_eq!(scans.scan(LATER, &layout), (first, 0, 0), "and the other way round");
}

#[test]
fn a_layout_s_diff_ids_are_verified_when_asked_for() {
    let stated = |verify_diff_ids| {
        let budget = Budget { verify_diff_ids, ..Budget::default() };
        let scans = Scans::new(budget);
        let layout = scans.folder.path().join("layout");
        let other = layers("2.0.0");
        let [base, app] = layers("1.0.0");
        // The configuration speaks of another layer than the manifest names.
        let image = ImageBuilder::new(platform()).layer(&base).layer(&app).build().unwrap();
        image.write_oci_layout(&layout, "latest").unwrap();
        restate(&layout, &app.diff_id().to_string(), &other[1].diff_id().to_string());
        let reports = [LATER, LATER].map(|today| scans.scan(today, &layout).0);
        assert_eq!(reports[0], reports[1]);
        let gaps = &reports[0].coverage.gaps;
        assert_eq!(reports[0].packages.len(), 3, "what the blobs hold is what runs");
        gaps.iter().filter(|gap| gap.reason == GapReason::Anomaly).count()
    };
    assert_eq!((stated(false), stated(true)), (0, 1));
}

/// Puts one word for another in a layout's configuration, and all digests and sizes right again.
fn restate(layout: &Path, word: &str, other: &str) {
    let blobs = layout.join("blobs/sha256");
    let mut document = layout.join("index.json");
    let mut chain = vec![document.clone()];
    for key in ["/manifests/0/digest", "/config/digest"] {
        let value: serde_json::Value =
            serde_json::from_slice(&fs::read(&document).unwrap()).unwrap();
        let digest = value.pointer(key).unwrap().as_str().unwrap();
        document = blobs.join(digest.strip_prefix("sha256:").unwrap());
        chain.push(document.clone());
    }
    let (mut word, mut other) = (word.to_owned(), other.to_owned());
    for path in chain.into_iter().rev() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(&word));
        let text = text.replace(&word, &other);
        if path.ends_with("index.json") {
            fs::write(path, text).unwrap();
            return;
        }
        let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        word = path.file_name().unwrap().to_str().unwrap().to_owned();
        fs::write(blobs.join(&hex), text).unwrap();
        other = hex;
    }
}
