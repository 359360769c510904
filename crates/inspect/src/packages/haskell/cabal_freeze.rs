//! `cabal.project.freeze`: what Cabal resolved.
//!
//! In: `constraints:` with entries `any.name ==version`, separated by commas. Out: a package for each. Source: Cabal User
//! Guide, "cabal freeze". Odd: entries for flags (`name +flag`) name no version; packages of the compiler are among them.

use plimsoll_image::EntryMeta;

use super::HACKAGE;
use crate::{
    facts::FileFacts,
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Reads the versions that Cabal froze.
#[derive(Debug)]
pub(crate) struct CabalFreeze;

impl Parser for CabalFreeze {
    fn id(&self) -> &'static str {
        "cabal-freeze"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "cabal.project.freeze, *.project.freeze"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (path.ends_with(b".project.freeze") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut lock = LockFile::new(HACKAGE);
        let lines = file.text()?.lines().filter(|line| !line.trim_start().starts_with("--"));
        for entry in lines.flat_map(|line| line.split(',')) {
            let entry = entry.trim();
            let entry = entry.strip_prefix("constraints:").map_or(entry, str::trim);
            let Some((name, version)) = entry.split_once("==") else { continue };
            let name = name.trim();
            let name = name.strip_prefix("any.").unwrap_or(name);
            let version = version.trim();
            // `==1.2.*` and alternatives are no frozen version.
            if !name.contains(' ') && !version.contains([' ', '*', '|']) {
                lock.add(&Locked { name, version, ..Locked::default() });
            }
        }
        Ok(lock.finish())
    }
}
