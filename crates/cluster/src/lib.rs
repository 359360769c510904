//! What runs where: the containers of Kubernetes clusters.
//!
//! In: the document that `kubectl get pods --all-namespaces -o json` prints; or a cluster's API, which is watched. Out:
//! [`Workload`]s, one per container, with the application that each belongs to and the digest that runs. Odd: how requests
//! travel is the caller's matter ([`Transport`]), because credentials and addresses are guarded in one place, which is not here.

#[cfg(feature = "watch")]
mod bounded;
#[cfg(feature = "watch")]
mod kubeconfig;
#[cfg(feature = "watch")]
mod objects;
#[cfg(feature = "watch")]
mod picture;
mod pod;
mod pod_list;
#[cfg(feature = "watch")]
mod transport;
#[cfg(feature = "watch")]
mod watch;

#[cfg(feature = "watch")]
pub use kubeconfig::{ClusterAccess, KubeconfigError, read_kubeconfig};
#[cfg(feature = "watch")]
pub use picture::{Changes, PodName};
pub use pod::{LONGEST_TEXT, MOST_CONTAINERS, Workload, WorkloadError};
pub use pod_list::{LARGEST_DOCUMENT, MOST_OBJECTS, parse_pod_list};
#[cfg(feature = "watch")]
pub use transport::{ClusterApi, ClusterError, ClusterIdentity, Transport};
#[cfg(feature = "watch")]
pub use watch::ClusterWatch;
