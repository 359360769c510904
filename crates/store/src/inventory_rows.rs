//! Inventories as rows: written once, indexed by their parts, counted.
//!
//! In: reports taken apart. Out: the number, counters and gaps of an inventory; the index from a part to inventories; how
//! many images have each. Odd: counters, gaps and lead of an inventory follow from its parts alone, by [`evaluate`], both
//! when a scan writes it and when a refresh comes by.

mod image_counts;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Ecosystem, Package, RiskCounters, Timestamp, Verdict};

use crate::{
    Judge, Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    inventories::{Split, gaps_text},
    inventory_set::{BLOCK, InventorySet},
    numbers,
    parts::{self, Key, Prepared},
    statement::{self, QueryBuilder},
    tally,
};

pub(crate) use self::image_counts::{ImageCounts, count_images, count_images_of};

const DOING: &str = "writing an inventory";
/// Rows of one statement.
const ROWS: usize = 500;
/// Inventories that one statement writes.
const WRITTEN: usize = 100;

/// What an inventory's numbers follow from, of one part.
#[derive(Debug)]
pub(crate) struct PartFacts {
    pub(crate) entries: Vec<tally::Entry>,
    pub(crate) lead: Option<(Vec<u8>, i64)>,
    pub(crate) has_gaps: bool,
    pub(crate) stale: bool,
    /// Ecosystem, release and name of a package.
    pub(crate) package: Option<Package>,
}

/// The columns that [`PartFacts`] are read from.
const FACTS: &str =
    "id, ecosystem, release, name, tally, lead, lead_number, gaps IS NOT NULL AS has_gaps, stale";

/// What follows from an inventory's parts.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Evaluated {
    pub(crate) counters: RiskCounters,
    pub(crate) verdict: Verdict,
    pub(crate) gaps: Option<String>,
    pub(crate) lead: Option<(i64, i64)>,
}

/// An inventory that is stored.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct InventoryRow {
    pub(crate) id: i64,
    /// Number of the part that belongs to no package: the last one.
    pub(crate) remainder: Option<i64>,
    pub(crate) evaluated: Evaluated,
    /// Whether what followed from its parts was another before.
    pub(crate) changed: bool,
}

/// Additions to the index from parts to inventories, by block and part.
pub(crate) type Additions = BTreeMap<(i64, i64), Vec<i64>>;

/// How much is kept of what artifacts hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InventoryCounts {
    /// Distinct inventories.
    pub inventories: u64,
    /// Distinct packages.
    pub packages: u64,
    /// Findings of distinct packages and of what belongs to no package.
    pub findings: u64,
}

impl Store {
    /// How much is kept of what artifacts hold.
    ///
    /// # Errors
    /// The database fails.
    pub async fn inventory_counts(&self) -> Result<InventoryCounts, StoreError> {
        let row = statement::query(
            "SELECT (SELECT COUNT(*) FROM inventories) AS inventories, (SELECT COUNT(*) FROM part_findings) AS findings, \
             (SELECT COUNT(*) FROM parts WHERE ecosystem IS NOT NULL) AS packages",
        )
        .fetch_one(&mut *self.read().await?)
        .await
        .doing("counting inventories")?;
        Ok(InventoryCounts {
            inventories: column::number(&row, "inventories")?,
            packages: column::number(&row, "packages")?,
            findings: column::number(&row, "findings")?,
        })
    }

    /// Ids of findings that parts have, in byte order; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn finding_ids(&self, limit: u32) -> Result<Vec<String>, StoreError> {
        let rows = statement::query(
            "SELECT DISTINCT finding_id FROM part_findings ORDER BY finding_id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("listing findings")?;
        rows.iter().map(|row| column::text(row, "finding_id")).collect()
    }
}

impl PartFacts {
    pub(crate) fn from_row(row: &DatabaseRow) -> Result<(i64, Self), StoreError> {
        let id = column::number(row, "id")?;
        let tally: &[u8] = column::get(row, "tally")?;
        let lead: Option<Vec<u8>> = column::get(row, "lead")?;
        let number: Option<i64> = column::get(row, "lead_number")?;
        let ecosystem: Option<String> = column::get(row, "ecosystem")?;
        let release = column::get(row, "release")?;
        let name: Option<String> = column::get(row, "name")?;
        let package = ecosystem.map(|ecosystem| Package {
            ecosystem: Ecosystem(ecosystem),
            release,
            name: name.unwrap_or_default(),
            version: String::new(),
            source: None,
            purl: String::new(),
            locations: Vec::new(),
            found_by: String::new(),
            extra: BTreeMap::new(),
        });
        let facts = Self {
            entries: tally::read(tally).ok_or_else(|| corrupt("parts.tally", id))?,
            lead: lead.zip(number),
            has_gaps: column::flag(row, "has_gaps")?,
            stale: column::flag(row, "stale")?,
            package,
        };
        Ok((id, facts))
    }
}

