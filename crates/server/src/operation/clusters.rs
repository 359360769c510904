//! Clusters: adding, listing, removing; and the way to their APIs.
//!
//! In: a credential, or the account of this process where it runs in the cluster. Out: rows, never with a credential. Odd: a
//! cluster is asked who it is before it is added, so that what cannot be reached is refused at once, and the same cluster under
//! two names is noticed; a server that runs in a cluster finds the account where Kubernetes puts it.

use std::path::PathBuf;

use plimsoll_cluster::{ClusterAccess, ClusterApi, ClusterIdentity, Transport};
use plimsoll_model::{Secret, Timestamp};
use plimsoll_registry::{ApiServer, ApiServerBody, ApiServerError, ApiServerSettings, BearerToken};
use plimsoll_store::{
    Cluster, ClusterConnection, ClusterConnectionError, NewClusterConnection, Store,
};
use serde::{Deserialize, Serialize};

use super::{OperationError, error_chain};

/// A cluster to add. There is no `Debug`: it holds a credential.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddCluster {
    /// What people call it.
    pub name: String,
    /// How its API is reached; none: this process runs in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<ClusterAccess>,
    /// Whether it runs in the cluster that is meant; either this or `access`.
    #[serde(default)]
    pub in_cluster: bool,
    /// Whether address and credential of a cluster that is there already are exchanged.
    #[serde(default)]
    pub replace: bool,
}

/// One cluster.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClusterView {
    /// `ClusterId`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where its API is; none: it is not watched, and somebody else tells of it.
    pub server: Option<String>,
    /// Whether it is watched from within.
    pub in_cluster: bool,
    /// Kubernetes' version, when it was added.
    pub version: Option<String>,
    /// Containers.
    pub containers: u64,
    /// Of them, those that run an image of a known registry.
    pub known: u64,
    /// When its workloads last changed.
    pub updated: Timestamp,
    /// Whether a process watches it now.
    pub watched: bool,
    /// What is wrong at the moment.
    pub problem: Option<String>,
}

/// All clusters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClusterList {
    /// By id.
    pub clusters: Vec<ClusterView>,
}

/// A cluster that was removed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RemovedCluster {
    /// Its id.
    pub id: String,
}

/// The account that Kubernetes gives to whoever runs in it.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Where the API is.
    pub server: String,
    /// Where `token` and `ca.crt` lie.
    pub folder: PathBuf,
}

impl Default for ServiceAccount {
    fn default() -> Self {
        Self {
            server: "https://kubernetes.default.svc".to_owned(),
            folder: PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount"),
        }
    }
}

impl ServiceAccount {
    /// Whether this process has it.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.folder.join("token").exists()
    }

    fn settings(&self) -> Result<ApiServerSettings, String> {
        let path = self.folder.join("ca.crt");
        let ca_pem = std::fs::read_to_string(&path)
            .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        Ok(ApiServerSettings {
            server: self.server.clone(),
            ca_pem: Some(ca_pem),
            identity_pem: None,
            token: Some(BearerToken::File(self.folder.join("token"))),
        })
    }
}

/// One API server as the crate `cluster` speaks to it.
#[derive(Clone)]
struct Way(ApiServer);

impl Transport for Way {
    type Body = ApiServerBody;
    type Error = ApiServerError;

    async fn send(
        &self,
        request: axum::http::Request<Vec<u8>>,
    ) -> Result<axum::http::Response<ApiServerBody>, ApiServerError> {
        self.0.send(request).await
    }
}

/// The API of a cluster; nothing is sent. `None`: from within.
pub(crate) fn cluster_api(
    access: Option<&ClusterAccess>,
    account: &ServiceAccount,
) -> Result<ClusterApi, String> {
    let settings = match access {
        None => account.settings()?,
        Some(access) => ApiServerSettings {
            server: access.server.clone(),
            ca_pem: access.ca_pem.clone(),
            identity_pem: match (&access.certificate_pem, &access.key_pem) {
                (Some(certificate), Some(key)) => {
                    Some(Secret::new(format!("{}\n{key}", certificate.trim_end())))
                }
                (None, None) => None,
                _ => return Err("certificate and key belong together, and one is missing".into()),
            },
            token: access.token.clone().map(|token| BearerToken::Fixed(Secret::new(token))),
        },
    };
    let server = ApiServer::new(settings).map_err(|error| error_chain(&error))?;
    Ok(ClusterApi::new(Way(server)))
}

