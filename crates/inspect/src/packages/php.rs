//! PHP packages that Composer installed: `composer/installed.json` in a folder of dependencies, mostly `vendor`.
//!
//! In: JSON, a list of packages (Composer 1) or an object with one (Composer 2). Out: a package for each. Source: Composer,
//! `FilesystemRepository` and `JsonFile`'s schema of locked packages.
//!
//! Odd: versions are as their authors wrote the tag (`v6.2.0`); Composer 2 lists what only development needs by name, and
//! that is there all the same; a branch's version is `dev-main`, which is no version but tells what is there.

mod composer_lock;
mod pear;
mod serialized;

use std::collections::BTreeSet;

use plimsoll_image::EntryMeta;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::{composer_lock::ComposerLock, pear::PearRegistry};
use super::{
    json,
    lock::{LockFile, Locked},
};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

const PACKAGIST: &str = "Packagist";

/// Longest list of installed packages; the largest known ones have a tenth.
const LIMIT: u64 = 32 << 20;

/// A package in one of Composer's files.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    r#type: Option<String>,
    #[serde(default)]
    license: Value,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct Source {
    url: Option<String>,
}

/// Where packages of Packagist have their sources; others are told.
const KNOWN_HOSTS: &[&str] =
    &["https://github.com/", "https://gitlab.com/", "https://bitbucket.org/"];

impl Entry {
    fn add(&self, lock: &mut LockFile, development: bool) {
        // It holds nothing but requirements.
        if self.r#type.as_deref() == Some("metapackage") {
            return;
        }
        let (namespace, name) = match self.name.split_once('/') {
            Some((vendor, name)) => (Some(vendor), name),
            None => (None, self.name.as_str()),
        };
        let license = match &self.license {
            Value::String(one) => Some(one.clone()),
            Value::Array(many) => {
                let names: Vec<&str> = many.iter().filter_map(Value::as_str).collect();
                Some(names.join(", "))
            }
            _ => None,
        };
        let source = self.source.as_ref().and_then(|source| source.url.as_deref());
        lock.add(&Locked {
            namespace,
            name,
            version: &self.version,
            development,
            origin: source.filter(|url| !KNOWN_HOSTS.iter().any(|host| url.starts_with(host))),
            license: license.as_deref(),
            ..Locked::default()
        });
    }
}

/// Reads what Composer installed.
#[derive(Debug)]
pub(crate) struct ComposerInstalled;

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    List(Vec<Entry>),
    Object {
        #[serde(default)]
        packages: Vec<Entry>,
        #[serde(default, rename = "dev-package-names")]
        development: BTreeSet<String>,
    },
}

impl Parser for ComposerInstalled {
    fn id(&self) -> &'static str {
        "composer-installed"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "composer/installed.json"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        paths::ends_with(path, b"composer/installed.json").then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let (entries, development) = match json::parse(file.bytes)? {
            Document::List(entries) => (entries, BTreeSet::new()),
            Document::Object { packages, development } => (packages, development),
        };
        let mut installed = LockFile::installed(PACKAGIST);
        for entry in &entries {
            entry.add(&mut installed, development.contains(&entry.name));
        }
        Ok(installed.finish())
    }
}
