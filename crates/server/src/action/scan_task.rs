//! Actions about scans that are asked for: placing, following and canceling them, the window of scans, how many there were.
//!
//! In: which images, which order. Out: the contract's words for how they stand. Source: `docs/api.md`, "Scans"; the vendor's pages.
//! Odd:
//! * What the contract calls a main task is an order here, and its sub-tasks are the order's images. Numbers of orders are decimal,
//!   because the contract types them as integers in some answers and as texts in others.
//! * How far a scan is nobody knows: a sub-task has 0 or 100 percent, a main task the share of its sub-tasks that ended.
//! * Nothing is bought here: the quota is the largest number that every client can hold.

mod create;
mod latest;
mod leaves;
mod orders;
mod quota;

use plimsoll_store::{Order, OrderKind, TargetState};

use super::{Parameter, ParameterKind};
use crate::gateway::{Parameters, Refusal};

pub(crate) use create::{
    PublicCreateImageScanTask, PublicPreCheckImageScanTask, PublicSyncAndCreateImageScanTask,
};
pub(crate) use latest::DescribeImageLatestScanTask;
pub(crate) use leaves::{DescribeOnceTaskLeafRecordPage, ListUnfinishedOnceTask};
pub(crate) use orders::{
    CancelOnceTask, DescribeOnceTask, GenerateOnceTask, GetLastOnceTaskInfo, GetOnceTaskResultInfo,
};
pub(crate) use quota::{
    DescribeImageScanAuthCount, GetImageScanNumInPeriod, GetRegistryScanDayNum,
    SetRegistryScanDayNum,
};

/// Scans that may be made: as many as can be counted.
pub(super) const CAPACITY: i64 = i32::MAX as i64;

const IMAGE_SCAN: &str = "IMAGE_SCAN";
const IMAGE_REGISTRY_PULL: &str = "IMAGE_REGISTRY_PULL";

const TASK_TYPE: Parameter = Parameter::required(
    "TaskType",
    ParameterKind::Text,
    "IMAGE_SCAN, IMAGE_REGISTRY_PULL; other types are not done here, and nothing is found of them.",
);
const SOURCE: Parameter = Parameter::optional(
    "Source",
    ParameterKind::Text,
    "Only from there: openapi, console_batch, schedule.",
);

/// What a type of tasks is here; `None`: something that is not done here.
fn kind_of(word: &str) -> Option<OrderKind> {
    match word {
        IMAGE_SCAN => Some(OrderKind::Scan),
        IMAGE_REGISTRY_PULL => Some(OrderKind::Sync),
        _ => None,
    }
}

const fn type_of(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Scan => IMAGE_SCAN,
        OrderKind::Sync => IMAGE_REGISTRY_PULL,
    }
}

/// The number of an order.
fn order_id(sent: &Parameters, name: &'static str) -> Result<Option<i64>, Refusal> {
    let Some(text) = sent.text(name) else { return Ok(None) };
    let number = text.parse().map(Some);
    number.map_err(|_error| Refusal::invalid(name, text, "the number of a task"))
}

/// How an order stands.
fn standing(order: &Order) -> &'static str {
    if order.canceled.is_some() {
        return "FAIL";
    }
    if !order.is_open() {
        let nothing_done = order.total > 0 && order.done == 0;
        return if nothing_done { "FAIL" } else { "SUCCESS" };
    }
    if order.running == 0 && order.ended() == 0 { "INIT" } else { "START" }
}

/// How a part of an order stands.
const fn leaf_standing(state: TargetState) -> &'static str {
    match state {
        TargetState::Waiting => "INIT",
        TargetState::Running => "START",
        TargetState::Done => "SUCCESS",
        TargetState::Failed | TargetState::Canceled => "FAIL",
    }
}

/// The number that the contract has for it.
const fn leaf_number(state: TargetState) -> i32 {
    match state {
        TargetState::Waiting => 1,
        TargetState::Running => 2,
        TargetState::Done => 3,
        TargetState::Failed | TargetState::Canceled => 4,
    }
}
