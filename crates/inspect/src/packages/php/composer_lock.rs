//! `composer.lock`: what Composer resolved.
//!
//! In: JSON with the lists `packages` and `packages-dev`. Out: a package for each; those of the second list are for
//! development. Source: Composer, "Composer.lock" and `Locker`. Odd: what is installed stands in
//! `vendor/composer/installed.json` beside it, and wins.

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::{Entry, PACKAGIST};
use crate::{
    facts::FileFacts,
    packages::{
        json,
        lock::{LIMIT, LockFile, is_inside_package},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Composer's lock file.
#[derive(Debug)]
pub(crate) struct ComposerLock;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    packages: Vec<Entry>,
    /// `null` where development was left out.
    #[serde(default, rename = "packages-dev")]
    development: Option<Vec<Entry>>,
}

impl Parser for ComposerLock {
    fn id(&self) -> &'static str {
        "composer-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "composer.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_inside = || {
            is_inside_package(path)
                || path.split(|&byte| byte == b'/').any(|part| part == b"vendor")
        };
        (paths::ends_with(path, b"composer.lock") && !is_inside())
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let document: Document = json::parse(file.bytes)?;
        let mut lock = LockFile::new(PACKAGIST);
        for entry in &document.packages {
            entry.add(&mut lock, false);
        }
        for entry in document.development.iter().flatten() {
            entry.add(&mut lock, true);
        }
        Ok(lock.finish())
    }
}
