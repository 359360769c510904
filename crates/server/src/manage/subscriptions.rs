//! `/api/v1/subscriptions`: adding, listing, one with its messages, removing, a sample, trying again.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use super::answer::{Answer, Body, NoParameters, Parameters, Problem};
use crate::{
    context::Context,
    operation::subscriptions::{
        AddSubscription, AddedSubscription, RemovedSubscription, RetriedMessages,
        SubscriptionDetail, SubscriptionList, TestedSubscription, add_subscription,
        list_subscriptions, remove_subscription, retry_subscription, show_subscription,
        test_subscription,
    },
};

pub(super) async fn list(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<SubscriptionList> {
    Ok(Json(list_subscriptions(&context.store).await?))
}

pub(super) async fn add(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(request): Body<AddSubscription>,
) -> Result<(StatusCode, Json<AddedSubscription>), Problem> {
    let added = add_subscription(&context.store, &request, context.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

pub(super) async fn get(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<SubscriptionDetail> {
    Ok(Json(show_subscription(&context.store, &name).await?))
}

pub(super) async fn remove(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<RemovedSubscription> {
    Ok(Json(remove_subscription(&context.store, &name).await?))
}

pub(super) async fn test(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<TestedSubscription> {
    Ok(Json(test_subscription(&context.store, &name, &context.clock).await?))
}

pub(super) async fn retry(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<RetriedMessages> {
    Ok(Json(retry_subscription(&context.store, &name, context.clock.now()).await?))
}
