//! `GET /api/v1/changes?since=…`, `GET /api/v1/images/{uuid}/changes?since=…` and `GET /api/v1/images/{uuid}/history`.

use axum::{
    Json,
    extract::{Path, State},
};

use super::answer::{Answer, NoParameters, Parameters};
use crate::{
    context::Context,
    operation::changes::{
        ChangeList, CounterHistory, ImageChangeList, ListChanges, counter_history, image_changes,
        list_changes,
    },
};

pub(super) async fn list(
    State(context): State<Context>,
    Parameters(request): Parameters<ListChanges>,
) -> Answer<ChangeList> {
    Ok(Json(list_changes(&context.store, &request).await?))
}

pub(super) async fn of_image(
    State(context): State<Context>,
    Path(uuid): Path<String>,
    Parameters(request): Parameters<ListChanges>,
) -> Answer<ImageChangeList> {
    Ok(Json(image_changes(&context.store, &uuid, &request).await?))
}

pub(super) async fn history(
    State(context): State<Context>,
    Path(uuid): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<CounterHistory> {
    Ok(Json(counter_history(&context.store, &uuid).await?))
}
