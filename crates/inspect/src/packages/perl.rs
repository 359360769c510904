//! Perl distributions: what cpanm and its like note in `.meta/*/install.json` and `.meta/*/MYMETA.json`, what `make install`
//! writes into `perllocal.pod`.
//!
//! In: JSON; of `perllocal.pod` entries in the order of installation. Out: a package for each distribution, with its author
//! where that is told. Source: `CPAN::Meta::Spec`; `ExtUtils::Command::MM`, `perllocal_install`; cpanm, `save_meta`.
//!
//! Odd: a distribution's name is that of its main module with hyphens (`HTTP-Tiny`); versions are as written, with and
//! without a leading `v`. `.packlist` names files and tells no version, so it shows nothing.

mod snapshot;

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::snapshot::CpanSnapshot;
use super::{
    json,
    lock::{LockFile, Locked},
};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

const CPAN: &str = "CPAN";

/// Longest file that is read.
const LIMIT: u64 = 8 << 20;

/// The author of a path on CPAN: `G/GA/GAAS/URI-1.60.tar.gz`.
fn author(pathname: &str) -> Option<&str> {
    let mut parts = pathname.split('/');
    let (first, second, author) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next()?;
    let is_author = first.len() == 1 && second.starts_with(first) && author.starts_with(second);
    is_author.then_some(author)
}

/// Reads what an installer noted.
#[derive(Debug)]
pub(crate) struct CpanInstalled;

#[derive(Deserialize)]
struct Install {
    /// `URI-1.60`.
    dist: Option<String>,
    pathname: Option<String>,
    name: Option<String>,
    version: Option<Value>,
    #[serde(default)]
    license: Vec<String>,
}

impl Parser for CpanInstalled {
    fn id(&self) -> &'static str {
        "cpan"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        ".meta/*/install.json, .meta/*/MYMETA.json"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let is_note = matches!(parts.next()?, b"install.json" | b"MYMETA.json")
            && parts.next().is_some()
            && parts.next() == Some(b".meta");
        is_note.then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let note: Install = json::parse(file.bytes)?;
        let stated = version(note.version.as_ref());
        let (name, version) = note
            .dist
            .as_deref()
            .and_then(parted)
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .or_else(|| Some((note.name?.replace("::", "-"), stated?)))
            .ok_or(ParseError::Missing("dist"))?;
        let license = note.license.join(", ");
        let mut installed = LockFile::installed(CPAN);
        installed.add(&Locked {
            license: Some(&license).filter(|text| *text != "unknown").map(String::as_str),
            namespace: note.pathname.as_deref().and_then(author),
            name: &name,
            version: &version,
            ..Locked::default()
        });
        Ok(installed.finish())
    }
}

/// A version as JSON has it: a text or a number.
fn version(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `HTTP-Tiny-0.076`, `v1.2.3` and `0.01-TRIAL` included: the version begins behind the last hyphen before a digit.
fn parted(dist: &str) -> Option<(&str, &str)> {
    dist.rmatch_indices('-').find_map(|(at, _)| {
        let (name, version) = dist.split_at_checked(at)?;
        let version = version.strip_prefix('-')?;
        let bare = version.strip_prefix('v').unwrap_or(version);
        let is_version = bare.starts_with(|first: char| first.is_ascii_digit());
        (is_version && !name.is_empty()).then_some((name, version))
    })
}

/// Reads what `make install` wrote.
#[derive(Debug)]
pub(crate) struct PerlLocal;

impl Parser for PerlLocal {
    fn id(&self) -> &'static str {
        "perllocal"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "perllocal.pod"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        paths::ends_with(path, b"perllocal.pod").then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        // The last entry of a module is what is there.
        let mut found: BTreeMap<String, &str> = BTreeMap::new();
        let mut module = None;
        for line in text.lines() {
            if line.starts_with("=head2") {
                // `=head2 Mon Jan  1 00:00:00 2024: C<Module> L<HTTP::Tiny|HTTP::Tiny>`
                let name =
                    line.split_once("L<").and_then(|(_, rest)| rest.split(['|', '>']).next());
                module = name.map(|name| name.replace("::", "-"));
            } else if let Some((_, version)) = line.split_once("C<VERSION: ")
                && let Some(name) = module.take()
            {
                found.insert(name, version.trim_end_matches('>'));
            }
        }
        let mut installed = LockFile::installed(CPAN);
        for (name, version) in &found {
            if !version.is_empty() && *version != "undef" {
                installed.add(&Locked { name, version, ..Locked::default() });
            }
        }
        Ok(installed.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_part_at_the_last_number() {
        assert_eq!(parted("HTTP-Tiny-0.076"), Some(("HTTP-Tiny", "0.076")));
        assert_eq!(parted("Foo-v1.2.3"), Some(("Foo", "v1.2.3")));
        assert_eq!(parted("Foo-0.01-TRIAL"), Some(("Foo", "0.01-TRIAL")));
        assert_eq!(parted("Foo"), None);
    }

    #[test]
    fn authors_stand_in_paths() {
        assert_eq!(author("G/GA/GAAS/URI-1.60.tar.gz"), Some("GAAS"));
        assert_eq!(author("URI-1.60.tar.gz"), None);
        assert_eq!(author("a/b/c/d"), None);
    }
}
