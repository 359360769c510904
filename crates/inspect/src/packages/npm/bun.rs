//! `bun.lock`: what Bun resolved; and `bun.lockb`, its older binary form, which is not read.
//!
//! In: JSON with comments and commas before closing brackets. Out: a package for each entry of `packages` that does not come
//! from a folder. Source: Bun's documentation, "Lockfile", and its `bun.lock.zig`.
//!
//! Odd: an entry is a list whose first item is `name@version` and of which one is an object with dependencies. Keys are
//! paths of names (`a/b` is the `b` below `a`), by which a dependency finds its package: the nearest one up the path. What
//! is for development follows from the workspaces' `devDependencies`.

use std::collections::{BTreeMap, HashSet};

use plimsoll_image::EntryMeta;
use serde::Deserialize;
use serde_json::Value;

use super::{NPM, split_at_version, split_name};
use crate::{
    facts::{FileFacts, clip},
    packages::{
        json,
        lock::{LIMIT, LockFile, Locked, is_inside_package},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Look-ups of dependencies; a file that asks for more is read without scopes.
const MAX_LOOKUPS: usize = 5_000_000;

/// Reads Bun's lock file.
#[derive(Debug)]
pub(crate) struct BunLock;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    workspaces: BTreeMap<String, Dependencies>,
    #[serde(default)]
    packages: BTreeMap<String, Vec<Value>>,
}

#[derive(Deserialize, Default)]
struct Dependencies {
    name: Option<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
    #[serde(default, rename = "optionalDependencies")]
    optional_dependencies: BTreeMap<String, Value>,
    #[serde(default, rename = "peerDependencies")]
    peer_dependencies: BTreeMap<String, Value>,
}

impl Dependencies {
    fn names(&self) -> impl Iterator<Item = &String> {
        let optional = self.optional_dependencies.keys();
        self.dependencies.keys().chain(optional).chain(self.peer_dependencies.keys())
    }
}

impl Parser for BunLock {
    fn id(&self) -> &'static str {
        "bun-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "bun.lock; the binary bun.lockb is a gap"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let want = if paths::ends_with(path, b"bun.lockb") {
            Want::Head { limit: 64 }
        } else if paths::ends_with(path, b"bun.lock") {
            Want::Whole { limit: LIMIT }
        } else {
            return None;
        };
        (!is_inside_package(path)).then_some(want)
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        if file.path.name().ends_with(b"b") {
            return Err(ParseError::Syntax {
                at: "whole file".to_owned(),
                problem: "is Bun's binary lock file, of which no packages were read; `bun install --save-text-lockfile` writes it as text".to_owned(),
            });
        }
        let document: Document = json::parse(&json::without_comments(file.bytes))?;
        let needed = needed(&document);
        let mut lock = LockFile::new(NPM);
        for (key, entry) in &document.packages {
            let Some(id) = entry.first().and_then(Value::as_str) else {
                return Err(ParseError::Syntax {
                    at: format!("`{}`", clip(key)),
                    problem: "has no name".to_owned(),
                });
            };
            let (name, version) = split_at_version(id);
            let kinds = ["workspace:", "file:", "link:", "root:"];
            if kinds.iter().any(|kind| version.starts_with(kind)) {
                continue;
            }
            // A repository or an address says no version.
            if !version.starts_with(|c: char| c.is_ascii_digit()) {
                lock.add_unversioned();
                continue;
            }
            let details = entry.iter().find(|item| item.is_object());
            let optional = details
                .is_some_and(|details| ["os", "cpu"].iter().any(|key| details.get(key).is_some()));
            let (namespace, name) = split_name(name);
            lock.add(&Locked {
                namespace,
                name,
                version,
                development: needed.as_ref().is_some_and(|needed| !needed.contains(key.as_str())),
                optional,
                ..Locked::default()
            });
        }
        Ok(lock.finish())
    }
}

/// Keys of the packages that the workspaces need at run time; `None` where that cannot be told.
fn needed(document: &Document) -> Option<HashSet<&str>> {
    if document.workspaces.is_empty() {
        return None;
    }
    let mut lookups = 0_usize;
    let mut needed: HashSet<&str> = HashSet::new();
    let mut pending: Vec<&str> = Vec::new();
    for workspace in document.workspaces.values() {
        let below = workspace.name.as_deref().unwrap_or_default();
        for name in workspace.names() {
            pending.extend(find(document, below, name, &mut lookups));
        }
    }
    while let Some(key) = pending.pop() {
        if lookups > MAX_LOOKUPS {
            return None;
        }
        if !needed.insert(key) {
            continue;
        }
        let details =
            document.packages.get(key).into_iter().flatten().find(|item| item.is_object());
        let Some(details) = details else { continue };
        let Ok(details) = Dependencies::deserialize(details) else { continue };
        for name in details.names() {
            pending.extend(find(document, key, name, &mut lookups));
        }
    }
    Some(needed)
}

/// The package that `name` is for the one at `key`: below it, or else the nearest up the path.
fn find<'d>(document: &'d Document, key: &str, name: &str, lookups: &mut usize) -> Option<&'d str> {
    let mut above = key;
    loop {
        // What a look-up costs grows with the path.
        *lookups += 1 + above.len() / 64;
        if *lookups > MAX_LOOKUPS {
            return None;
        }
        let candidate = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
        if let Some((key, _)) = document.packages.get_key_value(&candidate) {
            return Some(key);
        }
        if above.is_empty() {
            return None;
        }
        above = parent(above);
    }
}

/// `a/@s/b` is below `a`; `@s/b` is below the root.
fn parent(key: &str) -> &str {
    let above = key.rsplit_once('/').map_or("", |(above, _)| above);
    match above.rsplit_once('/') {
        Some((rest, scope)) if scope.starts_with('@') => rest,
        None if above.starts_with('@') => "",
        _ => above,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_names_have_parents() {
        for (key, above) in
            [("a", ""), ("@s/a", ""), ("a/b", "a"), ("a/@s/b", "a"), ("@s/a/b", "@s/a")]
        {
            assert_eq!(parent(key), above, "{key}");
        }
    }
}
