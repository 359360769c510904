//! Installed Conda packages: `conda-meta/<name>-<version>-<build>.json`.
//!
//! In: JSON, one file per package of an environment. Out: the package, and which files it owns. Source: Conda's
//! `PrefixRecord`; purl-spec's type `conda`. Odd: a package that is a Python distribution brings that one's metadata along,
//! for which there are advisories while Conda has none: `extra` says where they are, and the merged view lists both as one
//! (`inspection/conda.rs`). A channel may be an address with a token in it.

use std::collections::BTreeMap;

use plimsoll_image::{EntryMeta, TreePath};
use plimsoll_model::purl::{self, Parts};
use serde::Deserialize;
use serde_json::Value;

use super::{MAX_WORD, json, lock::without_credentials};
use crate::{
    facts::{FileFacts, PackageFact},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::fingerprint,
};

/// Name of the parser.
pub(crate) const ID: &str = "conda";
/// The ecosystem, which OSV does not know.
const CONDA: &str = "Conda";
/// Key of `extra` for the metadata of the Python distribution that a package is.
pub(crate) const DISTRIBUTION: &str = "distribution";

/// The longest have some megabytes of file names.
const LIMIT: u64 = 16 << 20;

/// Reads one package of an environment.
#[derive(Debug)]
pub(crate) struct CondaMeta;

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
    #[serde(default)]
    build: Value,
    #[serde(default, alias = "schannel")]
    channel: Value,
    #[serde(default)]
    subdir: Value,
    #[serde(default)]
    license: Value,
    #[serde(default, rename = "fn")]
    file_name: Value,
    #[serde(default)]
    files: Vec<String>,
}

impl Parser for CondaMeta {
    fn id(&self) -> &'static str {
        ID
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "conda-meta/*.json"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let (name, folder) = (parts.next()?, parts.next()?);
        let is_record = folder == b"conda-meta" && name.ends_with(b".json") && name.contains(&b'-');
        is_record.then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let record: Record = json::parse(file.bytes)?;
        let word = |value: &Value| {
            let text = value.as_str().map(str::trim);
            text.filter(|text| !text.is_empty() && text.len() <= MAX_WORD).map(str::to_owned)
        };
        let name = word(&record.name).ok_or(ParseError::Missing("name"))?;
        let version = word(&record.version).ok_or(ParseError::Missing("version"))?;
        let build = word(&record.build).unwrap_or_default();
        let subdir = word(&record.subdir).unwrap_or_default();
        let channel = channel(&word(&record.channel).unwrap_or_default(), &subdir);
        let kind = match word(&record.file_name) {
            Some(name) if name.ends_with(".conda") => "conda",
            Some(name) if name.ends_with(".tar.bz2") => "tar.bz2",
            _ => "",
        };
        let parts = Parts {
            namespace: None,
            name: &name,
            version: &version,
            qualifiers: &[
                ("build", &build),
                ("channel", &channel),
                ("subdir", &subdir),
                ("type", kind),
            ],
        };
        let purl = purl::format_type("conda", parts);
        let mut facts = FileFacts::default();
        let prefix = file.path.parent().and_then(|folder| folder.parent());
        let prefix = prefix.unwrap_or_else(TreePath::root);
        let mut extra = BTreeMap::new();
        for path in &record.files {
            let path = prefix.as_bytes().iter().chain(b"/").chain(path.as_bytes()).copied();
            facts.own(fingerprint(&path.collect::<Vec<u8>>()));
        }
        facts.owned.sort_unstable();
        facts.owned.dedup();
        for (key, value) in [
            ("build", build),
            ("channel", channel),
            ("subdir", subdir),
            ("license", word(&record.license).unwrap_or_default()),
            (DISTRIBUTION, distribution(&record.files).unwrap_or_default().to_owned()),
        ] {
            if !value.is_empty() {
                extra.insert(key.to_owned(), value);
            }
        }
        facts.packages.push(PackageFact {
            ecosystem: Some(CONDA.to_owned()),
            name,
            version,
            purl,
            extra,
            ..PackageFact::default()
        });
        Ok(facts)
    }
}

/// The channel's name: `conda-forge` of `https://conda.anaconda.org/conda-forge/linux-64`.
fn channel(channel: &str, subdir: &str) -> String {
    let clean = without_credentials(channel);
    let Some((_, address)) = clean.split_once("://") else { return clean };
    let mut parts: Vec<&str> = address.trim_end_matches('/').split('/').collect();
    if parts.last() == Some(&subdir) {
        parts.pop();
    }
    match parts.as_slice() {
        // `https://conda.anaconda.org/t/<token>/<channel>`
        ["conda.anaconda.org", "t", _, name @ ..] | ["conda.anaconda.org", name @ ..] => {
            name.join("/")
        }
        ["repo.anaconda.com", "pkgs", name @ ..] => name.join("/"),
        parts => parts.join("/"),
    }
}

/// The metadata of the one Python distribution that a package brings.
fn distribution(files: &[String]) -> Option<&str> {
    let is_metadata = |path: &&String| {
        let rest = path.rsplit_once("site-packages/").map(|(_, rest)| rest);
        let folder = rest.and_then(|rest| {
            rest.strip_suffix("/METADATA").or_else(|| rest.strip_suffix("/PKG-INFO")).or(Some(rest))
        });
        folder.is_some_and(|folder| {
            let is_described = folder.ends_with(".dist-info") || folder.ends_with(".egg-info");
            is_described && !folder.contains('/')
        })
    };
    let mut found = files.iter().filter(is_metadata).filter(|path| path.len() <= MAX_WORD);
    let first = found.next()?;
    found.next().is_none().then_some(first.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_have_names_and_no_tokens() {
        for (text, wanted) in [
            ("https://conda.anaconda.org/conda-forge/linux-64", "conda-forge"),
            ("https://conda.anaconda.org/t/secret/org/linux-64", "org"),
            ("https://repo.anaconda.com/pkgs/main/linux-64", "main"),
            ("https://user:pass@host/c/linux-64", "host/c"),
            ("defaults", "defaults"),
            ("", ""),
        ] {
            assert_eq!(channel(text, "linux-64"), wanted, "{text}");
        }
    }

    #[test]
    fn a_package_with_one_distribution_is_that_one() {
        let files =
            |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        let one = "lib/python3.11/site-packages/torch-2.1.dist-info/METADATA";
        let vendored = "lib/python3.11/site-packages/pip/_vendor/a-1.dist-info/METADATA";
        assert_eq!(distribution(&files(&["bin/x", one, vendored])), Some(one));
        assert_eq!(distribution(&files(&["bin/x"])), None);
        let two = "lib/python3.11/site-packages/b-1.egg-info";
        assert_eq!(distribution(&files(&[one, two])), None);
    }
}
