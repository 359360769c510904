//! Homebrew on Linux: `Cellar/NAME/VERSION/INSTALL_RECEIPT.json`, and the formula that was installed, `.brew/NAME.rb`.
//!
//! In: the path, which names the package; the receipt, which names the tap and the architecture. Out: one package.
//! Source: Homebrew's `Library/Homebrew/tab.rb`.
//!
//! Odd: the version in the path has Homebrew's revision behind an underscore (`3.3.2_1`), as `brew list --versions` shows
//! it. Both files give the same package, so that losing one of them loses nothing; what only one knows is `extra`.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;
use serde::Deserialize;

use super::MAX_WORD;
use crate::{
    facts::{FileFacts, PackageFact, Problem},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Largest receipt or formula that is read.
const LIMIT: u64 = 4 << 20;

/// Reads which formulas are installed.
#[derive(Debug)]
pub(crate) struct Homebrew;

impl Parser for Homebrew {
    fn id(&self) -> &'static str {
        "homebrew"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "Cellar/*/*/INSTALL_RECEIPT.json, Cellar/*/*/.brew/*.rb"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_candidate = path.ends_with(b"/INSTALL_RECEIPT.json") || path.ends_with(b".rb");
        (is_candidate && place(path).is_some()).then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut facts = FileFacts::default();
        let Some((name, version)) = place(file.path.as_bytes()) else { return Ok(facts) };
        let (name, version) = (String::from_utf8_lossy(name), String::from_utf8_lossy(version));
        if name.len().max(version.len()) > MAX_WORD {
            facts.note(Problem::unreadable("a name or version is longer than 1024 bytes"));
            return Ok(facts);
        }
        let mut package = PackageFact {
            ecosystem: Some("Homebrew".to_owned()),
            name: name.to_lowercase(),
            version: version.into_owned(),
            ..PackageFact::default()
        };
        if file.path.name() == b"INSTALL_RECEIPT.json" {
            match serde_json::from_slice::<Receipt>(file.bytes) {
                Ok(receipt) => receipt.fill(&mut package),
                Err(error) => facts.note(Problem::unreadable(format!("is not a receipt: {error}"))),
            }
        } else {
            package.extra = license(file.bytes);
        }
        facts.packages.push(package);
        Ok(facts)
    }
}

/// Name and version of the formula that a file belongs to.
fn place(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = path.rsplit(|&byte| byte == b'/');
    let mut next = || parts.next();
    let file = next()?;
    let mut version = next()?;
    if file != b"INSTALL_RECEIPT.json" {
        if version != b".brew" {
            return None;
        }
        version = next()?;
    }
    let (name, cellar) = (next()?, next()?);
    let is_formula = cellar == b"Cellar" && !name.is_empty() && !version.is_empty();
    is_formula.then_some((name, version))
}

#[derive(Deserialize)]
struct Receipt {
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    arch: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    #[serde(default)]
    tap: Option<String>,
}

impl Receipt {
    fn fill(self, package: &mut PackageFact) {
        let tap = self.source.and_then(|source| source.tap);
        if let Some(tap) = tap.filter(|tap| !tap.is_empty() && tap.len() <= MAX_WORD) {
            package.extra.insert("tap".to_owned(), tap);
        }
        // Not the package's own field, which would tell its package URL from the formula's.
        if let Some(arch) = self.arch.filter(|arch| !arch.is_empty() && arch.len() <= MAX_WORD) {
            package.extra.insert("architecture".to_owned(), arch);
        }
    }
}

/// `license "Apache-2.0"`; one that is put together of several is not read.
fn license(formula: &[u8]) -> BTreeMap<String, String> {
    let mut lines = formula.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let quoted = lines.find_map(|line| line.strip_prefix(b"license \"")?.strip_suffix(b"\""));
    let license = quoted.map(String::from_utf8_lossy).filter(|text| text.len() <= MAX_WORD);
    license.into_iter().map(|license| ("license".to_owned(), license.into_owned())).collect()
}
