//! `GetBuildRiskDefineRuleConfig`: which risks are asked for.
//!
//! Source: the vendor's page of that name.

use serde::Serialize;

use super::KIND;
use crate::{
    action::{
        AccessLevel, Context, Parameter, Run, catalogue, failed, filters::LANG, narrow,
        standard::Standard,
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct GetBuildRiskDefineRuleConfig;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Data {
    id: i64,
    rule_count: i32,
    rule_tree: Vec<Class>,
    selected_count: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Class {
    class_key: &'static str,
    class_name: String,
    rule_list: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    rule_key: &'static str,
    rule_name: &'static str,
    selected: bool,
}

/// Number of the one configuration.
pub(super) const CONFIGURATION: i64 = 1;

impl Run for GetBuildRiskDefineRuleConfig {
    const NAME: &'static str = "GetBuildRiskDefineRuleConfig";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Says which risks of build instructions are asked for.";
    const PARAMETERS: &'static [Parameter] = &[LANG];
    type Answer = Standard<Data>;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Self::Answer, Refusal> {
        let off = context.store.switched_off(KIND).await;
        let off = off.map_err(|error| failed(Self::NAME, &error))?;
        let rule_tree: Vec<Class> = catalogue::classes(KIND)
            .into_iter()
            .map(|class| Class {
                class_key: class.key,
                class_name: catalogue::title(class.key),
                rule_list: class
                    .names
                    .into_iter()
                    .flat_map(|name| name.items)
                    .map(|about| Rule {
                        rule_key: about.id,
                        rule_name: about.title,
                        selected: !off.contains(about.id),
                    })
                    .collect(),
            })
            .collect();
        let rules = || rule_tree.iter().flat_map(|class| &class.rule_list);
        Ok(Standard::of(Data {
            id: CONFIGURATION,
            rule_count: narrow(rules().count()),
            selected_count: narrow(rules().filter(|rule| rule.selected).count()),
            rule_tree,
        }))
    }
}
