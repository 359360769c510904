//! Talking to one registry by the OCI distribution protocol.
//!
//! In: an endpoint, an account or none. Out: lists of repositories and tags, manifests whose digest was checked, blobs.
//! Source: OCI distribution-spec 1.1 ("Pull", "Content Discovery"), Docker's registry API (`_catalog`).
//!
//! Odd: `tags` may be `null`; the catalog is missing on many registries (404, 401 or 405: name repositories instead); a
//! list may come in pages of fewer entries than asked for; 429 may say when to come back, in seconds or as a date.

mod blob;
mod listing;
mod manifest;
mod pulls;

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use plimsoll_model::{ImageReference, Secret};
use reqwest::{
    Method, Url,
    header::{DATE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE},
};

use self::pulls::Pulls;
pub use self::{
    blob::BlobReader,
    manifest::{FetchedManifest, Visibility},
    pulls::PullLimit,
};
use crate::{
    access::{Access, Scope},
    challenge,
    endpoint::{Credentials, Endpoint},
    error::RegistryError,
    http::{Answer, Call, HttpClient, HttpError, HttpOptions, Session},
};

/// An error document is read up to here; the rest of it is not worth anything.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// The body of `GET /v2/`: `{}`, or nothing, or a page for people who open the address.
const MAX_PING_BYTES: u64 = 1 << 20;

/// When Docker Hub's API lets one in again, in seconds since 1970.
const X_RETRY_AFTER: &str = "x-retry-after";

/// A registry, spoken to with one account or anonymously. Cheap to clone; clones share connections and tokens.
#[derive(Clone, Debug)]
pub struct RegistryClient {
    session: Session,
    access: Arc<Access>,
    anonymous: Arc<Access>,
    pulls: Arc<Pulls>,
}

impl RegistryClient {
    /// A client for `endpoint`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`RegistryError::Http`] when no HTTP client can be set up.
    pub fn new(
        endpoint: Endpoint,
        credentials: Option<Credentials>,
        http: &HttpClient,
    ) -> Result<Self, RegistryError> {
        Self::with_access(endpoint, Access::new(credentials), http)
    }

    /// A client for `endpoint` that sends a token which somebody else fetched for us, and asks for no other.
    ///
    /// # Errors
    /// [`RegistryError::Http`] when no HTTP client can be set up.
    pub fn with_bearer(
        endpoint: Endpoint,
        token: Secret<String>,
        http: &HttpClient,
    ) -> Result<Self, RegistryError> {
        Self::with_access(endpoint, Access::with_bearer(token), http)
    }

    fn with_access(
        endpoint: Endpoint,
        access: Access,
        http: &HttpClient,
    ) -> Result<Self, RegistryError> {
        let session =
            http.session(&endpoint).map_err(|source| RegistryError::http(&endpoint, source))?;
        let anonymous = Arc::new(Access::new(None));
        Ok(Self { session, access: Arc::new(access), anonymous, pulls: Arc::default() })
    }

