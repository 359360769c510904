//! The one outgoing HTTP client: every request to registries, token services, feeds and servers leaves through it.
//!
//! In: [`HttpOptions`] and, per request, a URL with at most one credential. Out: an answer whose body is read with a cap.
//! Source: RFC 9110 (redirects, ranges, Retry-After), RFC 9112.
//!
//! Odd, and each covered by a test in `tests/hostile.rs`:
//! * Redirects are followed here, not in the library: the credential is dropped for good at the first change of origin
//!   (scheme, host or port), and so are headers that are marked as secrets; a step from https to http is refused, and every
//!   hop passes the address guard of [`crate::reach`].
//! * HTTP/1.1 only. Layers are read as slowly as they are scanned; with HTTP/2 a few stalled layers would use up the
//!   connection's flow-control window and starve every other request to the same host.
//! * Proxies of the environment are not used: configuration is read in one place, and that is not here. One that is configured is
//!   used for everything that its client asks ([`Proxy`]).

mod answer;
mod error;
mod proxy;
mod tls;

use std::{sync::Arc, time::Duration};

use plimsoll_model::Secret;
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect,
};

pub(crate) use self::answer::Answer;
pub use self::error::HttpError;
pub(crate) use self::error::{failed, find, reason};
pub use self::proxy::Proxy;
use crate::{
    endpoint::{Endpoint, Scheme},
    reach::{Guard, Network, check_port},
};

/// How outgoing requests behave. [`HttpOptions::default`] is meant for production.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Certificates (PEM) of authorities or servers that are trusted besides the system's.
    pub ca_pem: Vec<String>,
    /// Whether the machine's own roots are trusted. Default: yes.
    pub system_roots: bool,
    /// Whether configured hosts may be loopback or private. Default: yes; a service for strangers says no.
    pub allow_private: bool,
    /// Networks in which a configured host may be although `allow_private` says no. Default: none.
    pub networks: Vec<Network>,
    /// The proxy that requests go through. Default: none.
    pub proxy: Option<Proxy>,
    /// Limit for establishing a connection, TLS included. Default: 10 s.
    pub connect_timeout: Duration,
    /// Limit for silence while a body is read. Default: 30 s.
    pub read_timeout: Duration,
    /// Limit for a whole document: manifest, list, token. Default: 60 s.
    pub document_timeout: Duration,
    /// Limit for a whole layer or feed, all its attempts together. Default: 30 min.
    pub transfer_timeout: Duration,
    /// Redirects per request. Default: 5.
    pub max_redirects: usize,
    /// How often a request is repeated that was answered with 429 or 503, and how often a cut transfer is taken up again
    /// without a single new byte. Default: 3.
    pub retries: u32,
    /// Pause before a repetition when the server names none; doubles each time. Default: 200 ms.
    pub retry_pause: Duration,
    /// Longest `Retry-After` that is waited for inside a request; a longer one is the caller's to plan. Default: 30 s.
    pub max_wait: Duration,
    /// `User-Agent`. Default: `plimsoll/<version>`.
    pub user_agent: String,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            ca_pem: Vec::new(),
            system_roots: true,
            allow_private: true,
            networks: Vec::new(),
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            document_timeout: Duration::from_secs(60),
            transfer_timeout: Duration::from_secs(30 * 60),
            max_redirects: 5,
            retries: 3,
            retry_pause: Duration::from_millis(200),
            max_wait: Duration::from_secs(30),
            user_agent: concat!("plimsoll/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Options with their certificates read; cheap to clone, shared by any number of endpoints.
#[derive(Clone, Debug)]
pub struct HttpClient {
    options: Arc<HttpOptions>,
    tls: Arc<rustls::ClientConfig>,
}

impl HttpClient {
    /// Reads the certificates.
    ///
    /// # Errors
    /// [`HttpError::Certificate`] when one of the PEM texts holds none.
    pub fn new(options: HttpOptions) -> Result<Self, HttpError> {
        let tls = tls::configuration(&options.ca_pem, options.system_roots)?;
        Ok(Self { options: Arc::new(options), tls: Arc::new(tls) })
    }

    /// The same, which shows servers a certificate of its own.
    pub(crate) fn with_identity(self, pem: &Secret<String>) -> Result<Self, HttpError> {
        let options = &self.options;
        let tls = tls::with_identity(&options.ca_pem, options.system_roots, pem)?;
        Ok(Self { options: self.options, tls: Arc::new(tls) })
    }

    /// The options as given.
    #[must_use]
    pub fn options(&self) -> &HttpOptions {
        &self.options
    }

    /// What all clients have in common.
    pub(crate) fn builder(&self, guard: &Guard) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .tls_backend_preconfigured(rustls::ClientConfig::clone(&self.tls))
            .dns_resolver(guard.clone())
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .connect_timeout(self.options.connect_timeout)
            .read_timeout(self.options.read_timeout)
            .user_agent(&self.options.user_agent)
    }

    /// Opens a session with an endpoint that the operator configured.
    pub(crate) fn session(&self, home: &Endpoint) -> Result<Session, HttpError> {
        let mut guard = Guard::new(&home.host, self.options.allow_private)
            .with_networks(&self.options.networks);
        if let Some(proxy) = &self.options.proxy {
            guard = guard.with_proxy(&proxy.endpoint.host);
        }
        let mut builder = self.builder(&guard);
        if let Some(proxy) = &self.options.proxy {
            builder = builder.proxy(proxy.settings()?);
        }
        let client = builder.build().map_err(|error| HttpError::Setup(reason(error)))?;
        Ok(Session { client, guard, home: home.clone(), options: Arc::clone(&self.options) })
    }
}

