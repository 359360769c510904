//! Who may use the scanner: whoever has a registry's scanner token, and that registry alone.
//!
//! In: `Authorization: Bearer TOKEN`, `Authorization: Basic` with the token as password, or `X-ScannerAdapter-API-Key: TOKEN`,
//! as Harbor's three ways to register a scanner send it. Out: the request goes on with its [`TokenBearer`], or 401, or 429.
//! Source: Harbor's `ScannerRegistration`, fields `auth` and `access_credential`. Odd: the user name of `Basic` may be anything.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_store::{TokenBearer, TokenPurpose};

use super::answer::Refusal;
use crate::context::{Context, Refused};

const API_KEY: &str = "x-scanneradapter-api-key";

pub(super) async fn require(
    State(context): State<Context>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let Some(token) = token(request.headers()) else {
        let message = "the scanner wants its token: `plimsoll registry token create NAME scanner` makes one, \
            which goes into Harbor's registration of the scanner";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, message));
    };
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    match context.admit_for(TokenPurpose::Scanner, &token, from).await {
        Ok(bearer) => {
            request.extensions_mut().insert::<TokenBearer>(bearer);
            Ok(next.run(request).await)
        }
        Err(Refused::Wrong) => {
            tracing::warn!(client.address = %from, "scanner call refused");
            Err(Refusal::new(StatusCode::UNAUTHORIZED, "the scanner token is not right"))
        }
        Err(Refused::TooMany { retry_after }) => {
            let message = "too many wrong tokens came from this address";
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, message);
            Err(refusal.retry_after(retry_after))
        }
        Err(Refused::Store(error)) => Err(error.into()),
    }
}

fn token(headers: &HeaderMap) -> Option<String> {
    if let Some(key) = headers.get(API_KEY) {
        return key.to_str().ok().map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned);
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.trim().split_once(' ')?;
    let rest = rest.trim();
    let token = if scheme.eq_ignore_ascii_case("bearer") {
        rest.to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
        pair.split_once(':')?.1.to_owned()
    } else {
        return None;
    };
    (!token.is_empty()).then_some(token)
}
