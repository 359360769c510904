//! Which images a Kubernetes object would run.
//!
//! In: the object of a review. Out: [`Workload`]: the pod's labels, the images of all its containers, and on what machine it may run.
//! Source: `k8s.io/api/core/v1` `PodSpec`; Kubernetes, "Image volumes", "Ephemeral Containers", "Well-Known Labels".
//!
//! Odd:
//! * Of an update only images count that were not there before. Otherwise a label could not be changed, a finalizer not be taken off
//!   and a deployment not be scaled down as soon as its image is denied.
//! * A template may leave an image out, for another controller to fill in; the pod that comes of it is asked about again.
//! * Images that are mounted as volumes count: what lies in them is in the pod.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::request::ReviewRequest;

/// Different images of one object. A pod with more does not fit into the API server's own limits.
pub(super) const MOST_IMAGES: usize = 256;
const ARCHITECTURE: &str = "kubernetes.io/arch";
const SYSTEM: &str = "kubernetes.io/os";

/// What would run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Workload {
    /// Labels of the pod, or of the template.
    pub(super) labels: BTreeMap<String, String>,
    /// Names of images that were not there before, as they are written.
    pub(super) images: BTreeSet<String>,
    /// Of the machine, where the pod chooses one.
    pub(super) machine: Machine,
}

/// The machine that a pod chooses by its node selector.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Machine {
    architecture: Option<String>,
    system: Option<String>,
}

impl Machine {
    /// Whether an image for a platform (`linux/amd64`) could run there.
    pub(super) fn runs(&self, platform: &str) -> bool {
        let mut parts = platform.split('/');
        let (system, architecture) = (parts.next(), parts.next());
        let fits = |wanted: &Option<String>, part: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| part == Some(wanted))
        };
        fits(&self.system, system) && fits(&self.architecture, architecture)
    }

    /// In words; `None` where any will do.
    pub(super) fn described(&self) -> Option<String> {
        match (&self.system, &self.architecture) {
            (None, None) => None,
            (system, architecture) => {
                let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
                Some(format!("{}/{}", part(system), part(architecture)))
            }
        }
    }
}

/// Why an object cannot be judged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ObjectError {
    /// There is none.
    #[error("the review has no `object`")]
    Missing,
    /// It is not of the form that its resource has.
    #[error("the object is not of the form of its resource: line {line}, column {column} of it")]
    Form {
        /// Where.
        line: usize,
        /// Where in it.
        column: usize,
    },
    /// It names very many images.
    #[error("the object names more than {MOST_IMAGES} different images")]
    TooMany,
}

/// Where in an object its pod stands.
#[derive(Clone, Copy)]
enum Shape {
    /// It is the pod.
    Pod,
    /// `template`
    PodTemplate,
    /// `spec.template`
    Template,
    /// `spec.jobTemplate.spec.template`
    JobTemplate,
}

/// Group, plural name, subresource.
const RESOURCES: &[(&str, &str, &str, Shape)] = &[
    ("", "pods", "", Shape::Pod),
    ("", "pods", "ephemeralcontainers", Shape::Pod),
    ("", "podtemplates", "", Shape::PodTemplate),
    ("", "replicationcontrollers", "", Shape::Template),
    ("apps", "deployments", "", Shape::Template),
    ("apps", "daemonsets", "", Shape::Template),
    ("apps", "statefulsets", "", Shape::Template),
    ("apps", "replicasets", "", Shape::Template),
    ("batch", "jobs", "", Shape::Template),
    ("batch", "cronjobs", "", Shape::JobTemplate),
];

#[derive(Deserialize, Default)]
struct Metadata {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Pod {
    metadata: Option<Metadata>,
    spec: Option<PodSpec>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    ephemeral_containers: Option<Vec<Container>>,
    volumes: Option<Vec<Volume>>,
    node_selector: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Container {
    image: Option<String>,
}

#[derive(Deserialize)]
struct Volume {
    image: Option<ImageVolume>,
}

#[derive(Deserialize)]
struct ImageVolume {
    reference: Option<String>,
}

#[derive(Deserialize)]
struct WithPodTemplate {
    template: Option<Pod>,
}

#[derive(Deserialize)]
struct WithTemplate {
    spec: Option<WithPodTemplate>,
}

#[derive(Deserialize)]
struct WithJobTemplate {
    spec: Option<JobTemplateSpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobTemplateSpec {
    job_template: Option<WithTemplate>,
}

/// What a review is about; `None`: nothing that runs images.
pub(super) fn workload(request: &ReviewRequest<'_>) -> Result<Option<Workload>, ObjectError> {
    if !matches!(request.operation.as_str(), "CREATE" | "UPDATE") {
        return Ok(None);
    }
    let (group, name) = (request.resource.group.as_str(), request.resource.resource.as_str());
    let sub = request.sub_resource.as_deref().unwrap_or_default();
    let known = RESOURCES.iter().find(|row| (row.0, row.1, row.2) == (group, name, sub));
    let Some((.., shape)) = known else { return Ok(None) };
    let object = request.object.ok_or(ObjectError::Missing)?;
    let pod = read(*shape, object)?;
    let mut images = images(&pod)?;
    if let Some(former) = request.old_object
        && request.operation == "UPDATE"
    {
        // A former object that cannot be read takes nothing away.
        for image in read(*shape, former)
            .map(|pod| self::images(&pod).unwrap_or_default())
            .unwrap_or_default()
        {
            images.remove(&image);
        }
    }
    let mut selector = pod.spec.and_then(|spec| spec.node_selector).unwrap_or_default();
    let machine =
        Machine { architecture: selector.remove(ARCHITECTURE), system: selector.remove(SYSTEM) };
    let labels = pod.metadata.and_then(|metadata| metadata.labels).unwrap_or_default();
    Ok(Some(Workload { labels, images, machine }))
}

fn read(shape: Shape, object: &RawValue) -> Result<Pod, ObjectError> {
    let text = object.get();
    let pod = match shape {
        Shape::Pod => serde_json::from_str::<Pod>(text).map(Some),
        Shape::PodTemplate => {
            serde_json::from_str::<WithPodTemplate>(text).map(|object| object.template)
        }
        Shape::Template => serde_json::from_str::<WithTemplate>(text).map(WithTemplate::pod),
        Shape::JobTemplate => serde_json::from_str::<WithJobTemplate>(text)
            .map(|object| object.spec?.job_template?.pod()),
    };
    let pod =
        pod.map_err(|error| ObjectError::Form { line: error.line(), column: error.column() })?;
    Ok(pod.unwrap_or_default())
}

impl WithTemplate {
    fn pod(self) -> Option<Pod> {
        self.spec?.template
    }
}

/// The names of all images, each once.
fn images(pod: &Pod) -> Result<BTreeSet<String>, ObjectError> {
    let Some(spec) = &pod.spec else { return Ok(BTreeSet::new()) };
    let containers = [&spec.containers, &spec.init_containers, &spec.ephemeral_containers];
    let containers = containers.into_iter().flatten().flatten();
    let volumes = spec.volumes.iter().flatten().filter_map(|volume| volume.image.as_ref());
    let names = containers
        .filter_map(|container| container.image.as_deref())
        .chain(volumes.filter_map(|volume| volume.reference.as_deref()));
    let images: BTreeSet<String> =
        names.map(str::trim).filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect();
    if images.len() > MOST_IMAGES { Err(ObjectError::TooMany) } else { Ok(images) }
}
