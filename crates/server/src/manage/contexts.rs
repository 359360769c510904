//! `/api/v1/contexts`: how images are used.

use axum::{Json, extract::State};

use super::answer::{Answer, Body, NoParameters, Parameters};
use crate::{
    context::Context,
    operation::contexts::{ContextList, ContextSet, SetContext, list_contexts, set_context},
};

pub(super) async fn list(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<ContextList> {
    Ok(Json(list_contexts(&context.store).await?))
}

pub(super) async fn set(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(request): Body<SetContext>,
) -> Answer<ContextSet> {
    Ok(Json(set_context(&context.store, &request).await?))
}
