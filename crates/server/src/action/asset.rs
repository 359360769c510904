//! Actions about the inventory: images, repositories, what they can be searched by, and having it read anew.
//!
//! In: conditions that clients put together. Out: images and repositories with their numbers and how their scans stand. Source:
//! `docs/api.md`, "Inventory"; the vendor's pages. Odd: an image's size, and its times, are texts in one list and numbers in
//! another; repositories belong to no instance of a registry service, so that `InstanceId` is left out of answers and selects
//! nothing where it is a condition.

mod criteria;
mod images;
mod one;
mod refresh;
mod repositories;

use plimsoll_store::{ImageRisk, Registry, TaskState};

pub(super) use criteria::{CRITERIA, LOGICAL_EXP, pairs};
pub(crate) use criteria::{DescribeImageCriteria, DescribeImageRepoCriteria};
pub(crate) use images::DescribeImageInstances;
pub(crate) use one::{DescribeImage, DescribeImageInfoList};
pub(crate) use refresh::{RefreshAssets, RefreshContainerAssets};
pub(crate) use repositories::DescribeImageRepoDetailList;

/// Whether something is there.
pub(super) const fn yes_no(is_there: bool) -> &'static str {
    if is_there { "YES" } else { "NO" }
}

/// Where a registry answers, as the JSON that the contract keeps in a text.
pub(super) fn endpoints(registry: &Registry) -> String {
    let settings = &registry.settings;
    let domain = match settings.port {
        Some(port) => format!("{}:{port}", settings.host),
        None => settings.host.clone(),
    };
    let scheme = settings.scheme.as_str();
    serde_json::json!([format!("{scheme}://{domain}")]).to_string()
}

/// The contract's word for how an image's scan stands.
pub(super) fn scan_state(risk: &ImageRisk) -> &'static str {
    match risk.task.as_ref().map(|task| task.state) {
        Some(TaskState::Running) => "START_RUN",
        Some(TaskState::Done) => "SUCCESS",
        Some(TaskState::Failed) => "FAIL",
        // It is known from a scan before, or it is not to be.
        Some(TaskState::Cancelled) if risk.scanned.is_some() => "SUCCESS",
        Some(TaskState::Cancelled) => "FAIL",
        Some(TaskState::Queued) | None => "INIT",
    }
}

/// The contract's word for what came of it.
pub(super) const fn scan_result(risk: &ImageRisk) -> &'static str {
    if risk.task.is_some() { "SUCCESS" } else { "TASK_NOT_EXISTS" }
}

/// How much of it is done, in percent: nobody knows of a scan that runs how far it is.
pub(super) fn scan_progress(risk: &ImageRisk) -> i32 {
    let is_open = |state| matches!(state, TaskState::Queued | TaskState::Running);
    let has_ended = risk.task.as_ref().is_some_and(|task| !is_open(task.state));
    if has_ended { 100 } else { 0 }
}
