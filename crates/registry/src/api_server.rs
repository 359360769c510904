//! Requests to the API server of a Kubernetes cluster.
//!
//! In: the server's address, its authority, and a credential: a client certificate, a token, or a file whose token changes.
//! Out: answers as they come, for the crate `cluster` to read. Source: Kubernetes, "Authenticating"; RFC 8446 §4.6.2 (client
//! certificates).
//!
//! Odd:
//! * A watch is silent for minutes, so that the limit for silence is longer than any that is asked for.
//! * Redirects are not followed: no API server sends any, and the credential must not travel.
//! * Where an authority is given, the machine's own are not trusted: a cluster's API is signed by the cluster.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use plimsoll_model::Secret;
use reqwest::{
    Body, Request, Response, Url,
    header::{AUTHORIZATION, HeaderValue},
};

use crate::{
    endpoint::{Endpoint, EndpointError, Scheme},
    http::{HttpClient, HttpError, HttpOptions, failed},
    reach::Guard,
};

/// Longest silence within an answer: a quiet watch ends after four minutes and says nothing until then.
const SILENCE: Duration = Duration::from_secs(300);
/// How long an answer may take to begin; a list of 500 large pods takes a while.
const BEGINNING: Duration = Duration::from_secs(60);
/// How long a token that lies in a file is used before the file is read again; it is written anew long before it ends.
const TOKEN_AGE: Duration = Duration::from_secs(60);
/// Largest file with a token.
const LARGEST_TOKEN: u64 = 64 << 10;

/// A bearer token, or where one lies.
#[derive(Clone, Debug)]
pub enum BearerToken {
    /// The token itself.
    Fixed(Secret<String>),
    /// A file that is written anew from time to time.
    File(PathBuf),
}

/// The body of an answer.
pub type ApiServerBody = Body;

/// How an API server is reached.
#[derive(Clone, Debug)]
pub struct ApiServerSettings {
    /// `https://host:port`, with a path where a gateway has one.
    pub server: String,
    /// Certificates (PEM) of its authority; `None`: the machine's roots.
    pub ca_pem: Option<String>,
    /// The client's certificate and key, as one PEM text.
    pub identity_pem: Option<Secret<String>>,
    /// A token.
    pub token: Option<BearerToken>,
}

/// The API server of one cluster.
#[derive(Clone)]
pub struct ApiServer {
    client: reqwest::Client,
    guard: Guard,
    base: Url,
    origin: Endpoint,
    options: Arc<HttpOptions>,
    token: Option<BearerToken>,
    read: Arc<Mutex<Option<(Instant, HeaderValue)>>>,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Why an API server gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiServerError {
    /// The address cannot be one.
    #[error("the address of the API server: {0}")]
    Address(#[from] EndpointError),
    /// The credential would be readable on the way.
    #[error("`{0}` is not encrypted, so the credential is not sent there")]
    Unencrypted(Endpoint),
    /// The token has characters that no token has.
    #[error("the token is not one: it has blanks or control characters inside")]
    Token,
    /// The file with the token.
    #[error("`{path}`, which holds the token, cannot be read")]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The request has an address that none of ours has.
    #[error("`{0}` is no path of the API")]
    Path(String),
    /// Connection, TLS, certificates.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl ApiServer {
    /// Reads certificates and address; nothing is sent.
    ///
    /// # Errors
    /// The address, a certificate, the key or the token cannot be one, or the credential would go unencrypted over the network.
    pub fn new(settings: ApiServerSettings) -> Result<Self, ApiServerError> {
        let shown = settings.server.rsplit('@').next().unwrap_or_default().to_owned();
        let base = Url::parse(settings.server.trim_end_matches('/'))
            .map_err(|_cause| EndpointError::Host(shown.clone()))?;
        let origin = Endpoint::of(&base)?;
        if base.query().is_some() || base.fragment().is_some() {
            return Err(EndpointError::Host(shown).into());
        }
        if origin.scheme == Scheme::Http && !origin.is_loopback() {
            return Err(ApiServerError::Unencrypted(origin));
        }
        if let Some(BearerToken::Fixed(token)) = &settings.token {
            bearer(token.reveal())?;
        }
        let options = HttpOptions {
            system_roots: settings.ca_pem.is_none(),
            ca_pem: settings.ca_pem.into_iter().collect(),
            read_timeout: SILENCE,
            ..HttpOptions::default()
        };
        let http = HttpClient::new(options)?;
        let http = match &settings.identity_pem {
            Some(pem) => http.with_identity(pem)?,
            None => http,
        };
        let guard = Guard::new(&origin.host, http.options().allow_private);
        let client = http.builder(&guard).build();
        let client = client.map_err(|error| HttpError::Setup(crate::http::reason(error)))?;
        let options = Arc::new(http.options().clone());
        let read = Arc::default();
        Ok(Self { client, guard, base, origin, options, token: settings.token, read })
    }

    /// Where it is.
    #[must_use]
    pub const fn origin(&self) -> &Endpoint {
        &self.origin
    }

    /// Sends a request whose address begins with its path.
    ///
    /// # Errors
    /// [`ApiServerError`]; an answer that refuses is none.
    pub async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Body>, ApiServerError> {
        self.guard.check_literal(&self.origin.host).map_err(HttpError::from)?;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let wrong = || ApiServerError::Path(parts.uri.path().to_owned());
        if !path.starts_with('/') {
            return Err(wrong());
        }
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|_cause| wrong())?;
        if Endpoint::of(&url)? != self.origin {
            return Err(wrong());
        }
        let mut sent = Request::new(parts.method, url);
        *sent.headers_mut() = parts.headers;
        if let Some(value) = self.authorization()? {
            sent.headers_mut().insert(AUTHORIZATION, value);
        }
        if !body.is_empty() {
            *sent.body_mut() = Some(body.into());
        }
        let answer = tokio::time::timeout(BEGINNING, self.client.execute(sent)).await;
        let answer: Response = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(failed(&self.origin, error, &self.options).into()),
            Err(_elapsed) => {
                let origin = self.origin.clone();
                return Err(HttpError::Timeout { origin, after: BEGINNING }.into());
            }
        };
        Ok(answer.into())
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, ApiServerError> {
        let path = match &self.token {
            None => return Ok(None),
            Some(BearerToken::Fixed(token)) => return bearer(token.reveal()).map(Some),
            Some(BearerToken::File(path)) => path,
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, value)) = &*read
            && since.elapsed() < TOKEN_AGE
        {
            return Ok(Some(value.clone()));
        }
        let failed = |source| ApiServerError::TokenFile { path: path.clone(), source };
        if std::fs::metadata(path).map_err(failed)?.len() > LARGEST_TOKEN {
            return Err(failed(std::io::Error::other("it is too large to be a token")));
        }
        let value = bearer(&std::fs::read_to_string(path).map_err(failed)?)?;
        *read = Some((Instant::now(), value.clone()));
        Ok(Some(value))
    }
}

fn bearer(token: &str) -> Result<HeaderValue, ApiServerError> {
    let token = token.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiServerError::Token);
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_cause| ApiServerError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}