pub(crate) fn corrupt(column: &str, id: i64) -> StoreError {
    StoreError::Corrupt {
        column: column.to_owned(),
        value: format!("the bytes of number {id}"),
        expected: "what this program writes there",
    }
}

/// What follows from an inventory's parts, each as often as it stands there.
pub(crate) fn evaluate(
    parts: &[(i64, &PartFacts)],
    judge: &dyn Judge,
) -> Result<Evaluated, StoreError> {
    let mut entries: Vec<tally::Entry> =
        parts.iter().flat_map(|(_, part)| part.entries.iter().copied()).collect();
    let lead = parts
        .iter()
        .filter_map(|(id, part)| part.lead.as_ref().map(|(key, number)| (key, *id, *number)))
        .min();
    let packages: Vec<&Package> =
        parts.iter().filter_map(|(_, part)| part.package.as_ref()).collect();
    let gaps = judge.gaps(&packages, parts.iter().any(|(_, part)| part.stale));
    let is_complete = gaps.is_empty() && parts.iter().all(|(_, part)| !part.has_gaps);
    Ok(Evaluated {
        counters: tally::sum(&mut entries),
        verdict: if is_complete { Verdict::Complete } else { Verdict::Partial },
        gaps: gaps_text(&gaps)?,
        lead: lead.map(|(_, id, number)| (id, number)),
    })
}

impl Evaluated {
    pub(crate) fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let counters: &[u8] = column::get(row, "counters")?;
        let id = column::number(row, "id")?;
        let part: Option<i64> = column::get(row, "lead_part")?;
        let number: Option<i64> = column::get(row, "lead_number")?;
        Ok(Self {
            counters: tally::unpack_counters(counters)
                .ok_or_else(|| corrupt("inventories.counters", id))?,
            verdict: column::parsed(row, "verdict", "a coverage verdict")?,
            gaps: column::get(row, "gaps")?,
            lead: part.zip(number),
        })
    }

    /// Writes what follows from their parts to stored inventories.
    pub(crate) async fn write<'a>(
        transaction: &mut Transaction,
        inventories: impl IntoIterator<Item = (i64, &'a Self)>,
    ) -> Result<(), StoreError> {
        let inventories: Vec<(i64, &Self)> = inventories.into_iter().collect();
        for chunk in inventories.chunks(WRITTEN) {
            let mut query = QueryBuilder::new(
                "WITH new_numbers (inventory_id, counters, verdict, gaps, lead_part, lead_number) AS (",
            );
            query.push_values(chunk, |mut values, (inventory, evaluated)| {
                values
                    .push_bind(*inventory)
                    .push_bind(tally::pack_counters(&evaluated.counters))
                    .push_bind(evaluated.verdict.to_string())
                    .push_bind(evaluated.gaps.clone())
                    .push_bind(evaluated.lead.map(|lead| lead.0))
                    .push_bind(evaluated.lead.map(|lead| lead.1));
            });
            query.push(
                ") UPDATE inventories SET counters = n.counters, verdict = n.verdict, gaps = n.gaps, lead_part = n.lead_part, \
                 lead_number = n.lead_number FROM new_numbers n WHERE inventories.id = n.inventory_id",
            );
            let is_full = chunk.len() == WRITTEN;
            query.build().persistent(is_full).execute(transaction).await.doing(DOING)?;
        }
        Ok(())
    }
}

/// Facts of parts by number.
pub(crate) async fn facts(
    connection: &mut DatabaseConnection,
    ids: &[i64],
) -> Result<BTreeMap<i64, PartFacts>, StoreError> {
    let mut facts = BTreeMap::new();
    for chunk in ids.chunks(ROWS) {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(FACTS).push(" FROM parts WHERE id IN (");
        let mut listed = query.separated(", ");
        for id in chunk {
            listed.push_bind(*id);
        }
        query.push(")");
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let (id, part) = PartFacts::from_row(row)?;
            facts.insert(id, part);
        }
    }
    Ok(facts)
}

/// Facts of all parts.
pub(crate) async fn all_facts(
    connection: &mut DatabaseConnection,
) -> Result<BTreeMap<i64, PartFacts>, StoreError> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(FACTS).push(" FROM parts");
    let rows = query.build().fetch_all(connection).await.doing(DOING)?;
    rows.iter().map(PartFacts::from_row).collect()
}

