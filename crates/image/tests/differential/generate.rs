//! Images made from a number.
//!
//! In: a number. Out: an OCI layout in a folder; the same number always gives the same image. Odd: three of four images
//! are ordinary but for their links and whiteouts, the rest have odd headers and framings as well; few names, so that
//! layers meet each other.

use std::{fs, io::Write, path::Path};

use ring::digest::{SHA256, digest};

use crate::archive::{Entry, end};

/// `splitmix64`: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in `one_in`.
    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

pub(crate) fn write_image(number: u64, folder: &Path) {
    let mut random = Random(number.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x1234_5678);
    let is_odd = random.chance(4);
    let layers = 1 + random.below(4);
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let keep = |bytes: &[u8]| {
        let hex: String =
            digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(blobs.join(&hex), bytes).unwrap();
        format!("sha256:{hex}")
    };
    let (mut descriptors, mut diff_ids) = (Vec::new(), Vec::new());
    for _ in 0..layers {
        let archive = archive(&mut random, is_odd);
        let hex: String =
            digest(&SHA256, &archive).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        diff_ids.push(format!("sha256:{hex}"));
        let (media_type, blob) = framed(&mut random, &archive, is_odd);
        descriptors.push(serde_json::json!({
            "mediaType": media_type, "digest": keep(&blob), "size": blob.len()
        }));
    }
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}
    });
    let config = serde_json::to_vec(&config).unwrap();
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": keep(&config), "size": config.len()},
        "layers": descriptors
    });
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": keep(&manifest), "size": manifest.len()}]
    });
    fs::write(folder.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    fs::write(folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn archive(random: &mut Random, is_odd: bool) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut written: Vec<Entry> = Vec::new();
    for number in 0..1 + random.below(12) {
        if is_odd && random.chance(12) {
            global_header(random, &mut archive);
        }
        let mut entry = entry(random, number, &written);
        // A marker that stands twice says nothing new, yet makes podman refuse the layer.
        if is_refused(&entry, &written) && (is_marker(&entry.name) || !random.chance(20)) {
            continue;
        }
        if is_odd && random.chance(3) {
            distort(random, &mut entry);
        }
        entry.write(&mut archive);
        written.push(entry);
        if is_odd && random.chance(40) {
            archive.resize(archive.len() + 512, 0);
        }
    }
    match random.below(if is_odd { 12 } else { 1 }) {
        1 => {}
        2 => archive.resize(archive.len() + 512, 0),
        3 => {
            end(&mut archive);
            archive.extend_from_slice(b"behind the end");
        }
        4 => {
            end(&mut archive);
            archive.resize(archive.len().next_multiple_of(10_240), 0);
        }
        _ => end(&mut archive),
    }
    archive
}

fn is_marker(name: &[u8]) -> bool {
    name.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.starts_with(b".wh."))
}

/// What no runtime unpacks, and would make most random images worthless: a name twice, a name below what is no directory,
/// a hardlink to what is no file of the layer.
fn is_refused(entry: &Entry, written: &[Entry]) -> bool {
    let plain = |name: &[u8]| name.strip_suffix(b"/").unwrap_or(name).to_vec();
    let name = plain(&entry.name);
    written.iter().any(|other| {
        let other_name = plain(&other.name);
        let is_below = name.strip_prefix(&*other_name).is_some_and(|rest| rest.starts_with(b"/"))
            || other_name.strip_prefix(&*name).is_some_and(|rest| rest.starts_with(b"/"));
        other_name == name || is_below && !matches!(other.typeflag, b'5' | b'2')
    }) || entry.typeflag == b'1'
        && !written.iter().any(|other| other.name == entry.link && matches!(other.typeflag, b'0'))
}

fn path(random: &mut Random) -> Vec<u8> {
    let mut path = Vec::new();
    for depth in 0..1 + random.below(3) {
        if depth > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(
            random
                .pick(&[
                    "a",
                    "b",
                    "c",
                    "d",
                    "etc",
                    "lib",
                    "long-name-of-a-directory-that-goes-on-and-on-and-on-x",
                ])
                .as_bytes(),
        );
    }
    path
}

fn entry(random: &mut Random, number: u64, written: &[Entry]) -> Entry {
    let mut entry = Entry { name: path(random), mode: 0o644, ..Entry::default() };
    match random.below(100) {
        0..=41 => {
            entry.typeflag = b'0';
            entry.mode = random.pick(&[0o644, 0o755, 0o600, 0o4755, 0o2711, 0o000]);
            entry.data = format!("{number}:{}", random.below(1_000_000)).into_bytes();
            if random.chance(10) {
                entry.data.resize(usize::try_from(random.below(2_000)).unwrap(), b'x');
            }
        }
        42..=57 => {
            entry.typeflag = b'5';
            entry.mode = random.pick(&[0o755, 0o700, 0o1777, 0o555]);
            if random.chance(2) {
                entry.name.push(b'/');
            }
        }
        58..=71 => {
            entry.typeflag = b'2';
            entry.mode = 0o777;
            entry.link = match random.below(6) {
                0 => [b"/".as_slice(), &path(random)].concat(),
                1 => [b"../".as_slice(), &path(random)].concat(),
                2 => b"..".to_vec(),
                3 => entry.name.clone(),
                _ => path(random),
            };
        }
        72..=80 => {
            entry.typeflag = b'1';
            // Podman sets a hardlink's mode only where the name as written leads somewhere.
            let clean: Vec<&Entry> =
                written.iter().filter(|other| !other.name.starts_with(b"x/")).collect();
            entry.link = if clean.is_empty() || random.chance(5) {
                path(random)
            } else {
                clean[usize::try_from(random.below(clean.len() as u64)).unwrap()].name.clone()
            };
        }
        81..=90 => {
            entry.typeflag = b'0';
            let at = entry.name.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
            entry.name.splice(at..at, *b".wh.");
        }
        91..=95 => {
            entry.typeflag = b'0';
            entry.name.extend_from_slice(b"/.wh..wh..opq");
        }
        _ => entry.typeflag = b'6',
    }
    entry
}

