//! What came back: status, headers, and a body that is read in pieces or with a cap.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{CONTENT_LENGTH, HeaderMap},
};

use super::{HttpError, error};
use crate::endpoint::Endpoint;

/// An answer whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Answer {
    response: reqwest::Response,
    origin: Endpoint,
    read_timeout: Duration,
}

impl Answer {
    pub(super) const fn new(
        response: reqwest::Response,
        origin: Endpoint,
        read_timeout: Duration,
    ) -> Self {
        Self { response, origin, read_timeout }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// Length of the body as the server states it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok())
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        match self.response.chunk().await {
            Ok(piece) => Ok(piece),
            Err(cause) => Err(error::cut(&self.origin, cause, self.read_timeout)),
        }
    }

    /// The whole body, at most `limit` bytes.
    pub(crate) async fn body(mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        while let Some(piece) = self.chunk().await? {
            body.extend_from_slice(&piece);
            if u64::try_from(body.len()).unwrap_or(u64::MAX) > limit {
                return Err(HttpError::TooLarge { origin: self.origin, limit });
            }
        }
        Ok(body)
    }
}
