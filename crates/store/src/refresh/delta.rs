//! The end of a refresh: what it changed, one row a vulnerability, for notifications and for "what changed since".
//!
//! In: the findings that parts gained and lost. Out: [`Delta`]s with the images that are hit now, newly, and no longer. Odd:
//! an image that has a vulnerability by another package already is not newly hit, so that the sets are of inventories, not of
//! packages; the first matching of all has nothing to differ from and gives no deltas.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Digest, Priority, Timestamp};

use super::{DOING, ROWS, State, rematch::Changes};
use crate::{
    ImageRow, Store, StoreError, affected, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    findings::PRIORITY,
    inventory_rows::{self, ImageCounts},
    inventory_set::InventorySet,
    outbox,
    statement::{self, QueryBuilder},
};

/// One refresh.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refresh {
    /// Its number.
    pub id: i64,
    /// The snapshot before; `None`: there was none.
    pub snapshot_before: Option<Digest>,
    /// The snapshot since.
    pub snapshot: Option<Digest>,
    /// When it began.
    pub started: Timestamp,
    /// When it was done; `None`: it is under way.
    pub finished: Option<Timestamp>,
    /// Distinct packages that were matched again.
    pub parts: u64,
    /// Of them, those with another result.
    pub changed: u64,
    /// Artifacts whose numbers changed.
    pub artifacts: u64,
}

/// What a refresh changed about one vulnerability.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delta {
    /// The refresh.
    pub refresh: i64,
    /// When it was done.
    pub finished: Timestamp,
    /// CVE or advisory id.
    pub id: String,
    /// Its highest priority in any package before.
    pub priority_before: Option<Priority>,
    /// Its highest priority in any package since.
    pub priority: Option<Priority>,
    /// Images that have it.
    pub images: u64,
    /// Of them, those that did not have it before.
    pub newly: u64,
    /// Images that no longer have it.
    pub cleared: u64,
}

/// A part that has, or had, a finding: priority before and since.
type Holder = (Option<String>, Option<String>);

struct Row {
    id: String,
    before: Option<Priority>,
    since: Option<Priority>,
    images: u64,
    newly: (u64, InventorySet),
    cleared: (u64, InventorySet),
}

impl Store {
    pub(super) async fn finish_refresh(
        &self,
        state: &State,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        if !state.advance(&mut transaction, "done", 0, [0; 3]).await? {
            return Ok(());
        }
        if state.has_before {
            let rows = deltas(&mut transaction, state.id).await?;
            insert(&mut transaction, state.id, &rows).await?;
            let told = rows.iter().map(|row| row.before.max(row.since));
            outbox::note_refresh(&mut transaction, state.id, told, now).await?;
        }
        for sql in [
            "DELETE FROM refresh_parts WHERE refresh_id = $1",
            "UPDATE fleet SET refresh_id = NULL WHERE refresh_id = $1",
        ] {
            statement::query(sql).bind(state.id).execute(&mut transaction).await.doing(DOING)?;
        }
        statement::query("UPDATE refreshes SET finished = $2 WHERE id = $1")
            .bind(state.id)
            .bind(now.0)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }

    /// The latest refreshes, newest first; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn refreshes(&self, limit: u32) -> Result<Vec<Refresh>, StoreError> {
        let rows = statement::query("SELECT * FROM refreshes ORDER BY id DESC LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&mut *self.read().await?)
            .await
            .doing("listing refreshes")?;
        rows.iter().map(Refresh::from_row).collect()
    }

    /// What refreshes that were done at or after `since` changed: newest refresh first, then by priority downwards, images
    /// newly hit downwards, id; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn deltas_since(
        &self,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delta>, StoreError> {
        let rows = statement::query(
            "SELECT d.refresh_id, d.finding_id, d.priority_before, d.priority, d.images, d.newly, d.cleared, r.finished \
             FROM refreshes r JOIN refresh_deltas d ON d.refresh_id = r.id WHERE r.finished >= $1 \
             ORDER BY r.id DESC, CASE d.priority WHEN 'asap' THEN 0 WHEN 'later' THEN 1 WHEN 'nntf' THEN 2 ELSE 3 END, \
             d.newly DESC, d.finding_id LIMIT $2",
        )
        .bind(since.0)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("listing what changed")?;
        rows.iter().map(Delta::from_row).collect()
    }
}

/// Which images of a delta.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeltaImages {
    /// Those that did not have it before.
    Newly,
    /// Those that no longer have it.
    Cleared,
}

impl Store {
    /// The images that a refresh made have, or no longer have, a vulnerability, with their registries' names; by registry,
    /// namespace, repository, tag; at most `limit`. Images that got other contents since are not among them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn delta_images(
        &self,
        refresh: i64,
        id: &str,
        which: DeltaImages,
        limit: u32,
    ) -> Result<Vec<(ImageRow, String)>, StoreError> {
        const DOING: &str = "listing the images of a change";
        let mut snapshot = self.snapshot().await?;
        let row = statement::query(
            "SELECT newly_in, cleared_in FROM refresh_deltas WHERE refresh_id = $1 AND finding_id = $2",
        )
        .bind(refresh)
        .bind(id)
        .fetch_optional(&mut snapshot)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let column = match which {
            DeltaImages::Newly => "newly_in",
            DeltaImages::Cleared => "cleared_in",
        };
        let set = InventorySet::unpack(column::get(&row, column)?)
            .ok_or_else(|| inventory_rows::corrupt("refresh_deltas.newly_in", refresh))?;
        affected::images_in(&mut snapshot, &set, limit).await
    }
}

