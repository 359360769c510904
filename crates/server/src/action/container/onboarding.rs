//! How clusters come in: keys for those that tell by themselves, those that are watched, and how watching goes.
//!
//! In: a name and until when; a key's number; clusters' ids. Out: the key, once; lists without credentials. Source: the vendor's
//! pages of those names; `docs/clusters.md`, `docs/api.md`, "Containers".
//!
//! Odd:
//! * `InstallKey` is shown by the action that makes it and by no other, because the database holds its hash only.
//! * `KubeConfig` is always empty: what was given never comes out again.
//! * What the contract calls a scanner in a cluster is, here, the watch over it: `online` while a process watches, `offline`
//!   while none does or something is wrong, `not_installed` where somebody else tells what runs.

use plimsoll_model::Timestamp;
use plimsoll_store::{Cluster, ClusterKey, NewClusterKey};
use serde::Serialize;

use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, milliseconds, narrow},
    gateway::{Parameters, Refusal},
};

/// Makes a key.
pub(crate) struct GenerateK8sAccessInfo;

/// Lists keys.
pub(crate) struct ListK8sAccessInfo;

/// Takes a key back.
pub(crate) struct DeleteK8sAccessInfo;

/// Lists the clusters that are watched.
pub(crate) struct ListPrivateK8s;

/// Tells how watching goes.
pub(crate) struct DescribeClusterScannerList;

const IGNORED: &str = "Ignored.";
const API: Parameter =
    Parameter::optional("AliyunYundunGatewayApiName", ParameterKind::Text, IGNORED);
const POP: Parameter =
    Parameter::optional("AliyunYundunGatewayPopName", ParameterKind::Text, IGNORED);
const PROJECT: Parameter =
    Parameter::optional("AliyunYundunGatewayProjectName", ParameterKind::Text, IGNORED);
const LANG: Parameter = Parameter::optional("Lang", ParameterKind::Text, IGNORED);
const STATUSES: [&str; 3] = ["online", "offline", "not_installed"];
/// Longest word that is kept of what somebody says of a cluster, in characters.
const LONGEST_WORD: usize = 64;

/// What `GenerateK8sAccessInfo` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Generated {
    data: Access,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Access {
    cluster_id: String,
    cluster_name: String,
    cpu_arch: String,
    expire_date: i64,
    group_id: String,
    install_key: String,
}

/// What `ListK8sAccessInfo` answers.
#[derive(Serialize)]
pub(crate) struct Accesses {
    #[serde(rename = "K8sAccessInfos")]
    accesses: Vec<ListedAccess>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedAccess {
    #[serde(flatten)]
    access: Access,
    id: i64,
    vendor: String,
}

/// What `DeleteK8sAccessInfo` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Deleted {
    data: bool,
}

/// What `ListPrivateK8s` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PrivateClusters {
    #[serde(rename = "PrivateK8sInfos")]
    clusters: Vec<PrivateCluster>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PrivateCluster {
    api_server_ip: String,
    cluster_name: String,
    id: i64,
    #[serde(rename = "K8sVersion")]
    version: String,
    kube_config: &'static str,
}

/// What `DescribeClusterScannerList` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Scanners {
    installed_count: i32,
    list: Vec<Scanner>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Scanner {
    last_time: i64,
    need_update: bool,
    status: &'static str,
    version: &'static str,
}

impl Run for GenerateK8sAccessInfo {
    const NAME: &'static str = "GenerateK8sAccessInfo";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str =
        "Makes a key by which a cluster that cannot be reached tells what it runs.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required("ClusterName", ParameterKind::Text, "What people call it."),
        Parameter::required("GroupId", ParameterKind::Long, "Kept and answered as it is."),
        Parameter::required("Vendor", ParameterKind::Text, "Kept and answered as it is."),
        Parameter::required(
            "ExpireDate",
            ParameterKind::Long,
            "Until when the key lets in, in milliseconds since 1970.",
        ),
        Parameter::optional("CpuArch", ParameterKind::Text, "Kept and answered as it is."),
        Parameter::optional("AuditProject", ParameterKind::Text, IGNORED),
        Parameter::optional("AuditLogStore", ParameterKind::Text, IGNORED),
        Parameter::optional("AuditRegionId", ParameterKind::Text, IGNORED),
        API,
        POP,
        PROJECT,
    ];
    type Answer = Generated;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Generated, Refusal> {
        let missing = |name: &str| Refusal::MissingParameter(name.to_owned());
        let name = word(sent, "ClusterName", 128)?.ok_or_else(|| missing("ClusterName"))?;
        let vendor = word(sent, "Vendor", LONGEST_WORD)?.ok_or_else(|| missing("Vendor"))?;
        let group = sent.long("GroupId")?.ok_or_else(|| missing("GroupId"))?;
        let until = sent.long("ExpireDate")?.ok_or_else(|| missing("ExpireDate"))?;
        let expires = Timestamp(until.div_euclid(1_000));
        if expires <= context.now {
            let wanted = "a time to come, in milliseconds since 1970";
            return Err(Refusal::invalid("ExpireDate", &until.to_string(), wanted));
        }
        let new = NewClusterKey {
            cluster_id: format!("c{}", uuid::Uuid::new_v4().simple()),
            name,
            vendor,
            cpu_arch: word(sent, "CpuArch", LONGEST_WORD)?.unwrap_or_default(),
            group_id: group.to_string(),
            expires: Some(expires),
        };
        let key = context.store.create_cluster_key(&new, context.now).await;
        let key = key.map_err(|error| failed(Self::NAME, &error))?;
        tracing::info!(cluster.name = new.name, cluster.id = new.cluster_id, "cluster key made");
        Ok(Generated { data: Access::of(new, key.reveal().clone()) })
    }
}

