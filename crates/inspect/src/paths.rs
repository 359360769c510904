//! Paths as package databases mean them.
//!
//! In: a path, any bytes. Out: a fingerprint that is the same for all names of one file on systems whose `/bin`, `/sbin`
//! and `/lib*` are links into `/usr`. Source: the usr-merge of Debian, Fedora and others, whose databases still say
//! `/bin/su` for what is `/usr/bin/su`. Odd: fingerprints are kept with the facts of a layer, so the function must never
//! change without the version of the parsers that use it.

use std::borrow::Cow;

/// Directories that the usr-merge moved below `usr/`.
const MERGED: &[&[u8]] = &[b"bin", b"sbin", b"lib", b"lib32", b"lib64", b"libx32"];

/// Where packages put programs and libraries. Configuration and data outlive a package by design.
const PLACES: &[&[u8]] = &[b"usr", b"bin", b"sbin", b"lib", b"lib32", b"lib64", b"libx32", b"opt"];

/// Whether a path, or a folder, is where packages put programs and libraries.
pub(crate) fn is_package_place(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    PLACES.contains(&path.split(|&byte| byte == b'/').next().unwrap_or_default())
}

/// Fingerprint of a path (FNV-1a, 64 bits), with `bin/…` and `usr/bin/…` taken as one.
#[must_use]
pub(crate) fn fingerprint(path: &[u8]) -> u64 {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    fold(0xcbf2_9ce4_8422_2325, &merged(path))
}

fn fold(hash: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Many fingerprints: there may be millions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fingerprints(Vec<u64>);

impl Fingerprints {
    pub(crate) fn new(mut fingerprints: Vec<u64>) -> Self {
        fingerprints.sort_unstable();
        fingerprints.dedup();
        fingerprints.shrink_to_fit();
        Self(fingerprints)
    }

    pub(crate) fn contains(&self, fingerprint: u64) -> bool {
        self.0.binary_search(&fingerprint).is_ok()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A folder whose files' fingerprints are wanted. It is looked at once: a database that names a long folder and a million
/// files in it must not cost their product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folder(u64);

impl Folder {
    /// `folder` with or without a slash at its end; empty for the root.
    pub(crate) fn new(folder: &[u8]) -> Self {
        let is_open = folder.is_empty() || folder.ends_with(b"/");
        let slash: &[u8] = if is_open { b"" } else { b"/" };
        Self(fingerprint(&[folder, slash].concat()))
    }

    /// Fingerprint of a file in it.
    pub(crate) fn file(self, name: &[u8]) -> u64 {
        fold(self.0, name)
    }
}

fn merged(path: &[u8]) -> Cow<'_, [u8]> {
    let first = path.split(|&byte| byte == b'/').next().unwrap_or_default();
    if MERGED.contains(&first) && first.len() < path.len() {
        return Cow::Owned([b"usr/", path].concat());
    }
    Cow::Borrowed(path)
}

/// Whether `path` ends in `suffix` at a `/` or as a whole.
pub(crate) fn ends_with(path: &[u8], suffix: &[u8]) -> bool {
    path.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with(b"/"))
}

/// The name in `directory`, if `path` lies directly in it.
pub(crate) fn child_of<'p>(path: &'p [u8], directory: &str) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(directory.as_bytes())?.strip_prefix(b"/")?;
    (!rest.is_empty() && !rest.contains(&b'/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_a_merged_file_have_one_fingerprint() {
        assert_eq!(fingerprint(b"/bin/su"), fingerprint(b"usr/bin/su"));
        assert_eq!(fingerprint(b"./lib64/ld.so"), fingerprint(b"/usr/lib64/ld.so"));
        assert_ne!(fingerprint(b"bin/su"), fingerprint(b"usr/sbin/su"));
        assert_ne!(fingerprint(b"bin"), fingerprint(b"usr/bin"));
        assert_ne!(fingerprint(b"binary/su"), fingerprint(b"usr/binary/su"));
    }

    #[test]
    fn a_folder_s_files_have_the_fingerprints_of_their_paths() {
        for folder in ["", "/", "bin", "/bin/", "./usr/bin", "lib/x/y/", "opt"] {
            let path = format!("{}/su", folder.trim_end_matches('/'));
            let wanted = fingerprint(path.as_bytes());
            assert_eq!(Folder::new(folder.as_bytes()).file(b"su"), wanted, "{folder}");
        }
    }

    #[test]
    fn children_and_suffixes() {
        assert_eq!(child_of(b"etc/apt/a.list", "etc/apt"), Some(&b"a.list"[..]));
        assert_eq!(child_of(b"etc/apt/x/a.list", "etc/apt"), None);
        assert_eq!(child_of(b"etc/apt/", "etc/apt"), None);
        assert!(ends_with(b"a/b/passwd", b"b/passwd") && ends_with(b"passwd", b"passwd"));
        assert!(!ends_with(b"etc/opasswd", b"passwd"));
    }
}
