//! `GET /api/v1/feed`.

use axum::{Json, extract::State};

use super::answer::{Answer, NoParameters, Parameters};
use crate::{context::Context, operation::feed::FeedStatus};

pub(super) async fn get(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<FeedStatus> {
    let now = context.clock.now();
    Ok(Json(FeedStatus::new(context.feed.state(), context.store.data_dir(), now)))
}
