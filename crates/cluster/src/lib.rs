//! What runs where: the containers of Kubernetes clusters.
//!
//! In: the document that `kubectl get pods --all-namespaces -o json` prints; or a cluster's API, which is watched. Out:
//! [`Workload`]s, one per container, with the application that each belongs to and the digest that runs. Odd: how requests
//! travel is the caller's matter ([`Transport`]), because credentials and addresses are guarded in one place, which is not here.

mod bounded;
mod kubeconfig;
mod objects;
mod picture;
mod pod;
mod pod_list;
mod transport;
mod watch;

pub use kubeconfig::{ClusterAccess, KubeconfigError, read_kubeconfig};
pub use picture::{Changes, PodName};
pub use pod::{LONGEST_TEXT, MOST_CONTAINERS, Workload, WorkloadError};
pub use pod_list::{LARGEST_DOCUMENT, MOST_OBJECTS, parse_pod_list};
pub use transport::{ClusterApi, ClusterError, ClusterIdentity, Transport};
pub use watch::ClusterWatch;
