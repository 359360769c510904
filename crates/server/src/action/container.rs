//! Actions about containers: what runs in clusters, one by one or in groups, with the risks of its images.
//!
//! In: conditions, a field to group by. Out: containers with their images' numbers. Source: `docs/api.md`, "Containers"; the
//! vendor's pages. Odd:
//! * A cluster tells what its pods run, and no more: nodes, addresses, ids and times of containers are left out of answers.
//! * Alarms, vulnerabilities and risks of a container are those of its image; one whose image is in no known registry has none.
//! * A cluster's name is its id where nobody gave it another.

mod detail;
mod fields;
mod grouped;
mod instances;
mod onboarding;

use std::collections::BTreeSet;

use plimsoll_model::{ImageReference, RiskCounters};
use plimsoll_store::Container;

use super::{Context, asset::pairs, failed};
use crate::gateway::{Parameters, Refusal};

pub(crate) use detail::{DescribeContainerGroupedFieldDetail, DescribeContainerStatistics};
pub(crate) use fields::{
    DescribeContainerApps, DescribeContainerCriteria, DescribeContainerFieldStatistics,
    DescribeContainerServiceK8sClusterNamespaces, DescribeContainerServiceK8sClusters,
    DescribeContainerTags,
};
pub(crate) use grouped::DescribeGroupedContainerInstances;
pub(crate) use instances::DescribeContainerInstances;
pub(crate) use onboarding::{
    DeleteK8sAccessInfo, DescribeClusterScannerList, GenerateK8sAccessInfo, ListK8sAccessInfo,
    ListPrivateK8s,
};

/// What containers can be searched by, on the wire, and whether one of some words is chosen.
const CRITERIA: &[(&str, &str)] = &[
    ("instanceId", ""),
    ("clusterId", ""),
    ("regionId", ""),
    ("clusterName", ""),
    ("clusterType", "Kubernetes,ManagedKubernetes,Ask"),
    ("namespace", ""),
    ("appName", ""),
    ("pod", ""),
    ("podIp", ""),
    ("hostIp", ""),
    ("nodeName", ""),
    ("containerId", ""),
    ("image", ""),
    ("imageRepoName", ""),
    ("imageRepoNamespace", ""),
    ("imageRepoTag", ""),
    ("imageDigest", ""),
    ("imageUuid", ""),
    ("digest", ""),
    ("riskStatus", "NO,YES"),
    ("riskLevel", "1,2,3"),
    ("vulStatus", "NO,YES"),
    ("alarmStatus", "NO,YES"),
    ("hcStatus", "NO,YES"),
];

/// What a cluster is called as a kind: one that its owner runs.
const CLUSTER_TYPE: &str = "Kubernetes";

/// A container's numbers; zeros where its image is not known.
fn counters(container: &Container) -> RiskCounters {
    container.image.as_ref().map(|image| image.counters).unwrap_or_default()
}

/// What the images of containers have, each image once.
#[derive(Clone, Copy, Default)]
struct Sums {
    malicious: u64,
    serious: u64,
    suspicious: u64,
    remind: u64,
    baseline: u64,
    vulnerabilities: u64,
}

impl Sums {
    fn of(containers: &[&Container]) -> Self {
        let mut sums = Self::default();
        let mut seen = BTreeSet::new();
        for image in containers.iter().filter_map(|one| one.image.as_ref()) {
            if seen.insert(image.image.manifest_digest) {
                let counters = &image.counters;
                sums.malicious += u64::from(counters.malicious());
                sums.serious += u64::from(counters.malicious_serious);
                sums.suspicious += u64::from(counters.malicious_suspicious);
                sums.remind += u64::from(counters.malicious_remind);
                sums.baseline += u64::from(counters.baseline());
                sums.vulnerabilities += u64::from(counters.vulnerabilities());
            }
        }
        sums
    }
}

/// The containers that fulfil what `Criteria` says.
async fn selected(
    context: Context<'_>,
    action: &'static str,
    sent: &Parameters,
) -> Result<Vec<Container>, Refusal> {
    let pairs = pairs(sent)?;
    for pair in &pairs {
        let Some((_, words)) = CRITERIA.iter().find(|(name, _)| *name == pair.name) else {
            let all: Vec<&str> = CRITERIA.iter().map(|(name, _)| *name).collect();
            let wanted = format!("one of {}", all.join(", "));
            return Err(Refusal::invalid("Criteria", &pair.name, &wanted));
        };
        if !words.is_empty() && !words.split(',').any(|word| word == pair.value) {
            return Err(Refusal::invalid("Criteria", &pair.value, &format!("one of {words}")));
        }
    }
    // A search in one cluster alone reads that one.
    let cluster = match pairs.as_slice() {
        [only] if only.name == "clusterId" => Some(only.value.as_str()),
        _ => None,
    };
    let containers = context.store.containers(cluster).await;
    let mut containers = containers.map_err(|error| failed(action, &error))?;
    containers.retain(|container| {
        let mut is_meant = true;
        for (place, pair) in pairs.iter().enumerate() {
            let fulfils = fulfils(container, &pair.name, &pair.value);
            is_meant = match (place, pair.or) {
                (0, _) => fulfils,
                (_, true) => is_meant || fulfils,
                (_, false) => is_meant && fulfils,
            };
        }
        is_meant
    });
    Ok(containers)
}

