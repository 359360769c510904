//! Main tasks: the latest, one, all of them page by page; making one over all images; canceling.
//!
//! In: a type of tasks, a number. Out: how far they are. Source: the vendor's pages of those names; `docs/api.md`, "Scans". Odd:
//! `TaskName` and `TaskType` of one task are the same word; of a type that is not done here there is no task, which the contract
//! says as `TASK_NOT_EXISTS`.

use plimsoll_model::Timestamp;
use plimsoll_store::{Order, OrderQuery, Placed, ScanSelection};
use serde::Serialize;

use super::{IMAGE_SCAN, SOURCE, TASK_TYPE, kind_of, order_id, standing, type_of};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed,
        filters::{CURRENT_PAGE, PAGE_SIZE},
        milliseconds, narrow,
        paging::{PageInfo, Paging},
        standard::Nothing,
    },
    gateway::{Parameters, Refusal},
    operation::scan_window::window_from,
};

/// The latest main task of a type.
pub(crate) struct GetLastOnceTaskInfo;

/// One main task.
pub(crate) struct GetOnceTaskResultInfo;

/// Main tasks.
pub(crate) struct DescribeOnceTask;

/// Has all images scanned.
pub(crate) struct GenerateOnceTask;

/// Cancels a main task.
pub(crate) struct CancelOnceTask;

const TASK_NAME: Parameter =
    Parameter::required("TaskName", ParameterKind::Text, "The same as TaskType.");

/// What `GetLastOnceTaskInfo` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Last {
    collect_time: i64,
    finish_count: i32,
    task_id: i64,
    task_info: LastInfo,
    total_count: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastInfo {
    progress: i32,
    result: &'static str,
    status: &'static str,
}

/// What `GetOnceTaskResultInfo` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct One {
    collect_time: i64,
    finish_count: i32,
    task_id: i64,
    task_info: OneInfo,
    total_count: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneInfo {
    status: &'static str,
}

/// What `DescribeOnceTask` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tasks {
    page_info: PageInfo,
    task_manage_response_list: Vec<Task>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    detail_data: String,
    fail_count: i32,
    progress: String,
    result_info: &'static str,
    success_count: i32,
    task_end_time: i64,
    task_id: String,
    task_name: &'static str,
    task_start_time: i64,
    task_status: i32,
    task_status_text: &'static str,
    task_type: &'static str,
}

/// What `GenerateOnceTask` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Generated {
    can_create: bool,
    collect_time: i64,
    finish_count: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    total_count: i32,
}

impl Run for GetLastOnceTaskInfo {
    const NAME: &'static str = "GetLastOnceTaskInfo";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Tells how far the latest main task of a type is.";
    const PARAMETERS: &'static [Parameter] = &[TASK_TYPE, TASK_NAME, SOURCE];
    type Answer = Last;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Last, Refusal> {
        sent.required("TaskName")?;
        let kind = kind_of(sent.required("TaskType")?);
        let mut latest = None;
        if kind.is_some() {
            let source = sent.text("Source").map(ToOwned::to_owned);
            let query = OrderQuery { kind, source, page: 1, page_size: 1, ..OrderQuery::default() };
            let page = context.store.orders(&query).await;
            latest = page.map_err(|error| failed(Self::NAME, &error))?.items.pop();
        }
        let info = |order: &Order| LastInfo {
            progress: i32::from(order.percent()),
            result: "SUCCESS",
            status: standing(order),
        };
        let none = LastInfo { progress: 0, result: "TASK_NOT_EXISTS", status: "INIT" };
        Ok(Last {
            collect_time: latest.as_ref().map_or(0, |order| milliseconds(order.created)),
            finish_count: latest.as_ref().map_or(0, |order| narrow(order.ended())),
            task_id: latest.as_ref().map_or(0, |order| order.id),
            total_count: latest.as_ref().map_or(0, |order| narrow(order.total)),
            task_info: latest.as_ref().map_or(none, info),
        })
    }
}

impl Run for GetOnceTaskResultInfo {
    const NAME: &'static str = "GetOnceTaskResultInfo";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Tells how far a main task is.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required("TaskId", ParameterKind::Text, "Number of the main task."),
        TASK_TYPE,
        TASK_NAME,
    ];
    type Answer = One;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<One, Refusal> {
        sent.required("TaskName")?;
        let kind = kind_of(sent.required("TaskType")?);
        let text = sent.required("TaskId")?;
        let mut found = None;
        if let Some(id) = order_id(sent, "TaskId")? {
            let order = context.store.order(id).await;
            found = order.map_err(|error| failed(Self::NAME, &error))?;
        }
        let Some(order) = found.filter(|order| Some(order.kind) == kind) else {
            return Err(Refusal::invalid("TaskId", text, "the number of a task of that type"));
        };
        Ok(One {
            collect_time: milliseconds(order.created),
            finish_count: narrow(order.ended()),
            task_id: order.id,
            task_info: OneInfo { status: standing(&order) },
            total_count: narrow(order.total),
        })
    }
}

