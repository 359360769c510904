//! Installed Python distributions: `*.dist-info/METADATA`, `*.egg-info/PKG-INFO`, `*.egg-info` as a single file, and
//! `EGG-INFO/PKG-INFO` of unpacked eggs.
//!
//! In: RFC 822 headers; a description may follow after an empty line. Out: one package.
//! Source: `PyPA` "Core metadata specifications"; PEP 376; PEP 503 for names.
//!
//! Odd: the name is normalised (`Foo_Bar` is `foo-bar`), since advisories and installers take both for one; how it was
//! written is kept in `extra`. A header goes on in lines that begin with a blank. An `.egg-link` only says where the
//! `*.egg-info` of something under development is, which is read there.

mod archive;
mod files;
mod pdm;
mod pipfile;
mod poetry;
mod pylock;
mod record;
mod requirements;
mod uv;

use std::collections::BTreeMap;

use plimsoll_image::{EntryMeta, TreePath};

pub(crate) use self::{
    archive::PythonArchive, files::PythonFiles, pdm::PdmLock, pipfile::PipfileLock,
    poetry::PoetryLock, pylock::Pylock, record::PythonRecord, requirements::Requirements,
    uv::UvLock,
};

use super::MAX_WORD;
use crate::{
    facts::{FileFacts, PackageFact, Problem, clip},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// The OSV name of the ecosystem.
const PYPI: &str = "PyPI";

/// Longest text on a licence; what is longer is the licence itself.
const MAX_LICENCE: usize = 100;

/// Headers end long before this; what follows is the description.
const HEAD: u64 = 1 << 20;

/// Reads one distribution's metadata.
#[derive(Debug)]
pub(crate) struct PythonMetadata;

impl Parser for PythonMetadata {
    fn id(&self) -> &'static str {
        "python"
    }

    fn version(&self) -> u32 {
        3
    }

    fn reads(&self) -> &'static str {
        "*.dist-info/METADATA, *.egg-info, *.egg-info/PKG-INFO, EGG-INFO/PKG-INFO"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        is_metadata(path).then_some(Want::Head { limit: HEAD })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let package = distribution(file.bytes)?;
        let problems = disagreement(file.path, &package.version).into_iter().collect();
        Ok(FileFacts { packages: vec![package], problems, ..FileFacts::default() })
    }
}

/// Whether a file describes a distribution.
fn is_metadata(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|&byte| byte == b'/');
    let (name, folder) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match name {
        b"METADATA" => folder.ends_with(b".dist-info"),
        b"PKG-INFO" => folder.ends_with(b".egg-info") || folder == b"EGG-INFO",
        name => name.ends_with(b".egg-info"),
    }
}

/// The distribution that such a file describes.
fn distribution(bytes: &[u8]) -> Result<PackageFact, ParseError> {
    let text = String::from_utf8_lossy(bytes);
    let headers = headers(text.strip_prefix('\u{feff}').unwrap_or(&text));
    let written = headers.get("name").copied().unwrap_or_default();
    let version = headers.get("version").copied().unwrap_or_default();
    let name = normalized(written);
    if name.trim_matches('-').is_empty() || written.len() > MAX_WORD {
        return Err(ParseError::Missing("Name"));
    }
    if version.is_empty() || version.len() > MAX_WORD {
        return Err(ParseError::Missing("Version"));
    }
    let mut extra = BTreeMap::new();
    if written != name {
        extra.insert("written_name".to_owned(), written.to_owned());
    }
    let said = ["license-expression", "license"].iter().filter_map(|name| headers.get(name));
    let is_name = |text: &&str| !text.is_empty() && *text != "UNKNOWN" && text.len() <= MAX_LICENCE;
    let license = said.copied().find(is_name).map(ToOwned::to_owned).or_else(|| classified(&text));
    extra.extend(license.map(|license| ("license".to_owned(), license)));
    Ok(PackageFact {
        ecosystem: Some(PYPI.to_owned()),
        name,
        version: version.to_owned(),
        extra,
        ..PackageFact::default()
    })
}

/// A version other than the folder's: `urllib3-1.24.1.dist-info`.
fn disagreement(path: &TreePath, version: &str) -> Option<Problem> {
    let folder = path.parent()?;
    let name = std::str::from_utf8(folder.name()).ok()?.strip_suffix(".dist-info")?;
    let (_, of_folder) = name.rsplit_once('-')?;
    if is_same_version(of_folder, version) {
        return None;
    }
    let (of_folder, version) = (clip(of_folder), clip(version));
    Some(Problem::anomaly(format!("says version {version}, but its folder is of {of_folder}")))
}

/// Whether two versions have the same numbers. Folders are named by the normal form, which drops zeros in front and adds some
/// behind words.
fn is_same_version(one: &str, other: &str) -> bool {
    let numbers = |version: &str| -> Vec<String> {
        let parts = version.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        parts.map(|part| part.trim_start_matches('0').to_owned()).collect()
    };
    numbers(one).iter().zip(&numbers(other)).all(|(one, other)| one == other)
}

/// The first line of each header that is read, by its lower-cased name; the first of several wins.
fn headers(text: &str) -> BTreeMap<&'static str, &str> {
    const KNOWN: &[&str] = &["name", "version", "license", "license-expression"];
    let mut headers = BTreeMap::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            continue;
        }
        if let Some((name, value)) = line.split_once(':')
            && let Some(known) = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name.trim()))
        {
            headers.entry(*known).or_insert(value.trim());
        }
    }
    headers
}

/// The licences that classifiers name, where no header does: `License :: OSI Approved :: MIT License`.
fn classified(text: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for line in text.lines().take_while(|line| !line.trim().is_empty()) {
        let Some((header, value)) = line.split_once(':') else { continue };
        let mut parts = value.split("::").map(str::trim);
        if !header.eq_ignore_ascii_case("classifier") || parts.next() != Some("License") {
            continue;
        }
        // That a licence is approved does not say which it is.
        let name = parts.last().filter(|name| *name != "OSI Approved");
        names.extend(name.filter(|name| !names.contains(name)));
    }
    let joined = names.join(", ");
    (!joined.is_empty() && joined.len() <= MAX_LICENCE).then_some(joined)
}

/// Whether a marker leaves a requirement out on some systems or without some choice. Most markers only repeat which
/// versions of Python a package supports, and say nothing.
fn is_conditional(marker: &str) -> bool {
    ["platform", "os_name", "implementation", "extra"].iter().any(|word| marker.contains(word))
}

/// PEP 503: runs of `-`, `_` and `.` are one `-`, letters are lower-case.
pub(crate) fn normalized(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.trim().chars() {
        match character {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            character => normal.push(character.to_ascii_lowercase()),
        }
    }
    normal
}
