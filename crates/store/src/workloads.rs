//! Workloads: which images run where.
//!
//! In: the containers of a cluster, whole each time. Out: rows that the risk list's cluster filters join with images.
//! Odd: a container with a digest is joined by it alone (the tag may have moved since); one without, not pulled yet, is
//! joined by its reference.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Digest, ImageReference, Timestamp, reference::DOCKER_HUB};

use crate::{
    Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    images::dashed,
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
}

/// One cluster whose workloads are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// `ClusterId`.
    pub id: String,
    /// How many containers it has.
    pub containers: u64,
    /// Of them, how many run an image that is in a registry that we know.
    pub known: u64,
    /// When its workloads last changed.
    pub updated: Timestamp,
}

const DOING: &str = "writing workloads";
/// Rows of one INSERT: SQLite takes 32,766 values, PostgreSQL 65,535.
const ROWS: usize = 500;

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
        let wanted: BTreeMap<_, _> = workloads
            .iter()
            .map(|workload| {
                ((&workload.namespace, &workload.pod, &workload.container), workload.clone())
            })
            .collect();
        let wanted: BTreeSet<Workload> = wanted.into_values().map(with_written_digest).collect();
        if stored(&mut *self.read().await?, cluster_id).await? == wanted {
            return Ok(false);
        }
        let mut transaction = self.write().await?;
        statement::query("DELETE FROM workloads WHERE cluster_id = $1")
            .bind(cluster_id)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        if wanted.is_empty() {
            statement::query("DELETE FROM clusters WHERE id = $1")
                .bind(cluster_id)
                .execute(&mut transaction)
                .await
                .doing(DOING)?;
        } else {
            insert(&mut transaction, cluster_id, &wanted, now).await?;
        }
        transaction.commit().await.doing(DOING)?;
        Ok(true)
    }

    /// All clusters by id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn clusters(&self) -> Result<Vec<Cluster>, StoreError> {
        let rows = statement::query(
            "SELECT c.id, c.updated, \
             (SELECT COUNT(*) FROM workloads w WHERE w.cluster_id = c.id) AS containers, \
             (SELECT COUNT(*) FROM workloads w WHERE w.cluster_id = c.id AND ( \
                 EXISTS (SELECT 1 FROM images i WHERE i.digest = w.digest) \
                 OR EXISTS (SELECT 1 FROM images i WHERE i.manifest_digest = w.digest) \
                 OR EXISTS (SELECT 1 FROM images i WHERE i.image_id = w.digest) \
                 OR (w.digest = '' AND EXISTS (SELECT 1 FROM images i JOIN registries r ON r.id = i.registry_id \
                     WHERE i.reference = w.reference AND r.authority = w.authority)))) AS known \
             FROM clusters c ORDER BY c.id",
        )
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("listing clusters")?;
        let cluster = |row| {
            Ok(Cluster {
                id: column::text(row, "id")?,
                containers: column::number(row, "containers")?,
                known: column::number(row, "known")?,
                updated: column::time(row, "updated")?,
            })
        };
        rows.iter().map(cluster).collect()
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

async fn stored(
    connection: &mut DatabaseConnection,
    cluster_id: &str,
) -> Result<BTreeSet<Workload>, StoreError> {
    let rows = statement::query("SELECT * FROM workloads WHERE cluster_id = $1")
        .bind(cluster_id)
        .fetch_all(connection)
        .await
        .doing("reading workloads")?;
    rows.iter().map(Workload::from_row).collect()
}

async fn insert(
    transaction: &mut Transaction,
    cluster_id: &str,
    workloads: &BTreeSet<Workload>,
    now: Timestamp,
) -> Result<(), StoreError> {
    statement::query(
        "INSERT INTO clusters (id, updated) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET updated = excluded.updated",
    )
    .bind(cluster_id)
    .bind(now.0)
    .execute(transaction)
    .await
    .doing(DOING)?;
    let rows: Vec<&Workload> = workloads.iter().collect();
    for part in rows.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "INSERT INTO workloads (cluster_id, namespace, app, pod, container, image, digest, authority, reference) ",
        );
        sql.push_values(part, |mut values, workload| {
            let (authority, reference) = workload.join_names();
            values
                .push_bind(cluster_id.to_owned())
                .push_bind(workload.namespace.clone())
                .push_bind(workload.app.clone())
                .push_bind(workload.pod.clone())
                .push_bind(workload.container.clone())
                .push_bind(workload.image.clone())
                .push_bind(workload.digest.map_or_else(String::new, |digest| digest.to_string()))
                .push_bind(authority)
                .push_bind(reference);
        });
        sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}