impl Run for DescribeOnceTask {
    const NAME: &'static str = "DescribeOnceTask";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists main tasks, newest first.";
    const PARAMETERS: &'static [Parameter] = &[
        CURRENT_PAGE,
        PAGE_SIZE,
        Parameter::optional("TaskType", ParameterKind::Text, "Only of this type."),
        Parameter::optional("TaskId", ParameterKind::Text, "Only this one."),
        Parameter::optional(
            "RootTaskId",
            ParameterKind::Text,
            "Only this one: main tasks have no others above them.",
        ),
        SOURCE,
        Parameter::optional(
            "StartTimeQuery",
            ParameterKind::Long,
            "Only from then on, in milliseconds.",
        ),
        Parameter::optional(
            "EndTimeQuery",
            ParameterKind::Long,
            "Only until then, in milliseconds.",
        ),
    ];
    type Answer = Tasks;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Tasks, Refusal> {
        let paging = Paging::of(sent)?;
        let kind = sent.text("TaskType").map(kind_of);
        let (id, root) = (order_id(sent, "TaskId")?, order_id(sent, "RootTaskId")?);
        let time =
            |name| sent.long(name).map(|time| time.map(|time| Timestamp(time.div_euclid(1_000))));
        let query = OrderQuery {
            id: id.or(root),
            kind: kind.flatten(),
            source: sent.text("Source").map(ToOwned::to_owned),
            from: time("StartTimeQuery")?,
            until: time("EndTimeQuery")?,
            page: paging.page,
            page_size: paging.size,
        };
        let contradicts = id.is_some() && root.is_some() && id != root;
        if kind == Some(None) || contradicts {
            return Ok(Tasks {
                page_info: paging.info(0, 0),
                task_manage_response_list: Vec::new(),
            });
        }
        let page = context.store.orders(&query).await;
        let page = page.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Tasks {
            page_info: paging.info(page.items.len(), page.total),
            task_manage_response_list: page.items.iter().map(Task::of).collect(),
        })
    }
}

impl Task {
    fn of(order: &Order) -> Self {
        let status = standing(order);
        let detail = serde_json::json!({
            "totalCount": order.total,
            "finishCount": order.ended(),
            "runningCount": order.running,
            "canceledCount": order.withdrawn,
        });
        Self {
            detail_data: detail.to_string(),
            fail_count: narrow(order.failed),
            progress: format!("{}%", order.percent()),
            result_info: if order.canceled.is_some() { "canceled" } else { "SUCCESS" },
            success_count: narrow(order.done),
            task_end_time: match order.finished {
                Some(finished) if !order.is_open() => milliseconds(finished),
                _ => 0,
            },
            task_id: order.id.to_string(),
            task_name: type_of(order.kind),
            task_start_time: milliseconds(order.created),
            task_status: match status {
                "INIT" => 1,
                "START" => 2,
                "SUCCESS" => 3,
                _ => 4,
            },
            task_status_text: status,
            task_type: type_of(order.kind),
        }
    }
}

impl Run for GenerateOnceTask {
    const NAME: &'static str = "GenerateOnceTask";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str = "Has all images scanned, or all registries listed anew.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required("TaskType", ParameterKind::Text, "IMAGE_SCAN, IMAGE_REGISTRY_PULL."),
        TASK_NAME,
        Parameter::required(
            "Param",
            ParameterKind::Text,
            "JSON; ignored: all images in the window of scans, or all registries, are meant.",
        ),
        Parameter::optional(
            "Source",
            ParameterKind::Text,
            "From where it comes; openapi by default.",
        ),
    ];
    type Answer = Generated;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Generated, Refusal> {
        sent.required("TaskName")?;
        sent.required("Param")?;
        let source = sent.text("Source").unwrap_or("openapi");
        if source.chars().count() > 64 || source.chars().any(char::is_control) {
            return Err(Refusal::invalid("Source", source, "a word of at most 64 characters"));
        }
        let (store, now) = (context.store, context.now);
        let placed = match sent.required("TaskType")? {
            IMAGE_SCAN => {
                let moved_since = window_from(store, now).await;
                let moved_since = moved_since.map_err(|error| failed(Self::NAME, &error))?;
                let all = ScanSelection { moved_since, ..ScanSelection::default() };
                store.order_scans(&all, source, now).await
            }
            super::IMAGE_REGISTRY_PULL => store.order_syncs(None, source, now).await,
            other => {
                let wanted = "one of IMAGE_SCAN, IMAGE_REGISTRY_PULL";
                return Err(Refusal::invalid("TaskType", other, wanted));
            }
        };
        Ok(match placed.map_err(|error| failed(Self::NAME, &error))? {
            Placed::New(order) | Placed::Same(order) => Generated {
                can_create: true,
                collect_time: milliseconds(order.created),
                finish_count: narrow(order.ended()),
                task_id: Some(order.id.to_string()),
                total_count: narrow(order.total),
            },
            Placed::TooMany => Generated {
                can_create: false,
                collect_time: milliseconds(now),
                finish_count: 0,
                task_id: None,
                total_count: 0,
            },
        })
    }
}

impl Run for CancelOnceTask {
    const NAME: &'static str = "CancelOnceTask";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str = "Cancels a main task: what waits is not done, what runs ends.";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::required("TaskId", ParameterKind::Text, "Number of the main task.")];
    type Answer = Nothing;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Nothing, Refusal> {
        let text = sent.required("TaskId")?;
        if let Some(id) = order_id(sent, "TaskId")? {
            let canceled = context.store.cancel_order(id, context.now).await;
            if canceled.map_err(|error| failed(Self::NAME, &error))?.is_some() {
                return Ok(Nothing {});
            }
        }
        Err(Refusal::invalid("TaskId", text, "the number of a task"))
    }
}
