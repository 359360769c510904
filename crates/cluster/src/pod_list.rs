//! A pod list: `kubectl get pods --all-namespaces -o json`.
//!
//! In: the JSON of a `PodList`, of a `List`, or of one `Pod`. Out: sorted [`Workload`]s, one per container of a pod that
//! has not ended. Source: Kubernetes API reference, "Pod v1 core" (`spec.containers`, `status.containerStatuses`,
//! `imageID`), "Owners and Dependents".
//!
//! Odd, and each covered by a case in `tests/cases/`:
//! * `imageID` is `repository@sha256:…`, `docker-pullable://repository@sha256:…`, `docker://sha256:…`, a bare `sha256:…`
//!   (of the configuration) or empty before the pull. For an image with several platforms it names the index.
//! * A pod belongs to a replica set, not to its deployment: without the replica set in the list (`kubectl get
//!   pods,replicasets,jobs`) the deployment's name is the replica set's without its hash. Jobs of cron jobs likewise.
//! * Ephemeral containers (`kubectl debug`) and init containers run images too.

use std::collections::BTreeMap;

use plimsoll_model::Digest;
use serde::Deserialize;

/// Largest document that is read, in bytes.
pub const LARGEST_DOCUMENT: usize = 512 << 20;
/// Most objects of a document that are read.
pub const MOST_OBJECTS: usize = 500_000;
/// Most containers of one pod that are read, init and ephemeral ones included.
pub const MOST_CONTAINERS: usize = 1_000;
/// Longest name or image that is read, in bytes. Kubernetes itself allows 253 for names.
pub const LONGEST_TEXT: usize = 4_096;

/// One container of a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Workload {
    /// Namespace in the cluster.
    pub namespace: String,
    /// Application: the workload that controls the pod (a deployment's name, not its replica set's); for pods without
    /// one the label `app.kubernetes.io/name`, else `app`, else the pod's name.
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
    #[error("pod list: not the JSON that kubectl writes")]
    Json(#[source] serde_json::Error),
    /// Another kind of object.
    #[error(
        "pod list: the document is of kind `{0}`, expected PodList; make it with `kubectl get pods --all-namespaces -o json`"
    )]
    Kind(String),
    /// A pod or container without a name or namespace.
    #[error("pod list: {place} has no {field}")]
    Missing {
        /// Which object.
        place: String,
        /// What it lacks.
        field: &'static str,
    },
    /// Too large.
    #[error("pod list: {what} is {found}, at most {limit} are read")]
    Limit {
        /// What is too large.
        what: String,
        /// How large it is.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

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

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<Owner>>,
}

#[derive(Deserialize)]
struct Owner {
    kind: Option<String>,
    name: Option<String>,
    controller: Option<bool>,
}

/// A pod's; other kinds have other fields under `spec`, which are not read.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    ephemeral_containers: Option<Vec<Container>>,
}

#[derive(Deserialize)]
struct Container {
    name: Option<String>,
    image: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    phase: Option<String>,
    container_statuses: Option<Vec<ContainerStatus>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
    ephemeral_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Deserialize)]
struct ContainerStatus {
    name: Option<String>,
    #[serde(rename = "imageID")]
    image_id: Option<String>,
}

/// Names of the controllers of replica sets and jobs, by kind, namespace and name.
type Controllers<'a> = BTreeMap<(&'a str, &'a str, &'a str), &'a str>;

