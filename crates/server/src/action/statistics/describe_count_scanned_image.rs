//! `DescribeCountScannedImage`: how many images were scanned.
//!
//! In: nothing. Out: the images with at least one successful scan. Source: the vendor's page of that name;
//! `docs/semantics.md`, "Counters". Odd: a scan that could not read the image is none.

use serde::Serialize;

use crate::{
    action::{AccessLevel, Context, Parameter, Run, failed, narrow},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeCountScannedImage;

/// What `DescribeCountScannedImage` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    scanned_count: i32,
}

impl Run for DescribeCountScannedImage {
    const NAME: &'static str = "DescribeCountScannedImage";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Counts the images that were scanned with success.";
    const PARAMETERS: &'static [Parameter] = &[];
    type Answer = Answer;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Answer, Refusal> {
        let overview = context.store.risk_overview().await;
        let overview = overview.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Answer { scanned_count: narrow(overview.images - overview.not_scanned) })
    }
}
