//! Vulnerabilities grouped by name across images.
//!
//! In: [`GroupedQuery`]. Out: one page of [`GroupedVulnerability`]: most images that have it at the highest priority first,
//! then at the next ones, then by name. Odd:
//! * What is said of a vulnerability is taken from the package in which it is most urgent; packages differ in what fixes it,
//!   and hardly in anything else.
//! * The latest scan of an image that has it is looked for from the newest scan backwards: most vulnerabilities are met soon.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use plimsoll_model::{Finding, Kind, RecordName, Timestamp};

use super::{
    DOING, VulnerabilityFilter,
    ignored::{Adjusted, Ignored},
    index::{Counts, HolderId, Index, RecordFilter, State},
    selected,
};
use crate::{
    ImageSelection, Page, Store, StoreError, artifacts, column,
    database::DatabaseConnection,
    error::Doing,
    inventory_rows,
    inventory_set::InventorySet,
    listing::push_in,
    parts,
    statement::{self, QueryBuilder},
};

/// Which part of the grouped list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupedQuery {
    /// Over which images.
    pub images: ImageSelection,
    /// Which vulnerabilities.
    pub filter: VulnerabilityFilter,
    /// Number of the page, from 1; 0 is taken as 1.
    pub page: u32,
    /// Entries of a page.
    pub page_size: u32,
}

/// One vulnerability and how many images have it.
#[derive(Clone, PartialEq, Debug)]
pub struct GroupedVulnerability {
    /// Its name: `debian:12:CVE-2024-5535`.
    pub name: String,
    /// What is said of it in the package in which it is most urgent.
    pub finding: Finding,
    /// Rules ignore it in all images that have it; the numbers are of these.
    pub is_ignored: bool,
    /// Images in which its priority is asap.
    pub asap: u64,
    /// … later.
    pub later: u64,
    /// … nntf.
    pub nntf: u64,
    /// Whether any package that has it has a fix.
    pub has_fix: bool,
    /// When it was first known of any package that has it now.
    pub first_seen: Timestamp,
    /// The latest successful scan of an image that has it.
    pub last_scanned: Option<Timestamp>,
}

/// Scans that are looked at from the newest backwards.
const NEWEST: i64 = 1_000;
/// Holders of one statement.
const ROWS: usize = 500;

/// Where a vulnerability is found.
struct Place {
    /// A part's number, or the negative of an artifact's.
    of: i64,
    tenths: i64,
    has_fix: bool,
    first_seen: i64,
}