/// Reads a pod list. Pods that have ended (phase `Succeeded` or `Failed`) run nothing and are left out, as are objects of
/// other kinds in a mixed list.
///
/// # Errors
/// The document is too large, is not the JSON of a pod list, or a pod in it has no name or namespace.
pub fn parse_pod_list(json: &[u8]) -> Result<Vec<Workload>, WorkloadError> {
    limit("the document (in bytes)", json.len(), LARGEST_DOCUMENT)?;
    let document: Document = serde_json::from_slice(json).map_err(WorkloadError::Json)?;
    let objects = objects(document)?;
    limit("the number of objects", objects.len(), MOST_OBJECTS)?;
    let controllers = controllers(&objects);
    let mut workloads = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        if object.kind.as_deref().is_none_or(|kind| kind == "Pod") {
            read_pod(object, index, &controllers, &mut workloads)?;
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

fn controllers(objects: &[Object]) -> Controllers<'_> {
    let mut controllers = Controllers::new();
    for object in objects {
        if let (Some(kind @ ("ReplicaSet" | "Job")), Some(metadata)) =
            (object.kind.as_deref(), &object.metadata)
            && let (Some(namespace), Some(name)) = (&metadata.namespace, &metadata.name)
            && let Some((_, owner)) = controller(metadata)
        {
            controllers.insert((kind, namespace, name), owner);
        }
    }
    controllers
}

/// Kind and name of the owner that controls an object.
fn controller(metadata: &Metadata) -> Option<(&str, &str)> {
    let owner =
        metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
    Some((owner.kind.as_deref()?, owner.name.as_deref()?))
}

fn read_pod(
    object: &Object,
    index: usize,
    controllers: &Controllers<'_>,
    workloads: &mut Vec<Workload>,
) -> Result<(), WorkloadError> {
    let none = (Metadata::default(), PodSpec::default(), PodStatus::default());
    let metadata = object.metadata.as_ref().unwrap_or(&none.0);
    let spec = object.spec.as_ref().unwrap_or(&none.1);
    let status = object.status.as_ref().unwrap_or(&none.2);
    let place = || format!("item {index}");
    let pod = text(metadata.name.as_deref(), "metadata.name", &place)?;
    let place = || format!("pod `{pod}`");
    let namespace = text(metadata.namespace.as_deref(), "metadata.namespace", &place)?;
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return Ok(());
    }
    let app = app(metadata, spec, pod, namespace, controllers);
    limit(&format!("the application's name of {} (in bytes)", place()), app.len(), LONGEST_TEXT)?;

    let lists = [
        (&spec.containers, &status.container_statuses),
        (&spec.init_containers, &status.init_container_statuses),
        (&spec.ephemeral_containers, &status.ephemeral_container_statuses),
    ];
    let count = lists.iter().map(|(containers, _)| containers.as_ref().map_or(0, Vec::len)).sum();
    limit(&format!("the number of containers of {}", place()), count, MOST_CONTAINERS)?;
    for (containers, statuses) in lists {
        let digests: BTreeMap<&str, Digest> = statuses
            .iter()
            .flatten()
            .filter_map(|status| {
                Some((status.name.as_deref()?, image_digest(status.image_id.as_deref()?)?))
            })
            .collect();
        for container in containers.iter().flatten() {
            let name = text(container.name.as_deref(), "name of a container", &place)?;
            let image = text(container.image.as_deref(), "image of a container", &place)?;
            workloads.push(Workload {
                namespace: namespace.to_owned(),
                app: app.clone(),
                pod: pod.to_owned(),
                container: name.to_owned(),
                image: image.to_owned(),
                digest: digests.get(name).copied(),
            });
        }
    }
    Ok(())
}

fn app(
    metadata: &Metadata,
    spec: &PodSpec,
    pod: &str,
    namespace: &str,
    controllers: &Controllers<'_>,
) -> String {
    let label = |name: &str| {
        metadata.labels.as_ref()?.get(name).map(String::as_str).filter(|value| !value.is_empty())
    };
    let labelled = label("app.kubernetes.io/name").or_else(|| label("app"));
    let owner = controller(metadata);
    // Nobody's pods and those of a node have no workload above them, so their labels speak.
    if let (Some(name), None | Some(("Node", _))) = (labelled, owner) {
        return name.to_owned();
    }
    let Some((kind, owner)) = owner else { return pod.to_owned() };
    if let Some(above) = controllers.get(&(kind, namespace, owner)) {
        return (*above).to_owned();
    }
    match kind {
        "ReplicaSet" => without_hash(owner, label("pod-template-hash")).to_owned(),
        "Job" => without_schedule(owner).to_owned(),
        // A static pod is owned by its node and called `<name>-<node>`.
        "Node" => {
            let node = spec.node_name.as_deref().unwrap_or(owner);
            pod.strip_suffix(node)
                .and_then(|rest| rest.strip_suffix('-'))
                .filter(|rest| !rest.is_empty())
                .unwrap_or(pod)
                .to_owned()
        }
        _ => owner.to_owned(),
    }
}

