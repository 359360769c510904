//! `UpdateImageEventOperation`: a rule on sensitive files says something else.
//!
//! In: its id, and what is to be otherwise. Out: the id. Source: the vendor's page of that name. Odd: what is not sent stays
//! as it is.

use super::{Answer, Id, conditions, id, refused, scenario, source, unknown};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct UpdateImageEventOperation;

impl Run for UpdateImageEventOperation {
    const NAME: &'static str = "UpdateImageEventOperation";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Changes a rule on sensitive files.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("Id", ParameterKind::Long, "The rule; it must be named."),
        Parameter::optional("Conditions", ParameterKind::Text, "The new conditions, as JSON."),
        Parameter::optional("Scenarios", ParameterKind::Text, "Where it is to hold, as JSON."),
        Parameter::optional("Note", ParameterKind::Text, "The new note."),
        Parameter::optional("Source", ParameterKind::Text, "image or agentless."),
    ];
    type Answer = Answer<Id>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer<Id>, Refusal> {
        let id = id(sent)?;
        let (conditions, scenario, source) = (conditions(sent)?, scenario(sent)?, source(sent)?);
        let found = context.store.event_rule(id).await;
        let found = found.map_err(|error| failed(Self::NAME, &error))?;
        let mut rule = found.ok_or_else(|| unknown(id))?.rule;
        rule.conditions = conditions.unwrap_or(rule.conditions);
        rule.scenario = scenario.unwrap_or(rule.scenario);
        rule.source = source.unwrap_or(rule.source);
        if let Some(note) = sent.text("Note") {
            note.clone_into(&mut rule.note);
        }
        let changed = context.store.change_event_rule(id, &rule, context.now).await;
        changed.map_err(|error| refused(Self::NAME, error))?;
        Ok(Answer::of(Id { id }))
    }
}
