//! What the fuzz targets do with their bytes, in one place, so that the committed seeds are replayed by a plain test too.
//!
//! In: any bytes. Out: nothing; what breaks a promise panics. Odd: formats are told apart by their path, so an input for parsers is a
//! path, a line feed and the file's bytes. Seeds of parsers are the files of `inspect`'s cases: a format that has a case is
//! fuzzed, and one that has none fails a test here. What `registry` and `server` read of headers, queries and forms is not here, since
//! these crates bring half of the network along: properties beside those parsers hold them.

mod bundle;
mod images;
mod texts;

pub use bundle::{read_bundle, sound_bundles};
pub use images::{entry_of_layer, read_archive, read_cache_entry, read_contents, small_image};
pub use texts::{TEXTS, read_text};

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use plimsoll_advisory::{
    ImportOptions, MatchContext, Snapshot, compare, import, match_packages, starter_feed,
    vex::{About, Document, Image, ImagePlace},
};
use plimsoll_image::{
    Budget, Compression, EntryKind, EntryMeta, ImageDocuments, Layer, LayerDescriptor, Tree,
    TreePath, parse_config, parse_manifest, read_blob,
};
use plimsoll_inspect::{
    AllowList, ClaimedFile, Content, FileDigest, FileFacts, FingerprintKey, HEAD, HashLists,
    Interest, LayerInspector, MaliciousLevel, Malware, PassingFile, Terms, VirusType, Want, checks,
    detectors, hash_formats, inspect_image, look_at_file, parsers, unread_claims,
};
use plimsoll_model::{Digest, Ecosystem, Finding, Package, Scheme};
use plimsoll_native::inflate::{Inflater, Input, Output, SLACK, Stop, WINDOW};
use plimsoll_yara::Rules;

/// A name for each kind of feed file.
pub const FEED_FILES: &[&str] = &["CVE-2021-44228.json", "kev.json", "epss.csv"];

/// Limits as in a scan, but small enough for a fuzzer's memory.
fn budget() -> Budget {
    Budget {
        max_unpacked_bytes: 64 << 20,
        max_nested_bytes: 64 << 20,
        max_entries: 100_000,
        ..Budget::default()
    }
}

/// Shows a file to every detector, in pieces whose length its path decides, and says what they keep of it.
///
/// # Panics
/// When the length of pieces changes what is found, or a secret is kept.
pub fn detect(path: &str, bytes: &[u8]) -> Vec<FileFacts> {
    let few = detect_in_pieces(path, bytes, 1 + path.len() % 61);
    let all = detect_in_pieces(path, bytes, 64 << 10);
    assert_eq!(few, all);
    for secrets in all.iter().filter_map(|facts| facts.secrets.as_deref()) {
        for hit in &secrets.hits {
            assert!(hit.masked.chars().count() <= 7, "{}", hit.rule);
            assert!(hit.offset.saturating_add(hit.length) <= bytes.len() as u64, "{}", hit.rule);
        }
    }
    all
}

fn detect_in_pieces(path: &str, bytes: &[u8], piece: usize) -> Vec<FileFacts> {
    let budget = budget();
    let key = FingerprintKey::new([7; 32]);
    let path = TreePath::from(path);
    let meta = EntryMeta {
        path: path.clone(),
        kind: EntryKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: bytes.len() as u64,
        mtime: 0,
        link: None,
        capabilities: None,
    };
    let head = &bytes[..bytes.len().min(HEAD)];
    let mut facts = Vec::new();
    for detector in detectors() {
        let mut look = detector.begin_layer(Terms {
            budget: &budget,
            kinds: plimsoll_model::Kinds::ALL,
            malware: None,
            fingerprints: Some(&key),
        });
        let interest = look.begin(&PassingFile { path: &path, meta: &meta, head });
        if interest == Interest::Nothing {
            continue;
        }
        if matches!(interest, Interest::Stream | Interest::StreamAndWhole { .. }) {
            bytes.chunks(piece).for_each(|bytes| look.piece(bytes));
        }
        let whole = matches!(interest, Interest::Whole { .. } | Interest::StreamAndWhole { .. });
        facts.push(look.end(whole.then(|| Ok(Content::of_bytes(bytes)))));
    }
    facts
}