    /// The registry's endpoint.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        self.session.home()
    }

    /// Whether the registry answers and lets the account in.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::NotFound`] when something else than a registry answers.
    pub async fn ping(&self) -> Result<(), RegistryError> {
        let call = Call::get(self.url(&["v2", ""])?);
        self.document(&self.access, &Scope::Ping, call, MAX_PING_BYTES).await.map(drop)
    }

    /// A URL at the registry. Each segment is encoded by itself, so no name can reach another path.
    pub(crate) fn url(&self, segments: &[&str]) -> Result<Url, RegistryError> {
        let bad = || RegistryError::Name(segments.join("/"));
        let mut url = Url::parse(&self.endpoint().to_string()).map_err(|_cause| bad())?;
        url.path_segments_mut().map_err(|()| bad())?.clear().extend(segments);
        Ok(url)
    }

    /// A URL below a repository, whose name is checked.
    pub(crate) fn repository_url(
        &self,
        repository: &str,
        rest: &[&str],
    ) -> Result<Url, RegistryError> {
        if !ImageReference::is_repository(repository) {
            return Err(RegistryError::Name(repository.to_owned()));
        }
        let segments: Vec<&str> = std::iter::once("v2")
            .chain(repository.split('/'))
            .chain(rest.iter().copied())
            .collect();
        self.url(&segments)
    }

    pub(crate) fn options(&self) -> &HttpOptions {
        self.session.options()
    }

    pub(crate) const fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// Sends `call` and turns every answer that is not success into an error.
    pub(crate) async fn success(
        &self,
        access: &Access,
        scope: &Scope,
        call: Call,
    ) -> Result<Answer, RegistryError> {
        let answer = self.patient(access, scope, call).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.failure(access, scope, answer).await)
    }

    /// [`success`](Self::success) with the body read, all within the time limit for documents.
    pub(crate) async fn document(
        &self,
        access: &Access,
        scope: &Scope,
        call: Call,
        limit: u64,
    ) -> Result<(HeaderMap, Vec<u8>), RegistryError> {
        let exchange = async {
            let answer = self.success(access, scope, call).await?;
            let headers = answer.headers().clone();
            let body = answer.body(limit).await.map_err(|source| self.http(source))?;
            Ok((headers, body))
        };
        self.within(self.options().document_timeout, exchange).await
    }

    pub(crate) async fn within<T>(
        &self,
        after: Duration,
        exchange: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        match tokio::time::timeout(after, exchange).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => {
                Err(self.http(HttpError::Timeout { origin: self.endpoint().clone(), after }))
            }
        }
    }

    /// Sends `call`, waits out short rate limits and meets one challenge.
    async fn patient(
        &self,
        access: &Access,
        scope: &Scope,
        mut call: Call,
    ) -> Result<Answer, RegistryError> {
        call.authorization = access.authorization(scope);
        let (mut has_met, mut repeats) = (false, 0);
        loop {
            let answer = self.session.send(&call).await.map_err(|source| self.http(source))?;
            // A stranger's limit is another one.
            if std::ptr::eq(access, self.access.as_ref()) {
                self.pulls.note(answer.headers());
            }
            match answer.status().as_u16() {
                401 if !has_met => {
                    has_met = true;
                    let challenges = answer
                        .headers()
                        .get_all(WWW_AUTHENTICATE)
                        .iter()
                        .filter_map(|value| value.to_str().ok());
                    let challenges = challenge::parse(challenges);
                    let met = access.meet(&self.session, scope, &challenges).await?;
                    if met.is_none() {
                        return Ok(answer);
                    }
                    call.authorization = met;
                }
                429 | 503 if repeats < self.options().retries => {
                    let Some(pause) = pause(self.options(), answer.headers(), repeats) else {
                        return Ok(answer);
                    };
                    repeats += 1;
                    tokio::time::sleep(pause).await;
                }
                _ => return Ok(answer),
            }
        }
    }

    /// What an answer that is not success means.
    pub(crate) async fn failure(
        &self,
        access: &Access,
        scope: &Scope,
        answer: Answer,
    ) -> RegistryError {
        let registry = self.registry();
        let what = scope.describe();
        let status = answer.status().as_u16();
        let retry_after = retry_after(answer.headers());
        let body = answer.body(MAX_ERROR_BYTES).await.unwrap_or_default();
        let message = access.message_of(&body);
        match status {
            401 | 403 => {
                RegistryError::Refused { registry, who: access.who(), what, status, message }
            }
            404 => {
                // The repository is there; it is the tag or digest that is not.
                let is_manifest = message.contains("MANIFEST_UNKNOWN");
                let what = if is_manifest { format!("such tag or digest in {what}") } else { what };
                RegistryError::NotFound { registry, what, message }
            }
            429 => RegistryError::RateLimited { registry, what, retry_after, message },
            503 if retry_after.is_some() => {
                RegistryError::RateLimited { registry, what, retry_after, message }
            }
            _ => RegistryError::Status { registry, what, status, message },
        }
    }

    /// The endpoint, as errors carry it.
    pub(crate) fn registry(&self) -> Box<Endpoint> {
        Box::new(self.endpoint().clone())
    }

    pub(crate) fn http(&self, source: HttpError) -> RegistryError {
        RegistryError::http(self.endpoint(), source)
    }

    pub(crate) fn protocol(&self, what: String, problem: impl Into<String>) -> RegistryError {
        RegistryError::Protocol { registry: self.registry(), what, problem: problem.into() }
    }

    pub(crate) fn head(url: Url) -> Call {
        Call::new(Method::HEAD, url)
    }
}

/// How long to wait before repeating a request; `None` when that is too long to wait here.
pub(crate) fn pause(options: &HttpOptions, headers: &HeaderMap, repeats: u32) -> Option<Duration> {
    let pause = retry_after(headers)
        .unwrap_or_else(|| options.retry_pause.saturating_mul(2_u32.saturating_pow(repeats)));
    (pause <= options.max_wait).then_some(pause)
}

/// `Retry-After` in either form, or `X-Retry-After`, a point in time as Docker Hub sends it. Points in time count from the
/// answer's own `Date`, so that no clock of ours is needed.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let sent = || httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok();
    let Some(text) = headers.get(RETRY_AFTER) else {
        let seconds = headers.get(X_RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        let until = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
        return Some(until.duration_since(sent()?).unwrap_or_default());
    };
    let text = text.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(sent()?).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let headers = |retry: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            headers
        };
        let now = Some("Wed, 25 Nov 2026 01:00:00 GMT");
        for (retry, date, wanted) in [
            ("7", None, Some(7)),
            ("Wed, 25 Nov 2026 01:01:30 GMT", now, Some(90)),
            ("Wed, 25 Nov 2026 00:59:00 GMT", now, Some(0)),
            ("Wed, 25 Nov 2026 01:01:30 GMT", None, None),
            ("soon", now, None),
            ("-1", now, None),
        ] {
            let wanted = wanted.map(Duration::from_secs);
            assert_eq!(retry_after(&headers(retry, date)), wanted, "{retry}");
        }
    }

    #[test]
    fn docker_hubs_point_in_time_counts_from_the_answers_own_date() {
        let now = "Wed, 25 Nov 2026 01:00:00 GMT";
        let noon = httpdate::parse_http_date(now).unwrap();
        let seconds = noon.duration_since(UNIX_EPOCH).unwrap().as_secs();
        for (until, date, wanted) in [
            (seconds + 42, Some(now), Some(42)),
            (seconds - 1, Some(now), Some(0)),
            (u64::MAX, Some(now), None),
            (seconds + 42, None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(X_RETRY_AFTER, until.to_string().parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            assert_eq!(retry_after(&headers), wanted.map(Duration::from_secs), "{until}");
        }
    }
}
