//! Damaged images, made from a number.
//!
//! In: the files of the package formats' cases as layers, and a number. Out: an image that is damaged in one of several places; its
//! scan ends with a verdict or an error, and with nothing else. Odd: the number alone makes the image again
//! (`PLIMSOLL_DAMAGE=NUMBER` scans that one, and leaves it under `target/tmp`).

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use plimsoll_image::{Compression, Layer, LayerBuilder};

use super::{Site, is_full, write_layout};
use crate::support::root;

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

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

/// A layer's files: path and bytes.
type Files = Vec<(String, Vec<u8>)>;

/// The cases' layers.
fn layers() -> Vec<Files> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for group in read(&root().join("crates/inspect/tests/cases")) {
        for case in read(&group).into_iter().filter(|case| case.is_dir()) {
            folders.extend(read(&case).into_iter().filter(|folder| folder.is_dir()));
        }
    }
    let files = |folder: &PathBuf| {
        let (mut files, mut left) = (Files::new(), vec![folder.clone()]);
        while let Some(next) = left.pop() {
            for path in read(&next) {
                if path.is_dir() {
                    left.push(path);
                } else {
                    let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                    files.push((name, std::fs::read(&path).unwrap()));
                }
            }
        }
        files
    };
    folders.iter().map(files).filter(|files| !files.is_empty()).collect()
}

fn archive(files: &Files) -> Vec<u8> {
    let builder = Layer::builder("COPY").compression(Compression::Plain);
    let add = |builder: LayerBuilder, (name, bytes): &(String, Vec<u8>)| {
        builder.file_with(name, 0o755, 0, 0, bytes)
    };
    files.iter().fold(builder, add).build().unwrap().bytes().to_vec()
}

fn read(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Changes some bytes, in ways by which lengths, counts and offsets go wrong.
fn damage(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..=random.below(6) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(9) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = [0, 0x20, 0x2f, 0x7f, 0x80, 0xff][random.below(6)],
            3 => bytes.truncate(at),
            4 => {
                let end = (at + random.below(600)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let piece = bytes[at..(at + random.below(600)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => {
                let word = [0, u64::MAX, i64::MAX.unsigned_abs(), 1 << 31, random.next()];
                let word = word[random.below(word.len())].to_be_bytes();
                for (byte, new) in bytes[at..].iter_mut().zip(&word[random.below(7)..]) {
                    *byte = *new;
                }
            }
            // Blocks of another archive, at a block's border: entries that meet others.
            7 if !others.is_empty() => {
                let other = &others[random.below(others.len())];
                let from = random.below(other.len() / 512) * 512;
                let piece = &other[from..(from + 512 * random.below(8)).min(other.len())];
                let at = at / 512 * 512;
                bytes.splice(at..at, piece.iter().copied());
            }
            _ => {
                let other = random.below(bytes.len());
                bytes.swap(at, other);
            }
        }
    }
}

/// Writes the image of a number and says what to scan.
fn write_image(number: u64, folder: &Path, seeds: &[Files]) -> PathBuf {
    let mut random = Random(number.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x0dd_ba11);
    // What is damaged: files (0 to 4), the archive, the blob, a layer that stands alone, a document.
    let place = random.below(11);
    let mut blobs = Vec::new();
    for _ in 0..=random.below(3) {
        let mut files = seeds[random.below(seeds.len())].clone();
        if place < 5 {
            for _ in 0..=random.below(4) {
                let file = random.below(files.len());
                damage(&mut random, &mut files[file].1, &[]);
            }
        }
        let mut archived = archive(&files);
        if place == 5 {
            let other = archive(&seeds[random.below(seeds.len())]);
            damage(&mut random, &mut archived, &[other]);
        }
        let compression = [Compression::Gzip, Compression::Zstd, Compression::Plain];
        let compression = compression[random.below(3)];
        let layer = Layer::from_archive("COPY", archived, compression).unwrap();
        let mut blob = layer.bytes().to_vec();
        if place == 6 {
            damage(&mut random, &mut blob, &[]);
        }
        blobs.push(blob);
    }
    if place == 7 {
        let file = folder.with_extension("tar");
        damage(&mut random, &mut blobs[0], &[]);
        std::fs::write(&file, &blobs[0]).unwrap();
        return file;
    }
    let document = [(8, "config"), (9, "manifest"), (10, "index")];
    write_layout(folder, &blobs, &mut |name, bytes| {
        if document.contains(&(place, name)) {
            damage(&mut random, bytes, &[]);
        }
    });
    folder.to_owned()
}

#[test]
fn damaged_images_end_in_a_verdict_or_an_error() {
    let seeds = layers();
    let only = std::env::var_os("PLIMSOLL_DAMAGE")
        .map(|text| text.into_string().unwrap().parse::<u64>().unwrap());
    let (first, count) = match only {
        Some(number) => (number, 1),
        None => (0, if is_full() { 10_000 } else { 500 }),
    };
    let next = AtomicU64::new(first);
    let (failures, verdicts) = (Mutex::new(Vec::new()), Mutex::new([0_u32; 4]));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let site = Site::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= first + count {
                        break;
                    }
                    let target = write_image(number, &site.path("image"), &seeds);
                    let ending = site.scan(&target, 1_024);
                    if let Some(harm) = ending.harm() {
                        failures.lock().unwrap().push(format!("image {number}: {harm}"));
                    }
                    let known = ["COMPLETE", "PARTIAL", "UNREADABLE", "none"];
                    let at = known.iter().position(|name| *name == ending.verdict()).unwrap();
                    verdicts.lock().unwrap()[at] += 1;
                    if only.is_some() {
                        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("damaged");
                        std::fs::rename(&target, kept).unwrap();
                    } else if target.is_dir() {
                        std::fs::remove_dir_all(&target).unwrap();
                    } else {
                        std::fs::remove_file(&target).unwrap();
                    }
                }
                site.assert_untouched();
            });
        }
    });
    let [complete, partial, unreadable, none] = verdicts.into_inner().unwrap();
    println!("{complete} complete, {partial} partial, {unreadable} unreadable, {none} no image");
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} came to harm:\n{}", failures.len(), failures.join("\n"));
    // Damage that nobody gets past would test little.
    assert!(only.is_some() || partial * 3 > u32::try_from(count).unwrap(), "{partial} of {count}");
}
