//! The outbox: messages to subscribers, as rows with leases and fencing numbers like those of scans.
//!
//! In: refreshes and first scans, in the transactions that end them. Out: [`MessageTask`]s for whoever delivers. A message is
//! delivered at least once, always with the same id and body; its text is made when it is first claimed, so that the end of a
//! refresh writes one short row a subscriber.
//!
//! Odd:
//! * What is to be told once a day, and first scans, are gathered: one message a subscriber and hour, or minute, to which
//!   others are added until it is due. A registry that is synced for the first time is a message a minute, not one an image.
//! * A message without anything to say, because of its subscriber's filters, is removed when that is found out.
//! * The attempts of a message that kills its worker count too, so that it ends as failed.

mod compose;
mod look;
mod meant;
mod queue;

use std::collections::BTreeMap;

use plimsoll_model::{MatchContext, Secret, Timestamp};

use crate::{
    Lease, Retry, Store, StoreError, Subscription, SubscriptionError, column,
    database::{DatabaseRow, Transaction},
    error::Doing,
    statement,
    tasks::cut,
};

pub use compose::{AboutFinding, AboutImage, Composition, Most, Named};
pub use look::Message;
pub(crate) use queue::{note_refresh, note_scanned};

/// How often a message is tried before it stays failed. With the pauses between, that is about a day.
pub const MAX_DELIVERIES: u32 = 10;

/// How long a delivery may take before another worker takes the message, in seconds.
const LEASE: i64 = 60;
/// The first pause after a failure, in seconds; each one is three times the one before.
const FIRST_PAUSE: i64 = 10;
/// The longest pause: six hours. A receiver may ask for a longer one, up to a day.
const LONGEST_PAUSE: i64 = 21_600;
const LONGEST_WISH: i64 = 86_400;
/// Days that messages are kept for people to look at.
const KEPT_DONE: i64 = 14 * 86_400;
const KEPT_FAILED: i64 = 30 * 86_400;

const DOING: &str = "writing the outbox";

/// What a message tells of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageKind {
    /// A refresh.
    Changed,
    /// All that was gathered for the day.
    Digest,
    /// Images that were scanned for the first time.
    Scanned,
    /// Nothing: somebody tries whether it arrives.
    Test,
}

/// How a message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageState {
    /// Waiting, perhaps after a failed attempt.
    Queued,
    /// Being delivered.
    Running,
    /// Delivered.
    Done,
    /// Given up: a dead letter. A person can ask again.
    Failed,
}

const KINDS: &[(&str, MessageKind)] = &[
    ("changed", MessageKind::Changed),
    ("digest", MessageKind::Digest),
    ("scanned", MessageKind::Scanned),
    ("test", MessageKind::Test),
];

const STATES: &[(&str, MessageState)] = &[
    ("queued", MessageState::Queued),
    ("running", MessageState::Running),
    ("done", MessageState::Done),
    ("failed", MessageState::Failed),
];

/// A message to deliver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageTask {
    /// The right to say what became of it.
    pub lease: Lease,
    /// Its id, the same in every attempt.
    pub event_id: String,
    /// What it tells of.
    pub kind: MessageKind,
    /// When it was queued.
    pub created: Timestamp,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The subscriber.
    pub subscription: Subscription,
    /// Where it goes, in the channel's own words.
    pub destination: Secret<String>,
    /// What it is signed with, or a password.
    pub secret: Option<Secret<String>>,
    /// What it says; `None`: that is still to be made.
    pub body: Option<String>,
}

/// What became of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivered {
    /// It arrived.
    Done,
    /// It is tried again from this time on.
    Again(Timestamp),
    /// It stays failed.
    Failed,
    /// The lease was lost: nothing was written.
    Dropped,
}

impl MessageKind {
    /// `changed`, `digest`, `scanned`, `test`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Digest => "digest",
            Self::Scanned => "scanned",
            Self::Test => "test",
        }
    }
}

