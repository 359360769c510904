//! `DescribeOnceTaskLeafRecordPage` and `ListUnfinishedOnceTask`: the images and registries of orders, one by one.
//!
//! In: a type of tasks, an order, states, times. Out: one page; or all that is not done, at most a hundred. Source: the vendor's
//! pages of those names; `docs/api.md`, "Scans".
//!
//! Odd:
//! * `Status` is a text in one answer and a number in the other, and so are `FinishCount` and `TotalCount`.
//! * `RealRunTime` is from the order to the end, with the time in the queue.
//! * A sub-task is one image: `TotalCount` is 1.

use plimsoll_store::{OrderTarget, OrderTargetQuery, TargetState};
use serde::Serialize;

use super::{SOURCE, TASK_TYPE, kind_of, leaf_number, leaf_standing, order_id, type_of};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, milliseconds,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// One page of sub-tasks.
pub(crate) struct DescribeOnceTaskLeafRecordPage;

/// Sub-tasks that are not done.
pub(crate) struct ListUnfinishedOnceTask;

/// What `DescribeOnceTaskLeafRecordPage` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LeafPage {
    once_tasks: Vec<Leaf<String, String>>,
    page_info: PageInfo,
}

/// What `ListUnfinishedOnceTask` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Unfinished {
    once_tasks: Vec<Leaf<i32, i32>>,
}

/// A sub-task, with its status and its counts as the answer types them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Leaf<Status: Serialize, Count: Serialize> {
    end_time: i64,
    finish: i32,
    finish_count: Count,
    progress: i64,
    real_run_time: i64,
    result_info: String,
    start_time: i64,
    status: Status,
    status_text: &'static str,
    target: String,
    target_type: &'static str,
    task_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_image_info: Option<ImageInfo>,
    task_name: &'static str,
    task_type: &'static str,
    total_count: Count,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ImageInfo {
    digest: String,
    image: String,
    region_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry_type: Option<String>,
    repo_id: String,
    repo_name: String,
    repo_namespace: String,
    repo_region_id: String,
    tag: String,
}

/// The most that is listed without pages.
const MOST_UNFINISHED: u32 = 100;

impl Run for DescribeOnceTaskLeafRecordPage {
    const NAME: &'static str = "DescribeOnceTaskLeafRecordPage";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the images and registries of orders with how each stands.";
    const PARAMETERS: &'static [Parameter] = &[
        TASK_TYPE,
        Parameter::required("CurrentPage", ParameterKind::Integer, Paging::ABOUT_PAGE),
        Parameter::required("PageSize", ParameterKind::Integer, Paging::ABOUT_SIZE),
        Parameter::required(
            "RelateInfo",
            ParameterKind::Boolean,
            "Whether to tell of which image a sub-task is.",
        ),
        SOURCE,
        Parameter::optional(
            "StatusList",
            ParameterKind::TextList,
            "Only in these states: INIT, START, SUCCESS, FAIL, TIMEOUT, which none is in.",
        ),
        Parameter::optional("TaskId", ParameterKind::Text, "Only of this main task."),
        Parameter::optional(
            "StartTime",
            ParameterKind::Long,
            "Only of main tasks from then on, in milliseconds.",
        ),
        Parameter::optional(
            "EndTime",
            ParameterKind::Long,
            "Only of main tasks until then, in milliseconds.",
        ),
    ];
    type Answer = LeafPage;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<LeafPage, Refusal> {
        sent.required("CurrentPage")?;
        sent.required("PageSize")?;
        let paging = Paging::of(sent)?;
        sent.required("RelateInfo")?;
        let is_related = sent.boolean("RelateInfo")?.unwrap_or(false);
        let states = states(sent)?;
        let time = |name| {
            sent.long(name).map(|time| time.map(|time| plimsoll_model::Timestamp(time / 1_000)))
        };
        let (from, until, order) =
            (time("StartTime")?, time("EndTime")?, order_id(sent, "TaskId")?);
        let kind = kind_of(sent.required("TaskType")?);
        let (Some(kind), Some(states)) = (kind, states) else {
            return Ok(LeafPage { once_tasks: Vec::new(), page_info: paging.info(0, 0) });
        };
        let query = OrderTargetQuery {
            kind,
            order,
            source: sent.text("Source").map(ToOwned::to_owned),
            states,
            from,
            until,
            target: None,
            page: paging.page,
            page_size: paging.size,
        };
        let page = context.store.order_targets(&query).await;
        let page = page.map_err(|error| failed(Self::NAME, &error))?;
        let leaf = |target: &OrderTarget| {
            let info = is_related.then(|| ImageInfo::of(target, true)).flatten();
            let count = i32::from(has_ended(target)).to_string();
            Leaf::of(target, leaf_number(target.state).to_string(), (count, "1".to_owned()), info)
        };
        Ok(LeafPage {
            page_info: paging.info(page.items.len(), page.total),
            once_tasks: page.items.iter().map(leaf).collect(),
        })
    }
}

