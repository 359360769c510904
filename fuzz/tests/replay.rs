//! Replays the committed seeds through the targets: `cargo test --manifest-path fuzz/Cargo.toml`, on any toolchain.
//!
//! In: `seeds/<target>/*`, an input per file. Out: nothing panics, and every target has seeds. Odd: each seed is also cut and
//! damaged in a few fixed ways, so that a run without a fuzzer still sees more than what is well formed.

use std::{fs, path::Path};

use plimsoll_fuzz::{
    CLAIMED, FEED_FILES, compare_versions, inflate, read_claimed, read_documents, read_feed,
    read_layer, read_snapshot, starter_snapshot,
};

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
fn claimed_files() {
    replay("parsers", 50, |bytes| {
        if let Some((choice, bytes)) = bytes.split_first() {
            read_claimed(CLAIMED[usize::from(*choice) % CLAIMED.len()], bytes);
        }
    });
}

#[test]
fn rpm_databases() {
    replay("rpm", 300, |bytes| read_claimed("var/lib/rpm/rpmdb.sqlite", bytes));
}

#[test]
fn jars() {
    replay("jar", 50, |bytes| read_claimed("app/lib/log4j-core-2.14.1.jar", bytes));
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
    replay("snapshot", 50, read_snapshot);
    let starter = starter_snapshot();
    assert!(starter.len() > 64);
    variants(&starter, 30, &|bytes: &[u8]| read_snapshot(bytes));
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
