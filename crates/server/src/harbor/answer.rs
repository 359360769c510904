//! What the scanner answers: JSON under the API's own types, errors as `{"error": {"message"}}`.
//!
//! In: values, errors. Out: responses. Odd: this is the one place where an error becomes a status; an error without a JSON body
//! is one that Harbor reports as unreadable.

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use plimsoll_store::StoreError;
use serde::Serialize;

use super::mime;
use crate::{
    operation::error_chain,
    serve::{AWAY_SECONDS, BodyError},
};

/// An error on its way out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    retry_after: Option<i64>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    message: &'a str,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// A field that cannot be what it is.
    pub(super) fn field(field: &str, why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, format!("`{field}`: {why}"))
    }

    /// The database does not answer now.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(AWAY_SECONDS)
    }

    /// Adds when to try again, in seconds.
    pub(super) fn retry_after(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = error_chain(&error), "scanner call failed");
        if error.is_transient() {
            return Self::unavailable("the state cannot be read or written at the moment");
        }
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the state could not be read or written")
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::Length(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Time => StatusCode::REQUEST_TIMEOUT,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let envelope = Envelope { error: Inner { message: &self.message } };
        let mut response = json(self.status, mime::ERROR, &envelope);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"plimsoll\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// A value as JSON under a type of the API.
pub(super) fn json(status: StatusCode, mime: &'static str, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => document(status, mime, bytes),
        Err(error) => {
            tracing::error!(%error, "answer cannot be written as JSON");
            let fixed = br#"{"error":{"message":"the answer could not be written"}}"#;
            document(StatusCode::INTERNAL_SERVER_ERROR, mime::ERROR, fixed.to_vec())
        }
    }
}

/// A document under a type of the API.
pub(super) fn document(status: StatusCode, mime: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    response
}

/// Any other address.
pub(super) async fn nothing_here(uri: Uri) -> Refusal {
    let message = format!("the scanner has nothing at `{}`", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, message)
}

/// A known address with another method.
pub(super) async fn wrong_method(method: Method) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("`{method}` is not answered here"))
}
