//! Containers: what runs in clusters, each with the image that it runs.
//!
//! In: a cluster, or none for all. Out: every container with its image's numbers. Odd: several images may have the digest that
//! runs: of those that are for the platform of the container's node, where both are known, the one that is called as the
//! container says is taken, else the first by its id. A container whose image is in no registry that we know has none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{Platform, Timestamp};

use crate::{
    ImageRisk, ImageRow, Store, StoreError, Workload,
    assets::registries,
    column,
    database::DatabaseConnection,
    error::Doing,
    listing::{MEETINGS, push_in},
    risk_list::{COLUMNS, TABLES},
    statement::QueryBuilder,
};

/// One container of a cluster, with its image.
#[derive(Clone, PartialEq, Debug)]
pub struct Container {
    /// The cluster.
    pub cluster_id: String,
    /// What people call the cluster; its id where nobody gave it a name.
    pub cluster_name: String,
    /// When the cluster's workloads last changed.
    pub seen: Timestamp,
    /// The container.
    pub workload: Workload,
    /// The image that it runs, with its numbers.
    pub image: Option<Arc<ImageRisk>>,
}

const DOING: &str = "listing containers";
/// Images of one statement.
const ROWS: usize = 500;

/// Cluster, namespace, pod and container: what containers are told apart by.
type Place = (String, String, String, String);

impl Store {
    /// All containers, or those of one cluster, in the order of cluster, namespace, pod and name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn containers(&self, cluster_id: Option<&str>) -> Result<Vec<Container>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut sql = QueryBuilder::new(
            "SELECT w.*, k.updated AS seen, COALESCE(n.name, j.name, w.cluster_id) AS cluster_name \
             FROM workloads w JOIN clusters k ON k.id = w.cluster_id \
             LEFT JOIN cluster_connections n ON n.cluster_id = w.cluster_id \
             LEFT JOIN cluster_keys j ON j.cluster_id = w.cluster_id WHERE 1 = 1",
        );
        if let Some(cluster) = cluster_id {
            sql.push(" AND w.cluster_id = ").push_bind(cluster);
        }
        sql.push(" ORDER BY w.cluster_id, w.namespace, w.pod, w.container");
        let rows = sql.build().fetch_all(&mut snapshot).await.doing(DOING)?;
        let chosen = chosen_images(&mut snapshot, cluster_id).await?;
        let wanted: BTreeSet<i64> = chosen.values().map(|choice| choice.image).collect();
        let images = images(&mut snapshot, &wanted).await?;
        rows.iter()
            .map(|row| {
                let workload = Workload::from_row(row)?;
                let cluster_id = column::text(row, "cluster_id")?;
                let place = (
                    cluster_id.clone(),
                    workload.namespace.clone(),
                    workload.pod.clone(),
                    workload.container.clone(),
                );
                let image = chosen.get(&place).and_then(|choice| images.get(&choice.image));
                Ok(Container {
                    cluster_id,
                    cluster_name: column::text(row, "cluster_name")?,
                    seen: column::time(row, "seen")?,
                    workload,
                    image: image.map(Arc::clone),
                })
            })
            .collect()
    }
}

/// An image that a container may run.
struct Choice {
    /// Whether it is for another platform than that of the container's node.
    is_foreign: bool,
    is_named: bool,
    uuid: String,
    image: i64,
}

/// Which image each container runs.
async fn chosen_images(
    connection: &mut DatabaseConnection,
    cluster_id: Option<&str>,
) -> Result<BTreeMap<Place, Choice>, StoreError> {
    let mut chosen: BTreeMap<Place, Choice> = BTreeMap::new();
    for meeting in MEETINGS {
        let mut sql = QueryBuilder::new(
            "SELECT w.cluster_id, w.namespace AS at_namespace, w.pod, w.container, i.uuid, i.id AS image, \
             CASE WHEN i.reference = w.reference AND EXISTS (SELECT 1 FROM registries x WHERE x.id = i.registry_id \
                 AND x.authority = w.authority) THEN 1 ELSE 0 END AS is_named, w.platform AS node_platform, \
             (SELECT a.platform FROM artifacts a WHERE a.id = i.artifact_id) AS image_platform FROM workloads w JOIN images i ON ",
        );
        sql.push(meeting);
        if let Some(cluster) = cluster_id {
            sql.push(" AND w.cluster_id = ").push_bind(cluster);
        }
        for row in &sql.build().fetch_all(&mut *connection).await.doing(DOING)? {
            let place = (
                column::text(row, "cluster_id")?,
                column::text(row, "at_namespace")?,
                column::text(row, "pod")?,
                column::text(row, "container")?,
            );
            let node: Option<String> = column::get(row, "node_platform")?;
            let own: Option<String> = column::get(row, "image_platform")?;
            let choice = Choice {
                is_foreign: !is_for(own.as_deref(), node.as_deref()),
                is_named: column::flag(row, "is_named")?,
                uuid: column::text(row, "uuid")?,
                image: column::number(row, "image")?,
            };
            let order = |one: &Choice| (one.is_foreign, !one.is_named, one.uuid.clone());
            if chosen.get(&place).is_none_or(|known| order(&choice) < order(known)) {
                chosen.insert(place, choice);
            }
        }
    }
    Ok(chosen)
}

/// Whether an image can be what a node runs, as far as is known. An image of which it is not known has no platform.
fn is_for(image: Option<&str>, node: Option<&str>) -> bool {
    let platform = |text: Option<&str>| text.and_then(|text| text.parse::<Platform>().ok());
    match (platform(image), platform(node)) {
        (Some(image), Some(node)) => image.satisfies(&node),
        _ => true,
    }
}

/// Images with their numbers, by the numbers of their rows.
async fn images(
    connection: &mut DatabaseConnection,
    wanted: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Arc<ImageRisk>>, StoreError> {
    let registries = registries(connection).await?;
    let wanted: Vec<i64> = wanted.iter().copied().collect();
    let mut images = BTreeMap::new();
    for part in wanted.chunks(ROWS) {
        let mut sql = QueryBuilder::new(COLUMNS);
        sql.push(", i.id AS image_number").push(TABLES);
        push_in(&mut sql, "i.id", part);
        for row in &sql.build().fetch_all(&mut *connection).await.doing(DOING)? {
            let image = ImageRow::from_row(row)?;
            let Some(registry) = registries.get(&image.registry_id) else { continue };
            let risk = ImageRisk::from_row(row, image, Arc::clone(registry))?;
            images.insert(column::number(row, "image_number")?, Arc::new(risk));
        }
    }
    Ok(images)
}
