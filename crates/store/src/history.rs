//! The history of counters: what an artifact's became, when, and why.
//!
//! In: where artifacts stand now. Out: one row a change; [`CounterChange`]s of an image, oldest first. Odd: a row belongs to
//! the artifact, so that the many images of one cost one row; what is unchanged writes none. Of two changes within one second
//! the later one is kept.

use std::collections::BTreeMap;

use plimsoll_model::{Digest, RiskCounters, Timestamp};

use crate::{
    ImageRow, Store, StoreError,
    artifacts::Standing,
    column,
    database::{DatabaseRow, Transaction},
    error::Doing,
    outbox, settings,
    statement::{self, QueryBuilder},
    tally,
};

/// Why an artifact's counters changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChangedBy {
    /// It was scanned.
    Scan,
    /// A snapshot came that says something else of its packages.
    Refresh,
    /// Findings are ignored now, or no longer.
    Rule,
}

/// The setting that says how many days histories and changes are kept.
pub const HISTORY_DAYS_SETTING: &str = "history.days";
/// Days that they are kept when nobody said.
pub const HISTORY_DAYS: u32 = 90;

const DOING: &str = "keeping the history of counters";
const WORDS: &[(&str, ChangedBy)] =
    &[("scan", ChangedBy::Scan), ("refresh", ChangedBy::Refresh), ("rule", ChangedBy::Rule)];
/// Rows of one statement.
const ROWS: usize = 500;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// When and why something changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Occasion {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub by: ChangedBy,
}

/// What an artifact's counters became.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CounterChange {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub by: ChangedBy,
    /// The snapshot that was in use; `None`: none was.
    pub snapshot: Option<Digest>,
    /// Since then.
    pub counters: RiskCounters,
}

/// An image whose artifact's counters a scan changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScannedChange {
    /// When, why, what they became.
    pub change: CounterChange,
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// Whether it was the first scan of what the image names.
    pub first: bool,
}

impl ChangedBy {
    /// `scan`, `refresh` or `rule`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Refresh => "refresh",
            Self::Rule => "rule",
        }
    }
}

impl CounterChange {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let packed: &[u8] = column::get(row, "counters")?;
        let counters = tally::unpack_counters(packed).ok_or_else(|| StoreError::Corrupt {
            column: "counter_history.counters".to_owned(),
            value: format!("{packed:?}"),
            expected: "packed counters",
        })?;
        Ok(Self {
            at: column::time(row, "changed")?,
            by: column::word(row, "why", WORDS)?,
            snapshot: column::optional_parsed(row, "snapshot", "a digest")?,
            counters,
        })
    }
}

impl Store {
    /// What an image's counters became, oldest first: those of the artifact that it names now; at most the latest `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn counter_history(
        &self,
        uuid: &str,
        limit: u32,
    ) -> Result<Vec<CounterChange>, StoreError> {
        let rows = statement::query(
            "SELECT h.changed, h.why, h.counters, s.digest AS snapshot FROM images i \
             JOIN counter_history h ON h.artifact_id = i.artifact_id LEFT JOIN snapshots s ON s.id = h.snapshot_id \
             WHERE i.uuid = $1 ORDER BY h.changed DESC LIMIT $2",
        )
        .bind(uuid)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("reading the history of counters")?;
        rows.iter().rev().map(CounterChange::from_row).collect()
    }

    /// Images whose counters a scan changed at or after `since`, newest first; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn scanned_since(
        &self,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ScannedChange>, StoreError> {
        let rows = statement::query(
            "SELECT h.changed, h.why, h.counters, s.digest AS snapshot, i.*, r.name AS registry, \
             CASE WHEN EXISTS (SELECT 1 FROM counter_history e WHERE e.artifact_id = h.artifact_id \
             AND e.changed < h.changed) THEN 0 ELSE 1 END AS is_first \
             FROM counter_history h LEFT JOIN snapshots s ON s.id = h.snapshot_id \
             JOIN images i ON i.artifact_id = h.artifact_id JOIN registries r ON r.id = i.registry_id \
             WHERE h.changed >= $1 AND h.why = 'scan' \
             ORDER BY h.changed DESC, r.name, i.namespace, i.repository, i.tag LIMIT $2",
        )
        .bind(since.0)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("listing what scans changed")?;
        rows.iter()
            .map(|row| {
                Ok(ScannedChange {
                    change: CounterChange::from_row(row)?,
                    image: ImageRow::from_row(row)?,
                    registry: column::text(row, "registry")?,
                    first: column::flag(row, "is_first")?,
                })
            })
            .collect()
    }

    /// Forgets changes of counters, and refreshes with what they changed, that are older than the setting
    /// [`HISTORY_DAYS_SETTING`] allows; an artifact's latest change stays. Returns how many rows went.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget_history(&self, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "forgetting old changes";
        let setting = settings::read(&mut *self.read().await?, HISTORY_DAYS_SETTING).await?;
        let days = setting.and_then(|days| days.parse().ok()).unwrap_or(HISTORY_DAYS);
        let before = now.0.saturating_sub(i64::from(days).saturating_mul(DAY));
        let old = statement::query(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM refreshes WHERE finished < $1) \
             OR EXISTS (SELECT 1 FROM counter_history WHERE changed < $1)",
        )
        .bind(before)
        .fetch_optional(&mut *self.read().await?)
        .await
        .doing(DOING)?;
        if old.is_none() {
            return Ok(0);
        }
        let mut transaction = self.write().await?;
        let mut gone = 0;
        for sql in [
            "DELETE FROM counter_history WHERE changed < $1 AND EXISTS (SELECT 1 FROM counter_history e \
             WHERE e.artifact_id = counter_history.artifact_id AND e.changed > counter_history.changed)",
            "DELETE FROM refreshes WHERE finished < $1",
        ] {
            let done =
                statement::query(sql).bind(before).execute(&mut transaction).await.doing(DOING)?;
            gone += done.rows_affected();
        }
        statement::query(
            "DELETE FROM snapshots WHERE id NOT IN \
             (SELECT DISTINCT snapshot_id FROM counter_history WHERE snapshot_id IS NOT NULL)",
        )
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(gone)
    }
}

