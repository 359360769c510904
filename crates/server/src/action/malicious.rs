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

use plimsoll_store::{FileFilter, FileState};

use super::{
    Parameter, ParameterKind,
    filters::{
        CLUSTER_ID, LANG, LevelWords, REPO_ID, REPO_INSTANCE_ID, REPO_NAME, REPO_NAMESPACE,
        REPO_REGION_ID, SCAN_RANGE, digest, selects_nothing,
    },
    paging::Paging,
};
use crate::gateway::{Parameters, Refusal};

pub(crate) use describe_affected_malicious_file_images::DescribeAffectedMaliciousFileImages;
pub(crate) use describe_grouped_malicious_files::DescribeGroupedMaliciousFiles;
pub(crate) use describe_matched_malicious_names::DescribeMatchedMaliciousNames;
pub(crate) use handle_malicious_files::HandleMaliciousFiles;

const CURRENT_PAGE: Parameter =
    Parameter::required("CurrentPage", ParameterKind::Integer, "Number of the page, from 1.");
const PAGE_SIZE: Parameter =
    Parameter::required("PageSize", ParameterKind::Text, "Entries of a page, 1 to 100.");
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
/// The contract's words for levels.
const LEVEL_WORDS: LevelWords = LevelWords(["serious", "suspicious", "remind"]);

/// The page; both of its parameters must be sent.
fn paging(sent: &Parameters) -> Result<Paging, Refusal> {
    sent.required("CurrentPage")?;
    sent.required("PageSize")?;
    Paging::of(sent)
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
        levels: LEVEL_WORDS.read(sent, "Levels")?,
        keys: key.map(|key| BTreeSet::from([key])),
        hidden: BTreeSet::new(),
        name: sent.text("FuzzyMaliciousName").map(ToOwned::to_owned),
    })
}

/// A path as the contract writes it; a package's URL is none.
fn file_path(path: &str) -> String {
    if path.starts_with("pkg:") { path.to_owned() } else { format!("/{path}") }
}
