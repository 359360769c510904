//! Refreshes: all parts are brought to another snapshot, of which only a few are matched again.
//!
//! In: a [`Judge`] with the new snapshot, and the names whose advisories differ. Out: new findings of the parts concerned,
//! new counters of the inventories that hold them and of their artifacts, and one delta for people. Source:
//! `docs/decisions/`, "Packages are matched once".
//!
//! Odd:
//! * Every step is one bounded transaction that moves a number in the refresh's row, and does nothing if another process
//!   moved it first. Killed anywhere, a refresh goes on behind that number.
//! * A snapshot that comes while a refresh runs is taken over by the same refresh, which then begins anew with both
//!   snapshots' names.

mod count;
mod delta;
mod rematch;

use std::{collections::BTreeSet, sync::Arc};

use plimsoll_model::{Package, Scheme, Timestamp, ecosystem::ECOSYSTEMS};

use crate::{
    Judge, Store, StoreError, column,
    database::{DatabaseConnection, Transaction},
    error::Doing,
    fleet,
    inventory_rows::corrupt,
    parts::asked_text,
    statement::{self, QueryBuilder},
};

pub use delta::{Delta, DeltaImages, Refresh};

/// How a refresh stands after [`Store::continue_refresh`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refreshed {
    /// There is nothing to do, or no longer.
    Done,
    /// It was told to stop; the next call goes on.
    Stopped,
    /// The fleet is being brought to another snapshot than the judge's.
    OtherSnapshot,
}

const DOING: &str = "refreshing the fleet";
/// Rows of one statement.
const ROWS: usize = 500;
/// Parts that are read at once.
const READ: i64 = 1_000;

/// A refresh's row.
#[derive(Clone, PartialEq, Eq, Debug)]
struct State {
    id: i64,
    phase: String,
    everything: bool,
    every_gap: bool,
    next: i64,
    has_before: bool,
}

impl Store {
    /// Begins to bring all parts to the judge's snapshot: those that ask for one of `names` (ecosystem and name; `None`:
    /// all of them), and those whose answers hold until the snapshot's date only. Returns the refresh's number; `None` when
    /// the fleet is matched so already, or nothing was ever scanned.
    ///
    /// # Errors
    /// The database fails.
    pub async fn begin_refresh(
        &self,
        judge: &dyn Judge,
        names: Option<&BTreeSet<(String, String)>>,
        every_gap: bool,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let mut transaction = self.write().await?;
        let Some(fleet) = fleet::read(&mut transaction).await? else { return Ok(None) };
        if fleet.is_of(judge) {
            return Ok(fleet.refresh);
        }
        let feed = judge.feed();
        let date = feed.as_ref().map(|feed| feed.date);
        let before = fleet.feed.as_ref().map(|feed| feed.date);
        // Answers hold towards later dates only; rules of another version, or no snapshot, say nothing of the others.
        let names = names.filter(|_| fleet.matcher == judge.version() && before <= date);
        let everything = names.is_none() || before.is_none() || date.is_none();
        let id = match fleet.refresh {
            Some(id) => {
                statement::query(
                    "UPDATE refreshes SET snapshot = $2, phase = 'match', next = 0, everything = CASE WHEN $3 = 1 THEN 1 \
                     ELSE everything END, every_gap = CASE WHEN $4 = 1 THEN 1 ELSE every_gap END WHERE id = $1",
                )
                .bind(id)
                .bind(feed.as_ref().map(|feed| feed.snapshot.to_string()))
                .bind(i64::from(everything))
                .bind(i64::from(every_gap || everything))
                .execute(&mut transaction)
                .await
                .doing(DOING)?;
                id
            }
            None => {
                let row = statement::query(
                    "INSERT INTO refreshes (snapshot_before, snapshot, phase, everything, every_gap, next, started) \
                     VALUES ($1, $2, 'match', $3, $4, 0, $5) RETURNING id",
                )
                .bind(fleet.snapshot().map(|snapshot| snapshot.to_string()))
                .bind(feed.as_ref().map(|feed| feed.snapshot.to_string()))
                .bind(i64::from(everything))
                .bind(i64::from(every_gap || everything))
                .bind(now.0)
                .fetch_one(&mut transaction)
                .await
                .doing(DOING)?;
                column::number(&row, "id")?
            }
        };
        if let (Some(names), false) = (names, everything) {
            let asked: Vec<String> =
                names.iter().map(|(ecosystem, name)| asked_text(ecosystem, name)).collect();
            let mut parts = asking(&mut transaction, &asked).await?;
            parts.extend(of_rpm(&mut transaction, names, judge).await?);
            parts.extend(no_longer_fresh(&mut transaction, date).await?);
            mark_pending(&mut transaction, id, &parts).await?;
        }
        fleet::write(&mut transaction, judge, Some(id)).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(Some(id))
    }

