//! `pylock.toml` and `pylock.<name>.toml`: the lock file that all Python installers share.
//!
//! In: TOML, a `[[packages]]` per distribution. Out: a package for each with a version that does not come from a folder.
//! Source: PEP 751 (`PyPA` "pylock.toml Specification"). Odd: what is for development stands in markers alone (`'dev' in
//! dependency_groups`); a package from a source tree may have no version, and gives nothing then.

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::{PYPI, is_conditional, normalized};
use crate::{
    facts::FileFacts,
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Reads the shared lock file.
#[derive(Debug)]
pub(crate) struct Pylock;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    packages: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    name: String,
    version: Option<String>,
    marker: Option<String>,
    vcs: Option<Place>,
    archive: Option<Place>,
    directory: Option<toml::Value>,
}

#[derive(Deserialize)]
struct Place {
    url: Option<String>,
}

impl Parser for Pylock {
    fn id(&self) -> &'static str {
        "pylock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "pylock.toml, pylock.*.toml"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        if !path.ends_with(b".toml") || is_inside_package(path) {
            return None;
        }
        let name = path.rsplit(|&byte| byte == b'/').next()?;
        name.starts_with(b"pylock.").then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = crate::packages::toml::parse(file)?;
        let mut lock = LockFile::new(PYPI);
        for entry in document.packages.iter().filter(|entry| entry.directory.is_none()) {
            let Some(version) = &entry.version else { continue };
            let marker = entry.marker.as_deref().unwrap_or_default();
            let place = entry.vcs.as_ref().or(entry.archive.as_ref());
            lock.add(&Locked {
                name: &normalized(&entry.name),
                version,
                development: marker.contains("dependency_groups") && !marker.contains("'default'"),
                optional: is_conditional(marker),
                origin: place.and_then(|place| place.url.as_deref()),
                ..Locked::default()
            });
        }
        Ok(lock.finish())
    }
}
