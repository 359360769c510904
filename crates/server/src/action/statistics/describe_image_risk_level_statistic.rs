//! `DescribeImageRiskLevelStatistic`: how many images have which risk level.
//!
//! In: nothing. Out: the four levels, highest first, each also where no image has it. Source: the vendor's page of that name;
//! `docs/semantics.md`, "Counters".
//!
//! Odd: a level is a text with a digit; images that were not scanned are in none.

use serde::Serialize;

use crate::{
    action::{AccessLevel, Context, Parameter, Run, failed, narrow},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageRiskLevelStatistic;

/// What `DescribeImageRiskLevelStatistic` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    image_risk_level_list: Vec<Level>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Level {
    image_risk_level: &'static str,
    cnt: i32,
}

impl Run for DescribeImageRiskLevelStatistic {
    const NAME: &'static str = "DescribeImageRiskLevelStatistic";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Counts scanned images by risk level.";
    const PARAMETERS: &'static [Parameter] = &[];
    type Answer = Answer;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Answer, Refusal> {
        let overview = context.store.risk_overview().await;
        let overview = overview.map_err(|error| failed(Self::NAME, &error))?;
        let levels = [
            ("3", overview.high),
            ("2", overview.medium),
            ("1", overview.low),
            ("0", overview.none),
        ];
        let level = |(image_risk_level, images): (&'static str, u64)| Level {
            image_risk_level,
            cnt: narrow(images),
        };
        Ok(Answer { image_risk_level_list: levels.into_iter().map(level).collect() })
    }
}
