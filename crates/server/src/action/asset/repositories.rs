//! `DescribeImageRepoDetailList`: repositories with the sums of their images' numbers.
//!
//! In: conditions. Out: one page, in the order of names. Source: the vendor's page of that name; `docs/api.md`, "Inventory".
//! Odd: a repository's numbers are sums over its tags, so that a vulnerability in two tags counts twice.

use plimsoll_store::{AssetQuery, RepositoryAsset};
use serde::Serialize;

use super::{
    criteria::{CRITERIA, LOGICAL_EXP, conditions},
    endpoints, yes_no,
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, Run, failed,
        filters::{CURRENT_PAGE, PAGE_SIZE},
        narrow,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageRepoDetailList;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    image_repo_responses: Vec<Repository>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Repository {
    alarm_count: i32,
    alarm_status: &'static str,
    endpoints: String,
    has_risk_image_count: i32,
    hc_count: i32,
    hc_status: &'static str,
    image_count: i32,
    region_id: String,
    registry_type: String,
    repo_id: String,
    repo_name: String,
    repo_namespace: String,
    risk_status: &'static str,
    vul_count: i32,
    vul_status: &'static str,
}

impl Run for DescribeImageRepoDetailList {
    const NAME: &'static str = "DescribeImageRepoDetailList";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists repositories with the sums of their images' numbers.";
    const PARAMETERS: &'static [Parameter] = &[CRITERIA, LOGICAL_EXP, CURRENT_PAGE, PAGE_SIZE];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let query = AssetQuery {
            conditions: conditions(sent)?,
            scanned: None,
            page: paging.page,
            page_size: paging.size,
        };
        let page = context.store.repository_assets(&query).await;
        let page = page.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Answer {
            page_info: paging.info(page.items.len(), page.total),
            image_repo_responses: page.items.iter().map(Repository::of).collect(),
        })
    }
}

impl Repository {
    fn of(asset: &RepositoryAsset) -> Self {
        let settings = &asset.registry.settings;
        Self {
            alarm_count: narrow(asset.malicious),
            alarm_status: yes_no(asset.malicious > 0),
            endpoints: endpoints(&asset.registry),
            has_risk_image_count: narrow(asset.at_risk),
            hc_count: narrow(asset.baseline),
            hc_status: yes_no(asset.baseline > 0),
            image_count: narrow(asset.images),
            region_id: settings.region_id.clone(),
            registry_type: settings.reported_type.clone(),
            repo_id: asset.repo_id.clone(),
            repo_name: asset.repository.clone(),
            repo_namespace: asset.namespace.clone(),
            risk_status: yes_no(asset.at_risk > 0),
            vul_count: narrow(asset.vulnerabilities),
            vul_status: yes_no(asset.vulnerabilities > 0),
        }
    }
}