/// A text that somebody says of a cluster; `None`: nothing was said.
fn word(sent: &Parameters, name: &str, longest: usize) -> Result<Option<String>, Refusal> {
    let Some(text) = sent.text(name).map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.chars().count() > longest || text.chars().any(char::is_control) {
        let wanted = format!("1 to {longest} characters, none of them a control character");
        return Err(Refusal::invalid(name, text, &wanted));
    }
    Ok(Some(text.to_owned()))
}

impl Access {
    fn of(settings: NewClusterKey, install_key: String) -> Self {
        Self {
            cluster_id: settings.cluster_id,
            cluster_name: settings.name,
            cpu_arch: settings.cpu_arch,
            expire_date: settings.expires.map_or(0, milliseconds),
            group_id: settings.group_id,
            install_key,
        }
    }
}

impl Run for ListK8sAccessInfo {
    const NAME: &'static str = "ListK8sAccessInfo";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the keys of clusters, without the keys themselves.";
    const PARAMETERS: &'static [Parameter] = &[API, POP, PROJECT, LANG];
    type Answer = Accesses;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Accesses, Refusal> {
        let keys = context.store.cluster_keys().await;
        let keys = keys.map_err(|error| failed(Self::NAME, &error))?;
        let listed = |key: ClusterKey| ListedAccess {
            id: key.number,
            vendor: key.settings.vendor.clone(),
            access: Access::of(key.settings, String::new()),
        };
        Ok(Accesses { accesses: keys.into_iter().map(listed).collect() })
    }
}

impl Run for DeleteK8sAccessInfo {
    const NAME: &'static str = "DeleteK8sAccessInfo";
    const ACCESS: AccessLevel = AccessLevel::Delete;
    const ABOUT: &'static str = "Takes the key of a cluster back; what the cluster told stays.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required("Id", ParameterKind::Long, "The key's, of ListK8sAccessInfo."),
        API,
        POP,
        PROJECT,
    ];
    type Answer = Deleted;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Deleted, Refusal> {
        let id = sent.long("Id")?.ok_or_else(|| Refusal::MissingParameter("Id".to_owned()))?;
        let removed = context.store.remove_cluster_key(id).await;
        Ok(Deleted { data: removed.map_err(|error| failed(Self::NAME, &error))? })
    }
}

impl Run for ListPrivateK8s {
    const NAME: &'static str = "ListPrivateK8s";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the clusters that are watched, without their credentials.";
    const PARAMETERS: &'static [Parameter] = &[];
    type Answer = PrivateClusters;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<PrivateClusters, Refusal> {
        let connections = context.store.cluster_connections().await;
        let connections = connections.map_err(|error| failed(Self::NAME, &error))?;
        let mut connections: Vec<_> = connections.into_values().collect();
        connections.sort_by_key(|one| one.number);
        let clusters = connections.into_iter().map(|one| PrivateCluster {
            api_server_ip: host(&one.server).to_owned(),
            cluster_name: one.name,
            id: one.number,
            version: one.version,
            kube_config: "",
        });
        Ok(PrivateClusters { clusters: clusters.collect() })
    }
}

/// The host of an address, without scheme, port and path.
fn host(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

impl Run for DescribeClusterScannerList {
    const NAME: &'static str = "DescribeClusterScannerList";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Tells of each cluster whether it is watched.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("ClusterIdList", ParameterKind::TextList, "Only these clusters."),
        Parameter::optional(
            "StatusList",
            ParameterKind::TextList,
            "Only those that are online, offline, not_installed.",
        ),
        LANG,
    ];
    type Answer = Scanners;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Scanners, Refusal> {
        let (ids, wanted) = (sent.list("ClusterIdList")?, sent.list("StatusList")?);
        if let Some(wrong) = wanted.iter().find(|word| !STATUSES.contains(&word.as_str())) {
            let words = "one of online, offline, not_installed";
            return Err(Refusal::invalid("StatusList", wrong, words));
        }
        let clusters = context.store.clusters().await;
        let clusters = clusters.map_err(|error| failed(Self::NAME, &error))?;
        let mut list = Vec::new();
        for cluster in clusters.iter().filter(|one| ids.is_empty() || ids.contains(&one.id)) {
            let scanner = Scanner::of(cluster, context.now);
            if wanted.is_empty() || wanted.iter().any(|word| word == scanner.status) {
                list.push(scanner);
            }
        }
        let installed = list.iter().filter(|one| one.status != "not_installed").count();
        Ok(Scanners { installed_count: narrow(installed), list })
    }
}

impl Scanner {
    fn of(cluster: &Cluster, now: Timestamp) -> Self {
        let connection = cluster.connection.as_ref();
        let status = match connection {
            None => "not_installed",
            Some(one) if one.problem.is_none() && one.watched_until > Some(now) => "online",
            Some(_) => "offline",
        };
        Self {
            last_time: connection
                .map(|one| one.heard.map_or(cluster.updated, |heard| heard.max(cluster.updated)))
                .map_or(0, milliseconds),
            need_update: false,
            status,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_found() {
        for (server, wanted) in [
            ("https://10.0.0.1:6443", "10.0.0.1"),
            ("https://[fd00::1]:6443/k8s/clusters/c-1", "fd00::1"),
            ("https://kubernetes.default.svc", "kubernetes.default.svc"),
        ] {
            assert_eq!(host(server), wanted);
        }
    }
}