/// Splits an input for parsers: a path, a line feed, a file.
#[must_use]
pub fn split_input(input: &[u8]) -> Option<(&str, &[u8])> {
    let at = input.iter().position(|byte| *byte == b'\n')?;
    let path = std::str::from_utf8(&input[..at]).ok().filter(|path| !path.is_empty())?;
    Some((path, &input[at + 1..]))
}

/// Parses a file with every parser that claims the path, and says which did.
///
/// # Panics
/// When a parser keeps more than it read, or a nameless package.
pub fn read_claimed(path: &str, bytes: &[u8]) -> Vec<&'static str> {
    let path = TreePath::from(path);
    let meta = EntryMeta {
        path: path.clone(),
        kind: EntryKind::File,
        mode: 0o755,
        uid: 0,
        gid: 0,
        size: bytes.len() as u64,
        mtime: 0,
        link: None,
        capabilities: None,
    };
    let budget = budget();
    let mut claims = Vec::new();
    for parser in parsers() {
        let part = match parser.claims(path.as_bytes(), &meta) {
            None => continue,
            Some(Want::Whole { limit } | Want::Program { limit }) if bytes.len() as u64 > limit => {
                continue;
            }
            Some(Want::Whole { .. } | Want::Program { .. }) => bytes,
            Some(Want::Head { limit }) => head(bytes, limit),
            Some(Want::Seekable { head: limit, .. }) => {
                let head = head(bytes, limit);
                if parser.wants_rest(path.as_bytes(), head) { bytes } else { head }
            }
        };
        claims.push(parser.id());
        let file = ClaimedFile::new(&path, part, &budget);
        if let Ok(facts) = parser.parse(&file) {
            assert!(facts.owned.len() <= bytes.len(), "{}", parser.id());
            let problems = facts.problems.len();
            assert!(problems <= 1_000, "{}: {problems} problems", parser.id());
            for package in facts.packages {
                let is_named = !package.name.is_empty() && !package.version.is_empty();
                assert!(is_named, "{}: {package:?}", parser.id());
            }
        }
    }
    claims
}

/// Judges an image that holds one file, every program that checks ask for, and nothing else, with every check. The path
/// `history` stands for a step of the build.
///
/// # Panics
/// When a finding has no evidence, or more than a finding may have.
pub fn judge(path: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let history = if path == "history" { &*text } else { "" };
    let config = serde_json::json!({
        "config": {"Env": ["JPDA_ADDRESS=*:1"]},
        "history": [{"created_by": history}],
    });
    let mut layer = Layer::builder("fuzz").compression(Compression::Plain);
    for program in checks().iter().flat_map(|check| check.programs()).chain(&["sshd", "apache2"]) {
        layer = layer.file_with(&format!("usr/sbin/{program}"), 0o755, 0, 0, b"");
    }
    let layer = layer.file_with(path, 0o644, 0, 0, bytes).build();
    let (Ok(layer), Ok(config)) = (layer, parse_config(config.to_string().as_bytes())) else {
        return;
    };
    let budget = budget();
    let mut inspector = LayerInspector::new(&budget);
    let descriptor =
        LayerDescriptor { digest: None, media_type: String::new(), size: 0, diff_id: None };
    let Ok(entries) = read_blob(&mut layer.bytes(), &descriptor, &budget, &mut inspector) else {
        return;
    };
    let facts = vec![inspector.finish(entries)];
    let (tree, _) = Tree::merge(facts.iter().map(|facts| &facts.entries));
    let documents = ImageDocuments {
        name: "fuzz".to_owned(),
        source_kind: "oci-layout",
        manifest: None,
        manifest_digest: None,
        config: Vec::new(),
        config_digest: Some(Digest::from_bytes([1; 32])),
        layers: vec![LayerDescriptor::default()],
        platform: None,
        total_size: 0,
    };
    let links = unread_claims(&tree, &facts);
    let inspection =
        inspect_image(&tree, &facts, &links, &documents, &config, plimsoll_model::Kinds::ALL, None);
    for finding in &inspection.findings {
        let count = finding.evidence.len();
        assert!((1..=20).contains(&count), "{}: {count}", finding.id);
        for evidence in &finding.evidence {
            assert!(evidence.detail.chars().count() < 1_000, "{}: {}", finding.id, evidence.detail);
        }
    }
}

