//! `GetImageEventOperation`: one rule on sensitive files.
//!
//! In: its id. Out: the rule. Source: the vendor's page of that name.

use super::{Answer, Rule, id, unknown};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct GetImageEventOperation;

impl Run for GetImageEventOperation {
    const NAME: &'static str = "GetImageEventOperation";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Shows a rule on sensitive files.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("Lang", ParameterKind::Text, "Language of texts; they are English."),
        Parameter::optional("Id", ParameterKind::Long, "The rule; it must be named."),
    ];
    type Answer = Answer<Rule>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer<Rule>, Refusal> {
        let id = id(sent)?;
        let found = context.store.event_rule(id).await;
        let found = found.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Answer::of(Rule::of(found.ok_or_else(|| unknown(id))?)))
    }
}
