//! `DescribeImageListWithBaselineName`: the images in which a baseline fails.
//!
//! In: the baseline, filters of images, combined with "and". Out: one page, by registry, namespace, repository and tag. Source: the
//! vendor's page of that name.
//!
//! Odd, and so in the contract:
//! * `HighRiskImage`, `MiddleRiskImage` and `LowRiskImage` are numbers of items of the image here; `NoRiskImage` is how many of the
//!   baseline's items that are asked for did not fail.
//! * `ImageSize` has 32 bits.

use plimsoll_store::{ImageSelection, ItemImage, ItemImagesQuery, Page};
use serde::Serialize;

use super::{CRITERIA, CRITERIA_TYPE, KIND, Levels, Wanted, items_of_name, strategy::Strategy};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, catalogue, failed,
        filters::{CLUSTER_ID, CURRENT_PAGE, LANG, SCAN_RANGE, digest, is_out_of_range},
        milliseconds, narrow,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageListWithBaselineName;

/// What `DescribeImageListWithBaselineName` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    image_infos: Vec<Info>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<String>,
    digest: String,
    first_scan_time: i64,
    high_risk_image: i32,
    image: String,
    image_create: i64,
    image_id: String,
    image_size: i32,
    image_update: i64,
    last_scan_time: i64,
    low_risk_image: i32,
    middle_risk_image: i32,
    no_risk_image: i32,
    region_id: String,
    repo_id: String,
    repo_name: String,
    repo_namespace: String,
    repo_type: &'static str,
    risk_status: &'static str,
    tag: String,
    total_item_count: i32,
    uuid: String,
}

impl Run for DescribeImageListWithBaselineName {
    const NAME: &'static str = "DescribeImageListWithBaselineName";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the images in which a baseline fails.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required(
            "BaselineNameKey",
            ParameterKind::Text,
            "The baseline, by its key or its name.",
        ),
        CRITERIA,
        CRITERIA_TYPE,
        CURRENT_PAGE,
        Parameter::optional(
            "PageSize",
            ParameterKind::Integer,
            "Entries of a page, 1 to 100, 10 by default.",
        ),
        Parameter::optional(
            "Image",
            ParameterKind::Text,
            "Only the image of this reference, with or without its registry.",
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
            "Selects nothing: containers are known by their pod.",
        ),
        SCAN_RANGE,
        LANG,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::with_default(sent, 10)?;
        let name = sent.required("BaselineNameKey")?;
        let wanted = Wanted::of(sent)?;
        let items = items_of_name(context, Self::NAME, name).await?;
        let is_wanted = items.iter().any(|item| {
            let (class, name) = catalogue::place_of(KIND, item);
            wanted.admits(class, name)
        });
        let text = |name| sent.text(name).map(ToOwned::to_owned);
        let (cluster_id, cluster_name) = (text("ClusterId"), text("ClusterName"));
        let other_name =
            cluster_id.is_some() && cluster_name.is_some() && cluster_id != cluster_name;
        let images = ImageSelection {
            digest: digest(sent, "ImageDigest")?,
            reference: text("Image"),
            repo_name: text("RepoName"),
            repo_namespace: text("RepoNamespace"),
            cluster_id: cluster_id.or(cluster_name),
            namespace: text("Namespace"),
            pod: text("Pod"),
            ..ImageSelection::default()
        };
        let nothing = is_out_of_range(sent)?
            || other_name
            || !is_wanted
            || sent.text("RepoInstanceId").is_some()
            || sent.text("ContainerId").is_some();
        let (page, page_size) = (paging.page, paging.size);
        let found = if nothing {
            Page { items: Vec::new(), total: 0, page, page_size }
        } else {
            let query = ItemImagesQuery {
                ids: Some(items.clone()),
                images: images.clone(),
                page,
                page_size,
                ..ItemImagesQuery::of(KIND)
            };
            let found = context.store.images_with_items(&query).await;
            found.map_err(|error| failed(Self::NAME, &error))?
        };
        let strategy = Strategy::read(context, Self::NAME, true).await?;
        let asked_for = items.iter().filter(|item| strategy.selected.contains(*item)).count();
        let infos: Vec<Info> =
            found.items.into_iter().map(|image| Info::of(image, asked_for, &images)).collect();
        let page_info = paging.info(infos.len(), found.total);
        Ok(Answer { image_infos: infos, page_info })
    }
}

impl Info {
    fn of(found: ItemImage, asked_for: usize, asked: &ImageSelection) -> Self {
        let levels = Levels::of(found.items.iter());
        let failed = usize::try_from(levels.sum()).unwrap_or(usize::MAX);
        let first = found.items.iter().map(|item| item.first_seen.max(found.first_scanned)).min();
        let image = found.image;
        Self {
            cluster_id: asked.cluster_id.clone(),
            cluster_name: asked.cluster_id.clone(),
            namespace: asked.namespace.clone(),
            pod: asked.pod.clone(),
            digest: image.known_digest().hex(),
            first_scan_time: milliseconds(first.unwrap_or(found.first_scanned)),
            high_risk_image: narrow(levels.high),
            image: format!("{}/{}:{}", found.authority, image.path(), image.tag),
            image_create: milliseconds(image.created),
            image_id: image.image_id.hex(),
            image_size: narrow(image.size),
            image_update: milliseconds(image.updated),
            last_scan_time: milliseconds(found.scanned),
            low_risk_image: narrow(levels.low),
            middle_risk_image: narrow(levels.medium),
            no_risk_image: narrow(asked_for.saturating_sub(failed)),
            region_id: found.region_id,
            repo_id: image.repo_id,
            repo_name: image.repository,
            repo_namespace: image.namespace,
            repo_type: image.repo_type.as_str(),
            risk_status: if failed > 0 { "YES" } else { "NO" },
            tag: image.tag,
            total_item_count: narrow(asked_for.max(failed)),
            uuid: image.uuid,
        }
    }
}
