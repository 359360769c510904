//! `SetSensitiveDefineRuleConfig`: chooses which kinds of sensitive files are looked at.
//!
//! In: kinds by class, and whether kinds count that are not known yet. Out: the choice's number. Source: the vendor's page of that
//! name. Odd: the choice replaces the one before, so a class that is left out is not looked at; `ak_leak`, which the vendor's example
//! names, is an item of the baseline here, and naming it does nothing.

use std::collections::BTreeSet;

use plimsoll_model::sensitive::{SensitiveClass, SensitiveFileKey};
use serde::Deserialize;

use super::{Answer, Id, SOURCE, get_sensitive_define_rule_config::id_of, of_images};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
    operation::sensitive_rules::SensitiveRules,
};

/// The action.
pub(crate) struct SetSensitiveDefineRuleConfig;

/// Kinds of a class.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Class {
    class_key: String,
    rule_list: Vec<String>,
}

/// What is looked for as an item of the baseline.
const OF_BASELINE: &str = "ak_leak";

impl Run for SetSensitiveDefineRuleConfig {
    const NAME: &'static str = "SetSensitiveDefineRuleConfig";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Chooses which kinds of sensitive files are looked at.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "Config",
            ParameterKind::Text,
            "JSON: a list of {\"classKey\",\"ruleList\":[keys]}; what it does not name is not looked at. The same as before by default.",
        ),
        Parameter::optional(
            "EnableNewRule",
            ParameterKind::Integer,
            "1: kinds count that are not known yet; 0: they do not. The same as before by default.",
        ),
        SOURCE,
    ];
    type Answer = Answer<Id>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer<Id>, Refusal> {
        let failed = |error| failed(Self::NAME, &error);
        let of_images = of_images(sent)?;
        let selected = selected(sent)?;
        let with_new = match sent.integer("EnableNewRule")? {
            None => None,
            Some(0) => Some(false),
            Some(1) => Some(true),
            Some(other) => {
                return Err(Refusal::invalid("EnableNewRule", &other.to_string(), "0 or 1"));
            }
        };
        if selected.is_none() && with_new.is_none() {
            return Err(Refusal::MissingParameter("Config".to_owned()));
        }
        let rules = SensitiveRules::read(context.store, of_images).await.map_err(failed)?;
        rules.choose(context.store, of_images, selected, with_new).await.map_err(failed)?;
        Ok(Answer::of(Id { id: id_of(of_images) }))
    }
}

fn selected(sent: &Parameters) -> Result<Option<BTreeSet<&'static str>>, Refusal> {
    let Some(text) = sent.text("Config") else { return Ok(None) };
    let Ok(classes) = serde_json::from_str::<Vec<Class>>(text) else {
        let wanted = r#"of the form [{"classKey":"password","ruleList":["huaweicloud_ak"]}]"#;
        return Err(Refusal::invalid("Config", text, wanted));
    };
    let mut selected = BTreeSet::new();
    for class in classes {
        let Ok(of_class) = class.class_key.parse::<SensitiveClass>() else {
            let wanted = "a class: config, cert_key, credential, password";
            return Err(Refusal::invalid("Config", &class.class_key, wanted));
        };
        for key in class.rule_list.iter().filter(|key| *key != OF_BASELINE) {
            match SensitiveFileKey::find(key) {
                Some(row) if row.class == of_class => {
                    selected.insert(row.key);
                }
                Some(row) => {
                    let wanted = format!("of class {of_class}, but of {}", row.class);
                    return Err(Refusal::invalid("Config", key, &wanted));
                }
                None => {
                    let wanted = "a key that GetSensitiveDefineRuleConfig lists";
                    return Err(Refusal::invalid("Config", key, wanted));
                }
            }
        }
    }
    Ok(Some(selected))
}
