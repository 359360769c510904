//! Actions about scans that begin again and again.
//!
//! In: a first time, a period, hours of the day. Out: ids, and one page of what is arranged. Source: the vendor's pages of those
//! names; `docs/api.md`, "Scans". Odd:
//! * Only `IMAGE_SCAN` is done here, of all images in the window of scans; other types are refused, not kept without effect.
//! * Hours are those of UTC. `FirstDateStr` and `NextStartTimeStr` are numbers, in milliseconds.
//! * `Param` is kept and told again: what it selects for servers no image has.

use plimsoll_model::Timestamp;
use plimsoll_store::{CycleSettings, CycleTask, PeriodUnit};
use serde::Serialize;

use super::{
    AccessLevel, Context, Parameter, ParameterKind, Run, failed,
    filters::{CURRENT_PAGE, PAGE_SIZE},
    milliseconds, narrow,
    paging::{PageInfo, Paging},
    standard::Nothing,
};
use crate::gateway::{Parameters, Refusal};

/// Arranges one.
pub(crate) struct CreateCycleTask;

/// Changes one.
pub(crate) struct ModifyCycleTask;

/// Removes one.
pub(crate) struct DeleteCycleTask;

/// Lists them.
pub(crate) struct DescribeCycleTaskList;

const IMAGE_SCAN: &str = "IMAGE_SCAN";
/// The longest texts that are kept.
const LONGEST_PARAMETER: usize = 10_000;
const LONGEST_WORD: usize = 128;
/// The longest period: a year in hours.
const LONGEST_PERIOD: i32 = 8_784;

const ABOUT_ENABLE: &str = "1: it begins when it is due; 0: it does not.";
const ABOUT_FIRST: &str = "From when periods are counted, in milliseconds since 1970.";
const ABOUT_PERIOD: &str = "Days or hours of a period, at least 1.";
const ABOUT_UNIT: &str = "day, hour.";
const ABOUT_FROM: &str = "Hour of the day, UTC, from which on it may begin: 0 to 23.";
const ABOUT_UNTIL: &str = "Hour of the day, UTC, before which it must have begun: 0 to 24; the same as TargetStartTime: any.";
const ABOUT_TYPE: &str = "IMAGE_SCAN.";
const ABOUT_NAME: &str = "What it is called; IMAGE_SCAN, as the vendor has it.";
const ABOUT_PARAM: &str = "JSON, kept.";

/// What `CreateCycleTask` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Created {
    config_id: String,
}

/// What `DescribeCycleTaskList` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed {
    cycle_schedule_response_list: Vec<Task>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    config_id: String,
    enable: i32,
    first_date_str: i64,
    interval_period: i32,
    last_task_id: String,
    next_start_time_str: i64,
    param: String,
    period_unit: &'static str,
    target_end_time: i32,
    target_start_time: i32,
    task_name: String,
    task_type: String,
}

/// Changes what is sent.
fn change(settings: &mut CycleSettings, sent: &Parameters) -> Result<(), Refusal> {
    if let Some(word) = sent.text("TaskType") {
        if word != IMAGE_SCAN {
            let wanted = "IMAGE_SCAN: images alone are scanned";
            return Err(Refusal::invalid("TaskType", word, wanted));
        }
        word.clone_into(&mut settings.kind);
    }
    if let Some(name) = word(sent, "TaskName")? {
        settings.name = name;
    }
    if let Some(source) = word(sent, "Source")? {
        settings.source = source;
    }
    if let Some(enable) = within(sent, "Enable", 0, 1)? {
        settings.enabled = enable == 1;
    }
    if let Some(first) = sent.long("FirstDateStr")? {
        settings.first = Timestamp(first.div_euclid(1_000));
    }
    if let Some(every) = within(sent, "IntervalPeriod", 1, LONGEST_PERIOD)? {
        settings.every = every;
    }
    if let Some(unit) = sent.text("PeriodUnit") {
        let wrong = |_error| Refusal::invalid("PeriodUnit", unit, "one of day, hour");
        settings.unit = unit.parse().map_err(wrong)?;
    }
    if let Some(hour) = within(sent, "TargetStartTime", 0, 23)? {
        settings.from_hour = u8::try_from(hour).unwrap_or(0);
    }
    if let Some(hour) = within(sent, "TargetEndTime", 0, 24)? {
        settings.until_hour = u8::try_from(hour).unwrap_or(0);
    }
    if let Some(parameter) = sent.text("Param") {
        let is_json = serde_json::from_str::<serde_json::Value>(parameter).is_ok();
        if !is_json || parameter.len() > LONGEST_PARAMETER {
            return Err(Refusal::invalid("Param", parameter, "JSON of at most 10000 bytes"));
        }
        parameter.clone_into(&mut settings.parameter);
    }
    Ok(())
}

