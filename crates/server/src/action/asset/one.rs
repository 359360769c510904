//! `DescribeImageInfoList` and `DescribeImage`: images that are named.
//!
//! In: ids of images; or a repository's id and a tag. Out: the images, in the order of their ids as they are sent; or the digest
//! that the tag names. Source: the vendor's pages of those names; `docs/api.md`, "Inventory". Odd: an id that names no image is
//! left out; `ImageInstanceId` is ignored, though it must be sent: a repository's id says which one is meant.

use plimsoll_store::{ImageRisk, ScanSelection};
use serde::Serialize;

use super::{endpoints, yes_no};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, milliseconds, narrow},
    gateway::{Parameters, Refusal},
};

/// Images by their ids.
pub(crate) struct DescribeImageInfoList;

/// The digest of a tag.
pub(crate) struct DescribeImage;

/// What `DescribeImageInfoList` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Infos {
    image_infos: Vec<Info>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    alarm_count: i32,
    alarm_status: &'static str,
    digest: String,
    endpoints: String,
    image_create: i64,
    image_id: String,
    image_size: i64,
    image_update: i64,
    region_id: String,
    registry_type: String,
    repo_id: String,
    repo_name: String,
    repo_namespace: String,
    repo_type: &'static str,
    risk_status: &'static str,
    status: &'static str,
    tag: String,
    tag_immutable: i32,
    uuid: String,
    vul_count: i32,
    vul_status: &'static str,
}

/// What `DescribeImage` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Resolved {
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    digest: String,
}

/// The most ids of one question.
const MOST_IDS: usize = 100;

impl Run for DescribeImageInfoList {
    const NAME: &'static str = "DescribeImageInfoList";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists images by their ids.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::required(
        "Uuids",
        ParameterKind::Text,
        "Ids of images, separated by commas, at most a hundred.",
    )];
    type Answer = Infos;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Infos, Refusal> {
        let text = sent.required("Uuids")?;
        let ids: Vec<&str> = text.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
        if ids.len() > MOST_IDS {
            return Err(Refusal::invalid("Uuids", text, "at most a hundred ids"));
        }
        let mut image_infos = Vec::with_capacity(ids.len());
        for id in ids {
            let found = context.store.image_risk(id).await;
            let found = found.map_err(|error| failed(Self::NAME, &error))?;
            image_infos.extend(found.as_ref().map(Info::of));
        }
        Ok(Infos { image_infos })
    }
}

impl Info {
    fn of(risk: &ImageRisk) -> Self {
        let (image, settings, counters) = (&risk.image, &risk.registry.settings, &risk.counters);
        Self {
            alarm_count: narrow(counters.malicious()),
            alarm_status: yes_no(counters.malicious() > 0),
            digest: image.known_digest().hex(),
            endpoints: endpoints(&risk.registry),
            image_create: milliseconds(image.created),
            image_id: image.image_id.hex(),
            image_size: i64::try_from(image.size).unwrap_or(i64::MAX),
            image_update: milliseconds(image.updated),
            region_id: settings.region_id.clone(),
            registry_type: settings.reported_type.clone(),
            repo_id: image.repo_id.clone(),
            repo_name: image.repository.clone(),
            repo_namespace: image.namespace.clone(),
            repo_type: image.repo_type.as_str(),
            risk_status: yes_no(counters.risk_level() > 0),
            status: "NORMAL",
            tag: image.tag.clone(),
            tag_immutable: i32::from(image.tag_immutable),
            uuid: image.uuid.clone(),
            vul_count: narrow(counters.vulnerabilities()),
            vul_status: yes_no(counters.vulnerabilities() > 0),
        }
    }
}

impl Run for DescribeImage {
    const NAME: &'static str = "DescribeImage";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Tells which digest a tag names.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required(
            "ImageInstanceId",
            ParameterKind::Text,
            "Ignored: repositories belong to no instance.",
        ),
        Parameter::required("ImageRegionId", ParameterKind::Text, "Region of the registry."),
        Parameter::required("ImageRepoId", ParameterKind::Text, "Id of the repository."),
        Parameter::required("ImageTag", ParameterKind::Text, "The tag."),
    ];
    type Answer = Resolved;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Resolved, Refusal> {
        sent.required("ImageInstanceId")?;
        let tag = sent.required("ImageTag")?;
        let selection = ScanSelection {
            region_ids: vec![sent.required("ImageRegionId")?.to_owned()],
            repo_ids: vec![sent.required("ImageRepoId")?.to_owned()],
            tags: vec![tag.to_owned()],
            ..ScanSelection::default()
        };
        let found = context.store.selected_images(&selection, 1).await;
        let found = found.map_err(|error| failed(Self::NAME, &error))?;
        let Some(image) = found.first() else {
            return Err(Refusal::invalid(
                "ImageTag",
                tag,
                "a tag of that repository in that region",
            ));
        };
        Ok(Resolved { data: Data { digest: image.known_digest().hex() } })
    }
}
