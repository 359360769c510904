//! `SetBuildRiskDefineRuleConfig`: some risks are no longer asked for, or again.
//!
//! In: classes with all their keys that are to be asked for. Out: the number of the configuration. Source: the vendor's page of that
//! name. Odd: it holds at once, without a scan; a class that is not named asks for nothing.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{KIND, get_build_risk_define_rule_config::CONFIGURATION};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, catalogue, failed,
        standard::{Id, Standard},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct SetBuildRiskDefineRuleConfig;

/// A class of the configuration.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Class {
    class_key: String,
    rule_list: Vec<String>,
}

impl Run for SetBuildRiskDefineRuleConfig {
    const NAME: &'static str = "SetBuildRiskDefineRuleConfig";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Says which risks of build instructions are asked for from now on.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::optional(
        "Config",
        ParameterKind::Text,
        "JSON: [{\"classKey\":\"other\",\"ruleList\":[\"add\"]}], all keys that are asked for. It must be given.",
    )];
    type Answer = Standard<Id>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Self::Answer, Refusal> {
        let text = sent.required("Config")?;
        let Ok(classes) = serde_json::from_str::<Vec<Class>>(text) else {
            let wanted = r#"of the form [{"classKey":"other","ruleList":["add"]}]"#;
            return Err(Refusal::invalid("Config", text, wanted));
        };
        let mut selected = BTreeSet::new();
        for class in &classes {
            for key in &class.rule_list {
                match catalogue::item(KIND, key) {
                    Some(about) if about.class == class.class_key => selected.insert(about.id),
                    _ => {
                        let wanted = format!(
                            "a key of class `{}`: GetBuildRiskDefineRuleConfig lists them",
                            class.class_key
                        );
                        return Err(Refusal::invalid("Config", key, &wanted));
                    }
                };
            }
        }
        let off: BTreeSet<String> = catalogue::items(KIND)
            .filter(|about| !selected.contains(about.id))
            .map(|about| about.id.to_owned())
            .collect();
        let done = context.store.switch_off(KIND, &off, context.caller, context.now).await;
        done.map_err(|error| match error {
            plimsoll_store::IgnoreError::Store(error) => failed(Self::NAME, &error),
            other => {
                Refusal::InvalidParameter { name: "Config".to_owned(), why: format!("{other}.") }
            }
        })?;
        Ok(Standard::of(Id { id: CONFIGURATION }))
    }
}
