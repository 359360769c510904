//! `DescribeImageListBySensitiveFile`: the images that have sensitive files of a kind.
//!
//! In: a kind, filters of images and of files, combined with "and". Out: one page of images with how their files stand together.
//! Source: the vendor's page of that name; `docs/api.md`, "Sensitive files". Odd: an image is unhandled while one of its files of the
//! kind is; `InstanceId` and `InstanceName` are of a registry service that is none here, and are left out.

use std::collections::BTreeSet;

use plimsoll_store::{FileKind, FileState, FilesQuery, ImageSelection, ImageWithFiles, Page};
use serde::Serialize;

use super::{
    CURRENT_PAGE, Frame, LANG, LEVEL_WORDS, PAGE_SIZE, SCAN_RANGE, filter, selects_nothing,
    status_of, wanted_key,
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, filters::digest, milliseconds,
        paging::Paging,
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageListBySensitiveFile;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    #[serde(flatten)]
    frame: Frame,
    image_infos: Vec<Image>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    digest: String,
    first_scan_time: i64,
    last_scan_time: i64,
    region_id: String,
    repo_name: String,
    repo_namespace: String,
    risk_level: &'static str,
    status: String,
    tag: String,
    uuid: String,
}

impl Run for DescribeImageListBySensitiveFile {
    const NAME: &'static str = "DescribeImageListBySensitiveFile";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the images that have sensitive files of a kind.";
    const PARAMETERS: &'static [Parameter] = &[
        CURRENT_PAGE,
        PAGE_SIZE,
        Parameter::optional(
            "SensitiveFileKey",
            ParameterKind::Text,
            "The kind of sensitive file; it must be given.",
        ),
        Parameter::optional(
            "RiskLevel",
            ParameterKind::Text,
            "Only files of these levels, separated by commas: high, medium, low.",
        ),
        Parameter::optional(
            "Status",
            ParameterKind::Text,
            "Only images that stand so, separated by commas: 0 unhandled, 1 ignored, 2 false positive.",
        ),
        Parameter::optional(
            "ImageDigest",
            ParameterKind::Text,
            "Only images of this digest, with or without `sha256:`.",
        ),
        Parameter::optional(
            "RepoName",
            ParameterKind::Text,
            "Only images of repositories of this name.",
        ),
        Parameter::optional(
            "RepoNamespace",
            ParameterKind::Text,
            "Only images of this namespace of a registry.",
        ),
        Parameter::optional(
            "RepoInstanceId",
            ParameterKind::Text,
            "Selects nothing: repositories belong to no instance.",
        ),
        SCAN_RANGE,
        LANG,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let text = |name| sent.text(name).map(ToOwned::to_owned);
        let paging = Paging::of(sent)?;
        let key = wanted_key(sent)?;
        let states = states(sent)?;
        let nothing = selects_nothing(sent)?;
        let images = ImageSelection {
            digest: digest(sent, "ImageDigest")?,
            repo_name: text("RepoName"),
            repo_namespace: text("RepoNamespace"),
            ..ImageSelection::default()
        };
        let keys = BTreeSet::from([key.to_owned()]);
        let filter = filter(Self::NAME, context, sent, Some(keys)).await?;
        let (page, page_size) = (paging.page, paging.size);
        let Some(filter) = filter.filter(|_| !nothing) else {
            return Ok(Answer::of(paging, Page { items: Vec::new(), total: 0, page, page_size }));
        };
        let kind = FileKind::Sensitive;
        let query = FilesQuery { kind, images, filter, states, page, page_size };
        let page = context.store.images_with_files(&query).await;
        Ok(Answer::of(paging, page.map_err(|error| failed(Self::NAME, &error))?))
    }
}

/// What `Status` selects; empty: everything.
fn states(sent: &Parameters) -> Result<BTreeSet<FileState>, Refusal> {
    let words = sent.text("Status").into_iter().flat_map(|text| text.split(','));
    words
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            "0" => Ok(FileState::Open),
            "1" => Ok(FileState::Ignored),
            "2" => Ok(FileState::FalsePositive),
            other => Err(Refusal::invalid("Status", other, "one of 0, 1, 2")),
        })
        .collect()
}

impl Answer {
    fn of(paging: Paging, page: Page<ImageWithFiles>) -> Self {
        Self {
            frame: Frame::of(paging, page.items.len(), page.total),
            image_infos: page.items.into_iter().map(Image::of).collect(),
        }
    }
}

impl Image {
    fn of(one: ImageWithFiles) -> Self {
        Self {
            digest: one.image.digest.hex(),
            first_scan_time: milliseconds(one.first_seen),
            last_scan_time: milliseconds(one.scanned),
            region_id: one.region_id,
            repo_name: one.image.repository,
            repo_namespace: one.image.namespace,
            risk_level: LEVEL_WORDS.word(one.level),
            status: status_of(one.state).to_string(),
            tag: one.image.tag,
            uuid: one.image.uuid,
        }
    }
}
