//! Actions on rules on sensitive files ("event operations" in the contract's words).
//!
//! Source: the vendor's pages of those names; `docs/api.md`. Odd: conditions and scenarios are JSON in texts; the source of
//! images is `image` where a rule is made and `default` where it is read.

mod add_image_event_operation;
mod delete_image_event_operation;
mod describe_image_event_operation_condition;
mod describe_image_event_operation_page;
mod get_image_event_operation;
mod update_image_event_operation;

use plimsoll_model::{
    RuleSource,
    event_rule::{EventCondition, EventScenario},
};
use plimsoll_store::{EventError, EventRule};
use serde::Serialize;

use super::failed;
pub(crate) use super::standard::{Id, Standard as Answer};
use crate::gateway::{Parameters, Refusal};

pub(crate) use add_image_event_operation::AddImageEventOperation;
pub(crate) use delete_image_event_operation::DeleteImageEventOperation;
pub(crate) use describe_image_event_operation_condition::DescribeImageEventOperationCondition;
pub(crate) use describe_image_event_operation_page::DescribeImageEventOperationPage;
pub(crate) use get_image_event_operation::GetImageEventOperation;
pub(crate) use update_image_event_operation::UpdateImageEventOperation;

/// The one kind of event.
const EVENT_TYPE: &str = "sensitiveFile";
/// The one thing that is done about it.
const OPERATION: &str = "whitelist";

/// A rule as it is read.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rule {
    conditions: String,
    event_key: String,
    event_name: String,
    event_type: &'static str,
    id: i64,
    note: String,
    operation_code: &'static str,
    scenarios: String,
    source: &'static str,
}

impl Rule {
    fn of(found: EventRule) -> Self {
        let rule = found.rule;
        Self {
            conditions: serde_json::to_string(&rule.conditions).unwrap_or_default(),
            event_key: rule.event_key,
            event_name: rule.event_name,
            event_type: EVENT_TYPE,
            id: found.id,
            note: rule.note,
            operation_code: OPERATION,
            scenarios: serde_json::to_string(&rule.scenario).unwrap_or_default(),
            source: match rule.source {
                RuleSource::Image => "default",
                RuleSource::Agentless => "agentless",
            },
        }
    }
}

/// A source; where rules are read the contract calls images `default`, and both words are taken everywhere.
fn source(sent: &Parameters) -> Result<Option<RuleSource>, Refusal> {
    match sent.text("Source") {
        None => Ok(None),
        Some("image" | "default") => Ok(Some(RuleSource::Image)),
        Some("agentless") => Ok(Some(RuleSource::Agentless)),
        Some(other) => Err(Refusal::invalid("Source", other, "one of image, default, agentless")),
    }
}

fn conditions(sent: &Parameters) -> Result<Option<Vec<EventCondition>>, Refusal> {
    let Some(text) = sent.text("Conditions") else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|_error| {
        Refusal::invalid(
            "Conditions",
            text,
            r#"of the form [{"condition":"MD5","type":"equals","value":"…"}], with MD5 or PATH"#,
        )
    })
}

fn scenario(sent: &Parameters) -> Result<Option<EventScenario>, Refusal> {
    let Some(text) = sent.text("Scenarios") else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|_error| {
        Refusal::invalid(
            "Scenarios",
            text,
            r#"of the form {"type":"repo","value":"namespace/repository"} or {"type":"default"}"#,
        )
    })
}

/// The one kind of event; whatever else is asked for there is none of.
fn event_type(sent: &Parameters) -> Result<(), Refusal> {
    match sent.text("EventType") {
        None | Some(EVENT_TYPE) => Ok(()),
        Some(other) => Err(Refusal::invalid("EventType", other, EVENT_TYPE)),
    }
}

fn id(sent: &Parameters) -> Result<i64, Refusal> {
    let text = sent.required("Id")?;
    text.parse().map_err(|_error| Refusal::invalid("Id", text, "the id of a rule"))
}

fn unknown(id: i64) -> Refusal {
    Refusal::invalid("Id", &id.to_string(), "the id of a rule")
}

fn refused(action: &'static str, error: EventError) -> Refusal {
    match error {
        EventError::Rule(error) => Refusal::InvalidParameter {
            name: error.part.to_owned(),
            why: format!("It cannot be so: {}.", error.problem),
        },
        EventError::Unknown(id) => unknown(id),
        EventError::Store(error) => failed(action, &error),
    }
}
