//! `DescribeGroupedContainerInstances`: containers in groups, by pod, application, namespace, cluster or image.
//!
//! In: the field, a text that its value contains, conditions on containers. Out: one page of groups, those at the highest risk
//! first, then by name. Source: the vendor's page of that name; `docs/api.md`, "Containers".
//!
//! Odd:
//! * `ClusterId` of ListImageRisk comes from here, with `GroupField` `clusterId`.
//! * What is not the same for all of a group is told of its first container; a group of applications is one of a cluster and
//!   namespace, so that this is the same for all.
//! * Numbers are sums over the group's images, each once.
//! * A cluster that tells what it runs is `running`. `SyncStatus` is 0 where watching it has a problem.

use std::{cmp::Reverse, collections::BTreeMap};

use plimsoll_store::{ClusterConnection, Container};
use serde::Serialize;

use super::{CLUSTER_TYPE, ImageName, Sums, counters, created, level_word, region, selected};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run,
        asset::{CRITERIA, LOGICAL_EXP, yes_no},
        failed,
        filters::{CURRENT_PAGE, PAGE_SIZE},
        milliseconds, narrow,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeGroupedContainerInstances;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    grouped_container_instance_list: Vec<Group>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    alarm_count: i32,
    app_name: String,
    cluster_id: String,
    cluster_name: String,
    cluster_type: &'static str,
    create_time: i64,
    custer_state: &'static str,
    hc_count: i32,
    host_ip: String,
    image: String,
    image_digest: String,
    image_repo_name: String,
    image_repo_namespace: String,
    image_repo_tag: String,
    image_uuid: String,
    instance_count: i32,
    namespace: String,
    pod: String,
    pod_ip: String,
    region_id: String,
    risk_instance_count: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_level: Option<&'static str>,
    risk_status: &'static str,
    sync_open: i32,
    sync_status: i32,
    vul_count: i32,
}

/// The clusters that are watched.
type Connections = BTreeMap<String, ClusterConnection>;

/// What tells one group from another; the last part is what the group is called.
type Key = [String; 3];

impl Run for DescribeGroupedContainerInstances {
    const NAME: &'static str = "DescribeGroupedContainerInstances";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str =
        "Lists clusters, namespaces, applications, pods or images of containers with their risks.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required(
            "GroupField",
            ParameterKind::Text,
            "pod, appName, namespace, clusterId, image.",
        ),
        Parameter::optional(
            "FieldValue",
            ParameterKind::Text,
            "Only groups whose name contains this text.",
        ),
        CRITERIA,
        LOGICAL_EXP,
        CURRENT_PAGE,
        PAGE_SIZE,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let field = sent.required("GroupField")?;
        let key = key_of(field).ok_or_else(|| {
            let wanted = "one of pod, appName, namespace, clusterId, image";
            Refusal::invalid("GroupField", field, wanted)
        })?;
        let text = sent.text("FieldValue").unwrap_or_default().to_ascii_lowercase();
        let containers = selected(context, Self::NAME, sent).await?;
        let mut groups: BTreeMap<Key, Vec<&Container>> = BTreeMap::new();
        for container in &containers {
            let key = key(container);
            let [_, _, name] = &key;
            if name.to_ascii_lowercase().contains(&text) {
                groups.entry(key).or_default().push(container);
            }
        }
        let mut groups: Vec<(u8, Key, Vec<&Container>)> =
            groups.into_iter().map(|(key, members)| (highest(&members), key, members)).collect();
        // Groups come in the order of their names, which this keeps.
        groups.sort_by_key(|(level, _, _)| Reverse(*level));
        let connections = context.store.cluster_connections().await;
        let connections = connections.map_err(|error| failed(Self::NAME, &error))?;
        let part = paging.part(&groups);
        Ok(Answer {
            page_info: paging.info(part.len(), groups.len()),
            grouped_container_instance_list: part
                .iter()
                .filter_map(|(level, _, members)| Group::of(*level, members, &connections))
                .collect(),
        })
    }
}

fn key_of(field: &str) -> Option<fn(&Container) -> Key> {
    Some(match field {
        "pod" => {
            |one| [one.cluster_id.clone(), one.workload.namespace.clone(), one.workload.pod.clone()]
        }
        "appName" => {
            |one| [one.cluster_id.clone(), one.workload.namespace.clone(), one.workload.app.clone()]
        }
        "namespace" => {
            |one| [one.cluster_id.clone(), String::new(), one.workload.namespace.clone()]
        }
        "clusterId" => |one| [String::new(), String::new(), one.cluster_id.clone()],
        "image" => |one| {
            let digest = one.image.as_ref().map(|image| image.image.manifest_digest);
            let digest = one.workload.digest.or(digest).map(|digest| digest.hex());
            [digest.unwrap_or_default(), String::new(), one.workload.image.clone()]
        },
        _ => return None,
    })
}

fn highest(members: &[&Container]) -> u8 {
    members.iter().map(|one| counters(one).risk_level()).max().unwrap_or(0)
}

impl Group {
    fn of(level: u8, members: &[&Container], connections: &Connections) -> Option<Self> {
        let first = *members.first()?;
        let sums = Sums::of(members);
        let at_risk = members.iter().filter(|one| counters(one).risk_level() > 0).count();
        let workload = &first.workload;
        let image = first.image.as_deref().map(|risk| &risk.image);
        let name = ImageName::of(first);
        let has_problem =
            connections.get(&first.cluster_id).is_some_and(|one| one.problem.is_some());
        let digest = workload.digest.or_else(|| image.map(|image| image.manifest_digest));
        Some(Self {
            alarm_count: narrow(sums.malicious),
            app_name: workload.app.clone(),
            cluster_id: first.cluster_id.clone(),
            cluster_name: first.cluster_name.clone(),
            cluster_type: CLUSTER_TYPE,
            create_time: milliseconds(created(first)),
            custer_state: "running",
            hc_count: narrow(sums.baseline),
            host_ip: workload.detail.host_ip.clone(),
            image: workload.image.clone(),
            image_digest: digest.map(|digest| digest.hex()).unwrap_or_default(),
            image_repo_name: name.repository,
            image_repo_namespace: name.namespace,
            image_repo_tag: name.tag,
            image_uuid: image.map(|image| image.uuid.clone()).unwrap_or_default(),
            instance_count: narrow(members.len()),
            namespace: workload.namespace.clone(),
            pod: workload.pod.clone(),
            pod_ip: workload.detail.pod_ip.clone(),
            region_id: region(first).to_owned(),
            risk_instance_count: narrow(at_risk),
            risk_level: level_word(level),
            risk_status: yes_no(level > 0),
            sync_open: 1,
            sync_status: i32::from(!has_problem),
            vul_count: narrow(sums.vulnerabilities),
        })
    }
}