/// Whether a container fulfils one condition: ids are compared, names contain the text without regard to ASCII case.
fn fulfils(container: &Container, name: &str, value: &str) -> bool {
    let contains = |text: &str| text.to_ascii_lowercase().contains(&value.to_ascii_lowercase());
    let (workload, counters) = (&container.workload, counters(container));
    let is = |is_so: bool| is_so == (value == "YES");
    match name {
        "clusterId" => container.cluster_id == value,
        "clusterName" => contains(&container.cluster_name),
        "clusterType" => value == CLUSTER_TYPE,
        "regionId" => region(container) == value,
        "podIp" => workload.detail.pod_ip == value,
        "hostIp" => workload.detail.host_ip == value,
        "nodeName" => contains(&workload.detail.node),
        // An id may be shortened, as runtimes do.
        "containerId" => {
            let id = value.rsplit_once("://").map_or(value, |(_, bare)| bare);
            !id.is_empty() && workload.detail.container_id.starts_with(id)
        }
        "imageRepoName" => contains(&ImageName::of(container).repository),
        "imageRepoNamespace" => contains(&ImageName::of(container).namespace),
        "imageRepoTag" => contains(&ImageName::of(container).tag),
        "namespace" => contains(&workload.namespace),
        "appName" => contains(&workload.app),
        "pod" => contains(&workload.pod),
        "image" => contains(&workload.image),
        "imageUuid" => {
            let uuid = plimsoll_store::parse_uuid(value);
            let own = container.image.as_ref().map(|image| &image.image.uuid);
            uuid.as_ref().is_some_and(|uuid| Some(uuid) == own)
        }
        "digest" | "imageDigest" => {
            let hex = value.strip_prefix("sha256:").unwrap_or(value);
            digests(container).contains(hex)
        }
        "riskStatus" => is(counters.risk_level() > 0),
        "riskLevel" => counters.risk_level().to_string() == value,
        "vulStatus" => is(counters.vulnerabilities() > 0),
        "alarmStatus" => is(counters.malicious() > 0),
        "hcStatus" => is(counters.baseline() > 0),
        _ => false,
    }
}

/// The names of a container's image: those of the registry that has it, else those that the pod writes.
#[derive(Default)]
struct ImageName {
    namespace: String,
    repository: String,
    tag: String,
}

impl ImageName {
    fn of(container: &Container) -> Self {
        if let Some(image) = container.image.as_ref().map(|image| &image.image) {
            return Self {
                namespace: image.namespace.clone(),
                repository: image.repository.clone(),
                tag: image.tag.clone(),
            };
        }
        let Ok(written) = container.workload.image.parse::<ImageReference>() else {
            return Self::default();
        };
        let (namespace, repository) = match written.repository.split_once('/') {
            Some((namespace, rest)) => (namespace.to_owned(), rest.to_owned()),
            None => (String::new(), written.repository.clone()),
        };
        // With a digest the tag is nothing that is looked at.
        let tag = match (written.tag, &written.digest) {
            (Some(tag), _) => tag,
            (None, Some(_)) => String::new(),
            (None, None) => "latest".to_owned(),
        };
        Self { namespace, repository, tag }
    }
}

/// The region of a container's image.
fn region(container: &Container) -> &str {
    container.image.as_ref().map_or("", |image| image.registry.settings.region_id.as_str())
}

/// When a container was started, as far as is known; else when its cluster last changed.
fn created(container: &Container) -> plimsoll_model::Timestamp {
    container.workload.detail.created.unwrap_or(container.seen)
}

/// What a container's content is called, in hex digits.
fn digests(container: &Container) -> BTreeSet<String> {
    let image = container.image.as_ref().map(|image| &image.image);
    let own = image.map(|image| [image.digest, image.manifest_digest]).into_iter().flatten();
    own.chain(container.workload.digest).map(|digest| digest.hex()).collect()
}

/// The contract's word for a risk level; there is none for no risk.
const fn level_word(level: u8) -> Option<&'static str> {
    match level {
        3.. => Some("high"),
        2 => Some("medium"),
        1 => Some("low"),
        0 => None,
    }
}
