//! Who may use the management API.
//!
//! In: `Authorization: Bearer TOKEN`. Out: the request goes on, or 401, or 429. Source: RFC 6750. Odd: a token in the URL
//! is not looked at, since URLs end up in logs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::Response,
};

use super::answer::Problem;
use crate::{
    context::{Context, Refused},
    operation::error_chain,
};

pub(crate) async fn require(
    State(context): State<Context>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(token) = token(&request) else {
        let problem = Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the management API wants the admin token as bearer",
        );
        return Err(problem.hint(HINT));
    };
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    match context.admit(token, from).await {
        Ok(()) => Ok(next.run(request).await),
        Err(refused @ Refused::Wrong) => {
            tracing::warn!(client.address = %from, "management call refused");
            let problem =
                Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", refused.to_string());
            Err(problem.hint(HINT))
        }
        Err(Refused::TooMany { retry_after }) => {
            let message = "too many wrong admin tokens came from this address";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", message);
            Err(problem.retry_after(retry_after))
        }
        Err(Refused::Store(error)) => {
            tracing::error!(error = error_chain(&error), "admin token could not be checked");
            Err(Problem::of_store(&error))
        }
    }
}

const HINT: &str = "the token stands in the file `admin-token` in the server's data folder";

/// The token of `Authorization: Bearer`.
pub(super) fn token(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token.trim())
}
