//! vcpkg's packages for C and C++: `vcpkg/status` in its folder of installed packages.
//!
//! In: stanzas of `Field: value` lines, separated by an empty line. Out: one package per stanza whose `Status` ends in
//! `installed`. Source: vcpkg, `statusparagraph.cpp`. Odd: a feature of a package has a stanza of its own, which is no
//! package; changes that vcpkg has not folded in yet stand in `vcpkg/updates/`, each file like the whole, and the last
//! stanza of a package counts there; here all that are installed are.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;

use super::lock::{LockFile, Locked};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Longest file of statuses.
const LIMIT: u64 = 32 << 20;

/// Reads the statuses of vcpkg's packages.
#[derive(Debug)]
pub(crate) struct VcpkgStatus;

impl Parser for VcpkgStatus {
    fn id(&self) -> &'static str {
        "vcpkg"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "vcpkg/status, vcpkg/updates/*"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/').skip(1);
        let is_update = parts.next() == Some(b"updates") && parts.next() == Some(b"vcpkg");
        (is_update || paths::ends_with(path, b"vcpkg/status"))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = file.text()?;
        let mut installed = LockFile::installed("vcpkg");
        for stanza in text.split("\n\n") {
            let fields: BTreeMap<&str, &str> =
                stanza.lines().filter_map(|line| line.split_once(": ")).collect();
            let field = |name: &str| fields.get(name).map_or("", |value| value.trim());
            if !field("Status").ends_with(" installed") || !field("Feature").is_empty() {
                continue;
            }
            let port_version = field("Port-Version");
            installed.add(&Locked {
                name: field("Package"),
                version: field("Version"),
                extra: &[
                    ("port_version", if port_version == "0" { "" } else { port_version }),
                    ("triplet", field("Architecture")),
                ],
                ..Locked::default()
            });
        }
        Ok(installed.finish())
    }
}
