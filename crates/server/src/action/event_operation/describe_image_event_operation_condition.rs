//! `DescribeImageEventOperationCondition`: what a rule on sensitive files may say.
//!
//! In: the kind of event. Out: what can be done, by which conditions, and where. Source: the vendor's page of that name. Odd:
//! `Lang` chooses the language of names; here they are English.

use serde::Serialize;

use super::{Answer, EVENT_TYPE, OPERATION, event_type};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageEventOperationCondition;

/// What a rule may say.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Possible {
    event_type: &'static str,
    operations: [Operation; 1],
    scenarios: [&'static str; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Operation {
    conditions: [Condition; 2],
    operation_code: &'static str,
    operation_name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    condition_key: &'static str,
    condition_name: &'static str,
    supported_mis_type: [&'static str; 1],
}

impl Run for DescribeImageEventOperationCondition {
    const NAME: &'static str = "DescribeImageEventOperationCondition";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Says which conditions a rule on sensitive files may have.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("Lang", ParameterKind::Text, "Language of texts; they are English."),
        Parameter::optional(
            "EventType",
            ParameterKind::Text,
            "sensitiveFile, which is the default.",
        ),
    ];
    type Answer = Answer<Possible>;

    async fn run(_: Context<'_>, sent: &Parameters) -> Result<Answer<Possible>, Refusal> {
        event_type(sent)?;
        let condition = |condition_key, condition_name| Condition {
            condition_key,
            condition_name,
            supported_mis_type: ["equals"],
        };
        Ok(Answer::of(Possible {
            event_type: EVENT_TYPE,
            operations: [Operation {
                conditions: [
                    condition("MD5", "MD5 of the file"),
                    condition("PATH", "Path of the file"),
                ],
                operation_code: OPERATION,
                operation_name: "Add to white list",
            }],
            scenarios: ["default", "repo"],
        }))
    }
}