    /// Goes on with the refresh that is under way, step by step, as long as `go_on` says so.
    ///
    /// # Errors
    /// The database fails; the next call goes on behind the last step that was written.
    pub async fn continue_refresh(
        &self,
        judge: Arc<dyn Judge>,
        now: Timestamp,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Refreshed, StoreError> {
        let mut counting: Option<count::Counting> = None;
        loop {
            let mut connection = self.read().await?;
            let Some(fleet) = fleet::read(&mut connection).await? else {
                return Ok(Refreshed::Done);
            };
            let Some(id) = fleet.refresh else { return Ok(Refreshed::Done) };
            if !fleet.is_of(judge.as_ref()) {
                return Ok(Refreshed::OtherSnapshot);
            }
            if !go_on() {
                return Ok(Refreshed::Stopped);
            }
            let Some(state) = State::read(&mut connection, id).await? else {
                return Ok(Refreshed::Done);
            };
            drop(connection);
            if state.phase == "match" {
                counting = None;
                self.rematch_some(&state, &judge, now).await?;
                continue;
            }
            let begun = match counting.take() {
                Some(begun) => begun,
                None => self.begin_counting(&state).await?,
            };
            if begun.is_behind(state.next) {
                self.finish_refresh(&state, now).await?;
            } else {
                self.count_some(&state, &begun, &judge, now).await?;
            }
            counting = Some(begun);
        }
    }
}

impl State {
    async fn read(
        connection: &mut DatabaseConnection,
        id: i64,
    ) -> Result<Option<Self>, StoreError> {
        let row = statement::query(
            "SELECT phase, everything, every_gap, next, snapshot_before FROM refreshes WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(connection)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Self {
            id,
            phase: column::text(&row, "phase")?,
            everything: column::flag(&row, "everything")?,
            every_gap: column::flag(&row, "every_gap")?,
            next: column::number(&row, "next")?,
            has_before: column::get::<Option<String>>(&row, "snapshot_before")?.is_some(),
        }))
    }

    /// Moves the refresh on, unless another process did or another snapshot came: then the transaction must be dropped.
    async fn advance(
        &self,
        transaction: &mut Transaction,
        phase: &str,
        next: i64,
        done: [u64; 3],
    ) -> Result<bool, StoreError> {
        let [parts, changed, artifacts] = done.map(column::stored);
        let done = statement::query(
            "UPDATE refreshes SET phase = $4, next = $5, parts = parts + $6, changed = changed + $7, \
             artifacts = artifacts + $8 WHERE id = $1 AND phase = $2 AND next = $3 \
             AND EXISTS (SELECT 1 FROM fleet f WHERE f.refresh_id = $1 AND COALESCE(f.snapshot, '') = COALESCE(refreshes.snapshot, ''))",
        )
        .bind(self.id)
        .bind(&self.phase)
        .bind(self.next)
        .bind(phase)
        .bind(next)
        .bind(parts)
        .bind(changed)
        .bind(artifacts)
        .execute(transaction)
        .await
        .doing(DOING)?;
        Ok(done.rows_affected() == 1)
    }
}

/// Parts that ask for one of these names.
async fn asking(
    connection: &mut DatabaseConnection,
    asked: &[String],
) -> Result<BTreeSet<i64>, StoreError> {
    let mut parts = BTreeSet::new();
    for chunk in asked.chunks(ROWS) {
        let mut query = QueryBuilder::new("SELECT id FROM parts WHERE asked IN (");
        let mut listed = query.separated(", ");
        for asked in chunk {
            listed.push_bind(asked.clone());
        }
        query.push(")");
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            parts.insert(column::number(row, "id")?);
        }
    }
    Ok(parts)
}

/// Parts of the ecosystems of rpm that ask for one of these names: of several that such a part asks for, its row has one, since
/// advisories of one distribution name binary packages, source packages, or now the one and now the other. Their packages are
/// read for it, which is less than to match them.
async fn of_rpm(
    connection: &mut DatabaseConnection,
    names: &BTreeSet<(String, String)>,
    judge: &dyn Judge,
) -> Result<BTreeSet<i64>, StoreError> {
    let changed: BTreeSet<&str> = names.iter().map(|(ecosystem, _)| ecosystem.as_str()).collect();
    let rows = ECOSYSTEMS.iter().filter(|row| row.scheme == Scheme::Rpm);
    let mut parts = BTreeSet::new();
    for row in rows.filter(|row| changed.contains(row.name)) {
        let mut last = i64::MIN;
        loop {
            let rows = statement::query(
                "SELECT id, content FROM parts WHERE ecosystem = $1 AND id > $2 ORDER BY id LIMIT $3",
            )
            .bind(row.name)
            .bind(last)
            .bind(READ)
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
            for row in &rows {
                last = column::number(row, "id")?;
                let content: &[u8] = column::get(row, "content")?;
                let package: Package = serde_json::from_slice(content)
                    .map_err(|_error| corrupt("parts.content", last))?;
                if judge.names(&package).iter().any(|name| names.contains(name)) {
                    parts.insert(last);
                }
            }
            if i64::try_from(rows.len()).unwrap_or(i64::MAX) < READ {
                break;
            }
        }
    }
    Ok(parts)
}

/// Parts whose answers hold until a date that is reached.
async fn no_longer_fresh(
    connection: &mut DatabaseConnection,
    date: Option<Timestamp>,
) -> Result<BTreeSet<i64>, StoreError> {
    let rows = statement::query("SELECT id FROM parts WHERE until IS NOT NULL AND until <= $1")
        .bind(date.map(|date| date.0))
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    rows.iter().map(|row| column::number(row, "id")).collect()
}

async fn mark_pending(
    transaction: &mut Transaction,
    refresh: i64,
    parts: &BTreeSet<i64>,
) -> Result<(), StoreError> {
    let parts: Vec<i64> = parts.iter().copied().collect();
    for chunk in parts.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "INSERT INTO refresh_parts (refresh_id, part_id, pending, counts, changes) ",
        );
        query.push_values(chunk, |mut values, part| {
            values.push_bind(refresh).push_bind(*part).push_bind(1_i64).push_bind(0_i64);
            values.push_bind("{}");
        });
        query.push(" ON CONFLICT (refresh_id, part_id) DO UPDATE SET pending = 1");
        query.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}
