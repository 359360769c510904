//! Images that a Docker daemon keeps, through its socket.
//!
//! In: the daemon's address as `DOCKER_HOST` says it, and the name or id of an image. Out: the image as `docker save` would
//! write it. Source: Docker Engine API (`/_ping`, `/images/{name}/json`, `/images/{name}/get`), which podman's service speaks,
//! too. Odd: a name without a tag would save every tag of it, so that images are saved by the id that the daemon gives for
//! the name; bytes are passed on as they come and read elsewhere.

use std::{
    fmt,
    io::{self, Write},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;

use crate::{
    endpoint::Endpoint,
    http::{self, HttpClient, HttpError},
    reach::Guard,
};

/// Bytes of an answer about one image.
const MAX_DOCUMENT: usize = 8 << 20;
/// Characters of a daemon's own words.
const MAX_WORDS: usize = 300;
/// The newest version of the interface that we know; calls that are used here have been the same since 1.21.
const NEWEST: (u32, u32) = (1, 51);
/// A daemon may pack an image before it sends the first byte.
const SILENCE: Duration = Duration::from_secs(10 * 60);

/// Where a daemon listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DaemonAddress {
    /// At a socket of this machine: `unix:///var/run/docker.sock`.
    Socket(PathBuf),
    /// At a port, without encryption: `tcp://127.0.0.1:2375`.
    Port(Endpoint),
}

impl FromStr for DaemonAddress {
    type Err = DaemonError;

    fn from_str(text: &str) -> Result<Self, DaemonError> {
        let bad = |problem: &str| DaemonError::Address {
            address: text.to_owned(),
            problem: problem.to_owned(),
        };
        match text.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Socket(path.into())),
            Some(("tcp" | "http", host)) => {
                let endpoint = Endpoint::parse(&format!("http://{host}"), true);
                endpoint.map(Self::Port).map_err(|error| bad(&error.to_string()))
            }
            Some((scheme, _)) => Err(bad(&format!("`{scheme}` is not spoken"))),
            None => Err(bad("it has no scheme")),
        }
    }
}

impl fmt::Display for DaemonAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{}", path.display()),
            Self::Port(endpoint) => write!(f, "tcp://{}", endpoint.authority()),
        }
    }
}

/// Why a daemon did not give an image.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// An address that is not spoken to.
    #[error("daemon address `{address}`: {problem}")]
    Address {
        /// As said.
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Nobody listens.
    #[error("no daemon answers at `{address}`: {reason}")]
    Absent {
        /// Where.
        address: DaemonAddress,
        /// What the system says.
        reason: String,
    },
    /// The socket is another user's.
    #[error("the daemon's socket `{0}` may not be opened by this user")]
    Permission(DaemonAddress),
    /// There is no such image.
    #[error("the daemon at `{address}` has no image `{name}`{words}")]
    NoImage {
        /// Where.
        address: DaemonAddress,
        /// As asked for.
        name: String,
        /// The daemon's own words, with a leading `: `; may be empty.
        words: String,
    },
    /// Another answer than that it is well.
    #[error("the daemon at `{address}` answered {status} for `{name}`{words}")]
    Status {
        /// Where.
        address: DaemonAddress,
        /// The image.
        name: String,
        /// HTTP status.
        status: u16,
        /// The daemon's own words, with a leading `: `; may be empty.
        words: String,
    },
    /// An answer that no such daemon gives, or that ends early.
    #[error("the daemon at `{address}`: {problem}")]
    Answer {
        /// Where.
        address: DaemonAddress,
        /// What is wrong with it.
        problem: String,
    },
    /// More bytes than may be read of an image.
    #[error("image `{name}` has more than {limit} bytes (`max_unpacked_bytes`)")]
    TooLarge {
        /// The image.
        name: String,
        /// The limit.
        limit: u64,
    },
    /// The image cannot be put where it shall lie.
    #[error("the image cannot be put down on this machine")]
    Write(#[source] io::Error),
    /// The client cannot be set up.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl DaemonError {
    /// What the operator can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Address { .. } => {
                "`DOCKER_HOST` is unix:///PATH or tcp://HOST:PORT; a daemon elsewhere is reached by \
                 `ssh -L /tmp/docker.sock:/var/run/docker.sock HOST`"
            }
            Self::Absent { .. } => {
                "is it running? `DOCKER_HOST` says where else it listens; images of podman are said as \
                 containers-storage:IMAGE"
            }
            Self::Permission(_) => {
                "members of the group `docker` may (and are as good as root); or \
                 `sudo docker save IMAGE > image.tar`, which can be scanned"
            }
            Self::NoImage { .. } => {
                "`docker images` lists what there is; a registry's image is said without docker-daemon:"
            }
            Self::TooLarge { .. } => "`--budget max_unpacked_bytes=…` raises the limit",
            Self::Write(_) => "`TMPDIR` says in which folder images are put down",
            _ => return None,
        })
    }
}