/// The inventory of a report, added if there is none; what was prepared of its new parts outside of the transaction is
/// taken, the rest is prepared here.
pub(crate) async fn ensure(
    transaction: &mut Transaction,
    split: &Split,
    prepared: &BTreeMap<Key, Prepared>,
    judge: &dyn Judge,
    now: Timestamp,
    additions: &mut Additions,
) -> Result<InventoryRow, StoreError> {
    let ids = ensure_parts(transaction, split, prepared, judge, now).await?;
    let remainder = ids.last().copied();
    let distinct: BTreeSet<i64> = ids.iter().copied().collect();
    let distinct: Vec<i64> = distinct.into_iter().collect();
    let facts = facts(transaction, &distinct).await?;
    let held: Vec<(i64, &PartFacts)> =
        ids.iter().filter_map(|id| facts.get(id).map(|part| (*id, part))).collect();
    let evaluated = evaluate(&held, judge)?;
    let stored = statement::query(
        "SELECT id, counters, verdict, gaps, lead_part, lead_number FROM inventories WHERE digest = $1",
    )
    .bind(split.digest.as_slice())
    .fetch_optional(transaction)
    .await
    .doing(DOING)?;
    if let Some(row) = stored {
        let id = column::number(&row, "id")?;
        let changed = Evaluated::from_row(&row)? != evaluated;
        if changed {
            Evaluated::write(transaction, [(id, &evaluated)]).await?;
        }
        return Ok(InventoryRow { id, remainder, evaluated, changed });
    }
    let row = statement::query(
        "INSERT INTO inventories (digest, parts, places, counters, verdict, gaps, lead_part, lead_number) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
    )
    .bind(split.digest.as_slice())
    .bind(numbers::pack(&ids))
    .bind(split.places.as_slice())
    .bind(tally::pack_counters(&evaluated.counters))
    .bind(evaluated.verdict.to_string())
    .bind(evaluated.gaps.as_deref())
    .bind(evaluated.lead.map(|lead| lead.0))
    .bind(evaluated.lead.map(|lead| lead.1))
    .fetch_one(transaction)
    .await
    .doing(DOING)?;
    let id: i64 = column::number(&row, "id")?;
    for part in distinct {
        additions.entry((id.div_euclid(BLOCK), part)).or_default().push(id);
    }
    Ok(InventoryRow { id, remainder, evaluated, changed: false })
}

/// The numbers of a report's parts in its order, the parts added where they are new.
async fn ensure_parts(
    transaction: &mut Transaction,
    split: &Split,
    prepared: &BTreeMap<Key, Prepared>,
    judge: &dyn Judge,
    now: Timestamp,
) -> Result<Vec<i64>, StoreError> {
    let keys: BTreeSet<Key> = split.parts.iter().map(|(key, ..)| *key).collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    let mut known = parts::known(transaction, &keys).await?;
    let mut fresh: BTreeMap<Key, Prepared> = BTreeMap::new();
    for (key, content, json) in &split.parts {
        if !known.contains_key(key) && !prepared.contains_key(key) && !fresh.contains_key(key) {
            fresh.insert(*key, content.prepare(json.clone(), judge, split.context)?);
        }
    }
    let missing: Vec<(Key, &Prepared)> = keys
        .iter()
        .filter(|key| !known.contains_key(*key))
        .filter_map(|key| prepared.get(key).or_else(|| fresh.get(key)).map(|part| (*key, part)))
        .collect();
    known.extend(parts::add(transaction, &missing, now).await?);
    Ok(split.parts.iter().filter_map(|(key, ..)| known.get(key).copied()).collect())
}

/// Writes additions to the index.
pub(crate) async fn index(
    transaction: &mut Transaction,
    additions: Additions,
) -> Result<(), StoreError> {
    let additions: Vec<((i64, i64), Vec<i64>)> = additions.into_iter().collect();
    for chunk in additions.chunks(ROWS) {
        let mut rows = Vec::with_capacity(chunk.len());
        let blocks = chunk.chunk_by(|a, b| a.0.0 == b.0.0);
        for of_block in blocks {
            let Some(((block, _), _)) = of_block.first() else { continue };
            let ids: Vec<i64> = of_block.iter().map(|((_, part), _)| *part).collect();
            let mut stored = blocks_of(transaction, &ids, Some(*block)).await?;
            for ((block, part), new) in of_block {
                let mut set = stored.remove(part).unwrap_or_default();
                for id in new {
                    set.insert(*id);
                }
                rows.extend(set.blocks().map(|(_, bytes)| (*part, *block, bytes)));
            }
        }
        put_blocks(transaction, &rows).await?;
    }
    Ok(())
}

