//! `package-lock.json`, `npm-shrinkwrap.json` and `node_modules/.package-lock.json`: what npm resolved.
//!
//! In: JSON of lock file versions 1 to 3. Out: a package for each entry that does not come from a folder. Source: npm,
//! "package-lock.json". Odd: version 2 says everything twice, in `packages` and for older versions in `dependencies`; the
//! first is read. Keys of `packages` are folders, and an alias is told by a `name` of its own; in `dependencies` it stands
//! in the version (`npm:string-width@4.2.0`). What development and some systems need is marked by npm itself.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use serde::Deserialize;
use serde_json::Value;

use super::{NPM, split_at_version, split_name};
use crate::{
    facts::FileFacts,
    packages::{
        json,
        lock::{LIMIT, LockFile, Locked, is_inside_package},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads npm's lock files.
#[derive(Debug)]
pub(crate) struct PackageLock;

#[derive(Deserialize)]
struct Document {
    packages: Option<BTreeMap<String, Entry>>,
    dependencies: Option<BTreeMap<String, Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    name: Option<Value>,
    version: Option<Value>,
    resolved: Option<Value>,
    license: Option<Value>,
    #[serde(default)]
    dev: Option<Value>,
    #[serde(default)]
    optional: Option<Value>,
    #[serde(rename = "devOptional")]
    dev_optional: Option<Value>,
    link: Option<Value>,
    /// Below a package of version 1; in `packages` these are names with ranges.
    dependencies: Option<Value>,
}

impl Parser for PackageLock {
    fn id(&self) -> &'static str {
        "package-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "package-lock.json, npm-shrinkwrap.json, node_modules/.package-lock.json"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_lock = [&b"package-lock.json"[..], b"npm-shrinkwrap.json"]
            .iter()
            .any(|name| paths::ends_with(path, name));
        let is_hidden = || paths::ends_with(path, b"node_modules/.package-lock.json");
        ((is_lock && !is_inside_package(path)) || is_hidden())
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = json::parse(file.bytes)?;
        let mut lock = LockFile::new(NPM);
        match (document.packages, document.dependencies) {
            (Some(packages), _) => {
                for (folder, entry) in &packages {
                    add_folder(&mut lock, folder, entry);
                }
            }
            (None, Some(dependencies)) => add_tree(&mut lock, dependencies),
            // A project without dependencies has neither.
            (None, None) => {}
        }
        Ok(lock.finish())
    }
}

fn is_set(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool) == Some(true)
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

/// An entry of `packages`: the root is the project itself, folders outside of `node_modules` are its workspaces, and links
/// lead there.
fn add_folder(lock: &mut LockFile, folder: &str, entry: &Entry) {
    let Some((_, installed_as)) = folder.rsplit_once("node_modules/") else { return };
    let resolved = text(entry.resolved.as_ref());
    if is_set(entry.link.as_ref()) || resolved.is_some_and(is_local) {
        return;
    }
    let (namespace, name) = split_name(text(entry.name.as_ref()).unwrap_or(installed_as));
    lock.add(&Locked {
        namespace,
        name,
        version: text(entry.version.as_ref()).unwrap_or_default(),
        development: is_set(entry.dev.as_ref()),
        optional: is_set(entry.optional.as_ref()) || is_set(entry.dev_optional.as_ref()),
        origin: resolved.filter(|address| !is_registry(address)),
        license: text(entry.license.as_ref()),
        ..Locked::default()
    });
}

/// Entries of version 1, and those nested in them.
fn add_tree(lock: &mut LockFile, dependencies: BTreeMap<String, Entry>) {
    let mut pending = vec![dependencies];
    while let Some(dependencies) = pending.pop() {
        for (name, entry) in dependencies {
            add_dependency(lock, &name, &entry);
            let nested = entry.dependencies.map(BTreeMap::<String, Entry>::deserialize);
            if let Some(Ok(nested)) = nested {
                pending.push(nested);
            }
        }
    }
}

fn add_dependency(lock: &mut LockFile, installed_as: &str, entry: &Entry) {
    let version = text(entry.version.as_ref()).unwrap_or_default();
    if is_local(version) {
        return;
    }
    let resolved = text(entry.resolved.as_ref()).filter(|address| !is_registry(address));
    let (full, version, origin) = match version.strip_prefix("npm:") {
        Some(alias) => {
            let (name, version) = split_at_version(alias);
            (name, version, resolved)
        }
        // A repository or an address, and no version.
        None if version.contains(':') => {
            lock.add_unversioned();
            return;
        }
        None => (installed_as, version, resolved),
    };
    let (namespace, name) = split_name(full);
    lock.add(&Locked {
        namespace,
        name,
        version,
        development: is_set(entry.dev.as_ref()),
        optional: is_set(entry.optional.as_ref()),
        origin,
        ..Locked::default()
    });
}

fn is_local(address: &str) -> bool {
    ["file:", "link:", "workspace:"].iter().any(|scheme| address.starts_with(scheme))
}

/// npm's own registry, or a copy of it with its addresses.
fn is_registry(address: &str) -> bool {
    address.starts_with("https://registry.npmjs.org/")
        || address.starts_with("https://registry.yarnpkg.com/")
        || (address.contains("/-/") && address.ends_with(".tgz"))
}
