//! `AddImageVulWhiteList`: vulnerabilities no longer count in some repositories, or in all.
//!
//! In: entries as JSON in a text, a reason, a scope. Out: whether it was done. Source: the vendor's page of that name;
//! `docs/ignore.md`.
//!
//! Odd:
//! * The contract calls `Reason` optional; here nothing is ignored without one.
//! * An entry that is there already, to the same scope, gets the new reason, so that a client may send a request again.
//! * All other entries are made at once, or none.

use plimsoll_model::{Kind, NewIgnoreRule, RuleType};
use serde::Deserialize;

use super::{Changed, refused, scope, source};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
};

/// Entries of one request.
const MOST: usize = 1_000;

/// The action.
pub(crate) struct AddImageVulWhiteList;

/// One member of `Whitelist`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    name: String,
    #[serde(default)]
    alias_name: Option<String>,
    #[serde(default)]
    r#type: Option<String>,
}

impl Run for AddImageVulWhiteList {
    const NAME: &'static str = "AddImageVulWhiteList";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str = "Adds vulnerabilities to the white list of repositories.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("Lang", ParameterKind::Text, "Language of texts; they are English."),
        Parameter::optional(
            "Whitelist",
            ParameterKind::Text,
            "JSON: a list of {\"Type\", \"Name\", \"AliasName\"}; names are those of vulnerability lists, CVEs or advisories. It must be given.",
        ),
        Parameter::optional(
            "Reason",
            ParameterKind::Text,
            "Why they do not count; it must be given.",
        ),
        Parameter::optional(
            "Target",
            ParameterKind::Text,
            "JSON: {\"type\":\"repo\",\"target\":[\"namespace/repository\"]}, `*` standing for any text; all by default.",
        ),
        Parameter::optional(
            "Type",
            ParameterKind::Text,
            "cve, sca: the type of entries that do not say theirs.",
        ),
        Parameter::optional(
            "Source",
            ParameterKind::Text,
            "image, which is the default; agentless, which is kept and has no effect.",
        ),
    ];
    type Answer = Changed;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Changed, Refusal> {
        let wanted = rules(context, sent)?;
        let known = context.store.ignore_rules().await;
        let known = known.map_err(|error| failed(Self::NAME, &error))?;
        let known: Vec<_> = known.iter().filter(|one| !one.rule.expired).collect();
        let mut added: Vec<NewIgnoreRule> = Vec::new();
        for rule in wanted {
            // As it would be kept, or nothing is the same.
            let rule = rule
                .checked(context.now)
                .map_err(|error| refused(Self::NAME, "Whitelist", error.into()))?;
            if added.iter().any(|other| other.has_scope_of(&rule)) {
                continue;
            }
            let same = known.iter().find(|one| one.rule.rule.has_scope_of(&rule));
            match same {
                None => added.push(rule),
                Some(one) => {
                    let changed = NewIgnoreRule { reason: rule.reason, ..one.rule.rule.clone() };
                    let done =
                        context.store.change_ignore_rule(one.rule.id, &changed, context.now).await;
                    done.map_err(|error| refused(Self::NAME, "Whitelist", error))?;
                }
            }
        }
        let done = context.store.add_ignore_rules(&added, context.now).await;
        done.map_err(|error| refused(Self::NAME, "Whitelist", error))?;
        Ok(Changed::DONE)
    }
}

fn rules(context: Context<'_>, sent: &Parameters) -> Result<Vec<NewIgnoreRule>, Refusal> {
    let text = sent.required("Whitelist")?;
    let reason = sent.required("Reason")?;
    let of_all = sent.text("Type").map(|word| of_type("Type", word)).transpose()?;
    let source = source(sent)?.unwrap_or_default();
    let scope = scope(sent)?;
    let entries = serde_json::from_str::<Vec<Entry>>(text).unwrap_or_default();
    if entries.is_empty() || entries.len() > MOST {
        return Err(Refusal::invalid(
            "Whitelist",
            text,
            r#"a list of 1 to 1000 entries of the form {"Type":"cve","Name":"debian:12:CVE-2024-1234"}"#,
        ));
    }
    let mut rules = Vec::with_capacity(entries.len());
    for entry in entries {
        let own = entry.r#type.filter(|word| !word.is_empty());
        let own = own.map(|word| of_type("Whitelist", &word)).transpose()?;
        rules.push(NewIgnoreRule {
            kind: Kind::Vulnerability,
            path: None,
            md5: None,
            false_positive: false,
            switched_off: false,
            vulnerability: entry.name,
            alias: entry.alias_name,
            package: None,
            of_type: own.or(of_all),
            image: scope.as_ref().and_then(|scope| scope.image.clone()),
            repositories: scope.as_ref().map_or_else(Vec::new, |scope| scope.repositories.clone()),
            source,
            reason: reason.to_owned(),
            author: context.caller.to_owned(),
            expires: None,
        });
    }
    Ok(rules)
}

fn of_type(name: &str, word: &str) -> Result<RuleType, Refusal> {
    word.parse().map_err(|_error| Refusal::invalid(name, word, "one of cve, sca"))
}
