//! `UpdateImageVulWhitelistTarget`: an entry of the white list gets another scope or reason.
//!
//! In: the entry's id, and what is to be otherwise. Out: whether it was done. Source: the vendor's page of that name. Odd:
//! what is not sent stays as it is.

use plimsoll_model::{Kind, NewIgnoreRule};
use plimsoll_store::{IgnoreError, IgnoreRuleUse};

use super::{Changed, id, refused, scope, source};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct UpdateImageVulWhitelistTarget;

impl Run for UpdateImageVulWhitelistTarget {
    const NAME: &'static str = "UpdateImageVulWhitelistTarget";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Changes the scope or the reason of an entry of the white list.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("Lang", ParameterKind::Text, "Language of texts; they are English."),
        Parameter::optional("Id", ParameterKind::Long, "The entry; it must be named."),
        Parameter::optional(
            "Target",
            ParameterKind::Text,
            "The new scope, as JSON: {\"type\":\"repo\",\"target\":[\"namespace/repository\"]}.",
        ),
        Parameter::optional("Reason", ParameterKind::Text, "The new reason."),
        Parameter::optional("Source", ParameterKind::Text, "image or agentless."),
    ];
    type Answer = Changed;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Changed, Refusal> {
        let id = id("Id", sent.required("Id")?)?;
        let (scope, source) = (scope(sent)?, source(sent)?);
        let found = context.store.ignore_rule(id).await;
        let found = found.map_err(|error| failed(Self::NAME, &error))?;
        // One that has run out is not on the list, nor one on a finding of another kind.
        let is_listed = |found: &IgnoreRuleUse| {
            !found.rule.expired && found.rule.rule.kind == Kind::Vulnerability
        };
        let Some(found) = found.filter(is_listed) else {
            return Err(refused(Self::NAME, "Id", IgnoreError::Unknown(id)));
        };
        let mut rule: NewIgnoreRule = found.rule.rule;
        if let Some(scope) = scope {
            rule.image = scope.image;
            rule.repositories = scope.repositories;
        }
        if let Some(reason) = sent.text("Reason") {
            reason.clone_into(&mut rule.reason);
        }
        rule.source = source.unwrap_or(rule.source);
        let done = context.store.change_ignore_rule(id, &rule, context.now).await;
        done.map_err(|error| refused(Self::NAME, "Id", error))?;
        Ok(Changed::DONE)
    }
}
