//! The one finding of each image that a list shows: why it stands where it stands, and which version ends that.
//!
//! In: ids of a page of images. Out: the most urgent finding of each, whatever its kind. Odd: a failed check of
//! level high ranks with vulnerabilities of priority asap, as in the image's risk level, and what does not count there comes
//! last; the order is total, so that two looks at the same scan agree.

use std::collections::BTreeMap;

use plimsoll_model::{Kind, Level, Priority};

use crate::{
    Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    findings::{KIND, LEVEL, PRIORITY},
    listing::push_in,
    statement::{self, QueryBuilder},
};

const DOING: &str = "reading the most urgent findings";
/// Images of one statement.
const ROWS: usize = 500;

/// A finding in the words of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeadFinding {
    /// Kind of finding.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Package URL, path, or part of the image.
    pub subject: String,
    /// Level by nature.
    pub level: Level,
    /// Vulnerabilities only.
    pub priority: Option<Priority>,
    /// Vulnerabilities only: score in tenths, 0–150.
    pub tenths: Option<u16>,
    /// First version without it, where one is known.
    pub fix_version: Option<String>,
    /// One line for people.
    pub title: String,
}

/// Where an image's most urgent finding stands.
struct Place {
    uuid: String,
    artifact: i64,
    /// `None`: among the artifact's own findings.
    part: Option<i64>,
    number: i64,
}

impl Store {
    /// The most urgent finding of each of these images, by their ids with dashes, without what ignore rules take out; those
    /// without a finding are left out.
    ///
    /// # Errors
    /// The database fails.
    pub async fn lead_findings(
        &self,
        uuids: &[String],
    ) -> Result<BTreeMap<String, LeadFinding>, StoreError> {
        let mut leads = BTreeMap::new();
        // The place and what stands there are of one moment.
        let mut snapshot = self.snapshot().await?;
        for part in uuids.chunks(ROWS) {
            let (places, whole) = places(&mut snapshot, part).await?;
            let mut by_place: BTreeMap<(Option<i64>, i64, i64), Vec<String>> = BTreeMap::new();
            for place in places {
                // Numbers of parts' findings are the same for every artifact.
                let artifact = if place.part.is_some() { 0 } else { place.artifact };
                by_place.entry((place.part, artifact, place.number)).or_default().push(place.uuid);
            }
            for ((part, artifact, number), uuids) in by_place {
                let query = match part {
                    Some(part) => statement::query(
                        "SELECT f.kind, f.finding_id, COALESCE(f.subject, p.purl) AS subject, f.level, f.priority, f.tenths, \
                         f.fix_version, f.title FROM part_findings f JOIN parts p ON p.id = f.part_id \
                         WHERE f.part_id = $1 AND f.number = $2",
                    )
                    .bind(part),
                    None => {
                        statement::query("SELECT * FROM findings WHERE artifact_id = $1 AND number = $2")
                            .bind(artifact)
                    }
                };
                let row = query.bind(number).fetch_optional(&mut snapshot).await.doing(DOING)?;
                let Some(row) = row else { continue };
                let lead = LeadFinding::from_row(&row)?;
                leads.extend(uuids.into_iter().map(|uuid| (uuid, lead.clone())));
            }
            let artifacts: Vec<i64> = whole.values().copied().collect();
            let of_artifacts = of_artifacts(&mut snapshot, &artifacts).await?;
            for (uuid, artifact) in whole {
                if let Some(lead) = of_artifacts.get(&artifact) {
                    leads.insert(uuid, lead.clone());
                }
            }
        }
        Ok(leads)
    }
}

/// Where the most urgent findings of images stand; and the artifacts of those for which nothing says so, by the images' ids.
async fn places(
    connection: &mut DatabaseConnection,
    uuids: &[String],
) -> Result<(Vec<Place>, BTreeMap<String, i64>), StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT i.uuid, i.artifact_id, c.image_id IS NOT NULL AS is_own, a.inventory_id IS NOT NULL AS is_shared, \
         c.lead_part AS own_part, c.lead_number AS own_number, v.lead_part, v.lead_number \
         FROM images i JOIN artifacts a ON a.id = i.artifact_id LEFT JOIN inventories v ON v.id = a.inventory_id \
         LEFT JOIN image_counters c ON c.image_id = i.id WHERE ",
    );
    push_in(&mut query, "i.uuid", uuids);
    let rows = query.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
    let (mut places, mut whole) = (Vec::new(), BTreeMap::new());
    for row in &rows {
        let (uuid, artifact) = (column::text(row, "uuid")?, column::number(row, "artifact_id")?);
        let is_own = column::flag(row, "is_own")?;
        if !is_own && !column::flag(row, "is_shared")? {
            whole.insert(uuid, artifact);
            continue;
        }
        let (part, number) =
            if is_own { ("own_part", "own_number") } else { ("lead_part", "lead_number") };
        if let Some(number) = column::optional_number(row, number)? {
            let part = column::get(row, part)?;
            places.push(Place { uuid, artifact, part, number });
        }
    }
    Ok((places, whole))
}

/// The most urgent finding of each artifact whose report is kept whole.
async fn of_artifacts(
    connection: &mut DatabaseConnection,
    artifacts: &[i64],
) -> Result<BTreeMap<i64, LeadFinding>, StoreError> {
    let mut leads = BTreeMap::new();
    if artifacts.is_empty() {
        return Ok(leads);
    }
    let mut query = QueryBuilder::new(
        "SELECT * FROM (SELECT f.artifact_id, f.kind, f.finding_id, f.subject, f.level, f.priority, f.tenths, \
         f.fix_version, f.title, ROW_NUMBER() OVER (PARTITION BY f.artifact_id ORDER BY CASE \
         WHEN f.kind IN ('build', 'license') THEN 3 WHEN f.priority = 'asap' THEN 0 WHEN f.priority = 'later' THEN 1 WHEN f.priority = 'nntf' THEN 2 \
         WHEN f.kind = 'vulnerability' THEN 2 WHEN f.level IN ('critical', 'high') THEN 0 \
         WHEN f.level = 'medium' THEN 1 ELSE 2 END, \
         CASE f.kind WHEN 'malware' THEN 0 WHEN 'vulnerability' THEN 1 WHEN 'baseline' THEN 2 ELSE 3 END, \
         COALESCE(f.tenths, 0) DESC, CASE f.level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 \
         WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END, \
         CASE WHEN f.fix_version IS NULL THEN 1 ELSE 0 END, f.finding_id, f.subject, f.number) AS place \
         FROM findings f WHERE ",
    );
    push_in(&mut query, "f.artifact_id", artifacts);
    query.push(") AS placed WHERE place = 1");
    let rows = query.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
    for row in &rows {
        leads.insert(column::number(row, "artifact_id")?, LeadFinding::from_row(row)?);
    }
    Ok(leads)
}

impl LeadFinding {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            kind: column::parsed(row, "kind", KIND)?,
            id: column::text(row, "finding_id")?,
            subject: column::text(row, "subject")?,
            level: column::parsed(row, "level", LEVEL)?,
            priority: column::optional_parsed(row, "priority", PRIORITY)?,
            tenths: column::optional_number(row, "tenths")?,
            fix_version: column::get(row, "fix_version")?,
            title: column::text(row, "title")?,
        })
    }
}
