//! Java archives: `*.jar`, `*.war`, `*.ear` and their like, and the archives inside them.
//!
//! In: a zip file. Out: a package per `META-INF/maven/<group>/<artifact>/` with `pom.properties` or `pom.xml`; for an archive
//! that has none of its own, one from its manifest and file name. Source: the JAR file specification; Maven Archiver for
//! `pom.properties`; JEP 261 for `*.jmod`.
//!
//! Odd, and covered by cases in `tests/cases/java/`:
//! * a shaded archive holds the properties of everything that was copied into it: each is a package.
//! * without properties the group is a guess (vendor id, symbolic name, the folder that all classes share): `extra` says
//!   what the package was recognised by, and that the group is a guess or not known.
//! * an archive that no file in it describes has its SHA-1, by which indexes of Maven repositories know it.
//! * a library of which neither name nor version can be told is a gap; an application's own archive is not.

mod artifact;
mod gradle;
mod groups;
mod manifest;
mod pom;
mod reading;
mod release;

use plimsoll_image::EntryMeta;

use self::reading::Reading;
pub(crate) use self::{gradle::GradleLock, release::JavaRelease};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// The OSV name of the ecosystem.
const MAVEN: &str = "Maven";

/// Names that only Java archives have: what is none under them is a gap.
const EXTENSIONS: &[&[u8]] = &[b".jar", b".war", b".ear", b".jmod", b".hpi", b".jpi", b".lpkg"];

/// Names that other formats have, too.
const SHARED_EXTENSIONS: &[&[u8]] = &[b".par", b".sar", b".kar", b".nar", b".rar", b".aar"];

/// Bytes by which a zip file is known.
const HEAD: u64 = 8;

/// Reads an archive and what is in it.
#[derive(Debug)]
pub(crate) struct JavaArchive;

impl Parser for JavaArchive {
    fn id(&self) -> &'static str {
        "java"
    }

    fn version(&self) -> u32 {
        5
    }

    fn reads(&self) -> &'static str {
        "*.jar, *.war, *.ear, *.jmod, *.hpi, *.jpi, *.lpkg, *.par, *.sar, *.kar, *.nar, *.rar, *.aar and archives inside them"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        is_archive(path).then_some(Want::Seekable { head: HEAD, limit: u64::MAX })
    }

    fn wants_rest(&self, path: &[u8], head: &[u8]) -> bool {
        is_wanted(path, head)
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        if !is_wanted(file.path.as_bytes(), file.bytes) {
            return Ok(FileFacts::default());
        }
        Reading::of(file)
    }
}

fn has_extension(name: &[u8], extensions: &[&[u8]]) -> bool {
    extensions.iter().any(|extension| {
        let stem = name.len().checked_sub(extension.len()).filter(|stem| *stem > 0);
        stem.and_then(|stem| name.get(stem..))
            .is_some_and(|end| end.eq_ignore_ascii_case(extension))
    })
}

fn is_archive(name: &[u8]) -> bool {
    has_extension(name, EXTENSIONS) || has_extension(name, SHARED_EXTENSIONS)
}

/// Whether a file of an archive's name is one, as far as its first bytes tell. A script may stand in front of a jar.
fn is_wanted(name: &[u8], head: &[u8]) -> bool {
    head.starts_with(b"PK") || !has_extension(name, SHARED_EXTENSIONS)
}

#[cfg(test)]
#[path = "java/tests.rs"]
mod tests;