impl Store {
    /// One page of the vulnerabilities of images, grouped by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn grouped_vulnerabilities(
        &self,
        query: &GroupedQuery,
    ) -> Result<Page<GroupedVulnerability>, StoreError> {
        let (index, mut snapshot) = self.current_vulnerabilities(&BTreeSet::new()).await?;
        let filter = query.filter.in_numbers(&mut snapshot, &index, &[State::Open]).await?;
        let mut images: Option<BTreeMap<HolderId, u32>> = None;
        let mut ids: Option<Vec<i64>> = None;
        if query.images != ImageSelection::default() {
            let selected = selected(&mut snapshot, &query.images).await?;
            let mut counted = BTreeMap::new();
            for image in &selected {
                *counted.entry(image.holder).or_insert(0) += 1;
            }
            images = Some(counted);
            ids = Some(selected.iter().map(|image| image.image).collect());
        }
        let ignored = Ignored::read(&mut snapshot, &index, ids.as_deref()).await?;
        let counts = images.as_ref().map(|images| index.counts_of(images));
        let adjusted = (!ignored.is_empty()).then(|| {
            let counts = counts.clone().unwrap_or_else(|| index.counts().to_vec());
            ignored.adjust(&index, counts)
        });
        let counts = match &adjusted {
            Some(adjusted) => Some(adjusted.counts.as_slice()),
            None => counts.as_deref(),
        };
        let counting = index.grouped(counts, &filter).into_iter();
        let mut all: Vec<(u32, Counts, bool)> =
            counting.map(|(number, counts)| (number, counts, false)).collect();
        if let Some(adjusted) = &adjusted {
            all.extend(nowhere_else(&index, adjusted, &filter));
        }
        let (page, size) = (query.page.max(1), query.page_size);
        let skip = u64::from(page - 1).saturating_mul(u64::from(size));
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let wanted: Vec<(u32, Counts, bool)> = all
            .iter()
            .skip(skip)
            .take(usize::try_from(size).unwrap_or(usize::MAX))
            .copied()
            .collect();
        let numbers: BTreeSet<u32> = wanted.iter().map(|(number, ..)| *number).collect();
        let is_meant = |id: HolderId| match &images {
            Some(images) => images.contains_key(&id),
            None => index.holder(id).is_some_and(|holder| holder.images > 0),
        };
        let scans = newest_scans(&mut snapshot, &index, &numbers, is_meant).await?;
        let held = images.as_ref().map(|images| held(&index, images));
        let mut items = Vec::with_capacity(wanted.len());
        for (number, [nntf, later, asap], is_ignored) in wanted {
            let Some(record) = index.record(number) else { continue };
            let mut places = places(&mut snapshot, &record.name).await?;
            places.retain(|place| held.as_ref().is_none_or(|held| held.contains(&place.of)));
            let Some(finding) = most_urgent(&mut snapshot, &record.name, &places).await? else {
                continue;
            };
            let last_scanned = match scans.get(&number) {
                Some(scanned) => Some(*scanned),
                None => last_scan(&mut snapshot, &places, is_meant).await?,
            };
            let first_seen = places.iter().map(|place| place.first_seen).min();
            items.push(GroupedVulnerability {
                name: record.name.clone(),
                finding,
                is_ignored,
                asap: u64::from(asap),
                later: u64::from(later),
                nntf: u64::from(nntf),
                has_fix: places.iter().any(|place| place.has_fix),
                first_seen: Timestamp(first_seen.unwrap_or_default()),
                last_scanned: last_scanned.map(Timestamp),
            });
        }
        let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
        Ok(Page { items, total, page, page_size: size })
    }
}

/// The vulnerabilities that rules ignore wherever they are, in the order of the others.
fn nowhere_else(
    index: &Index,
    adjusted: &Adjusted,
    filter: &RecordFilter,
) -> Vec<(u32, Counts, bool)> {
    let mut counts = vec![Counts::default(); adjusted.counts.len()];
    for (record, ignored) in &adjusted.ignored {
        let number = *record as usize;
        let counts_somewhere =
            adjusted.counts.get(number).is_some_and(|one| *one != Counts::default());
        if let Some(place) = counts.get_mut(number).filter(|_| !counts_somewhere) {
            *place = *ignored;
        }
    }
    let all = index.grouped(Some(&counts), filter).into_iter();
    all.map(|(number, counts)| (number, counts, true)).collect()
}

/// What holders consist of: numbers of parts, and their own for artifacts whose report is kept whole.
fn held(index: &Index, holders: &BTreeMap<HolderId, u32>) -> HashSet<i64> {
    let mut held = HashSet::new();
    for id in holders.keys() {
        held.extend(index.parts_of(*id));
        held.extend((*id < 0).then_some(*id));
    }
    held
}

/// Where a vulnerability is found, most urgent first.
async fn places(connection: &mut DatabaseConnection, name: &str) -> Result<Vec<Place>, StoreError> {
    let id =
        name.parse::<RecordName>().map_or_else(|_| name.to_owned(), |name| name.id().to_owned());
    let rows = statement::query(
        "SELECT f.part_id AS of_id, f.tenths, f.fix_version, f.first_seen FROM part_names n \
         JOIN part_findings f ON f.part_id = n.part_id AND f.number = n.number \
         WHERE n.name = $1 AND f.record = $2 AND f.kind = 'vulnerability' \
         UNION ALL SELECT -f.artifact_id AS of_id, f.tenths, f.fix_version, f.first_seen FROM finding_names n \
         JOIN findings f ON f.artifact_id = n.artifact_id AND f.number = n.number \
         WHERE n.name = $1 AND f.record = $2 AND f.kind = 'vulnerability'",
    )
    .bind(column::searchable(&id).to_ascii_uppercase())
    .bind(name)
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    let mut places = Vec::with_capacity(rows.len());
    for row in &rows {
        places.push(Place {
            of: column::number(row, "of_id")?,
            tenths: column::get::<Option<i64>>(row, "tenths")?.unwrap_or_default(),
            has_fix: column::get::<Option<String>>(row, "fix_version")?.is_some(),
            first_seen: column::get(row, "first_seen")?,
        });
    }
    places.sort_by_key(|place| (std::cmp::Reverse(place.tenths), !place.has_fix, place.of));
    Ok(places)
}

