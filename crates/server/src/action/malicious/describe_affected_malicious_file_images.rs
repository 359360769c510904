//! `DescribeAffectedMaliciousFileImages`: malicious files one by one, as images have them.
//!
//! In: filters of images and of files, combined with "and". Out: one page, image by image. Source: the vendor's page of that name;
//! `docs/api.md`, "Malicious files". Odd: without `Status` all is listed that images have; 1 lists what the content had that the
//! tag named before it last moved, and nothing of which the present content has.

use std::collections::BTreeSet;

use plimsoll_store::{FileInImage, FileKind, FileState, FilesQuery, ImageSelection, Page};
use serde::Serialize;

use super::{
    CLUSTER_ID, CURRENT_PAGE, IMAGE_DIGEST, IMAGE_LAYER, IMAGE_TAG, LANG, LEVEL_WORDS, LEVELS,
    MALICIOUS_MD5, PAGE_SIZE, REPO_ID, REPO_INSTANCE_ID, REPO_NAME, REPO_NAMESPACE, REPO_REGION_ID,
    SCAN_RANGE, digest, file_path, filter, paging, selects_nothing, status_of,
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, milliseconds,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeAffectedMaliciousFileImages;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    affected_malicious_file_images_response: Vec<File>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_name: Option<String>,
    digest: String,
    file_path: String,
    first_scan_timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    high_light: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    image: String,
    image_uuid: String,
    latest_scan_timestamp: i64,
    latest_verify_timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<String>,
    level: &'static str,
    malicious_md5: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<String>,
    repo_id: String,
    repo_name: String,
    repo_region_id: String,
    status: i32,
    tag: String,
    uuid: String,
}

impl Run for DescribeAffectedMaliciousFileImages {
    const NAME: &'static str = "DescribeAffectedMaliciousFileImages";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str =
        "Lists malicious files as images have them, with their places and how they stand.";
    const PARAMETERS: &'static [Parameter] = &[
        CURRENT_PAGE,
        PAGE_SIZE,
        LEVELS,
        MALICIOUS_MD5,
        Parameter::optional(
            "Status",
            ParameterKind::Text,
            "Only files that stand so, separated by commas: 0 it counts, 1 the image has it no longer, 2 nothing, 3 whitelisted.",
        ),
        Parameter::optional(
            "Image",
            ParameterKind::Text,
            "Only this image: `namespace/repository:tag`, with or without the registry before it.",
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
        Parameter::optional(
            "ClusterName",
            ParameterKind::Text,
            "As ClusterId: clusters have no other name.",
        ),
        Parameter::optional(
            "Namespace",
            ParameterKind::Text,
            "Only images that run in this namespace of a cluster.",
        ),
        Parameter::optional("Pod", ParameterKind::Text, "Only images that run in this pod."),
        Parameter::optional(
            "ContainerId",
            ParameterKind::Text,
            "Selects nothing: containers are not scanned.",
        ),
        SCAN_RANGE,
        LANG,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let text = |name| sent.text(name).map(ToOwned::to_owned);
        let paging = paging(sent)?;
        let (cluster_id, cluster_name) = (text("ClusterId"), text("ClusterName"));
        let other_name =
            cluster_id.is_some() && cluster_name.is_some() && cluster_id != cluster_name;
        let states = states(sent)?;
        let nothing = selects_nothing(sent)?
            || other_name
            || sent.text("ContainerId").is_some()
            || states.as_ref().is_some_and(BTreeSet::is_empty);
        let query = FilesQuery {
            kind: FileKind::Malicious,
            images: ImageSelection {
                reference: text("Image"),
                digest: digest(sent, "ImageDigest")?,
                tag: text("ImageTag"),
                layer: digest(sent, "ImageLayer")?,
                repo_id: text("RepoId"),
                repo_name: text("RepoName"),
                repo_namespace: text("RepoNamespace"),
                region_id: text("RepoRegionId"),
                cluster_id: cluster_id.or(cluster_name),
                namespace: text("Namespace"),
                pod: text("Pod"),
                ..ImageSelection::default()
            },
            filter: filter(sent)?,
            states: states.unwrap_or_default(),
            page: paging.page,
            page_size: paging.size,
        };
        if nothing {
            let (page, page_size) = (paging.page, paging.size);
            return Ok(Answer::of(paging, Page { items: Vec::new(), total: 0, page, page_size }));
        }
        let page = context.store.files_in_images(&query).await;
        Ok(Answer::of(paging, page.map_err(|error| failed(Self::NAME, &error))?))
    }
}

/// What `Status` selects; `None`: it is not sent.
fn states(sent: &Parameters) -> Result<Option<BTreeSet<FileState>>, Refusal> {
    let Some(text) = sent.text("Status") else { return Ok(None) };
    let mut states = BTreeSet::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "0" => states.extend([FileState::Open]),
            "1" => states.extend([FileState::Gone]),
            "2" => {}
            "3" => states.extend([FileState::Ignored, FileState::FalsePositive]),
            other => return Err(Refusal::invalid("Status", other, "one of 0, 1, 2, 3")),
        }
    }
    Ok(Some(states))
}

impl Answer {
    fn of(paging: Paging, page: Page<FileInImage>) -> Self {
        Self {
            page_info: paging.info(page.items.len(), page.total),
            affected_malicious_file_images_response: page.items.into_iter().map(File::of).collect(),
        }
    }
}

impl File {
    fn of(one: FileInImage) -> Self {
        let cluster = one.runs_in.as_ref().map(|place| place.cluster_id.clone());
        let md5 = one.md5().unwrap_or(&one.finding.id).to_owned();
        Self {
            digest: one.digest.hex(),
            file_path: file_path(one.path()),
            first_scan_timestamp: milliseconds(one.first_seen),
            high_light: one.finding.extra.get("highlight").cloned(),
            id: (one.state != FileState::Gone).then_some(one.id),
            image: format!("{}/{}:{}", one.authority, one.image.path(), one.image.tag),
            image_uuid: one.image.uuid.replace('-', ""),
            latest_scan_timestamp: milliseconds(one.scanned),
            latest_verify_timestamp: milliseconds(one.scanned),
            layer: one.layer.map(|layer| layer.hex()),
            level: LEVEL_WORDS.word(one.level),
            malicious_md5: md5,
            namespace: one.runs_in.as_ref().map(|place| place.namespace.clone()),
            pod: one.runs_in.as_ref().map(|place| place.pod.clone()),
            cluster_id: cluster.clone(),
            cluster_name: cluster,
            repo_id: one.image.repo_id,
            repo_name: one.image.repository,
            repo_region_id: one.region_id,
            status: status_of(one.state),
            tag: one.image.tag,
            uuid: one.image.uuid,
        }
    }
}
