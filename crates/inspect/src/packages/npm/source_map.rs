//! `*.js.map`: which files a bundle was put together from.
//!
//! In: JSON. Out: a package for each whose version the map shows: pnpm's and Yarn's folders have it in their names, and a
//! `package.json` that went into the bundle has both, with `evidence: bundle`. Source: ECMA-426, "Source map format"; pnpm,
//! "Symlinked `node_modules` structure". Odd: `node_modules/lodash/lodash.js` names a package without a version, of which
//! nothing can be said: nothing is made up.

use std::collections::BTreeSet;

use plimsoll_image::EntryMeta;
use serde::Deserialize;
use serde_json::Value;

use super::{NPM, split_at_version, split_name};
use crate::{
    facts::FileFacts,
    packages::{
        json,
        lock::{BUNDLE, LockFile, Locked, is_inside_package},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Maps of large applications have some tens of megabytes.
const LIMIT: u64 = 64 << 20;

/// Reads what a bundle was made of.
#[derive(Debug)]
pub(crate) struct SourceMap;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    sources: Vec<Value>,
    #[serde(default, rename = "sourcesContent")]
    contents: Vec<Value>,
}

impl Parser for SourceMap {
    fn id(&self) -> &'static str {
        "js-map"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "*.js.map, *.mjs.map, *.cjs.map outside of installed packages: sources whose version is known"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let ends = [&b".js.map"[..], b".mjs.map", b".cjs.map"];
        let is_map = ends.iter().any(|end| path.ends_with(end));
        (is_map && !is_inside_package(path)).then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        // Some begin with a line that keeps browsers from running them.
        let bytes = json::without_mark(file.bytes);
        let bytes = match bytes.strip_prefix(b")]}'") {
            Some(rest) => rest.splitn(2, |&byte| byte == b'\n').nth(1).unwrap_or_default(),
            None => bytes,
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(FileFacts::default());
        }
        let document: Document = json::parse(bytes)?;
        let mut packages = BTreeSet::new();
        for (index, source) in document.sources.iter().enumerate() {
            let Some(source) = source.as_str() else { continue };
            packages.extend(in_path(source));
            if source.contains("node_modules/") && source.ends_with("/package.json") {
                let content = document.contents.get(index).and_then(Value::as_str);
                packages.extend(content.and_then(described));
            }
        }
        let mut found = LockFile::weak(NPM, BUNDLE);
        for (name, version) in &packages {
            let (namespace, name) = split_name(name);
            found.add(&Locked { namespace, name, version, ..Locked::default() });
        }
        Ok(found.finish())
    }
}

/// Name and version by a path of pnpm (`.pnpm/@babel+core@7.0.0_x@1/node_modules/@babel/core/…`) or Yarn
/// (`lodash-npm-4.17.21-6382451519-….zip/node_modules/lodash/…`).
fn in_path(path: &str) -> Option<(String, String)> {
    let (before, after) = path.rsplit_once("/node_modules/")?;
    let mut parts = after.split('/');
    let first = parts.next()?;
    let name = match first.starts_with('@') {
        true => format!("{first}/{}", parts.next()?),
        false => first.to_owned(),
    };
    let folder = before.rsplit('/').next()?;
    let version = if before.ends_with(&format!(".pnpm/{folder}")) {
        let (full, version) = split_at_version(folder);
        if full.replace('+', "/") != name {
            return None;
        }
        version.split(['_', '(']).next()?
    } else {
        let prefix = format!("{}-npm-", name.replace('/', "-"));
        let rest = folder.strip_suffix(".zip")?.strip_prefix(&prefix)?;
        // The version, a hash of where it comes from, and one of its bytes.
        let (rest, _) = rest.rsplit_once('-').filter(|(_, hash)| hash.len() >= 8)?;
        rest.rsplit_once('-').filter(|(_, hash)| hash.len() >= 10).map_or(rest, |(rest, _)| rest)
    };
    is_version(version).then(|| (name, version.to_owned()))
}

/// Name and version in a `package.json`.
fn described(text: &str) -> Option<(String, String)> {
    let document: Value = serde_json::from_str(text).ok()?;
    let field = |key: &str| document.get(key).and_then(Value::as_str);
    let (name, version) = (field("name")?, field("version")?);
    is_version(version).then(|| (name.to_owned(), version.to_owned()))
}

fn is_version(text: &str) -> bool {
    let is_of_versions = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
    text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(is_of_versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_folders_that_have_them() {
        for (path, wanted) in [
            (
                "webpack:///./node_modules/.pnpm/lodash@4.17.21/node_modules/lodash/lodash.js",
                Some(("lodash", "4.17.21")),
            ),
            (
                "../node_modules/.pnpm/@babel+runtime@7.10.2_x@1.0.0/node_modules/@babel/runtime/a.js",
                Some(("@babel/runtime", "7.10.2")),
            ),
            (
                "../.yarn/cache/lodash-npm-4.17.20-6382451519-abcdef0123.zip/node_modules/lodash/lodash.js",
                Some(("lodash", "4.17.20")),
            ),
            (
                "../.yarn/cache/@babel-core-npm-7.0.0-6382451519-abcdef0123.zip/node_modules/@babel/core/i.js",
                Some(("@babel/core", "7.0.0")),
            ),
            ("webpack:///./node_modules/lodash/lodash.js", None),
            ("node_modules/.pnpm/node_modules/lodash/lodash.js", None),
            ("node_modules/.pnpm/a@file+b/node_modules/a/a.js", None),
            ("/node_modules/", None),
        ] {
            let found = in_path(path);
            let found = found.as_ref().map(|(name, version)| (name.as_str(), version.as_str()));
            assert_eq!(found, wanted, "{path}");
        }
    }
}
