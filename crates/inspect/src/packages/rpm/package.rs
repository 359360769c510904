//! A package of an RPM header.
//!
//! In: a [`Header`]. Out: a [`PackageFact`], fingerprints of the paths that it owns and digests of its programs. Source: rpm's "RPM V4 Package
//! format", "Header tags".
//!
//! Odd: imported keys stand in databases as packages named `gpg-pubkey`; they are left out. An epoch of 0 is none in every
//! comparison and is not written.

use std::collections::{BTreeMap, HashSet};

use plimsoll_model::SourcePackage;

use super::header::{Header, HeaderError, tag};
use crate::{
    facts::{FileFacts, MAX_WITNESSES, PackageFact},
    malware::{
        Sum, SumKind,
        digests::{is_digest_kept, short_of_hex},
    },
    packages::MAX_WORD,
    paths::{Folder, fingerprint, is_package_place},
};

/// Adds the package of a header.
pub(crate) fn add(header: &Header<'_>, facts: &mut FileFacts) -> Result<(), HeaderError> {
    let required = |tag, name| {
        let text = header.text(tag).filter(|text| !text.is_empty());
        text.ok_or(HeaderError::Missing(name))
    };
    let name = required(tag::NAME, "name")?;
    if name == "gpg-pubkey" {
        return Ok(());
    }
    let version = required(tag::VERSION, "version")?;
    let release = required(tag::RELEASE, "release")?;
    if [&name, &version, &release].iter().any(|word| word.len() > MAX_WORD) {
        return Err(HeaderError::Length);
    }
    let version = match header.number(tag::EPOCH) {
        Some(epoch) if epoch > 0 => format!("{epoch}:{version}-{release}"),
        _ => format!("{version}-{release}"),
    };
    let source_file = header.text(tag::SOURCE_RPM).filter(|text| text.len() <= MAX_WORD);
    let mut extra = BTreeMap::new();
    for (key, tag) in [
        ("vendor", tag::VENDOR),
        ("modularity", tag::MODULARITY_LABEL),
        ("license", tag::LICENSE),
        ("source_rpm", tag::SOURCE_RPM),
    ] {
        let text = header.text(tag).filter(|text| !text.is_empty() && text != "(none)");
        if let Some(text) = text.filter(|text| text.len() <= MAX_WORD) {
            extra.insert(key.to_owned(), text);
        }
    }
    let files = own(header, facts);
    facts.packages.push(PackageFact {
        name,
        version,
        source: source_file.as_deref().and_then(source),
        architecture: header
            .text(tag::ARCHITECTURE)
            .filter(|text| text.len() <= MAX_WORD)
            .unwrap_or_default(),
        extra,
        ..PackageFact::default()
    });
    facts.witness(&files);
    Ok(())
}

/// A file's flag: it is there to be changed.
const CONFIG: u32 = 1;

/// The algorithm of a package's file digests, by its number in `OpenPGP`; packages before rpm 4.6 do not say it.
const fn sum_kind(algorithm: Option<u32>) -> Option<SumKind> {
    match algorithm {
        None | Some(1) => Some(SumKind::Md5),
        Some(2) => Some(SumKind::Sha1),
        Some(8) => Some(SumKind::Sha256),
        Some(_) => None,
    }
}

/// `glibc-2.34-60.el9.src.rpm`: name, version and release stand between the last two dashes.
pub(crate) fn source(file: &str) -> Option<SourcePackage> {
    let rest = file.strip_suffix(".rpm")?;
    let rest = rest.strip_suffix(".src").or_else(|| rest.strip_suffix(".nosrc"))?;
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(SourcePackage { name: name.to_owned(), version: format!("{version}-{release}") })
}

/// Paths are stored as folder indexes and names; old packages as whole paths. What comes back are some that are files:
/// folders of the package stand among the names as well.
fn own(header: &Header<'_>, facts: &mut FileFacts) -> Vec<u64> {
    let names: Vec<&[u8]> = header.texts(tag::DIR_NAMES).collect();
    let known: HashSet<u64> =
        names.iter().map(|name| fingerprint(name.strip_suffix(b"/").unwrap_or(name))).collect();
    let places: Vec<bool> = names.iter().map(|name| is_package_place(name)).collect();
    let folders: Vec<Folder> = names.iter().map(|name| Folder::new(name)).collect();
    let mut files = Vec::new();
    let kind = sum_kind(header.number(tag::FILE_DIGEST_ALGORITHM));
    let mut digests = header.texts(tag::FILE_DIGESTS);
    let mut flags = header.numbers(tag::FILE_FLAGS);
    let indexes = header.numbers(tag::DIR_INDEXES);
    for (name, index) in header.texts(tag::BASE_NAMES).zip(indexes) {
        let digest = digests.next().and_then(short_of_hex);
        let is_config = flags.next().is_some_and(|flags| flags & CONFIG != 0);
        let Ok(index) = usize::try_from(index) else { continue };
        if let Some(folder) = folders.get(index) {
            let file = folder.file(name);
            facts.own(file);
            if let (Some(kind), Some(digest), Some(folder)) = (kind, digest, names.get(index))
                && !is_config
                && folder.len() < MAX_WORD
                && is_digest_kept(&[folder, name].concat())
            {
                facts.sum(Sum { path: file, kind, digest });
            }
            let is_file = files.len() < MAX_WITNESSES && !known.contains(&file);
            if is_file && places.get(index) == Some(&true) {
                files.push(file);
            }
        }
    }
    for path in header.texts(tag::OLD_FILE_NAMES) {
        facts.own(fingerprint(path));
    }
    files
}