/// The files and steps of the checks' own examples, as inputs of [`judge`].
#[must_use]
pub fn check_examples() -> Vec<(String, Vec<u8>)> {
    let examples = || checks().iter().flat_map(|check| check.examples());
    let files = examples().flat_map(|example| example.files).map(|(path, text)| {
        let path = path.split(' ').next().unwrap_or(path);
        (path.to_owned(), text.as_bytes().to_vec())
    });
    let steps = examples().flat_map(|example| example.history);
    let steps = steps.map(|step| ("history".to_owned(), step.as_bytes().to_vec()));
    let mut inputs: Vec<_> = files.filter(|(_, text)| !text.is_empty()).chain(steps).collect();
    inputs.sort();
    inputs.dedup();
    inputs
}

fn head(bytes: &[u8], limit: u64) -> &[u8] {
    let length = usize::try_from(limit).map_or(bytes.len(), |limit| limit.min(bytes.len()));
    &bytes[..length]
}

/// The files of `inspect`'s cases: a path inside of an image, and its bytes.
///
/// # Panics
/// When the cases cannot be read.
#[must_use]
pub fn case_files() -> Vec<(String, Vec<u8>)> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/inspect/tests/cases");
    let mut files = Vec::new();
    // Group, case, and a layer's folder stand before the path.
    for layer in
        folders(&cases).iter().flat_map(|group| folders(group)).flat_map(|case| folders(&case))
    {
        let mut left = vec![layer.clone()];
        while let Some(folder) = left.pop() {
            left.extend(folders(&folder));
            for file in entries(&folder).into_iter().filter(|path| path.is_file()) {
                let path = file.strip_prefix(&layer).expect("a path below").to_string_lossy();
                files.push((path.into_owned(), std::fs::read(&file).expect("a case's file")));
            }
        }
    }
    files.sort();
    files.dedup();
    files
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of cases");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// Unpacks, walks and merges a layer's blob.
///
/// # Panics
/// When the merged tree holds more than the archive can.
pub fn read_layer(bytes: &[u8]) {
    let descriptor =
        LayerDescriptor { digest: None, media_type: String::new(), size: 0, diff_id: None };
    if let Ok(entries) = read_blob(&mut &*bytes, &descriptor, &budget(), &mut ()) {
        let (tree, _) = Tree::merge(&[entries.clone(), entries]);
        let unpacked = 64 << 20;
        assert!(tree.walk().count() <= unpacked / 512 * 2_048);
    }
}

