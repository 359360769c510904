//! `/api/v1/tasks` and `/api/v1/scan-rates`: listing, one, cancelling, asking again; how fast registries are scanned.

use axum::{
    Json,
    extract::{Path, State},
};

use super::answer::{Answer, Body, NoParameters, Parameters};
use crate::{
    context::Context,
    operation::tasks::{
        ChangedTasks, ListTasks, OfRegistry, RateList, RateView, TaskList, TaskView, cancel_task,
        cancel_tasks, find_task, list_rates, list_tasks, retry_failed, retry_task, set_rate,
    },
};

pub(super) async fn list(
    State(context): State<Context>,
    Parameters(request): Parameters<ListTasks>,
) -> Answer<TaskList> {
    Ok(Json(list_tasks(&context.store, &request).await?))
}

pub(super) async fn get(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<TaskView> {
    Ok(Json(find_task(&context.store, &id).await?))
}

pub(super) async fn cancel(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<TaskView> {
    Ok(Json(cancel_task(&context.store, &id, context.clock.now()).await?))
}

pub(super) async fn retry(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<TaskView> {
    Ok(Json(retry_task(&context.store, &id, context.clock.now()).await?))
}

pub(super) async fn cancel_all(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(of): Body<OfRegistry>,
) -> Answer<ChangedTasks> {
    Ok(Json(cancel_tasks(&context.store, &of, context.clock.now()).await?))
}

pub(super) async fn retry_all(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(of): Body<OfRegistry>,
) -> Answer<ChangedTasks> {
    Ok(Json(retry_failed(&context.store, &of, context.clock.now()).await?))
}

pub(super) async fn rates(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<RateList> {
    Ok(Json(list_rates(&context.store).await?))
}

pub(super) async fn set_scan_rate(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(rate): Body<RateView>,
) -> Answer<RateView> {
    Ok(Json(set_rate(&context.store, &rate, context.clock.now()).await?))
}