async fn deltas(connection: &mut DatabaseConnection, refresh: i64) -> Result<Vec<Row>, StoreError> {
    let rows = statement::query(
        "SELECT part_id, changes FROM refresh_parts WHERE refresh_id = $1 AND changes <> '{}'",
    )
    .bind(refresh)
    .fetch_all(&mut *connection)
    .await
    .doing(DOING)?;
    let mut holders: BTreeMap<String, BTreeMap<i64, Holder>> = BTreeMap::new();
    for row in &rows {
        let part = column::number(row, "part_id")?;
        let changes: Changes = column::json(row, "changes")?;
        for (id, change) in changes {
            holders.entry(id).or_default().insert(part, change);
        }
    }
    add_unchanged(connection, &mut holders).await?;
    let parts: BTreeSet<i64> =
        holders.values().flat_map(|holders| holders.keys().copied()).collect();
    let parts: Vec<i64> = parts.into_iter().collect();
    let sets = inventory_rows::blocks_of(connection, &parts, None).await?;
    let counts = ImageCounts::read(connection).await?;
    Ok(holders.into_iter().map(|(id, holders)| Row::of(id, &holders, &sets, &counts)).collect())
}

/// Adds the parts that have one of these findings as before.
async fn add_unchanged(
    connection: &mut DatabaseConnection,
    holders: &mut BTreeMap<String, BTreeMap<i64, Holder>>,
) -> Result<(), StoreError> {
    let ids: Vec<String> = holders.keys().cloned().collect();
    for chunk in ids.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "SELECT f.part_id, f.finding_id, f.priority FROM part_names n \
             JOIN part_findings f ON f.part_id = n.part_id AND f.number = n.number \
             WHERE (SELECT p.ecosystem FROM parts p WHERE p.id = n.part_id) IS NOT NULL AND n.name IN (",
        );
        let mut listed = query.separated(", ");
        for id in chunk {
            listed.push_bind(column::searchable(id).to_ascii_uppercase());
        }
        query.push(")");
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let priority: Option<String> = column::get(row, "priority")?;
            let priority = Some(priority.unwrap_or_default());
            if let Some(holders) = holders.get_mut(&column::text(row, "finding_id")?) {
                let part = column::number(row, "part_id")?;
                holders.entry(part).or_insert((priority.clone(), priority));
            }
        }
    }
    Ok(())
}

impl Row {
    fn of(
        id: String,
        holders: &BTreeMap<i64, Holder>,
        sets: &BTreeMap<i64, InventorySet>,
        counts: &ImageCounts,
    ) -> Self {
        let (mut had, mut has) = (InventorySet::default(), InventorySet::default());
        let (mut before, mut since) = (None, None);
        let priority = |word: &String| word.parse::<Priority>().ok();
        for (part, (was, is)) in holders {
            let Some(set) = sets.get(part) else { continue };
            if let Some(word) = was {
                had.unite(set);
                before = before.max(priority(word));
            }
            if let Some(word) = is {
                has.unite(set);
                since = since.max(priority(word));
            }
        }
        let (mut newly, mut cleared) = (has.clone(), had.clone());
        newly.subtract(&had);
        cleared.subtract(&has);
        Self {
            id,
            before,
            since,
            images: counts.sum(&has),
            newly: (counts.sum(&newly), newly),
            cleared: (counts.sum(&cleared), cleared),
        }
    }
}

async fn insert(
    transaction: &mut Transaction,
    refresh: i64,
    rows: &[Row],
) -> Result<(), StoreError> {
    for chunk in rows.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "INSERT INTO refresh_deltas (refresh_id, finding_id, priority_before, priority, images, newly, cleared, \
             newly_in, cleared_in) ",
        );
        query.push_values(chunk, |mut values, row| {
            values
                .push_bind(refresh)
                .push_bind(row.id.clone())
                .push_bind(row.before.map(Priority::as_str))
                .push_bind(row.since.map(Priority::as_str))
                .push_bind(column::stored(row.images))
                .push_bind(column::stored(row.newly.0))
                .push_bind(column::stored(row.cleared.0))
                .push_bind(row.newly.1.pack())
                .push_bind(row.cleared.1.pack());
        });
        query.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}

impl Refresh {
    pub(crate) fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::number(row, "id")?,
            snapshot_before: column::optional_parsed(row, "snapshot_before", "a digest")?,
            snapshot: column::optional_parsed(row, "snapshot", "a digest")?,
            started: column::time(row, "started")?,
            finished: column::optional_time(row, "finished")?,
            parts: column::number(row, "parts")?,
            changed: column::number(row, "changed")?,
            artifacts: column::number(row, "artifacts")?,
        })
    }
}

impl Delta {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            refresh: column::number(row, "refresh_id")?,
            finished: column::time(row, "finished")?,
            id: column::text(row, "finding_id")?,
            priority_before: column::optional_parsed(row, "priority_before", PRIORITY)?,
            priority: column::optional_parsed(row, "priority", PRIORITY)?,
            images: column::number(row, "images")?,
            newly: column::number(row, "newly")?,
            cleared: column::number(row, "cleared")?,
        })
    }
}
