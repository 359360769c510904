//! `/api/v1/clusters`: what runs where.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};

use super::answer::{Answer, NoParameters, Parameters};
use crate::{
    context::Context,
    operation::workloads::{ClusterList, ImportedWorkloads, import_workloads, list_clusters},
};

pub(super) async fn list(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<ClusterList> {
    Ok(Json(list_clusters(&context.store).await?))
}

/// The body is the pod list as `kubectl` prints it.
pub(super) async fn import(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
    pods: Bytes,
) -> Answer<ImportedWorkloads> {
    Ok(Json(import_workloads(&context.store, &id, &pods, context.clock.now()).await?))
}
