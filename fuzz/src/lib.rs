//! What the fuzz targets do with their bytes, in one place, so that the committed seeds are replayed by a plain test too.
//!
//! In: any bytes. Out: nothing; what breaks a promise panics. Odd: formats that are told apart by their path are read under
//! a path of theirs, through the same claim and the same guard-free parse as in a scan.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use plimsoll_advisory::{
    ImportOptions, MatchContext, Snapshot, compare, import, match_packages, starter_feed,
};
use plimsoll_image::{
    Budget, EntryKind, EntryMeta, LayerDescriptor, Tree, TreePath, parse_config, parse_manifest,
    read_blob,
};
use plimsoll_inspect::{ClaimedFile, parsers};
use plimsoll_model::{Ecosystem, Package, Scheme};
use plimsoll_native::inflate::{Inflater, Input, Output, SLACK, Stop, WINDOW};

/// A path for each format that is told by its path.
pub const CLAIMED: &[&str] = &[
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/base",
    "var/lib/dpkg/status.d/base.md5sums",
    "var/lib/dpkg/info/base.list",
    "lib/apk/db/installed",
    "usr/lib/python3/site-packages/a.dist-info/METADATA",
    "usr/lib/python3/site-packages/a.egg-info",
    "app/node_modules/a/package.json",
    "etc/os-release",
    "etc/debian_version",
    "etc/passwd",
    "etc/ssh/sshd_config",
    "opt/tool/package.json",
    "var/lib/rpmmanifest/container-manifest-2",
    "srv/go.mod",
    "srv/go.sum",
    "srv/Cargo.lock",
    "usr/lib/ruby/gems/3.1.0/specifications/rack-2.2.8.gemspec",
    "srv/Gemfile.lock",
    "srv/vendor/composer/installed.json",
    "srv/composer.lock",
    "usr/share/php/.registry/a.reg",
    "app/lib/cowboy-2.9.0/ebin/cowboy.app",
    "srv/mix.lock",
    "srv/rebar.lock",
    "srv/pubspec.lock",
    "srv/Package.resolved",
    "srv/Podfile.lock",
    "srv/conan.lock",
    "root/.conan/data/zlib/1.2.11/_/_/package/0/conaninfo.txt",
    "opt/vcpkg/installed/vcpkg/status",
    "usr/lib/ghc/package.conf.d/a.conf",
    "srv/stack.yaml.lock",
    "srv/cabal.project.freeze",
    "root/.opam/x/.opam-switch/switch-state",
    "root/.opam/x/.opam-switch/packages/a.1/opam",
    "usr/lib/R/library/a/DESCRIPTION",
    "srv/renv.lock",
    "root/.julia/packages/A/b/Project.toml",
    "srv/Manifest.toml",
    "usr/local/lib/luarocks/rocks-5.1/a/1-1/a-1-1.rockspec",
    "usr/local/lib/luarocks/rocks-5.1/manifest",
    "usr/local/lib/perl5/.meta/a-1/install.json",
    "usr/local/lib/perl5/perllocal.pod",
    "srv/cpanfile.snapshot",
    "srv/wp-includes/version.php",
    "srv/wp-content/plugins/a/a.php",
    "usr/share/bottlerocket/application-inventory.json",
    "var/lib/pacman/local/a-1-1/desc",
    "var/lib/pacman/local/a-1-1/files",
    "var/db/pkg/dev-libs/a-1/CONTENTS",
    "usr/lib/opkg/status",
    "usr/lib/opkg/info/a.list",
    "usr/local/Cellar/a/1/INSTALL_RECEIPT.json",
    "meta/snap.yaml",
    "var/lib/flatpak/app/a/x86_64/stable/0/deploy",
    "var/lib/chisel/manifest.wall",
    "opt/java/release",
    "srv/gradle.lockfile",
    "app/a.deps.json",
    "usr/share/dotnet/shared/a/8.0.1/a.deps.json",
    "srv/packages.lock.json",
    "srv/packages.config",
    "srv/obj/project.assets.json",
    "opt/conda/conda-meta/a-1-0.json",
    "usr/lib/python3/site-packages/a.dist-info/RECORD",
    "opt/tool.pex",
    "srv/main.js.LICENSE.txt",
    "srv/main.js.map",
];

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

/// Parses a file with every parser that claims the path.
///
/// # Panics
/// When a parser keeps more than it read, or a nameless package.
pub fn read_claimed(path: &str, bytes: &[u8]) {
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
    };
    let budget = budget();
    let mut claims = 0;
    for parser in parsers() {
        if parser.claims(path.as_bytes(), &meta).is_none() {
            continue;
        }
        claims += 1;
        let file = ClaimedFile::new(&path, bytes, &budget);
        if let Ok(facts) = parser.parse(&file) {
            assert!(facts.owned.len() <= bytes.len());
            assert!(facts.problems.len() <= 1_000, "{} problems", facts.problems.len());
            for package in facts.packages {
                assert!(!package.name.is_empty() && !package.version.is_empty());
            }
        }
    }
    assert!(claims > 0, "no parser claims the path");
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

/// Opens the bytes as a snapshot, after making format and checksum fit, and matches packages with it.
pub fn read_snapshot(bytes: &[u8]) {
    let mut sealed = b"PLIMSNP\n\x01\0\0\0\0\0\0\0".to_vec();
    sealed.extend(bytes.get(16..).unwrap_or_default());
    let checksum = crc32fast::hash(&sealed[16..]);
    sealed[12..16].copy_from_slice(&checksum.to_le_bytes());
    let path = folder().join("snapshot");
    std::fs::write(&path, &sealed).expect("a temporary file");
    if let Ok(snapshot) = Snapshot::open(&path) {
        let _state = snapshot.state();
        let _counts = (snapshot.counts(), snapshot.digest_is_right(), snapshot.ids().count());
        let _matched = match_packages(&packages(), &snapshot, &MatchContext::default());
    }
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
