//! What refreshes changed about one image.
//!
//! In: an image and a time. Out: the vulnerabilities that it got, lost, or that became more or less urgent. Odd: a refresh remembers
//! inventories, so that what is told is of the inventory that the image has now; where a scan gave it another one since, the
//! refreshes before that scan speak of the old one.

use std::collections::BTreeSet;

use plimsoll_model::{Priority, Timestamp};

use crate::{
    Store, StoreError, column,
    database::DatabaseConnection,
    error::Doing,
    findings::PRIORITY,
    inventory_rows::corrupt,
    inventory_set::InventorySet,
    numbers,
    statement::{self, QueryBuilder},
};

const DOING: &str = "listing what changed about an image";
/// Rows of one statement.
const ROWS: usize = 500;
/// Changes of the whole fleet that are looked at, newest first.
const LOOKED_AT: i64 = 50_000;

/// What happened to an image.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WhatChanged {
    /// It has the vulnerability newly.
    Newly,
    /// It no longer has it.
    Cleared,
    /// It has it as before, with another priority.
    Priority,
}

/// One change of an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageChange {
    /// When the refresh was done.
    pub at: Timestamp,
    /// The refresh.
    pub refresh: i64,
    /// CVE or advisory id.
    pub id: String,
    /// What happened.
    pub what: WhatChanged,
    /// Its highest priority in any package of the fleet before.
    pub priority_before: Option<Priority>,
    /// Its highest priority in any package of the fleet since.
    pub priority: Option<Priority>,
}

impl Store {
    /// What refreshes that were done at or after `since` changed about an image: newest refresh first, then by priority
    /// downwards, id; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn image_changes_since(
        &self,
        uuid: &str,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ImageChange>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let row = statement::query(
            "SELECT v.id, v.parts FROM images i JOIN artifacts a ON a.id = i.artifact_id \
             JOIN inventories v ON v.id = a.inventory_id WHERE i.uuid = $1",
        )
        .bind(uuid)
        .fetch_optional(&mut snapshot)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let inventory: i64 = column::number(&row, "id")?;
        let parts: &[u8] = column::get(&row, "parts")?;
        let parts =
            numbers::unpack(parts).ok_or_else(|| corrupt("inventories.parts", inventory))?;
        let has = findings_of(&mut snapshot, &parts).await?;
        let rows = statement::query(
            "SELECT d.refresh_id, d.finding_id, d.priority_before, d.priority, d.newly_in, d.cleared_in, r.finished \
             FROM refreshes r JOIN refresh_deltas d ON d.refresh_id = r.id WHERE r.finished >= $1 \
             ORDER BY r.id DESC, CASE d.priority WHEN 'asap' THEN 0 WHEN 'later' THEN 1 WHEN 'nntf' THEN 2 ELSE 3 END, \
             d.finding_id LIMIT $2",
        )
        .bind(since.0)
        .bind(LOOKED_AT)
        .fetch_all(&mut snapshot)
        .await
        .doing(DOING)?;
        let mut changes = Vec::new();
        for row in &rows {
            let refresh = column::number(row, "refresh_id")?;
            let holds = |name| -> Result<bool, StoreError> {
                let set = InventorySet::unpack(column::get(row, name)?)
                    .ok_or_else(|| corrupt("refresh_deltas.newly_in", refresh))?;
                Ok(set.contains(inventory))
            };
            let id = column::text(row, "finding_id")?;
            let before: Option<Priority> =
                column::optional_parsed(row, "priority_before", PRIORITY)?;
            let priority: Option<Priority> = column::optional_parsed(row, "priority", PRIORITY)?;
            let what = if holds("newly_in")? {
                WhatChanged::Newly
            } else if holds("cleared_in")? {
                WhatChanged::Cleared
            } else if before.is_some()
                && priority.is_some()
                && before != priority
                && has.contains(&id)
            {
                WhatChanged::Priority
            } else {
                continue;
            };
            let at = column::time(row, "finished")?;
            changes.push(ImageChange { at, refresh, id, what, priority_before: before, priority });
            if changes.len() >= limit {
                break;
            }
        }
        Ok(changes)
    }
}

/// The findings that any of these parts has.
async fn findings_of(
    connection: &mut DatabaseConnection,
    parts: &[i64],
) -> Result<BTreeSet<String>, StoreError> {
    let mut findings = BTreeSet::new();
    for chunk in parts.chunks(ROWS) {
        let mut query =
            QueryBuilder::new("SELECT DISTINCT finding_id FROM part_findings WHERE part_id IN (");
        let mut listed = query.separated(", ");
        for part in chunk {
            listed.push_bind(*part);
        }
        query.push(")");
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            findings.insert(column::text(row, "finding_id")?);
        }
    }
    Ok(findings)
}
