//! Rust programs: the crates that they were built from.
//!
//! In: programs and libraries of any system. Out: the crates that `cargo auditable` wrote into the program; without them,
//! those whose sources' paths stand in its messages of panics, which carry `evidence: panic-path`. Source: `cargo-auditable`,
//! `PARSING.md` and `cargo-auditable.schema.json`; Cargo's layout of `registry/src`.
//!
//! Odd: what only building needs is not in the program and is left out. Paths name what can panic, mostly more than half
//! of the crates: that the others are not known is a gap, except where a package of another language brings the
//! library along (a Python wheel), whose advisories speak for it.

use std::{collections::BTreeSet, io::Read, sync::LazyLock};

use flate2::read::ZlibDecoder;
use plimsoll_image::EntryMeta;
use plimsoll_model::GapReason;
use regex::bytes::Regex;
use serde::Deserialize;

use super::{
    MAX_PACKAGES, MAX_WORD,
    lock::{EVIDENCE, is_inside_package},
};
use crate::{
    executable::{self, Executable},
    facts::{FileFacts, PackageFact, Problem, clip},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// The section that `cargo auditable` makes.
const SECTION: &str = ".dep-v0";
/// Longest list of crates, packed and not: that of the tool's own reader.
const MAX_LIST: u64 = 8 << 20;

/// Sections that messages stand in.
const TEXTS: &[&[u8]] = &[b".rodata", b".rdata", b"__const", b"__cstring"];
/// Bytes that are looked at in one piece.
const PIECE: u64 = 1 << 20;
/// Longest path that is seen whole.
const PATH: u64 = 512;
/// Value of [`EVIDENCE`].
const PANIC_PATH: &str = "panic-path";

/// Reads the crates of Rust programs.
#[derive(Debug)]
pub(crate) struct RustBinary;

impl Parser for RustBinary {
    fn id(&self) -> &'static str {
        "rust-binary"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "programs and libraries built by Rust: what cargo-auditable wrote, else paths of sources"
    }

    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want> {
        executable::claims(path, meta)
    }

    fn reads_programs(&self) -> bool {
        true
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut facts = FileFacts::default();
        let mut known = BTreeSet::new();
        for program in executable::open_if_sound(file.content) {
            if let Some(section) = program.section(SECTION) {
                if section.size > MAX_LIST {
                    return Err(too_large(section.size));
                }
                let packed = program.content().range(section.offset, section.size)?;
                add_listed(&mut facts, &mut known, &unpack(&packed)?);
                continue;
            }
            let mut shown = Shown::default();
            look(&program, &mut shown)?;
            if shown.is_rust && !is_inside_package(file.path.as_bytes()) {
                facts.note(Problem {
                    reason: GapReason::OpaqueProgram,
                    detail: "is a Rust program without a list of its crates: only those that its messages name are known"
                        .to_owned(),
                });
            }
            for (name, version) in shown.crates {
                let mut package = package(&name, &version);
                package.extra.insert(EVIDENCE.to_owned(), PANIC_PATH.to_owned());
                push(&mut facts, &mut known, package);
            }
        }
        Ok(facts)
    }
}

fn too_large(size: u64) -> ParseError {
    ParseError::TooLarge { size, limit: MAX_LIST, name: "the list of crates" }
}

fn damaged(problem: String) -> ParseError {
    ParseError::Syntax { at: format!("section {SECTION}"), problem }
}

/// What `cargo auditable` writes.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    packages: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    /// `crates.io`, `git`, `local`, `registry`.
    #[serde(default)]
    source: String,
    /// `runtime` if absent, or `build`.
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    root: bool,
}

fn unpack(packed: &[u8]) -> Result<List, ParseError> {
    let mut text = Vec::new();
    let mut unpacked = ZlibDecoder::new(packed).take(MAX_LIST + 1);
    unpacked.read_to_end(&mut text).map_err(|error| damaged(error.to_string()))?;
    let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if size > MAX_LIST {
        return Err(too_large(size));
    }
    serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))
}

