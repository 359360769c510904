//! `packages.lock.json`: what NuGet resolved for a project.
//!
//! In: JSON of version 1 or 2; by target framework, the packages with what was asked for and what was taken. Out: a package
//! each. Source: NuGet, "Locking dependencies". Odd: entries of type `Project` are projects beside this one. Nothing says
//! what is for development.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use serde::Deserialize;
use serde_json::Value;

use super::{LIMIT, NUGET};
use crate::{
    facts::FileFacts,
    packages::{
        json,
        lock::{LockFile, Locked},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Reads NuGet's lock file.
#[derive(Debug)]
pub(crate) struct NugetLock;

#[derive(Deserialize)]
struct Document {
    dependencies: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Parser for NugetLock {
    fn id(&self) -> &'static str {
        "nuget-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "packages.lock.json, packages.<project>.lock.json"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let is_lock = name.starts_with(b"packages.") && name.ends_with(b".lock.json");
        is_lock.then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = json::parse(file.bytes)?;
        let mut lock = LockFile::new(NUGET);
        for packages in document.dependencies.values() {
            for (name, package) in packages {
                let text = |key: &str| package.get(key).and_then(Value::as_str);
                let kind = text("type").unwrap_or_default();
                if kind.eq_ignore_ascii_case("Project") {
                    continue;
                }
                lock.add(&Locked {
                    name,
                    version: text("resolved").unwrap_or_default(),
                    ..Locked::default()
                });
            }
        }
        Ok(lock.finish())
    }
}
