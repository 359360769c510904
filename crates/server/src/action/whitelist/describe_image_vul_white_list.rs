//! `DescribeImageVulWhiteList`: the white list, the newest entry first.
//!
//! In: page, page size, part of an alias, source. Out: entries with their scope and reason. Source: the vendor's page of that
//! name. Odd: rules that have run out are not on it, since the contract cannot say so; `AliasName` is found in the name as
//! well, without regard to ASCII case.

use std::time::Instant;

use plimsoll_model::{IgnoreRule, Kind};
use serde::Serialize;

use super::{source, target_of, type_of};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, narrow,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageVulWhiteList;

/// What `DescribeImageVulWhiteList` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    code: &'static str,
    http_status_code: i32,
    image_vul_whitelist: Vec<Entry>,
    message: &'static str,
    page_info: PageInfo,
    success: bool,
    time_cost: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    alias_name: String,
    id: i64,
    name: String,
    reason: String,
    target: String,
    r#type: &'static str,
}

impl Run for DescribeImageVulWhiteList {
    const NAME: &'static str = "DescribeImageVulWhiteList";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the white list of vulnerabilities.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("Lang", ParameterKind::Text, "Language of texts; they are English."),
        Parameter::optional("CurrentPage", ParameterKind::Integer, Paging::ABOUT_PAGE),
        Parameter::optional("PageSize", ParameterKind::Integer, Paging::ABOUT_SIZE),
        Parameter::optional(
            "AliasName",
            ParameterKind::Text,
            "Only entries whose name or alias contains this text.",
        ),
        Parameter::optional(
            "Source",
            ParameterKind::Text,
            "image, which is the default; agentless.",
        ),
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let begun = Instant::now();
        let paging = Paging::of(sent)?;
        let source = source(sent)?.unwrap_or_default();
        let text = sent.text("AliasName").map(str::to_ascii_lowercase);
        let all = context.store.ignore_rules().await;
        let all = all.map_err(|error| failed(Self::NAME, &error))?;
        let is_named = |rule: &IgnoreRule| {
            let names = [Some(&rule.rule.vulnerability), rule.rule.alias.as_ref()];
            text.as_ref().is_none_or(|text| {
                names.into_iter().flatten().any(|name| name.to_ascii_lowercase().contains(text))
            })
        };
        let rules: Vec<&IgnoreRule> = all
            .iter()
            .map(|one| &one.rule)
            .filter(|rule| rule.rule.kind == Kind::Vulnerability && rule.rule.source == source)
            .filter(|rule| !rule.expired && is_named(rule))
            .collect();
        let entries: Vec<Entry> = paging.part(&rules).iter().map(|rule| Entry::of(rule)).collect();
        Ok(Answer {
            code: "200",
            http_status_code: 200,
            page_info: paging.info(entries.len(), rules.len()),
            image_vul_whitelist: entries,
            message: "successful",
            success: true,
            time_cost: i64::from(narrow(begun.elapsed().as_millis())),
        })
    }
}

impl Entry {
    fn of(rule: &IgnoreRule) -> Self {
        let what = &rule.rule;
        Self {
            alias_name: what.alias.clone().unwrap_or_else(|| what.vulnerability.clone()),
            id: rule.id,
            name: what.vulnerability.clone(),
            reason: what.reason.clone(),
            target: target_of(what),
            r#type: type_of(what).as_str(),
        }
    }
}
