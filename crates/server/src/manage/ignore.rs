//! `/api/v1/ignore-rules`: what does not count.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use super::answer::{Answer, Body, NoParameters, Parameters, Problem};
use crate::{
    context::Context,
    operation::ignore::{
        IgnoreRuleList, IgnoreRuleView, RemovedIgnoreRule, WriteIgnoreRule, add_ignore_rule,
        change_ignore_rule, find_ignore_rule, list_ignore_rules, remove_ignore_rule,
    },
};

pub(super) async fn list(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<IgnoreRuleList> {
    Ok(Json(list_ignore_rules(&context.store, context.clock.now()).await?))
}

pub(super) async fn add(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(request): Body<WriteIgnoreRule>,
) -> Result<(StatusCode, Json<IgnoreRuleView>), Problem> {
    let rule = add_ignore_rule(&context.store, &request, context.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(rule)))
}

pub(super) async fn get(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<IgnoreRuleView> {
    Ok(Json(find_ignore_rule(&context.store, &id, context.clock.now()).await?))
}

pub(super) async fn change(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
    Body(request): Body<WriteIgnoreRule>,
) -> Answer<IgnoreRuleView> {
    Ok(Json(change_ignore_rule(&context.store, &id, &request, context.clock.now()).await?))
}

pub(super) async fn remove(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<RemovedIgnoreRule> {
    Ok(Json(remove_ignore_rule(&context.store, &id, context.clock.now()).await?))
}
