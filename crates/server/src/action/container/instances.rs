//! `DescribeContainerInstances`: containers, one by one.
//!
//! In: conditions. Out: one page, in the order of cluster, namespace, pod and name. Source: the vendor's page of that name;
//! `docs/api.md`, "Containers". Odd: `RiskCount` is JSON in a text; `CreateTimestamp` is when the container was started, before that
//! when its pod was made, and where neither is told, when the cluster last changed; `NodeInfo` is the node's platform;
//! `ImageId` is `host/namespace/repository@sha256:…`, where a digest is known.

use plimsoll_store::Container;
use serde::Serialize;

use super::{ImageName, counters, created, region, selected};
use crate::{
    action::{
        AccessLevel, Context, Parameter, Run,
        asset::{CRITERIA, LOGICAL_EXP, yes_no},
        filters::{CURRENT_PAGE, PAGE_SIZE},
        milliseconds, narrow,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeContainerInstances;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    container_instance_list: Vec<Instance>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    alarm_count: i32,
    alarm_status: &'static str,
    app_name: String,
    cluster_id: String,
    cluster_name: String,
    container_id: String,
    create_timestamp: i64,
    hc_count: i32,
    hc_status: &'static str,
    host_ip: String,
    image: String,
    image_digest: String,
    image_id: String,
    image_repo_name: String,
    image_repo_namespace: String,
    image_repo_tag: String,
    image_uuid: String,
    namespace: String,
    node_info: String,
    node_name: String,
    pod: String,
    pod_ip: String,
    region_id: String,
    risk_count: String,
    risk_status: &'static str,
    vul_count: i32,
    vul_status: &'static str,
}

impl Run for DescribeContainerInstances {
    const NAME: &'static str = "DescribeContainerInstances";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists containers with the risks of their images.";
    const PARAMETERS: &'static [Parameter] = &[CRITERIA, LOGICAL_EXP, CURRENT_PAGE, PAGE_SIZE];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let containers = selected(context, Self::NAME, sent).await?;
        let part = paging.part(&containers);
        Ok(Answer {
            page_info: paging.info(part.len(), containers.len()),
            container_instance_list: part.iter().map(Instance::of).collect(),
        })
    }
}

impl Instance {
    fn of(container: &Container) -> Self {
        let (workload, counters) = (&container.workload, counters(container));
        let (detail, name) = (&workload.detail, ImageName::of(container));
        let risk = container.image.as_deref();
        let image = risk.map(|risk| &risk.image);
        let digest = workload.digest.or_else(|| image.map(|image| image.manifest_digest));
        let image_id = match (risk, digest) {
            (Some(risk), Some(digest)) => {
                format!("{}/{}@{digest}", risk.registry.settings.authority(), risk.image.path())
            }
            _ => String::new(),
        };
        Self {
            alarm_count: narrow(counters.malicious()),
            alarm_status: yes_no(counters.malicious() > 0),
            app_name: workload.app.clone(),
            cluster_id: container.cluster_id.clone(),
            cluster_name: container.cluster_name.clone(),
            container_id: detail.container_id.clone(),
            create_timestamp: milliseconds(created(container)),
            hc_count: narrow(counters.baseline()),
            hc_status: yes_no(counters.baseline() > 0),
            host_ip: detail.host_ip.clone(),
            image: workload.image.clone(),
            image_digest: digest.map(|digest| digest.hex()).unwrap_or_default(),
            image_id,
            image_repo_name: name.repository,
            image_repo_namespace: name.namespace,
            image_repo_tag: name.tag,
            image_uuid: image.map(|image| image.uuid.clone()).unwrap_or_default(),
            namespace: workload.namespace.clone(),
            node_info: detail.platform.as_ref().map(ToString::to_string).unwrap_or_default(),
            node_name: detail.node.clone(),
            pod: workload.pod.clone(),
            pod_ip: detail.pod_ip.clone(),
            region_id: region(container).to_owned(),
            risk_count: counters.statistics(),
            risk_status: yes_no(counters.risk_level() > 0),
            vul_count: narrow(counters.vulnerabilities()),
            vul_status: yes_no(counters.vulnerabilities() > 0),
        }
    }
}
