//! Feed files to disk: fetched once in full, then only when they changed.
//!
//! In: a URL, a target file. Out: the file, complete, or the old one untouched. Source: RFC 9110 §13 (`ETag`,
//! `If-None-Match`, `If-Modified-Since`), §14 (`Range`, `If-Range`).
//!
//! Odd:
//! * What is fetched lies beside the target (`<target>.part`) until it is whole; only then it takes the target's name, so
//!   a cut download never replaces a good file. What was cut is taken up where it ended, by a later call too.
//! * `<target>.origin` remembers address and validators. Simple file servers send `Last-Modified` only.
//! * Whether the content is a good feed is for the importer to say; this only sees to it that it is whole.

pub mod feed;
mod files;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    StatusCode, Url,
    header::{
        CONTENT_RANGE, ETAG, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
        LAST_MODIFIED, RANGE,
    },
};

use self::files::{Files, Origin};
use crate::{
    endpoint::Endpoint,
    http::{Answer, Call, HttpClient, HttpError, Session},
};

/// How a download ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The target is new, with this many bytes.
    Fetched(u64),
    /// The server says that the target is still current.
    Current,
}

/// How far a download is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Bytes that are there, those of earlier attempts included.
    pub received: u64,
    /// Bytes of the whole file, if the server says.
    pub total: Option<u64>,
}

