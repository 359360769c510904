//! `GET /api/v1/ranking`.

use axum::{Json, extract::State};

use super::answer::{Answer, NoParameters, Parameters};
use crate::{
    context::Context,
    operation::rank::{Ranking, rank},
};

pub(super) async fn get(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<Ranking> {
    Ok(Json(rank(&context.store).await?))
}
