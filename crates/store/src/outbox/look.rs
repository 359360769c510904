//! Looking at the outbox: what became of a subscriber's messages.

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;

use super::{KINDS, MessageKind, MessageState, STATES, counted};
use crate::{Store, StoreError, column, error::Doing, statement};

/// One message, as people look at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its id, the same in every attempt.
    pub event_id: String,
    /// What it tells of.
    pub kind: MessageKind,
    /// How it stands.
    pub state: MessageState,
    /// How often it was tried.
    pub attempts: u32,
    /// Not before.
    pub due: Timestamp,
    /// When it was queued.
    pub created: Timestamp,
    /// When it arrived or was given up.
    pub finished: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl Store {
    /// The latest messages to a subscriber, newest first; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn messages(
        &self,
        subscription: i64,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let rows = statement::query(
            "SELECT event_id, kind, state, attempts, due, created, finished, error FROM messages \
             WHERE subscription_id = $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(subscription)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("listing messages")?;
        rows.iter()
            .map(|row| {
                Ok(Message {
                    event_id: column::text(row, "event_id")?,
                    kind: column::word(row, "kind", KINDS)?,
                    state: column::word(row, "state", STATES)?,
                    attempts: column::number(row, "attempts")?,
                    due: column::time(row, "due")?,
                    created: column::time(row, "created")?,
                    finished: column::optional_time(row, "finished")?,
                    error: column::get(row, "error")?,
                })
            })
            .collect()
    }

    /// How many messages to all subscribers are in which state.
    ///
    /// # Errors
    /// The database fails.
    pub async fn all_message_counts(&self) -> Result<[(MessageState, u64); 4], StoreError> {
        let rows =
            statement::query("SELECT state, COUNT(*) AS number FROM messages GROUP BY state")
                .fetch_all(&mut *self.read().await?)
                .await
                .doing("counting messages")?;
        let mut counts = [
            (MessageState::Queued, 0),
            (MessageState::Running, 0),
            (MessageState::Done, 0),
            (MessageState::Failed, 0),
        ];
        for row in &rows {
            let found = column::word(row, "state", STATES)?;
            let number = column::number(row, "number")?;
            for (state, count) in &mut counts {
                if *state == found {
                    *count = number;
                }
            }
        }
        Ok(counts)
    }

    /// How many messages to a subscriber are in which state; states without any are left out.
    ///
    /// # Errors
    /// The database fails.
    pub async fn message_counts(
        &self,
        subscription: i64,
    ) -> Result<BTreeMap<&'static str, u64>, StoreError> {
        let rows = statement::query(
            "SELECT state, COUNT(*) AS number FROM messages WHERE subscription_id = $1 GROUP BY state",
        )
        .bind(subscription)
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("counting messages")?;
        counted(&rows)
    }
}
