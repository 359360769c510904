//! `/api/v1/keys`: access keys of the gateway.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use super::answer::{Answer, Body, NoParameters, Parameters, Problem};
use crate::{
    context::Context,
    operation::keys::{
        CreateKey, CreatedKey, KeyList, KeyView, SetKeyState, create_key, list_keys, set_key_state,
    },
};

pub(super) async fn list(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<KeyList> {
    Ok(Json(list_keys(&context.store).await?))
}

pub(super) async fn create(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(request): Body<CreateKey>,
) -> Result<(StatusCode, Json<CreatedKey>), Problem> {
    let key = create_key(&context.store, &request, context.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(key)))
}

pub(super) async fn set_state(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
    Body(request): Body<SetKeyState>,
) -> Answer<KeyView> {
    Ok(Json(set_key_state(&context.store, &id, request).await?))
}
