//! The second half of a refresh: inventories whose parts changed are counted again, and their artifacts with them.
//!
//! In: the parts that change a counter. Out: counters, verdict and lead of inventories and artifacts, some hundred a
//! transaction. Odd: what every part adds is read once for all steps when many inventories are reached; it is a few bytes a
//! part.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_model::Timestamp;

use super::{DOING, State};
use crate::{
    ChangedBy, Judge, Store, StoreError, column,
    error::Doing,
    history::Occasion,
    inventory_rows::{self, Evaluated, InventoryRow, PartFacts, corrupt, evaluate},
    inventory_set::InventorySet,
    numbers, own_counters,
    parts::failed,
    recording::{Restated, restate},
    statement::{self, QueryBuilder},
};

/// Inventories that are counted in one transaction.
const AT_ONCE: usize = 500;
/// With more inventories than this, the facts of all parts are read at once.
const ALL_FACTS: usize = 1_000;

/// What is to be counted.
pub(super) struct Counting {
    /// Upwards.
    inventories: Vec<i64>,
    /// What all parts add, where so many are needed.
    facts: Option<Arc<BTreeMap<i64, PartFacts>>>,
}

/// An inventory's parts and what followed from them.
type Stored = (i64, Vec<i64>, Evaluated);

impl Counting {
    /// Whether all are counted.
    pub(super) fn is_behind(&self, next: i64) -> bool {
        self.inventories.last().is_none_or(|last| *last <= next)
    }
}

impl Store {
    pub(super) async fn begin_counting(&self, state: &State) -> Result<Counting, StoreError> {
        let mut connection = self.read().await?;
        let inventories: Vec<i64> = if state.every_gap {
            let rows = statement::query("SELECT id FROM inventories ORDER BY id")
                .fetch_all(&mut connection)
                .await
                .doing(DOING)?;
            rows.iter().map(|row| column::number(row, "id")).collect::<Result<_, StoreError>>()?
        } else {
            let rows = statement::query(
                "SELECT part_id FROM refresh_parts WHERE refresh_id = $1 AND counts = 1",
            )
            .bind(state.id)
            .fetch_all(&mut connection)
            .await
            .doing(DOING)?;
            let parts: Vec<i64> = rows
                .iter()
                .map(|row| column::number(row, "part_id"))
                .collect::<Result<_, StoreError>>()?;
            let mut all = InventorySet::default();
            for set in inventory_rows::blocks_of(&mut connection, &parts, None).await?.values() {
                all.unite(set);
            }
            all.iter().collect()
        };
        let mut facts = None;
        if inventories.len() > ALL_FACTS {
            facts = Some(Arc::new(inventory_rows::all_facts(&mut connection).await?));
        }
        Ok(Counting { inventories, facts })
    }

    pub(super) async fn count_some(
        &self,
        state: &State,
        counting: &Counting,
        judge: &Arc<dyn Judge>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let from = counting.inventories.partition_point(|id| *id <= state.next);
        let ids = counting.inventories.get(from..).unwrap_or_default();
        let ids = ids.get(..AT_ONCE).unwrap_or(ids);
        let Some(last) = ids.last() else { return Ok(()) };
        let mut connection = self.read().await?;
        let mut query = QueryBuilder::new(
            "SELECT id, parts, counters, verdict, gaps, lead_part, lead_number FROM inventories WHERE id IN (",
        );
        let mut listed = query.separated(", ");
        for id in ids {
            listed.push_bind(*id);
        }
        query.push(") ORDER BY id");
        let rows = query.build().fetch_all(&mut connection).await.doing(DOING)?;
        let mut stored: Vec<Stored> = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = column::number(row, "id")?;
            let parts: &[u8] = column::get(row, "parts")?;
            let parts = numbers::unpack(parts).ok_or_else(|| corrupt("inventories.parts", id))?;
            stored.push((id, parts, Evaluated::from_row(row)?));
        }
        let facts = match &counting.facts {
            Some(facts) => Arc::clone(facts),
            None => {
                let mut held: Vec<i64> =
                    stored.iter().flat_map(|(_, parts, _)| parts.iter().copied()).collect();
                held.sort_unstable();
                held.dedup();
                Arc::new(inventory_rows::facts(&mut connection, &held).await?)
            }
        };
        drop(connection);
        let judge = Arc::clone(judge);
        let changed =
            tokio::task::spawn_blocking(move || evaluate_all(&stored, &facts, judge.as_ref()));
        let changed = changed.await.map_err(|error| failed(DOING, error))??;

        let occasion = Occasion { at: now, by: ChangedBy::Refresh };
        let mut transaction = self.write().await?;
        let written = changed.iter().map(|(now, _)| (now.id, &now.evaluated));
        Evaluated::write(&mut transaction, written).await?;
        let restated: Vec<Restated<'_>> = changed
            .iter()
            .map(|(inventory, before)| Restated {
                inventory,
                has_new_verdict: inventory.evaluated.verdict != before.verdict,
                has_new_counters: inventory.evaluated.counters != before.counters,
            })
            .filter(|one| one.has_new_verdict || one.has_new_counters)
            .collect();
        let artifacts = restate(&mut transaction, &restated, occasion).await?;
        // Of all of them: what a rule names may be called otherwise now, with the same numbers.
        own_counters::recount_inventories(&mut transaction, ids, now).await?;
        if state.advance(&mut transaction, "count", *last, [0, 0, artifacts]).await? {
            transaction.commit().await.doing(DOING)?;
        }
        Ok(())
    }
}

/// Those whose numbers are others now, and what they were.
fn evaluate_all(
    stored: &[Stored],
    facts: &BTreeMap<i64, PartFacts>,
    judge: &dyn Judge,
) -> Result<Vec<(InventoryRow, Evaluated)>, StoreError> {
    let (one, other) = stored.split_at(stored.len() / 2);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| evaluate_some(one, facts, judge));
        let second = evaluate_some(other, facts, judge)?;
        let mut all = match first.join() {
            Ok(first) => first?,
            Err(_panic) => evaluate_some(one, facts, judge)?,
        };
        all.extend(second);
        Ok(all)
    })
}

fn evaluate_some(
    stored: &[Stored],
    facts: &BTreeMap<i64, PartFacts>,
    judge: &dyn Judge,
) -> Result<Vec<(InventoryRow, Evaluated)>, StoreError> {
    let mut changed = Vec::new();
    for (id, parts, before) in stored {
        let held: Vec<(i64, &PartFacts)> =
            parts.iter().filter_map(|part| facts.get(part).map(|facts| (*part, facts))).collect();
        // A part that came after the facts were read belongs to a scan of this very snapshot, which counted it.
        if held.len() != parts.len() {
            continue;
        }
        let evaluated = evaluate(&held, judge)?;
        if evaluated != *before {
            let remainder = parts.last().copied();
            let row = InventoryRow { id: *id, remainder, evaluated, changed: true };
            changed.push((row, before.clone()));
        }
    }
    Ok(changed)
}
