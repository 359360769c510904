//! Conan's packages for C and C++: `conan.lock`, and `conaninfo.txt` of what was installed.
//!
//! In: of a lock file JSON, versions 0.3 and 0.4 (Conan 1: nodes of a graph) or 0.5 (Conan 2: lists of references); of
//! `conaninfo.txt` sections of lines. Out: a package for each reference `name/version@user/channel#revision`. Source: Conan
//! documentation, "Lockfiles" and "conaninfo.txt".
//!
//! Odd: in Conan 1's store the package itself is known by the path (`zlib/1.2.11/_/_/package/<id>/`), in Conan 2's by
//! nothing; what it was built with stands in `full_requires` or, of Conan 2, `requires`, where a `Z` is any number and no
//! version. Tools of the build (`build_requires`, `python_requires`) are for development.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::{
    json,
    lock::{LIMIT, LockFile, Locked, is_inside_package},
};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

const CONAN_CENTER: &str = "ConanCenter";

/// A package as Conan names it.
struct Reference<'a> {
    name: &'a str,
    version: &'a str,
    user: &'a str,
    channel: &'a str,
}

impl<'a> Reference<'a> {
    /// `name/version[@user/channel][#revision][:package][%time]`.
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.split(['#', '%']).next().unwrap_or(text);
        let (text, owner) = text.split_once('@').unwrap_or((text, ""));
        let text = text.split(':').next().unwrap_or(text);
        let owner = owner.split(':').next().unwrap_or(owner);
        let (user, channel) = owner.split_once('/').unwrap_or((owner, ""));
        let (name, version) = text.trim().split_once('/')?;
        Some(Self { name, version, user, channel })
    }

    fn add(&self, lock: &mut LockFile, development: bool) {
        // Conan writes `_` for none in its folders.
        let extra = [("user", self.user), ("channel", self.channel)];
        let extra: Vec<_> = extra.into_iter().filter(|(_, value)| *value != "_").collect();
        let (name, version) = (self.name, self.version);
        lock.add(&Locked { name, version, development, extra: &extra, ..Locked::default() });
    }
}

/// Reads Conan's lock file.
#[derive(Debug)]
pub(crate) struct ConanLock;

#[derive(Deserialize)]
struct Document {
    requires: Option<Vec<String>>,
    build_requires: Option<Vec<String>>,
    python_requires: Option<Vec<String>>,
    graph_lock: Option<Graph>,
}

#[derive(Deserialize)]
struct Graph {
    #[serde(default)]
    nodes: BTreeMap<String, Node>,
}

#[derive(Deserialize)]
struct Node {
    r#ref: Option<String>,
    pref: Option<String>,
    path: Option<String>,
    context: Option<String>,
}

impl Parser for ConanLock {
    fn id(&self) -> &'static str {
        "conan-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "conan.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"conan.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = json::parse(file.bytes)?;
        let mut lock = LockFile::new(CONAN_CENTER);
        let mut add = |text: &str, development| {
            if let Some(reference) = Reference::parse(text) {
                reference.add(&mut lock, development);
            }
        };
        for text in document.requires.iter().flatten() {
            add(text, false);
        }
        for text in document.build_requires.iter().chain(&document.python_requires).flatten() {
            add(text, true);
        }
        for node in document.graph_lock.iter().flat_map(|graph| graph.nodes.values()) {
            // What has a path is the program itself.
            if node.path.is_none()
                && let Some(text) = node.r#ref.as_ref().or(node.pref.as_ref())
            {
                add(text, node.context.as_deref() == Some("build"));
            }
        }
        Ok(lock.finish())
    }
}

/// Reads what an installed package says of itself.
#[derive(Debug)]
pub(crate) struct ConanInfo;

impl Parser for ConanInfo {
    fn id(&self) -> &'static str {
        "conan-info"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "conaninfo.txt"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        paths::ends_with(path, b"conaninfo.txt").then_some(Want::Whole { limit: 1 << 20 })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut installed = LockFile::installed(CONAN_CENTER);
        let path = String::from_utf8_lossy(file.path.as_bytes());
        let parts: Vec<&str> = path.rsplit('/').take(7).collect();
        if let [_, _, "package", channel, user, version, name] = *parts.as_slice() {
            Reference { name, version, user, channel }.add(&mut installed, false);
        }
        let mut lock = LockFile::new(CONAN_CENTER);
        let text = String::from_utf8_lossy(file.bytes);
        let is_first = text.contains("[full_requires]");
        let wanted = if is_first { "[full_requires]" } else { "[requires]" };
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line.trim();
            } else if section == wanted
                && let Some(reference) = Reference::parse(line)
                && !reference.version.contains(['Z', 'Y'])
            {
                reference.add(&mut lock, false);
            }
        }
        let mut facts = installed.finish();
        let needed = lock.finish();
        facts.packages.extend(needed.packages);
        facts.problems.extend(needed.problems);
        Ok(facts)
    }
}
