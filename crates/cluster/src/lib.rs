//! What runs where: the containers of Kubernetes clusters.
//!
//! In: the document that `kubectl get pods --all-namespaces -o json` prints. Out: [`Workload`]s, one per container, with
//! the application that each belongs to and the digest that runs. Watching a cluster live comes on top of this.

mod pod_list;

pub use pod_list::{
    LARGEST_DOCUMENT, LONGEST_TEXT, MOST_CONTAINERS, MOST_OBJECTS, Workload, WorkloadError,
    parse_pod_list,
};
