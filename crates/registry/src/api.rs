//! A vendor's own API beside its registry: JSON documents, asked for with one account.
//!
//! In: the API's endpoint and, per request, a URL with at most one credential. Out: documents, read with a cap and a time
//! limit; errors as the registry's own are. Source: RFC 9110 (429, Retry-After), RFC 8288 (`Link`).
//!
//! Odd:
//! * A list's next page is an address that the server writes: it must lie at the page's own origin ([`crate::paging`]),
//!   and a list has a last page whatever the server says ([`Bounds`]).
//! * Error texts of the JSON parser may repeat a piece of the document, so that documents with tokens are read by
//!   [`Api::secret`], which keeps them to itself.

mod numbered;

use std::{collections::BTreeSet, time::Duration};

use plimsoll_model::Secret;
use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LINK},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::Instant};

pub(crate) use self::numbered::Numbered;
use crate::{
    client::{pause, retry_after},
    endpoint::Endpoint,
    error::{RegistryError, message_of, message_without, secrets_in},
    http::{Call, HttpClient, Session},
    paging::{self, MAX_PAGES},
};

/// One document of an API: a page of a list at most.
const MAX_DOCUMENT_BYTES: u64 = 16 << 20;
/// Entries of one list; more are refused.
const MAX_ENTRIES: usize = 1_000_000;

/// An API, spoken to with one account or anonymously.
#[derive(Debug)]
pub(crate) struct Api {
    session: Session,
    /// For messages: who asks.
    who: String,
    /// What no message says, besides what stands in a request's `Authorization`.
    secrets: Vec<Secret<String>>,
    pace: Option<Pace>,
}

/// Leaves at least `interval` between two requests.
#[derive(Debug)]
struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Api {
    /// An API at `endpoint`, which `who` asks: ``the account `ci` `` or `anonymous access`.
    pub(crate) fn new(
        endpoint: &Endpoint,
        who: String,
        http: &HttpClient,
    ) -> Result<Self, RegistryError> {
        let session =
            http.session(endpoint).map_err(|source| RegistryError::http(endpoint, source))?;
        Ok(Self { session, who, secrets: Vec::new(), pace: None })
    }

    /// The same, whose messages do not say these, should the API repeat them.
    pub(crate) fn concealing(mut self, secrets: impl IntoIterator<Item = Secret<String>>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// The same, at most one request an `interval`.
    pub(crate) fn paced(mut self, interval: Duration) -> Self {
        self.pace = Some(Pace { interval, next: Mutex::new(Instant::now()) });
        self
    }

    /// Where it answers.
    pub(crate) const fn endpoint(&self) -> &Endpoint {
        self.session.home()
    }

    /// A URL at the API. Each segment is encoded by itself, so no name can reach another path.
    pub(crate) fn url(&self, segments: &[&str]) -> Result<Url, RegistryError> {
        let bad = || RegistryError::Name(segments.join("/"));
        // `.` and `..` would be taken for steps.
        if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
            return Err(bad());
        }
        let mut url = Url::parse(&self.endpoint().to_string()).map_err(|_cause| bad())?;
        url.path_segments_mut().map_err(|()| bad())?.clear().extend(segments);
        Ok(url)
    }

    /// The document that `call` asks for; `what` says it in messages: `the list of projects`.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        call: Call,
        what: &str,
    ) -> Result<T, RegistryError> {
        self.page(call, what).await.map(|(_, document)| document)
    }

    /// [`json`](Self::json) with the headers of the answer.
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        call: Call,
        what: &str,
    ) -> Result<(HeaderMap, T), RegistryError> {
        let (headers, body) = self.success(|| Ok(call.clone()), what).await?;
        let document = serde_json::from_slice(&body)
            .map_err(|error| self.protocol(what, format!("the answer: {error}")))?;
        Ok((headers, document))
    }

    /// [`json`](Self::json) of requests that are made anew each time: signatures that count once only.
    pub(crate) async fn signed<T: DeserializeOwned>(
        &self,
        make: impl Fn() -> Result<Call, RegistryError> + Send,
        what: &str,
    ) -> Result<T, RegistryError> {
        let (_, body) = self.success(make, what).await?;
        // The answer may hold a token, so that what cannot be read of it is not repeated.
        serde_json::from_slice(&body).map_err(|error| {
            let at = (error.line(), error.column());
            self.protocol(
                what,
                format!("the answer is not such a document (line {}, column {})", at.0, at.1),
            )
        })
    }

    /// A document that holds a secret: what cannot be read of it is not repeated.
    pub(crate) async fn secret<T: DeserializeOwned>(
        &self,
        call: Call,
        what: &str,
    ) -> Result<T, RegistryError> {
        let (_, body) = self.success(|| Ok(call.clone()), what).await?;
        serde_json::from_slice(&body)
            .map_err(|_cause| self.protocol(what, "the answer is not such a document"))
    }

    /// A request that changes something, and whose answer says nothing but that it is done.
    pub(crate) async fn done(&self, call: Call, what: &str) -> Result<(), RegistryError> {
        self.success(|| Ok(call.clone()), what).await.map(drop)
    }

    /// All entries of a list whose pages are joined by `Link` headers, in the order of the pages.
    pub(crate) async fn linked<T: DeserializeOwned>(
        &self,
        first: Call,
        what: &str,
    ) -> Result<Vec<T>, RegistryError> {
        let (mut call, mut entries, mut bounds) = (first, Vec::new(), Bounds::default());
        loop {
            bounds.page(self, &call.url, what)?;
            let url = call.url.clone();
            let template = call.clone();
            let (headers, page): (_, Vec<T>) = self.page(call, what).await?;
            bounds.entries(self, page.len(), what)?;
            entries.extend(page);
            let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
            match paging::next(links, &url) {
                Ok(Some(next)) => call = Call { url: next, ..template },
                Ok(None) => return Ok(entries),
                Err(error) => return Err(self.protocol(what, error.to_string())),
            }
        }
    }

    async fn success(
        &self,
        make: impl Fn() -> Result<Call, RegistryError> + Send,
        what: &str,
    ) -> Result<(HeaderMap, Vec<u8>), RegistryError> {
        let (sent, (status, headers, body)) = self.patient(make).await?;
        if status.is_success() {
            return Ok((headers, body));
        }
        let sent = secrets_in(sent.as_ref());
        let own = self.secrets.iter().map(|secret| secret.reveal().as_str());
        let message = message_without(&body, own.chain(sent.iter().map(String::as_str)));
        Err(self.failure(status, &headers, &body, message, what))
    }

    /// Sends a request and waits out short rate limits. Returns what it was authorized with, too.
    async fn patient(
        &self,
        make: impl Fn() -> Result<Call, RegistryError> + Send,
    ) -> Result<(Option<HeaderValue>, (StatusCode, HeaderMap, Vec<u8>)), RegistryError> {
        let options = self.session.options();
        let mut repeats = 0;
        loop {
            if let Some(pace) = &self.pace {
                pace.wait().await;
            }
            let mut call = make()?;
            call.headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
            let answer = self.session.document(&call, MAX_DOCUMENT_BYTES).await;
            let answer = answer.map_err(|source| RegistryError::http(self.endpoint(), source))?;
            let is_limit = answer.0.as_u16() == 503 || is_throttled(answer.0, &answer.2);
            let may_repeat = is_limit && repeats < options.retries;
            match pause(options, &answer.1, repeats).filter(|_| may_repeat) {
                Some(pause) => {
                    repeats += 1;
                    tokio::time::sleep(pause).await;
                }
                None => return Ok((call.authorization, answer)),
            }
        }
    }

    fn failure(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        message: String,
        what: &str,
    ) -> RegistryError {
        let (registry, what) = (Box::new(self.endpoint().clone()), what.to_owned());
        let retry_after = retry_after(headers);
        match status.as_u16() {
            // GitHub says 403 where others say 429.
            403 if retry_after.is_some() || is_used_up(headers) => {
                RegistryError::RateLimited { registry, what, retry_after, message }
            }
            status @ (401 | 403) => {
                RegistryError::Refused { registry, who: self.who.clone(), what, status, message }
            }
            404 => RegistryError::NotFound { registry, what, message },
            _ if is_throttled(status, body) => {
                RegistryError::RateLimited { registry, what, retry_after, message }
            }
            503 if retry_after.is_some() => {
                RegistryError::RateLimited { registry, what, retry_after, message }
            }
            status => RegistryError::Status { registry, what, status, message },
        }
    }

    /// An answer that is not what the API's documentation says.
    pub(crate) fn protocol(&self, what: &str, problem: impl Into<String>) -> RegistryError {
        RegistryError::Protocol {
            registry: Box::new(self.endpoint().clone()),
            what: what.to_owned(),
            problem: problem.into(),
        }
    }
}

