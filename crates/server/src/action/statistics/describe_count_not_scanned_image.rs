//! `DescribeCountNotScannedImage`: how many images were not scanned.
//!
//! In: nothing. Out: the images without a successful scan. Source: the vendor's page of that name; `docs/semantics.md`,
//! "Counters". Odd: images whose scans all failed are among them, as the vendor says.

use serde::Serialize;

use crate::{
    action::{AccessLevel, Context, Parameter, Run, failed, narrow},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeCountNotScannedImage;

/// What `DescribeCountNotScannedImage` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    not_scanned_cnt: i32,
}

impl Run for DescribeCountNotScannedImage {
    const NAME: &'static str = "DescribeCountNotScannedImage";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Counts the images that no scan could read yet.";
    const PARAMETERS: &'static [Parameter] = &[];
    type Answer = Answer;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Answer, Refusal> {
        let overview = context.store.risk_overview().await;
        let overview = overview.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Answer { not_scanned_cnt: narrow(overview.not_scanned) })
    }
}
