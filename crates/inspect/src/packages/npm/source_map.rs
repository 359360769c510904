//! `*.js.map`: which files a bundle was put together from.
//!
//! In: JSON. Out: a package for each whose version the map shows: pnpm's and Yarn's folders have it in their names, and a
//! `package.json` that went into the bundle has both, with `evidence: bundle`. Source: ECMA-426, "Source map format"; pnpm,
//! "Symlinked `node_modules` structure". Odd: `node_modules/lodash/lodash.js` names a package without a version, of which
//! nothing can be said: nothing is made up.

use std::{collections::BTreeSet, fmt};

use plimsoll_image::EntryMeta;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess},
};
use serde_json::Value;

use super::{NPM, split_at_version, split_name};
use crate::{
    facts::FileFacts,
    packages::{
        json,
        lock::{BUNDLE, LIMIT, LockFile, Locked, is_inside_package},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Longest `package.json` that is kept: those that matter are short, and a map has the text of every source.
const MAX_DESCRIPTION: usize = 64 << 10;

/// Sources of one map that are looked at; the largest applications have some ten thousand.
const MAX_SOURCES: usize = 200_000;

/// Reads what a bundle was made of.
#[derive(Debug)]
pub(crate) struct SourceMap;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    sources: Texts,
    #[serde(default, rename = "sourcesContent")]
    contents: Texts,
}

/// As many as are looked at.
#[derive(Default)]
struct Texts(Vec<Text>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> de::Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Texts, A::Error> {
        let mut texts = Texts::default();
        while let Some(text) = sequence.next_element()? {
            if texts.0.len() < MAX_SOURCES {
                texts.0.push(text);
            }
        }
        Ok(texts)
    }
}

/// A text that may matter: a path, or something that looks like a `package.json`. All else is passed over, so that a map is
/// not held twice.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> de::Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or nothing")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        let may_matter = text.len() <= MAX_DESCRIPTION
            && (text.trim_start().starts_with('{') || text.contains("node_modules/"));
        Ok(Text(may_matter.then(|| text.to_owned())))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Text, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
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
        for (index, source) in document.sources.0.iter().enumerate() {
            let Some(source) = source.0.as_deref() else { continue };
            packages.extend(in_path(source));
            if source.contains("node_modules/") && source.ends_with("/package.json") {
                let content = document.contents.0.get(index).and_then(|text| text.0.as_deref());
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
