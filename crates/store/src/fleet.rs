//! The fleet: all parts, matched with one snapshot.
//!
//! In: the snapshot that a judge has. Out: whether what it says may be mixed with what is stored. Odd: there is one answer
//! for all inventories at a time. While a refresh brings them to another snapshot, scans are taken of that one only, so
//! that the refresh meets no part behind its back.

use plimsoll_model::{Digest, FeedState};

use crate::{
    Judge, Store, StoreError, column,
    database::{DatabaseConnection, Transaction},
    error::Doing,
    parts::failed,
    statement,
};

/// What all parts are matched with, or are being brought to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fleet {
    /// The snapshot; `None`: none, so that nothing is matched.
    pub feed: Option<FeedState>,
    /// Version of the rules.
    pub matcher: String,
    /// The refresh that is under way.
    pub refresh: Option<i64>,
}

const DOING: &str = "reading what the fleet is matched with";

impl Fleet {
    /// Whether it is matched as this judge would.
    #[must_use]
    pub fn is_of(&self, judge: &dyn Judge) -> bool {
        self.snapshot() == judge.feed().map(|feed| feed.snapshot) && self.matcher == judge.version()
    }

    /// The snapshot's digest.
    #[must_use]
    pub fn snapshot(&self) -> Option<Digest> {
        self.feed.as_ref().map(|feed| feed.snapshot)
    }
}

impl Store {
    /// What all parts are matched with; `None` before the first scan.
    ///
    /// # Errors
    /// The database fails.
    pub async fn fleet(&self) -> Result<Option<Fleet>, StoreError> {
        read(&mut *self.read().await?).await
    }
}

pub(crate) async fn read(connection: &mut DatabaseConnection) -> Result<Option<Fleet>, StoreError> {
    let row = statement::query("SELECT feed, matcher, refresh_id FROM fleet WHERE id = 1")
        .fetch_optional(connection)
        .await
        .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    let has_feed = column::get::<Option<String>>(&row, "feed")?.is_some();
    Ok(Some(Fleet {
        feed: if has_feed { Some(column::json(&row, "feed")?) } else { None },
        matcher: column::text(&row, "matcher")?,
        refresh: column::get(&row, "refresh_id")?,
    }))
}

/// Whether a judge's answers may be stored: the fleet is matched as it would, or nothing is stored yet.
pub(crate) async fn agrees(
    transaction: &mut Transaction,
    judge: &dyn Judge,
) -> Result<bool, StoreError> {
    match read(transaction).await? {
        Some(fleet) => Ok(fleet.is_of(judge)),
        None => {
            write(transaction, judge, None).await?;
            Ok(true)
        }
    }
}

/// Makes the judge's snapshot the fleet's.
pub(crate) async fn write(
    transaction: &mut Transaction,
    judge: &dyn Judge,
    refresh: Option<i64>,
) -> Result<(), StoreError> {
    let feed = judge.feed();
    let text = feed.as_ref().map(serde_json::to_string).transpose();
    statement::query(
        "INSERT INTO fleet (id, snapshot, feed, matcher, refresh_id) VALUES (1, $1, $2, $3, $4) ON CONFLICT (id) DO UPDATE \
         SET snapshot = excluded.snapshot, feed = excluded.feed, matcher = excluded.matcher, refresh_id = excluded.refresh_id",
    )
    .bind(feed.as_ref().map(|feed| feed.snapshot.to_string()))
    .bind(text.map_err(|error| failed(DOING, error))?)
    .bind(judge.version())
    .bind(refresh)
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}
