use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::build::{Compression, Layer};

fn all(bytes: &[u8], budget: &Budget) -> (Vec<EntryMeta>, Result<(), TarError>, Vec<String>) {
    let mut reader = Reader::new(bytes, budget);
    let mut entries = Vec::new();
    let ended = loop {
        match reader.next_entry() {
            Ok(Some(meta)) => {
                // Holes make files as large as their header says: only some is read.
                let mut some = Vec::new();
                let read = reader.content().take(5000).read_to_end(&mut some);
                entries.push(meta);
                if let Err(error) = read {
                    break Err(error.into());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let (_, anomalies) = reader.finish();
    (entries, ended, anomalies)
}

fn sample() -> Vec<u8> {
    let long = "d/".repeat(200);
    Layer::builder("test")
        .directory("etc", 0o755)
        .file_with("etc/passwd", 0o644, 1 << 22, 5, b"root:x:0:0::/:/bin/sh\n")
        .file(&format!("{long}long"), b"long")
        .symlink("link", &long)
        .hardlink("hard", "etc/passwd")
        .whiteout("gone")
        .compression(Compression::Plain)
        .build()
        .unwrap()
        .bytes()
        .to_vec()
}

#[test]
fn what_the_builder_writes_is_read() {
    let (entries, ended, anomalies) = all(&sample(), &Budget::default());
    assert!(ended.is_ok());
    assert_eq!(anomalies, Vec::<String>::new());
    let kinds: Vec<EntryKind> = entries.iter().map(|meta| meta.kind).collect();
    use EntryKind::{Directory, File, Hardlink, Symlink};
    assert_eq!(kinds, [Directory, File, File, Symlink, Hardlink, File]);
    assert_eq!((entries[1].uid, entries[1].gid, entries[1].size), (1 << 22, 5, 22));
    assert_eq!(entries[2].path.as_bytes().len(), 404);
    assert_eq!(entries[3].link.as_ref().map(Vec::len), Some(400));
    assert_eq!(entries[5].path, TreePath::from(".wh.gone"));
}

#[test]
fn metadata_is_bounded() {
    let archive = sample();
    let small = |change: fn(&mut Budget)| {
        let mut budget = Budget::default();
        change(&mut budget);
        all(&archive, &budget).1
    };
    let limited = small(|budget| budget.max_metadata_bytes = 100);
    assert!(matches!(limited, Err(TarError::Budget(it)) if it.name == "max_metadata_bytes"));
    let limited = small(|budget| budget.max_path_bytes = 100);
    assert!(matches!(limited, Err(TarError::Budget(it)) if it.name == "max_path_bytes"));
}

#[test]
fn anomalies_are_counted_after_a_hundred() {
    // A fifo with a size is odd; this one is repeated.
    let plain = Layer::builder("test").file("f", b"").compression(Compression::Plain);
    let mut block = plain.build().unwrap().bytes()[..512].to_vec();
    block[156] = b'6';
    block[134] = b'1';
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let own: u32 = block[148..156].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{:06o}\0 ", sum - own + 256).as_bytes());
    let archive = block.repeat(250);
    let (entries, ended, anomalies) = all(&archive, &Budget::default());
    assert!(ended.is_ok());
    assert_eq!(entries.len(), 250);
    assert_eq!(anomalies.last().unwrap(), "150 more oddities of the archive");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_archives_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        seals: bool,
        length in any::<prop::sample::Index>(),
        cuts: bool,
    ) {
        let mut archive = sample();
        for (at, value) in changes {
            let at = at.index(archive.len());
            archive[at] = value;
            if seals {
                seal(&mut archive, at / 512 * 512);
            }
        }
        if cuts {
            archive.truncate(length.index(archive.len()));
        }
        let (entries, _, _) = all(&archive, &Budget::default());
        prop_assert!(entries.len() <= archive.len() / 512);
        for meta in entries {
            prop_assert_eq!(&TreePath::clean(meta.path.as_bytes()), &meta.path);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let (entries, ended, _) = all(&bytes, &Budget::default());
        prop_assert!(entries.is_empty() || ended.is_err());
    }
}

/// Makes the checksum of the block right again, so that the change is not refused for it.
fn seal(archive: &mut [u8], start: usize) {
    let block = &mut archive[start..start + 512];
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn capabilities_are_those_of_the_header_before_a_file() {
    let value = [1, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let archive = |value: &[u8]| {
        let layer = Layer::builder("")
            .file_with_capabilities("usr/bin/x", value, b"x")
            .file("usr/bin/y", b"y")
            .compression(Compression::Plain);
        layer.build().unwrap().bytes().to_vec()
    };
    let (entries, ended, anomalies) = all(&archive(&value), &Budget::default());
    assert!(ended.is_ok() && anomalies.is_empty(), "{anomalies:?}");
    let shown = |meta: &EntryMeta| meta.capabilities.map(|it| it.to_string());
    assert_eq!(shown(&entries[0]).as_deref(), Some("cap_setuid=ep"));
    assert_eq!(shown(&entries[1]), None);
    // A runtime that sets this fails; nobody else must.
    let (entries, ended, anomalies) = all(&archive(&value[1..]), &Budget::default());
    assert!(ended.is_ok());
    assert_eq!((entries.len(), shown(&entries[0])), (2, None));
    assert!(anomalies[0].contains("capabilities that the kernel refuses"), "{anomalies:?}");
}
