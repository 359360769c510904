//! Installed Node.js packages: `node_modules/<name>/package.json` and `node_modules/@<scope>/<name>/package.json`, at any
//! depth and anywhere, npm's own in `usr/lib/node_modules` included; and Debian's `usr/share/nodejs/<name>/package.json`.
//!
//! In: JSON. Out: one package if the file has a name and a version. Source: npm's `package.json` and `folders`
//! documentation.
//!
//! Odd: only a file directly in a package's folder counts; the many others below it (test fixtures, `esm/package.json`
//! with a bare `type`) do not. The name inside the file wins over the folder's: an alias installs one package under
//! another's name. Outside of those folders a `package.json` is an application's own, or a package that somebody unpacked
//! there: it counts if it names its repository and is not private, as published packages do; an application that merely
//! has a public package's name would be blamed for that one's vulnerabilities.

mod banner;
mod bun;
mod deno;
mod package_lock;
mod pnpm;
mod source_map;
mod yarn;

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use serde_json::Value;

use super::{MAX_WORD, json};
use crate::{
    facts::{FileFacts, PackageFact},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

pub(crate) use self::{
    banner::BundleBanners, bun::BunLock, deno::DenoLock, package_lock::PackageLock, pnpm::PnpmLock,
    source_map::SourceMap, yarn::YarnLock,
};

/// The OSV name of the ecosystem.
const NPM: &str = "npm";

const LIMIT: u64 = 16 << 20;

/// What a `package.json` at some path describes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// A package that Node.js finds there.
    Installed,
    /// Whatever lies outside of packages' folders.
    Elsewhere,
}

fn place(path: &[u8]) -> Option<Place> {
    let mut parts = path.rsplit(|&byte| byte == b'/');
    if parts.next()? != b"package.json" {
        return None;
    }
    let (name, parent, grandparent) = (parts.next(), parts.next(), parts.next());
    // Debian puts packages where its Node.js looks for them, and links to them from `node_modules`.
    let is_debian = path.starts_with(b"usr/share/nodejs/");
    let holds_packages = |folder: Option<&[u8]>, above: Option<&[u8]>| {
        folder == Some(b"node_modules")
            || (is_debian && folder == Some(b"nodejs") && above == Some(b"share"))
    };
    let is_package = if holds_packages(parent, grandparent) {
        name.is_some_and(|name| !name.starts_with(b"@") && !name.starts_with(b"."))
    } else {
        parent.is_some_and(|scope| scope.starts_with(b"@"))
            && holds_packages(grandparent, parts.next())
    };
    let is_inside =
        is_debian || path.split(|&byte| byte == b'/').any(|part| part == b"node_modules");
    match (is_package, is_inside) {
        (true, _) => Some(Place::Installed),
        (false, true) => None,
        (false, false) => Some(Place::Elsewhere),
    }
}

/// npm refuses to publish what is private, and asks for a repository.
fn is_published(document: &Value) -> bool {
    let has_repository = match document.get("repository") {
        Some(Value::String(address)) => !address.is_empty(),
        Some(Value::Object(fields)) => fields.contains_key("url"),
        _ => false,
    };
    has_repository && document.get("private").and_then(Value::as_bool) != Some(true)
}

/// Reads one package's description.
#[derive(Debug)]
pub(crate) struct NodeModules;

impl Parser for NodeModules {
    fn id(&self) -> &'static str {
        "npm"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "package.json directly in node_modules/*, node_modules/@*/*, usr/share/nodejs/*, usr/share/nodejs/@*/*"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (place(path) == Some(Place::Installed)).then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        package(&json::parse(file.bytes)?)
    }
}

/// Reads the description of a package that lies where Node.js would not look for it. A parser of its own, since a link may
/// show the same file as an installed package as well.
#[derive(Debug)]
pub(crate) struct UnpackedNodePackage;

impl Parser for UnpackedNodePackage {
    fn id(&self) -> &'static str {
        "npm-unpacked"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "package.json outside of node_modules and usr/share/nodejs, if it names a repository and is not private"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (place(path) == Some(Place::Elsewhere)).then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        // What is no JSON is a template of a generator, most likely, and no package.
        match json::parse::<Value>(file.bytes) {
            Ok(document) if is_published(&document) => package(&document),
            _ => Ok(FileFacts::default()),
        }
    }
}

fn package(document: &Value) -> Result<FileFacts, ParseError> {
    let text = |field: &str| document.get(field).and_then(Value::as_str).map(str::trim);
    let (Some(name), Some(version)) = (text("name"), text("version")) else {
        return Ok(FileFacts::default());
    };
    if name.is_empty() || version.is_empty() {
        return Ok(FileFacts::default());
    }
    if name.len() > MAX_WORD || version.len() > MAX_WORD {
        let problem = "is longer than 1024 bytes".to_owned();
        return Err(ParseError::Syntax { at: "`name` or `version`".to_owned(), problem });
    }
    let (namespace, name) = split_name(name);
    let license = document.get("license").and_then(|license| {
        license.as_str().or_else(|| license.get("type").and_then(Value::as_str))
    });
    let extra: BTreeMap<String, String> = license
        .filter(|license| !license.is_empty() && license.len() <= 100)
        .map(|license| ("license".to_owned(), license.to_owned()))
        .into_iter()
        .collect();
    let package = PackageFact {
        ecosystem: Some(NPM.to_owned()),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        // `v1.0.0` and `=1.0.0` are what npm itself cleans away.
        version: version.trim_start_matches(['v', '=']).trim().to_owned(),
        extra,
        ..PackageFact::default()
    };
    Ok(FileFacts { packages: vec![package], ..FileFacts::default() })
}

/// `@scope/name` is a name in a scope.
fn split_name(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((scope, name)) if scope.starts_with('@') => (Some(scope), name),
        _ => (None, name),
    }
}

/// `@scope/name@1.0.0` is a name and what stands behind the `@` that is not the scope's; empty without one.
fn split_at_version(id: &str) -> (&str, &str) {
    let from = usize::from(id.starts_with('@'));
    let at = id.get(from..).and_then(|rest| rest.find('@')).map(|at| at + from);
    let parts = at.and_then(|at| Some((id.get(..at)?, id.get(at + 1..)?)));
    parts.unwrap_or((id, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_split() {
        for (id, name, version) in [
            ("a@1.0.0", "a", "1.0.0"),
            ("@s/a@npm:^1.0.0", "@s/a", "npm:^1.0.0"),
            ("@s/a", "@s/a", ""),
            ("", "", ""),
            ("@", "@", ""),
        ] {
            assert_eq!(split_at_version(id), (name, version), "{id}");
        }
        assert_eq!(split_name("@s/a"), (Some("@s"), "a"));
        assert_eq!(split_name("a"), (None, "a"));
    }
}
