//! Values of containers' fields: clusters, namespaces, applications, pods; how many there are; what can be searched by.
//!
//! In: a cluster, a field, a text. Out: names in their order, page by page where the contract pages them. Source: the vendor's
//! pages of those names; `docs/api.md`, "Containers". Odd: lists of names come without their total.

use std::collections::BTreeSet;

use plimsoll_store::Container;
use serde::Serialize;

use super::{CRITERIA, ImageName, counters};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, narrow, paging::Paging,
        registry::SOURCE_IP,
    },
    gateway::{Parameters, Refusal},
};

/// Applications of a cluster.
pub(crate) struct DescribeContainerApps;

/// Values of one field.
pub(crate) struct DescribeContainerTags;

/// How many containers, pods … there are.
pub(crate) struct DescribeContainerFieldStatistics;

/// What containers can be searched by.
pub(crate) struct DescribeContainerCriteria;

/// Clusters.
pub(crate) struct DescribeContainerServiceK8sClusters;

/// Namespaces of a cluster.
pub(crate) struct DescribeContainerServiceK8sClusterNamespaces;

const CLUSTER: Parameter =
    Parameter::optional("ClusterId", ParameterKind::Text, "Only of this cluster.");
const PAGE: Parameter =
    Parameter::required("CurrentPage", ParameterKind::Integer, Paging::ABOUT_PAGE);
const SIZE: Parameter = Parameter::required("PageSize", ParameterKind::Integer, Paging::ABOUT_SIZE);
const VALUE: Parameter =
    Parameter::optional("FieldValue", ParameterKind::Text, "Only values that contain this text.");
const OWNER: &str = "Ignored: there are no member accounts.";

/// What the two lists of values answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Values {
    tag_values: Vec<String>,
}

/// What `DescribeContainerFieldStatistics` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Statistics {
    container_grouped_fields: Counts,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counts {
    app_count: i32,
    cluster_count: i32,
    container_count: i32,
    image_count: i32,
    instance_count: i32,
    namespace_count: i32,
    pod_count: i32,
    risk_app_count: i32,
    risk_cluster_count: i32,
    risk_container_count: i32,
    risk_image_count: i32,
    risk_instance_count: i32,
    risk_pod_count: i32,
}

/// What `DescribeContainerCriteria` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Criteria {
    criteria_list: Vec<Criterion>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Criterion {
    name: &'static str,
    r#type: &'static str,
    values: &'static str,
}

/// What `DescribeContainerServiceK8sClusters` answers.
#[derive(Serialize)]
pub(crate) struct Clusters {
    #[serde(rename = "K8sClusters")]
    clusters: Vec<Cluster>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Cluster {
    cluster_id: String,
    name: String,
}

/// What `DescribeContainerServiceK8sClusterNamespaces` answers.
#[derive(Serialize)]
pub(crate) struct Namespaces {
    #[serde(rename = "K8sClusterNamespaces")]
    namespaces: Vec<Namespace>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Namespace {
    namespace: String,
}

/// A page of the values of a field.
async fn values(
    context: Context<'_>,
    action: &'static str,
    sent: &Parameters,
    field: fn(&Container) -> String,
) -> Result<Values, Refusal> {
    sent.required("CurrentPage")?;
    sent.required("PageSize")?;
    let paging = Paging::of(sent)?;
    let text = sent.text("FieldValue").unwrap_or_default().to_ascii_lowercase();
    let (app, namespace) = (sent.text("AppName"), sent.text("Namespace"));
    let containers = context.store.containers(sent.text("ClusterId")).await;
    let containers = containers.map_err(|error| failed(action, &error))?;
    let values: BTreeSet<String> = containers
        .iter()
        .filter(|one| app.is_none_or(|app| one.workload.app == app))
        .filter(|one| namespace.is_none_or(|namespace| one.workload.namespace == namespace))
        .map(field)
        .filter(|value| value.to_ascii_lowercase().contains(&text))
        .collect();
    let values: Vec<String> = values.into_iter().collect();
    Ok(Values { tag_values: paging.part(&values).to_vec() })
}

impl Run for DescribeContainerApps {
    const NAME: &'static str = "DescribeContainerApps";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists applications of a cluster.";
    const PARAMETERS: &'static [Parameter] = &[CLUSTER, VALUE, PAGE, SIZE];
    type Answer = Values;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Values, Refusal> {
        values(context, Self::NAME, sent, |one| one.workload.app.clone()).await
    }
}

impl Run for DescribeContainerTags {
    const NAME: &'static str = "DescribeContainerTags";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the values of one field of containers.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required(
            "FieldName",
            ParameterKind::Text,
            "clusterId, clusterName, namespace, appName, pod, image, tag.",
        ),
        VALUE,
        CLUSTER,
        Parameter::optional("Namespace", ParameterKind::Text, "Only of this namespace."),
        Parameter::optional("AppName", ParameterKind::Text, "Only of this application."),
        PAGE,
        SIZE,
    ];
    type Answer = Values;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Values, Refusal> {
        let field: fn(&Container) -> String = match sent.required("FieldName")? {
            "clusterId" => |one| one.cluster_id.clone(),
            "clusterName" => |one| one.cluster_name.clone(),
            "namespace" => |one| one.workload.namespace.clone(),
            "appName" => |one| one.workload.app.clone(),
            "pod" => |one| one.workload.pod.clone(),
            "image" => |one| one.workload.image.clone(),
            "tag" => |one| ImageName::of(one).tag,
            other => {
                let wanted = "one of clusterId, clusterName, namespace, appName, pod, image, tag";
                return Err(Refusal::invalid("FieldName", other, wanted));
            }
        };
        values(context, Self::NAME, sent, field).await
    }
}