/// Why a file was not downloaded. The target is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The address is not one.
    #[error("`{0}` is not an http or https address")]
    Url(String),
    /// No answer, or not a whole one.
    #[error("downloading `{name}`: {source}")]
    Http {
        /// The file, by the last part of its address.
        name: String,
        /// What failed.
        source: HttpError,
    },
    /// The server has no such file, or does not give it.
    #[error("downloading `{name}`: `{origin}` answered {status}")]
    Status {
        /// The file, by the last part of its address.
        name: String,
        /// Who was asked.
        origin: Endpoint,
        /// HTTP status.
        status: u16,
    },
    /// Larger than such a file may be.
    #[error("downloading `{name}`: it has more than {limit} bytes")]
    TooLarge {
        /// The file, by the last part of its address.
        name: String,
        /// The limit.
        limit: u64,
    },
    /// An answer that breaks the protocol.
    #[error("downloading `{name}`: {problem}")]
    Protocol {
        /// The file, by the last part of its address.
        name: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The file could not be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Downloads `url` to `target` unless the server says that `target` is current.
///
/// `url` was given by the operator, so it may lie on this machine or in a private network, and may be plain http.
///
/// # Errors
/// [`DownloadError`]; the target is then as it was.
pub async fn download(
    http: &HttpClient,
    url: &str,
    target: &Path,
    limit: u64,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Outcome, DownloadError> {
    let (url, home) = address(url)?;
    let name = name_of(&url);
    let failed = |source| DownloadError::Http { name: name.clone(), source };
    let session = http.session(&home).map_err(failed)?;
    let files = Files::new(target);
    let download = Download { session, url, name: name.clone(), files, limit };
    let after = http.options().transfer_timeout;
    match tokio::time::timeout(after, download.run(progress)).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(failed(HttpError::Timeout { origin: home, after })),
    }
}

/// Forgets what a file came from, because it was changed here: the next download asks for all of it.
///
/// # Errors
/// [`DownloadError::File`].
pub async fn forget_origin(target: &Path) -> Result<(), DownloadError> {
    Files::new(target).forget_origin().await
}

/// Reads a small text file, such as a list of names.
///
/// # Errors
/// [`DownloadError`].
pub async fn text(http: &HttpClient, url: &str, limit: u64) -> Result<String, DownloadError> {
    let (url, home) = address(url)?;
    let name = name_of(&url);
    let failed = |source| DownloadError::Http { name: name.clone(), source };
    let session = http.session(&home).map_err(failed)?;
    let (status, _, body) = session.document(&Call::get(url), limit).await.map_err(failed)?;
    if status != StatusCode::OK {
        return Err(DownloadError::Status { name, origin: home, status: status.as_u16() });
    }
    String::from_utf8(body).map_err(|_error| DownloadError::Protocol {
        name: name.clone(),
        problem: "it is not UTF-8 text".into(),
    })
}

fn address(text: &str) -> Result<(Url, Endpoint), DownloadError> {
    // A password in the address must not come back in a message.
    let shown = text.rsplit('@').next().unwrap_or_default();
    let bad = || DownloadError::Url(shown.to_owned());
    let url = Url::parse(text).map_err(|_cause| bad())?;
    let home = Endpoint::of(&url).map_err(|_cause| bad())?;
    Ok((url, home))
}

fn name_of(url: &Url) -> String {
    let segments = url.path().rsplit('/').take(2).collect::<Vec<_>>();
    let name = segments.into_iter().rev().collect::<Vec<_>>().join("/");
    name.replace("%20", " ")
}

struct Download {
    session: Session,
    url: Url,
    name: String,
    files: Files,
    limit: u64,
}

/// What one attempt came to.
enum Attempt {
    Done(Outcome),
    /// The part is of no use: start again without it.
    Restart,
}

impl Download {
    async fn run(
        &self,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Outcome, DownloadError> {
        let options = self.session.options().clone();
        let (mut pause, mut fruitless, mut furthest) = (options.retry_pause, 0, 0);
        loop {
            let error = match self.attempt(progress).await {
                Ok(Attempt::Done(outcome)) => return Ok(outcome),
                Ok(Attempt::Restart) => {
                    self.files.forget_part().await?;
                    None
                }
                Err(error) if is_temporary(&error) => Some(error),
                Err(error) => return Err(error),
            };
            let position = self.files.part_length().await?;
            if position > furthest {
                (furthest, fruitless, pause) = (position, 0, options.retry_pause);
            }
            fruitless += 1;
            if fruitless > options.retries {
                return Err(error.unwrap_or_else(|| self.protocol("it changes while it is read")));
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(Duration::from_secs(10));
        }
    }

    async fn attempt(
        &self,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Attempt, DownloadError> {
        let call = self.call().await?;
        let is_resumed = call.headers.contains_key(RANGE);
        let answer = self.session.send(&call).await.map_err(|source| self.http(source))?;
        match answer.status() {
            StatusCode::OK => self.receive(answer, 0, progress).await,
            StatusCode::PARTIAL_CONTENT if is_resumed => {
                let start = self.files.part_length().await?;
                let stated = answer.header(CONTENT_RANGE.as_str()).unwrap_or_default();
                if !stated.starts_with(&format!("bytes {start}-")) {
                    return Ok(Attempt::Restart);
                }
                self.receive(answer, start, progress).await
            }
            StatusCode::NOT_MODIFIED if !is_resumed => Ok(Attempt::Done(Outcome::Current)),
            StatusCode::RANGE_NOT_SATISFIABLE if is_resumed => Ok(Attempt::Restart),
            status => Err(DownloadError::Status {
                name: self.name.clone(),
                origin: self.session.home().clone(),
                status: status.as_u16(),
            }),
        }
    }

    /// A request for what is missing: the rest of a part, else the file if it changed.
    async fn call(&self) -> Result<Call, DownloadError> {
        let mut call = Call::get(self.url.clone());
        let value = |text: &str| HeaderValue::from_str(text).ok();
        let part = self.files.part_origin(self.url.as_str()).await;
        let length = self.files.part_length().await?;
        if let Some(validator) = part.as_ref().and_then(Origin::strong)
            && length > 0
            && let (Some(range), Some(validator)) =
                (value(&format!("bytes={length}-")), value(validator))
        {
            call.headers.insert(RANGE, range);
            call.headers.insert(IF_RANGE, validator);
            return Ok(call);
        }
        let Some(origin) = self.files.target_origin(self.url.as_str()).await else {
            return Ok(call);
        };
        if let Some(etag) = origin.etag.as_deref().and_then(value) {
            call.headers.insert(IF_NONE_MATCH, etag);
        } else if let Some(modified) = origin.last_modified.as_deref().and_then(value) {
            call.headers.insert(IF_MODIFIED_SINCE, modified);
        }
        Ok(call)
    }

    async fn receive(
        &self,
        mut answer: Answer,
        start: u64,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Attempt, DownloadError> {
        let total = answer.length().map(|length| length.saturating_add(start));
        if total.is_some_and(|total| total > self.limit) {
            return Err(self.too_large());
        }
        let origin = Origin {
            url: self.url.to_string(),
            etag: answer.header(ETAG.as_str()).map(str::to_owned),
            last_modified: answer.header(LAST_MODIFIED.as_str()).map(str::to_owned),
        };
        let mut part = self.files.open_part(start, &origin).await?;
        let mut received = start;
        progress(Progress { received, total });
        loop {
            let piece = match answer.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(source) => {
                    // What came so far is worth keeping: the next attempt goes on behind it.
                    part.finish().await?;
                    return Err(self.http(source));
                }
            };
            received = received.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if received > self.limit {
                self.files.forget_part().await?;
                return Err(self.too_large());
            }
            part.write(&piece).await?;
            progress(Progress { received, total });
        }
        part.finish().await?;
        if let Some(total) = total.filter(|total| *total != received) {
            let reason = format!("the file ended after {received} of {total} bytes");
            return Err(self.http(HttpError::Cut { origin: self.session.home().clone(), reason }));
        }
        self.files.publish().await?;
        Ok(Attempt::Done(Outcome::Fetched(received)))
    }

    fn http(&self, source: HttpError) -> DownloadError {
        DownloadError::Http { name: self.name.clone(), source }
    }

    fn too_large(&self) -> DownloadError {
        DownloadError::TooLarge { name: self.name.clone(), limit: self.limit }
    }

    fn protocol(&self, problem: &str) -> DownloadError {
        DownloadError::Protocol { name: self.name.clone(), problem: problem.into() }
    }
}

fn is_temporary(error: &DownloadError) -> bool {
    match error {
        DownloadError::Http { source, .. } => matches!(
            source,
            HttpError::Connect { .. } | HttpError::Timeout { .. } | HttpError::Cut { .. }
        ),
        DownloadError::Status { status, .. } => matches!(status, 429 | 500 | 502..=504),
        _ => false,
    }
}