/// The credential of a cluster as the store keeps it.
pub(crate) fn opened(access: &Secret<String>) -> Result<ClusterAccess, String> {
    serde_json::from_str(access.reveal()).map_err(|_may_hold_a_token| {
        "what is stored of its credential is of another version".into()
    })
}

/// Adds a cluster that is watched from now on.
///
/// # Errors
/// The name or the credential cannot be, the cluster does not answer or is there already, or the database fails.
pub async fn add_cluster(
    store: &Store,
    request: &AddCluster,
    account: &ServiceAccount,
    now: Timestamp,
) -> Result<ClusterView, OperationError> {
    match (&request.access, request.in_cluster) {
        (Some(_), true) | (None, false) => {
            let why = "either a kubeconfig or `in_cluster` says how the cluster is reached";
            return Err(OperationError::invalid("access", why));
        }
        (None, true) if !account.is_there() => {
            let why = format!(
                "this process does not run in a cluster: there is no `{}`; say it to a server that does with `--server URL`, or \
                 give a kubeconfig",
                account.folder.join("token").display()
            );
            return Err(OperationError::invalid("in_cluster", why));
        }
        _ => {}
    }
    let name = request.name.trim();
    let api = cluster_api(request.access.as_ref(), account)
        .map_err(|why| OperationError::invalid("access", why))?;
    let ClusterIdentity { id, version } = api.identify().await.map_err(|error| {
        OperationError::Cluster { name: name.to_owned(), why: error_chain(&error) }
    })?;
    let access = request.access.as_ref().map(serde_json::to_string).transpose();
    let access =
        access.map_err(|_error| OperationError::invalid("access", "it cannot be stored"))?;
    let new = NewClusterConnection {
        cluster_id: id,
        name: name.to_owned(),
        server: match &request.access {
            Some(access) => access.server.clone(),
            None => account.server.clone(),
        },
        access: access.map(Secret::new),
        version,
    };
    let added = store.add_cluster_connection(&new, request.replace, now).await;
    let added = added.map_err(|error| match error {
        ClusterConnectionError::Taken(name) | ClusterConnectionError::Watched(name) => {
            OperationError::Exists { what: "cluster", name }
        }
        ClusterConnectionError::Name => OperationError::invalid("name", error.to_string()),
        ClusterConnectionError::Store(error) => OperationError::Store(error),
    })?;
    tracing::info!(cluster.name = added.name, cluster.id = added.cluster_id, "cluster added");
    let clusters = store.clusters().await?;
    let found = clusters.into_iter().find(|cluster| cluster.id == added.cluster_id);
    let found = found.unwrap_or_else(|| empty(added, now));
    Ok(ClusterView::of(found, now))
}

/// All clusters, watched or not.
///
/// # Errors
/// The database fails.
pub async fn list_clusters(store: &Store, now: Timestamp) -> Result<ClusterList, OperationError> {
    let clusters = store.clusters().await?;
    Ok(ClusterList {
        clusters: clusters.into_iter().map(|one| ClusterView::of(one, now)).collect(),
    })
}

/// Forgets a cluster, by name or id, and what runs there.
///
/// # Errors
/// There is no such cluster, or the database fails.
pub async fn remove_cluster(store: &Store, name: &str) -> Result<RemovedCluster, OperationError> {
    match store.remove_cluster(name).await? {
        Some(id) => {
            tracing::info!(cluster.id = id, "cluster removed");
            Ok(RemovedCluster { id })
        }
        None => Err(OperationError::NotFound { what: "cluster", name: name.to_owned() }),
    }
}

/// One that was removed again meanwhile.
fn empty(connection: ClusterConnection, now: Timestamp) -> Cluster {
    Cluster {
        id: connection.cluster_id.clone(),
        name: connection.name.clone(),
        containers: 0,
        known: 0,
        updated: now,
        connection: Some(connection),
    }
}

impl ClusterView {
    fn of(cluster: Cluster, now: Timestamp) -> Self {
        let connection = cluster.connection.as_ref();
        Self {
            server: connection.map(|one| one.server.clone()),
            in_cluster: connection.is_some_and(|one| one.in_cluster),
            version: connection.map(|one| one.version.clone()),
            watched: connection.is_some_and(|one| is_watched(one, now)),
            problem: connection.and_then(|one| one.problem.clone()),
            id: cluster.id,
            name: cluster.name,
            containers: cluster.containers,
            known: cluster.known,
            updated: cluster.updated,
        }
    }
}

/// Whether some process watches a cluster now.
pub(crate) fn is_watched(connection: &ClusterConnection, now: Timestamp) -> bool {
    connection.watched_until.is_some_and(|until| until > now)
}
