//! Alpine's package database: `lib/apk/db/installed`, since apk-tools 3 `usr/lib/apk/db/installed`.
//!
//! In: blocks of `K:value` lines, separated by an empty line. Out: one package per block, and fingerprints of the paths
//! that they own (`F:` a folder, `R:` a file in the folder named last, `Z:` its digest).
//! Source: the Alpine wiki's "Apk spec" for the installed database.
//!
//! Odd: apk-tools 3 has packages and indexes in a binary form ([`adb`]), and writes the installed database as text still,
//! but can convert it. `o:` is the origin that Alpine's advisories speak of; its version is the package's own. A block that a short or
//! forged line spoils costs that block only.

mod adb;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use plimsoll_image::EntryMeta;
use plimsoll_model::SourcePackage;

use super::{MAX_PACKAGES, MAX_WORD};
use crate::{
    facts::{FileFacts, MAX_WITNESSES, PackageFact, Problem},
    malware::{
        Sum, SumKind,
        digests::{is_digest_kept, short},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::{Folder, child_of, fingerprint, is_package_place},
};

const FOLDER: &str = "lib/apk/db";

/// How files in apk's binary form begin: plain (`ADB.`), or compressed by one of two methods (`ADBd`, `ADBc`).
const ADB: &[u8] = b"ADB";

/// Reads which packages are installed and what they own.
#[derive(Debug)]
pub(crate) struct ApkInstalled;

impl Parser for ApkInstalled {
    fn id(&self) -> &'static str {
        "apk"
    }

    fn version(&self) -> u32 {
        6
    }

    fn reads(&self) -> &'static str {
        "lib/apk/db/installed, usr/lib/apk/db/installed, lib/apk/db/*.adb, as text and in apk's binary form (ADB)"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let path = path.strip_prefix(b"usr/").unwrap_or(path);
        match child_of(path, FOLDER)? {
            b"installed" => Some(Want::Whole { limit: u64::MAX }),
            name => name.ends_with(b".adb").then_some(Want::Whole { limit: u64::MAX }),
        }
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        if file.bytes.starts_with(ADB) || file.path.name() != b"installed" {
            return adb::parse(file.bytes);
        }
        let mut facts = FileFacts::default();
        let mut block = Block::default();
        for (index, line) in file.bytes.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match line {
                [] => std::mem::take(&mut block).finish_line(&mut facts),
                [key, b':', value @ ..] => {
                    block.first_line.get_or_insert(index + 1);
                    match key {
                        b'F' => add_folder(&mut block, value, &mut facts),
                        b'R' => add_file(&mut block, value, &mut facts),
                        b'Z' => add_sum(&mut block, value, &mut facts),
                        _ => block.add(*key, value),
                    }
                }
                _ => facts.problem(|| {
                    Problem::unreadable(format!("line {}: is not of the form `K:value`", index + 1))
                }),
            }
        }
        block.finish_line(&mut facts);
        facts.owned.sort_unstable();
        facts.owned.dedup();
        Ok(facts)
    }
}

/// A folder of the package, in which the files that follow are.
fn add_folder(block: &mut Block, name: &[u8], facts: &mut FileFacts) {
    block.folder = Some(Folder::new(name));
    // Folders of programs have short names; a long one is none of them.
    block.folder_name = name.get(..name.len().min(MAX_WORD)).unwrap_or_default().to_vec();
    block.is_package_place = is_package_place(name);
    facts.own(fingerprint(name));
}

fn add_file(block: &mut Block, name: &[u8], facts: &mut FileFacts) {
    let folder = block.folder.unwrap_or_else(|| Folder::new(b""));
    let file = folder.file(name);
    facts.own(file);
    let path = [block.folder_name.as_slice(), b"/", name].concat();
    block.program = is_digest_kept(&path).then_some(file);
    if block.is_package_place && block.files.len() < MAX_WITNESSES {
        block.files.push(file);
    }
}

/// The digest of the file that was named last: `Q1` and a SHA-1 in base64.
fn add_sum(block: &mut Block, value: &[u8], facts: &mut FileFacts) {
    let Some(path) = block.program.take() else { return };
    let digest = value.strip_prefix(b"Q1").and_then(|text| STANDARD.decode(text).ok());
    if let Some(digest) = digest.as_deref().and_then(short) {
        facts.sum(Sum { path, kind: SumKind::Sha1, digest });
    }
}

#[derive(Default)]
struct Block {
    first_line: Option<usize>,
    name: String,
    version: String,
    origin: String,
    architecture: String,
    license: String,
    /// A name or version was there already: readers disagree which one counts.
    repeated: bool,
    folder: Option<Folder>,
    folder_name: Vec<u8>,
    /// The file that was named last, if it is a program.
    program: Option<u64>,
    is_package_place: bool,
    /// Some of its files.
    files: Vec<u64>,
}

impl Block {
    fn add(&mut self, key: u8, value: &[u8]) {
        let word = match key {
            b'P' => &mut self.name,
            b'V' => &mut self.version,
            b'o' => &mut self.origin,
            b'A' => &mut self.architecture,
            b'L' => &mut self.license,
            _ => return,
        };
        self.repeated |= matches!(key, b'P' | b'V') && !word.is_empty();
        *word = String::from_utf8_lossy(value).trim().to_owned();
    }

    fn finish_line(self, facts: &mut FileFacts) {
        if let Some(line) = self.first_line {
            self.finish(&format!("line {line}"), facts);
        }
    }

    /// Adds the package; `place` is where it stands in the file.
    fn finish(self, place: &str, facts: &mut FileFacts) {
        let at = |problem: &str| Problem::unreadable(format!("{place}: {problem}"));
        if self.name.is_empty() || self.version.is_empty() {
            facts.problem(|| at("the block has no name (`P:`) or no version (`V:`)"));
            return;
        }
        let words = [&self.name, &self.version, &self.origin, &self.architecture];
        if words.iter().any(|word| word.len() > MAX_WORD) {
            facts.problem(|| at("a name or version is longer than 1024 bytes"));
            return;
        }
        if words.iter().any(|word| word.contains(char::is_control)) {
            facts.problem(|| at("a name or version has control characters in it"));
        }
        if self.repeated {
            facts.problem(|| at("a field stands twice in the block: only one of them is true"));
        }
        if facts.packages.len() >= MAX_PACKAGES {
            facts.problem(|| {
                Problem::budget(format!(
                    "packages of one database: the limit of {MAX_PACKAGES} is reached"
                ))
            });
            return;
        }
        let origin = if self.origin.is_empty() { self.name.clone() } else { self.origin };
        let mut extra = BTreeMap::new();
        if !self.license.is_empty() && self.license.len() <= MAX_WORD {
            extra.insert("license".to_owned(), self.license);
        }
        facts.packages.push(PackageFact {
            source: Some(SourcePackage { name: origin, version: self.version.clone() }),
            name: self.name,
            version: self.version,
            architecture: self.architecture,
            extra,
            ..PackageFact::default()
        });
        facts.witness(&self.files);
    }
}
