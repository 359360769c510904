//! Actions about malicious files of images: grouped by content, one by one, and decisions to live with them.
//!
//! In: filters that the lists share. Out: the contract's words for levels and states. Source: `docs/api.md`, "Malicious files". Odd:
//! a malicious package has no content of its own, so the id of the advisory that tells of it stands where the MD5 of a file
//! would.

mod describe_affected_malicious_file_images;
mod describe_grouped_malicious_files;
mod describe_matched_malicious_names;
mod handle_malicious_files;

use std::collections::BTreeSet;

use plimsoll_model::Digest;
use plimsoll_store::{FileFilter, FileLevel, FileState};

use super::{Parameter, ParameterKind, paging::Paging};
use crate::gateway::{Parameters, Refusal};

pub(crate) use describe_affected_malicious_file_images::DescribeAffectedMaliciousFileImages;
pub(crate) use describe_grouped_malicious_files::DescribeGroupedMaliciousFiles;
pub(crate) use describe_matched_malicious_names::DescribeMatchedMaliciousNames;
pub(crate) use handle_malicious_files::HandleMaliciousFiles;

const CURRENT_PAGE: Parameter =
    Parameter::required("CurrentPage", ParameterKind::Integer, "Number of the page, from 1.");
const PAGE_SIZE: Parameter =
    Parameter::required("PageSize", ParameterKind::Text, "Entries of a page, 1 to 100.");
const LANG: Parameter =
    Parameter::optional("Lang", ParameterKind::Text, "zh, en; texts are English.");
const LEVELS: Parameter = Parameter::optional(
    "Levels",
    ParameterKind::Text,
    "Only files of these levels, separated by commas: serious, suspicious, remind.",
);
const MALICIOUS_MD5: Parameter = Parameter::optional(
    "MaliciousMd5",
    ParameterKind::Text,
    "Only the file with this MD5, or the package of which this advisory tells.",
);
const IMAGE_DIGEST: Parameter = Parameter::optional(
    "ImageDigest",
    ParameterKind::Text,
    "Only images of this digest, with or without `sha256:`.",
);
const IMAGE_TAG: Parameter =
    Parameter::optional("ImageTag", ParameterKind::Text, "Only images with this tag.");
const IMAGE_LAYER: Parameter = Parameter::optional(
    "ImageLayer",
    ParameterKind::Text,
    "Only images that have this layer, by its digest.",
);
const REPO_ID: Parameter =
    Parameter::optional("RepoId", ParameterKind::Text, "Only images of this repository.");
const REPO_NAME: Parameter = Parameter::optional(
    "RepoName",
    ParameterKind::Text,
    "Only images of repositories of this name.",
);
const REPO_NAMESPACE: Parameter = Parameter::optional(
    "RepoNamespace",
    ParameterKind::Text,
    "Only images of this namespace of a registry.",
);
const REPO_INSTANCE_ID: Parameter = Parameter::optional(
    "RepoInstanceId",
    ParameterKind::Text,
    "Selects nothing: repositories belong to no instance.",
);
const REPO_REGION_ID: Parameter = Parameter::optional(
    "RepoRegionId",
    ParameterKind::Text,
    "Only images of registries in this region.",
);
const CLUSTER_ID: Parameter =
    Parameter::optional("ClusterId", ParameterKind::Text, "Only images that run in this cluster.");
const SCAN_RANGE: Parameter = Parameter::optional(
    "ScanRange",
    ParameterKind::TextList,
    "image, container; images alone are scanned.",
);

/// The page; both of its parameters must be sent.
fn paging(sent: &Parameters) -> Result<Paging, Refusal> {
    sent.required("CurrentPage")?;
    sent.required("PageSize")?;
    Paging::of(sent)
}

/// `Levels`, in one text.
fn levels(sent: &Parameters) -> Result<BTreeSet<FileLevel>, Refusal> {
    let words = sent.text("Levels").into_iter().flat_map(|text| text.split(','));
    words
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            "serious" => Ok(FileLevel::High),
            "suspicious" => Ok(FileLevel::Medium),
            "remind" => Ok(FileLevel::Low),
            other => Err(Refusal::invalid("Levels", other, "one of serious, suspicious, remind")),
        })
        .collect()
}

const fn level_of(level: FileLevel) -> &'static str {
    match level {
        FileLevel::High => "serious",
        FileLevel::Medium => "suspicious",
        FileLevel::Low => "remind",
    }
}

/// How a file stands, as the contract numbers it. 2, being verified, is nothing that lasts here: a scan that was asked for ends
/// with one of the others.
const fn status_of(state: FileState) -> i32 {
    match state {
        FileState::Open => 0,
        FileState::Gone => 1,
        FileState::Ignored | FileState::FalsePositive => 3,
    }
}

fn filter(sent: &Parameters) -> Result<FileFilter, Refusal> {
    let key = sent.text("MaliciousMd5").map(|md5| {
        let is_md5 = md5.len() == 32 && md5.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_md5 { md5.to_ascii_lowercase() } else { md5.to_owned() }
    });
    Ok(FileFilter {
        levels: levels(sent)?,
        keys: key.map(|key| BTreeSet::from([key])),
        hidden: BTreeSet::new(),
        name: sent.text("FuzzyMaliciousName").map(ToOwned::to_owned),
    })
}

/// A digest with or without `sha256:`.
pub(super) fn digest(sent: &Parameters, name: &str) -> Result<Option<Digest>, Refusal> {
    let Some(text) = sent.text(name) else { return Ok(None) };
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    match format!("sha256:{hex}").parse() {
        Ok(digest) => Ok(Some(digest)),
        Err(_) => Err(Refusal::invalid(name, text, "a digest of 64 hex digits")),
    }
}

/// Whether what is asked for is of a kind that no image has here.
fn selects_nothing(sent: &Parameters) -> Result<bool, Refusal> {
    let range = sent.list("ScanRange")?;
    if let Some(other) = range.iter().find(|one| !matches!(one.as_str(), "image" | "container")) {
        return Err(Refusal::invalid("ScanRange", other, "one of image, container"));
    }
    let out_of_range = !range.is_empty() && !range.iter().any(|one| one == "image");
    Ok(out_of_range || sent.text("RepoInstanceId").is_some())
}

/// A path as the contract writes it; a package's URL is none.
fn file_path(path: &str) -> String {
    if path.starts_with("pkg:") { path.to_owned() } else { format!("/{path}") }
}