/// Makes an entry say what it says in an odd way, or lie.
fn distort(random: &mut Random, entry: &mut Entry) {
    match random.below(26) {
        0 => entry.name = [b"./".as_slice(), &entry.name].concat(),
        1 => entry.name = [b"/".as_slice(), &entry.name].concat(),
        2 => entry.name = [b"x/../".as_slice(), &entry.name].concat(),
        3 => entry.name = [b"../../".as_slice(), &entry.name].concat(),
        4 => entry.name = [&entry.name, b"//".as_slice()].concat(),
        5 => entry.name.extend_from_slice(&[0xff, 0xfe]),
        6 => entry.name.extend_from_slice(b" with space\\and\ttab"),
        7 => entry.data = b"data of what has none".to_vec(),
        8 => entry.stated_size = Some(entry.data.len() as u64 + 512),
        9 => entry.records.push(("path", path(random))),
        10 => entry.records.push(("linkpath", path(random))),
        11 => entry.records.push(("size", entry.data.len().to_string().into_bytes())),
        12 => entry.records.extend([("path", path(random)), ("path", path(random))]),
        13 => entry.records.push(("path", b"a\nb/c".to_vec())),
        14 => entry.records.push(("path", b"a\0b".to_vec())),
        15 => entry.records.push(("path", Vec::new())),
        16 => {
            entry.name = [b"n".repeat(120), b"/".to_vec(), entry.name.clone()].concat();
            entry.gnu_long = true;
        }
        17 => {
            entry.name = [b"p".repeat(60), b"/".to_vec(), entry.name.clone()].concat();
            entry.split_prefix = true;
        }
        18 => (entry.old_magic, entry.split_prefix) = (true, true),
        19 => entry.base_256 = true,
        20 => entry.typeflag = 0,
        21 => entry.typeflag = b'7',
        22 => entry.typeflag = random.pick(b"AXZ9DMVN"),
        23 => {
            entry.records.push(("SCHILY.xattr.user.note", b"text".to_vec()));
            entry.records.push(("mtime", b"1700000000.5".to_vec()));
        }
        24 => entry.records.push(("size", (entry.data.len() + 100).to_string().into_bytes())),
        _ => sparse(entry),
    }
}

/// A file in PAX's sparse format 1.0: the map stands before the data.
fn sparse(entry: &mut Entry) {
    if entry.typeflag != b'0' || entry.data.is_empty() {
        return;
    }
    let (real, piece) = (entry.data.len() + 700, entry.data.clone());
    let mut data = format!("1\n600\n{}\n", piece.len()).into_bytes();
    data.resize(512, 0);
    data.extend_from_slice(&piece);
    entry.records.extend([
        ("GNU.sparse.major", b"1".to_vec()),
        ("GNU.sparse.minor", b"0".to_vec()),
        ("GNU.sparse.name", entry.name.clone()),
        ("GNU.sparse.realsize", real.to_string().into_bytes()),
    ]);
    entry.name = b"GNUSparseFile.0/file".to_vec();
    entry.data = data;
}

fn global_header(random: &mut Random, archive: &mut Vec<u8>) {
    let key = random.pick(&["comment", "path", "linkpath"]);
    let data = crate::archive::record(key, &path(random));
    let header =
        Entry { name: b"pax_global_header".to_vec(), typeflag: b'g', data, ..Entry::default() };
    header.write(archive);
}

fn framed(random: &mut Random, archive: &[u8], is_odd: bool) -> (&'static str, Vec<u8>) {
    const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
    const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    let cut = usize::try_from(random.below(archive.len().max(1) as u64)).unwrap();
    let (first, second) = archive.split_at(cut);
    match random.below(if is_odd { 9 } else { 3 }) {
        0 => (GZIP, gzip(archive)),
        1 => (ZSTD, zstd::encode_all(archive, 3).unwrap()),
        2 => (PLAIN, archive.to_vec()),
        3 => (GZIP, [gzip(first), gzip(second)].concat()),
        4 => {
            let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'a', b'b', b'c'].to_vec();
            let [first, second] = [first, second].map(|part| zstd::encode_all(part, 3).unwrap());
            (ZSTD, [first, skipped, second].concat())
        }
        5 => (GZIP, archive.to_vec()),
        6 => (PLAIN, gzip(archive)),
        7 => (GZIP, [gzip(archive), b"trailing".to_vec()].concat()),
        _ => {
            let mut cut = gzip(archive);
            cut.truncate(cut.len() - 4);
            (GZIP, cut)
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
