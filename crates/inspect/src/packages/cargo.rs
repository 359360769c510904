//! `Cargo.lock`: what Cargo resolved for a Rust program.
//!
//! In: TOML, versions 1 to 4 of the format. Out: a package for each that comes from a registry or a repository. Source: the
//! Cargo Book, "Cargo.toml vs Cargo.lock"; Cargo, `core/resolver/encode.rs`.
//!
//! Odd: what has no `source` is the program's own, whatever its name; the file does not say what only tests need. Cargo
//! keeps the sources of dependencies, with their own lock files, below `registry/src` and `git/checkouts`.

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::{
    lock::{LIMIT, LockFile, Locked, is_inside_package},
    toml,
};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Cargo's lock file.
#[derive(Debug)]
pub(crate) struct CargoLock;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    package: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    source: Option<String>,
}

/// How the registry of the ecosystem stands in a lock file.
const CRATES_IO: &[&str] = &[
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
    "registry+sparse+https://index.crates.io/",
];

impl Parser for CargoLock {
    fn id(&self) -> &'static str {
        "cargo-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "Cargo.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"Cargo.lock") && !is_inside_package(path) && !is_a_source(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = toml::parse(file)?;
        let mut lock = LockFile::new("crates.io");
        for entry in &document.package {
            let Some(source) = &entry.source else { continue };
            let is_elsewhere = !CRATES_IO.iter().any(|registry| source.starts_with(registry));
            lock.add(&Locked {
                name: &entry.name,
                version: &entry.version,
                origin: is_elsewhere.then_some(source),
                ..Locked::default()
            });
        }
        Ok(lock.finish())
    }
}

/// Whether the path lies in the sources of a dependency.
fn is_a_source(path: &[u8]) -> bool {
    let mut before: &[u8] = b"";
    for part in path.split(|&byte| byte == b'/') {
        if (before == b"registry" && part == b"src")
            || (before == b"git" && part == b"checkouts")
            || before == b"vendor"
        {
            return true;
        }
        before = part;
    }
    false
}