impl Run for ListUnfinishedOnceTask {
    const NAME: &'static str = "ListUnfinishedOnceTask";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str =
        "Lists images and registries of orders that are not done, at most a hundred.";
    const PARAMETERS: &'static [Parameter] = &[
        TASK_TYPE,
        Parameter::optional(
            "Target",
            ParameterKind::Text,
            "Only this image, by id, digest or name; or this registry, by name.",
        ),
    ];
    type Answer = Unfinished;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Unfinished, Refusal> {
        let Some(kind) = kind_of(sent.required("TaskType")?) else {
            return Ok(Unfinished { once_tasks: Vec::new() });
        };
        let query = OrderTargetQuery {
            kind,
            order: None,
            source: None,
            states: vec![TargetState::Waiting, TargetState::Running],
            from: None,
            until: None,
            target: sent.text("Target").map(ToOwned::to_owned),
            page: 1,
            page_size: MOST_UNFINISHED,
        };
        let page = context.store.order_targets(&query).await;
        let page = page.map_err(|error| failed(Self::NAME, &error))?;
        let leaf = |target: &OrderTarget| {
            let counts = (i32::from(has_ended(target)), 1);
            Leaf::of(target, leaf_number(target.state), counts, ImageInfo::of(target, false))
        };
        Ok(Unfinished { once_tasks: page.items.iter().map(leaf).collect() })
    }
}

/// What `StatusList` selects; `None`: nothing, for no sub-task is ever in such a state.
fn states(sent: &Parameters) -> Result<Option<Vec<TargetState>>, Refusal> {
    let words = sent.list("StatusList")?;
    let mut states = Vec::new();
    for word in &words {
        match word.as_str() {
            "INIT" => states.push(TargetState::Waiting),
            "START" => states.push(TargetState::Running),
            "SUCCESS" => states.push(TargetState::Done),
            "FAIL" => states.extend([TargetState::Failed, TargetState::Canceled]),
            "TIMEOUT" => {}
            other => {
                let wanted = "one of INIT, START, SUCCESS, FAIL, TIMEOUT";
                return Err(Refusal::invalid("StatusList", other, wanted));
            }
        }
    }
    Ok((words.is_empty() || !states.is_empty()).then_some(states))
}

const fn has_ended(target: &OrderTarget) -> bool {
    !matches!(target.state, TargetState::Waiting | TargetState::Running)
}

impl<Status: Serialize, Count: Serialize> Leaf<Status, Count> {
    /// `counts`: how much of it has ended, and how much there is.
    fn of(
        target: &OrderTarget,
        status: Status,
        (finish_count, total_count): (Count, Count),
        task_image_info: Option<ImageInfo>,
    ) -> Self {
        let is_scan = target.digest.is_some();
        let ended = target.finished.filter(|_| has_ended(target));
        let started = milliseconds(target.created);
        Self {
            end_time: ended.map_or(0, milliseconds),
            finish: i32::from(has_ended(target)),
            finish_count,
            progress: if has_ended(target) { 100 } else { 0 },
            real_run_time: ended.map_or(0, |ended| milliseconds(ended).saturating_sub(started)),
            result_info: match target.state {
                TargetState::Done => "SUCCESS".to_owned(),
                TargetState::Canceled => "canceled".to_owned(),
                _ => target.error.clone().unwrap_or_default(),
            },
            start_time: started,
            status,
            status_text: leaf_standing(target.state),
            target: match &target.image {
                Some(image) => image.uuid.clone(),
                None => target.name.clone(),
            },
            target_type: if is_scan { "IMAGE" } else { "IMAGE_REPO" },
            task_id: target.order.to_string(),
            task_image_info,
            task_name: type_of(target.kind),
            task_type: type_of(target.kind),
            total_count,
        }
    }
}

impl ImageInfo {
    /// Of an image that is there; one that is gone has its name and digest.
    fn of(target: &OrderTarget, with_type: bool) -> Option<Self> {
        let digest = target.digest?;
        let region = target.region_id.clone().unwrap_or_default();
        let image = target.image.as_ref();
        let text = |of: fn(&plimsoll_store::TargetImage) -> &String| {
            image.map(of).cloned().unwrap_or_default()
        };
        Some(Self {
            digest: digest.hex(),
            image: target.name.clone(),
            registry_type: with_type.then(|| target.registry_type.clone().unwrap_or_default()),
            repo_id: text(|image| &image.repo_id),
            repo_name: text(|image| &image.repository),
            repo_namespace: text(|image| &image.namespace),
            tag: text(|image| &image.tag),
            repo_region_id: region.clone(),
            region_id: region,
        })
    }
}
