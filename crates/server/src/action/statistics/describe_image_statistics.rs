//! `DescribeImageStatistics`: how many images there are, and how many of them are at risk.
//!
//! In: nothing. Out: both numbers. Source: the vendor's page of that name; `docs/semantics.md`, "Counters". Odd: images that
//! were not scanned are images, but nobody knows a risk of them.

use serde::Serialize;

use crate::{
    action::{AccessLevel, Context, Parameter, Run, failed, narrow},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageStatistics;

/// What `DescribeImageStatistics` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    instance_count: i32,
    risk_instance_count: i32,
}

impl Run for DescribeImageStatistics {
    const NAME: &'static str = "DescribeImageStatistics";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Counts images, and those with a risk level above 0.";
    const PARAMETERS: &'static [Parameter] = &[];
    type Answer = Answer;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Answer, Refusal> {
        let overview = context.store.risk_overview().await;
        let overview = overview.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Answer {
            instance_count: narrow(overview.images),
            risk_instance_count: narrow(overview.high + overview.medium + overview.low),
        })
    }
}
