//! Bombs: few bytes that ask for much time or memory.
//!
//! In: a list of them. Out: each is read within 256 MiB, and what was not read is said with its limit. Odd: most are made of
//! pieces that are packed once and repeated, since making them at full length would take longer than reading them.

use std::time::{Duration, Instant};

use plimsoll_image::{Compression, Layer};

use super::{Site, contents, is_full, write_layout, zip_bomb};

/// MiB that a scan of a bomb may take.
const MEMORY_MIB: u64 = 256;

/// A bomb: its name, its layer's blob, and a word that some gap must have.
pub(super) struct Bomb {
    pub(super) name: &'static str,
    pub(super) layer: Vec<u8>,
    pub(super) says: &'static str,
}

/// The length or number that a bomb has here.
pub(super) fn zeros(full: usize) -> usize {
    if is_full() { full } else { full / 32 }
}

pub(super) fn packed(bytes: Vec<u8>, compression: Compression) -> Vec<u8> {
    Layer::from_archive("", bytes, compression).unwrap().bytes().to_vec()
}

/// A ustar header; `size` may exceed what eleven octal digits hold, and is then written in base 256.
pub(super) fn header(name: &str, typeflag: u8, size: u64) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..124].copy_from_slice(b"0000000\x000000000\0");
    header[124..136].copy_from_slice(&[&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = typeflag;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn entry(name: &str, typeflag: u8, data: &[u8]) -> Vec<u8> {
    let mut entry = header(name, typeflag, data.len() as u64);
    entry.extend_from_slice(data);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

/// An entry whose data is `length` bytes of `byte`, packed in members of 64 MiB behind each other.
fn long_entry(head: Vec<u8>, byte: u8, length: usize, compression: Compression) -> Vec<u8> {
    const PIECE: usize = 64 << 20;
    let piece = packed(vec![byte; PIECE], compression);
    let mut blob = packed(head, compression);
    for _ in 0..length / PIECE {
        blob.extend_from_slice(&piece);
    }
    blob.extend(packed(vec![0; 1_024], compression));
    blob
}

fn one_file(path: &str, bytes: &[u8]) -> Vec<u8> {
    Layer::builder("").file(path, bytes).build().unwrap().bytes().to_vec()
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let digits = (rest + rest.to_string().len()).to_string().len();
        data.extend(format!("{} {key}={value}\n", rest + digits).into_bytes());
    }
    entry("pax", b'x', &data)
}

/// XZ whose one block asks for a dictionary of 4 GiB (xz-file-format 1.0.4, 3.1; LZMA2's dictionary size 40).
fn xz_with_a_large_dictionary() -> Vec<u8> {
    let mut blob = b"\xfd7zXZ\0\0\x01".to_vec();
    blob.extend(crc32(&[0, 1]).to_le_bytes());
    let block = [2, 0, 0x21, 1, 40, 0, 0, 0];
    blob.extend(block);
    blob.extend(crc32(&block).to_le_bytes());
    blob.extend([1, 0xff, 0xff, 0xff]);
    blob.resize(4_096, 0);
    blob
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |mut sum, byte| {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
        sum
    })
}

fn bombs() -> Vec<Bomb> {
    let zero_length = zeros(10 << 30);
    let name_length = zeros(1 << 30);
    let file = |compression| {
        long_entry(header("srv/zeros", b'0', zero_length as u64), 0, zero_length, compression)
    };
    let sparse = [
        pax(&[
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", "var/lib/dpkg/status"),
            ("GNU.sparse.realsize", "9223372036854775807"),
        ]),
        entry("GNUSparseFile.0/status", b'0', &[b"1\n0\n1\n".as_slice(), &[0; 506], b"x"].concat()),
        vec![0; 1_024],
    ];
    let attributes: String = (0..zeros(800_000)).map(|number| format!(" a{number}=\"\"")).collect();
    let xml = format!(
        "<?xml version=\"1.0\"?><bom xmlns=\"http://cyclonedx.org/schema/bom/1.5\"{attributes}></bom>"
    );
    let deep_json = [
        br#"{"bomFormat":"CycloneDX","specVersion":"1.5","x":"#.as_slice(),
        &vec![b'['; zeros(32_000_000)],
    ];
    let laughs: String = (1..40)
        .map(|number| {
            format!("a{number}: &a{number} [{}]\n", format!("*a{}, ", number - 1).repeat(9))
        })
        .collect();
    let laughs = format!("lockfileVersion: '9.0'\na0: &a0 [x, x]\n{laughs}packages: *a39\n");
    let long_names = {
        let record = pax(&[("path", &"p/".repeat(2_000))]);
        let piece = packed([record, entry("x", b'0', b"")].concat().repeat(500), Compression::Gzip);
        let mut blob = piece.repeat(if is_full() { 400 } else { 2 });
        blob.extend(packed(vec![0; 1_024], Compression::Gzip));
        blob
    };
    vec![
        Bomb { name: "gzip of zeros", layer: file(Compression::Gzip), says: "max_ratio" },
        Bomb { name: "zstd of zeros", layer: file(Compression::Zstd), says: "max_ratio" },
        Bomb {
            name: "a long GNU name",
            layer: long_entry(
                header("././@LongLink", b'L', name_length as u64),
                b'n',
                name_length,
                Compression::Gzip,
            ),
            says: "max_metadata_bytes",
        },
        Bomb {
            name: "long extended headers",
            layer: long_entry(
                header("pax", b'x', name_length as u64),
                b'1',
                name_length,
                Compression::Gzip,
            ),
            says: "max_metadata_bytes",
        },
        Bomb {
            name: "a sparse file of 8 EiB",
            layer: packed(sparse.concat(), Compression::Gzip),
            says: "var/lib/dpkg/status",
        },
        Bomb {
            name: "zstd with a window of 2 GiB",
            layer: [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0].to_vec(),
            says: "unreadable",
        },
        Bomb {
            name: "xz with a dictionary of 4 GiB",
            layer: xz_with_a_large_dictionary(),
            says: "xz",
        },
        Bomb {
            name: "a zip whose entries overlap",
            layer: one_file("srv/overlap.jar", &zip_bomb::overlapping(1_000, 64 << 20)),
            says: "srv/overlap.jar",
        },
        Bomb {
            name: "jars in jars",
            layer: one_file(
                "srv/nested.jar",
                &zip_bomb::nested(if is_full() { 4_000 } else { 200 }),
            ),
            says: "max_archive_depth",
        },
        Bomb {
            name: "a jar of zeros",
            layer: one_file("srv/zeros.jar", &zip_bomb::zeros(zeros(8 << 30))),
            says: "srv/zeros.jar",
        },
        Bomb {
            name: "XML with many attributes",
            layer: one_file("srv/bom.xml", xml.as_bytes()),
            // It is read to its end, so nothing is missing.
            says: "",
        },
        Bomb {
            name: "JSON that is nested deep",
            layer: one_file("srv/bom.cdx.json", &deep_json.concat()),
            says: "srv/bom.cdx.json",
        },
        Bomb {
            name: "YAML that multiplies",
            layer: one_file("srv/pnpm-lock.yaml", laughs.as_bytes()),
            says: "srv/pnpm-lock.yaml",
        },
        Bomb {
            name: "many long names",
            layer: long_names,
            says: if is_full() { "max_names_bytes" } else { "stands twice" },
        },
    ]
}

#[test]
fn bombs_end_early_and_are_said() {
    end_early_and_are_said(bombs(), Duration::from_secs(5), "");
}

#[test]
fn files_made_to_hurt_their_readers_end_early_and_are_said() {
    end_early_and_are_said(contents::bombs(), Duration::from_secs(5), "");
}

/// A check of passwords may take ten seconds (`docs/semantics.md`), and starting takes some, too.
#[test]
fn password_hashes_that_cost_much_end_and_are_said() {
    end_early_and_are_said(contents::hashes(), Duration::from_secs(12), "");
}

/// Its rules may look at a file for a minute (`docs/malware.md`), but not at many.
#[test]
fn a_pack_of_rules_that_never_end_ends_and_is_said() {
    let (bombs, time) = (vec![contents::scripts()], Duration::from_secs(100));
    end_early_and_are_said(if is_full() { bombs } else { Vec::new() }, time, contents::ENDLESS);
}

/// `rules` are those of a user's pack, if any.
fn end_early_and_are_said(bombs: Vec<Bomb>, most: Duration, rules: &str) {
    let site = Site::new();
    let layout = site.path("layout");
    if !rules.is_empty() {
        std::fs::create_dir_all(site.path("data/rules/own")).unwrap();
        std::fs::write(site.path("data/rules/own/rules.yar"), rules).unwrap();
    }
    let mut failures = Vec::new();
    for Bomb { name, layer, says } in bombs {
        write_layout(&layout, &[layer], &mut |_, _| {});
        let started = Instant::now();
        let ending = if is_full() {
            site.scan_watched(&layout, MEMORY_MIB)
        } else {
            site.scan(&layout, MEMORY_MIB)
        };
        let (elapsed, gaps) = (started.elapsed(), ending.gaps());
        std::fs::remove_dir_all(&layout).unwrap();
        let (verdict, peak) = (ending.verdict(), ending.peak_mib);
        println!("{name}: {:.2} s, {peak} MiB, {verdict}", elapsed.as_secs_f64());
        let is_said = gaps.iter().any(|gap| gap.contains(says));
        let is_in_time = !is_full() || elapsed < most;
        let is_small = peak <= MEMORY_MIB;
        let is_partial = matches!(verdict, "PARTIAL" | "UNREADABLE");
        if let Some(harm) = ending.harm() {
            failures.push(format!("{name}: {harm}"));
        } else if !(is_said && is_in_time && is_small && is_partial) {
            failures.push(format!("{name}: {verdict} after {elapsed:?}, {peak} MiB: {gaps:#?}"));
        }
    }
    site.assert_untouched();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
