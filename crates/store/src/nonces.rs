//! Nonces: each signed request is answered once.
//!
//! In: a key's id, a nonce, and until when the request's timestamp stays acceptable. Out: whether the nonce was new; it is
//! on disk before that is said, so that neither a restart nor a power cut opens the window again. Odd: requests that
//! arrive while a write is on its way share the next one (group commit), so that a hundred cost little more than one.

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::{
    Store, StoreError, column,
    database::Database,
    error::Doing,
    statement::{self, QueryBuilder},
};

/// How many requests one commit carries at most.
const BATCH: usize = 256;
/// Up to so many, a statement is prepared once.
const FEW: usize = 8;
/// How often expired nonces are removed, in seconds.
const PRUNE_EVERY: i64 = 60;

/// One request's wish.
struct Use {
    key_id: String,
    nonce: String,
    expires: Timestamp,
    now: Timestamp,
    answer: oneshot::Sender<Result<bool, StoreError>>,
}

/// The one task of this process that writes nonces.
pub(crate) struct NonceWriter {
    queue: mpsc::Sender<Use>,
}

impl NonceWriter {
    /// Starts the task; it ends when the store is dropped.
    pub(crate) fn start(database: Database) -> Self {
        let (queue, mut uses) = mpsc::channel(BATCH * 4);
        tokio::spawn(async move {
            let mut pruned = Timestamp::default();
            let mut batch = Vec::new();
            while uses.recv_many(&mut batch, BATCH).await > 0 {
                write_batch(&database, &mut batch, &mut pruned).await;
            }
        });
        Self { queue }
    }
}

impl Store {
    /// Uses a nonce up: `true` when it was not used with this key before. `expires` is the request's timestamp plus 15
    /// minutes; after that the timestamp itself is refused and the nonce is forgotten.
    ///
    /// # Errors
    /// The database fails: the request must not be answered.
    pub async fn use_nonce(
        &self,
        key_id: &str,
        nonce: &str,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (answer, answered) = oneshot::channel();
        let (key_id, nonce) = (key_id.to_owned(), nonce.to_owned());
        let wish = Use { key_id, nonce, expires, now, answer };
        if self.nonces().queue.send(wish).await.is_err() {
            return Err(sqlx::Error::PoolClosed).doing("using a nonce");
        }
        match answered.await {
            Ok(result) => result,
            Err(_) => Err(sqlx::Error::PoolClosed).doing("using a nonce"),
        }
    }
}

/// Writes a batch in one transaction and answers each request after the commit, or all of them with an error.
async fn write_batch(database: &Database, batch: &mut Vec<Use>, pruned: &mut Timestamp) {
    match try_write(database, batch, pruned).await {
        Ok(fresh) => {
            for (wish, fresh) in batch.drain(..).zip(fresh) {
                // Whoever asked may have gone away; the nonce stays used.
                drop(wish.answer.send(Ok(fresh)));
            }
        }
        Err(_) if batch.len() > 1 => {
            // One by one, so that each request gets its own error or answer.
            for wish in std::mem::take(batch) {
                let mut single = vec![wish];
                let result = try_write(database, &single, pruned).await;
                let answer = result.map(|fresh| fresh.first().copied().unwrap_or(false));
                if let Some(wish) = single.pop() {
                    drop(wish.answer.send(answer));
                }
            }
        }
        Err(error) => {
            if let Some(wish) = batch.pop() {
                drop(wish.answer.send(Err(error)));
            }
        }
    }
}

/// Writes a batch in one transaction; which of its nonces are new.
async fn try_write(
    database: &Database,
    batch: &[Use],
    pruned: &mut Timestamp,
) -> Result<Vec<bool>, StoreError> {
    const DOING: &str = "using a nonce";
    let now = batch.iter().map(|wish| wish.now).max().unwrap_or_default();
    if now.0 >= pruned.0.saturating_add(PRUNE_EVERY) {
        let mut transaction = database.write_apart().await?;
        statement::query("DELETE FROM nonces WHERE expires < $1")
            .bind(now.0)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        *pruned = now;
    }
    // Each once, the first that came, and in their order: of two processes that write the same ones at once, one waits for
    // the other and neither for both.
    let mut wanted: BTreeMap<(&str, &str), (usize, i64)> = BTreeMap::new();
    for (place, wish) in batch.iter().enumerate() {
        wanted.entry((&wish.key_id, &wish.nonce)).or_insert((place, wish.expires.0));
    }
    let mut transaction = database.write_apart().await?;
    let mut sql = QueryBuilder::new("INSERT INTO nonces (key_id, nonce, expires) ");
    sql.push_values(&wanted, |mut values, ((key_id, nonce), (_, expires))| {
        values.push_bind(*key_id).push_bind(*nonce).push_bind(*expires);
    });
    sql.push(" ON CONFLICT DO NOTHING RETURNING key_id, nonce");
    let rows = sql
        .build()
        .persistent(wanted.len() <= FEW)
        .fetch_all(&mut transaction)
        .await
        .doing(DOING)?;
    let mut fresh = vec![false; batch.len()];
    for row in &rows {
        let (key_id, nonce) = (column::text(row, "key_id")?, column::text(row, "nonce")?);
        if let Some((place, _)) = wanted.get(&(key_id.as_str(), nonce.as_str()))
            && let Some(fresh) = fresh.get_mut(*place)
        {
            *fresh = true;
        }
    }
    transaction.commit().await.doing(DOING)?;
    Ok(fresh)
}
