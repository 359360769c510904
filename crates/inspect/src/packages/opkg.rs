//! The package database of opkg (`OpenWrt` before 25.12, Yocto, Entware): a `status` file as dpkg has it, and lists of what
//! packages own.
//!
//! In: stanzas of `Field: value` lines; lists of paths. Out: one package per stanza whose files are there, and fingerprints
//! of owned paths.
//! Source: opkg's `libopkg/opkg_conf.c` (places) and `pkg_parse.c`.
//!
//! Odd: opkg keeps the database where the distribution built it to: below `usr/lib`, `var/lib` or, on top of another
//! system, `opt/lib`. A path in a list may be followed by a tab and its mode.

use plimsoll_image::EntryMeta;

use super::dpkg;
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::{child_of, fingerprint},
};

/// Where the database is.
pub(crate) const FOLDERS: &[&str] =
    &["usr/lib/opkg", "var/lib/opkg", "opt/lib/opkg", "usr/local/lib/opkg"];

/// Reads which packages are installed and what they own.
#[derive(Debug)]
pub(crate) struct Opkg;

impl Parser for Opkg {
    fn id(&self) -> &'static str {
        "opkg"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "status, status.d/* and info/*.list in usr/lib/opkg, var/lib/opkg, opt/lib/opkg and usr/local/lib/opkg"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let folder = FOLDERS.iter().find(|folder| path.starts_with(folder.as_bytes()))?;
        let rest = path.strip_prefix(folder.as_bytes())?.strip_prefix(b"/")?;
        let is_list = || child_of(rest, "info").is_some_and(|name| name.ends_with(b".list"));
        let is_known = rest == b"status" || child_of(rest, "status.d").is_some() || is_list();
        is_known.then_some(Want::Whole { limit: u64::MAX })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        if !is_list(file.path.as_bytes()) {
            return Ok(dpkg::stanzas(file.bytes, file.path.name() == b"status"));
        }
        let mut facts = FileFacts::default();
        for line in file.bytes.split(|&byte| byte == b'\n') {
            let path = line.split(|&byte| byte == b'\t').next().unwrap_or_default();
            let path = path.strip_suffix(b"\r").unwrap_or(path);
            if !path.is_empty() {
                facts.own(fingerprint(path));
            }
        }
        facts.owned.sort_unstable();
        facts.owned.dedup();
        Ok(facts)
    }
}

/// Whether a claimed path is that of a list, not of a database.
pub(crate) fn is_list(path: &[u8]) -> bool {
    path.ends_with(b".list")
}