fn word(sent: &Parameters, name: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = sent.text(name) else { return Ok(None) };
    if text.chars().count() > LONGEST_WORD || text.chars().any(char::is_control) {
        return Err(Refusal::invalid(name, text, "a text of at most 128 characters"));
    }
    Ok(Some(text.to_owned()))
}

fn within(sent: &Parameters, name: &str, least: i32, most: i32) -> Result<Option<u32>, Refusal> {
    match sent.integer(name)? {
        None => Ok(None),
        Some(number) if (least..=most).contains(&number) => Ok(Some(number.unsigned_abs())),
        Some(other) => {
            Err(Refusal::invalid(name, &other.to_string(), &format!("{least} to {most}")))
        }
    }
}

/// Nothing is arranged yet.
const fn nothing() -> CycleSettings {
    CycleSettings {
        kind: String::new(),
        name: String::new(),
        enabled: false,
        first: Timestamp(0),
        every: 1,
        unit: PeriodUnit::Day,
        from_hour: 0,
        until_hour: 0,
        parameter: String::new(),
        source: String::new(),
    }
}

impl Run for CreateCycleTask {
    const NAME: &'static str = "CreateCycleTask";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str = "Has all images scanned again and again.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required("TaskType", ParameterKind::Text, ABOUT_TYPE),
        Parameter::required("TaskName", ParameterKind::Text, ABOUT_NAME),
        Parameter::required("Enable", ParameterKind::Integer, ABOUT_ENABLE),
        Parameter::required("FirstDateStr", ParameterKind::Long, ABOUT_FIRST),
        Parameter::required("IntervalPeriod", ParameterKind::Integer, ABOUT_PERIOD),
        Parameter::required("PeriodUnit", ParameterKind::Text, ABOUT_UNIT),
        Parameter::required("TargetStartTime", ParameterKind::Integer, ABOUT_FROM),
        Parameter::required("TargetEndTime", ParameterKind::Integer, ABOUT_UNTIL),
        Parameter::optional("Param", ParameterKind::Text, ABOUT_PARAM),
        Parameter::optional("Source", ParameterKind::Text, "From where it comes; kept."),
        Parameter::optional(
            "ClientToken",
            ParameterKind::Text,
            "The same token again makes nothing again, and answers the same id.",
        ),
        Parameter::optional(
            "DryRun",
            ParameterKind::Boolean,
            "true: only looks whether it could be arranged; the id is empty.",
        ),
    ];
    type Answer = Created;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Created, Refusal> {
        for parameter in Self::PARAMETERS.iter().filter(|parameter| parameter.required) {
            sent.required(parameter.name)?;
        }
        let mut settings = nothing();
        change(&mut settings, sent)?;
        let token = word(sent, "ClientToken")?;
        if sent.boolean("DryRun")?.unwrap_or(false) {
            return Ok(Created { config_id: String::new() });
        }
        let id = context.store.add_cycle_task(&settings, token.as_deref(), context.now).await;
        Ok(Created { config_id: id.map_err(|error| failed(Self::NAME, &error))? })
    }
}

