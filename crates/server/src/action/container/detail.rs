//! One group of containers in detail, and what a cluster's images alert to.
//!
//! In: conditions and the field to group by; or a cluster. Out: how many containers and pods there are, and the sums of their
//! images. Source: the vendor's pages of those names; `docs/api.md`, "Containers". Odd: `hasRiskNode` begins in lower case, as the
//! contract has it; nodes are those on which something runs, and at risk where an image at risk does; where conditions select more
//! than one group, what is not the same for all is told of the first container.

use std::collections::BTreeSet;

use plimsoll_store::Container;
use serde::Serialize;

use super::{CLUSTER_TYPE, Sums, counters, created, region, selected};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, milliseconds, narrow},
    gateway::{Parameters, Refusal},
};

/// One group.
pub(crate) struct DescribeContainerGroupedFieldDetail;

/// What a cluster's images alert to.
pub(crate) struct DescribeContainerStatistics;

/// What `DescribeContainerGroupedFieldDetail` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Detailed {
    data: Detail,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Detail {
    alarm_count: i32,
    app_name: String,
    cluster_current_version: String,
    cluster_id: String,
    cluster_name: String,
    cluster_state: &'static str,
    cluster_type: &'static str,
    container_count: i32,
    create_time: i64,
    instance_count: i32,
    namespace: String,
    node_name: String,
    pod: String,
    pod_count: i32,
    pod_ip: String,
    region_id: String,
    vul_count: i32,
}

/// What `DescribeContainerStatistics` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Statistics {
    data: Alarms,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Alarms {
    remind_alarm_count: i32,
    serious_alarm_count: i32,
    suspicious_alarm_count: i32,
    total_alarm_count: i32,
    total_node: i32,
    #[serde(rename = "hasRiskNode")]
    has_risk_node: i32,
}

impl Run for DescribeContainerGroupedFieldDetail {
    const NAME: &'static str = "DescribeContainerGroupedFieldDetail";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str =
        "Tells of one cluster, namespace, application, pod or image of containers.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required(
            "Criteria",
            ParameterKind::Text,
            "Conditions, JSON: `[{\"name\":\"clusterId\",\"value\":\"c1\"}]`.",
        ),
        Parameter::required(
            "GroupField",
            ParameterKind::Text,
            "pod, appName, namespace, clusterId, image.",
        ),
    ];
    type Answer = Detailed;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Detailed, Refusal> {
        let text = sent.required("Criteria")?;
        let field = sent.required("GroupField")?;
        if !matches!(field, "pod" | "appName" | "namespace" | "clusterId" | "image") {
            let wanted = "one of pod, appName, namespace, clusterId, image";
            return Err(Refusal::invalid("GroupField", field, wanted));
        }
        let containers = selected(context, Self::NAME, sent).await?;
        let members: Vec<&Container> = containers.iter().collect();
        let Some(first) = members.first() else {
            return Err(Refusal::invalid("Criteria", text, "fulfilled by any container"));
        };
        let sums = Sums::of(&members);
        let pods: BTreeSet<_> = members
            .iter()
            .map(|one| (&one.cluster_id, &one.workload.namespace, &one.workload.pod))
            .collect();
        let connections = context.store.cluster_connections().await;
        let connections = connections.map_err(|error| failed(Self::NAME, &error))?;
        let version = connections.get(&first.cluster_id).map(|one| one.version.clone());
        let detail = &first.workload.detail;
        Ok(Detailed {
            data: Detail {
                alarm_count: narrow(sums.malicious),
                app_name: first.workload.app.clone(),
                cluster_current_version: version.unwrap_or_default(),
                cluster_id: first.cluster_id.clone(),
                cluster_name: first.cluster_name.clone(),
                cluster_state: "RUNNING",
                cluster_type: CLUSTER_TYPE,
                container_count: narrow(members.len()),
                create_time: milliseconds(created(first)),
                instance_count: narrow(members.len()),
                namespace: first.workload.namespace.clone(),
                node_name: detail.node.clone(),
                pod: first.workload.pod.clone(),
                pod_count: narrow(pods.len()),
                pod_ip: detail.pod_ip.clone(),
                region_id: region(first).to_owned(),
                vul_count: narrow(sums.vulnerabilities),
            },
        })
    }
}

impl Run for DescribeContainerStatistics {
    const NAME: &'static str = "DescribeContainerStatistics";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Counts the malicious files of the images that run in a cluster.";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::required("ClusterId", ParameterKind::Text, "The cluster.")];
    type Answer = Statistics;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Statistics, Refusal> {
        let containers = context.store.containers(Some(sent.required("ClusterId")?)).await;
        let containers = containers.map_err(|error| failed(Self::NAME, &error))?;
        let sums = Sums::of(&containers.iter().collect::<Vec<_>>());
        let nodes = |is_meant: fn(&Container) -> bool| {
            let meant = containers.iter().filter(|one| is_meant(one));
            let names = meant.map(|one| one.workload.detail.node.as_str());
            narrow(names.filter(|name| !name.is_empty()).collect::<BTreeSet<_>>().len())
        };
        Ok(Statistics {
            data: Alarms {
                remind_alarm_count: narrow(sums.remind),
                serious_alarm_count: narrow(sums.serious),
                suspicious_alarm_count: narrow(sums.suspicious),
                total_alarm_count: narrow(sums.malicious),
                total_node: nodes(|_| true),
                has_risk_node: nodes(|one| counters(one).risk_level() > 0),
            },
        })
    }
}
