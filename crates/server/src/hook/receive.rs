//! Receiving: who sends, what it says, an answer.
//!
//! In: a request with a registry's hook token, in its path or as `Authorization`. Out: 202 with what was understood, once that
//! is on disk; 401, 404, 413, 422. Odd: a wrong secret and an unknown registry are answered alike.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Json,
    body::to_bytes,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_store::{Hint, Noted, TokenBearer, TokenPurpose};
use serde::Serialize;
use serde_json::{Value, json};

use super::formats;
use crate::{
    context::{Context, Refused},
    operation::error_chain,
    serve::{AWAY_SECONDS, BodyError, SMALL_BODY, read_body},
};

/// Places of one body that are kept apart; the store turns more of them into one look anyway.
const MOST_HINTS: usize = 2_000;

/// What was understood.
#[derive(Serialize)]
struct Understood {
    format: &'static str,
    new: u64,
    known: u64,
}

/// An error on its way out.
pub(super) struct Problem(StatusCode, String, Option<i64>);

impl Problem {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(status, message.into(), None)
    }

    /// The database does not answer now.
    fn unavailable(message: &str) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, message.to_owned(), Some(AWAY_SECONDS))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, message, retry_after) = self;
        let body = Json(json!({ "error": { "message": message } }));
        let mut response = (status, body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::Length(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Time => StatusCode::REQUEST_TIMEOUT,
        };
        Self::new(status, error.to_string())
    }
}

/// The secret stands in the address: most registries let nothing else be set.
pub(super) async fn with_secret(
    State(context): State<Context>,
    Path((registry, secret)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&context, &registry, &secret, request).await
}

/// The secret stands in `Authorization`, as Harbor and the distribution registry can send it.
pub(super) async fn with_header(
    State(context): State<Context>,
    Path(registry): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let secret = secret_of(request.headers()).ok_or_else(unknown)?;
    receive(&context, &registry, &secret, request).await
}

pub(super) async fn wrong_method(method: Method) -> Problem {
    let message = format!("`{method}` is not answered here: registries send POST");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

async fn receive(
    context: &Context,
    registry: &str,
    secret: &str,
    request: Request,
) -> Result<Response, Problem> {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    let bearer = admit(context, registry, secret, from).await?;
    let (parts, body) = read_body(request, SMALL_BODY).await?.into_parts();
    let bytes = to_bytes(body, SMALL_BODY).await.map_err(|_error| BodyError::Length(SMALL_BODY))?;
    let body: Value = serde_json::from_slice(&bytes)
        .map_err(|_error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the body is not JSON"))?;
    let Some((format, hints)) = understand(&parts.headers, &body) else {
        tracing::warn!(registry.name = bearer.registry, "webhook not understood");
        let known: Vec<&str> = formats().iter().map(|format| format.id()).collect();
        let message = format!("the body is of none of the formats {}", known.join(", "));
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    };
    let noted = note(context, &bearer, &hints).await?;
    tracing::info!(
        registry.name = bearer.registry,
        hook.format = format,
        hints.new = noted.new,
        hints.known = noted.known,
        "webhook received"
    );
    let understood = Understood { format, new: noted.new, known: noted.known };
    Ok((StatusCode::ACCEPTED, Json(understood)).into_response())
}

/// The format that knows the body, and where something changed.
pub(super) fn understand(headers: &HeaderMap, body: &Value) -> Option<(&'static str, Vec<Hint>)> {
    formats().iter().find_map(|format| {
        let mut hints = format.read(headers, body)?;
        hints.sort();
        hints.dedup();
        hints.truncate(MOST_HINTS);
        Some((format.id(), hints))
    })
}

async fn note(context: &Context, bearer: &TokenBearer, hints: &[Hint]) -> Result<Noted, Problem> {
    if hints.is_empty() {
        return Ok(Noted::default());
    }
    let now = context.lease_time().await;
    let noted = context.store.note_hints(bearer.registry_id, hints, now).await;
    noted.map_err(|error| {
        // A sender that hears this sends it again.
        tracing::error!(error = error_chain(&error), "webhook not kept");
        Problem::unavailable("the state could not be written")
    })
}

async fn admit(
    context: &Context,
    registry: &str,
    secret: &str,
    from: IpAddr,
) -> Result<TokenBearer, Problem> {
    match context.admit_for(TokenPurpose::Hook, secret, from).await {
        Ok(bearer) if bearer.registry == registry => Ok(bearer),
        Ok(_) | Err(Refused::Wrong) => {
            tracing::warn!(client.address = %from, "webhook refused");
            Err(unknown())
        }
        Err(Refused::TooMany { retry_after }) => {
            let message = "too many wrong secrets came from this address".to_owned();
            Err(Problem(StatusCode::TOO_MANY_REQUESTS, message, Some(retry_after)))
        }
        Err(Refused::Store(error)) => {
            tracing::error!(error = error_chain(&error), "webhook's secret not checked");
            Err(Problem::unavailable("the state could not be read"))
        }
    }
}

fn unknown() -> Problem {
    let message = "there is no such webhook; `plimsoll registry token create NAME hook` makes one";
    Problem::new(StatusCode::UNAUTHORIZED, message)
}

/// The secret as `Bearer`, as password of `Basic`, or alone, as Harbor sends what was typed into its form.
fn secret_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let Some((scheme, rest)) = value.split_once(' ') else {
        return (!value.is_empty()).then(|| value.to_owned());
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
        return pair.split_once(':').map(|(_, password)| password.to_owned());
    }
    None
}