impl Run for ModifyCycleTask {
    const NAME: &'static str = "ModifyCycleTask";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str =
        "Changes when all images are scanned again; what is not sent stays.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required("ConfigId", ParameterKind::Text, "Which one."),
        Parameter::optional("TaskType", ParameterKind::Text, ABOUT_TYPE),
        Parameter::optional("TaskName", ParameterKind::Text, ABOUT_NAME),
        Parameter::optional("Enable", ParameterKind::Integer, ABOUT_ENABLE),
        Parameter::optional("FirstDateStr", ParameterKind::Long, ABOUT_FIRST),
        Parameter::optional("IntervalPeriod", ParameterKind::Integer, ABOUT_PERIOD),
        Parameter::optional("PeriodUnit", ParameterKind::Text, ABOUT_UNIT),
        Parameter::optional("TargetStartTime", ParameterKind::Integer, ABOUT_FROM),
        Parameter::optional("TargetEndTime", ParameterKind::Integer, ABOUT_UNTIL),
        Parameter::optional("Param", ParameterKind::Text, ABOUT_PARAM),
    ];
    type Answer = Nothing;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Nothing, Refusal> {
        let id = sent.required("ConfigId")?;
        let task = context.store.cycle_task(id).await;
        let task = task.map_err(|error| failed(Self::NAME, &error))?;
        let Some(CycleTask { mut settings, .. }) = task else { return Err(unknown(id)) };
        change(&mut settings, sent)?;
        let known = context.store.update_cycle_task(id, &settings, context.now).await;
        if known.map_err(|error| failed(Self::NAME, &error))? {
            Ok(Nothing {})
        } else {
            Err(unknown(id))
        }
    }
}

impl Run for DeleteCycleTask {
    const NAME: &'static str = "DeleteCycleTask";
    const ACCESS: AccessLevel = AccessLevel::Delete;
    const ABOUT: &'static str = "Ends that all images are scanned again and again.";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::required("ConfigId", ParameterKind::Text, "Which one.")];
    type Answer = Nothing;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Nothing, Refusal> {
        let id = sent.required("ConfigId")?;
        let known = context.store.remove_cycle_task(id).await;
        if known.map_err(|error| failed(Self::NAME, &error))? {
            Ok(Nothing {})
        } else {
            Err(unknown(id))
        }
    }
}

fn unknown(id: &str) -> Refusal {
    Refusal::invalid("ConfigId", id, "the id of a cycle task")
}

impl Run for DescribeCycleTaskList {
    const NAME: &'static str = "DescribeCycleTaskList";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists when all images are scanned again, newest first.";
    const PARAMETERS: &'static [Parameter] = &[
        CURRENT_PAGE,
        PAGE_SIZE,
        Parameter::optional("ConfigId", ParameterKind::Text, "Only this one."),
        Parameter::optional("TaskName", ParameterKind::Text, "Only of this name."),
        Parameter::optional("TaskType", ParameterKind::Text, "Only of this type."),
    ];
    type Answer = Listed;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Listed, Refusal> {
        let paging = Paging::of(sent)?;
        let wanted = (sent.text("ConfigId"), sent.text("TaskName"), sent.text("TaskType"));
        let page = context.store.cycle_tasks(wanted, paging.page, paging.size).await;
        let page = page.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Listed {
            page_info: paging.info(page.items.len(), page.total),
            cycle_schedule_response_list: page.items.into_iter().map(Task::of).collect(),
        })
    }
}

impl Task {
    fn of(task: CycleTask) -> Self {
        let settings = task.settings;
        Self {
            config_id: task.id,
            enable: i32::from(settings.enabled),
            first_date_str: milliseconds(settings.first),
            interval_period: narrow(settings.every),
            last_task_id: task.last_order.map_or_else(String::new, |order| order.to_string()),
            next_start_time_str: task.due.map_or(0, milliseconds),
            param: settings.parameter,
            period_unit: settings.unit.as_str(),
            target_end_time: i32::from(settings.until_hour),
            target_start_time: i32::from(settings.from_hour),
            task_name: settings.name,
            task_type: settings.kind,
        }
    }
}
