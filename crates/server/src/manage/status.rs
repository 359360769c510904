//! `GET /api/v1/status`.

use axum::{Json, extract::State};

use super::answer::{Answer, NoParameters, Parameters};
use crate::{
    context::Context,
    operation::status::{Status, status},
};

pub(super) async fn get(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<Status> {
    Ok(Json(status(&context.store, context.feed.state(), context.clock.now()).await?))
}