fn add_listed(facts: &mut FileFacts, known: &mut BTreeSet<(String, String)>, list: &List) {
    for listed in &list.packages {
        if listed.kind.as_deref().is_some_and(|kind| kind != "runtime") {
            continue;
        }
        let mut package = package(&listed.name, &listed.version);
        if !matches!(&*listed.source, "" | "crates.io") {
            package.extra.insert("origin".to_owned(), clip(&listed.source));
        }
        if listed.root {
            package.extra.insert("main".to_owned(), "true".to_owned());
        }
        push(facts, known, package);
    }
}

fn package(name: &str, version: &str) -> PackageFact {
    PackageFact {
        ecosystem: Some("crates.io".to_owned()),
        name: name.to_owned(),
        version: version.to_owned(),
        ..PackageFact::default()
    }
}

/// Adds a crate, once.
fn push(facts: &mut FileFacts, known: &mut BTreeSet<(String, String)>, package: PackageFact) {
    let is_believable = |word: &str| !word.is_empty() && word.len() <= MAX_WORD;
    if !is_believable(&package.name) || !is_believable(&package.version) {
        let name = clip(&package.name);
        facts.problem(|| {
            Problem::unreadable(format!("crate `{name}` has no name or version of a real one"))
        });
        return;
    }
    if facts.packages.len() >= MAX_PACKAGES {
        facts.problem(|| {
            Problem::budget(format!("packages of one file: the limit of {MAX_PACKAGES} is reached"))
        });
        return;
    }
    if known.insert((package.name.clone(), package.version.clone())) {
        facts.packages.push(package);
    }
}

/// What messages show.
#[derive(Default)]
struct Shown {
    crates: BTreeSet<(String, String)>,
    is_rust: bool,
}

/// Goes through the texts of a program; without a table of sections, through all that is loaded.
fn look(program: &Executable<'_>, shown: &mut Shown) -> Result<(), ParseError> {
    let sections = program.sections.iter().filter(|section| TEXTS.contains(&&*section.name));
    let mut places: Vec<(u64, u64)> =
        sections.map(|section| (section.offset, section.size)).collect();
    if places.is_empty() {
        places = program.segments.iter().map(|segment| (segment.offset, segment.size)).collect();
    }
    // Sections of a forged program may all be the same bytes.
    let size = program.content().size();
    let mut left = size;
    for (start, length) in places {
        let mut at = start.min(size);
        let end = start.saturating_add(length.min(left)).min(size);
        left = left.saturating_sub(length);
        while at < end {
            let piece = program.content().range(at, (PIECE + PATH).min(end - at))?;
            look_at(&piece, shown);
            at = at.saturating_add(PIECE);
        }
    }
    Ok(())
}

/// Paths of crates' sources, and those of the standard library as Rust's own builds name them.
static PATHS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)(?:/|\\)(?:registry(?:/|\\)src(?:/|\\)[A-Za-z0-9.-]{1,100}(?:/|\\)([A-Za-z0-9_-]{1,64})-([0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]{1,64})?)(?:/|\\)|rustc/[0-9a-f]{40}/library/)",
    )
    .ok()
});

fn look_at(piece: &[u8], shown: &mut Shown) {
    let Some(paths) = PATHS.as_ref() else { return };
    for found in paths.captures_iter(piece) {
        shown.is_rust = true;
        let word = |at: usize| {
            let word = found.get(at).map(|word| word.as_bytes()).unwrap_or_default();
            String::from_utf8_lossy(word).into_owned()
        };
        let (name, version) = (word(1), word(2));
        if !name.is_empty() && shown.crates.len() < MAX_PACKAGES {
            shown.crates.insert((name, version));
        }
    }
}

#[cfg(test)]
#[path = "rust_binary/tests.rs"]
mod tests;
