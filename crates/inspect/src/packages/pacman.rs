//! Arch Linux's package database: `var/lib/pacman/local/NAME-VERSION-RELEASE/desc` and, beside it, `files`.
//!
//! In: sections, each a `%NAME%` in a line of its own, lines of values, and an empty line. Out: one package per `desc`;
//! fingerprints of the paths that it owns per `files`.
//! Source: libalpm's `be_local.c`; `alpm-db-desc(5)`, `alpm-db-files(5)`.
//!
//! Odd: `%BASE%` names what the package was built from; the version is the package's own. Folders stand among the files,
//! with a slash at their end.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use plimsoll_model::SourcePackage;

use super::MAX_WORD;
use crate::{
    facts::{FileFacts, PackageFact},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::fingerprint,
};

/// Where the database is.
pub(crate) const FOLDER: &str = "var/lib/pacman/local";

/// Reads which packages are installed and what they own.
#[derive(Debug)]
pub(crate) struct Pacman;

impl Parser for Pacman {
    fn id(&self) -> &'static str {
        "pacman"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "var/lib/pacman/local/*/desc, var/lib/pacman/local/*/files"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let rest = path.strip_prefix(FOLDER.as_bytes())?.strip_prefix(b"/")?;
        let mut parts = rest.split(|&byte| byte == b'/');
        let (_, name) = (parts.next()?, parts.next()?);
        let is_known = parts.next().is_none() && matches!(name, b"desc" | b"files");
        is_known.then_some(Want::Whole { limit: u64::MAX })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        if file.path.name() == b"files" {
            return Ok(files(file.bytes));
        }
        let package = package(file.bytes)?;
        Ok(FileFacts { packages: vec![package], ..FileFacts::default() })
    }
}

/// Lines with the name of the section that they stand in.
fn values(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut section: &[u8] = b"";
    bytes.split(|&byte| byte == b'\n').filter_map(move |line| {
        let line = line.trim_ascii();
        match line {
            [] => None,
            [b'%', name @ .., b'%'] if !name.is_empty() => {
                section = name;
                None
            }
            line => Some((section, line)),
        }
    })
}

fn files(bytes: &[u8]) -> FileFacts {
    let mut facts = FileFacts::default();
    for (section, path) in values(bytes) {
        if section == b"FILES" && !path.ends_with(b"/") {
            facts.own(fingerprint(path));
        }
    }
    facts.owned.sort_unstable();
    facts.owned.dedup();
    facts
}

fn package(bytes: &[u8]) -> Result<PackageFact, ParseError> {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    for (section, value) in values(bytes) {
        let known = ["NAME", "VERSION", "BASE", "ARCH", "LICENSE"];
        let Some(field) = known.into_iter().find(|field| field.as_bytes() == section) else {
            continue;
        };
        let value = String::from_utf8_lossy(value).into_owned();
        if value.len() > MAX_WORD {
            return Err(too_long(field));
        }
        match fields.get_mut(field) {
            // Several licences stand one per line; of the other fields the first line counts.
            Some(known) if field == "LICENSE" && known.len() < MAX_WORD => {
                known.push_str(" AND ");
                known.push_str(&value);
            }
            Some(_) => {}
            None => {
                fields.insert(field, value);
            }
        }
    }
    let mut take = |field| fields.remove(field).unwrap_or_default();
    let (name, version) = (take("NAME"), take("VERSION"));
    if name.is_empty() {
        return Err(ParseError::Missing("%NAME%"));
    }
    if version.is_empty() {
        return Err(ParseError::Missing("%VERSION%"));
    }
    let (base, license) = (take("BASE"), take("LICENSE"));
    let mut extra = BTreeMap::new();
    if !license.is_empty() {
        extra.insert("license".to_owned(), license);
    }
    let base = if base.is_empty() { name.clone() } else { base };
    Ok(PackageFact {
        source: Some(SourcePackage { name: base, version: version.clone() }),
        name,
        version,
        architecture: take("ARCH"),
        extra,
        ..PackageFact::default()
    })
}

fn too_long(field: &str) -> ParseError {
    ParseError::Syntax { at: format!("%{field}%"), problem: "is longer than 1024 bytes".to_owned() }
}
