//! OCaml packages that opam installed: `.opam-switch/switch-state` and `.opam-switch/packages/<name>.<version>/opam`.
//!
//! In: opam's format, `field: "text"` and `field: ["text" …]`. Out: a package for each that is installed. Source: opam
//! manual, "File hierarchies" and "switch-state". Odd: the version begins behind the first dot of `name.version`, since names
//! have none; both files show the same packages, and one is enough where the other was removed.

use plimsoll_image::EntryMeta;

use super::lock::{LockFile, Locked};
use crate::{
    facts::{FileFacts, Problem, clip},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

const OPAM: &str = "opam";

/// Longest file that is read.
const LIMIT: u64 = 8 << 20;

/// Reads what a switch holds.
#[derive(Debug)]
pub(crate) struct OpamSwitch;

impl Parser for OpamSwitch {
    fn id(&self) -> &'static str {
        "opam-switch"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        ".opam-switch/switch-state"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        paths::ends_with(path, b".opam-switch/switch-state").then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = file.text()?;
        let mut installed = LockFile::installed(OPAM);
        let list = field(text, "installed").ok_or(ParseError::Missing("installed"))?;
        let list = list.trim_start().trim_start_matches('[');
        let list = list.split(']').next().unwrap_or_default();
        for identifier in list.split('"').skip(1).step_by(2) {
            match identifier.split_once('.') {
                Some((name, version)) => {
                    installed.add(&Locked { name, version, ..Locked::default() });
                }
                None => installed.problem(|| {
                    Problem::unreadable(format!("`{}` has no version", clip(identifier)))
                }),
            }
        }
        Ok(installed.finish())
    }
}

/// Reads the description of an installed package.
#[derive(Debug)]
pub(crate) struct OpamPackage;

impl Parser for OpamPackage {
    fn id(&self) -> &'static str {
        "opam"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        ".opam-switch/packages/*/opam"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let is_package = parts.next() == Some(b"opam")
            && parts.next().is_some_and(|package| package.contains(&b'.'))
            && parts.next() == Some(b"packages")
            && parts.next() == Some(b".opam-switch");
        is_package.then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let folder = file.path.parent();
        let folder = folder.as_ref().map(|folder| String::from_utf8_lossy(folder.name()));
        let (name, version) =
            folder.as_deref().and_then(|name| name.split_once('.')).unwrap_or_default();
        let license = field(&text, "license").map(|list| {
            let line = list.trim_start().split(['\n', ']']).next().unwrap_or_default();
            line.split('"').skip(1).step_by(2).collect::<Vec<_>>().join(", ")
        });
        let mut installed = LockFile::installed(OPAM);
        let license = license.as_deref();
        installed.add(&Locked { name, version, license, ..Locked::default() });
        Ok(installed.finish())
    }
}

/// What stands behind `name:` at the beginning of a line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        if let Some(value) = rest.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) {
            return Some(value);
        }
        at += rest.find('\n')? + 1;
    }
}
