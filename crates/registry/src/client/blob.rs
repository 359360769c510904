//! Blobs: small ones into memory, layers as a stream that survives cut connections.
//!
//! In: repository, digest and size out of a manifest. Out: bytes in order, each once. Source: OCI distribution-spec,
//! "Pulling blobs"; RFC 9110 §14 (ranges).
//!
//! Odd: a layer is read by synchronous code while the network is asynchronous: a task of the runtime fetches and a
//! bounded channel hands over, so a slow reader slows the download instead of filling memory. A resumed transfer may be
//! answered with the whole blob again (status 200): what was read already is skipped then. The digest is checked by
//! whoever reads (`plimsoll_image::read_blob`), over the bytes of all attempts together.

use std::io::{self, Read};

use bytes::Bytes;
use plimsoll_image::Descriptor;
use plimsoll_model::Digest;
use reqwest::{
    StatusCode,
    header::{CONTENT_RANGE, HeaderValue, RANGE},
};
use tokio::{runtime::Handle, sync::mpsc};

use super::{RegistryClient, manifest::digest_of};
use crate::{
    access::Scope,
    error::RegistryError,
    http::{Answer, Call, HttpError},
};

/// Pieces between network and reader: at most a few MiB per layer.
const PIECES: usize = 8;
/// How often one transfer is taken up again in all, however much each attempt brings.
const MAX_ATTEMPTS: u32 = 100;

impl RegistryClient {
    /// A small blob, such as a configuration, checked against its descriptor.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Digest`] when the bytes are others, [`HttpError::TooLarge`] inside
    /// [`RegistryError::Http`] when there are more than `limit`.
    pub async fn blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        limit: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        let expected = descriptor.digest;
        let url = self.repository_url(repository, &["blobs", &expected.to_string()])?;
        let scope = Scope::Pull(repository.to_owned());
        let (_, bytes) = self.document(self.access(), &scope, Call::get(url), limit).await?;
        let actual = digest_of(&bytes);
        let what = format!("blob `{repository}@{expected}`");
        if actual != expected {
            return Err(RegistryError::Digest {
                registry: self.registry(),
                what,
                expected,
                actual,
            });
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size != descriptor.size {
            let stated = descriptor.size;
            return Err(
                self.protocol(what, format!("it has {size} bytes, the manifest says {stated}"))
            );
        }
        Ok(bytes)
    }

    /// Starts to fetch a blob on `runtime`; the reader is for threads outside of it (or `spawn_blocking`), because it
    /// blocks. `size` is what the manifest states, 0 for unknown. Dropping the reader ends the transfer.
    #[must_use]
    pub fn blob_reader(
        &self,
        repository: &str,
        digest: Digest,
        size: u64,
        runtime: &Handle,
    ) -> BlobReader {
        let (pieces, receiver) = mpsc::channel(PIECES);
        let transfer = Transfer {
            client: self.clone(),
            repository: repository.to_owned(),
            digest,
            size,
            position: 0,
            is_part: false,
            pieces,
        };
        runtime.spawn(transfer.run());
        BlobReader { receiver, piece: Bytes::new(), is_done: false }
    }

    /// As [`blob_reader`](Self::blob_reader), for `length` bytes from `offset` on.
    ///
    /// A registry that does not send parts is
    /// an error of the reader; nothing more than the part is fetched then.
    #[must_use]
    pub fn part_reader(
        &self,
        repository: &str,
        digest: Digest,
        offset: u64,
        length: u64,
        runtime: &Handle,
    ) -> BlobReader {
        let (pieces, receiver) = mpsc::channel(PIECES);
        let transfer = Transfer {
            client: self.clone(),
            repository: repository.to_owned(),
            digest,
            size: offset.saturating_add(length),
            position: offset,
            is_part: true,
            pieces,
        };
        runtime.spawn(transfer.run());
        BlobReader { receiver, piece: Bytes::new(), is_done: false }
    }
}

/// What the transfer hands over.
enum Piece {
    Bytes(Bytes),
    End,
    Failed(RegistryError),
}

struct Transfer {
    client: RegistryClient,
    repository: String,
    digest: Digest,
    /// Where it ends; 0 when that is unknown.
    size: u64,
    position: u64,
    /// Whether it ends within the blob, or began within it.
    is_part: bool,
    pieces: mpsc::Sender<Piece>,
}

/// Why an attempt ended.
enum Attempt {
    Complete,
    /// Nobody reads any more.
    Abandoned,
}

