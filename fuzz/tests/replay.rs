//! Replays the committed seeds through the targets: `cargo test --no-default-features --manifest-path fuzz/Cargo.toml`.
//!
//! In: `seeds/<target>/*`, an input per file, and the files of `inspect`'s cases. Out: nothing panics, and every target and every
//! parser has seeds. Odd: each seed is also cut and damaged in a few fixed ways, so that a run without a fuzzer still sees
//! more than what is well formed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use plimsoll_fuzz::{
    FEED_FILES, TEXTS, case_files, check_examples, compare_versions, detect, entry_of_layer,
    inflate, judge, look_for_malware, read_archive, read_bundle, read_cache_entry, read_claimed,
    read_contents, read_documents, read_feed, read_layer, read_snapshot, read_text, read_vex,
    small_image, sound_bundles, split_input, starter_snapshot,
};
use plimsoll_inspect::parsers;

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let seeds = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read(&path).unwrap())
    };
    let mut seeds: Vec<_> = seeds.map(read).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "`{target}` has no seeds");
    seeds
}

fn replay(target: &str, most: usize, run: impl Fn(&[u8])) {
    for (_, bytes) in seeds(target) {
        variants(&bytes, most, &run);
    }
}

/// Replays, after seeing that each seed is what it looks like: one that is refused at once tries nothing.
fn replay_sound(target: &str, most: usize, run: impl Fn(&[u8]) -> bool) {
    for (name, bytes) in seeds(target) {
        assert!(run(&bytes), "`{target}/{name}` is refused");
    }
    replay(target, most, |bytes| _ = run(bytes));
}

/// The bytes, cut in half, and with single bytes set to values that lengths and counts go wrong with.
fn variants(bytes: &[u8], most: usize, run: &impl Fn(&[u8])) {
    run(bytes);
    run(&bytes[..bytes.len() / 2]);
    let step = (bytes.len() / most).max(1);
    for at in (0..bytes.len()).step_by(step) {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = bytes.to_vec();
            damaged[at] = value;
            run(&damaged);
        }
    }
}

#[test]
fn layers() {
    replay("layer", 20, read_layer);
}

#[test]
fn deflate_data() {
    replay("inflate", 300, inflate);
}

#[test]
fn documents() {
    replay("documents", 200, read_documents);
}

#[test]
fn malicious_files() {
    replay("malware", 60, look_for_malware);
}

#[test]
fn vex_documents() {
    replay("vex", 200, |bytes| _ = read_vex(bytes));
}

#[test]
fn archives_of_images() {
    replay_sound("archive", 60, read_archive);
}

#[test]
fn tables_of_contents() {
    replay_sound("contents", 300, read_contents);
}

#[test]
fn cache_entries() {
    replay("cache", 300, |bytes| _ = read_cache_entry(bytes));
    for (name, blob) in seeds("layer").into_iter().filter(|(name, _)| !name.starts_with("sparse")) {
        let entry = entry_of_layer(&blob);
        assert!(read_cache_entry(&entry), "{name}");
        variants(&entry, 60, &|bytes: &[u8]| _ = read_cache_entry(bytes));
    }
}

#[test]
fn texts() {
    replay_sound("texts", 100, read_text);
    let read: BTreeSet<u8> = seeds("texts").iter().map(|(_, bytes)| bytes[0] % TEXTS).collect();
    assert_eq!(read.len(), usize::from(TEXTS), "a kind of text has no seed");
}

#[test]
fn bundles() {
    replay("bundle", 60, |bytes| _ = read_bundle(bytes));
    for (place, bundle) in sound_bundles().iter().enumerate() {
        assert!(read_bundle(bundle), "sound bundle {place} is refused");
        variants(bundle, 40, &|bytes: &[u8]| _ = read_bundle(bytes));
    }
}

