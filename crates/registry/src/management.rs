//! Requests to a running Plimsoll server, for our own command line.
//!
//! In: the server's address and the administrator's token. Out: JSON answers. Source: `/api/v1` of our own server. Odd: the
//! token goes over plain http only to this machine, or where the operator says so.

use plimsoll_model::Secret;
use reqwest::{
    Method, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    endpoint::{Endpoint, EndpointError, Scheme},
    http::{Call, HttpClient, HttpError, Session},
};

/// The longest answer: a report with all packages of an image.
const MAX_ANSWER_BYTES: u64 = 256 << 20;

/// A server that is managed from here.
#[derive(Clone, Debug)]
pub struct ManagementClient {
    session: Session,
    base: Url,
    token: Secret<String>,
}

/// Why the server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    /// The address is not one, or not one for a token.
    #[error("server address: {0}")]
    Address(#[from] EndpointError),
    /// The token would be readable on the way.
    #[error("`{0}` is not encrypted, so the token is not sent there")]
    Unencrypted(Endpoint),
    /// The token holds characters that no token has.
    #[error("the token is not one: it has blanks or control characters inside")]
    Token,
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server refused.
    #[error("`{server}` answered {status}: {message}")]
    Status {
        /// The server.
        server: Endpoint,
        /// HTTP status.
        status: u16,
        /// The server's name for the problem: `not_found`; empty when something else than our server answered.
        code: String,
        /// The server's own words.
        message: String,
        /// What the server advises.
        hint: Option<String>,
    },
    /// The answer is not what this program expects: another version of the server.
    #[error("`{server}` sent an answer that this version does not understand: {source}")]
    Answer {
        /// The server.
        server: Endpoint,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl ManagementClient {
    /// A client for the server at `address`, such as `https://plimsoll.example.com:8640`.
    ///
    /// # Errors
    /// [`ManagementError`] when the address cannot be a server's, or the token would be readable on the way.
    pub fn new(
        address: &str,
        token: Secret<String>,
        http: &HttpClient,
        plain_http: bool,
    ) -> Result<Self, ManagementError> {
        let endpoint = Endpoint::parse(address.trim_end_matches('/'), plain_http)?;
        if endpoint.scheme == Scheme::Http && !endpoint.is_loopback() && !plain_http {
            return Err(ManagementError::Unencrypted(endpoint));
        }
        let base = Url::parse(&endpoint.to_string())
            .map_err(|_cause| EndpointError::Host(endpoint.host.clone()))?;
        Ok(Self { session: http.session(&endpoint)?, base, token })
    }

    /// Sends `method` to `path` (each segment by itself) with `query` and, if given, a JSON body.
    ///
    /// # Errors
    /// [`ManagementError`]; `()` as answer type accepts any body.
    pub async fn request<A: DeserializeOwned>(
        &self,
        method: &str,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<A, ManagementError> {
        let server = self.session.home();
        let call = self.call(method, path, query, body)?;
        let (status, _, answer) = self.session.document(&call, MAX_ANSWER_BYTES).await?;
        if !status.is_success() {
            return Err(refusal(server.clone(), status.as_u16(), &answer));
        }
        let text: &[u8] = if answer.is_empty() { b"null" } else { &answer };
        serde_json::from_slice(text)
            .map_err(|source| ManagementError::Answer { server: server.clone(), source })
    }

    fn call(
        &self,
        method: &str,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Call, ManagementError> {
        let server = self.session.home();
        let bad = || EndpointError::Host(server.host.clone());
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| bad())?.clear().extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_cause| bad())?;
        let mut call = Call::new(method, url);
        call.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let bearer = format!("Bearer {}", self.token.reveal().trim());
        let bearer = HeaderValue::from_str(&bearer).map_err(|_cause| ManagementError::Token)?;
        call.authorization = Some(bearer);
        if let Some(body) = body {
            call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            call.body =
                Some(serde_json::to_vec(body).map_err(|source| ManagementError::Answer {
                    server: server.clone(),
                    source,
                })?);
        }
        Ok(call)
    }
}

/// Reads the server's error envelope, `{"error": {"code", "message", "hint"}}`.
fn refusal(server: Endpoint, status: u16, body: &[u8]) -> ManagementError {
    #[derive(Deserialize)]
    struct Envelope {
        error: Problem,
    }
    #[derive(Deserialize)]
    struct Problem {
        code: String,
        message: String,
        hint: Option<String>,
    }
    match serde_json::from_slice(body) {
        Ok(Envelope { error: Problem { code, message, hint } }) => {
            ManagementError::Status { server, status, code, message, hint }
        }
        Err(_) => ManagementError::Status {
            server,
            status,
            code: String::new(),
            message: "that is no answer of a Plimsoll server".into(),
            hint: Some("check the address; a proxy may have answered instead".into()),
        },
    }
}