impl MessageState {
    /// `queued`, `running`, `done`, `failed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Store {
    /// Takes the next message that is due, or the one with the id `only`, due or not; `worker` names the process and what
    /// delivers in it.
    ///
    /// # Errors
    /// The database fails, or what is sealed of the subscription does not open.
    pub async fn claim_message(
        &self,
        worker: &str,
        only: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<MessageTask>, StoreError> {
        const DOING: &str = "claiming a message";
        const CLAIMABLE: &str = "SELECT m.id, m.generation FROM messages m \
             WHERE (m.state = 'queued' AND m.due <= $1) OR (m.state = 'running' AND m.lease_until <= $1) \
             ORDER BY m.due, m.id LIMIT 1";
        const THIS: &str = "SELECT m.id, m.generation FROM messages m WHERE m.event_id = $2 \
             AND (m.state = 'queued' OR (m.state = 'running' AND m.lease_until <= $1))";
        let claimable = || match only {
            None => statement::query(CLAIMABLE).bind(now.0),
            Some(event_id) => statement::query(THIS).bind(now.0).bind(event_id),
        };
        let looked = claimable().fetch_optional(&mut *self.read().await?).await.doing(DOING)?;
        if looked.is_none() {
            return Ok(None);
        }
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE messages SET state = 'failed', finished = $1, lease_until = NULL, \
             error = 'worker ' || worker || ' stopped during attempt ' || attempts || ', the last one' \
             WHERE state = 'running' AND lease_until <= $1 AND attempts >= $2",
        )
        .bind(now.0)
        .bind(i64::from(MAX_DELIVERIES))
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        let mut task = None;
        while let Some(next) = claimable().fetch_optional(&mut transaction).await.doing(DOING)? {
            let until = Timestamp(now.0.saturating_add(LEASE));
            // The generation tells whether another process took it between the two statements.
            let row = statement::query(
                "UPDATE messages SET state = 'running', attempts = attempts + 1, generation = generation + 1, worker = $3, \
                 lease_until = $4 WHERE id = $1 AND generation = $2 RETURNING id",
            )
            .bind(column::number::<i64>(&next, "id")?)
            .bind(column::number::<i64>(&next, "generation")?)
            .bind(worker)
            .bind(until.0)
            .fetch_optional(&mut transaction)
            .await
            .doing(DOING)?;
            if let Some(row) = row {
                task = Some((column::number::<i64>(&row, "id")?, until));
                break;
            }
        }
        let task = match task {
            Some((id, until)) => Some(self.read_task(&mut transaction, id, until).await?),
            None => None,
        };
        transaction.commit().await.doing(DOING)?;
        Ok(task)
    }

    async fn read_task(
        &self,
        transaction: &mut Transaction,
        id: i64,
        until: Timestamp,
    ) -> Result<MessageTask, StoreError> {
        let row = statement::query(
            "SELECT m.event_id, m.kind, m.generation, m.attempts, m.body, m.created AS queued, s.* \
             FROM messages m JOIN subscriptions s ON s.id = m.subscription_id WHERE m.id = $1",
        )
        .bind(id)
        .fetch_one(transaction)
        .await
        .doing("claiming a message")?;
        let subscription = Subscription::from_row(&row)?;
        let (destination, secret) = self.unsealed(&row, subscription.id)?;
        Ok(MessageTask {
            lease: Lease {
                task_id: id,
                generation: column::number(&row, "generation")?,
                until,
                context: MatchContext::default(),
            },
            event_id: column::text(&row, "event_id")?,
            kind: column::word(&row, "kind", KINDS)?,
            created: column::time(&row, "queued")?,
            attempt: column::number(&row, "attempts")?,
            subscription,
            destination,
            secret,
            body: column::get(&row, "body")?,
        })
    }

    /// Keeps what a message says, before it is sent for the first time. Returns whether the lease still stands.
    ///
    /// # Errors
    /// The database fails.
    pub async fn keep_message(&self, lease: &Lease, body: &str) -> Result<bool, StoreError> {
        let sql =
            "UPDATE messages SET body = $3 WHERE id = $1 AND generation = $2 AND state = 'running'";
        self.of_lease(lease, sql, &[Value::Text(body)]).await
    }

    /// Removes a message that has nothing to say.
    ///
    /// # Errors
    /// The database fails.
    pub async fn remove_message(&self, lease: &Lease) -> Result<bool, StoreError> {
        let sql = "DELETE FROM messages WHERE id = $1 AND generation = $2 AND state = 'running'";
        self.of_lease(lease, sql, &[]).await
    }

