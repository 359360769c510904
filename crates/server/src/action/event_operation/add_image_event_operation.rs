//! `AddImageEventOperation`: a rule by which some sensitive files are none.
//!
//! In: the kind of file, conditions, where it holds, a note. Out: the rule with its id. Source: the vendor's page of that
//! name.

use plimsoll_model::NewEventRule;
use serde::Serialize;

use super::{
    Answer, EVENT_TYPE, OPERATION, Rule, conditions, event_type, refused, scenario, source,
};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct AddImageEventOperation;

/// The rule that was made.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Added {
    conditions: String,
    event_key: String,
    event_name: String,
    event_type: &'static str,
    id: i64,
    operation_code: &'static str,
    scenarios: String,
}

impl Run for AddImageEventOperation {
    const NAME: &'static str = "AddImageEventOperation";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str = "Makes a rule by which some sensitive files are none.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "EventKey",
            ParameterKind::Text,
            "The kind of sensitive file; it must be given.",
        ),
        Parameter::optional("EventName", ParameterKind::Text, "What people call that kind."),
        Parameter::optional(
            "EventType",
            ParameterKind::Text,
            "sensitiveFile, which is the default.",
        ),
        Parameter::optional(
            "OperationCode",
            ParameterKind::Text,
            "whitelist, which is the default.",
        ),
        Parameter::optional(
            "Conditions",
            ParameterKind::Text,
            "JSON: a list of {\"condition\":\"MD5\" or \"PATH\",\"type\":\"equals\",\"value\"}, combined with \"and\". It must be given.",
        ),
        Parameter::optional(
            "Scenarios",
            ParameterKind::Text,
            "JSON: {\"type\":\"repo\",\"value\":\"namespace/repository\"}; everywhere by default.",
        ),
        Parameter::optional("Note", ParameterKind::Text, "Why they are none."),
        Parameter::optional(
            "Source",
            ParameterKind::Text,
            "image, which is the default; agentless, which is kept and has no effect.",
        ),
    ];
    type Answer = Answer<Added>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer<Added>, Refusal> {
        event_type(sent)?;
        if let Some(other) = sent.text("OperationCode").filter(|code| *code != OPERATION) {
            return Err(Refusal::invalid("OperationCode", other, OPERATION));
        }
        let event_key = sent.required("EventKey")?.to_owned();
        sent.required("Conditions")?;
        let everywhere = plimsoll_model::event_rule::EventScenario {
            of: plimsoll_model::event_rule::EventScenarioType::Default,
            value: String::new(),
        };
        let text = |name| sent.text(name).unwrap_or_default().to_owned();
        let rule = NewEventRule {
            event_key,
            event_name: text("EventName"),
            conditions: conditions(sent)?.unwrap_or_default(),
            scenario: scenario(sent)?.unwrap_or(everywhere),
            note: text("Note"),
            source: source(sent)?.unwrap_or_default(),
        };
        let added = context.store.add_event_rule(&rule, context.now).await;
        let rule = Rule::of(added.map_err(|error| refused(Self::NAME, error))?);
        Ok(Answer::of(Added {
            conditions: rule.conditions,
            event_key: rule.event_key,
            event_name: rule.event_name,
            event_type: EVENT_TYPE,
            id: rule.id,
            operation_code: OPERATION,
            scenarios: rule.scenarios,
        }))
    }
}
