//! The malicious and sensitive files of an image, with the ids by which the signed API decides about them.
//!
//! In: an image, a kind. Out: one page of files. Odd: the ids are those of `HandleMaliciousFiles` and `SetImageSensitiveFileStatus`,
//! and the same after every scan.

use std::collections::BTreeSet;

use plimsoll_model::{Digest, Timestamp};
use plimsoll_store::{
    FileFilter, FileInImage, FileKind, FileLevel, FileState, FilesQuery, ImageSelection, Store,
};
use serde::{Deserialize, Serialize};

use crate::operation::{ListMeta, OperationError, images::find_image};

const PAGE_SIZE: u32 = 50;
const MOST: u32 = 500;

/// Which files of an image to list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListFiles {
    /// `malware` or `secret`, as reports call them.
    pub kind: FileWord,
    /// Number of the page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Entries of a page, 1 to 500; 50 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
}

/// A kind of file, as reports call it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileWord {
    /// Malicious files and packages.
    Malware,
    /// Sensitive files.
    Secret,
}

/// A file of an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileView {
    /// By which the signed API calls it.
    pub id: i64,
    /// What it is.
    pub kind: FileWord,
    /// The rule, or the kind of sensitive file.
    pub rule: String,
    /// What was found, in words.
    pub title: String,
    /// Its path, or the URL of a malicious package.
    pub path: String,
    /// `high`, `medium` or `low`; serious, suspicious and reminders of malicious files.
    pub level: String,
    /// `open`, `ignored` or `false-positive`.
    pub state: String,
    /// MD5 of its content, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// The layer that it lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<Digest>,
    /// When it was first known of the image's content.
    pub first_seen: Timestamp,
}

/// A part of the files of an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileList {
    /// In the order of the signed API's lists.
    pub files: Vec<FileView>,
    /// How many there are.
    pub meta: ListMeta,
}

/// One page of the files of an image.
///
/// # Errors
/// There is no such image, a parameter cannot be, or the database fails.
pub async fn list_files(
    store: &Store,
    uuid: &str,
    request: &ListFiles,
) -> Result<FileList, OperationError> {
    let size = request.page_size.unwrap_or(PAGE_SIZE);
    if !(1..=MOST).contains(&size) {
        return Err(OperationError::invalid("page_size", format!("{size} is not 1 to {MOST}")));
    }
    let page = request.page.unwrap_or(1);
    if page == 0 {
        return Err(OperationError::invalid("page", "pages are counted from 1"));
    }
    let image = find_image(store, uuid).await?;
    let found = store.files_in_images(&query(request.kind, &image.uuid, page, size)).await?;
    let more = u64::from(page) * u64::from(size) < found.total;
    Ok(FileList {
        files: found.items.iter().map(|one| FileView::of(request.kind, one)).collect(),
        meta: ListMeta { total: found.total, next: more.then(|| page.saturating_add(1)) },
    })
}

fn query(kind: FileWord, uuid: &str, page: u32, page_size: u32) -> FilesQuery {
    FilesQuery {
        kind: match kind {
            FileWord::Malware => FileKind::Malicious,
            FileWord::Secret => FileKind::Sensitive,
        },
        images: ImageSelection { uuid: Some(uuid.to_owned()), ..ImageSelection::default() },
        filter: FileFilter::default(),
        states: BTreeSet::new(),
        page,
        page_size,
    }
}

impl FileView {
    fn of(kind: FileWord, file: &FileInImage) -> Self {
        let level = match file.level {
            FileLevel::High => "high",
            FileLevel::Medium => "medium",
            FileLevel::Low => "low",
        };
        let state = match file.state {
            FileState::Open => "open",
            FileState::Ignored => "ignored",
            FileState::FalsePositive => "false-positive",
            FileState::Gone => "gone",
        };
        Self {
            id: file.id,
            kind,
            rule: file.finding.id.clone(),
            title: file.finding.title.clone(),
            path: file.path().to_owned(),
            level: level.to_owned(),
            state: state.to_owned(),
            md5: file.md5().map(ToOwned::to_owned),
            layer: file.layer,
            first_seen: file.first_seen,
        }
    }
}
