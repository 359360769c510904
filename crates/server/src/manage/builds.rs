//! `POST /builds/images`: what builds report, with a registry's report token; and which build made an image.
//!
//! In: [`ReportBuild`] as JSON. Out: [`ReportedBuild`]. Source: `docs/builds.md`. Odd: it lies beside the management API and
//! answers as that does, but the admin token does not open it: a build must not hold that one. A registry's white list is held
//! against the address that the connection comes from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Path, Request, State},
    http::StatusCode,
    routing::post,
};
use plimsoll_store::{BuildOrigin, TokenBearer, TokenPurpose};

use super::{
    answer::{self, Answer, Body, NoParameters, Parameters, Problem},
    bearer,
};
use crate::{
    context::{Context, Refused},
    operation::{
        builds::{ReportBuild, ReportedBuild, build_of, report_build, white_list::lets_in},
        error_chain,
    },
    serve::{LARGE_BODY, read_body},
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
    let known = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let from = known.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
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
    listed(&context, &bearer, known).await?;
    let request = read_body(request, LARGE_BODY).await?;
    let Body(request) = Body::<ReportBuild>::from_request(request, &()).await?;
    Ok(Json(report_build(&context, &bearer, request).await?))
}

/// Refuses builds that come from where the registry's white list does not name.
async fn listed(
    context: &Context,
    bearer: &TokenBearer,
    from: Option<IpAddr>,
) -> Result<(), Problem> {
    let extras = context.store.registry_extras(bearer.registry_id).await;
    let extras = extras.map_err(|error| {
        tracing::error!(error = error_chain(&error), "white list could not be read");
        Problem::of_store(&error)
    })?;
    if lets_in(&extras.white_list, from) {
        return Ok(());
    }
    let from = from.map_or_else(|| "an unknown address".to_owned(), |from| from.to_string());
    tracing::warn!(
        registry.name = bearer.registry,
        client.address = from,
        "build reported from an address that is not on the white list"
    );
    let message = format!("builds may not report to `{}` from {from}", bearer.registry);
    let problem = Problem::new(StatusCode::FORBIDDEN, "forbidden", message);
    Err(problem.hint("the registry has a white list of addresses, which UpdateWhiteList changes"))
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
    let message = "builds report with the token of a registry of theirs as bearer";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .hint("`plimsoll registry token create NAME report` makes one")
}
