//! Gentoo's package database: `var/db/pkg/CATEGORY/NAME-VERSION/CONTENTS`, and `PF` beside it.
//!
//! In: the path, which names the package, and `CONTENTS`: lines `obj PATH MD5 TIME`, `sym PATH -> TARGET TIME` and
//! `dir PATH`. Out: one package, and fingerprints of the paths that it owns.
//! Source: Gentoo's Package Manager Specification, 3.1 and 3.2 (names and versions); `portage(5)`, "/var/db/pkg".
//!
//! Odd: a name may hold hyphens and digits, but does not end in a hyphen and a version. Both files give the same package,
//! so that losing one of them loses nothing. Names starting with `-` are what portage leaves behind half merged.

use plimsoll_image::EntryMeta;

use super::MAX_WORD;
use crate::{
    facts::{FileFacts, PackageFact},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::fingerprint,
};

/// Where the database is.
pub(crate) const FOLDER: &str = "var/db/pkg";

/// Reads which packages are installed and what they own.
#[derive(Debug)]
pub(crate) struct Portage;

impl Parser for Portage {
    fn id(&self) -> &'static str {
        "portage"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "var/db/pkg/*/*/CONTENTS, var/db/pkg/*/*/PF"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let (_, _, file) = parts(path)?;
        match file {
            b"CONTENTS" => Some(Want::Whole { limit: u64::MAX }),
            b"PF" => Some(Want::Head { limit: 0 }),
            _ => None,
        }
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut facts = FileFacts::default();
        let Some((category, name, _)) = parts(file.path.as_bytes()) else { return Ok(facts) };
        let text = String::from_utf8_lossy(name).into_owned();
        let Some((name, version)) = split(&text).filter(|_| text.len() <= MAX_WORD) else {
            return Err(ParseError::Syntax {
                at: "its folder's name".to_owned(),
                problem: "is not a name and a version".to_owned(),
            });
        };
        facts.packages.push(PackageFact {
            namespace: Some(String::from_utf8_lossy(category).into_owned()),
            name: name.to_owned(),
            version: version.to_owned(),
            ..PackageFact::default()
        });
        for line in file.bytes.split(|&byte| byte == b'\n') {
            if let Some(path) = owned(line) {
                facts.own(fingerprint(path));
            }
        }
        facts.owned.sort_unstable();
        facts.owned.dedup();
        Ok(facts)
    }
}

/// Category, package with version, file.
fn parts(path: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let rest = path.strip_prefix(FOLDER.as_bytes())?.strip_prefix(b"/")?;
    let mut parts = rest.split(|&byte| byte == b'/');
    let (category, package, file) = (parts.next()?, parts.next()?, parts.next()?);
    let is_package = parts.next().is_none() && !package.starts_with(b"-");
    is_package.then_some((category, package, file))
}

/// The path of a line that is not a folder's. Paths hold blanks: what stands behind is taken off from the end.
fn owned(line: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = line.strip_prefix(b"obj ") {
        let without_time = rest.get(..rest.iter().rposition(|&byte| byte == b' ')?)?;
        return without_time.get(..without_time.iter().rposition(|&byte| byte == b' ')?);
    }
    let rest = line.strip_prefix(b"sym ")?;
    rest.get(..rest.windows(4).position(|window| window == b" -> ")?)
}

/// `openssl-3.0.9-r2`: name and version are parted by the first hyphen from behind that a version follows.
fn split(text: &str) -> Option<(&str, &str)> {
    let (rest, revision) = match text.rsplit_once('-') {
        Some((rest, revision)) if is_revision(revision) => (rest, Some(revision)),
        _ => (text, None),
    };
    let (name, version) = rest.rsplit_once('-')?;
    if name.is_empty() || !is_version(version) {
        return None;
    }
    let whole = match revision {
        Some(_) => text.get(name.len() + 1..)?,
        None => version,
    };
    Some((name, whole))
}

fn is_revision(text: &str) -> bool {
    text.strip_prefix('r').is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Numbers with dots between, at most one letter, then suffixes like `_rc1`.
fn is_version(text: &str) -> bool {
    let mut pieces = text.split('_');
    let numbers = pieces.next().unwrap_or_default();
    let numbers = numbers.strip_suffix(|last: char| last.is_ascii_lowercase()).unwrap_or(numbers);
    let is_suffix = |piece: &str| {
        ["alpha", "beta", "pre", "rc", "p"].iter().any(|word| {
            piece.strip_prefix(word).is_some_and(|rest| rest.is_empty() || is_number(rest))
        })
    };
    numbers.split('.').all(is_number) && pieces.all(is_suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_parted() {
        for (text, wanted) in [
            ("openssl-3.0.9-r2", Some(("openssl", "3.0.9-r2"))),
            ("gtk+-2.24.33", Some(("gtk+", "2.24.33"))),
            ("font-adobe-100dpi-1.0.4", Some(("font-adobe-100dpi", "1.0.4"))),
            ("python-exec-2.4.10", Some(("python-exec", "2.4.10"))),
            ("jpeg-9f", Some(("jpeg", "9f"))),
            ("sqlite-3.45.0_rc1_p20240101-r1", Some(("sqlite", "3.45.0_rc1_p20240101-r1"))),
            ("live-9999", Some(("live", "9999"))),
            ("nonsense", None),
            ("nonsense-r1", None),
            ("a-1..2", None),
        ] {
            assert_eq!(split(text), wanted, "{text}");
        }
    }

    #[test]
    fn paths_with_blanks_are_whole() {
        assert_eq!(owned(b"obj /usr/a b c 0123 17"), Some(&b"/usr/a b c"[..]));
        assert_eq!(owned(b"sym /usr/lib/a b -> c d 17"), Some(&b"/usr/lib/a b"[..]));
        assert_eq!(owned(b"dir /usr"), None);
        assert_eq!(owned(b"obj"), None);
        assert_eq!(owned(b"obj x"), None);
    }
}
