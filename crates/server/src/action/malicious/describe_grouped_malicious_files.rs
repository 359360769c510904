//! `DescribeGroupedMaliciousFiles`: malicious files by content, and how many images have each.
//!
//! In: filters of images and of files, combined with "and". Out: one page; the worst first, then what most images have. Source: the
//! vendor's page of that name; `docs/api.md`, "Malicious files". Odd: `ImageCount` is images in which it counts; what is dealt with
//! in every image comes last, with those images and their `Status`.

use plimsoll_store::{
    FileFilter, FileGroup, FileKind, FileState, GroupedFilesQuery, ImageSelection, Page,
};
use serde::Serialize;

use super::{
    CLUSTER_ID, CURRENT_PAGE, IMAGE_DIGEST, IMAGE_LAYER, IMAGE_TAG, LANG, LEVEL_WORDS, LEVELS,
    MALICIOUS_MD5, PAGE_SIZE, REPO_ID, REPO_INSTANCE_ID, REPO_NAME, REPO_NAMESPACE, REPO_REGION_ID,
    SCAN_RANGE, digest, filter, paging, selects_nothing, status_of,
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, milliseconds,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeGroupedMaliciousFiles;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    grouped_malicious_file_response: Vec<Group>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    first_scan_timestamp: i64,
    image_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_scan_timestamp: Option<i64>,
    level: &'static str,
    malicious_key: String,
    malicious_md5: String,
    malicious_name: String,
    status: i32,
}

impl Run for DescribeGroupedMaliciousFiles {
    const NAME: &'static str = "DescribeGroupedMaliciousFiles";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists malicious files by content with the number of images that have each, the worst first.";
    const PARAMETERS: &'static [Parameter] = &[
        CURRENT_PAGE,
        PAGE_SIZE,
        LEVELS,
        MALICIOUS_MD5,
        Parameter::optional(
            "FuzzyMaliciousName",
            ParameterKind::Text,
            "Only files whose name contains this text, in any case.",
        ),
        IMAGE_DIGEST,
        IMAGE_TAG,
        IMAGE_LAYER,
        REPO_ID,
        REPO_NAME,
        REPO_NAMESPACE,
        REPO_INSTANCE_ID,
        REPO_REGION_ID,
        CLUSTER_ID,
        SCAN_RANGE,
        LANG,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let text = |name| sent.text(name).map(ToOwned::to_owned);
        let paging = paging(sent)?;
        let nothing = selects_nothing(sent)?;
        let filter: FileFilter = filter(sent)?;
        let query = GroupedFilesQuery {
            kind: FileKind::Malicious,
            images: ImageSelection {
                digest: digest(sent, "ImageDigest")?,
                tag: text("ImageTag"),
                layer: digest(sent, "ImageLayer")?,
                repo_id: text("RepoId"),
                repo_name: text("RepoName"),
                repo_namespace: text("RepoNamespace"),
                region_id: text("RepoRegionId"),
                cluster_id: text("ClusterId"),
                ..ImageSelection::default()
            },
            filter,
            page: paging.page,
            page_size: paging.size,
        };
        if nothing {
            let (page, page_size) = (paging.page, paging.size);
            return Ok(Answer::of(paging, Page { items: Vec::new(), total: 0, page, page_size }));
        }
        let page = context.store.grouped_files(&query).await;
        Ok(Answer::of(paging, page.map_err(|error| failed(Self::NAME, &error))?))
    }
}

impl Answer {
    fn of(paging: Paging, page: Page<FileGroup>) -> Self {
        Self {
            page_info: paging.info(page.items.len(), page.total),
            grouped_malicious_file_response: page.items.into_iter().map(Group::of).collect(),
        }
    }
}

impl Group {
    fn of(one: FileGroup) -> Self {
        let is_open = one.state == FileState::Open;
        Self {
            first_scan_timestamp: milliseconds(one.first_seen),
            image_count: if is_open { one.images } else { one.dealt_with },
            latest_scan_timestamp: one.last_scanned.map(milliseconds),
            level: LEVEL_WORDS.word(one.level),
            malicious_key: one.malicious_key.unwrap_or_default(),
            malicious_md5: one.key,
            malicious_name: one.name,
            status: status_of(one.state),
        }
    }
}
