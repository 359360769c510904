//! Ubuntu's chiselled images: `manifest.wall`, which chisel writes where a slice asks for it (`var/lib/chisel/`).
//!
//! In: zstd-compressed lines of JSON ("jsonwall"), of which those with `kind` `package` name packages and those with
//! `path` the files that were cut out of them. Out: one package per name, and fingerprints of the paths.
//! Source: canonical/chisel, `public/manifest` and `public/jsonwall`.
//!
//! Odd: it does not say which source package a package was built from, by which Ubuntu's advisories go. A table
//! ([`sources`]) has the answer for what the published slices are cut from; what is not in it is matched by its own name,
//! and said.

mod sources;

use std::io::{BufRead, BufReader, Read};

use plimsoll_image::EntryMeta;
use plimsoll_model::SourcePackage;
use serde::Deserialize;

use super::{MAX_PACKAGES, MAX_WORD};
use crate::{
    facts::{FileFacts, PackageFact, Problem, clip},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::fingerprint,
};

const NAME: &[u8] = b"manifest.wall";
/// Compressed bytes: manifests of whole systems have some hundred kilobytes.
const LIMIT: u64 = 64 << 20;
const MAX_UNPACKED: u64 = 256 << 20;
const MAX_LINE: u64 = 1 << 20;

/// Reads which packages slices were cut from.
#[derive(Debug)]
pub(crate) struct Chisel;

impl Parser for Chisel {
    fn id(&self) -> &'static str {
        "chisel"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "chisel/manifest.wall"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let folder = path.strip_suffix(NAME)?.strip_suffix(b"/")?;
        crate::paths::ends_with(folder, b"chisel").then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let syntax = |at: &str, problem: String| ParseError::Syntax { at: at.to_owned(), problem };
        let mut decoder = zstd::stream::read::Decoder::new(file.bytes)
            .map_err(|error| syntax("start", error.to_string()))?;
        decoder
            .window_log_max(file.budget.max_window_log)
            .map_err(|error| syntax("start", error.to_string()))?;
        let mut lines = BufReader::new(decoder.take(MAX_UNPACKED));
        let mut facts = FileFacts::default();
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let read = (&mut lines).take(MAX_LINE).read_until(b'\n', &mut line);
            match read {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if number == 1 => return Err(syntax("start", error.to_string())),
                Err(error) => {
                    facts.note(Problem::unreadable(format!("line {number}: {error}")));
                    break;
                }
            }
            match serde_json::from_slice::<Line>(&line) {
                Ok(header) if number == 1 && header.jsonwall.is_none() => {
                    return Err(syntax("line 1", "is not the header of a jsonwall".to_owned()));
                }
                Ok(line) => line.add(&mut facts),
                Err(error) if number == 1 => return Err(syntax("line 1", error.to_string())),
                Err(error) => {
                    facts.problem(|| Problem::unreadable(format!("line {number}: {error}")));
                }
            }
        }
        if lines.into_inner().limit() == 0 {
            facts.note(Problem::budget(format!(
                "unpacked bytes of a manifest: the limit of {MAX_UNPACKED} is reached"
            )));
        }
        facts.owned.sort_unstable();
        facts.owned.dedup();
        Ok(facts)
    }
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    jsonwall: Option<String>,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    arch: String,
    #[serde(default)]
    path: String,
}

impl Line {
    fn add(self, facts: &mut FileFacts) {
        match self.kind.as_str() {
            "package" => self.add_package(facts),
            "path" if !self.path.ends_with('/') => facts.own(fingerprint(self.path.as_bytes())),
            _ => {}
        }
    }

    fn add_package(self, facts: &mut FileFacts) {
        let words = [&self.name, &self.version, &self.arch];
        if self.name.is_empty() || self.version.is_empty() {
            facts.problem(|| Problem::unreadable("a package has no name or no version"));
            return;
        }
        if words.iter().any(|word| word.len() > MAX_WORD) {
            facts.problem(|| Problem::unreadable("a name or version is longer than 1024 bytes"));
            return;
        }
        if facts.packages.len() >= MAX_PACKAGES {
            facts.problem(|| {
                Problem::budget(format!(
                    "packages of one database: the limit of {MAX_PACKAGES} is reached"
                ))
            });
            return;
        }
        let source = sources::source_of(&self.name, &self.version);
        if source.is_none() {
            facts.problem(|| {
                let name = clip(&self.name);
                Problem::unreadable(format!(
                    "the source package of `{name}` is not known: its advisories go by that"
                ))
            });
        }
        facts.packages.push(PackageFact {
            source: source.map(|name| SourcePackage { name, version: self.version.clone() }),
            name: self.name,
            version: self.version,
            architecture: self.arch,
            ..PackageFact::default()
        });
    }
}
