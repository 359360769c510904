//! What a client may send.
//!
//! In: a request. Out: the same request with its body in memory, or 413, 408. Odd: bodies are read only after the client
//! was let in, so that a stranger can make us hold nothing.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
};

/// Largest body of most requests.
pub(crate) const SMALL_BODY: usize = 1 << 20;
/// Largest document that a client imports.
pub(crate) const LARGE_BODY: usize = 64 << 20;
/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Why a body was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// Longer than allowed, or it ended before its stated length.
    #[error("the body is longer than {0} bytes, or ended early")]
    Length(usize),
    /// It did not arrive in time.
    #[error("the body took longer than {} seconds", BODY_TIME.as_secs())]
    Time,
}

/// Reads the body whole.
pub(crate) async fn read_body(request: Request, limit: usize) -> Result<Request, BodyError> {
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(BODY_TIME, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(_too_large_or_broken)) => Err(BodyError::Length(limit)),
        Err(_elapsed) => Err(BodyError::Time),
    }
}
