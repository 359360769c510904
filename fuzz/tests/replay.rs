//! Replays the committed seeds through the targets: `cargo test --no-default-features --manifest-path fuzz/Cargo.toml`.
//!
//! In: `seeds/<target>/*`, an input per file, and the files of `inspect`'s cases. Out: nothing panics, and every target and every
//! parser has seeds. Odd: each seed is also cut and damaged in a few fixed ways, so that a run without a fuzzer still sees
//! more than what is well formed.

use std::{collections::BTreeSet, fs, path::Path};

use plimsoll_fuzz::{
    FEED_FILES, case_files, check_examples, compare_versions, detect, inflate, judge, look_for_malware, read_claimed,
    read_documents, read_feed,
    read_layer, read_snapshot, read_vex, split_input, starter_snapshot,
};
use plimsoll_inspect::parsers;

fn replay(target: &str, most: usize, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut seeds: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "`{target}` has no seeds");
    for seed in seeds {
        let bytes = fs::read(&seed).unwrap();
        variants(&bytes, most, &run);
    }
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
    replay("vex", 200, read_vex);
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
