//! `DescribeImageInstances`: images with their numbers and how their scans stand.
//!
//! In: conditions, and whether images were scanned. Out: one page, the tag that moved last first. Source: the vendor's page of
//! that name; `docs/api.md`, "Inventory". Odd: sizes, in bytes, and the times of the tag are texts; `RepoType` is in lower case;
//! `LastScanTime` is 0 before the first scan that could read the image.

use plimsoll_store::{AssetQuery, ImageAsset, Page};
use serde::Serialize;

use super::{
    criteria::{CRITERIA, LOGICAL_EXP, conditions},
    endpoints, scan_progress, scan_result, scan_state, yes_no,
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed,
        filters::{CURRENT_PAGE, PAGE_SIZE},
        milliseconds, narrow,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageInstances;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    image_instance_list: Vec<Image>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    alarm_count: i32,
    alarm_status: &'static str,
    deployed: i32,
    digest: String,
    endpoints: String,
    hc_count: i32,
    hc_status: &'static str,
    image_create: String,
    image_id: String,
    image_size: String,
    image_update: String,
    last_scan_time: i64,
    region_id: String,
    registry_type: String,
    repo_id: String,
    repo_name: String,
    repo_namespace: String,
    repo_type: String,
    risk_status: &'static str,
    sca_progress: i32,
    sca_result: &'static str,
    sca_status: &'static str,
    status: &'static str,
    tag: String,
    uuid: String,
    vul_count: i32,
    vul_status: &'static str,
}

impl Run for DescribeImageInstances {
    const NAME: &'static str = "DescribeImageInstances";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists images with their numbers and how their scans stand.";
    const PARAMETERS: &'static [Parameter] = &[
        CRITERIA,
        LOGICAL_EXP,
        Parameter::optional(
            "Scanned",
            ParameterKind::Boolean,
            "Only images that a scan could read, or only others.",
        ),
        CURRENT_PAGE,
        PAGE_SIZE,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let query = AssetQuery {
            conditions: conditions(sent)?,
            scanned: sent.boolean("Scanned")?,
            page: paging.page,
            page_size: paging.size,
        };
        let page = context.store.image_assets(&query).await;
        let page: Page<ImageAsset> = page.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Answer {
            page_info: paging.info(page.items.len(), page.total),
            image_instance_list: page.items.iter().map(Image::of).collect(),
        })
    }
}

impl Image {
    fn of(asset: &ImageAsset) -> Self {
        let risk = &asset.risk;
        let (image, settings, counters) = (&risk.image, &risk.registry.settings, &risk.counters);
        Self {
            alarm_count: narrow(counters.malicious()),
            alarm_status: yes_no(counters.malicious() > 0),
            deployed: i32::from(asset.deployed),
            digest: image.known_digest().hex(),
            endpoints: endpoints(&risk.registry),
            hc_count: narrow(counters.baseline()),
            hc_status: yes_no(counters.baseline() > 0),
            image_create: milliseconds(image.created).to_string(),
            image_id: image.image_id.hex(),
            image_size: image.size.to_string(),
            image_update: milliseconds(image.updated).to_string(),
            last_scan_time: risk.scanned.map_or(0, milliseconds),
            region_id: settings.region_id.clone(),
            registry_type: settings.reported_type.clone(),
            repo_id: image.repo_id.clone(),
            repo_name: image.repository.clone(),
            repo_namespace: image.namespace.clone(),
            repo_type: image.repo_type.as_str().to_ascii_lowercase(),
            risk_status: yes_no(counters.risk_level() > 0),
            sca_progress: scan_progress(risk),
            sca_result: scan_result(risk),
            sca_status: scan_state(risk),
            status: "NORMAL",
            tag: image.tag.clone(),
            uuid: image.uuid.clone(),
            vul_count: narrow(counters.vulnerabilities()),
            vul_status: yes_no(counters.vulnerabilities() > 0),
        }
    }
}
