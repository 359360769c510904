//! A cluster's API: who it is, over a transport that somebody else guards.
//!
//! In: [`Transport`]. Out: [`ClusterApi`], by which the cluster's id is read and its pods are watched. Source: the crate
//! `kube`. Odd: a cluster has no id of its own; the one of its namespace `kube-system` lives as long as it does, and everybody
//! who asks gets the same.

use std::{
    collections::BTreeSet,
    error::Error,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response};
use kube::{Api, Client, client::Body, core::response::Status};
use tower::BoxError;
use uuid::Uuid;

use crate::{bounded::Bounded, objects::WatchedNamespace};

/// Sends requests to one API server. The addresses of requests have no host: they begin with the path.
pub trait Transport: Clone + Send + Sync + 'static {
    /// Of answers.
    type Body: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
    /// Why there is none.
    type Error: Error + Send + Sync + 'static;

    /// Sends one request, with its credential.
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send;
}

/// Who a cluster is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterIdentity {
    /// `c` and 32 hex digits, of the id of its namespace `kube-system`.
    pub id: String,
    /// Kubernetes' version: `v1.33.2`.
    pub version: String,
}

/// Why a cluster did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The credential is not known there.
    #[error("the API server does not accept the credential: {0}")]
    Unauthorized(String),
    /// The account may not do what is needed.
    #[error("the account may not {what}: {why}; docs/clusters.md shows the role that it needs")]
    Forbidden {
        /// What it may not.
        what: &'static str,
        /// What the API server says.
        why: String,
    },
    /// Anything else.
    #[error("{what}: {why}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// What came back.
        why: String,
    },
}

/// The API of one cluster.
#[derive(Clone)]
pub struct ClusterApi {
    client: Client,
    answered: Answered,
}

/// Paths that were answered well since somebody forgot them: what was wrong there is so no more.
#[derive(Clone, Default)]
pub(crate) struct Answered(Arc<Mutex<BTreeSet<String>>>);

impl Answered {
    fn note(&self, path: &str) {
        let mut paths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !paths.contains(path) {
            paths.insert(path.to_owned());
        }
    }

    pub(crate) fn forget(&self, path: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }
}

impl ClusterApi {
    /// The API behind a transport. To be called where tokio runs.
    pub fn new(transport: impl Transport) -> Self {
        let answered = Answered::default();
        let noted = answered.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (transport, noted) = (transport.clone(), noted.clone());
            async move {
                let (parts, body) = request.into_parts();
                let query = parts.uri.query().unwrap_or_default();
                let is_watch =
                    query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1");
                let path = parts.uri.path().to_owned();
                let body = body.collect_bytes().await.map_err(BoxError::from)?.to_vec();
                let sent = transport.send(Request::from_parts(parts, body)).await;
                let answer = sent.map_err(BoxError::from)?;
                if answer.status().is_success() {
                    noted.note(&path);
                }
                Ok::<_, BoxError>(answer.map(|body| Bounded::new(body, is_watch)))
            }
        });
        Self { client: Client::new(service, "default"), answered }
    }

    pub(crate) const fn answered(&self) -> &Answered {
        &self.answered
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Asks the cluster who it is.
    ///
    /// # Errors
    /// It does not answer, does not know the account, or does not let it read what is needed.
    pub async fn identify(&self) -> Result<ClusterIdentity, ClusterError> {
        let namespaces: Api<WatchedNamespace> = Api::all(self.client.clone());
        let what = "read the namespace `kube-system`";
        let namespace = namespaces.get_metadata("kube-system").await;
        let namespace = namespace.map_err(|error| refusal(what, &error))?;
        let uid = namespace.metadata.uid.filter(|uid| !uid.is_empty());
        let uid = uid.ok_or_else(|| ClusterError::Failed {
            what,
            why: "the namespace has no `uid`; that is no Kubernetes API".to_owned(),
        })?;
        let version = self.client.apiserver_version().await;
        let version = version.map_err(|error| refusal("read its version", &error))?;
        Ok(ClusterIdentity { id: cluster_id(&uid), version: version.git_version })
    }
}

/// `c` and the 32 hex digits of a UID, which is a UUID; of anything else the UUID that is made of it.
fn cluster_id(uid: &str) -> String {
    let uuid =
        Uuid::parse_str(uid).unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, uid.as_bytes()));
    format!("c{}", uuid.simple())
}

fn refusal(what: &'static str, error: &kube::Error) -> ClusterError {
    let why = words(error);
    match error {
        kube::Error::Api(status) if status.code == 401 => ClusterError::Unauthorized(why),
        kube::Error::Api(status) if status.code == 403 => ClusterError::Forbidden { what, why },
        _ => ClusterError::Failed { what, why },
    }
}

/// An error in words for people: what the API server says, or the innermost cause.
pub(crate) fn words(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return status_words(status);
    }
    let mut innermost: &dyn Error = error;
    while let Some(next) = innermost.source() {
        innermost = next;
    }
    innermost.to_string()
}

pub(crate) fn status_words(status: &Status) -> String {
    if status.message.is_empty() {
        format!("it answered {}", status.code)
    } else {
        format!("{} ({})", status.message, status.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_known_by_a_uid() {
        assert_eq!(
            cluster_id("80f79959-fd72-4a88-8e11-87779b130001"),
            "c80f79959fd724a888e1187779b130001"
        );
        let other = cluster_id("no uuid");
        assert_eq!((other.len(), other.starts_with('c')), (33, true));
        assert_eq!(other, cluster_id("no uuid"));
        assert_ne!(other, cluster_id("another"));
    }
}
