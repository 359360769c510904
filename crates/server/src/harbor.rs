//! Being a scanner of Harbor: `/harbor/api/v1`, the Pluggable Scanner API.
//!
//! In: what Harbor's client sends, with a registry's scanner token. Out: what the scanner can do, names of accepted scans,
//! and their reports. Source: goharbor/pluggable-scanner-spec 1.0 to 1.2, and how Harbor's own client reads answers.
//!
//! Odd, and each covered by a test that behaves as that client does:
//! * Harbor waits five seconds, repeats nothing and parses whatever body an error has: everything is answered at once, from
//!   the store alone, and every error is JSON.
//! * `302` means "come again" and leads nowhere; when to come stands in `Refresh-After`, which Harbor reads as a number of
//!   eight bits.
//! * Harbor fetches one report for each type that it is offered. So only the newest is offered, and the older one is given to
//!   those who ask; `/harbor/1.0/api/v1` offers the older one alone, for a Harbor before 2.2.

mod answer;
mod artifact;
mod authenticate;
mod metadata;
mod mime;
mod report;
mod sbom;
mod submit;
mod vulnerability;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};

use self::answer::Refusal;
pub(crate) use self::artifact::Wish;
use crate::{
    context::Context,
    serve::{SMALL_BODY, read_body},
};

/// All addresses of the scanner.
pub(crate) fn router(context: Context) -> Router {
    let api = |metadata| {
        Router::new()
            .route("/metadata", metadata)
            .route("/scan", post(submit::accept))
            .route("/scan/{id}/report", get(report::fetch))
            .fallback(answer::nothing_here)
            .method_not_allowed_fallback(answer::wrong_method)
            .layer(DefaultBodyLimit::max(SMALL_BODY))
            .layer(middleware::from_fn(bounded))
            .layer(middleware::from_fn_with_state(context.clone(), authenticate::require))
    };
    Router::new()
        .nest("/harbor/api/v1", api(get(metadata::current)))
        .nest("/harbor/1.0/api/v1", api(get(metadata::first)))
        .with_state(context)
}

/// Reads the body of a client that was let in.
async fn bounded(request: Request, next: Next) -> Result<Response, Refusal> {
    Ok(next.run(read_body(request, SMALL_BODY).await?).await)
}
