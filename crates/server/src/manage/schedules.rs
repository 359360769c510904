//! `/api/v1/schedules`: adding, listing, removing.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use super::answer::{Answer, Body, NoParameters, Parameters, Problem};
use crate::{
    context::Context,
    operation::schedules::{
        AddSchedule, RemovedSchedule, ScheduleList, ScheduleView, add_schedule, list_schedules,
        remove_schedule,
    },
};

pub(super) async fn list(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<ScheduleList> {
    Ok(Json(list_schedules(&context.store, context.clock.now()).await?))
}

pub(super) async fn add(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(request): Body<AddSchedule>,
) -> Result<(StatusCode, Json<ScheduleView>), Problem> {
    let added = add_schedule(&context.store, &request, context.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

pub(super) async fn remove(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<RemovedSchedule> {
    Ok(Json(remove_schedule(&context.store, &name).await?))
}