impl Transfer {
    async fn run(mut self) {
        let client = self.client.clone();
        let outcome = client.within(client.options().transfer_timeout, self.attempts()).await;
        let last = match outcome {
            Ok(Attempt::Complete) => Piece::End,
            Ok(Attempt::Abandoned) => return,
            Err(error) => Piece::Failed(error),
        };
        // Nobody may be there to hear how it ended.
        drop(self.pieces.send(last).await);
    }

    async fn attempts(&mut self) -> Result<Attempt, RegistryError> {
        let options = self.client.options().clone();
        let (mut pause, mut fruitless) = (options.retry_pause, 0);
        for _attempt in 0..MAX_ATTEMPTS {
            let before = self.position;
            let error = match self.attempt().await {
                Ok(ended) => return Ok(ended),
                Err(error) => error,
            };
            if self.position > before {
                (fruitless, pause) = (0, options.retry_pause);
            }
            fruitless += 1;
            if !error.is_temporary() || fruitless > options.retries {
                return Err(error);
            }
            tracing::debug!(blob = %self.digest, position = self.position, %error, "blob resume");
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(options.max_wait);
        }
        Err(self.cut("the transfer was cut too often".into()))
    }

    async fn attempt(&mut self) -> Result<Attempt, RegistryError> {
        let url =
            self.client.repository_url(&self.repository, &["blobs", &self.digest.to_string()])?;
        let mut call = Call::get(url);
        if self.position > 0 || self.is_part {
            let last =
                if self.is_part { self.size.saturating_sub(1).to_string() } else { String::new() };
            let range = HeaderValue::from_str(&format!("bytes={}-{last}", self.position))
                .map_err(|error| self.protocol(error.to_string()))?;
            call.headers.insert(RANGE, range);
        }
        let scope = Scope::Pull(self.repository.clone());
        let mut answer = self.client.success(self.client.access(), &scope, call).await?;
        let mut skip = self.to_skip(&answer)?;
        while let Some(mut piece) =
            answer.chunk().await.map_err(|source| self.client.http(source))?
        {
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            let skipped = skip.min(length);
            skip -= skipped;
            let piece = piece.split_off(usize::try_from(skipped).unwrap_or(usize::MAX));
            if piece.is_empty() {
                continue;
            }
            self.position += length - skipped;
            if self.size > 0 && self.position > self.size {
                return Err(self.protocol(format!(
                    "it goes on after the {} bytes that the manifest states",
                    self.size
                )));
            }
            if self.pieces.send(Piece::Bytes(piece)).await.is_err() {
                return Ok(Attempt::Abandoned);
            }
        }
        if skip > 0 || self.position < self.size {
            let problem = format!("the blob ended after {} of {} bytes", self.position, self.size);
            return Err(self.cut(problem));
        }
        Ok(Attempt::Complete)
    }

    /// How many bytes of the answer were read before: none of a range that starts where we are, all so far of a whole
    /// blob.
    fn to_skip(&self, answer: &Answer) -> Result<u64, RegistryError> {
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            if self.is_part {
                return Err(self.protocol("it sends no parts of blobs".to_owned()));
            }
            return Ok(self.position);
        }
        let stated = answer.header(CONTENT_RANGE.as_str()).unwrap_or_default();
        let start = stated
            .strip_prefix("bytes ")
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(start, _)| start.trim().parse::<u64>().ok());
        if start == Some(self.position) && (self.position > 0 || self.is_part) {
            return Ok(0);
        }
        Err(self.protocol(format!(
            "bytes from {} on were asked for, the answer is the range `{stated}`",
            self.position
        )))
    }

    fn protocol(&self, problem: String) -> RegistryError {
        self.client.protocol(format!("blob `{}@{}`", self.repository, self.digest), problem)
    }

    fn cut(&self, reason: String) -> RegistryError {
        self.client.http(HttpError::Cut { origin: self.client.endpoint().clone(), reason })
    }
}

/// A blob's bytes for synchronous code. Blocks: not for asynchronous tasks.
#[derive(Debug)]
pub struct BlobReader {
    receiver: mpsc::Receiver<Piece>,
    piece: Bytes,
    is_done: bool,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.is_done {
            match self.receiver.blocking_recv() {
                Some(Piece::Bytes(piece)) => self.piece = piece,
                Some(Piece::End) => self.is_done = true,
                Some(Piece::Failed(error)) => return Err(io::Error::other(error)),
                None => return Err(io::Error::other("the transfer was stopped")),
            }
        }
        let count = buffer.len().min(self.piece.len());
        let head = self.piece.split_to(count);
        if let Some(target) = buffer.get_mut(..count) {
            target.copy_from_slice(&head);
        }
        Ok(count)
    }
}