/// Whether an answer means "too fast". Alibaba Cloud and Amazon say it with 400 and a code.
fn is_throttled(status: StatusCode, body: &[u8]) -> bool {
    let code = message_of(body);
    status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::BAD_REQUEST && code.starts_with(": Throttling"))
}

/// Whether a limit's remainder is nought.
fn is_used_up(headers: &HeaderMap) -> bool {
    headers.get("x-ratelimit-remaining").is_some_and(|left| left.as_bytes() == b"0")
}

impl Pace {
    async fn wait(&self) {
        let mut next = self.next.lock().await;
        tokio::time::sleep_until(*next).await;
        *next = Instant::now() + self.interval;
    }
}

/// A request with a JSON body.
pub(crate) fn post_json(url: Url, body: &impl Serialize) -> Result<Call, RegistryError> {
    with_json(Method::POST, Call::get(url), body)
}

/// The same request with another method and a JSON body.
pub(crate) fn with_json(
    method: Method,
    mut call: Call,
    body: &impl Serialize,
) -> Result<Call, RegistryError> {
    call.method = method;
    call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = serde_json::to_vec(body);
    call.body = Some(body.map_err(|error| RegistryError::Name(error.to_string()))?);
    Ok(call)
}

/// What one list may have.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    seen: BTreeSet<String>,
    entries: usize,
}

impl Bounds {
    /// Before a page is asked for: no page comes twice, and there are not too many.
    pub(crate) fn page(&mut self, api: &Api, url: &Url, what: &str) -> Result<(), RegistryError> {
        self.step(api, url.as_str(), what)
    }

    /// The same for pages that are told apart by a number or a token.
    pub(crate) fn step(&mut self, api: &Api, page: &str, what: &str) -> Result<(), RegistryError> {
        if !self.seen.insert(page.to_owned()) {
            return Err(api.protocol(what, "the list's pages lead in a circle"));
        }
        if self.seen.len() > MAX_PAGES {
            return Err(api.protocol(what, format!("the list has over {MAX_PAGES} pages")));
        }
        Ok(())
    }

    /// After a page came: there are not too many entries.
    pub(crate) fn entries(
        &mut self,
        api: &Api,
        entries: usize,
        what: &str,
    ) -> Result<(), RegistryError> {
        self.entries = self.entries.saturating_add(entries);
        if self.entries > MAX_ENTRIES {
            return Err(api.protocol(what, format!("the list has over {MAX_ENTRIES} entries")));
        }
        Ok(())
    }
}
