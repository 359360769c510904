//! `poetry.lock`: what Poetry resolved.
//!
//! In: TOML, a `[[package]]` per distribution. Out: a package for each that does not come from a folder. Source: Poetry's
//! documentation and what its versions 1.0 to 2.1 write.
//!
//! Odd: which packages are for development stands in `category` (until 1.4) or in `groups` (since 2.1); files of the
//! versions between do not say it, and all of theirs count.

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::{PYPI, is_conditional, normalized};
use crate::{
    facts::FileFacts,
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Poetry's lock file.
#[derive(Debug)]
pub(crate) struct PoetryLock;

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
    optional: bool,
    category: Option<String>,
    groups: Option<Vec<String>>,
    markers: Option<toml::Value>,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct Source {
    r#type: Option<String>,
    url: Option<String>,
}

impl Parser for PoetryLock {
    fn id(&self) -> &'static str {
        "poetry-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "poetry.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"poetry.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = crate::packages::toml::parse(file)?;
        let mut lock = LockFile::new(PYPI);
        for entry in &document.package {
            let kind = entry.source.as_ref().and_then(|source| source.r#type.as_deref());
            if matches!(kind, Some("directory" | "file")) {
                continue;
            }
            let is_main = |group: &String| group == "main";
            let development = match (&entry.groups, &entry.category) {
                (Some(groups), _) if !groups.is_empty() => !groups.iter().any(is_main),
                (_, Some(category)) => !is_main(category),
                _ => false,
            };
            let is_elsewhere = matches!(kind, Some("git" | "url"));
            lock.add(&Locked {
                name: &normalized(&entry.name),
                version: &entry.version,
                development,
                optional: entry.optional
                    || entry.markers.as_ref().is_some_and(is_conditional_for_some),
                origin: entry
                    .source
                    .as_ref()
                    .and_then(|source| source.url.as_deref())
                    .filter(|_| is_elsewhere),
                ..Locked::default()
            });
        }
        Ok(lock.finish())
    }
}

/// Markers are one text, or one for each group.
fn is_conditional_for_some(markers: &toml::Value) -> bool {
    match markers {
        toml::Value::String(marker) => is_conditional(marker),
        toml::Value::Table(groups) => {
            groups.values().filter_map(toml::Value::as_str).any(is_conditional)
        }
        _ => false,
    }
}
