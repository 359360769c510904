//! `GetDockerhubImageRiskStatistic`: the sums that stand beside the rankings.
//!
//! In: which sums. Out: them, and when the newest scan ended, in milliseconds since 1970. Source: the vendor's page of that
//! name; `docs/semantics.md`, "Counters".
//!
//! Odd: the time is answered twice, under two names; neither is there before the first scan.

use plimsoll_model::Timestamp;
use serde::Serialize;

use super::{rank_settings, types};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, narrow},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct GetDockerhubImageRiskStatistic;

/// What `GetDockerhubImageRiskStatistic` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    risk_rank_info: RiskRankInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RiskRankInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_scanned: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vul_asap: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_time_timestamp: Option<i64>,
}

impl Run for GetDockerhubImageRiskStatistic {
    const NAME: &'static str = "GetDockerhubImageRiskStatistic";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str =
        "Sums urgent vulnerabilities and baseline risks over all scanned images.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::optional(
        "Types",
        ParameterKind::TextList,
        "Which sums: totalScanned, vulAsap, baseline; all by default.",
    )];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let asked = types(sent, &["totalScanned", "vulAsap", "baseline"])?;
        let failed = |error| failed(Self::NAME, &error);
        let settings = rank_settings(context.store).await.map_err(failed)?;
        let sums = context.store.risk_statistic(settings.scope).await.map_err(failed)?;
        let of = |name, sum: u64| asked.contains(&name).then(|| narrow(sum));
        let scan_time = sums.scan_time.map(Timestamp::milliseconds);
        Ok(Answer {
            risk_rank_info: RiskRankInfo {
                total_scanned: of("totalScanned", sums.scanned),
                vul_asap: of("vulAsap", sums.asap),
                baseline: of("baseline", sums.baseline),
                scan_time,
                scan_time_timestamp: scan_time,
            },
        })
    }
}
