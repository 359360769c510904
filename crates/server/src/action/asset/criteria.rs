//! What images and repositories can be searched by; and reading what a client puts together of it.
//!
//! In: `Criteria`, a text that holds JSON: `[{"name":"repoName","value":"app","logicalExp":"AND"}]`, and `LogicalExp`, which
//! combines those that say nothing. Out: the store's conditions; the two lists of what there is. Source: the vendor's pages;
//! `docs/api.md`, "Inventory". Odd: both lists are narrowed to what can hold the text in `Value`.

use std::collections::BTreeSet;

use plimsoll_store::{AssetCondition, AssetField};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
};

/// What images can be searched by.
pub(crate) struct DescribeImageCriteria;

/// What repositories can be searched by, and images by repository.
pub(crate) struct DescribeImageRepoCriteria;

/// What both answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    criteria_list: Vec<Criterion>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Criterion {
    name: &'static str,
    r#type: &'static str,
    values: String,
}

pub(in crate::action) const CRITERIA: Parameter = Parameter::optional(
    "Criteria",
    ParameterKind::Text,
    "Conditions, JSON: `[{\"name\":\"repoName\",\"value\":\"app\",\"logicalExp\":\"AND\"}]`, each combined with what stands before it.",
);
pub(in crate::action) const LOGICAL_EXP: Parameter = Parameter::optional(
    "LogicalExp",
    ParameterKind::Text,
    "AND, which is the default, or OR: combines conditions that do not say it themselves.",
);
const VALUE: Parameter = Parameter::optional(
    "Value",
    ParameterKind::Text,
    "Only conditions that this text can be a value of.",
);

/// Every condition by its name on the wire.
const FIELDS: &[(&str, AssetField)] = &[
    ("instanceId", AssetField::InstanceId),
    ("repoName", AssetField::RepoName),
    ("repoId", AssetField::RepoId),
    ("repoNamespace", AssetField::RepoNamespace),
    ("regionId", AssetField::RegionId),
    ("vulStatus", AssetField::VulStatus),
    ("alarmStatus", AssetField::AlarmStatus),
    ("hcStatus", AssetField::HcStatus),
    ("riskStatus", AssetField::RiskStatus),
    ("registryType", AssetField::RegistryType),
    ("imageId", AssetField::ImageId),
    ("tag", AssetField::Tag),
    ("digest", AssetField::Digest),
];
/// Those that the list for images has; the other list has all but the digest.
const OF_IMAGES: &[&str] =
    &["tag", "digest", "vulStatus", "alarmStatus", "riskStatus", "registryType"];
/// The most conditions of a search.
const MOST_CONDITIONS: usize = 50;

/// What `Criteria` and `LogicalExp` say.
pub(super) fn conditions(sent: &Parameters) -> Result<Vec<AssetCondition>, Refusal> {
    pairs(sent)?
        .into_iter()
        .map(|pair| {
            let known = FIELDS.iter().find(|(name, _)| *name == pair.name);
            let Some((_, field)) = known else {
                let all: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
                let wanted = format!("one of {}", all.join(", "));
                return Err(Refusal::invalid("Criteria", &pair.name, &wanted));
            };
            let is_status = matches!(
                field,
                AssetField::VulStatus
                    | AssetField::AlarmStatus
                    | AssetField::HcStatus
                    | AssetField::RiskStatus
            );
            if is_status && !matches!(pair.value.as_str(), "YES" | "NO") {
                return Err(Refusal::invalid("Criteria", &pair.value, "one of YES, NO"));
            }
            Ok(AssetCondition { field: *field, value: pair.value, or: pair.or })
        })
        .collect()
}

/// One condition as it is sent.
pub(in crate::action) struct Pair {
    pub(in crate::action) name: String,
    pub(in crate::action) value: String,
    /// Combined by "or" with what stands before it.
    pub(in crate::action) or: bool,
}

/// The conditions of any search, not yet looked at.
pub(in crate::action) fn pairs(sent: &Parameters) -> Result<Vec<Pair>, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sent {
        name: String,
        value: Value,
        logical_exp: Option<String>,
    }
    let is_or = |name: &str, word: &str| match word {
        "AND" | "and" => Ok(false),
        "OR" | "or" => Ok(true),
        other => Err(Refusal::invalid(name, other, "one of AND, OR")),
    };
    let default = sent.text("LogicalExp").map(|word| is_or("LogicalExp", word)).transpose()?;
    let Some(text) = sent.text("Criteria") else { return Ok(Vec::new()) };
    let wrong = || {
        let wanted = "a JSON list of at most 50 objects with `name` and `value`";
        Refusal::invalid("Criteria", text, wanted)
    };
    let list: Vec<Sent> = serde_json::from_str(text).map_err(|_error| wrong())?;
    if list.len() > MOST_CONDITIONS {
        return Err(wrong());
    }
    let mut pairs = Vec::with_capacity(list.len());
    for one in list {
        let value = match one.value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return Err(wrong()),
        };
        let own = one.logical_exp.as_deref().filter(|word| !word.is_empty());
        let own = own.map(|word| is_or("Criteria", word)).transpose()?;
        // A field that was left empty is no condition.
        if !value.trim().is_empty() {
            pairs.push(Pair { name: one.name, value, or: own.or(default).unwrap_or(false) });
        }
    }
    Ok(pairs)
}

async fn list(
    context: Context<'_>,
    action: &'static str,
    sent: &Parameters,
    is_listed: impl Fn(&str) -> bool,
) -> Result<Answer, Refusal> {
    let registries = context.store.registries().await;
    let registries = registries.map_err(|error| failed(action, &error))?;
    let types: BTreeSet<String> =
        registries.into_iter().map(|registry| registry.settings.reported_type).collect();
    let types = types.into_iter().collect::<Vec<_>>().join(",");
    let text = sent.text("Value").unwrap_or_default();
    let criteria = FIELDS.iter().filter(|(name, _)| is_listed(name)).map(|(name, field)| {
        let (r#type, values) = match field {
            AssetField::RegistryType => ("select", types.clone()),
            AssetField::VulStatus
            | AssetField::AlarmStatus
            | AssetField::HcStatus
            | AssetField::RiskStatus => ("select", "NO,YES".to_owned()),
            _ => ("input", String::new()),
        };
        Criterion { name, r#type, values }
    });
    let can_be =
        |one: &Criterion| one.r#type == "input" || one.values.split(',').any(|v| v.contains(text));
    Ok(Answer { criteria_list: criteria.filter(can_be).collect() })
}

impl Run for DescribeImageCriteria {
    const NAME: &'static str = "DescribeImageCriteria";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists what images can be searched by.";
    const PARAMETERS: &'static [Parameter] = &[VALUE];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        list(context, Self::NAME, sent, |name| OF_IMAGES.contains(&name)).await
    }
}

impl Run for DescribeImageRepoCriteria {
    const NAME: &'static str = "DescribeImageRepoCriteria";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str =
        "Lists what repositories, and images by repository, can be searched by.";
    const PARAMETERS: &'static [Parameter] = &[VALUE];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        list(context, Self::NAME, sent, |name| name != "digest").await
    }
}
