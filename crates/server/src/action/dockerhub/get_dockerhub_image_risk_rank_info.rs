//! GetDockerhubImageRiskRankInfo: the images with the most urgent vulnerabilities, and those with the worst baselines.
//!
//! In: which of the two rankings. Out: each ranking, worst first. Source: the vendor's page of that name;
//! `docs/semantics.md`, "Rankings".
//!
//! Odd: the vendor does not say what is answered without `Types` or how long a ranking is. Here it is both rankings, each
//! with the ten first images; one that was not asked for is left out, one without images is an empty list.

use plimsoll_store::Dimension;
use serde::Serialize;

use super::{Image, rank_settings, types};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct GetDockerhubImageRiskRankInfo;

/// What GetDockerhubImageRiskRankInfo answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    risk_rank_info: RiskRankInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RiskRankInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    vul_asap: Option<Vec<Image>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Vec<Image>>,
}

impl Run for GetDockerhubImageRiskRankInfo {
    const NAME: &'static str = "GetDockerhubImageRiskRankInfo";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str =
        "Ranks images by urgent vulnerabilities and by failed baseline checks, worst first.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::optional(
        "Types",
        ParameterKind::TextList,
        "Which rankings: vulAsap, baseline; both by default.",
    )];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let asked = types(sent, &["vulAsap", "baseline"])?;
        let failed = |error| failed(Self::NAME, &error);
        let settings = rank_settings(context.store).await.map_err(failed)?;
        let rank = async |name, dimension| {
            if !asked.contains(&name) {
                return Ok(None);
            }
            let entries = context.store.rank(dimension, settings.scope, settings.limit).await;
            Ok(Some(entries.map_err(failed)?.into_iter().map(Image::of).collect()))
        };
        Ok(Answer {
            risk_rank_info: RiskRankInfo {
                vul_asap: rank("vulAsap", Dimension::VulAsap).await?,
                baseline: rank("baseline", Dimension::Baseline).await?,
            },
        })
    }
}
