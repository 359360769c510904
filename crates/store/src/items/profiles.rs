//! What images have of a kind, by groups of images that have the same, so that all images can be summed up without looking at
//! each.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_model::{Kind, Timestamp};

use super::{DOING, Holder, Item, items_of, marks, one_of_each};
use crate::{
    ImageSelection, Store, StoreError, column, database::DatabaseConnection, error::Doing,
    image_selection::push_selection, listing::push_in, statement::QueryBuilder,
};

/// Images that have the same findings of a kind, standing alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemProfile {
    /// What they have; at least one.
    pub items: Arc<[Item]>,
    /// How many images.
    pub images: u64,
    /// The first scan that could read one of them.
    pub first_scanned: Timestamp,
    /// The latest scan of one of them.
    pub scanned: Timestamp,
}

/// Images that hold one thing.
struct Group {
    images: u64,
    first_scanned: Timestamp,
    scanned: Timestamp,
}

/// The columns of [`Group`].
const GROUP: &str = "COALESCE(a.remainder_id, -a.id) AS holder, COUNT(*) AS images, \
     MIN(COALESCE(a.first_scanned, a.scanned)) AS first_scanned, MAX(COALESCE(t.succeeded, a.scanned)) AS scanned";
const IMAGES: &str = "FROM images i JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id \
     LEFT JOIN tasks t ON t.artifact_id = a.id WHERE a.scanned IS NOT NULL";

impl Store {
    /// What the images of a selection have of a kind. An image in which rules make something of it is a group of its own.
    ///
    /// # Errors
    /// The database fails.
    pub async fn item_profiles(
        &self,
        kind: Kind,
        selection: &ImageSelection,
    ) -> Result<Vec<ItemProfile>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut groups = groups(&mut snapshot, selection).await?;
        let items = items_of(&mut snapshot, kind, None).await?;
        let marks = marks(&mut snapshot, kind, selection, None).await?;
        let marked: Vec<i64> = marks.keys().copied().collect();
        let mut profiles = Vec::new();
        let mut known: BTreeMap<Holder, Arc<[Item]>> = BTreeMap::new();
        for (holder, items) in items {
            if groups.contains_key(&holder) {
                known.insert(holder, one_of_each(items));
            }
        }
        for (image, (holder, group)) in holders(&mut snapshot, &marked).await? {
            let (Some(items), Some(marks)) = (known.get(&holder), marks.get(&image)) else {
                continue;
            };
            if let Some(all) = groups.get_mut(&holder) {
                all.images = all.images.saturating_sub(1);
            }
            let items: Arc<[Item]> = items.iter().map(|item| item.marked(marks)).collect();
            profiles.push(group.profile(items));
        }
        for (holder, items) in known {
            if let Some(group) = groups.get(&holder).filter(|group| group.images > 0) {
                profiles.push(group.profile(items));
            }
        }
        Ok(profiles)
    }
}

impl Group {
    fn profile(&self, items: Arc<[Item]>) -> ItemProfile {
        ItemProfile {
            items,
            images: self.images,
            first_scanned: self.first_scanned,
            scanned: self.scanned,
        }
    }

    fn read(row: &crate::database::DatabaseRow) -> Result<(Holder, Self), StoreError> {
        let group = Self {
            images: column::number(row, "images")?,
            first_scanned: column::time(row, "first_scanned")?,
            scanned: column::time(row, "scanned")?,
        };
        Ok((column::number(row, "holder")?, group))
    }
}

async fn groups(
    connection: &mut DatabaseConnection,
    selection: &ImageSelection,
) -> Result<BTreeMap<Holder, Group>, StoreError> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(GROUP).push(" ").push(IMAGES);
    push_selection(&mut sql, selection);
    sql.push(" GROUP BY COALESCE(a.remainder_id, -a.id)");
    let rows = sql.build().fetch_all(connection).await.doing(DOING)?;
    rows.iter().map(Group::read).collect()
}

/// Images one by one, each with who holds what it has.
async fn holders(
    connection: &mut DatabaseConnection,
    images: &[i64],
) -> Result<BTreeMap<i64, (Holder, Group)>, StoreError> {
    let mut found = BTreeMap::new();
    for chunk in images.chunks(super::ROWS) {
        let mut sql = QueryBuilder::new("SELECT i.id, ");
        sql.push(GROUP).push(" ").push(IMAGES).push(" AND ");
        push_in(&mut sql, "i.id", chunk);
        sql.push(" GROUP BY i.id, COALESCE(a.remainder_id, -a.id)");
        let rows = sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            found.insert(column::number(row, "id")?, Group::read(row)?);
        }
    }
    Ok(found)
}
