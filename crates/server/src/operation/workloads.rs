//! What runs in a cluster.
//!
//! In: the pod list that `kubectl get pods --all-namespaces -o json` prints. Out: the cluster's workloads, replaced as a
//! whole. Odd: an empty pod list forgets the cluster.

use plimsoll_cluster::parse_pod_list;
use plimsoll_model::Timestamp;
use plimsoll_store::{Store, Workload};
use serde::{Deserialize, Serialize};

use super::{OperationError, error_chain};

/// What an import did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImportedWorkloads {
    /// The cluster.
    pub cluster_id: String,
    /// Containers in the list.
    pub containers: u64,
    /// Of them, those that run an image of a known registry.
    pub known: u64,
    /// Whether anything is different from before.
    pub changed: bool,
}

/// Replaces the workloads of a cluster by those of a pod list.
///
/// # Errors
/// The id or the document cannot be, or the database fails.
pub async fn import_workloads(
    store: &Store,
    cluster_id: &str,
    pod_list: &[u8],
    now: Timestamp,
) -> Result<ImportedWorkloads, OperationError> {
    if cluster_id.is_empty() || cluster_id.len() > 128 || cluster_id.chars().any(char::is_control) {
        let why = "expected 1 to 128 characters, none of them a control character";
        return Err(OperationError::invalid("cluster_id", why));
    }
    if store.has_cluster_connection(cluster_id).await? {
        let why = "this cluster is watched; `plimsoll cluster remove` ends that";
        return Err(OperationError::invalid("cluster_id", why));
    }
    let parsed = parse_pod_list(pod_list);
    let parsed = parsed.map_err(|error| OperationError::invalid("pods", error_chain(&error)))?;
    let workloads: Vec<Workload> = parsed.into_iter().map(stored).collect();
    let changed = store.replace_workloads(cluster_id, &workloads, now).await?;
    let known = store.clusters().await?.into_iter().find(|cluster| cluster.id == cluster_id);
    Ok(ImportedWorkloads {
        cluster_id: cluster_id.to_owned(),
        containers: u64::try_from(workloads.len()).unwrap_or(u64::MAX),
        known: known.map_or(0, |cluster| cluster.known),
        changed,
    })
}

/// A container as the store knows it.
pub(crate) fn stored(workload: plimsoll_cluster::Workload) -> Workload {
    Workload {
        namespace: workload.namespace,
        app: workload.app,
        pod: workload.pod,
        container: workload.container,
        image: workload.image,
        digest: workload.digest,
        detail: workload.detail,
    }
}
