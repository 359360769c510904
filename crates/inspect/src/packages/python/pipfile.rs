//! `Pipfile.lock`: what pipenv resolved.
//!
//! In: JSON, a category of packages per key beside `_meta`. Out: a package for each with an exact version; those that stand
//! in `develop` alone are for development. Source: pipenv, "Pipfile & Pipfile.lock"; its lock file schema. Odd: versions
//! carry their `==`; what is installed from a folder or repository has none, and gives nothing.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use serde::Deserialize;
use serde_json::Value;

use super::{PYPI, is_conditional, normalized};
use crate::{
    facts::FileFacts,
    packages::{
        json,
        lock::{LIMIT, LockFile, Locked, is_inside_package},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads pipenv's lock file.
#[derive(Debug)]
pub(crate) struct PipfileLock;

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
    markers: Option<Value>,
}

impl Parser for PipfileLock {
    fn id(&self) -> &'static str {
        "pipfile-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "Pipfile.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"Pipfile.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: BTreeMap<String, Value> = json::parse(file.bytes)?;
        let mut lock = LockFile::new(PYPI);
        for (category, packages) in document {
            if category == "_meta" {
                continue;
            }
            let packages = BTreeMap::<String, Entry>::deserialize(packages).map_err(|error| {
                ParseError::Syntax { at: format!("`{category}`"), problem: error.to_string() }
            })?;
            for (name, entry) in packages {
                let version = entry.version.as_deref().and_then(|text| text.strip_prefix("=="));
                let Some(version) = version else { continue };
                lock.add(&Locked {
                    name: &normalized(&name),
                    version: version.trim_start_matches('='),
                    development: category == "develop",
                    optional: entry
                        .markers
                        .as_ref()
                        .and_then(Value::as_str)
                        .is_some_and(is_conditional),
                    ..Locked::default()
                });
            }
        }
        Ok(lock.finish())
    }
}
