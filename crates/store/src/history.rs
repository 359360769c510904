//! The history of counters: what an artifact's became, when, and why.
//!
//! In: where artifacts stand now. Out: one row a change; [`CounterChange`]s of an image, oldest first. Odd: a row belongs to
//! the artifact, so that the many images of one cost one row; what is unchanged writes none. Of two changes within one second
//! the later one is kept. Images in which rules hold have rows of their own as long as that is so.

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
    /// Somebody said how it is used.
    Setting,
}

/// The setting that says how many days histories and changes are kept.
pub const HISTORY_DAYS_SETTING: &str = "history.days";
/// Days that they are kept when nobody said.
pub const HISTORY_DAYS: u32 = 90;

const DOING: &str = "keeping the history of counters";
const WORDS: &[(&str, ChangedBy)] = &[
    ("scan", ChangedBy::Scan),
    ("refresh", ChangedBy::Refresh),
    ("rule", ChangedBy::Rule),
    ("setting", ChangedBy::Setting),
];
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
    /// `scan`, `refresh`, `rule` or `setting`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Refresh => "refresh",
            Self::Rule => "rule",
            Self::Setting => "setting",
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
    /// What an image's counters became, oldest first: those of the artifact that it names now, or its own while rules held in
    /// it; at most the latest `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn counter_history(
        &self,
        uuid: &str,
        limit: u32,
    ) -> Result<Vec<CounterChange>, StoreError> {
        const DOING: &str = "reading the history of counters";
        let mut snapshot = self.snapshot().await?;
        let mut rows = Vec::new();
        for sql in [
            "SELECT h.changed, h.why, h.counters, s.digest AS snapshot, 0 AS of_image, 1 AS own FROM images i \
             JOIN counter_history h ON h.artifact_id = i.artifact_id LEFT JOIN snapshots s ON s.id = h.snapshot_id \
             WHERE i.uuid = $1 ORDER BY h.changed DESC LIMIT $2",
            "SELECT h.changed, h.why, h.counters, s.digest AS snapshot, 1 AS of_image, h.own FROM images i \
             JOIN image_counter_history h ON h.image_id = i.id LEFT JOIN snapshots s ON s.id = h.snapshot_id \
             WHERE i.uuid = $1 ORDER BY h.changed DESC LIMIT $2",
        ] {
            let query = statement::query(sql).bind(uuid).bind(i64::from(limit));
            for row in &query.fetch_all(&mut snapshot).await.doing(DOING)? {
                rows.push(Noted {
                    change: CounterChange::from_row(row)?,
                    of_image: column::flag(row, "of_image")?,
                    own: column::flag(row, "own")?,
                });
            }
        }
        Ok(merged(rows, limit))
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
             OR EXISTS (SELECT 1 FROM counter_history WHERE changed < $1) \
             OR EXISTS (SELECT 1 FROM image_counter_history WHERE changed < $1)",
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
            "DELETE FROM image_counter_history WHERE changed < $1 AND (own = 0 OR EXISTS (SELECT 1 FROM image_counter_history e \
             WHERE e.image_id = image_counter_history.image_id AND e.changed > image_counter_history.changed))",
            "DELETE FROM refreshes WHERE finished < $1",
        ] {
            let done =
                statement::query(sql).bind(before).execute(&mut transaction).await.doing(DOING)?;
            gone += done.rows_affected();
        }
        statement::query(
            "DELETE FROM snapshots WHERE id NOT IN \
             (SELECT snapshot_id FROM counter_history WHERE snapshot_id IS NOT NULL \
             UNION SELECT snapshot_id FROM image_counter_history WHERE snapshot_id IS NOT NULL)",
        )
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(gone)
    }
}

/// A row of either history.
struct Noted {
    change: CounterChange,
    of_image: bool,
    /// Of an image's row: it has counters of its own since then.
    own: bool,
}

