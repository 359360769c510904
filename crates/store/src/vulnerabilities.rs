//! Vulnerabilities of the fleet: grouped by name, and one by one as images have them.
//!
//! In: filters of images and of vulnerabilities, and which part of the list is wanted. Out: [`GroupedVulnerability`] and
//! [`VulnerabilityInstance`]. Source: `docs/api.md`, "Vulnerabilities"; `docs/semantics.md`, "Counters".
//!
//! Odd: how many there are, and which stand on a page, is known in memory (`vulnerabilities/index.rs`); what is said of
//! those on the page is read from the database, in the same state of it.

mod follow;
mod grouped;
mod ignored;
mod index;
mod instances;
mod one_image;
mod others;

use std::collections::{BTreeSet, HashSet};

use plimsoll_model::{Digest, Finding, Origin, Priority};

use self::index::{RecordFilter, Standing, State};
use crate::{
    ImageSelection, StoreError, artifacts, column,
    database::DatabaseConnection,
    error::Doing,
    image_selection::push_selection,
    inventories,
    inventory_rows::corrupt,
    listing::push_in,
    statement::{self, QueryBuilder},
};

pub use self::{
    grouped::{GroupedQuery, GroupedVulnerability},
    instances::{
        InstanceQuery, InstanceState, InstanceStates, VulnerabilityInstance, WorkloadPlace,
    },
    one_image::VulnerablePackage,
};
pub(crate) use self::{
    index::{HolderId, Index as VulnerabilityIndex},
    one_image::runs_in,
    others::{Group, OtherEntry, Others},
};

/// Which vulnerabilities; what is given is combined with "and".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VulnerabilityFilter {
    /// In packages of the distribution, or of languages.
    pub origin: Option<Origin>,
    /// Of this priority.
    pub priority: Option<Priority>,
    /// Of this name, to the letter: `debian:12:CVE-2024-5535`.
    pub name: Option<String>,
    /// With this id, alias or advisory, without regard to ASCII case.
    pub id: Option<String>,
    /// Whose title contains this, without regard to case.
    pub title: Option<String>,
}

/// An image of a selection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selected {
    pub(crate) image: i64,
    pub(crate) holder: HolderId,
    /// What its tag named before it last moved.
    pub(crate) previous: Option<HolderId>,
}

const DOING: &str = "listing vulnerabilities";
/// Rows of one statement.
const ROWS: usize = 500;

impl VulnerabilityFilter {
    /// The same in the index's numbers, for vulnerabilities in one of these states.
    async fn in_numbers(
        &self,
        connection: &mut DatabaseConnection,
        index: &VulnerabilityIndex,
        states: &[State],
    ) -> Result<RecordFilter, StoreError> {
        let mut records: Option<HashSet<u32>> =
            self.name.as_ref().map(|name| index.number_of(name).into_iter().collect());
        if let Some(id) = &self.id {
            let named = records_named(connection, index, id).await?;
            records = Some(match records {
                None => named,
                Some(records) => records.intersection(&named).copied().collect(),
            });
        }
        let standings = states.iter().flat_map(|state| Standing::all(*state));
        let is_wanted =
            |standing: &Standing| self.priority.is_none_or(|wanted| wanted == standing.priority);
        Ok(RecordFilter {
            origin: self.origin,
            standings: standings.filter(is_wanted).collect(),
            records,
            title: self.title.as_ref().map(|title| title.to_lowercase()),
        })
    }
}

/// The priority of a vulnerability; of one that does not count, what it would be.
fn would_be(finding: &Finding) -> Priority {
    let tenths =
        finding.urgency.as_ref().filter(|_| !finding.is_open()).map_or(0, |urgency| urgency.tenths);
    finding.priority.unwrap_or_else(|| Priority::of_tenths(tenths))
}

