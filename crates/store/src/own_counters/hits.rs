//! Which findings rules cover, by part.
//!
//! In: rules. Out: [`Hits`], and the inventories and images that hold what is hit. Odd: the way is the names' index and
//! nothing else, so that a rule on one vulnerability reads the parts that have it and not the fleet.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{NewIgnoreRule, Priority};

use super::{DOING, ROWS, images_of};
use crate::{
    StoreError, column, database::DatabaseConnection, error::Doing, findings::PRIORITY,
    inventory_rows, inventory_set::InventorySet, listing::push_in, statement::QueryBuilder,
};

/// One finding of a part that a rule covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hit {
    /// The rule's place in the list.
    pub(super) rule: usize,
    /// The finding's number among the part's open ones.
    pub(super) number: i64,
    pub(super) id: String,
    pub(super) record: String,
    pub(super) priority: Option<Priority>,
}

/// What rules cover.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    parts: BTreeMap<i64, Vec<Hit>>,
    /// Artifacts whose reports are kept whole, that have something of these names.
    whole: BTreeSet<i64>,
}

impl Hits {
    pub(crate) async fn read(
        connection: &mut DatabaseConnection,
        rules: &[&NewIgnoreRule],
    ) -> Result<Self, StoreError> {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, rule) in rules.iter().enumerate() {
            for name in rule.names() {
                by_name.entry(name).or_default().push(place);
            }
        }
        let names: Vec<String> = by_name.keys().cloned().collect();
        let mut hits = Self::default();
        for chunk in names.chunks(ROWS) {
            let mut sql = QueryBuilder::new(
                "SELECT n.name, n.part_id, n.number, f.finding_id, f.record, f.priority, \
                 COALESCE(f.subject, (SELECT p.purl FROM parts p WHERE p.id = n.part_id)) AS purl \
                 FROM part_names n JOIN part_findings f ON f.part_id = n.part_id AND f.number = n.number \
                 WHERE f.kind = 'vulnerability' \
                 AND (SELECT p.purl FROM parts p WHERE p.id = n.part_id) IS NOT NULL AND ",
            );
            push_in(&mut sql, "n.name", chunk);
            let rows =
                sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
            for row in &rows {
                let name = column::text(row, "name")?;
                let (record, purl) = (column::text(row, "record")?, column::text(row, "purl")?);
                for place in by_name.get(&name).into_iter().flatten() {
                    let covers = rules
                        .get(*place)
                        .is_some_and(|rule| rule.covers_named(&name, &record, &purl));
                    if !covers {
                        continue;
                    }
                    let hit = Hit {
                        rule: *place,
                        number: column::number(row, "number")?,
                        id: column::text(row, "finding_id")?,
                        record: record.clone(),
                        priority: column::optional_parsed(row, "priority", PRIORITY)?,
                    };
                    let of_part = hits.parts.entry(column::number(row, "part_id")?).or_default();
                    if !of_part.contains(&hit) {
                        of_part.push(hit);
                    }
                }
            }
            let mut sql =
                QueryBuilder::new("SELECT DISTINCT artifact_id FROM finding_names WHERE ");
            push_in(&mut sql, "name", chunk);
            let rows =
                sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
            for row in &rows {
                hits.whole.insert(column::number(row, "artifact_id")?);
            }
        }
        Ok(hits)
    }

    /// What is covered of a part.
    pub(super) fn of_part(&self, part: i64) -> Option<&[Hit]> {
        self.parts.get(&part).map(Vec::as_slice)
    }

    /// The inventories that hold a part of which something is covered.
    pub(super) async fn inventories(
        &self,
        connection: &mut DatabaseConnection,
    ) -> Result<InventorySet, StoreError> {
        let parts: Vec<i64> = self.parts.keys().copied().collect();
        let mut all = InventorySet::default();
        for set in inventory_rows::blocks_of(connection, &parts, None).await?.values() {
            all.unite(set);
        }
        Ok(all)
    }

    /// The images that have something that is covered, wherever the rules hold.
    pub(crate) async fn images(
        &self,
        connection: &mut DatabaseConnection,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let inventories = self.inventories(connection).await?;
        let mut images = images_of(connection, &inventories).await?;
        let whole: Vec<i64> = self.whole.iter().copied().collect();
        for chunk in whole.chunks(ROWS) {
            let mut sql = QueryBuilder::new("SELECT id FROM images WHERE ");
            push_in(&mut sql, "artifact_id", chunk);
            let rows =
                sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
            for row in &rows {
                images.insert(column::number(row, "id")?);
            }
        }
        Ok(images)
    }
}
