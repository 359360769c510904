//! Actions that rank and search images. The vendor names them after Docker Hub; which images they are about is a setting.
//!
//! The settings are those of [`rank_settings`]. Source: `docs/semantics.md`, "Rankings".

mod get_dockerhub_image_risk_rank_info;
mod get_dockerhub_image_risk_statistic;
mod list_dockerhub_image;

pub(crate) use get_dockerhub_image_risk_rank_info::GetDockerhubImageRiskRankInfo;
pub(crate) use get_dockerhub_image_risk_statistic::GetDockerhubImageRiskStatistic;
pub(crate) use list_dockerhub_image::ListDockerhubImage;

use plimsoll_store::RankEntry;
use serde::Serialize;

use super::narrow;
use crate::{
    gateway::{Parameters, Refusal},
    operation::rank::rank_settings,
};

/// One image in a ranking or a search.
///
/// Odd: `RiskLevelDetail` is a text that holds JSON, encoded once; the vendor's page shows it encoded twice.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Image {
    uuid: String,
    image_size: i64,
    digest: String,
    hc_count: i32,
    tag: String,
    vul_count: i32,
    image_id: String,
    repo_name: String,
    repo_namespace: String,
    risk_level_detail: String,
}

impl Image {
    fn of(entry: RankEntry) -> Self {
        Self {
            image_size: i64::try_from(entry.image.size).unwrap_or(i64::MAX),
            digest: entry.image.known_digest().hex(),
            hc_count: narrow(entry.counters.baseline()),
            vul_count: narrow(entry.counters.vulnerabilities()),
            image_id: entry.image.image_id.hex(),
            risk_level_detail: entry.counters.risk_level_detail(&entry.image.uuid),
            uuid: entry.image.uuid,
            tag: entry.image.tag,
            repo_name: entry.image.repository,
            repo_namespace: entry.image.namespace,
        }
    }
}

/// The parameter `Types`, each of which must be one of `known`; none of them means all.
fn types(sent: &Parameters, known: &[&'static str]) -> Result<Vec<&'static str>, Refusal> {
    let asked = sent.list("Types")?;
    if asked.is_empty() {
        return Ok(known.to_vec());
    }
    let find = |text: &String| {
        let found = known.iter().find(|one| *one == text).copied();
        let wanted = || format!("one of {}", known.join(", "));
        found.ok_or_else(|| Refusal::invalid("Types", text, &wanted()))
    };
    asked.iter().map(find).collect()
}
