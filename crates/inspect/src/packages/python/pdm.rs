//! `pdm.lock`: what PDM resolved.
//!
//! In: TOML, a `[[package]]` per distribution and set of extras. Out: a package for each that does not come from a folder.
//! Source: PDM's documentation, "Lock file", and what its versions 2.0 to 2.20 write. Odd: groups mix extras and
//! development; a package outside of `default` is for development when one of its groups is called so, and else
//! optional.

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::{PYPI, is_conditional, normalized};
use crate::{
    facts::FileFacts,
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads PDM's lock file.
#[derive(Debug)]
pub(crate) struct PdmLock;

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
    #[serde(default)]
    groups: Vec<String>,
    marker: Option<String>,
    path: Option<String>,
    git: Option<String>,
    url: Option<String>,
}

impl Parser for PdmLock {
    fn id(&self) -> &'static str {
        "pdm-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "pdm.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"pdm.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = crate::packages::toml::parse(file)?;
        let mut lock = LockFile::new(PYPI);
        for entry in document.package.iter().filter(|entry| entry.path.is_none()) {
            let is_default =
                entry.groups.is_empty() || entry.groups.iter().any(|group| group == "default");
            let development = !is_default && entry.groups.iter().any(|name| is_development(name));
            lock.add(&Locked {
                name: &normalized(&entry.name),
                version: &entry.version,
                development,
                optional: entry.marker.as_deref().is_some_and(is_conditional)
                    || (!is_default && !development),
                origin: entry.git.as_deref().or(entry.url.as_deref()),
                ..Locked::default()
            });
        }
        Ok(lock.finish())
    }
}

/// Whether a group is called as groups for development are.
fn is_development(group: &str) -> bool {
    ["dev", "test", "lint", "doc", "typing"].iter().any(|word| group.contains(word))
}