/// Inflates raw deflate data, as bytes and as numbers for unknown ones, and holds it against what zlib makes of it.
///
/// # Panics
/// When the two do not agree.
pub fn inflate(bytes: &[u8]) {
    const MOST: usize = 1 << 20;
    let mut theirs = Vec::with_capacity(MOST);
    let mut zlib = flate2::Decompress::new(false);
    let status = zlib.decompress_vec(bytes, &mut theirs, flate2::FlushDecompress::Finish);
    let is_whole = matches!(status, Ok(flate2::Status::StreamEnd));
    if theirs.len() == MOST {
        return;
    }
    let mut ours = vec![0_u8; MOST + SLACK];
    let mut input = Input { bytes, bit: 0, is_whole: true };
    let mut output = Output { units: ours.as_mut_slice(), at: 0, floor: 0 };
    let stopped = Inflater::new().run(&mut input, &mut output, usize::MAX);
    assert_eq!(stopped == Ok(Stop::End), is_whole, "{stopped:?}, {status:?}");
    if is_whole {
        assert!(output.units[..output.at] == theirs[..]);
        assert_eq!(input.bit.div_ceil(8) as u64, zlib.total_in());
    }
    let mut units: Vec<u16> = (0x8000..=u16::MAX).take(WINDOW).collect();
    units.resize(WINDOW + MOST + SLACK, 0);
    let mut input = Input { bytes, bit: 0, is_whole: true };
    let mut output = Output { units: units.as_mut_slice(), at: WINDOW, floor: 0 };
    let stopped = Inflater::new().run(&mut input, &mut output, usize::MAX);
    if is_whole {
        assert_eq!(stopped, Ok(Stop::End));
        let units = &output.units[WINDOW..output.at];
        assert!(units.iter().map(|unit| *unit as u8).eq(theirs.iter().copied()));
    }
}

/// Parses the bytes as each of an image's documents.
pub fn read_documents(bytes: &[u8]) {
    let _manifest = parse_manifest(bytes, None);
    let _config = parse_config(bytes);
}

/// Compares two versions there and back.
///
/// # Panics
/// When the answers contradict each other.
pub fn compare_versions(choice: u8, a: &str, b: &str) {
    let scheme = Scheme::ALL[usize::from(choice) % Scheme::ALL.len()];
    if let (Ok(there), Ok(back)) = (compare(scheme, a, b), compare(scheme, b, a)) {
        assert_eq!(there, back.reverse());
    }
    if let Ok(same) = compare(scheme, a, a) {
        assert!(same.is_eq());
    }
}

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("plimsoll-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files");
        folder
    })
}

fn packages() -> Vec<Package> {
    let package = |ecosystem: &str, release: Option<&str>, name: &str, version: &str| Package {
        ecosystem: Ecosystem::named(ecosystem),
        release: release.map(str::to_owned),
        name: name.to_owned(),
        version: version.to_owned(),
        source: None,
        purl: format!("pkg:generic/{name}@{version}"),
        locations: Vec::new(),
        found_by: "fuzz".to_owned(),
        extra: std::collections::BTreeMap::new(),
    };
    vec![
        package("Debian", Some("12"), "openssl", "3.0.1-1"),
        package("Alpine", Some("v3.18"), "openssl", "3.1.0-r0"),
        package("Maven", None, "org.apache.logging.log4j:log4j-core", "2.14.1"),
        package("npm", None, "lodash", "4.17.4"),
        package("PyPI", None, "django", "2.0"),
        package("PyPI", None, "a", "1"),
    ]
}

/// Opens the bytes as a snapshot, after making format and checksum fit, and matches packages with it. Whether it opened.
pub fn read_snapshot(bytes: &[u8]) -> bool {
    static HEAD: OnceLock<Vec<u8>> = OnceLock::new();
    let mut sealed = HEAD.get_or_init(|| starter_snapshot()[..16].to_vec()).clone();
    sealed.extend(bytes.get(16..).unwrap_or_default());
    let checksum = crc32fast::hash(&sealed[16..]);
    sealed[12..16].copy_from_slice(&checksum.to_le_bytes());
    let path = folder().join("snapshot");
    std::fs::write(&path, &sealed).expect("a temporary file");
    let Ok(snapshot) = Snapshot::open(&path) else { return false };
    let _state = snapshot.state();
    let _counts = (snapshot.counts(), snapshot.digest_is_right(), snapshot.ids().count());
    let _matched = match_packages(&packages(), &snapshot, &MatchContext::default());
    let starter = starter_snapshot_opened();
    let _changes = (snapshot.changes_since(starter), starter.changes_since(&snapshot));
    true
}

/// A sound snapshot to hold others against.
fn starter_snapshot_opened() -> &'static Snapshot {
    static STARTER: OnceLock<Snapshot> = OnceLock::new();
    STARTER.get_or_init(|| {
        let path = folder().join("starter-to-compare");
        starter_feed(&path).expect("the starter feed");
        Snapshot::open(&path).expect("the starter feed opens")
    })
}

