//! `uv.lock`: what uv resolved.
//!
//! In: TOML, a `[[package]]` per distribution, those of the workspace itself among them. Out: a package for each that comes
//! from a registry, a repository or an address. Source: uv's documentation, "Structure and files", and what its versions
//! 0.4 to 0.9 write.
//!
//! Odd: nothing says which packages are for development: they are those that the workspace's members reach through
//! `dev-dependencies` alone. A package's dependencies name a version only where several are locked.

use std::collections::{HashMap, HashSet};

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::{PYPI, is_conditional, normalized};
use crate::{
    facts::FileFacts,
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads uv's lock file.
#[derive(Debug)]
pub(crate) struct UvLock;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    package: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    name: String,
    version: Option<String>,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default, rename = "optional-dependencies")]
    optional_dependencies: HashMap<String, Vec<Dependency>>,
}

#[derive(Deserialize, Default)]
struct Source {
    r#virtual: Option<String>,
    editable: Option<String>,
    directory: Option<String>,
    path: Option<String>,
    git: Option<String>,
    url: Option<String>,
}

impl Source {
    /// The workspace's own, or a folder beside it.
    const fn is_local(&self) -> bool {
        self.r#virtual.is_some() || self.editable.is_some() || self.directory.is_some()
    }
}

#[derive(Deserialize)]
struct Dependency {
    #[serde(default)]
    name: String,
    marker: Option<String>,
}

impl Parser for UvLock {
    fn id(&self) -> &'static str {
        "uv-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "uv.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"uv.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = crate::packages::toml::parse(file)?;
        let always = reached(&document, Reach::Unconditional);
        let sometimes = reached(&document, Reach::Any);
        let mut lock = LockFile::new(PYPI);
        for entry in document.package.iter().filter(|entry| !entry.source.is_local()) {
            // A source tree's version may be computed when it is built.
            let Some(version) = &entry.version else { continue };
            let (source, name) = (&entry.source, entry.name.as_str());
            let needed = sometimes.contains(name);
            lock.add(&Locked {
                name: &normalized(name),
                version,
                development: !needed,
                optional: needed && !always.contains(name),
                origin: source.git.as_deref().or(source.url.as_deref()).or(source.path.as_deref()),
                ..Locked::default()
            });
        }
        Ok(lock.finish())
    }
}

/// Which dependencies are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Those that every installation has.
    Unconditional,
    /// Those of some systems and of extras too.
    Any,
}

/// Names that the workspace's members need at run time. Without a member, all of them.
fn reached(document: &Document, reach: Reach) -> HashSet<&str> {
    let mut by_name: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for entry in &document.package {
        by_name.entry(&entry.name).or_default().push(entry);
    }
    let members = document.package.iter().filter(|entry| entry.source.is_local());
    let mut pending: Vec<&str> = members.map(|entry| entry.name.as_str()).collect();
    if pending.is_empty() {
        return by_name.into_keys().collect();
    }
    let counts = |dependency: &&Dependency| {
        let marker = dependency.marker.as_deref();
        reach == Reach::Any || !marker.is_some_and(is_conditional)
    };
    let mut reached: HashSet<&str> = pending.iter().copied().collect();
    while let Some(name) = pending.pop() {
        // Each name is taken once, so each entry is looked at once.
        for entry in by_name.get(name).into_iter().flatten() {
            let extras = entry.optional_dependencies.values().filter(|_| reach == Reach::Any);
            let dependencies = entry.dependencies.iter().chain(extras.flatten());
            for dependency in dependencies.filter(counts) {
                if reached.insert(&dependency.name) {
                    pending.push(&dependency.name);
                }
            }
        }
    }
    reached
}
