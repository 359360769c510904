//! Queueing messages, in the transactions of what they tell of.
//!
//! In: a refresh that ends, first scans. Out: one message a subscriber, or what it tells of added to one that gathers. Odd: whose
//! priorities nobody asked for queues nothing, but whether its images did is found out when the message is made.

use std::collections::BTreeSet;

use plimsoll_model::{Priority, Timestamp};
use uuid::Uuid;

use super::{DOING, MessageKind};
use crate::{
    Store, StoreError, Subscription, SubscriptionError, column, database::Transaction,
    error::Doing, statement, subscriptions,
};

/// First scans of so many seconds are one message.
const GATHERED: i64 = 60;

/// Queues what a refresh changed for its subscribers; `told`: the higher of each vulnerability's priorities before and since.
pub(crate) async fn note_refresh(
    transaction: &mut Transaction,
    refresh: i64,
    told: impl Iterator<Item = Option<Priority>>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let told: BTreeSet<Option<Priority>> = told.collect();
    if told.is_empty() {
        return Ok(());
    }
    for subscription in subscriptions::current(transaction).await? {
        let wanted = &subscription.wanted;
        let of_interest: Vec<Option<Priority>> =
            told.iter().copied().filter(|priority| *priority >= wanted.minimum).collect();
        let now_told = |priority: &Option<Priority>| wanted.delivery.is_instant(*priority);
        if of_interest.iter().any(now_told) {
            let source = format!("refresh/{refresh}");
            let message =
                queue(transaction, subscription.id, MessageKind::Changed, &source, now, now)
                    .await?;
            add_source(transaction, message, refresh, 0).await?;
        }
        if of_interest.iter().any(|priority| !now_told(priority))
            && let Some(due) = wanted.delivery.next_digest(now)
        {
            let message =
                gathering(transaction, &subscription, MessageKind::Digest, due, now).await?;
            add_source(transaction, message, refresh, 0).await?;
        }
    }
    Ok(())
}

/// Queues artifacts that were scanned for the first time, and have what must be fixed as soon as possible.
pub(crate) async fn note_scanned(
    transaction: &mut Transaction,
    artifacts: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    if artifacts.is_empty() {
        return Ok(());
    }
    for subscription in subscriptions::current(transaction).await? {
        let wanted = &subscription.wanted;
        if !wanted.new_images {
            continue;
        }
        let (kind, due) = match wanted.delivery.next_digest(now) {
            Some(due) if !wanted.delivery.is_instant(Some(Priority::Asap)) => {
                (MessageKind::Digest, due)
            }
            _ => {
                let due = now.0.div_euclid(GATHERED).saturating_add(1).saturating_mul(GATHERED);
                (MessageKind::Scanned, Timestamp(due))
            }
        };
        let message = gathering(transaction, &subscription, kind, due, now).await?;
        for artifact in artifacts {
            add_source(transaction, message, 0, *artifact).await?;
        }
    }
    Ok(())
}

/// The message that gathers until `due`, or the next one if that is on its way already: a process whose clock is behind.
async fn gathering(
    transaction: &mut Transaction,
    subscription: &Subscription,
    kind: MessageKind,
    due: Timestamp,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let mut due = due;
    loop {
        let source = format!("{}/{due}", kind.as_str());
        let id = queue(transaction, subscription.id, kind, &source, due, now).await?;
        let row = statement::query(
            "SELECT 1 FROM messages WHERE id = $1 AND attempts = 0 AND body IS NULL AND state = 'queued'",
        )
        .bind(id)
        .fetch_optional(transaction)
        .await
        .doing(DOING)?;
        if row.is_some() {
            return Ok(id);
        }
        due = Timestamp(due.0.saturating_add(GATHERED));
    }
}

/// The message of a source, made if there is none.
async fn queue(
    transaction: &mut Transaction,
    subscription: i64,
    kind: MessageKind,
    source: &str,
    due: Timestamp,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let row = statement::query(
        "INSERT INTO messages (event_id, subscription_id, kind, source, state, attempts, generation, due, created) \
         VALUES ($1, $2, $3, $4, 'queued', 0, 0, $5, $6) \
         ON CONFLICT (subscription_id, source) DO UPDATE SET source = excluded.source RETURNING id",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(subscription)
    .bind(kind.as_str())
    .bind(source)
    .bind(due.0)
    .bind(now.0)
    .fetch_one(transaction)
    .await
    .doing(DOING)?;
    column::number(&row, "id")
}

async fn add_source(
    transaction: &mut Transaction,
    message: i64,
    refresh: i64,
    artifact: i64,
) -> Result<(), StoreError> {
    statement::query(
        "INSERT INTO message_sources (message_id, refresh_id, artifact_id) VALUES ($1, $2, $3) \
         ON CONFLICT (message_id, refresh_id, artifact_id) DO NOTHING",
    )
    .bind(message)
    .bind(refresh)
    .bind(artifact)
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}

impl Store {
    /// Queues a message that tells of nothing, to try whether it arrives, not before `due`. Returns its id.
    ///
    /// # Errors
    /// There is no such subscription, or the database fails.
    pub async fn queue_test_message(
        &self,
        subscription: &str,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<String, SubscriptionError> {
        let mut transaction = self.write().await?;
        let all = subscriptions::current(&mut transaction).await?;
        let Some(found) = all.iter().find(|one| one.name == subscription) else {
            return Err(SubscriptionError::Unknown(subscription.to_owned()));
        };
        let source = format!("test/{}", Uuid::new_v4());
        let id = queue(&mut transaction, found.id, MessageKind::Test, &source, due, now).await?;
        let row = statement::query("SELECT event_id FROM messages WHERE id = $1")
            .bind(id)
            .fetch_one(&mut transaction)
            .await
            .doing(DOING)?;
        let event_id = column::text(&row, "event_id")?;
        transaction.commit().await.doing(DOING)?;
        Ok(event_id)
    }
}
