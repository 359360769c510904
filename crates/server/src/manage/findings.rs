//! `GET /api/v1/findings/{id}/images`: which images have it.

use axum::{
    Json,
    extract::{Path, State},
};

use super::answer::{Answer, NoParameters, Parameters};
use crate::{
    context::Context,
    operation::affected::{self, AffectedList},
};

pub(super) async fn affected(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<AffectedList> {
    Ok(Json(affected::affected(&context.store, &id).await?))
}
