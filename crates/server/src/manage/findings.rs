//! `GET /api/v1/findings/{id}/images` and `GET /api/v1/packages/images?package=…`: which images have it.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;

use super::answer::{Answer, Parameters};
use crate::{
    context::Context,
    operation::affected::{self, AffectedList, HoldingList, ListAffected},
};

pub(super) async fn affected(
    State(context): State<Context>,
    Path(id): Path<String>,
    Parameters(request): Parameters<ListAffected>,
) -> Answer<AffectedList> {
    Ok(Json(affected::affected(&context.store, &id, &request).await?))
}

/// A package, whose URL may hold slashes and therefore is no part of the path.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedPackage {
    package: String,
    running: Option<bool>,
    registry: Option<String>,
    page: Option<u32>,
    page_size: Option<u32>,
}

pub(super) async fn holders(
    State(context): State<Context>,
    Parameters(wanted): Parameters<WantedPackage>,
) -> Answer<HoldingList> {
    let WantedPackage { package, running, registry, page, page_size } = wanted;
    let request = ListAffected { running, registry, page, page_size };
    Ok(Json(affected::holders(&context.store, &package, &request).await?))
}
