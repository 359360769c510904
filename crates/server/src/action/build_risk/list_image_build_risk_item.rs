//! `ListImageBuildRiskItem`: the risks that are known.
//!
//! Source: the vendor's page of that name; `docs/reference/checks.md`.

use serde::Serialize;

use super::KIND;
use crate::{
    action::{AccessLevel, Context, Parameter, Run, catalogue, filters::LANG},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct ListImageBuildRiskItem;

/// What `ListImageBuildRiskItem` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    data: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    item_key: &'static str,
    item_name: &'static str,
}

impl Run for ListImageBuildRiskItem {
    const NAME: &'static str = "ListImageBuildRiskItem";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the risks of build instructions that are known.";
    const PARAMETERS: &'static [Parameter] = &[LANG];
    type Answer = Answer;

    async fn run(_context: Context<'_>, _sent: &Parameters) -> Result<Answer, Refusal> {
        let entry = |about: &'static plimsoll_scanner::About| Entry {
            item_key: about.id,
            item_name: about.title,
        };
        Ok(Answer { data: catalogue::items(KIND).map(entry).collect() })
    }
}