/// One request, which may be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// `Authorization`; goes to the origin of `url` and nowhere else.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) body: Option<Vec<u8>>,
    /// Whether it is meant for `url` alone: a signature over the address, say, means nothing elsewhere.
    pub(crate) is_bound: bool,
}

impl Call {
    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            authorization: None,
            body: None,
            is_bound: false,
        }
    }

    fn may_be_redirected(&self) -> bool {
        !self.is_bound && (self.method == Method::GET || self.method == Method::HEAD)
    }
}

/// Requests on behalf of one configured endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    client: reqwest::Client,
    guard: Guard,
    home: Endpoint,
    options: Arc<HttpOptions>,
}

impl Session {
    pub(crate) const fn home(&self) -> &Endpoint {
        &self.home
    }

    pub(crate) fn options(&self) -> &HttpOptions {
        &self.options
    }

    /// Sends `call` and follows its redirects.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, HttpError> {
        let mut url = call.url.clone();
        let mut authorization = call.authorization.as_ref();
        let mut headers = call.headers.clone();
        for _hop in 0..=self.options.max_redirects {
            let origin = self.admit(&url)?;
            let answer = self.exchange(call, &url, &origin, &headers, authorization).await?;
            let Some(target) = self.redirect_target(call, &answer, &url, &origin)? else {
                return Ok(answer);
            };
            let next = Endpoint::of(&target)?;
            if origin.scheme == Scheme::Https && next.scheme == Scheme::Http {
                return Err(HttpError::Downgrade { from: origin, to: next });
            }
            if next != origin {
                authorization = None;
                headers = without_secrets(&headers);
            }
            url = target;
        }
        Err(HttpError::Redirects {
            origin: Endpoint::of(&call.url)?,
            limit: self.options.max_redirects,
        })
    }

    /// Sends `call` and gives up after the limit for documents, the body's reading included.
    pub(crate) async fn document(
        &self,
        call: &Call,
        limit: u64,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), HttpError> {
        let exchange = async {
            let answer = self.send(call).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.body(limit).await?;
            Ok((status, headers, body))
        };
        let after = self.options.document_timeout;
        match tokio::time::timeout(after, exchange).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(HttpError::Timeout { origin: Endpoint::of(&call.url)?, after }),
        }
    }

    /// Checks where a URL leads before anything is sent.
    fn admit(&self, url: &Url) -> Result<Endpoint, HttpError> {
        let origin = Endpoint::of(url)?;
        if origin.scheme == Scheme::Http && self.home.scheme == Scheme::Https {
            return Err(HttpError::Downgrade { from: self.home.clone(), to: origin });
        }
        self.guard.check_literal(&origin.host)?;
        if origin != self.home {
            check_port(&origin)?;
        }
        Ok(origin)
    }

    async fn exchange(
        &self,
        call: &Call,
        url: &Url,
        origin: &Endpoint,
        headers: &HeaderMap,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, HttpError> {
        let mut request =
            self.client.request(call.method.clone(), url.clone()).headers(headers.clone());
        if let Some(value) = authorization {
            let mut value = value.clone();
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        match request.send().await {
            Ok(response) => Ok(Answer::new(response, origin.clone(), self.options.read_timeout)),
            Err(error) => Err(failed(origin, error, &self.options)),
        }
    }

    fn redirect_target(
        &self,
        call: &Call,
        answer: &Answer,
        url: &Url,
        origin: &Endpoint,
    ) -> Result<Option<Url>, HttpError> {
        if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let bad = |problem: &'static str| HttpError::Location { origin: origin.clone(), problem };
        if !call.may_be_redirected() {
            return Err(bad("such a request is not sent on to another address"));
        }
        let location =
            answer.header(LOCATION.as_str()).ok_or_else(|| bad("it names no address"))?;
        let target = url.join(location).map_err(|_cause| bad("the address is not a URL"))?;
        Ok(Some(target))
    }
}

/// Headers that may go to another origin: those that are not marked as secrets.
fn without_secrets(headers: &HeaderMap) -> HeaderMap {
    let is_public = |(_, value): &(&HeaderName, &HeaderValue)| !value.is_sensitive();
    let pair = |(name, value): (&HeaderName, &HeaderValue)| (name.clone(), value.clone());
    headers.iter().filter(is_public).map(pair).collect()
}
