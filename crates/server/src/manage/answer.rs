//! What the management API takes and gives.
//!
//! In: queries and bodies, errors of operations. Out: typed parameters, JSON answers, errors as
//! `{"error": {"code", "message", "hint"}}`. Odd: this is the one place where an error becomes a status.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::JsonRejection},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use plimsoll_store::StoreError;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    operation::{OperationError, error_chain},
    serve::{AWAY_SECONDS, BodyError},
};

/// An error on its way out.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<String>,
    retry_after: Option<i64>,
}

/// The result of a handler.
pub(super) type Answer<T> = Result<Json<T>, Problem>;

#[derive(Serialize)]
struct Envelope<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl Problem {
    /// An error with a status, a word for programs and a sentence for people.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, retry_after: None }
    }

    /// The database failed: come again, where that may help.
    pub(super) fn of_store(error: &StoreError) -> Self {
        let message = "the state could not be read or written";
        if error.is_transient() {
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
                .retry_after(AWAY_SECONDS);
        }
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// Adds what to do about it.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds when to try again, in seconds.
    pub(super) fn retry_after(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::Length(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Time => StatusCode::REQUEST_TIMEOUT,
        };
        Self::new(status, "invalid_body", error.to_string())
    }
}

impl From<OperationError> for Problem {
    fn from(error: OperationError) -> Self {
        let status = match &error {
            OperationError::Invalid { .. } => StatusCode::BAD_REQUEST,
            OperationError::NotFound { .. } => StatusCode::NOT_FOUND,
            OperationError::Exists { .. } => StatusCode::CONFLICT,
            OperationError::Registry { .. } | OperationError::Cluster { .. } => {
                StatusCode::BAD_GATEWAY
            }
            OperationError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            OperationError::Store(cause) => {
                tracing::error!(error = error_chain(&error), "management call failed");
                return Self::of_store(cause);
            }
        };
        let hint = error.hint();
        Self { hint, ..Self::new(status, error.code(), error.to_string()) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let error = Inner { code: self.code, message: &self.message, hint: self.hint.as_deref() };
        let mut response = (self.status, Json(Envelope { error })).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"plimsoll\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// Parameters of a query; unknown ones are refused by name.
pub(super) struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid_parameter",
                rejection.body_text(),
            )),
        }
    }
}

/// No parameters at all.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

/// A JSON body; unknown fields are refused by name.
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(error)) => {
                Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", error.body_text()))
            }
            Err(other) => Err(Problem::new(other.status(), "invalid_body", other.body_text())),
        }
    }
}

/// Any other address below `/api/v1`.
pub(super) async fn nothing_here(uri: axum::http::Uri) -> Problem {
    let message = format!("there is nothing at `/api/v1{}`", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not_found", message)
}

/// A known address with another method.
pub(super) async fn wrong_method(method: axum::http::Method) -> Problem {
    let message = format!("`{method}` is not answered here");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_is_no_defect_and_worth_another_try() {
        for (transient, status, retry_after) in [(true, 503, Some("5")), (false, 500, None)] {
            let source = std::io::Error::other("connection refused by 10.1.2.3").into();
            let error = StoreError::Database { doing: "listing tasks", source, transient };
            let response = Problem::from(OperationError::Store(error)).into_response();
            assert_eq!(response.status().as_u16(), status);
            let found = response.headers().get(header::RETRY_AFTER);
            assert_eq!(found.map(|value| value.to_str().unwrap()), retry_after);
        }
    }
}