/// The vulnerabilities that bear a name: id, alias or advisory.
async fn records_named(
    connection: &mut DatabaseConnection,
    index: &VulnerabilityIndex,
    name: &str,
) -> Result<HashSet<u32>, StoreError> {
    let rows = statement::query(
        "SELECT DISTINCT f.record FROM part_names n JOIN part_findings f ON f.part_id = n.part_id AND f.number = n.number \
         WHERE n.name = $1 AND f.kind = 'vulnerability' \
         UNION SELECT DISTINCT f.record FROM finding_names n JOIN findings f ON f.artifact_id = n.artifact_id \
         AND f.number = n.number WHERE n.name = $1 AND f.kind = 'vulnerability'",
    )
    .bind(column::searchable(name.trim()).to_ascii_uppercase())
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    let mut records = HashSet::new();
    for row in &rows {
        records.extend(index.number_of(&column::text(row, "record")?));
    }
    Ok(records)
}

/// The scanned images of a selection, by registry, namespace, repository and tag.
pub(crate) async fn selected(
    connection: &mut DatabaseConnection,
    selection: &ImageSelection,
) -> Result<Vec<Selected>, StoreError> {
    selected_of(connection, selection, None).await
}

/// The same of those alone that hold one of these, where they are told.
pub(crate) async fn selected_of(
    connection: &mut DatabaseConnection,
    selection: &ImageSelection,
    holders: Option<&[HolderId]>,
) -> Result<Vec<Selected>, StoreError> {
    let mut sql = QueryBuilder::new(
        "SELECT i.id, i.artifact_id, COALESCE(a.inventory_id, -a.id) AS holder, COALESCE(p.inventory_id, -p.id) AS previous \
         FROM images i JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id \
         LEFT JOIN artifacts p ON p.id = i.previous_artifact_id AND p.scanned IS NOT NULL WHERE a.scanned IS NOT NULL",
    );
    push_selection(&mut sql, selection);
    if let Some(holders) = holders {
        let inventories: Vec<i64> = holders.iter().copied().filter(|id| *id >= 0).collect();
        let artifacts: Vec<i64> = holders.iter().filter(|id| **id < 0).map(|id| -id).collect();
        if inventories.is_empty() && artifacts.is_empty() {
            return Ok(Vec::new());
        }
        sql.push(" AND (");
        for (number, (column, ids)) in
            [("a.inventory_id", inventories), ("a.id", artifacts)].into_iter().enumerate()
        {
            if number > 0 {
                sql.push(" OR ");
            }
            push_in(&mut sql, column, &ids);
        }
        sql.push(")");
    }
    sql.push(" ORDER BY i.registry_id, i.namespace, i.repository, i.tag, i.id");
    let rows = sql.build().fetch_all(connection).await.doing(DOING)?;
    let mut selected = Vec::with_capacity(rows.len());
    for row in &rows {
        let image = Selected {
            image: column::number(row, "id")?,
            holder: column::number(row, "holder")?,
            previous: column::optional_number(row, "previous")?,
        };
        selected.push((column::number::<i64>(row, "artifact_id")?, image));
    }
    if let Some(layer) = &selection.layer {
        let artifacts: BTreeSet<i64> = selected.iter().map(|(artifact, _)| *artifact).collect();
        let having = with_layer(connection, artifacts, layer).await?;
        selected.retain(|(artifact, _)| having.contains(artifact));
    }
    Ok(selected.into_iter().map(|(_, image)| image).collect())
}

/// Those of the artifacts that have a layer: their identities are read, which no index helps with.
async fn with_layer(
    connection: &mut DatabaseConnection,
    artifacts: BTreeSet<i64>,
    layer: &Digest,
) -> Result<HashSet<i64>, StoreError> {
    let artifacts: Vec<i64> = artifacts.into_iter().collect();
    let mut having = HashSet::new();
    for chunk in artifacts.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "SELECT a.id, a.inventory_id, p.report FROM artifacts a JOIN reports p ON p.artifact_id = a.id WHERE ",
        );
        push_in(&mut sql, "a.id", chunk);
        let rows = sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
        for row in &rows {
            let artifact: i64 = column::number(row, "id")?;
            let layers = if column::get::<Option<i64>>(row, "inventory_id")?.is_some() {
                let identity: &[u8] = column::get(row, "report")?;
                inventories::layers_of(identity)
                    .ok_or_else(|| corrupt("reports.report", artifact))?
            } else {
                let report = artifacts::report(connection, artifact).await?;
                report.map(|report| report.image.layers).unwrap_or_default()
            };
            if layers.contains(layer) {
                having.insert(artifact);
            }
        }
    }
    Ok(having)
}
