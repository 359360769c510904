//! `POST /scan`: accepts a scan.
//!
//! In: a wish, and the credential that Harbor made for it. Out: its name, once it is on disk. Odd: only the registry that the
//! token is of may be named, so that nobody can have us fetch from elsewhere; and the answer must come within five seconds,
//! because Harbor asks once.

use std::time::Duration;

use axum::{Extension, body::Bytes, extract::State, http::StatusCode, response::Response};
use plimsoll_registry::Endpoint;
use plimsoll_store::{ScanWish, TokenBearer};
use serde::Serialize;

use super::{
    answer::{self, Refusal},
    artifact::{Checked, ScanRequest},
    mime,
};
use crate::{
    context::Context,
    operation::client::{Authorization, endpoint},
};

/// How long the store may take: Harbor waits five seconds.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Serialize)]
struct Accepted {
    id: String,
}

pub(super) async fn accept(
    State(context): State<Context>,
    Extension(bearer): Extension<TokenBearer>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let request: ScanRequest = serde_json::from_slice(&body).map_err(|error| {
        // The parser's message may repeat a value; where it failed is enough.
        let (line, column) = (error.line(), error.column());
        let message = format!("the body is no scan request: line {line}, column {column}");
        Refusal::new(StatusCode::BAD_REQUEST, message)
    })?;
    let checked = request.check()?;
    let keeping = keep(&context, &bearer, &checked);
    let id = tokio::time::timeout(PATIENCE, keeping).await.map_err(|_elapsed| {
        let message = "the state is busy: the scan was not accepted";
        Refusal::unavailable(message)
    })??;
    let artifact = &checked.wish.artifact;
    tracing::info!(
        scan.id = id,
        registry.name = bearer.registry,
        image.repository = artifact.repository,
        image.digest = artifact.digest,
        "scan accepted"
    );
    Ok(answer::json(StatusCode::ACCEPTED, mime::SCAN_RESPONSE, &Accepted { id }))
}

async fn keep(
    context: &Context,
    bearer: &TokenBearer,
    checked: &Checked,
) -> Result<String, Refusal> {
    let registries = context.store.registries().await?;
    let registry = registries.iter().find(|registry| registry.id == bearer.registry_id);
    let registry = registry.ok_or_else(|| {
        let message = format!("the registry `{}` was removed", bearer.registry);
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    })?;
    let home = endpoint(&registry.settings);
    let named = Endpoint::parse(checked.url.trim(), false)
        .map_err(|error| Refusal::field("registry.url", error))?;
    if named != home {
        let why = format!("`{named}` is not `{home}`, where the registry `{}` is", bearer.registry);
        return Err(Refusal::field("registry.url", why));
    }
    if let Some(authorization) = &checked.authorization
        && Authorization::parse(authorization.reveal()).is_none()
    {
        return Err(Refusal::field("registry.authorization", "it is neither Basic nor Bearer"));
    }
    let wish = serde_json::to_string(&checked.wish)
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let wish = ScanWish {
        registry_id: registry.id,
        wish: &wish,
        credential: checked.authorization.as_ref(),
    };
    let id = context.store.request_scan(wish, context.lease_time().await).await?;
    id.ok_or_else(|| {
        let message = "too many scans of this registry wait already; ask again later";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, message)
    })
}
