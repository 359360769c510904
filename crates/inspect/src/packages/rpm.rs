//! RPM's package database in SQLite: `rpmdb.sqlite` in `var/lib/rpm`, `usr/lib/sysimage/rpm` or `usr/share/rpm`.
//!
//! In: an SQLite file whose table `Packages` holds one RPM header per row ([`sqlite`], [`header`]). Out: one package per
//! header, and fingerprints of the paths that they own.
//! Source: SQLite's "Database File Format"; rpm's `lib/backend/sqlite.c` for the table and "RPM V4 Package format" for
//! headers.
//!
//! Odd: imported keys stand in the table as packages named `gpg-pubkey`; they are left out. A damaged page or header
//! costs what is in it, and is a problem. A write-ahead log beside the file is not read: whoever looks at the whole
//! image says so.

pub(crate) mod header;
pub(crate) mod sqlite;

use std::collections::BTreeMap;

use header::{Header, HeaderError, tag};
use plimsoll_image::EntryMeta;
use plimsoll_model::SourcePackage;

use super::{MAX_PACKAGES, MAX_WORD};
use crate::{
    facts::{FileFacts, PackageFact, Problem},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::{Folder, fingerprint},
};

/// Where distributions put the database.
pub(crate) const FOLDERS: &[&str] = &["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];

/// Problems of one database that are told one by one.
const MAX_PROBLEMS: usize = 100;

/// Reads which packages are installed and what they own.
#[derive(Debug)]
pub(crate) struct RpmSqlite;

impl Parser for RpmSqlite {
    fn id(&self) -> &'static str {
        "rpm"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "rpmdb.sqlite in var/lib/rpm, usr/lib/sysimage/rpm, usr/share/rpm"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let folder = path.strip_suffix(b"/rpmdb.sqlite")?;
        let known = FOLDERS.iter().any(|known| known.as_bytes() == folder);
        known.then_some(Want::Whole { limit: u64::MAX })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let syntax = |error: sqlite::SqliteError| ParseError::Syntax {
            at: error.page.map_or_else(|| "header".to_owned(), |page| format!("page {page}")),
            problem: error.problem.to_owned(),
        };
        let database = sqlite::Database::open(file.bytes).map_err(syntax)?;
        let root = database.table("Packages").map_err(syntax)?;
        let root = root.ok_or(ParseError::Missing("table Packages"))?;
        let mut facts = FileFacts::default();
        let mut dropped = 0_usize;
        let mut problem = |facts: &mut FileFacts, problem: Problem| {
            if facts.problems.len() < MAX_PROBLEMS {
                facts.problems.push(problem);
            } else {
                dropped += 1;
            }
        };
        for row in database.rows(root) {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    problem(&mut facts, Problem::unreadable(syntax(error).to_string()));
                    continue;
                }
            };
            if facts.packages.len() >= MAX_PACKAGES {
                problem(
                    &mut facts,
                    Problem::budget(format!(
                        "packages of one database: the limit of {MAX_PACKAGES} is reached"
                    )),
                );
                break;
            }
            let header = row.blob(1).ok_or(HeaderError::Missing("blob")).and_then(Header::parse);
            let added = header.and_then(|header| add(&header, &mut facts));
            if let Err(error) = added {
                problem(&mut facts, Problem::unreadable(format!("row {}: {error}", row.id)));
            }
        }
        if dropped > 0 {
            facts.problems.push(Problem::unreadable(format!("{dropped} more rows like these")));
        }
        facts.owned.sort_unstable();
        facts.owned.dedup();
        Ok(facts)
    }
}

fn add(header: &Header<'_>, facts: &mut FileFacts) -> Result<(), HeaderError> {
    let required = |tag, name| {
        let text = header.text(tag).filter(|text| !text.is_empty());
        text.ok_or(HeaderError::Missing(name))
    };
    let name = required(tag::NAME, "name")?;
    if name == "gpg-pubkey" {
        return Ok(());
    }
    let version = required(tag::VERSION, "version")?;
    let release = required(tag::RELEASE, "release")?;
    if [&name, &version, &release].iter().any(|word| word.len() > MAX_WORD) {
        return Err(HeaderError::Length);
    }
    let version = match header.number(tag::EPOCH) {
        Some(epoch) if epoch > 0 => format!("{epoch}:{version}-{release}"),
        _ => format!("{version}-{release}"),
    };
    let source_file = header.text(tag::SOURCE_RPM).filter(|text| text.len() <= MAX_WORD);
    let mut extra = BTreeMap::new();
    for (key, tag) in [
        ("vendor", tag::VENDOR),
        ("modularity", tag::MODULARITY_LABEL),
        ("license", tag::LICENSE),
        ("source_rpm", tag::SOURCE_RPM),
    ] {
        let text = header.text(tag).filter(|text| !text.is_empty() && text != "(none)");
        if let Some(text) = text.filter(|text| text.len() <= MAX_WORD) {
            extra.insert(key.to_owned(), text);
        }
    }
    own(header, facts);
    facts.packages.push(PackageFact {
        name,
        version,
        source: source_file.as_deref().and_then(source),
        architecture: header
            .text(tag::ARCHITECTURE)
            .filter(|text| text.len() <= MAX_WORD)
            .unwrap_or_default(),
        extra,
        ..PackageFact::default()
    });
    Ok(())
}

/// `glibc-2.34-60.el9.src.rpm`: name, version and release stand between the last two dashes.
fn source(file: &str) -> Option<SourcePackage> {
    let rest = file.strip_suffix(".rpm")?;
    let rest = rest.strip_suffix(".src").or_else(|| rest.strip_suffix(".nosrc"))?;
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(SourcePackage { name: name.to_owned(), version: format!("{version}-{release}") })
}

/// Paths are stored as folder indexes and names; old packages as whole paths.
fn own(header: &Header<'_>, facts: &mut FileFacts) {
    let folders: Vec<Folder> = header.texts(tag::DIR_NAMES).map(Folder::new).collect();
    let indexes = header.numbers(tag::DIR_INDEXES);
    for (name, index) in header.texts(tag::BASE_NAMES).zip(indexes) {
        let folder = usize::try_from(index).ok().and_then(|index| folders.get(index));
        if let Some(folder) = folder {
            facts.own(folder.file(name));
        }
    }
    for path in header.texts(tag::OLD_FILE_NAMES) {
        facts.own(fingerprint(path));
    }
}

#[cfg(test)]
#[path = "rpm/tests.rs"]
mod tests;
