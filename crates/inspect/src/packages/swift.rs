//! `Package.resolved`: what Swift's package manager resolved.
//!
//! In: JSON of versions 1 to 3. Out: a package for each pin of a repository or registry, named by its address
//! (`github.com/apple/swift-nio`). Source: Swift Package Manager, `PinsStore`; OSV, ecosystem `SwiftURL`. Odd: a branch or a commit that
//! was pinned has no version: the commit stands for it; folders have neither.

mod podfile_lock;

use plimsoll_image::EntryMeta;
use serde::Deserialize;

pub(crate) use self::podfile_lock::PodfileLock;
use super::{
    json,
    lock::{LIMIT, LockFile, Locked, is_inside_package},
};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads the pins of a Swift package.
#[derive(Debug)]
pub(crate) struct PackageResolved;

#[derive(Deserialize)]
struct Document {
    /// Since version 2.
    pins: Option<Vec<Pin>>,
    /// Version 1.
    object: Option<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    pins: Vec<Pin>,
}

#[derive(Deserialize)]
struct Pin {
    #[serde(default, alias = "package")]
    identity: String,
    #[serde(default, alias = "repositoryURL")]
    location: String,
    kind: Option<String>,
    state: Option<State>,
}

#[derive(Deserialize)]
struct State {
    version: Option<String>,
    revision: Option<String>,
}

impl Parser for PackageResolved {
    fn id(&self) -> &'static str {
        "swift-resolved"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "Package.resolved"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_inside = || {
            is_inside_package(path)
                || path.split(|&byte| byte == b'/').any(|part| part == b".build")
        };
        (paths::ends_with(path, b"Package.resolved") && !is_inside())
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = json::parse(file.bytes)?;
        let mut lock = LockFile::new("SwiftURL");
        let pins = document.pins.or(document.object.map(|object| object.pins));
        for pin in pins.as_ref().ok_or(ParseError::Missing("pins"))? {
            if pin.kind.as_deref() == Some("localSourceControl") {
                continue;
            }
            let address = address(&pin.location);
            // A registry's packages have no address but a scope: `mona.LinkedList`.
            let (namespace, name) = address
                .rsplit_once('/')
                .or_else(|| pin.identity.split_once('.'))
                .map_or((None, pin.identity.as_str()), |(path, name)| (Some(path), name));
            let state = pin.state.as_ref();
            let version = state
                .and_then(|state| state.version.as_deref().or(state.revision.as_deref()))
                .unwrap_or_default();
            lock.add(&Locked { namespace, name, version, ..Locked::default() });
        }
        Ok(lock.finish())
    }
}

/// `https://github.com/apple/swift-nio.git` and `git@github.com:apple/swift-nio.git` are `github.com/apple/swift-nio`.
fn address(location: &str) -> String {
    let (has_scheme, bare) = match location.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, location),
    };
    let (authority, path) = bare.split_once('/').unwrap_or((bare, ""));
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    // Behind a scheme the colon is before a port, else before the path.
    let (host, start) = authority.split_once(':').unwrap_or((authority, ""));
    let start = if has_scheme { "" } else { start };
    let path = format!("{start}/{path}");
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    if path.is_empty() { String::new() } else { format!("{host}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_and_paths() {
        for location in [
            "https://github.com/apple/swift-nio.git",
            "https://user:secret@github.com/apple/swift-nio",
            "git@github.com:apple/swift-nio.git",
            "ssh://git@github.com:22/apple/swift-nio.git/",
        ] {
            assert_eq!(address(location), "github.com/apple/swift-nio", "{location}");
        }
        assert_eq!(address(""), "");
    }
}
