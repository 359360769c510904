//! Flatpak: `flatpak/{app,runtime}/ID/ARCHITECTURE/BRANCH/COMMIT/deploy`.
//!
//! In: the path, which names application or runtime; the deploy data, a serialised `GVariant`, in which the entry
//! `appdata-version` is looked for. Out: one package.
//! Source: flatpak's `common/flatpak-dir.c` (`FLATPAK_DEPLOY_DATA_GVARIANT_STRING`); `GVariant`'s specification.
//!
//! Odd: a runtime, and an application that brings no appdata, have no version but a branch (`23.08`, `stable`), which then
//! stands for it.

use plimsoll_image::EntryMeta;

use super::MAX_WORD;
use crate::{
    facts::{FileFacts, PackageFact, Problem},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

const LIMIT: u64 = 4 << 20;
const KEY: &[u8] = b"appdata-version\0";

/// Reads which applications and runtimes are installed.
#[derive(Debug)]
pub(crate) struct Flatpak;

impl Parser for Flatpak {
    fn id(&self) -> &'static str {
        "flatpak"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "flatpak/{app,runtime}/*/*/*/*/deploy"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (path.ends_with(b"/deploy") && Place::of(path).is_some())
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut facts = FileFacts::default();
        let Some(place) = Place::of(file.path.as_bytes()) else { return Ok(facts) };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (name, branch) = (text(place.id), text(place.branch));
        if name.len().max(branch.len()).max(place.architecture.len()) > MAX_WORD {
            facts.note(Problem::unreadable("a name or version is longer than 1024 bytes"));
            return Ok(facts);
        }
        let extra = [("branch", branch.clone()), ("kind", text(place.kind))];
        facts.packages.push(PackageFact {
            ecosystem: Some("Flatpak".to_owned()),
            name,
            version: version(file.bytes).unwrap_or(branch),
            architecture: text(place.architecture),
            extra: extra.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
            ..PackageFact::default()
        });
        Ok(facts)
    }
}

struct Place<'p> {
    kind: &'p [u8],
    id: &'p [u8],
    architecture: &'p [u8],
    branch: &'p [u8],
}

impl<'p> Place<'p> {
    fn of(path: &'p [u8]) -> Option<Self> {
        let mut parts = path.rsplit(|&byte| byte == b'/').skip(1);
        let mut next = || parts.next().filter(|part| !part.is_empty());
        let _commit = next()?;
        let (branch, architecture, id, kind, top) = (next()?, next()?, next()?, next()?, next()?);
        let is_place = matches!(kind, b"app" | b"runtime") && top == b"flatpak";
        is_place.then_some(Self { kind, id, architecture, branch })
    }
}

/// The string behind the key; between them stand zeros, up to a multiple of eight bytes.
fn version(deploy: &[u8]) -> Option<String> {
    let at = deploy.windows(KEY.len()).position(|window| window == KEY)?;
    let rest = deploy.get(at + KEY.len()..)?;
    let padding = rest.iter().take(8).take_while(|byte| **byte == 0).count();
    let value = rest.get(padding..)?.split(|&byte| byte == 0).next()?;
    let value = std::str::from_utf8(value).ok()?.trim();
    let is_version = !value.is_empty() && value.len() <= MAX_WORD;
    (is_version && !value.contains(char::is_control)).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_behind_its_key() {
        assert_eq!(version(b"x\0appdata-version\0\0\0v1.2.3\0\0s"), Some("v1.2.3".to_owned()));
        assert_eq!(version(b"appdata-version\0"), None);
        assert_eq!(version(b"appdata-version\0\0\0\0\0\0\0\0\0\0\0x"), None);
        assert_eq!(version(b""), None);
    }
}