/// One history of an artifact's rows and an image's own: these stand in for those while there are some.
fn merged(mut rows: Vec<Noted>, limit: u32) -> Vec<CounterChange> {
    // What is older than the artifact's first row is of what the image named before.
    let first = rows.iter().filter(|row| !row.of_image).map(|row| row.change.at).min();
    rows.retain(|row| first.is_some_and(|first| row.change.at >= first));
    rows.sort_by_key(|row| (row.change.at, row.of_image));
    let mut history: Vec<CounterChange> = Vec::new();
    let mut has_own = false;
    for Noted { change, of_image, own } in rows {
        if of_image {
            has_own = own;
        } else if has_own {
            continue;
        }
        // The image's row of the same moment says what holds for it.
        if history.last().is_some_and(|last| last.at == change.at) {
            history.pop();
        }
        if history.last().is_none_or(|last| last.counters != change.counters) {
            history.push(change);
        }
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    history.split_off(history.len().saturating_sub(most))
}

/// Notes that images have counters of their own, or others than before, or (`gone`) their artifacts' again.
pub(crate) async fn note_own(
    transaction: &mut Transaction,
    changed: &[(i64, RiskCounters)],
    gone: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut rows: Vec<(i64, i64, RiskCounters)> =
        changed.iter().map(|(image, counters)| (*image, 1, *counters)).collect();
    for chunk in gone.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "SELECT i.id AS image_id, a.* FROM images i JOIN artifacts a ON a.id = i.artifact_id WHERE i.id IN (",
        );
        let mut listed = query.separated(", ");
        for image in chunk {
            listed.push_bind(*image);
        }
        query.push(")");
        let found = query.build().persistent(false).fetch_all(transaction).await.doing(DOING)?;
        for row in &found {
            rows.push((column::number(row, "image_id")?, 0, column::counters(row)?));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let snapshot = snapshot_id(transaction).await?;
    for (image, own, counters) in rows {
        // What changed the artifact at this moment changed the image; a refresh may change the image alone.
        statement::query(
            "INSERT INTO image_counter_history (image_id, changed, why, snapshot_id, own, counters) \
             SELECT $1, $2, COALESCE((SELECT h.why FROM images i JOIN counter_history h ON h.artifact_id = i.artifact_id \
             WHERE i.id = $1 AND h.changed = $2), (SELECT 'refresh' FROM fleet f WHERE f.refresh_id IS NOT NULL), 'rule'), $3, $4, $5 WHERE EXISTS (SELECT 1 FROM images i WHERE i.id = $1) \
             ON CONFLICT (image_id, changed) DO UPDATE SET why = excluded.why, snapshot_id = excluded.snapshot_id, \
             own = excluded.own, counters = excluded.counters",
        )
        .bind(image)
        .bind(now.0)
        .bind(snapshot)
        .bind(own)
        .bind(tally::pack_counters(&counters))
        .execute(transaction)
        .await
        .doing(DOING)?;
    }
    Ok(())
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
        if occasion.by == ChangedBy::Setting {
            // What it holds was told when it was scanned.
            continue;
        }
        let new = changed.iter().filter(|standing| {
            standing.counters.asap > 0
                && stored.get(&standing.artifact).is_none_or(|before| !before.is_scanned)
        });
        let new: Vec<i64> = new.map(|standing| standing.artifact).collect();
        outbox::note_scanned(transaction, &new, occasion.at).await?;
    }
    Ok(())
}

/// Gives an artifact the history of another one.
pub(crate) async fn copy(
    transaction: &mut Transaction,
    from: i64,
    to: i64,
) -> Result<(), StoreError> {
    statement::query(
        "INSERT INTO counter_history (artifact_id, changed, why, snapshot_id, counters) \
         SELECT $2, changed, why, snapshot_id, counters FROM counter_history WHERE artifact_id = $1 \
         ON CONFLICT (artifact_id, changed) DO NOTHING",
    )
    .bind(from)
    .bind(to)
    .execute(transaction)
    .await
    .doing(DOING)?;
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
