//! Nonces: each signed request is answered once.
//!
//! In: a key's id, a nonce, and until when the request's timestamp stays acceptable. Out: whether the nonce was new; it is
//! on disk before that is said, so that neither a restart nor a power cut opens the window again. Odd: requests that
//! arrive while a write is on its way share the next one (group commit), so that a hundred cost little more than one.

use plimsoll_model::Timestamp;
use sqlx::Pool;
use tokio::sync::{mpsc, oneshot};

use crate::{Store, StoreError, error::Doing, store::Database};

/// How many requests one commit carries at most.
const BATCH: usize = 256;
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
    pub(crate) fn start(writer: Pool<Database>) -> Self {
        let (queue, mut uses) = mpsc::channel(BATCH * 4);
        tokio::spawn(async move {
            let mut pruned = Timestamp::default();
            let mut batch = Vec::new();
            while uses.recv_many(&mut batch, BATCH).await > 0 {
                write_batch(&writer, &mut batch, &mut pruned).await;
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
async fn write_batch(writer: &Pool<Database>, batch: &mut Vec<Use>, pruned: &mut Timestamp) {
    match try_write(writer, batch, pruned).await {
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
                let result = try_write(writer, &single, pruned).await;
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

async fn try_write(
    writer: &Pool<Database>,
    batch: &[Use],
    pruned: &mut Timestamp,
) -> Result<Vec<bool>, StoreError> {
    const DOING: &str = "using a nonce";
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.doing(DOING)?;
    let now = batch.iter().map(|wish| wish.now).max().unwrap_or_default();
    let prune = now.0 >= pruned.0.saturating_add(PRUNE_EVERY);
    if prune {
        sqlx::query("DELETE FROM nonces WHERE expires < $1")
            .bind(now.0)
            .execute(&mut *transaction)
            .await
            .doing(DOING)?;
    }
    let mut fresh = Vec::with_capacity(batch.len());
    for wish in batch {
        let done = sqlx::query(
            "INSERT INTO nonces (key_id, nonce, expires) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(&wish.key_id)
        .bind(&wish.nonce)
        .bind(wish.expires.0)
        .execute(&mut *transaction)
        .await
        .doing(DOING)?;
        fresh.push(done.rows_affected() == 1);
    }
    transaction.commit().await.doing(DOING)?;
    if prune {
        *pruned = now;
    }
    Ok(fresh)
}
