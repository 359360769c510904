//! The images that a subscriber means, as far as a change touches them.
//!
//! In: what a subscriber wants, and the inventories that changes touch. Out: how many of the images that have these are meant, in
//! which of them rules cover a finding, and some of them to be named. Odd: who wants all images needs none to be read: how many
//! images have an inventory is kept. For everybody else the images of the touched inventories are read, and no others.

use std::collections::BTreeMap;

use crate::{
    AffectedQuery, StoreError, Wanted, affected, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    inventory_rows::ImageCounts,
    inventory_set::InventorySet,
    listing::push_in,
    statement::{self, QueryBuilder},
};

const DOING: &str = "making a message";
/// Rows of one statement.
const ROWS: usize = 500;
/// Inventories that are asked at once for images to be named.
const LOOKED_AT: usize = 100;

/// The images that a subscriber means.
pub(super) struct Meant<'a> {
    wanted: &'a Wanted,
    filter: AffectedQuery,
    /// Of the inventories that changes touch; of all where every image is meant.
    pub(super) counts: ImageCounts,
}

impl<'a> Meant<'a> {
    /// Those that have one of the inventories `concerned`.
    pub(super) async fn read(
        connection: &mut DatabaseConnection,
        wanted: &'a Wanted,
        concerned: &InventorySet,
    ) -> Result<Self, StoreError> {
        let filter = AffectedQuery { running: wanted.running, ..AffectedQuery::default() };
        let mut meant = Self { wanted, filter, counts: ImageCounts::default() };
        if !wanted.has_image_filter() {
            meant.counts = ImageCounts::read(connection).await?;
            return Ok(meant);
        }
        let inventories: Vec<i64> = concerned.iter().collect();
        let mut found = Vec::new();
        for chunk in inventories.chunks(ROWS) {
            found.extend(meant.images_of(connection, chunk).await?);
        }
        meant.counts = ImageCounts::of(found.into_iter().map(|(inventory, _)| inventory));
        Ok(meant)
    }

    /// The images of inventories that are meant, after their inventories.
    async fn images_of(
        &self,
        connection: &mut DatabaseConnection,
        inventories: &[i64],
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT i.id, a.inventory_id, i.namespace, i.repository, r.name AS registry FROM artifacts a \
             JOIN images i ON i.artifact_id = a.id JOIN registries r ON r.id = i.registry_id WHERE ",
        );
        push_in(&mut query, "a.inventory_id", inventories);
        affected::push_filters(&mut query, &self.filter);
        query.push(" ORDER BY a.inventory_id, i.id");
        let is_full = inventories.len() == ROWS || inventories.len() == LOOKED_AT;
        let rows = query.build().persistent(is_full).fetch_all(connection).await.doing(DOING)?;
        let mut images = Vec::with_capacity(rows.len());
        for row in &rows {
            if self.means(row)? {
                images.push((column::number(row, "inventory_id")?, column::number(row, "id")?));
            }
        }
        Ok(images)
    }

    fn means(&self, row: &DatabaseRow) -> Result<bool, StoreError> {
        let text = |name| column::text(row, name);
        Ok(self.wanted.means(&text("registry")?, &text("namespace")?, &text("repository")?))
    }

    /// Up to `most` images of a set that are not among `covered`, the inventories' oldest first.
    pub(super) async fn choose(
        &self,
        connection: &mut DatabaseConnection,
        set: &InventorySet,
        covered: &BTreeMap<i64, i64>,
        most: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let mut chosen = Vec::new();
        let mut inventories = set.iter();
        while chosen.len() < most {
            let some: Vec<i64> = inventories
                .by_ref()
                .filter(|inventory| self.counts.images_of(*inventory) > 0)
                .take(LOOKED_AT)
                .collect();
            if some.is_empty() {
                break;
            }
            let images = self.images_of(connection, &some).await?.into_iter();
            let open = images.map(|(_, image)| image).filter(|image| !covered.contains_key(image));
            chosen.extend(open.take(most - chosen.len()));
        }
        Ok(chosen)
    }

    /// Of these findings the images that are meant, with their inventories, in which rules cover them wholly.
    pub(super) async fn ignored(
        &self,
        connection: &mut DatabaseConnection,
        ids: impl Iterator<Item = &String>,
    ) -> Result<BTreeMap<String, BTreeMap<i64, i64>>, StoreError> {
        let mut ignored: BTreeMap<String, BTreeMap<i64, i64>> = BTreeMap::new();
        let any = statement::query("SELECT 1 FROM ignored_records LIMIT 1")
            .fetch_optional(connection)
            .await
            .doing(DOING)?;
        if any.is_none() {
            return Ok(ignored);
        }
        let ids: Vec<&String> = ids.collect();
        for chunk in ids.chunks(ROWS) {
            let mut query = QueryBuilder::new(
                "SELECT DISTINCT g.image_id, g.finding_id, a.inventory_id, i.namespace, i.repository, r.name AS registry \
                 FROM ignored_records g JOIN images i ON i.id = g.image_id JOIN artifacts a ON a.id = i.artifact_id \
                 JOIN registries r ON r.id = i.registry_id \
                 WHERE g.is_whole = 1 AND a.inventory_id IS NOT NULL AND g.finding_id IN (",
            );
            let mut listed = query.separated(", ");
            for id in chunk {
                listed.push_bind((*id).clone());
            }
            query.push(")");
            affected::push_filters(&mut query, &self.filter);
            let rows =
                query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
            for row in &rows {
                if self.means(row)? {
                    let own = ignored.entry(column::text(row, "finding_id")?).or_default();
                    own.insert(
                        column::number(row, "image_id")?,
                        column::number(row, "inventory_id")?,
                    );
                }
            }
        }
        Ok(ignored)
    }
}
