//! Workloads: which images run where.
//!
//! In: the containers of a cluster, whole, or those of some of its pods. Out: rows that the risk list's cluster filters join
//! with images. Odd: a container with a digest is joined by it alone (the tag may have moved since); one without, not pulled
//! yet, is joined by its reference. Only pods in which something differs are written.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    ContainerDetail, ContainerRole, ContainerState, Digest, ImageReference, Timestamp,
    reference::DOCKER_HUB,
};

use crate::{
    ClusterConnection, Store, StoreError, cluster_connections, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    images::dashed,
    listing::push_in,
    statement::{self, QueryBuilder},
};

/// One container of a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Workload {
    /// Namespace in the cluster.
    pub namespace: String,
    /// Application: the workload's name.
    pub app: String,
    /// Pod.
    pub pod: String,
    /// Container in the pod.
    pub container: String,
    /// Image as it is written in the pod.
    pub image: String,
    /// What runs: a manifest's, an index's or a configuration's digest; `None` before the pull.
    pub digest: Option<Digest>,
    /// Where and how it runs.
    pub detail: ContainerDetail,
}

/// Namespace and name of a pod.
pub type PodName = (String, String);

/// One cluster whose workloads are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// `ClusterId`.
    pub id: String,
    /// What people call it; its id where nobody gave it a name.
    pub name: String,
    /// How many containers it has.
    pub containers: u64,
    /// Of them, how many run an image that is in a registry that we know.
    pub known: u64,
    /// When its workloads last changed.
    pub updated: Timestamp,
    /// How it is watched; `None`: somebody else tells of it.
    pub connection: Option<ClusterConnection>,
}

const DOING: &str = "writing workloads";
/// Rows of one INSERT: SQLite takes 32,766 values, PostgreSQL 65,535.
const ROWS: usize = 500;

/// What runs in each pod.
pub(crate) type Pods = BTreeMap<PodName, BTreeSet<Workload>>;

impl Workload {
    /// Reads the columns of `workloads`.
    pub(crate) fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let digest = column::text(row, "digest")?;
        Ok(Self {
            namespace: column::text(row, "namespace")?,
            app: column::text(row, "app")?,
            pod: column::text(row, "pod")?,
            container: column::text(row, "container")?,
            image: column::text(row, "image")?,
            digest: if digest.is_empty() { None } else { Some(column::digest(row, "digest")?) },
            detail: ContainerDetail {
                role: column::word(row, "role", ContainerRole::ALL)?,
                state: column::word(row, "state", ContainerState::ALL)?,
                container_id: column::text(row, "container_id")?,
                node: column::text(row, "node")?,
                platform: column::optional_parsed(row, "platform", "a platform")?,
                pod_ip: column::text(row, "pod_ip")?,
                host_ip: column::text(row, "host_ip")?,
                created: column::optional_time(row, "created")?,
            },
        })
    }

    /// Authority and reference that a container without digest is joined by; empty where the image is no reference.
    fn join_names(&self) -> (String, String) {
        let Ok(reference) = self.image.parse::<ImageReference>() else {
            return (String::new(), String::new());
        };
        let host = if reference.host == DOCKER_HUB { "docker.io" } else { &reference.host };
        let tag = reference.tag.as_deref().unwrap_or("latest");
        let name = format!("{}:{tag}", reference.repository);
        // No image has a longer one; whoever may start a pod may write one.
        (host.to_owned(), column::searchable(&name).to_owned())
    }
}

