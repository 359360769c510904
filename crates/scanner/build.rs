//! Hashes the sources that decide what is found in an image, so that what is kept of an inspection ends with them.
//!
//! In: the sources of the crates that read, merge and inspect, and the lock file. Out: the variable `PLIMSOLL_SOURCES` for the
//! compiler. Odd: detectors have versions, raised by hand, by which the facts of single layers are kept; merging and
//! inspecting are quick and change often, so nobody has to think of a number for them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Folders and files, from this crate's folder.
const SOURCES: &[&str] = &[
    "src",
    "../image/src",
    "../inspect/src",
    "../model/src",
    "../native/src",
    "../yara/src",
    "../yara/rules",
    "../../Cargo.lock",
];

fn main() -> io::Result<()> {
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        for file in files(Path::new(source))? {
            let name = file.display().to_string();
            for byte in name.into_bytes().into_iter().chain(fs::read(&file)?) {
                // FNV-1a: nobody attacks it here.
                hash = (hash ^ u128::from(byte))
                    .wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
            }
        }
    }
    println!("cargo::rustc-env=PLIMSOLL_SOURCES={hash:032x}");
    Ok(())
}

/// All files at a place, sorted; none where there is nothing.
fn files(place: &Path) -> io::Result<Vec<PathBuf>> {
    if place.is_file() {
        return Ok(vec![place.to_owned()]);
    }
    if !place.is_dir() {
        return Ok(Vec::new());
    }
    let mut entries = fs::read_dir(place)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    let mut found = Vec::new();
    for entry in entries {
        found.extend(files(&entry.path())?);
    }
    Ok(found)
}
