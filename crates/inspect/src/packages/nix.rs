//! The Nix store: `nix/store/HASH-NAME-VERSION[-OUTPUT]`.
//!
//! In: the names of the directories there. Out: one package per name that has a version. Source: the Nix manual, "Store
//! Path Specification" (names) and `builtins.parseDrvName` (versions begin behind the first hyphen that no letter follows).
//!
//! Odd: there is no file to read: a store path is installed because it is there, whatever the database of registered paths
//! (`nix/var/nix/db/db.sqlite`) says, which images often come without. Derivations, patches and sources are files, or have
//! no version in their names. The outputs of one package (`-bin`, `-dev`, `-lib`) are one package.

use std::collections::BTreeSet;

use plimsoll_image::{EntryKind, EntryMeta, Tree, TreePath};

use super::{MAX_PACKAGES, MAX_WORD};
use crate::{
    facts::{FileFacts, PackageFact, Problem},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

const STORE: &str = "nix/store";
/// Characters of the hash in front of the name, in Nix's base 32.
const HASH: usize = 32;

/// Outputs beside the main one, as nixpkgs names them.
const OUTPUTS: &[&str] = &[
    "bin", "data", "debug", "dev", "devdoc", "doc", "info", "lib", "libgcc", "man", "out", "static",
];

/// Reads what the store holds, in the merged tree.
#[derive(Debug)]
pub(crate) struct NixStore;

impl Parser for NixStore {
    fn id(&self) -> &'static str {
        "nix"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "the names of directories in nix/store"
    }

    fn claims(&self, _: &[u8], _: &EntryMeta) -> Option<Want> {
        None
    }

    fn parse(&self, _: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        Ok(FileFacts::default())
    }
}

/// Whether a file lies in a directory of the store that names a package.
pub(crate) fn is_of_package(path: &[u8]) -> bool {
    let rest = path.strip_prefix(STORE.as_bytes()).and_then(|rest| rest.strip_prefix(b"/"));
    let directory = rest.and_then(|rest| rest.split(|&byte| byte == b'/').next());
    let name = directory.and_then(|directory| std::str::from_utf8(directory).ok());
    name.and_then(|name| name.get(HASH + 1..)).and_then(split).is_some()
}

/// The store's packages, each with its path and layer.
pub(crate) fn look(tree: &Tree) -> Vec<(TreePath, usize, FileFacts)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for node in tree.list(STORE.as_bytes()) {
        if node.kind() != EntryKind::Directory {
            continue;
        }
        let text = String::from_utf8_lossy(node.name());
        let Some((name, version)) = text.get(HASH + 1..).and_then(split) else { continue };
        let is_hash = text.get(..HASH).is_some_and(|hash| hash.bytes().all(is_base32))
            && text.get(HASH..=HASH) == Some("-");
        if !is_hash || text.len() > MAX_WORD || !seen.insert((name.clone(), version.clone())) {
            continue;
        }
        let mut facts = FileFacts { detector: NixStore.id().to_owned(), ..FileFacts::default() };
        if found.len() >= MAX_PACKAGES {
            facts.note(Problem::budget(format!(
                "packages of one store: the limit of {MAX_PACKAGES} is reached"
            )));
            found.push((TreePath::from(STORE), 0, facts));
            break;
        }
        facts.packages.push(PackageFact {
            ecosystem: Some("Nix".to_owned()),
            name,
            version,
            ..PackageFact::default()
        });
        let layer = node.content().map_or(0, |content| content.layer);
        found.push((node.path(), layer, facts));
    }
    found
}

const fn is_base32(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z')
}

/// `openssl-3.0.13-bin`: name and version, without the output.
fn split(text: &str) -> Option<(String, String)> {
    let text = OUTPUTS
        .iter()
        .find_map(|output| text.strip_suffix(output)?.strip_suffix('-'))
        .unwrap_or(text);
    let at = text.char_indices().find_map(|(at, character)| {
        let next = text.get(at + 1..)?.chars().next()?;
        (character == '-' && !next.is_ascii_alphabetic()).then_some(at)
    })?;
    let (name, version) = (text.get(..at)?, text.get(at + 1..)?);
    let is_version = version.starts_with(|first: char| first.is_ascii_digit());
    (!name.is_empty() && is_version).then(|| (name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_store_are_parted() {
        for (text, wanted) in [
            ("openssl-3.0.13-bin", Some(("openssl", "3.0.13"))),
            ("python3-3.11.8", Some(("python3", "3.11.8"))),
            ("python3.11-requests-2.31.0", Some(("python3.11-requests", "2.31.0"))),
            ("glibc-2.38-44", Some(("glibc", "2.38-44"))),
            ("gcc-13.2.0-libgcc", Some(("gcc", "13.2.0"))),
            ("bash-5.2p26", Some(("bash", "5.2p26"))),
            ("libX11-1.8.7", Some(("libX11", "1.8.7"))),
            ("source", None),
            ("hook", None),
            ("stdenv-linux", None),
            ("-1", None),
        ] {
            let wanted = wanted.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(split(text), wanted, "{text}");
        }
    }
}
