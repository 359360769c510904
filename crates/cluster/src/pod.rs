//! One pod as Kubernetes writes it, and what runs in it.
//!
//! In: a pod's metadata, specification and status; who controls replica sets and jobs; the platforms of nodes. Out: sorted
//! [`Workload`]s, one per container of a pod that has not ended. Source: Kubernetes API reference, "Pod v1 core"
//! (`spec.containers`, `status.containerStatuses`, `imageID`), "Owners and Dependents".
//!
//! Odd, and each covered by a case in `tests/cases/`:
//! * `imageID` is `repository@sha256:…`, `docker-pullable://repository@sha256:…`, `docker://sha256:…`, a bare `sha256:…`
//!   (of the configuration) or empty before the pull. For an image with several platforms it names the index.
//! * A pod belongs to a replica set, not to its deployment: where the replica set is not known, the deployment's name is the
//!   replica set's without its hash. Jobs of cron jobs likewise.
//! * Ephemeral containers (`kubectl debug`) and init containers run images too.

use std::collections::BTreeMap;

use plimsoll_model::{ContainerDetail, ContainerRole, ContainerState, Digest, Platform, Timestamp};
use serde::Deserialize;

/// Most containers of one pod that are read, init and ephemeral ones included.
pub const MOST_CONTAINERS: usize = 1_000;
/// Longest name or image that is read, in bytes. Kubernetes itself allows 253 for names.
pub const LONGEST_TEXT: usize = 4_096;
/// Longest id, address or name of a node that is kept, in bytes; a longer one is left out.
const LONGEST_DETAIL: usize = 256;
/// Labels that are looked at.
#[cfg(feature = "watch")]
const LABELS: [&str; 3] = ["app.kubernetes.io/name", "app", "pod-template-hash"];

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
    /// Where and how it runs.
    pub detail: ContainerDetail,
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

/// What is read of an object's metadata.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) labels: Option<BTreeMap<String, String>>,
    pub(crate) owner_references: Option<Vec<Owner>>,
    pub(crate) creation_timestamp: Option<String>,
}

/// Whom an object belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Owner {
    pub(crate) kind: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) controller: Option<bool>,
}

/// A pod's; other kinds have other fields under `spec`, which are not read.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodSpec {
    node_name: Option<String>,
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    ephemeral_containers: Option<Vec<Container>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Container {
    name: Option<String>,
    image: Option<String>,
}

/// A pod's; a node's too, which has a field of its own.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodStatus {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "hostIP")]
    host_ip: Option<String>,
    container_statuses: Option<Vec<ContainerStatus>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
    ephemeral_container_statuses: Option<Vec<ContainerStatus>>,
    node_info: Option<NodeInfo>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct ContainerStatus {
    name: Option<String>,
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    #[serde(rename = "containerID")]
    container_id: Option<String>,
    state: Option<State>,
}

/// One of the three is there.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct State {
    waiting: Option<Waiting>,
    running: Option<Started>,
    terminated: Option<Started>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Waiting {}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    started_at: Option<String>,
}

/// What a node tells of itself.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeInfo {
    architecture: Option<String>,
    operating_system: Option<String>,
}

/// Names of the controllers of replica sets and jobs, by kind, namespace and name.
pub(crate) type Controllers = BTreeMap<(String, String, String), String>;
/// Platforms of nodes, by name.
pub(crate) type Nodes = BTreeMap<String, Platform>;

/// What a pod's containers are told with.
pub(crate) struct Surroundings<'a> {
    pub(crate) controllers: &'a Controllers,
    pub(crate) nodes: &'a Nodes,
}

impl Metadata {
    /// Without the labels that nobody looks at.
    #[cfg(feature = "watch")]
    pub(crate) fn slim(mut self) -> Self {
        if let Some(labels) = &mut self.labels {
            labels.retain(|name, _| LABELS.contains(&name.as_str()));
        }
        self
    }

    /// Kind and name of the owner that controls an object.
    pub(crate) fn controller(&self) -> Option<(&str, &str)> {
        let mut owners = self.owner_references.iter().flatten();
        let owner = owners.find(|owner| owner.controller == Some(true))?;
        Some((owner.kind.as_deref()?, owner.name.as_deref()?))
    }

    /// What stands in [`Controllers`] for an object of this kind, if anybody controls it.
    pub(crate) fn controlled(&self, kind: &str) -> Option<((String, String, String), String)> {
        let (namespace, name) = (self.namespace.clone()?, self.name.clone()?);
        let (_, owner) = self.controller()?;
        Some(((kind.to_owned(), namespace, name), owner.to_owned()))
    }
}

#[cfg(feature = "watch")]
impl PodSpec {
    /// The node that the pod was placed on.
    pub(crate) fn node(&self) -> Option<&str> {
        self.node_name.as_deref()
    }
}

impl PodStatus {
    /// A node's platform.
    pub(crate) fn node_platform(&self) -> Option<Platform> {
        let info = self.node_info.as_ref()?;
        let (os, architecture) = (info.operating_system.as_deref()?, info.architecture.as_deref()?);
        let text = format!("{os}/{architecture}");
        if text.len() > LONGEST_DETAIL { None } else { text.parse().ok() }
    }
}