#[test]
fn claimed_files() {
    let mut read = BTreeSet::new();
    for (path, bytes) in case_files() {
        read.extend(read_claimed(&path, &bytes));
        variants(&bytes, 5, &|bytes: &[u8]| drop(read_claimed(&path, bytes)));
    }
    let unread: Vec<&str> =
        parsers().iter().map(|parser| parser.id()).filter(|id| !read.contains(id)).collect();
    // The Nix store is read from the names of folders.
    assert!(unread.iter().all(|id| *id == "nix"), "no case has a file for {unread:?}");
}

#[test]
fn checked_files() {
    let inputs = check_examples();
    assert!(inputs.len() > 200, "{}", inputs.len());
    for (path, bytes) in inputs {
        variants(&bytes, 3, &|bytes: &[u8]| judge(&path, bytes));
    }
}

#[test]
fn detected_files() {
    let shown = |input: &[u8]| {
        if let Some((path, bytes)) = split_input(input) {
            drop(detect(path, bytes));
        }
    };
    replay("detectors", 40, shown);
    for (path, bytes) in case_files() {
        drop(detect(&path, &bytes));
    }
}

/// `cargo test corpus -- --ignored`: where `cargo fuzz run parsers` begins.
#[test]
#[ignore = "writes the corpus of a fuzzer"]
fn corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/parsers");
    fs::create_dir_all(&folder).unwrap();
    for (number, (path, bytes)) in case_files().into_iter().enumerate() {
        let input = [path.as_bytes(), b"\n", &bytes].concat();
        fs::write(folder.join(format!("case-{number}")), input).unwrap();
    }
}

/// `cargo test small_seeds -- --ignored`: what the seeds of archives, bundles and cache entries were made with.
#[test]
#[ignore = "writes seeds anew"]
fn small_seeds() {
    let folder = |target: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        fs::create_dir_all(&folder).unwrap();
        folder
    };
    for (place, bundle) in sound_bundles().into_iter().enumerate() {
        fs::write(folder("bundle").join(["file", "full", "difference"][place]), bundle).unwrap();
    }
    let image = small_image();
    image.write_docker_archive(&folder("archive").join("docker"), "a:1").unwrap();
    for (name, blob) in seeds("layer").into_iter().filter(|(name, _)| name.starts_with("pax")) {
        fs::write(folder("cache").join(name), entry_of_layer(&blob)).unwrap();
    }
}

#[test]
fn rpm_databases() {
    replay("rpm", 300, |bytes| drop(read_claimed("var/lib/rpm/rpmdb.sqlite", bytes)));
}

#[test]
fn jars() {
    replay("jar", 50, |bytes| drop(read_claimed("app/lib/log4j-core-2.14.1.jar", bytes)));
}

#[test]
fn programs() {
    replay("program", 300, |bytes| {
        if bytes.len() >= 64 {
            read_claimed("opt/tool/plugin.so", bytes);
        }
    });
}

#[test]
fn feeds() {
    replay("feeds", 5, |bytes| {
        if let Some((choice, bytes)) = bytes.split_first() {
            read_feed(FEED_FILES[usize::from(*choice) % FEED_FILES.len()], bytes);
        }
    });
}

#[test]
fn snapshots() {
    replay("snapshot", 50, |bytes| {
        read_snapshot(bytes);
    });
    let starter = starter_snapshot();
    assert!(read_snapshot(&starter), "what is sound opens, or nothing behind the head is tried");
    variants(&starter, 30, &|bytes: &[u8]| {
        read_snapshot(bytes);
    });
}

#[test]
fn versions() {
    replay("versions", 50, |bytes| {
        if let Some((choice, bytes)) = bytes.split_first() {
            let text = String::from_utf8_lossy(bytes);
            let (a, b) = text.split_once(['\0', ' ']).unwrap_or((&text, ""));
            compare_versions(*choice, a, b);
        }
    });
}

#[test]
fn pod_lists() {
    replay("pods", 100, |bytes| {
        let _list = plimsoll_cluster::parse_pod_list(bytes);
    });
}