/// What is stored of an artifact before its counters are written.
struct Before {
    is_scanned: bool,
    counters: RiskCounters,
}

/// Notes where artifacts will stand, where that is another place than now, and tells subscribers of those that were scanned
/// for the first time. To be called before it is written.
pub(crate) async fn note(
    transaction: &mut Transaction,
    standings: &[Standing],
    occasion: Occasion,
) -> Result<(), StoreError> {
    let mut snapshot = None;
    for chunk in standings.chunks(ROWS) {
        let stored = stored(transaction, chunk).await?;
        // What no scan could read has no counters.
        let changed: Vec<&Standing> = chunk
            .iter()
            .filter(|standing| standing.scanned.is_some())
            .filter(|standing| {
                stored
                    .get(&standing.artifact)
                    .is_none_or(|before| !before.is_scanned || before.counters != standing.counters)
            })
            .collect();
        if changed.is_empty() {
            continue;
        }
        let snapshot = match snapshot {
            Some(known) => known,
            None => *snapshot.insert(snapshot_id(transaction).await?),
        };
        insert(transaction, &changed, occasion, snapshot).await?;
        let new = changed.iter().filter(|standing| {
            standing.counters.asap > 0
                && stored.get(&standing.artifact).is_none_or(|before| !before.is_scanned)
        });
        let new: Vec<i64> = new.map(|standing| standing.artifact).collect();
        outbox::note_scanned(transaction, &new, occasion.at).await?;
    }
    Ok(())
}

async fn stored(
    transaction: &mut Transaction,
    standings: &[Standing],
) -> Result<BTreeMap<i64, Before>, StoreError> {
    let mut query: QueryBuilder = QueryBuilder::new(
        "SELECT id, scanned, cve, sca, asap, later, nntf, baseline_high, baseline_medium, baseline_low, \
         malicious_serious, malicious_suspicious, malicious_remind, top_tenths FROM artifacts WHERE id IN (",
    );
    let mut listed = query.separated(", ");
    for standing in standings {
        listed.push_bind(standing.artifact);
    }
    query.push(")");
    let is_often = standings.len() == 1;
    let rows = query.build().persistent(is_often).fetch_all(transaction).await.doing(DOING)?;
    let mut stored = BTreeMap::new();
    for row in &rows {
        let is_scanned = column::optional_time(row, "scanned")?.is_some();
        let counters = column::counters(row)?;
        stored.insert(column::number(row, "id")?, Before { is_scanned, counters });
    }
    Ok(stored)
}

/// The short number of the snapshot that the fleet is matched with.
async fn snapshot_id(transaction: &mut Transaction) -> Result<Option<i64>, StoreError> {
    let row = statement::query(
        "SELECT f.snapshot, s.id FROM fleet f LEFT JOIN snapshots s ON s.digest = f.snapshot WHERE f.id = 1",
    )
    .fetch_optional(transaction)
    .await
    .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    if let Some(id) = column::optional_number(&row, "id")? {
        return Ok(Some(id));
    }
    let Some(digest) = column::get::<Option<String>>(&row, "snapshot")? else { return Ok(None) };
    let row = statement::query("INSERT INTO snapshots (digest) VALUES ($1) RETURNING id")
        .bind(digest)
        .fetch_one(transaction)
        .await
        .doing(DOING)?;
    column::number(&row, "id").map(Some)
}

async fn insert(
    transaction: &mut Transaction,
    changed: &[&Standing],
    occasion: Occasion,
    snapshot: Option<i64>,
) -> Result<(), StoreError> {
    let mut query: QueryBuilder = QueryBuilder::new(
        "INSERT INTO counter_history (artifact_id, changed, why, snapshot_id, counters) ",
    );
    query.push_values(changed, |mut values, standing| {
        values
            .push_bind(standing.artifact)
            .push_bind(occasion.at.0)
            .push_bind(occasion.by.as_str())
            .push_bind(snapshot)
            .push_bind(tally::pack_counters(&standing.counters));
    });
    query.push(
        " ON CONFLICT (artifact_id, changed) DO UPDATE SET why = excluded.why, \
         snapshot_id = excluded.snapshot_id, counters = excluded.counters",
    );
    let is_often = changed.len() == 1;
    query.build().persistent(is_often).execute(transaction).await.doing(DOING)?;
    Ok(())
}
