//! `deno.lock`: what Deno resolved, lock file versions 2 to 5.
//!
//! In: JSON. Out: a package for each of npm's; packages of JSR are npm packages of the scope `@jsr`, as JSR itself offers
//! them to npm. Source: Deno's documentation, "Lock file"; its crate `deno_lockfile`.
//!
//! Odd: where the packages stand moved twice (`npm.packages` in 2, `packages.npm` in 3, `npm` since 4). Keys are
//! `name@1.0.0_peer@2.0.0`. Modules by address (`remote`) have no name or version.

use std::collections::BTreeMap;

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

/// Reads Deno's lock file.
#[derive(Debug)]
pub(crate) struct DenoLock;

type Packages = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct Document {
    version: Option<Value>,
    npm: Option<Value>,
    jsr: Option<Packages>,
    packages: Option<Nested>,
    remote: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct Nested {
    npm: Option<Packages>,
    jsr: Option<Packages>,
}

#[derive(Deserialize)]
struct Version2 {
    packages: Packages,
}

impl Parser for DenoLock {
    fn id(&self) -> &'static str {
        "deno-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "deno.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"deno.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = json::parse(file.bytes)?;
        let version = document.version.as_ref().and_then(Value::as_str).unwrap_or("1");
        let number: u32 = version.parse().unwrap_or(0);
        if !(2..=5).contains(&number) {
            return Err(ParseError::Syntax {
                at: "`version`".to_owned(),
                problem: format!("lock file version {} is not known", clip(version)),
            });
        }
        let shape = |error: serde_json::Error| ParseError::Syntax {
            at: "`npm`".to_owned(),
            problem: error.to_string(),
        };
        let nested = document.packages.unwrap_or(Nested { npm: None, jsr: None });
        let npm = match (number, document.npm) {
            (2, Some(npm)) => Some(Version2::deserialize(npm).map_err(shape)?.packages),
            (3.., Some(npm)) => Some(Packages::deserialize(npm).map_err(shape)?),
            _ => nested.npm,
        };
        let mut lock = LockFile::new(NPM);
        for key in npm.iter().flat_map(BTreeMap::keys) {
            let (name, version) = split_at_version(key);
            let (namespace, name) = split_name(name);
            let version = version.split('_').next().unwrap_or(version);
            lock.add(&Locked { namespace, name, version, ..Locked::default() });
        }
        for key in document.jsr.or(nested.jsr).iter().flat_map(BTreeMap::keys) {
            let (name, version) = split_at_version(key);
            let name = name.trim_start_matches('@').replace('/', "__");
            let origin = Some("https://jsr.io/");
            let namespace = Some("@jsr");
            lock.add(&Locked { namespace, name: &name, version, origin, ..Locked::default() });
        }
        for _module in document.remote.iter().flatten() {
            lock.add_unversioned();
        }
        Ok(lock.finish())
    }
}
