//! `DescribeImageLatestScanTask`: the scan of a digest that was asked for last.
//!
//! In: a digest. Out: a list of one task, or of none where no image has the digest. Source: the vendor's page of that name;
//! `docs/api.md`, "Scans". Odd: a scan that a sync asked for belongs to no main task: its `TaskId` is empty.

use plimsoll_store::{OrderTarget, TargetState, TaskState, TaskStatus};
use serde::Serialize;

use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, filters::digest, milliseconds,
        registry::clock_text,
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageLatestScanTask;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    task: Vec<Task>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    create: String,
    finish: i32,
    finish_time: i64,
    id: i64,
    modified: String,
    name: &'static str,
    source: String,
    start_time: i64,
    status: &'static str,
    target: String,
    target_type: &'static str,
    task_id: String,
    task_type: &'static str,
}

impl Run for DescribeImageLatestScanTask {
    const NAME: &'static str = "DescribeImageLatestScanTask";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Tells how the latest scan of a digest stands.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::required(
        "Digest",
        ParameterKind::Text,
        "Digest of an image, with or without `sha256:`.",
    )];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        sent.required("Digest")?;
        let Some(digest) = digest(sent, "Digest")? else {
            return Err(Refusal::MissingParameter("Digest".to_owned()));
        };
        let task = context.store.latest_task_of(&digest).await;
        let Some((id, status)) = task.map_err(|error| failed(Self::NAME, &error))? else {
            return Ok(Answer { task: Vec::new() });
        };
        let target = context.store.latest_target_of(&status.digest).await;
        let target = target.map_err(|error| failed(Self::NAME, &error))?;
        // What was queued after the order was placed is another scan than the order's.
        let target = target.filter(|target| target.created >= status.queued);
        Ok(Answer { task: vec![Task::of(id, &status, target.as_ref())] })
    }
}

impl Task {
    fn of(id: i64, status: &TaskStatus, order: Option<&OrderTarget>) -> Self {
        let is_open = matches!(status.state, TaskState::Queued | TaskState::Running)
            && order.is_none_or(|order| {
                matches!(order.state, TargetState::Waiting | TargetState::Running)
            });
        let finished =
            if is_open { None } else { order.and_then(|order| order.finished).or(status.finished) };
        Self {
            create: clock_text(order.map_or(status.queued, |order| order.created)),
            finish: i32::from(!is_open),
            finish_time: finished.map_or(0, milliseconds),
            id,
            modified: clock_text(finished.unwrap_or(status.queued)),
            name: super::IMAGE_SCAN,
            source: order.map_or_else(|| "schedule".to_owned(), |order| order.source.clone()),
            start_time: milliseconds(status.queued),
            status: match status.state {
                TaskState::Running => "PROCESSING",
                TaskState::Queued if is_open => "START",
                TaskState::Done => "SUCCESS",
                TaskState::Queued | TaskState::Failed | TaskState::Cancelled => "FAIL",
            },
            target: status.digest.hex(),
            target_type: "IMAGE",
            task_id: order.map_or_else(String::new, |order| order.order.to_string()),
            task_type: super::IMAGE_SCAN,
        }
    }
}