/// What is said of a vulnerability at the first of its places.
async fn most_urgent(
    connection: &mut DatabaseConnection,
    name: &str,
    places: &[Place],
) -> Result<Option<Finding>, StoreError> {
    for place in places {
        let findings = if place.of >= 0 {
            let row = statement::query("SELECT matched FROM parts WHERE id = $1")
                .bind(place.of)
                .fetch_optional(connection)
                .await
                .doing(DOING)?;
            let Some(row) = row else { continue };
            let matched: Option<&[u8]> = column::get(&row, "matched")?;
            parts::stored_findings(place.of, matched)?
        } else {
            let report = artifacts::report(connection, -place.of).await?;
            report.map(|report| report.findings).unwrap_or_default()
        };
        let found = findings.into_iter().find(|finding| {
            finding.kind == Kind::Vulnerability && finding.is_open() && finding.record == name
        });
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The newest scans' images, as far as they have these vulnerabilities: when each was last seen so.
async fn newest_scans(
    connection: &mut DatabaseConnection,
    index: &Index,
    wanted: &BTreeSet<u32>,
    is_meant: impl Fn(HolderId) -> bool,
) -> Result<HashMap<u32, i64>, StoreError> {
    let mut scans = HashMap::new();
    let rows = statement::query(
        "SELECT COALESCE(a.inventory_id, -a.id) AS holder, t.succeeded FROM tasks t JOIN artifacts a ON a.id = t.artifact_id \
         WHERE t.succeeded IS NOT NULL ORDER BY t.succeeded DESC LIMIT $1",
    )
    .bind(NEWEST)
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    let mut looked_at = HashSet::new();
    for row in &rows {
        if scans.len() == wanted.len() {
            break;
        }
        let holder: i64 = column::number(row, "holder")?;
        if looked_at.insert(holder) && is_meant(holder) {
            let succeeded: i64 = column::number(row, "succeeded")?;
            let entries = index.entries(holder).into_iter();
            for entry in entries.filter(|entry| entry.standing.state == State::Open) {
                if wanted.contains(&entry.record) {
                    scans.entry(entry.record).or_insert(succeeded);
                }
            }
        }
    }
    Ok(scans)
}

/// The latest scan of an image that has a vulnerability at one of these places.
async fn last_scan(
    connection: &mut DatabaseConnection,
    places: &[Place],
    is_meant: impl Fn(HolderId) -> bool,
) -> Result<Option<i64>, StoreError> {
    let parts: Vec<i64> = places.iter().map(|place| place.of).filter(|of| *of >= 0).collect();
    let mut all = InventorySet::default();
    for set in inventory_rows::blocks_of(connection, &parts, None).await?.values() {
        all.unite(set);
    }
    let inventories: Vec<i64> = all.iter().filter(|id| is_meant(*id)).collect();
    let whole = places.iter().map(|place| place.of).filter(|of| *of < 0 && is_meant(*of));
    let artifacts: Vec<i64> = whole.map(|of| -of).collect();
    let mut latest = None;
    for (column, ids) in [("a.inventory_id", inventories), ("a.id", artifacts)] {
        for chunk in ids.chunks(ROWS) {
            let mut query = QueryBuilder::new(
                "SELECT MAX(COALESCE(t.succeeded, a.scanned)) AS scanned FROM artifacts a \
                 LEFT JOIN tasks t ON t.artifact_id = a.id WHERE a.scanned IS NOT NULL AND ",
            );
            push_in(&mut query, column, chunk);
            let row = query.build().persistent(false).fetch_one(connection).await.doing(DOING)?;
            latest = latest.max(column::get::<Option<i64>>(&row, "scanned")?);
        }
    }
    Ok(latest)
}