    /// Gives a message back untouched, as at shutdown: the attempt does not count.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release_message(&self, lease: &Lease) -> Result<bool, StoreError> {
        let sql = "UPDATE messages SET state = 'queued', attempts = attempts - 1, worker = NULL, lease_until = NULL \
             WHERE id = $1 AND generation = $2 AND state = 'running'";
        self.of_lease(lease, sql, &[]).await
    }

    /// A message arrived.
    ///
    /// # Errors
    /// The database fails; then it will be delivered once more.
    pub async fn end_message(
        &self,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<Delivered, StoreError> {
        let sql = "UPDATE messages SET state = 'done', finished = $3, error = NULL, worker = NULL, lease_until = NULL \
             WHERE id = $1 AND generation = $2 AND state = 'running'";
        let stands = self.of_lease(lease, sql, &[Value::Number(now.0)]).await?;
        Ok(if stands { Delivered::Done } else { Delivered::Dropped })
    }

    /// A message did not arrive. `error` is shown to people and is cut at 2,000 characters; `wish` is after how many seconds
    /// the receiver wants to be asked again.
    ///
    /// # Errors
    /// The database fails.
    pub async fn fail_message(
        &self,
        task: &MessageTask,
        error: &str,
        retry: Retry,
        wish: Option<i64>,
        now: Timestamp,
    ) -> Result<Delivered, StoreError> {
        let error = cut(error);
        if retry == Retry::Never || task.attempt >= MAX_DELIVERIES {
            let sql = "UPDATE messages SET state = 'failed', finished = $3, error = $4, worker = NULL, lease_until = NULL \
                 WHERE id = $1 AND generation = $2 AND state = 'running'";
            let values = [Value::Number(now.0), Value::Text(&error)];
            let stands = self.of_lease(&task.lease, sql, &values).await?;
            return Ok(if stands { Delivered::Failed } else { Delivered::Dropped });
        }
        let pause = pause(&task.event_id, task.attempt).max(wish.unwrap_or(0).min(LONGEST_WISH));
        let due = Timestamp(now.0.saturating_add(pause));
        let sql = "UPDATE messages SET state = 'queued', due = $3, error = $4, worker = NULL, lease_until = NULL \
             WHERE id = $1 AND generation = $2 AND state = 'running'";
        let values = [Value::Number(due.0), Value::Text(&error)];
        let stands = self.of_lease(&task.lease, sql, &values).await?;
        Ok(if stands { Delivered::Again(due) } else { Delivered::Dropped })
    }

    /// Gives back all messages of workers whose names start with `prefix` and which are known to be dead.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release_messages(&self, prefix: &str, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "giving back the messages of a dead worker";
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE messages SET lease_until = $2 WHERE state = 'running' AND lease_until > $2 \
             AND substr(worker, 1, length($1)) = $1",
        )
        .bind(prefix)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected())
    }

    /// Tries the messages of a subscription again that were given up. Returns how many.
    ///
    /// # Errors
    /// There is no such subscription, or the database fails.
    pub async fn retry_messages(
        &self,
        subscription: &str,
        now: Timestamp,
    ) -> Result<u64, SubscriptionError> {
        let mut transaction = self.write().await?;
        let row = statement::query("SELECT id FROM subscriptions WHERE name = $1")
            .bind(subscription)
            .fetch_optional(&mut transaction)
            .await
            .doing(DOING)?;
        let Some(row) = row else {
            return Err(SubscriptionError::Unknown(subscription.to_owned()));
        };
        let done = statement::query(
            "UPDATE messages SET state = 'queued', attempts = 0, due = $2, finished = NULL \
             WHERE subscription_id = $1 AND state = 'failed'",
        )
        .bind(column::number::<i64>(&row, "id")?)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected())
    }

    /// Forgets messages that were delivered two weeks ago or given up a month ago. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget_messages(&self, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "forgetting old messages";
        let mut gone = 0;
        for (state, kept) in [("done", KEPT_DONE), ("failed", KEPT_FAILED)] {
            let before = now.0.saturating_sub(kept);
            let sql = "SELECT 1 FROM messages WHERE state = $1 AND finished < $2 LIMIT 1";
            let query = statement::query(sql).bind(state).bind(before);
            if query.fetch_optional(&mut *self.read().await?).await.doing(DOING)?.is_none() {
                continue;
            }
            let mut transaction = self.write().await?;
            let done = statement::query("DELETE FROM messages WHERE state = $1 AND finished < $2")
                .bind(state)
                .bind(before)
                .execute(&mut transaction)
                .await
                .doing(DOING)?;
            transaction.commit().await.doing(DOING)?;
            gone += done.rows_affected();
        }
        Ok(gone)
    }

    /// Runs a statement that names a lease first; whether that stood.
    async fn of_lease(
        &self,
        lease: &Lease,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let mut query = statement::query(sql).bind(lease.task_id).bind(lease.generation);
        for value in values {
            query = match value {
                Value::Number(number) => query.bind(*number),
                Value::Text(text) => query.bind((*text).to_owned()),
            };
        }
        let done = query.execute(&mut transaction).await.doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected() == 1)
    }
}

enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

/// Grows with each attempt; spread by a quarter, differently for each message and attempt, so that what failed together is
/// not tried together.
fn pause(event_id: &str, attempt: u32) -> i64 {
    let grown = FIRST_PAUSE.saturating_mul(3_i64.saturating_pow(attempt.saturating_sub(1)));
    let pause = grown.min(LONGEST_PAUSE);
    let spread = event_id.bytes().fold(u64::from(attempt), |hash, byte| {
        hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
    });
    let quarter = u64::try_from(pause / 4).unwrap_or_default();
    let spread = spread.checked_rem(quarter.saturating_add(1)).unwrap_or_default();
    pause.saturating_add(i64::try_from(spread).unwrap_or_default())
}

/// How many messages of a subscription are in which state.
fn counted(rows: &[DatabaseRow]) -> Result<BTreeMap<&'static str, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let state = column::word(row, "state", STATES)?;
        counts.insert(state.as_str(), column::number(row, "number")?);
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_differ() {
        let all: Vec<i64> = (1..=MAX_DELIVERIES).map(|attempt| pause("a", attempt)).collect();
        for (attempt, (one, wanted)) in
            all.iter().zip([10, 30, 90, 270, 810, 2_430, 7_290, 21_600, 21_600, 21_600]).enumerate()
        {
            assert!((wanted..=wanted + wanted / 4).contains(one), "attempt {attempt}: {one}");
        }
        let spread: std::collections::BTreeSet<i64> =
            (0..100).map(|number| pause(&format!("message-{number}"), 6)).collect();
        assert!(spread.len() > 50, "{spread:?}");
        assert!(pause("x", u32::MAX) <= LONGEST_PAUSE * 5 / 4);
    }
}
