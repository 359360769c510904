//! Which files a target on this machine consists of.
//!
//! In: its path. Out: what the child may read, found before it reads any of it. Odd: build tools make layouts whose blobs are
//! symlinks into a store (Bazel's `rules_oci`), so a link in a blob's place reaches the one file that it leads to; links
//! anywhere else, and in root file systems, reach nothing outside.

use std::path::Path;

use plimsoll_native::sandbox::Readable;

/// Blobs that are looked at: several times what an image with all its platforms has.
const MAX_BLOBS: usize = 10_000;
const HEX_DIGITS: usize = 64;

/// What is not there or may not be looked up is left out; opening it will say so.
pub(super) fn reach(target: &Path) -> Vec<Readable> {
    let mut readable: Vec<Readable> = Readable::new(target).into_iter().collect();
    if target.join("oci-layout").is_file() {
        readable.extend(linked(target));
    }
    readable
}

/// The folders of an image's layers, and nothing else of their store.
pub(super) fn reach_folders<'f>(folders: impl Iterator<Item = &'f Path>) -> Vec<Readable> {
    folders.filter_map(|folder| Readable::new(folder).ok()).collect()
}

/// The files behind links in the places of a layout's files.
fn linked(layout: &Path) -> Vec<Readable> {
    let Ok(real) = layout.canonicalize() else { return Vec::new() };
    let blobs = layout.join("blobs/sha256");
    let is_digest = |name: &str| {
        name.len() == HEX_DIGITS && name.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    // The folder itself may lie elsewhere, behind a link; else only links lead outside.
    let is_elsewhere = blobs.canonicalize().is_ok_and(|blobs| !blobs.starts_with(&real));
    let names = blobs.read_dir().into_iter().flatten().take(MAX_BLOBS).flatten();
    let named = names.filter(|entry| {
        entry.file_name().to_str().is_some_and(is_digest)
            && (is_elsewhere || entry.file_type().is_ok_and(|kind| kind.is_symlink()))
    });
    let documents = ["oci-layout", "index.json"].map(|name| layout.join(name));
    let places = documents.into_iter().chain(named.map(|entry| entry.path()));
    let outside = places.filter_map(|place| {
        let real_place = place.canonicalize().ok()?;
        (!real_place.starts_with(&real) && real_place.is_file()).then_some(real_place)
    });
    outside.filter_map(|place| Readable::new(&place).ok()).collect()
}