impl Store {
    /// Replaces the workloads of a cluster; none at all forgets the cluster. Of two containers with the same namespace, pod
    /// and name the last counts. Returns whether anything changed.
    ///
    /// # Errors
    /// The database fails.
    pub async fn replace_workloads(
        &self,
        cluster_id: &str,
        workloads: &[Workload],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let wanted = by_pod(workloads);
        let stored = stored_pods(&mut *self.read().await?, cluster_id, None).await?;
        if stored == wanted {
            return Ok(false);
        }
        let mut transaction = self.write().await?;
        if wanted.is_empty() {
            statement::query(
                "DELETE FROM clusters WHERE id = $1 \
                 AND NOT EXISTS (SELECT 1 FROM cluster_connections n WHERE n.cluster_id = $1)",
            )
            .bind(cluster_id)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        }
        write_pods(&mut transaction, cluster_id, None, &wanted, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(true)
    }

    /// All clusters by id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn clusters(&self) -> Result<Vec<Cluster>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut connections = cluster_connections::all(&mut snapshot).await?;
        let rows = statement::query(
            "SELECT c.id, c.updated, k.name AS key_name, \
             (SELECT COUNT(*) FROM workloads w WHERE w.cluster_id = c.id) AS containers, \
             (SELECT COUNT(*) FROM workloads w WHERE w.cluster_id = c.id AND ( \
                 EXISTS (SELECT 1 FROM images i WHERE i.digest = w.digest) \
                 OR EXISTS (SELECT 1 FROM images i WHERE i.manifest_digest = w.digest) \
                 OR EXISTS (SELECT 1 FROM images i WHERE i.image_id = w.digest) \
                 OR (w.digest = '' AND EXISTS (SELECT 1 FROM images i JOIN registries r ON r.id = i.registry_id \
                     WHERE i.reference = w.reference AND r.authority = w.authority)))) AS known \
             FROM clusters c LEFT JOIN cluster_keys k ON k.cluster_id = c.id ORDER BY c.id",
        )
        .fetch_all(&mut snapshot)
        .await
        .doing("listing clusters")?;
        rows.iter()
            .map(|row| {
                let id = column::text(row, "id")?;
                let connection = connections.remove(&id);
                let key_name: Option<String> = column::get(row, "key_name")?;
                let own = connection.as_ref().map(|connection| connection.name.clone());
                Ok(Cluster {
                    name: own.or(key_name).unwrap_or_else(|| id.clone()),
                    id,
                    containers: column::number(row, "containers")?,
                    known: column::number(row, "known")?,
                    updated: column::time(row, "updated")?,
                    connection,
                })
            })
            .collect()
    }

    /// The workloads that run an image, as `(cluster id, workload)`, sorted; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn workloads_of_image(
        &self,
        uuid: &str,
        limit: u32,
    ) -> Result<Vec<(String, Workload)>, StoreError> {
        let rows = statement::query(
            "SELECT w.* FROM images i JOIN registries r ON r.id = i.registry_id JOIN workloads w \
             ON w.digest IN (i.digest, i.manifest_digest, i.image_id) \
             OR (w.digest = '' AND w.reference = i.reference AND w.authority = r.authority) \
             WHERE i.uuid = $1 ORDER BY w.cluster_id, w.namespace, w.app, w.pod, w.container LIMIT $2",
        )
        .bind(dashed(uuid))
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("listing the workloads of an image")?;
        rows.iter()
            .map(|row| Ok((column::text(row, "cluster_id")?, Workload::from_row(row)?)))
            .collect()
    }
}

/// A pod that names its image by digest runs that one, pulled or not.
fn with_written_digest(workload: Workload) -> Workload {
    let written = workload.image.parse::<ImageReference>().ok().and_then(|image| image.digest);
    Workload { digest: workload.digest.or(written), ..workload }
}

/// What runs, by pod. Of two containers of a pod with the same name the last counts.
pub(crate) fn by_pod(workloads: &[Workload]) -> Pods {
    let by_place: BTreeMap<_, _> =
        workloads.iter().map(|one| ((&one.namespace, &one.pod, &one.container), one)).collect();
    let mut pods = Pods::new();
    for workload in by_place.into_values() {
        let name = (workload.namespace.clone(), workload.pod.clone());
        pods.entry(name).or_default().insert(with_written_digest(workload.clone()));
    }
    pods
}

