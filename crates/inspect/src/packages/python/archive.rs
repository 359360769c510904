//! Python distributions in archives: zipped `*.egg`s, and programs in one file (`*.pex`, `*.pyz`).
//!
//! In: a zip file. Out: a package for each distribution whose metadata are in it, wheels that a program has in folders
//! included. Source: setuptools, "The Internal Structure of Python Eggs"; PEP 441; Pex, "`.deps`". Odd: a folder may be
//! called so, too; its files are read as any others.

use plimsoll_image::EntryMeta;

use super::{HEAD, distribution, is_metadata};
use crate::{
    facts::{FileFacts, Problem, clip},
    packages::{
        MAX_PACKAGES,
        zip::{Archive, Fuel},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Reads distributions in an archive.
#[derive(Debug)]
pub(crate) struct PythonArchive;

impl Parser for PythonArchive {
    fn id(&self) -> &'static str {
        "python-archive"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "*.egg, *.pex, *.pyz: metadata of distributions inside"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_archive = [&b".egg"[..], b".pex", b".pyz"].iter().any(|end| path.ends_with(end));
        is_archive.then_some(Want::Seekable { head: 4, limit: u64::MAX })
    }

    fn wants_rest(&self, _: &[u8], head: &[u8]) -> bool {
        is_wanted(head)
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut facts = FileFacts::default();
        if !is_wanted(file.bytes) {
            return Ok(facts);
        }
        let archive = Archive::open(file.content)
            .map_err(|problem| ParseError::Syntax { at: "zip".to_owned(), problem })?;
        for anomaly in &archive.anomalies {
            facts.note(Problem::anomaly(anomaly.clone()));
        }
        let mut fuel = Fuel::new(file.content.size(), file.budget);
        for entry in &archive.entries {
            let name = archive.name(entry);
            if !is_metadata(name) {
                continue;
            }
            if facts.packages.len() >= MAX_PACKAGES {
                let what = "packages of one file: the limit of";
                facts.note(Problem::budget(format!("{what} {MAX_PACKAGES} is reached")));
                break;
            }
            let inner = String::from_utf8_lossy(name).into_owned();
            let body = archive.body(entry);
            let bytes = body.and_then(|body| body.unpack(archive.content, HEAD, &mut fuel));
            let package = bytes.and_then(|bytes| {
                distribution(&bytes).map_err(|error| Problem::unreadable(error.to_string()))
            });
            match package {
                Ok(mut package) => {
                    package.inner = Some(inner);
                    facts.packages.push(package);
                }
                Err(problem) => {
                    let detail = format!("{}: {}", clip(&inner), problem.detail);
                    facts.note(Problem { detail, ..problem });
                }
            }
        }
        Ok(facts)
    }
}

/// A zip file, or one behind the line that names its interpreter.
fn is_wanted(head: &[u8]) -> bool {
    head.starts_with(b"PK") || head.starts_with(b"#!")
}
