//! RPM's package database in `var/lib/rpm`, `usr/lib/sysimage/rpm` or `usr/share/rpm`: `rpmdb.sqlite` (SQLite),
//! `Packages.db` (rpm's own "ndb", SUSE) or `Packages` (Berkeley DB, before RPM 4.16); and the list that distroless images
//! of Azure Linux have instead, `var/lib/rpmmanifest/container-manifest-2`, and Bottlerocket's.
//!
//! In: a file with one RPM header per package ([`sqlite`], [`ndb`], [`bdb`], [`header`]), or a table of text
//! ([`manifest`], [`bottlerocket`]). Out: one package per header or line, and fingerprints of the paths that they own.
//! Source: rpm's `lib/backend/`, "RPM V4 Package format"; the modules' own.
//!
//! Odd: the kind is told by the file's first bytes, not by its name. A damaged page or header costs what is in it, and is
//! a problem. A write-ahead log beside an SQLite file is not read: whoever looks at the whole image says so. A file
//! without bytes is a database without packages.

pub(crate) mod bdb;
pub(crate) mod bottlerocket;
pub(crate) mod header;
pub(crate) mod manifest;
pub(crate) mod ndb;
pub(crate) mod package;
pub(crate) mod sqlite;
pub(crate) mod storage;

use header::{Header, HeaderError};
use plimsoll_image::EntryMeta;

use self::storage::{Damage, Place, Record, Records, piece};
use super::MAX_PACKAGES;
use crate::{
    content::Content,
    facts::{FileFacts, Problem},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Where distributions put the database.
pub(crate) const FOLDERS: &[&str] = &["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];

/// What the database is called, the newest kind first.
const NAMES: &[&str] = &["rpmdb.sqlite", "Packages.db", "Packages"];

/// Problems of one database that are told one by one.
const MAX_PROBLEMS: usize = 100;

/// Reads which packages are installed and what they own.
#[derive(Debug)]
pub(crate) struct RpmDatabase;

impl Parser for RpmDatabase {
    fn id(&self) -> &'static str {
        "rpm"
    }

    fn version(&self) -> u32 {
        5
    }

    fn reads(&self) -> &'static str {
        "rpmdb.sqlite, Packages.db and Packages in var/lib/rpm, usr/lib/sysimage/rpm and usr/share/rpm; var/lib/rpmmanifest/container-manifest-2; usr/share/bottlerocket/application-inventory.json"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_database = || {
            let slash = path.iter().rposition(|&byte| byte == b'/')?;
            let (folder, name) = path.split_at_checked(slash)?;
            let name = name.strip_prefix(b"/")?;
            let is_known = NAMES.iter().any(|known| known.as_bytes() == name);
            Some(is_known && FOLDERS.iter().any(|known| known.as_bytes() == folder))
        };
        if path == manifest::PATH || bottlerocket::PATHS.contains(&path) {
            return Some(Want::Whole { limit: u64::MAX });
        }
        (is_database() == Some(true)).then_some(Want::Seekable { head: 16, limit: u64::MAX })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        if file.path.as_bytes() == manifest::PATH {
            return Ok(manifest::parse(file.bytes));
        }
        if bottlerocket::PATHS.contains(&file.path.as_bytes()) {
            return bottlerocket::parse(file.bytes);
        }
        parse(file.content)
    }
}

fn syntax(damage: Damage) -> ParseError {
    ParseError::Syntax { at: damage.place.to_string(), problem: damage.problem.to_owned() }
}

fn parse(content: Content<'_>) -> Result<FileFacts, ParseError> {
    if content.size() == 0 {
        return Ok(FileFacts::default());
    }
    let start = piece(content, 0, 16).unwrap_or_default();
    if sqlite::is_database(&start) {
        let database = sqlite::Database::open(content).map_err(syntax)?;
        let root = database.table("Packages").map_err(syntax)?;
        let root = root.ok_or(ParseError::Missing("table Packages"))?;
        let rows = database.rows(root).map(|row| {
            let row = row?;
            let header = row.blob(1).unwrap_or_default().to_vec();
            Ok(Record { place: row.place(), header })
        });
        return Ok(facts(Box::new(rows)));
    }
    if ndb::is_database(&start) {
        let database = ndb::Database::open(content).map_err(syntax)?;
        return Ok(facts(Box::new(database.records())));
    }
    if bdb::is_database(&start) {
        let database = bdb::Database::open(content).map_err(syntax)?;
        return Ok(facts(Box::new(database.records())));
    }
    Err(syntax(Damage {
        place: Place::Header,
        problem: "is neither an SQLite nor an ndb nor a Berkeley DB hash database",
    }))
}

fn facts(records: Records<'_>) -> FileFacts {
    let mut facts = FileFacts::default();
    let mut dropped = 0_usize;
    let mut problem = |facts: &mut FileFacts, problem: Problem| {
        if facts.problems.len() < MAX_PROBLEMS {
            facts.problems.push(problem);
        } else {
            dropped += 1;
        }
    };
    for record in records {
        let record = match record {
            Ok(record) => record,
            Err(damage) => {
                problem(&mut facts, Problem::unreadable(syntax(damage).to_string()));
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
        let added: Result<(), HeaderError> =
            Header::parse(&record.header).and_then(|header| package::add(&header, &mut facts));
        if let Err(error) = added {
            problem(&mut facts, Problem::unreadable(format!("{}: {error}", record.place)));
        }
    }
    if dropped > 0 {
        facts.problems.push(Problem::unreadable(format!("{dropped} more records like these")));
    }
    facts.owned.sort_unstable();
    facts.owned.dedup();
    facts
}

#[cfg(test)]
#[path = "rpm/tests.rs"]
mod tests;