/// A Docker daemon, or who speaks like one.
#[derive(Clone, Debug)]
pub struct Daemon {
    address: DaemonAddress,
    client: reqwest::Client,
    base: Url,
}

/// What a daemon says of an image.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct DaemonImage {
    /// By which it is saved: `sha256:…`.
    #[serde(rename = "Id")]
    pub id: String,
    /// Bytes of its layers; 0 when not said.
    #[serde(rename = "Size", default)]
    pub size: u64,
}

impl Daemon {
    /// A client for the daemon at an address; nothing is sent yet.
    ///
    /// # Errors
    /// [`DaemonError::Http`] when the client cannot be set up.
    pub fn new(address: DaemonAddress, http: &HttpClient) -> Result<Self, DaemonError> {
        let text = match &address {
            DaemonAddress::Socket(_) => "http://docker".to_owned(),
            DaemonAddress::Port(endpoint) => format!("http://{}", endpoint.authority()),
        };
        let base = Url::parse(&text).map_err(|error| DaemonError::Address {
            address: address.to_string(),
            problem: error.to_string(),
        })?;
        let client = client(http, &address)?;
        Ok(Self { address, client, base })
    }

    /// What the daemon says of an image.
    ///
    /// # Errors
    /// [`DaemonError`].
    pub async fn image(&self, name: &str) -> Result<DaemonImage, DaemonError> {
        let version = self.version().await?;
        let url = self.url(version.as_deref(), name, "json")?;
        let answer = self.get(url, name).await?;
        let bytes = self.document(answer).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            self.answer(format!("what it says of `{name}` is not understood: {error}"))
        })
    }

    /// Writes an image as `docker save` does and returns how many bytes it has.
    ///
    /// # Errors
    /// [`DaemonError`]; what was written by then is not the whole image.
    pub async fn save(
        &self,
        image: &DaemonImage,
        limit: u64,
        output: &mut (dyn Write + Send),
    ) -> Result<u64, DaemonError> {
        let version = self.version().await?;
        let url = self.url(version.as_deref(), &image.id, "get")?;
        let mut answer = self.get(url, &image.id).await?;
        let mut written = 0_u64;
        while let Some(piece) = answer.chunk().await.map_err(|error| self.failed(error))? {
            written = written.saturating_add(piece.len() as u64);
            if written > limit {
                return Err(DaemonError::TooLarge { name: image.id.clone(), limit });
            }
            output.write_all(&piece).map_err(DaemonError::Write)?;
        }
        output.flush().map_err(DaemonError::Write)?;
        Ok(written)
    }

    /// The version of the interface to be used: the newest that both know; `None` lets the daemon choose.
    async fn version(&self) -> Result<Option<String>, DaemonError> {
        let mut url = self.base.clone();
        url.set_path("/_ping");
        let answer = self.client.get(url).send().await.map_err(|error| self.failed(error))?;
        let stated = answer.headers().get("Api-Version").and_then(|value| value.to_str().ok());
        let theirs = stated.and_then(|text| {
            let (major, minor) = text.split_once('.')?;
            Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
        });
        Ok(theirs.map(|theirs| {
            let (major, minor) = theirs.min(NEWEST);
            format!("v{major}.{minor}")
        }))
    }

    fn url(&self, version: Option<&str>, name: &str, what: &str) -> Result<Url, DaemonError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut path) => {
                path.pop_if_empty();
                path.extend(version).push("images").extend(name.split('/')).push(what);
            }
            Err(()) => return Err(self.answer("its address has no path".to_owned())),
        }
        Ok(url)
    }

    async fn get(&self, url: Url, name: &str) -> Result<Response, DaemonError> {
        let answer = self.client.get(url).send().await.map_err(|error| self.failed(error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let bytes = self.document(answer).await.unwrap_or_default();
        let (address, name, words) = (self.address.clone(), name.to_owned(), words(&bytes));
        Err(match status {
            StatusCode::NOT_FOUND => DaemonError::NoImage { address, name, words },
            status => DaemonError::Status { address, name, status: status.as_u16(), words },
        })
    }

    async fn document(&self, mut answer: Response) -> Result<Vec<u8>, DaemonError> {
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.failed(error))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MAX_DOCUMENT {
                return Err(self.answer(format!("it says more than {MAX_DOCUMENT} bytes")));
            }
        }
        Ok(bytes)
    }

    fn answer(&self, problem: String) -> DaemonError {
        DaemonError::Answer { address: self.address.clone(), problem }
    }

    fn failed(&self, error: reqwest::Error) -> DaemonError {
        let address = self.address.clone();
        let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
        let kind = http::find::<io::Error>(&error).map(io::Error::kind);
        let reason = http::reason(error);
        match kind {
            Some(io::ErrorKind::PermissionDenied) if is_connect => DaemonError::Permission(address),
            _ if is_connect => DaemonError::Absent { address, reason },
            _ if is_timeout => {
                DaemonError::Answer { address, problem: "it took too long".to_owned() }
            }
            _ => DaemonError::Answer { address, problem: format!("it broke off: {reason}") },
        }
    }
}

