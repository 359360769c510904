//! Databases that are written here by the format's description.

use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::paths::fingerprint;

/// Values in the making; offsets count from the start, the root's word stands at four.
struct Writer(Vec<u8>);

impl Writer {
    fn new() -> Self {
        Self(vec![0; 8])
    }

    fn blob(&mut self, bytes: &[u8]) -> u32 {
        let at = u32::try_from(self.0.len()).unwrap();
        let kind = if bytes.len() < 256 {
            self.0.push(u8::try_from(bytes.len()).unwrap());
            0x8
        } else {
            self.0.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            0xa
        };
        self.0.extend(bytes);
        kind << 28 | at
    }

    fn list(&mut self, kind: u32, words: &[u32]) -> u32 {
        let at = u32::try_from(self.0.len()).unwrap();
        self.0.extend((u32::try_from(words.len()).unwrap() + 1).to_le_bytes());
        self.0.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        kind << 28 | at
    }

    fn finish(mut self, root: u32) -> Vec<u8> {
        self.0[4..8].copy_from_slice(&root.to_le_bytes());
        let mut block = (u32::try_from(self.0.len()).unwrap() + 4).to_le_bytes().to_vec();
        block.extend(self.0);
        block.resize(block.len().next_multiple_of(8), 0);
        block
    }
}

const OBJECT: u32 = 0xe;
const ARRAY: u32 = 0xd;

fn package(name: &str, version: &str, folder: &str, file: &str) -> Vec<u8> {
    let mut writer = Writer::new();
    let [name, version, folder, file, architecture, origin] =
        [name, version, folder, file, "x86_64", "origin"].map(|text| writer.blob(text.as_bytes()));
    let info = writer.list(OBJECT, &[name, version, 0, 0, architecture, 0, origin]);
    let file = writer.list(OBJECT, &[file]);
    let files = writer.list(ARRAY, &[file]);
    let folder = writer.list(OBJECT, &[folder, 0, files]);
    let paths = writer.list(ARRAY, &[folder]);
    let root = writer.list(OBJECT, &[info, paths]);
    writer.finish(root)
}

fn database(packages: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new();
    let words: Vec<u32> = packages.iter().map(|package| writer.blob(package)).collect();
    let packages = writer.list(ARRAY, &words);
    let root = writer.list(OBJECT, &[packages]);
    [b"ADB.idb\0".to_vec(), writer.finish(root)].concat()
}

fn sample() -> Vec<u8> {
    database(&[
        package("openssl", "3.5.0-r0", "usr/bin", "openssl"),
        package("musl", "1.2.5-r10", "lib", "ld-musl-x86_64.so.1"),
    ])
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn all_ways_of_compression_say_the_same() {
    let plain = sample();
    let wanted = parse(&plain).unwrap();
    let packages: Vec<_> =
        wanted.packages.iter().map(|it| (it.name.as_str(), it.version.as_str())).collect();
    assert_eq!(packages, [("openssl", "3.5.0-r0"), ("musl", "1.2.5-r10")]);
    assert_eq!(wanted.packages[0].source.as_ref().unwrap().name, "origin");
    assert_eq!(wanted.packages[0].architecture, "x86_64");
    let file = fingerprint(b"usr/bin/openssl");
    assert!(wanted.owned.contains(&file) && wanted.witnesses.contains(&(0, file)));
    for (start, bytes) in [
        (&b"ADBd"[..], deflated(&plain)),
        (b"ADBc\x01\x09", deflated(&plain)),
        (b"ADBc\x02\x03", zstd::encode_all(&*plain, 3).unwrap()),
        (b"ADBc\x00\x01", plain.clone()),
    ] {
        assert_eq!(parse(&[start, &bytes].concat()).unwrap(), wanted, "{start:?}");
    }
}

#[test]
fn a_bomb_is_too_large() {
    let zeros = deflated(&vec![0; 257 << 20]);
    let error = parse(&[b"ADBd", &*zeros].concat()).unwrap_err();
    assert!(matches!(error, ParseError::TooLarge { .. }), "{error}");
}

#[test]
fn one_package_a_million_times_ends() {
    let mut writer = Writer::new();
    let package = writer.blob(&package("a", "1-r0", "usr/bin", &"b".repeat(255)));
    let packages = writer.list(ARRAY, &vec![package; 1_000_000]);
    let root = writer.list(OBJECT, &[packages]);
    let facts = parse(&[b"ADB.idb\0".to_vec(), writer.finish(root)].concat()).unwrap();
    let is_budget = |problem: &Problem| problem.detail.contains("limit of");
    assert!(facts.problems.iter().any(is_budget), "{:?}", facts.problems);
}

#[test]
fn what_is_no_database_is_an_error() {
    for bytes in
        [&b""[..], b"ADB.", b"ADB.pckg", b"ADB.idb\0", b"ADBx", b"ADB.idb\0\x08\0\0\0\0\0\0\0"]
    {
        assert!(parse(bytes).is_err(), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn damaged_databases_do_not_panic(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
        let mut bytes = sample();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        drop(parse(&bytes));
    }
}
