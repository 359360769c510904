//! `GET /scan/{id}/report`: how a scan stands, and its report when it is there.
//!
//! In: a scan's name, the wanted type in `Accept`. Out: 200 with the report, 302 while it is not there, 404, 500 with what went
//! wrong. Source: goharbor/pluggable-scanner-spec 1.2, `GetScanReport`. Odd: one scan gives every type of report; a name of
//! another registry's scan is as unknown as one that was never given.

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use plimsoll_model::{Report, Timestamp};
use plimsoll_store::{RequestedState, TokenBearer};

use super::{
    answer::{self, Refusal},
    artifact::{Artifact, Wish},
    mime::{self, Kind},
    sbom, vulnerability,
};
use crate::context::Context;

/// When to come again, in seconds; Harbor reads it as a number of eight bits with a sign.
const REFRESH_AFTER: i8 = 5;
const REFRESH_HEADER: &str = "refresh-after";

pub(super) async fn fetch(
    State(context): State<Context>,
    Extension(bearer): Extension<TokenBearer>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let kind = Kind::of(accept).ok_or_else(|| {
        let message = format!("the scanner writes no report as `{}`", accept.unwrap_or_default());
        Refusal::new(StatusCode::NOT_IMPLEMENTED, message)
    })?;
    if kind == Kind::Sbom {
        check_media_type(query.as_deref().unwrap_or_default())?;
    }
    let state = context.store.requested_scan(bearer.registry_id, &id).await?;
    match state {
        None => {
            let message = "there is no scan of that id; reports are kept for a day";
            Err(Refusal::new(StatusCode::NOT_FOUND, message))
        }
        Some(RequestedState::Waiting) => Ok(come_again()),
        Some(RequestedState::Failed { why }) => {
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("scan failed: {why}")))
        }
        Some(RequestedState::Done { wish, report, finished }) => {
            let written =
                tokio::task::spawn_blocking(move || write(kind, &wish, &report, finished));
            written.await.map_err(|error| broken(&error))?
        }
    }
}

/// The type of SBOM that is wanted, as it stands in the address.
fn check_media_type(query: &str) -> Result<(), Refusal> {
    let wanted = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "sbom_media_type")
        .map(|(_, value)| value.into_owned());
    match wanted.as_deref() {
        None | Some("") => {
            let message = format!("an SBOM wants `sbom_media_type`, such as {}", mime::SPDX);
            Err(Refusal::new(StatusCode::BAD_REQUEST, message))
        }
        Some(wanted) if mime::is(wanted, mime::SPDX) => Ok(()),
        Some(wanted) => {
            let message =
                format!("`sbom_media_type`: `{wanted}` is not written; {} is", mime::SPDX);
            Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, message))
        }
    }
}

/// Not there yet: no `Location`, no body.
fn come_again() -> Response {
    let mut response = StatusCode::FOUND.into_response();
    response.headers_mut().insert(REFRESH_HEADER, HeaderValue::from(i16::from(REFRESH_AFTER)));
    response
}

fn write(
    kind: Kind,
    wish: &str,
    report: &Report,
    finished: Timestamp,
) -> Result<Response, Refusal> {
    let wish: Wish = serde_json::from_str(wish).map_err(|error| broken(&error))?;
    let artifact: &Artifact = &wish.artifact;
    match kind {
        Kind::Vulnerabilities(mime) => {
            let document = vulnerability::document(report, artifact, finished);
            Ok(answer::json(StatusCode::OK, mime, &document))
        }
        Kind::Sbom => {
            let document =
                sbom::document(report, artifact, finished).map_err(|error| broken(&error))?;
            Ok(answer::json(StatusCode::OK, mime::SBOM, &document))
        }
    }
}

fn broken(error: &dyn std::error::Error) -> Refusal {
    tracing::error!(%error, "report not written");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the report could not be written")
}
