//! How many images have each inventory.
//!
//! In: inventories whose artifacts, or whose artifacts' images, changed. Out: rows of many numbers, and sums over sets of
//! inventories. Odd: nothing is written that is as it was.

use std::collections::{BTreeMap, BTreeSet};

use super::{DOING, ROWS, corrupt};
use crate::{
    StoreError, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    inventory_set::InventorySet,
    numbers,
    statement::{self, QueryBuilder},
};

/// Inventories whose numbers of images stand in one row.
const COUNTED: i64 = 256;

/// How many images each inventory has.
#[derive(Debug, Default)]
pub(crate) struct ImageCounts(BTreeMap<i64, Vec<u64>>);

impl ImageCounts {
    pub(crate) async fn read(connection: &mut DatabaseConnection) -> Result<Self, StoreError> {
        let rows = statement::query("SELECT block, images FROM inventory_images")
            .fetch_all(connection)
            .await
            .doing("counting images")?;
        let mut counts = BTreeMap::new();
        for row in &rows {
            let block = column::number(row, "block")?;
            counts.insert(block, counts_of(row, block)?);
        }
        Ok(Self(counts))
    }

    /// How often each of these inventories stands there.
    pub(crate) fn of(inventories: impl Iterator<Item = i64>) -> Self {
        let mut counts: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
        let width = usize::try_from(COUNTED).unwrap_or_default();
        for inventory in inventories {
            let own = counts.entry(inventory.div_euclid(COUNTED)).or_insert_with(|| vec![0; width]);
            let place = usize::try_from(inventory.rem_euclid(COUNTED)).unwrap_or_default();
            if let Some(count) = own.get_mut(place) {
                *count += 1;
            }
        }
        Self(counts)
    }

    /// Inventories that images have, and how many.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.0.iter().flat_map(|(block, counts)| {
            let numbered = (0_i64..).zip(counts);
            numbered
                .filter(|(_, count)| **count > 0)
                .map(move |(place, count)| (block * COUNTED + place, *count))
        })
    }

    /// Images that have this inventory.
    pub(crate) fn images_of(&self, inventory: i64) -> u64 {
        let place = usize::try_from(inventory.rem_euclid(COUNTED)).unwrap_or_default();
        let block = self.0.get(&inventory.div_euclid(COUNTED));
        block.and_then(|counts| counts.get(place)).copied().unwrap_or_default()
    }

    /// Images that have one of these inventories.
    pub(crate) fn sum(&self, inventories: &InventorySet) -> u64 {
        inventories.iter().map(|inventory| self.images_of(inventory)).sum()
    }

    /// All images with an inventory.
    pub(crate) fn all(&self) -> u64 {
        self.0.values().flatten().sum()
    }
}

fn counts_of(row: &DatabaseRow, block: i64) -> Result<Vec<u64>, StoreError> {
    let mut bytes: &[u8] = column::get(row, "images")?;
    let mut counts = Vec::new();
    while !bytes.is_empty() {
        let count = numbers::take(&mut bytes);
        counts.push(count.ok_or_else(|| corrupt("inventory_images.images", block))?);
    }
    Ok(counts)
}

/// Counts the images of inventories again: of those whose artifacts, or whose artifacts' images, changed.
pub(crate) async fn count_images(
    transaction: &mut Transaction,
    inventories: &BTreeSet<i64>,
) -> Result<(), StoreError> {
    const DOING: &str = "counting images";
    let inventories: Vec<i64> = inventories.iter().copied().collect();
    for of_block in inventories.chunk_by(|a, b| a.div_euclid(COUNTED) == b.div_euclid(COUNTED)) {
        let Some(block) = of_block.first().map(|id| id.div_euclid(COUNTED)) else { continue };
        let row = statement::query("SELECT images FROM inventory_images WHERE block = $1")
            .bind(block)
            .fetch_optional(transaction)
            .await
            .doing(DOING)?;
        let before = row.map(|row| counts_of(&row, block)).transpose()?.unwrap_or_default();
        let mut counts = before.clone();
        for id in of_block {
            let row = statement::query(
                "SELECT COUNT(*) AS number FROM artifacts a JOIN images i ON i.artifact_id = a.id WHERE a.inventory_id = $1",
            )
            .bind(id)
            .fetch_one(transaction)
            .await
            .doing(DOING)?;
            let place = usize::try_from(id.rem_euclid(COUNTED)).unwrap_or_default();
            if counts.len() <= place {
                counts.resize(place + 1, 0);
            }
            if let Some(count) = counts.get_mut(place) {
                *count = column::number(&row, "number")?;
            }
        }
        if counts == before {
            continue;
        }
        if counts.iter().all(|count| *count == 0) {
            statement::query("DELETE FROM inventory_images WHERE block = $1")
                .bind(block)
                .execute(transaction)
                .await
                .doing(DOING)?;
            continue;
        }
        let mut bytes = Vec::new();
        for count in counts {
            numbers::put(&mut bytes, count);
        }
        statement::query(
            "INSERT INTO inventory_images (block, images) VALUES ($1, $2) \
             ON CONFLICT (block) DO UPDATE SET images = excluded.images",
        )
        .bind(block)
        .bind(bytes)
        .execute(transaction)
        .await
        .doing(DOING)?;
    }
    Ok(())
}

/// The same for the inventories that these artifacts have now.
pub(crate) async fn count_images_of(
    transaction: &mut Transaction,
    artifacts: &BTreeSet<i64>,
) -> Result<(), StoreError> {
    let mut inventories = BTreeSet::new();
    let artifacts: Vec<i64> = artifacts.iter().copied().collect();
    for chunk in artifacts.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "SELECT DISTINCT inventory_id FROM artifacts WHERE inventory_id IS NOT NULL AND id IN (",
        );
        let mut listed = query.separated(", ");
        for id in chunk {
            listed.push_bind(*id);
        }
        query.push(")");
        let rows = query.build().persistent(false).fetch_all(transaction).await.doing(DOING)?;
        for row in &rows {
            inventories.insert(column::number(row, "inventory_id")?);
        }
    }
    count_images(transaction, &inventories).await
}
