//! Files that name the distribution: `etc/os-release`, `usr/lib/os-release`, and what distributions had before it.
//!
//! In: shell-like assignments, or one line. Out: fields by name. Source: `os-release(5)`. Odd: values may stand in
//! either quotes, with backslashes inside; a file of one line gives the field `TEXT`.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;

use crate::{
    facts::{DistributionFact, FileFacts},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// In order of precedence.
pub(crate) const OS_RELEASE: &[&str] = &["etc/os-release", "usr/lib/os-release"];

/// Files of one line, and one of assignments that is older than `os-release`.
pub(crate) const LINES: &[&str] = &[
    "etc/debian_version",
    "etc/alpine-release",
    "etc/redhat-release",
    "etc/centos-release",
    "etc/rocky-release",
    "etc/almalinux-release",
    "etc/oracle-release",
    "etc/fedora-release",
    "etc/system-release",
    "etc/SuSE-release",
    "etc/photon-release",
    "etc/mariner-release",
    "etc/azurelinux-release",
    "etc/openEuler-release",
    "etc/anolis-release",
    "etc/alinux-release",
    "etc/kylin-release",
    "etc/tencentos-release",
    "etc/opencloudos-release",
    "etc/mageia-release",
    ASSIGNED,
];
/// The one of assignments.
const ASSIGNED: &str = "etc/lsb-release";

/// The fields that are used.
const FIELDS: &[&str] = &[
    "ID",
    "ID_LIKE",
    "NAME",
    "PRETTY_NAME",
    "VERSION",
    "VERSION_ID",
    "VERSION_CODENAME",
    "PLATFORM_ID",
    "VARIANT_ID",
    "DISTRIB_ID",
    "DISTRIB_RELEASE",
];

/// Reads release files.
#[derive(Debug)]
pub(crate) struct ReleaseFile;

impl Parser for ReleaseFile {
    fn id(&self) -> &'static str {
        "os-release"
    }

    fn version(&self) -> u32 {
        2
    }

    fn reads(&self) -> &'static str {
        "etc/os-release, usr/lib/os-release, etc/debian_version, etc/alpine-release, etc/lsb-release, etc/*-release of Red Hat's family"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let known = OS_RELEASE.iter().chain(LINES).any(|known| known.as_bytes() == path);
        known.then_some(Want::Head { limit: 64 << 10 })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let is_line = LINES.iter().any(|known| known.as_bytes() == file.path.as_bytes());
        let fields = if is_line && file.path.as_bytes() != ASSIGNED.as_bytes() {
            let line = text.lines().next().unwrap_or_default().trim();
            BTreeMap::from([("TEXT".to_owned(), bounded(line))])
        } else {
            assignments(&text)
        };
        let distribution = Some(DistributionFact { fields });
        Ok(FileFacts { distribution, ..FileFacts::default() })
    }
}

fn assignments(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, value)) = line.split_once('=')
            && FIELDS.contains(&name.trim())
        {
            // As in a shell, the last assignment wins.
            fields.insert(name.trim().to_owned(), bounded(&unquote(value.trim())));
        }
    }
    fields
}

fn bounded(value: &str) -> String {
    value.chars().filter(|character| !character.is_control()).take(256).collect()
}

fn unquote(value: &str) -> String {
    let inner = ['"', '\''].iter().find_map(|quote| {
        value.strip_prefix(*quote).map(|rest| rest.strip_suffix(*quote).unwrap_or(rest))
    });
    let Some(inner) = inner else { return value.to_owned() };
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_lose_their_quotes() {
        let fields = super::assignments(
            "ID=\"debian\"\nID='alpine'\nVERSION_ID=3.20\n#ID=x\nNAME=\"a \\\"b\\\"\"\nX=y\n",
        );
        assert_eq!(fields["ID"], "alpine");
        assert_eq!(fields["VERSION_ID"], "3.20");
        assert_eq!(fields["NAME"], "a \"b\"");
        assert_eq!(fields.len(), 3);
    }
}
