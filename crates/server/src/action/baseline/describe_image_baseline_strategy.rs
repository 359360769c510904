//! `DescribeImageBaselineStrategy`: which items are asked for.
//!
//! Source: the vendor's page of that name; `docs/api.md`, "Baseline". Odd: there is one strategy of images, which is number 1; that
//! of agentless detection is kept for clients that ask for it.

use serde::Serialize;

use super::{
    KIND,
    strategy::{Strategy, is_of_images},
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, catalogue,
        filters::{LANG, SOURCE},
        narrow,
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageBaselineStrategy;

/// What `DescribeImageBaselineStrategy` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    strategy: Entry,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    baseline_item: String,
    baseline_item_list: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_vul_clean: Option<i64>,
    selected_item_count: i32,
    strategy_id: i64,
    strategy_name: String,
    total_item_count: i32,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    class_key: &'static str,
    item_key: &'static str,
    name_key: &'static str,
}

impl Run for DescribeImageBaselineStrategy {
    const NAME: &'static str = "DescribeImageBaselineStrategy";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Says which baseline items are asked for.";
    const PARAMETERS: &'static [Parameter] = &[
        LANG,
        SOURCE,
        Parameter::optional("StrategyId", ParameterKind::Long, "1, the strategy of images."),
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let strategy = Strategy::read(context, Self::NAME, is_of_images(sent)?).await?;
        let items: Vec<Item> = catalogue::items(KIND)
            .filter(|about| strategy.selected.contains(about.id))
            .map(|about| Item { class_key: about.class, item_key: about.id, name_key: about.name })
            .collect();
        let keys: Vec<&str> = items.iter().map(|item| item.item_key).collect();
        Ok(Answer {
            strategy: Entry {
                baseline_item: keys.join(","),
                image_vul_clean: strategy.vul_clean,
                selected_item_count: narrow(items.len()),
                strategy_id: strategy.id,
                strategy_name: strategy.name.clone().unwrap_or_else(|| strategy.kind().to_owned()),
                total_item_count: narrow(catalogue::items(KIND).count()),
                r#type: strategy.kind(),
                baseline_item_list: items,
            },
        })
    }
}
