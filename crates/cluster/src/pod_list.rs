//! A pod list: `kubectl get pods --all-namespaces -o json`.
//!
//! In: the JSON of a `PodList`, of a `List`, or of one `Pod`. Out: sorted [`Workload`]s, one per container of a pod that
//! has not ended. Source: Kubernetes API reference, "Pod v1 core". Odd: replica sets, jobs and nodes in the list
//! (`kubectl get pods,replicasets,jobs,nodes`) tell what pods belong to and on which platform they run; objects of other kinds
//! are left out.

use serde::Deserialize;

use crate::pod::{
    Controllers, Metadata, Nodes, PodSpec, PodStatus, Surroundings, Workload, WorkloadError, limit,
    read_pod,
};

/// Largest document that is read, in bytes.
pub const LARGEST_DOCUMENT: usize = 512 << 20;
/// Most objects of a document that are read.
pub const MOST_OBJECTS: usize = 500_000;

/// A list, or one object.
#[derive(Deserialize)]
struct Document {
    kind: Option<String>,
    items: Option<Vec<Object>>,
    metadata: Option<Metadata>,
    spec: Option<PodSpec>,
    status: Option<PodStatus>,
}

#[derive(Deserialize)]
struct Object {
    kind: Option<String>,
    metadata: Option<Metadata>,
    spec: Option<PodSpec>,
    status: Option<PodStatus>,
}

/// Reads a pod list. Pods that have ended (phase `Succeeded` or `Failed`) run nothing and are left out.
///
/// # Errors
/// The document is too large, is not the JSON of a pod list, or a pod in it has no name or namespace.
pub fn parse_pod_list(json: &[u8]) -> Result<Vec<Workload>, WorkloadError> {
    limit("the document (in bytes)", json.len(), LARGEST_DOCUMENT)?;
    let document: Document = serde_json::from_slice(json).map_err(WorkloadError::Json)?;
    let objects = objects(document)?;
    limit("the number of objects", objects.len(), MOST_OBJECTS)?;
    let (controllers, nodes) = (controllers(&objects), nodes(&objects));
    let around = Surroundings { controllers: &controllers, nodes: &nodes };
    let none = (Metadata::default(), PodSpec::default(), PodStatus::default());
    let mut workloads = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        if object.kind.as_deref().is_none_or(|kind| kind == "Pod") {
            let metadata = object.metadata.as_ref().unwrap_or(&none.0);
            let spec = object.spec.as_ref().unwrap_or(&none.1);
            let status = object.status.as_ref().unwrap_or(&none.2);
            let place = || format!("item {index}");
            workloads.extend(read_pod(metadata, spec, status, &place, &around)?);
        }
    }
    workloads.sort();
    workloads.dedup();
    Ok(workloads)
}

fn objects(document: Document) -> Result<Vec<Object>, WorkloadError> {
    let Document { kind, items, metadata, spec, status } = document;
    match kind.as_deref() {
        Some("PodList" | "List") => Ok(items.unwrap_or_default()),
        Some("Pod") => Ok(vec![Object { kind, metadata, spec, status }]),
        other => Err(WorkloadError::Kind(other.unwrap_or("(none)").to_owned())),
    }
}

fn controllers(objects: &[Object]) -> Controllers {
    let controlled = |object: &Object| match object.kind.as_deref() {
        Some(kind @ ("ReplicaSet" | "Job")) => object.metadata.as_ref()?.controlled(kind),
        _ => None,
    };
    objects.iter().filter_map(controlled).collect()
}

fn nodes(objects: &[Object]) -> Nodes {
    let node = |object: &Object| {
        if object.kind.as_deref() != Some("Node") {
            return None;
        }
        let platform = object.status.as_ref()?.node_platform()?;
        Some((object.metadata.as_ref()?.name.clone()?, platform))
    };
    objects.iter().filter_map(node).collect()
}
