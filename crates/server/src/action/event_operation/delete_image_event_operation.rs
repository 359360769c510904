//! `DeleteImageEventOperation`: a rule on sensitive files is taken back.
//!
//! In: its id. Out: the same. Source: the vendor's page of that name.

use super::{Answer, Id, id, refused};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DeleteImageEventOperation;

impl Run for DeleteImageEventOperation {
    const NAME: &'static str = "DeleteImageEventOperation";
    const ACCESS: AccessLevel = AccessLevel::Delete;
    const ABOUT: &'static str = "Takes a rule on sensitive files back.";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::optional("Id", ParameterKind::Long, "The rule; it must be named.")];
    type Answer = Answer<Id>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer<Id>, Refusal> {
        let id = id(sent)?;
        let removed = context.store.remove_event_rule(id).await;
        removed.map_err(|error| refused(Self::NAME, error))?;
        Ok(Answer::of(Id { id }))
    }
}