/// Reads a pod's containers; none of one that has ended (phase `Succeeded` or `Failed`), because it runs nothing.
///
/// # Errors
/// The pod or a container has no name, no namespace, no image, or is too large.
pub(crate) fn read_pod(
    metadata: &Metadata,
    spec: &PodSpec,
    status: &PodStatus,
    place: &dyn Fn() -> String,
    around: &Surroundings<'_>,
) -> Result<Vec<Workload>, WorkloadError> {
    let pod = text(metadata.name.as_deref(), "metadata.name", place)?;
    let place = || format!("pod `{pod}`");
    let namespace = text(metadata.namespace.as_deref(), "metadata.namespace", &place)?;
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return Ok(Vec::new());
    }
    let app = app(metadata, spec, pod, namespace, around.controllers);
    limit(&format!("the application's name of {} (in bytes)", place()), app.len(), LONGEST_TEXT)?;

    let lists = [
        (ContainerRole::Main, &spec.containers, &status.container_statuses),
        (ContainerRole::Init, &spec.init_containers, &status.init_container_statuses),
        (
            ContainerRole::Ephemeral,
            &spec.ephemeral_containers,
            &status.ephemeral_container_statuses,
        ),
    ];
    let count = lists.iter().map(|(_, all, _)| all.as_ref().map_or(0, Vec::len)).sum();
    limit(&format!("the number of containers of {}", place()), count, MOST_CONTAINERS)?;
    let of_pod = ContainerDetail {
        node: kept(spec.node_name.as_deref()),
        platform: spec.node_name.as_ref().and_then(|node| around.nodes.get(node)).cloned(),
        pod_ip: kept(status.pod_ip.as_deref()),
        host_ip: kept(status.host_ip.as_deref()),
        created: time(metadata.creation_timestamp.as_deref()),
        ..ContainerDetail::default()
    };
    let mut workloads = Vec::with_capacity(count);
    for (role, containers, statuses) in lists {
        let statuses: BTreeMap<&str, &ContainerStatus> = statuses
            .iter()
            .flatten()
            .filter_map(|status| Some((status.name.as_deref()?, status)))
            .collect();
        for container in containers.iter().flatten() {
            let name = text(container.name.as_deref(), "name of a container", &place)?;
            let image = text(container.image.as_deref(), "image of a container", &place)?;
            let status = statuses.get(name).copied();
            workloads.push(Workload {
                namespace: namespace.to_owned(),
                app: app.clone(),
                pod: pod.to_owned(),
                container: name.to_owned(),
                image: image.to_owned(),
                digest: status.and_then(|status| image_digest(status.image_id.as_deref()?)),
                detail: detail(role, status, &of_pod),
            });
        }
    }
    Ok(workloads)
}

/// What a container's status adds to what is the same for the pod.
fn detail(
    role: ContainerRole,
    status: Option<&ContainerStatus>,
    of_pod: &ContainerDetail,
) -> ContainerDetail {
    let state = status.and_then(|status| status.state.as_ref());
    let started = state.and_then(|state| state.running.as_ref().or(state.terminated.as_ref()));
    let started = started.and_then(|started| time(started.started_at.as_deref()));
    let id = status.and_then(|status| status.container_id.as_deref());
    ContainerDetail {
        role,
        state: match state {
            Some(State { running: Some(_), .. }) => ContainerState::Running,
            Some(State { terminated: Some(_), .. }) => ContainerState::Terminated,
            Some(State { waiting: Some(_), .. }) => ContainerState::Waiting,
            _ => ContainerState::Unknown,
        },
        container_id: kept(id.map(|id| id.rsplit_once("://").map_or(id, |(_, bare)| bare))),
        created: started.or(of_pod.created),
        ..of_pod.clone()
    }
}

/// A text that is kept as it is; empty where it is not there or longer than any real one.
fn kept(text: Option<&str>) -> String {
    text.filter(|text| text.len() <= LONGEST_DETAIL).unwrap_or_default().to_owned()
}

fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

fn app(
    metadata: &Metadata,
    spec: &PodSpec,
    pod: &str,
    namespace: &str,
    controllers: &Controllers,
) -> String {
    let label = |name: &str| {
        metadata.labels.as_ref()?.get(name).map(String::as_str).filter(|value| !value.is_empty())
    };
    let labelled = label("app.kubernetes.io/name").or_else(|| label("app"));
    let owner = metadata.controller();
    // Nobody's pods and those of a node have no workload above them, so their labels speak.
    if let (Some(name), None | Some(("Node", _))) = (labelled, owner) {
        return name.to_owned();
    }
    let Some((kind, owner)) = owner else { return pod.to_owned() };
    let place = (kind.to_owned(), namespace.to_owned(), owner.to_owned());
    if let Some(above) = controllers.get(&place) {
        return above.clone();
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

pub(crate) fn limit(what: &str, found: usize, limit: usize) -> Result<(), WorkloadError> {
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