impl Run for DescribeContainerFieldStatistics {
    const NAME: &'static str = "DescribeContainerFieldStatistics";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Counts clusters, namespaces, applications, pods, containers and their images, and those at risk.";
    const PARAMETERS: &'static [Parameter] = &[];
    type Answer = Statistics;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Statistics, Refusal> {
        let containers = context.store.containers(None).await;
        let all = containers.map_err(|error| failed(Self::NAME, &error))?;
        let at_risk: Vec<&Container> =
            all.iter().filter(|one| counters(one).risk_level() > 0).collect();
        let all: Vec<&Container> = all.iter().collect();
        let count = |of: &[&Container], key: fn(&Container) -> Vec<String>| {
            narrow(of.iter().map(|one| key(one)).collect::<BTreeSet<_>>().len())
        };
        let cluster = |one: &Container| vec![one.cluster_id.clone()];
        let namespace =
            |one: &Container| vec![one.cluster_id.clone(), one.workload.namespace.clone()];
        let app = |one: &Container| {
            let workload = &one.workload;
            vec![one.cluster_id.clone(), workload.namespace.clone(), workload.app.clone()]
        };
        let pod = |one: &Container| {
            let workload = &one.workload;
            vec![one.cluster_id.clone(), workload.namespace.clone(), workload.pod.clone()]
        };
        let image = |one: &Container| match &one.image {
            Some(image) => vec![image.image.manifest_digest.hex()],
            None => {
                let digest = one.workload.digest.map(|digest| digest.hex());
                vec![digest.unwrap_or_else(|| one.workload.image.clone())]
            }
        };
        Ok(Statistics {
            container_grouped_fields: Counts {
                app_count: count(&all, app),
                cluster_count: count(&all, cluster),
                container_count: narrow(all.len()),
                image_count: count(&all, image),
                instance_count: narrow(all.len()),
                namespace_count: count(&all, namespace),
                pod_count: count(&all, pod),
                risk_app_count: count(&at_risk, app),
                risk_cluster_count: count(&at_risk, cluster),
                risk_container_count: narrow(at_risk.len()),
                risk_image_count: count(&at_risk, image),
                risk_instance_count: narrow(at_risk.len()),
                risk_pod_count: count(&at_risk, pod),
            },
        })
    }
}

impl Run for DescribeContainerCriteria {
    const NAME: &'static str = "DescribeContainerCriteria";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists what containers can be searched by.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "GroupField",
            ParameterKind::Text,
            "Ignored: all groups can be searched alike.",
        ),
        Parameter::optional(
            "Value",
            ParameterKind::Text,
            "Only conditions that this text can be a value of.",
        ),
    ];
    type Answer = Criteria;

    async fn run(_context: Context<'_>, sent: &Parameters) -> Result<Criteria, Refusal> {
        let text = sent.text("Value").unwrap_or_default();
        let criteria_list = CRITERIA
            .iter()
            .filter(|(_, values)| {
                values.is_empty() || values.split(',').any(|value| value.contains(text))
            })
            .map(|(name, values)| Criterion {
                name,
                r#type: if values.is_empty() { "input" } else { "select" },
                values,
            })
            .collect();
        Ok(Criteria { criteria_list })
    }
}

impl Run for DescribeContainerServiceK8sClusters {
    const NAME: &'static str = "DescribeContainerServiceK8sClusters";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists clusters.";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::optional("ResourceOwnerId", ParameterKind::Long, OWNER), SOURCE_IP];
    type Answer = Clusters;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Clusters, Refusal> {
        let clusters = context.store.clusters().await;
        let clusters = clusters.map_err(|error| failed(Self::NAME, &error))?;
        let cluster = |one: plimsoll_store::Cluster| Cluster { cluster_id: one.id, name: one.name };
        Ok(Clusters { clusters: clusters.into_iter().map(cluster).collect() })
    }
}

impl Run for DescribeContainerServiceK8sClusterNamespaces {
    const NAME: &'static str = "DescribeContainerServiceK8sClusterNamespaces";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists namespaces of a cluster in which something runs.";
    const PARAMETERS: &'static [Parameter] =
        &[CLUSTER, Parameter::optional("ResourceOwnerId", ParameterKind::Long, OWNER), SOURCE_IP];
    type Answer = Namespaces;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Namespaces, Refusal> {
        let containers = context.store.containers(sent.text("ClusterId")).await;
        let containers = containers.map_err(|error| failed(Self::NAME, &error))?;
        let namespaces: BTreeSet<String> =
            containers.into_iter().map(|one| one.workload.namespace).collect();
        let namespace = |namespace| Namespace { namespace };
        Ok(Namespaces { namespaces: namespaces.into_iter().map(namespace).collect() })
    }
}