/// A deployment's name from its replica set's. The hash is written in an alphabet without vowels, so that it can be told
/// from a word (k8s.io/apimachinery `rand.SafeEncodeString`).
fn without_hash<'a>(replica_set: &'a str, hash: Option<&str>) -> &'a str {
    let Some((name, suffix)) = replica_set.rsplit_once('-') else { return replica_set };
    let is_hash = match hash {
        Some(hash) => suffix == hash,
        None => {
            (6..=10).contains(&suffix.len())
                && suffix.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte))
        }
    };
    if is_hash && !name.is_empty() { name } else { replica_set }
}

/// A cron job's name from its job's, which ends in the scheduled minute since 1970.
fn without_schedule(job: &str) -> &str {
    match job.rsplit_once('-') {
        Some((name, minute))
            if !name.is_empty()
                && (8..=10).contains(&minute.len())
                && minute.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name
        }
        _ => job,
    }
}

/// The digest in an `imageID`; `None` when it holds none that we know.
fn image_digest(image_id: &str) -> Option<Digest> {
    let bare = image_id.rsplit_once("://").map_or(image_id, |(_, rest)| rest);
    let digest = bare.rsplit_once('@').map_or(bare, |(_, digest)| digest);
    digest.parse().ok()
}

fn text<'a>(
    value: Option<&'a str>,
    field: &'static str,
    place: &dyn Fn() -> String,
) -> Result<&'a str, WorkloadError> {
    let Some(text) = value.filter(|text| !text.is_empty()) else {
        return Err(WorkloadError::Missing { place: place(), field });
    };
    limit(&format!("the {field} of {} (in bytes)", place()), text.len(), LONGEST_TEXT)?;
    Ok(text)
}

fn limit(what: &str, found: usize, limit: usize) -> Result<(), WorkloadError> {
    if found > limit {
        return Err(WorkloadError::Limit { what: what.to_owned(), found, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_controllers_append() {
        for (replica_set, hash, deployment) in [
            ("web-6f847f8786", None, "web"),
            ("alibaba-log-controller-6f847f8786", Some("6f847f8786"), "alibaba-log-controller"),
            ("web-6f847f8786", Some("other"), "web-6f847f8786"),
            ("api-gateway", None, "api-gateway"),
            ("web-controller", None, "web-controller"),
            ("web", None, "web"),
            ("-6f847f8786", None, "-6f847f8786"),
        ] {
            assert_eq!(without_hash(replica_set, hash), deployment);
        }
        for (job, cron_job) in [
            ("backup-28123456", "backup"),
            ("backup-2", "backup-2"),
            ("migrate", "migrate"),
            ("-28123456", "-28123456"),
        ] {
            assert_eq!(without_schedule(job), cron_job);
        }
    }

    #[test]
    fn digests_are_found_in_every_form_of_image_id() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        for image_id in [
            format!("registry.test:5000/team/app@{digest}"),
            format!("docker-pullable://registry.test/app@{digest}"),
            format!("docker://{digest}"),
            digest.clone(),
        ] {
            assert_eq!(image_digest(&image_id).unwrap().to_string(), digest, "{image_id}");
        }
        for image_id in ["", "app:1.0", "app@sha512:00", "docker://", "sha256:12"] {
            assert_eq!(image_digest(image_id), None, "{image_id}");
        }
    }
}