/// The starter feed's snapshot: a seed for [`read_snapshot`].
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn starter_snapshot() -> Vec<u8> {
    let path = folder().join("starter");
    starter_feed(&path).expect("the starter feed");
    std::fs::read(&path).expect("the starter feed's file")
}

/// Reads a VEX document, asks it about every package, and makes ignore rules of it. Whether it is one.
///
/// # Panics
/// When a rule names no vulnerability, has no reason or no author, or holds where the user did not say.
pub fn read_vex(bytes: &[u8]) -> bool {
    let Ok(document) = Document::read(bytes) else { return false };
    let packages = packages();
    let (image, kept) = (Image::default(), starter_findings());
    for package in &packages {
        let about = About { image: &image, package, packages: &packages, is_attached: true };
        for finding in kept {
            let _views = document.views("vex", finding, &about).count();
        }
    }
    let image = Digest::from_bytes([1; 32]);
    let places = [ImagePlace::Image(image), ImagePlace::Repositories(vec!["team/*".to_owned()])];
    let without = document.rules("fuzz", None, None);
    for made in places.iter().map(|place| document.rules("fuzz", Some("a"), Some(place))) {
        assert!(made.rules.len() >= without.rules.len());
        assert!(made.rules.iter().all(|rule| rule.author == "a"));
    }
    assert!(without.rules.len() <= 10_000 && without.left_out.len() <= 1_000);
    for rule in &without.rules {
        assert!(!rule.vulnerability.trim().is_empty(), "{rule:?}");
        assert!(!rule.reason.is_empty() && !rule.author.is_empty(), "{rule:?}");
    }
    true
}

/// Findings to hold documents against.
fn starter_findings() -> &'static [Finding] {
    static FINDINGS: OnceLock<Vec<Finding>> = OnceLock::new();
    FINDINGS.get_or_init(|| {
        match_packages(&packages(), starter_snapshot_opened(), &MatchContext::default()).findings
    })
}

/// Imports one document, and matches packages with what became of it.
///
/// # Panics
/// When an import that succeeded wrote a snapshot that cannot be opened.
pub fn read_feed(name: &str, bytes: &[u8]) {
    let path = folder().join(name);
    std::fs::write(&path, bytes).expect("a temporary file");
    let target = folder().join("imported");
    let _none_there = std::fs::remove_file(&target);
    let options = ImportOptions { allow_older: true, starter: false };
    if import(&[path], &target, &options, &mut |_| {}).is_ok() {
        let snapshot = Snapshot::open(&target).expect("what was imported opens");
        let _matched = match_packages(&packages(), &snapshot, &MatchContext::default());
    }
}

/// Looks at a file for whatever is malicious of it; and reads it as a list of digests of every format, and as an allow-list.
///
/// # Panics
/// When a list has more entries than lines, or does not find what it lists.
pub fn look_for_malware(input: &[u8]) {
    static MALWARE: OnceLock<Malware> = OnceLock::new();
    let malware =
        MALWARE.get_or_init(|| Rules::embedded().open().expect("the rules that come along"));
    if let Some((path, bytes)) = split_input(input) {
        let facts =
            look_at_file(malware, &TreePath::from(path), Content::of_bytes(bytes), &budget());
        assert!(facts.malware.is_none_or(|found| found.hits.len() <= 100));
    }
    let _ = AllowList::default().add(&String::from_utf8_lossy(input));
    for format in hash_formats() {
        let mut lists = HashLists::default();
        lists.add("fuzz", *format, input, MaliciousLevel::Serious, VirusType::Malware);
        assert!(lists.len() <= input.split(|byte| *byte == b'\n').count());
        if let Some(digest) = std::str::from_utf8(input.get(..64).unwrap_or_default())
            .ok()
            .and_then(FileDigest::parse)
        {
            let _ = lists.find(digest, 0);
        }
    }
}
