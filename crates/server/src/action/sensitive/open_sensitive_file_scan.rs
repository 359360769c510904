//! `OpenSensitiveFileScan`: shows sensitive files, or does not.
//!
//! In: on or off; without it, how it stands. Out: how it stands now. Source: the vendor's page of that name. Odd: scans find
//! sensitive files with the switch off, too, and they are there when it is on again.

use serde::Serialize;

use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed},
    gateway::{Parameters, Refusal},
    operation::sensitive_rules::SensitiveRules,
};

/// The action.
pub(crate) struct OpenSensitiveFileScan;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    code: &'static str,
    data: Switch,
    http_status_code: i32,
    message: &'static str,
    success: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Switch {
    switch_on: &'static str,
}

impl Run for OpenSensitiveFileScan {
    const NAME: &'static str = "OpenSensitiveFileScan";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Lists and counts sensitive files, or does not.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::optional(
        "SwitchOn",
        ParameterKind::Text,
        "on: they are listed and counted; off: they are not. Without it nothing changes.",
    )];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let failed = |error| failed(Self::NAME, &error);
        match sent.text("SwitchOn") {
            None => {}
            Some("on") => SensitiveRules::switch(context.store, true).await.map_err(failed)?,
            Some("off") => SensitiveRules::switch(context.store, false).await.map_err(failed)?,
            Some(other) => return Err(Refusal::invalid("SwitchOn", other, "on or off")),
        }
        let rules = SensitiveRules::read(context.store, true).await.map_err(failed)?;
        Ok(Answer {
            code: "200",
            data: Switch { switch_on: if rules.is_on { "on" } else { "off" } },
            http_status_code: 200,
            message: "successful",
            success: true,
        })
    }
}