fn client(http: &HttpClient, address: &DaemonAddress) -> Result<reqwest::Client, HttpError> {
    let options = http.options();
    let builder = match address {
        DaemonAddress::Socket(path) => {
            http.builder(&Guard::new("docker", options.allow_private)).unix_socket(path.as_path())
        }
        DaemonAddress::Port(endpoint) => {
            let guard = Guard::new(&endpoint.host, options.allow_private);
            guard.check_literal(&endpoint.host)?;
            http.builder(&guard)
        }
    };
    let builder = builder.read_timeout(SILENCE).timeout(options.transfer_timeout);
    builder.build().map_err(|error| HttpError::Setup(http::reason(error)))
}

/// The daemon's own words, as text from outside.
fn words(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let Ok(said) = serde_json::from_slice::<Said>(bytes) else { return String::new() };
    let is_shown = |c: &char| !c.is_control();
    let text: String = said.message.chars().filter(is_shown).take(MAX_WORDS).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_docker_host() {
        for text in ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375"] {
            assert_eq!(text.parse::<DaemonAddress>().unwrap().to_string(), text);
        }
        for text in ["ssh://host", "npipe:////./pipe/docker", "/var/run/docker.sock", "unix://x"] {
            let error = text.parse::<DaemonAddress>().unwrap_err();
            assert!(error.hint().is_some(), "{error}");
        }
    }

    #[tokio::test]
    async fn a_daemon_that_is_not_there_is_named_with_the_remedy() {
        let http = HttpClient::new(crate::HttpOptions::default()).unwrap();
        let address: DaemonAddress = "unix:///nonexistent/docker.sock".parse().unwrap();
        let error = Daemon::new(address, &http).unwrap().image("debian").await.unwrap_err();
        assert!(matches!(error, DaemonError::Absent { .. }), "{error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("DOCKER_HOST")));
    }
}
