//! `/api/v1/images`: the risk list, one image, its report and files, what the policy says of it, a new scan.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use plimsoll_model::Report;

use super::answer::{Answer, NoParameters, Parameters, Problem};
use crate::{
    context::Context,
    operation::{
        files::{FileList, ListFiles, list_files},
        images::{
            DecisionView, ImageList, ImageView, ListImages, ScanRequested, find_image,
            image_decision, image_report, list_images, scan_image,
        },
    },
};

pub(super) async fn list(
    State(context): State<Context>,
    Parameters(request): Parameters<ListImages>,
) -> Answer<ImageList> {
    Ok(Json(list_images(&context.store, &request).await?))
}

pub(super) async fn get(
    State(context): State<Context>,
    Path(uuid): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<ImageView> {
    Ok(Json(find_image(&context.store, &uuid).await?))
}

pub(super) async fn report(
    State(context): State<Context>,
    Path(uuid): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<Report> {
    Ok(Json(image_report(&context.store, &uuid).await?))
}

pub(super) async fn files(
    State(context): State<Context>,
    Path(uuid): Path<String>,
    Parameters(request): Parameters<ListFiles>,
) -> Answer<FileList> {
    Ok(Json(list_files(&context.store, &uuid, &request).await?))
}

pub(super) async fn policy(
    State(context): State<Context>,
    Path(uuid): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<DecisionView> {
    let (policy, now) = (context.policy.as_deref(), context.clock.now());
    Ok(Json(image_decision(&context.store, policy, &uuid, now).await?))
}

pub(super) async fn scan(
    State(context): State<Context>,
    Path(uuid): Path<String>,
    _: Parameters<NoParameters>,
) -> Result<(StatusCode, Json<ScanRequested>), Problem> {
    let requested = scan_image(&context.store, &uuid, context.clock.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(requested)))
}
