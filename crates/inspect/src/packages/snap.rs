//! Snaps: `meta/snap.yaml` of an unpacked one, and `var/lib/snapd/snaps/NAME_REVISION.snap`.
//!
//! In: top-level lines `name: …`, `version: …` of the metadata; a packed snap's name. Out: one package; for a packed snap
//! also a problem, as what is in it is not read.
//! Source: snapcraft.io, "The snap format", "Snap YAML"; snapd's `snap/naming`.
//!
//! Odd: `meta/snap.yaml` counts below `snap/NAME/REVISION/` and at the root of an image, which then is the snap. A packed
//! snap says its version inside, so that its revision stands for it.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;

use super::MAX_WORD;
use crate::{
    facts::{FileFacts, PackageFact, Problem},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::child_of,
};

const LIMIT: u64 = 4 << 20;
const PACKED: &str = "var/lib/snapd/snaps";

/// Reads which snaps are installed.
#[derive(Debug)]
pub(crate) struct Snap;

impl Parser for Snap {
    fn id(&self) -> &'static str {
        "snap"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "meta/snap.yaml, snap/*/*/meta/snap.yaml, the names of var/lib/snapd/snaps/*.snap"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        if child_of(path, PACKED).is_some_and(|name| name.ends_with(b".snap")) {
            return Some(Want::Head { limit: 0 });
        }
        let place = path.strip_suffix(b"meta/snap.yaml")?;
        let parts = place.split(|&byte| byte == b'/').count();
        let is_mounted = (place.starts_with(b"snap/") || place.starts_with(b"var/lib/snapd/snap/"))
            && parts >= 4;
        (place.is_empty() || is_mounted).then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        if let Some(name) = child_of(file.path.as_bytes(), PACKED) {
            return Ok(packed(&String::from_utf8_lossy(name)));
        }
        let mut fields: BTreeMap<&str, String> = BTreeMap::new();
        for line in file.bytes.split(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            let Some((key, value)) = line.split_once(':') else { continue };
            let known = ["name", "version", "license", "type", "base"];
            if let Some(key) = known.into_iter().find(|known| *known == key) {
                fields.entry(key).or_insert_with(|| scalar(value));
            }
        }
        let mut take = |key| {
            let value: String = fields.remove(key).unwrap_or_default();
            value.chars().take(MAX_WORD).collect::<String>()
        };
        let (name, version) = (take("name"), take("version"));
        if name.is_empty() {
            return Err(ParseError::Missing("name"));
        }
        if version.is_empty() {
            return Err(ParseError::Missing("version"));
        }
        let extra = [("license", "license"), ("type", "type"), ("base", "base")];
        let extra = extra.into_iter().map(|(key, field)| (key.to_owned(), take(field)));
        let package =
            package(name, version, extra.filter(|(_, value)| !value.is_empty()).collect());
        Ok(FileFacts { packages: vec![package], ..FileFacts::default() })
    }
}

fn package(name: String, version: String, extra: BTreeMap<String, String>) -> PackageFact {
    let ecosystem = Some("Snap".to_owned());
    PackageFact { ecosystem, name, version, extra, ..PackageFact::default() }
}

fn packed(file: &str) -> FileFacts {
    let mut facts = FileFacts::default();
    let parts = file.strip_suffix(".snap").and_then(|name| name.rsplit_once('_'));
    if let Some((name, revision)) =
        parts.filter(|(name, revision)| !name.is_empty() && !revision.is_empty())
    {
        let extra = BTreeMap::from([("revision".to_owned(), revision.to_owned())]);
        facts.packages.push(package(name.to_owned(), revision.to_owned(), extra));
    }
    facts.note(Problem::unreadable("is a packed snap; what is in it is not read"));
    facts
}

/// A plain or quoted value of one line, without a comment.
fn scalar(text: &str) -> String {
    let text = text.trim();
    for quote in ['\'', '"'] {
        if let Some((value, _)) = text.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return value.to_owned();
        }
    }
    text.split(" #").next().unwrap_or_default().trim().to_owned()
}
