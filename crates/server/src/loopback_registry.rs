//! A read-only image registry inside this process, on the loopback interface.
//!
//! In: manifests and blobs in memory. Out: the read half of the distribution API, so that the demo and the tests find
//! real images without a network, an account or another program. Source: OCI distribution-spec, "Pull" and "Content
//! discovery"; `_catalog` is Docker's. Odd: it records what it was asked, because "an unchanged tag causes no request"
//! can be seen only from this side.

mod answer;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
};

use axum::Router;
use plimsoll_image::build::BuiltImage;
use plimsoll_model::Digest;
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinHandle,
};

use crate::sha256::sha256;

/// Media type of a single platform's manifest.
pub(crate) const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What the registry holds. Clones share the content, so that it can change while it is served.
#[derive(Clone, Debug)]
pub struct LoopbackRegistry {
    content: Arc<RwLock<Content>>,
    blobs: Arc<watch::Sender<Blobs>>,
    asked: Arc<Notify>,
}

/// How blobs are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Blobs {
    /// As they are.
    #[default]
    Serve,
    /// With 500, as by a registry in trouble.
    Fail,
    /// Not until this changes, as by a registry behind a slow network.
    Hold,
}

#[derive(Default, Debug)]
struct Content {
    repositories: BTreeMap<String, Repository>,
    blobs: BTreeMap<Digest, Arc<[u8]>>,
    requests: Vec<String>,
}

#[derive(Default, Debug)]
struct Repository {
    tags: BTreeMap<String, Digest>,
    manifests: BTreeMap<Digest, (String, Arc<[u8]>)>,
}

impl Default for LoopbackRegistry {
    fn default() -> Self {
        Self::new()
    }
}

/// A registry that is being served. Dropping it ends the service.
#[derive(Debug)]
pub struct LoopbackHandle {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl LoopbackRegistry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self {
            content: Arc::default(),
            blobs: Arc::new(watch::channel(Blobs::default()).0),
            asked: Arc::default(),
        }
    }

    /// Adds an image under a tag, which moves if it exists.
    pub fn put(&self, repository: &str, tag: &str, image: &BuiltImage) {
        self.put_blob(image.config.as_slice());
        for (_, layer) in &image.layers {
            self.put_blob(layer.as_slice());
        }
        self.put_manifest(repository, Some(tag), IMAGE_MANIFEST, &image.manifest);
    }

    /// Adds a manifest or an index, with or without a tag. Returns its digest.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: &[u8],
    ) -> Digest {
        let digest = sha256(bytes);
        self.change(|content| {
            let repository = content.repositories.entry(repository.to_owned()).or_default();
            repository.manifests.insert(digest, (media_type.to_owned(), bytes.into()));
            if let Some(tag) = tag {
                repository.tags.insert(tag.to_owned(), digest);
            }
        });
        digest
    }

    /// Adds a configuration or a layer. Returns its digest.
    pub fn put_blob(&self, bytes: &[u8]) -> Digest {
        let digest = sha256(bytes);
        self.change(|content| content.blobs.insert(digest, bytes.into()));
        digest
    }

    /// Removes a tag; its manifest stays.
    pub fn remove_tag(&self, repository: &str, tag: &str) {
        self.change(|content| {
            if let Some(repository) = content.repositories.get_mut(repository) {
                repository.tags.remove(tag);
            }
        });
    }

    /// From now on blobs are answered like this, those that are held included.
    pub fn answer_blobs(&self, how: Blobs) {
        self.blobs.send_replace(how);
    }

    /// Returns when something with `part` in its address has been asked for.
    pub async fn asked_for(&self, part: &str) {
        loop {
            let asked = self.asked.notified();
            if self.read(|content| content.requests.iter().any(|request| request.contains(part))) {
                return;
            }
            asked.await;
        }
    }

    /// What was asked since the last call, as `GET /v2/…`.
    pub fn take_requests(&self) -> Vec<String> {
        self.change(|content| std::mem::take(&mut content.requests))
    }

    /// The service, to be mounted or called.
    pub fn router(&self) -> Router {
        answer::router(self.clone())
    }

    /// Serves on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn serve(&self) -> std::io::Result<LoopbackHandle> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = self.router();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "loopback registry ended");
            }
        });
        Ok(LoopbackHandle { address, task })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> T {
        change(&mut self.content.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<T>(&self, read: impl FnOnce(&Content) -> T) -> T {
        read(&self.content.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LoopbackHandle {
    /// `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it answers.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for LoopbackHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