/// What is stored of a cluster: of all its pods, or of some.
pub(crate) async fn stored_pods(
    connection: &mut DatabaseConnection,
    cluster_id: &str,
    pods: Option<&[PodName]>,
) -> Result<Pods, StoreError> {
    const DOING: &str = "reading workloads";
    let mut rows = Vec::new();
    let begun = || {
        let mut sql = QueryBuilder::new("SELECT * FROM workloads WHERE cluster_id = ");
        sql.push_bind(cluster_id);
        sql
    };
    match pods {
        None => rows = begun().build().fetch_all(connection).await.doing(DOING)?,
        Some(pods) => {
            for (namespace, names) in by_namespace(pods) {
                for part in names.chunks(ROWS) {
                    let mut sql = begun();
                    sql.push(" AND namespace = ").push_bind(namespace).push(" AND ");
                    push_in(&mut sql, "pod", part);
                    rows.extend(sql.build().fetch_all(&mut *connection).await.doing(DOING)?);
                }
            }
        }
    }
    let mut stored = Pods::new();
    for row in &rows {
        let workload = Workload::from_row(row)?;
        let name = (workload.namespace.clone(), workload.pod.clone());
        stored.entry(name).or_default().insert(workload);
    }
    Ok(stored)
}

/// Makes what is stored what is wanted: of all pods of a cluster, or of some. Returns whether anything was different.
pub(crate) async fn write_pods(
    transaction: &mut Transaction,
    cluster_id: &str,
    pods: Option<&[PodName]>,
    wanted: &Pods,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let stored = stored_pods(transaction, cluster_id, pods).await?;
    let differs = |name: &PodName| stored.get(name) != wanted.get(name);
    let gone: Vec<PodName> = stored.keys().filter(|name| differs(name)).cloned().collect();
    let new: Vec<&Workload> =
        wanted.iter().filter(|(name, _)| differs(name)).flat_map(|(_, all)| all).collect();
    if gone.is_empty() && new.is_empty() {
        return Ok(false);
    }
    for (namespace, names) in by_namespace(&gone) {
        for part in names.chunks(ROWS) {
            let mut sql = QueryBuilder::new("DELETE FROM workloads WHERE cluster_id = ");
            sql.push_bind(cluster_id).push(" AND namespace = ").push_bind(namespace).push(" AND ");
            push_in(&mut sql, "pod", part);
            sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
        }
    }
    // Whoever keeps the list of images in memory learns of workloads by this.
    let sql = if wanted.is_empty() && pods.is_none() {
        "UPDATE clusters SET updated = $2 WHERE id = $1"
    } else {
        "INSERT INTO clusters (id, updated) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET updated = excluded.updated"
    };
    statement::query(sql).bind(cluster_id).bind(now.0).execute(transaction).await.doing(DOING)?;
    insert(transaction, cluster_id, &new).await?;
    Ok(true)
}

/// Pods of each namespace.
fn by_namespace(pods: &[PodName]) -> BTreeMap<&str, Vec<String>> {
    let mut spaces: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (namespace, pod) in pods {
        spaces.entry(namespace).or_default().push(pod.clone());
    }
    spaces
}

async fn insert(
    transaction: &mut Transaction,
    cluster_id: &str,
    workloads: &[&Workload],
) -> Result<(), StoreError> {
    for part in workloads.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "INSERT INTO workloads (cluster_id, namespace, app, pod, container, image, digest, authority, reference, role, \
             state, container_id, node, platform, pod_ip, host_ip, created) ",
        );
        sql.push_values(part, |mut values, workload| {
            let (authority, reference) = workload.join_names();
            let detail = &workload.detail;
            values
                .push_bind(cluster_id.to_owned())
                .push_bind(workload.namespace.clone())
                .push_bind(workload.app.clone())
                .push_bind(workload.pod.clone())
                .push_bind(workload.container.clone())
                .push_bind(workload.image.clone())
                .push_bind(workload.digest.map_or_else(String::new, |digest| digest.to_string()))
                .push_bind(authority)
                .push_bind(reference)
                .push_bind(detail.role.as_str())
                .push_bind(detail.state.as_str())
                .push_bind(detail.container_id.clone())
                .push_bind(detail.node.clone())
                .push_bind(detail.platform.as_ref().map(ToString::to_string))
                .push_bind(detail.pod_ip.clone())
                .push_bind(detail.host_ip.clone())
                .push_bind(detail.created.map(|time| time.0));
        });
        sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}
