//! A pod list: `kubectl get pods --all-namespaces -o json`.
//!
//! In: the JSON of a `PodList`, of a `List` of pods, or of one `Pod`. Out: sorted [`Workload`]s.

use plimsoll_model::Digest;

/// One container of a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Workload {
    /// Namespace in the cluster.
    pub namespace: String,
    /// Application: label `app.kubernetes.io/name`, else `app`, else the controlling owner (a deployment's name without
    /// its replica set's hash), else the pod.
    pub app: String,
    /// Pod.
    pub pod: String,
    /// Container in the pod; init and ephemeral ones too.
    pub container: String,
    /// Image as it is written in the pod.
    pub image: String,
    /// What runs: a manifest's, an index's or a configuration's digest; `None` before the pull.
    pub digest: Option<Digest>,
}

/// Why a document is not a pod list.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// Not JSON, or not of the shape that Kubernetes writes.
    #[error("pod list")]
    Json(#[source] serde_json::Error),
    /// Another kind of object.
    #[error(
        "pod list: the document is a `{0}`, expected a PodList; make it with `kubectl get pods --all-namespaces -o json`"
    )]
    Kind(String),
    /// Too large.
    #[error("pod list: {what} is {found}, at most {limit} are read")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

/// Reads a pod list.
///
/// # Errors
/// The document is too large, is no JSON, or is of another kind.
pub fn parse_pod_list(json: &[u8]) -> Result<Vec<Workload>, WorkloadError> {
    todo!("{}", json.len())
}
