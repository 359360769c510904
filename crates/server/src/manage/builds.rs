//! `POST /builds/images`: what builds report, with a registry's report token; and which build made an image.
//!
//! In: [`ReportBuild`] as JSON. Out: [`ReportedBuild`]. Source: `docs/builds.md`. Odd: it lies beside the management API and
//! answers as that does, but the admin token does not open it: a build must not hold that one. Who comes from an address that the
//! registry's white list does not name hears the same as who has no token.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Path, Request, State},
    http::StatusCode,
    routing::post,
};
use plimsoll_store::{BuildOrigin, TokenPurpose};

use super::{
    answer::{self, Answer, Body, NoParameters, Parameters, Problem},
    bearer,
};
use crate::{
    context::{Context, Refused},
    operation::{
        OperationError,
        builds::{ReportBuild, ReportedBuild, build_of, report_build},
        error_chain,
    },
    serve::{LARGE_BODY, read_body},
    white_list::lets_in,
};

/// The address at which builds report.
pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/builds/images", post(report))
        .method_not_allowed_fallback(answer::wrong_method)
        .layer(DefaultBodyLimit::max(LARGE_BODY))
        .with_state(context)
}

async fn report(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    request: Request,
) -> Answer<ReportedBuild> {
    let Some(token) = bearer::token(&request) else { return Err(unauthorized()) };
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let source = info.map(|info| info.0.ip());
    let from = source.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let admitted = context.admit_for(TokenPurpose::Report, token, from).await;
    let bearer = admitted.map_err(|refused| match refused {
        Refused::Wrong => {
            tracing::warn!(client.address = %from, "report of a build refused");
            unauthorized()
        }
        Refused::TooMany { retry_after } => {
            let message = "too many wrong tokens came from this address";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", message)
                .retry_after(retry_after)
        }
        Refused::Store(error) => {
            tracing::error!(error = error_chain(&error), "report token could not be checked");
            let message = "the state could not be read";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
        }
    })?;
    let extras = context.store.registry_extras(bearer.registry_id).await;
    let extras = extras.map_err(OperationError::from)?;
    if !lets_in(&extras.white_list, source) {
        tracing::warn!(
            client.address = %from, registry.name = bearer.registry,
            "report of a build from an address that is not on the white list"
        );
        return Err(unauthorized());
    }
    let request = read_body(request, LARGE_BODY).await?;
    let Body(request) = Body::<ReportBuild>::from_request(request, &()).await?;
    Ok(Json(report_build(&context, &bearer, request).await?))
}

/// `GET /api/v1/images/{uuid}/build`: which build made an image.
pub(super) async fn of_image(
    State(context): State<Context>,
    Path(uuid): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<BuildOrigin> {
    Ok(Json(build_of(&context.store, &uuid).await?))
}

fn unauthorized() -> Problem {
    let message = "builds report with the token of a registry of theirs as bearer, from an address on its white list";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .hint("`plimsoll registry token create NAME report` makes one")
}
