//! `GetSensitiveDefineRuleConfig`: which kinds of sensitive files are looked at.
//!
//! In: a source. Out: all kinds by class, each with whether it is chosen. Source: the vendor's page of that name.

use plimsoll_model::sensitive::{SENSITIVE_FILE_KEYS, SensitiveClass};
use serde::Serialize;

use super::{Answer, LANG, SOURCE, of_images};
use crate::{
    action::{AccessLevel, Context, Parameter, Run, failed, narrow},
    gateway::{Parameters, Refusal},
    operation::sensitive_rules::SensitiveRules,
};

/// The action.
pub(crate) struct GetSensitiveDefineRuleConfig;

/// All kinds.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Config {
    enable_new_rule: i32,
    id: i64,
    rule_count: i32,
    rule_tree: Vec<Class>,
    selected_count: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Class {
    class_key: &'static str,
    class_name: &'static str,
    rule_list: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    rule_key: &'static str,
    rule_name: &'static str,
    selected: bool,
}

/// The number of a source's choice: there is one of each.
pub(super) const fn id_of(of_images: bool) -> i64 {
    if of_images { 1 } else { 2 }
}

impl Run for GetSensitiveDefineRuleConfig {
    const NAME: &'static str = "GetSensitiveDefineRuleConfig";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Shows which kinds of sensitive files are looked at.";
    const PARAMETERS: &'static [Parameter] = &[SOURCE, LANG];
    type Answer = Answer<Config>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer<Config>, Refusal> {
        let of_images = of_images(sent)?;
        let rules = SensitiveRules::read(context.store, of_images).await;
        let rules = rules.map_err(|error| failed(Self::NAME, &error))?;
        let of_class = |class: &SensitiveClass| Class {
            class_key: class.as_str(),
            class_name: class.name(),
            rule_list: SENSITIVE_FILE_KEYS
                .iter()
                .filter(|row| row.class == *class)
                .map(|row| Rule {
                    rule_key: row.key,
                    rule_name: row.name,
                    selected: rules.has(row.key),
                })
                .collect(),
        };
        let selected = SENSITIVE_FILE_KEYS.iter().filter(|row| rules.has(row.key)).count();
        Ok(Answer::of(Config {
            enable_new_rule: i32::from(rules.with_new),
            id: id_of(of_images),
            rule_count: narrow(SENSITIVE_FILE_KEYS.len()),
            rule_tree: SensitiveClass::ALL.iter().map(of_class).collect(),
            selected_count: narrow(selected),
        }))
    }
}