async fn put_blocks(
    transaction: &mut Transaction,
    rows: &[(i64, i64, Vec<u8>)],
) -> Result<(), StoreError> {
    for chunk in rows.chunks(ROWS) {
        let mut query =
            QueryBuilder::new("INSERT INTO part_inventories (part_id, block, inventories) ");
        query.push_values(chunk, |mut values, (part, block, bytes)| {
            values.push_bind(*part).push_bind(*block).push_bind(bytes.clone());
        });
        query
            .push(" ON CONFLICT (part_id, block) DO UPDATE SET inventories = excluded.inventories");
        query.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}

/// The inventories that hold each of these parts; of one block alone where it is given.
pub(crate) async fn blocks_of(
    connection: &mut DatabaseConnection,
    parts: &[i64],
    block: Option<i64>,
) -> Result<BTreeMap<i64, InventorySet>, StoreError> {
    let mut sets: BTreeMap<i64, InventorySet> = BTreeMap::new();
    for chunk in parts.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "SELECT part_id, block, inventories FROM part_inventories WHERE part_id IN (",
        );
        let mut listed = query.separated(", ");
        for part in chunk {
            listed.push_bind(*part);
        }
        query.push(")");
        if let Some(block) = block {
            query.push(" AND block = ").push_bind(block);
        }
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let part = column::number(row, "part_id")?;
            let bytes: &[u8] = column::get(row, "inventories")?;
            sets.entry(part)
                .or_default()
                .add_block(column::number(row, "block")?, bytes)
                .ok_or_else(|| corrupt("part_inventories.inventories", part))?;
        }
    }
    Ok(sets)
}

/// Notes with artifacts which part belongs to no package, where an earlier program did not.
pub(crate) async fn fill_in_remainders(transaction: &mut Transaction) -> Result<(), StoreError> {
    const DOING: &str = "preparing artifacts";
    loop {
        let rows = statement::query(
            "SELECT v.id, v.parts FROM inventories v WHERE v.id IN (SELECT a.inventory_id FROM artifacts a \
             WHERE a.inventory_id IS NOT NULL AND a.remainder_id IS NULL LIMIT 1000)",
        )
        .fetch_all(transaction)
        .await
        .doing(DOING)?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            let id: i64 = column::number(row, "id")?;
            let parts: &[u8] = column::get(row, "parts")?;
            let parts = numbers::unpack(parts).ok_or_else(|| corrupt("inventories.parts", id))?;
            statement::query("UPDATE artifacts SET remainder_id = $2 WHERE inventory_id = $1")
                .bind(id)
                // No part has this number: there is no inventory without parts.
                .bind(parts.last().copied().unwrap_or_default())
                .execute(transaction)
                .await
                .doing(DOING)?;
        }
    }
}

/// Removes inventories that no artifact has, and parts that no inventory has.
pub(crate) async fn prune(transaction: &mut Transaction) -> Result<(), StoreError> {
    const DOING: &str = "removing inventories without artifacts";
    let rows = statement::query(
        "DELETE FROM inventories WHERE NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.inventory_id = inventories.id) \
         RETURNING id, parts",
    )
    .fetch_all(transaction)
    .await
    .doing(DOING)?;
    let (mut gone, mut held) = (BTreeSet::new(), BTreeSet::new());
    for row in &rows {
        let id = column::number(row, "id")?;
        let parts: &[u8] = column::get(row, "parts")?;
        gone.insert(id);
        held.extend(numbers::unpack(parts).ok_or_else(|| corrupt("inventories.parts", id))?);
    }
    count_images(transaction, &gone).await?;
    let held: Vec<i64> = held.into_iter().collect();
    let sets = blocks_of(transaction, &held, None).await?;
    for (part, mut set) in sets {
        let before: Vec<(i64, Vec<u8>)> = set.blocks().collect();
        for id in &gone {
            set.remove(*id);
        }
        let after: BTreeMap<i64, Vec<u8>> = set.blocks().collect();
        let changed: Vec<(i64, i64, Vec<u8>)> = after
            .iter()
            .filter(|(block, bytes)| !before.contains(&(**block, (*bytes).clone())))
            .map(|(block, bytes)| (part, *block, bytes.clone()))
            .collect();
        put_blocks(transaction, &changed).await?;
        for (block, _) in before.iter().filter(|(block, _)| !after.contains_key(block)) {
            statement::query("DELETE FROM part_inventories WHERE part_id = $1 AND block = $2")
                .bind(part)
                .bind(block)
                .execute(transaction)
                .await
                .doing(DOING)?;
        }
        if set.is_empty() {
            parts::remove(transaction, part).await?;
        }
    }
    Ok(())
}
