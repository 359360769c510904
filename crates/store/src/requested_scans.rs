//! Scans that another system asks for and comes back for: kept until it has had time to fetch the report.
//!
//! In: a wish, and the credential that it came with. Out: the same for a worker, under a lease; later a report. Odd: the wish
//! is the asker's own words, which nobody here reads; the credential is sealed, and is gone with the attempt that ends the
//! scan, well or not; such a scan belongs to no image of ours, so that it changes no list.

use plimsoll_model::{Report, Secret, Timestamp};

use crate::{
    Store, StoreError, artifacts, column,
    database::{DatabaseRow, Transaction},
    error::Doing,
    master_key::{Place, random_text},
    statement,
    tasks::cut,
};

/// How often a requested scan is tried: whoever waits for it gives up after half an hour.
const MOST_ATTEMPTS: u32 = 3;
/// Seconds until it is tried again, for each attempt so far.
const PAUSE: i64 = 15;
/// How long a scan is kept, in seconds: from the wish on, whatever became of it.
const KEPT: i64 = 86_400;
/// Scans of one registry that may wait at once; a Harbor that scans all it holds asks for some thousands.
const MOST_WAITING: i64 = 20_000;

/// A wish for a scan.
#[derive(Clone, Copy, Debug)]
pub struct ScanWish<'a> {
    /// For which registry it is.
    pub registry_id: i64,
    /// What is to be scanned, in the asker's words.
    pub wish: &'a str,
    /// With what the image may be fetched.
    pub credential: Option<&'a Secret<String>>,
}

/// A requested scan in a worker's hands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestedScan {
    /// Its name, which the asker knows.
    pub id: String,
    /// The fencing number.
    pub generation: i64,
    /// For which registry it is.
    pub registry_id: i64,
    /// What is to be scanned, in the asker's words.
    pub wish: String,
    /// With what the image may be fetched.
    pub credential: Option<Secret<String>>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// How a requested scan stands.
#[derive(Clone, PartialEq, Debug)]
pub enum RequestedState {
    /// Not done yet: come again.
    Waiting,
    /// Done.
    Done {
        /// What was asked for.
        wish: String,
        /// What came of it.
        report: Box<Report>,
        /// When.
        finished: Timestamp,
    },
    /// All attempts failed.
    Failed {
        /// Why the last one did.
        why: String,
    },
}

const fn place(id: &str) -> Place<'_> {
    Place { table: "requested_scans", row: id, column: "credential" }
}

const CLAIM: &str = "claiming a requested scan";
const END: &str = "ending a requested scan";

impl Store {
    /// Keeps a wish; it is on disk when this returns its name. `None`: too many of this registry wait.
    ///
    /// # Errors
    /// The database fails.
    pub async fn request_scan(
        &self,
        wish: ScanWish<'_>,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        const DOING: &str = "keeping a requested scan";
        let id = random_text(32)?;
        let credential = wish
            .credential
            .map(|credential| self.master_key().seal(place(&id), credential.reveal()))
            .transpose()?;
        let mut transaction = self.write().await?;
        let row = statement::query(
            "SELECT COUNT(*) AS number FROM requested_scans WHERE registry_id = $1 AND state IN ('queued', 'running')",
        )
        .bind(wish.registry_id)
        .fetch_one(&mut transaction)
        .await
        .doing(DOING)?;
        if column::number::<i64>(&row, "number")? >= MOST_WAITING {
            return Ok(None);
        }
        statement::query(
            "INSERT INTO requested_scans (id, registry_id, wish, credential, state, attempts, generation, due, created) \
             VALUES ($1, $2, $3, $4, 'queued', 0, 0, $5, $5)",
        )
        .bind(&id)
        .bind(wish.registry_id)
        .bind(wish.wish)
        .bind(credential)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        self.hint_tasks();
        Ok(Some(id))
    }

    /// Takes the oldest requested scan for [`Store::lease`].
    ///
    /// # Errors
    /// The database fails, or the credential does not decrypt.
    pub async fn claim_requested_scan(
        &self,
        worker: &str,
        now: Timestamp,
    ) -> Result<Option<RequestedScan>, StoreError> {
        let claimable = statement::query(
            "SELECT 1 FROM requested_scans WHERE (state = 'queued' AND due <= $1) \
             OR (state = 'running' AND lease_until <= $1) LIMIT 1",
        )
        .bind(now.0)
        .fetch_optional(&mut *self.read().await?)
        .await
        .doing(CLAIM)?;
        if claimable.is_none() {
            return Ok(None);
        }
        let mut transaction = self.write().await?;
        give_up_exhausted(&mut transaction, now).await?;
        let row = statement::query(
            "SELECT * FROM requested_scans WHERE (state = 'queued' AND due <= $1) \
             OR (state = 'running' AND lease_until <= $1) ORDER BY created, id LIMIT 1",
        )
        .bind(now.0)
        .fetch_optional(&mut transaction)
        .await
        .doing(CLAIM)?;
        let mut claimed = None;
        if let Some(row) = row {
            let scan = self.claimed(&row)?;
            statement::query(
                "UPDATE requested_scans SET state = 'running', attempts = $2, generation = $3, worker = $4, \
                 lease_until = $5 WHERE id = $1",
            )
            .bind(&scan.id)
            .bind(i64::from(scan.attempt))
            .bind(scan.generation)
            .bind(worker)
            .bind(self.lease_from(now).0)
            .execute(&mut transaction)
            .await
            .doing(CLAIM)?;
            claimed = Some(scan);
        }
        transaction.commit().await.doing(CLAIM)?;
        Ok(claimed)
    }

    fn claimed(&self, row: &DatabaseRow) -> Result<RequestedScan, StoreError> {
        let id = column::text(row, "id")?;
        let sealed: Option<Vec<u8>> = column::get(row, "credential")?;
        let credential =
            sealed.map(|sealed| self.master_key().open(place(&id), &sealed)).transpose()?;
        Ok(RequestedScan {
            generation: column::number::<i64>(row, "generation")?.saturating_add(1),
            registry_id: column::number(row, "registry_id")?,
            wish: column::text(row, "wish")?,
            credential,
            attempt: column::number::<u32>(row, "attempts")?.saturating_add(1),
            id,
        })
    }

    /// Extends the lease; `false` when it was lost: stop scanning.
    ///
    /// # Errors
    /// The database fails.
    pub async fn extend_requested_scan(
        &self,
        scan: &RequestedScan,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const DOING: &str = "extending the lease of a requested scan";
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE requested_scans SET lease_until = $3 WHERE id = $1 AND generation = $2 AND state = 'running'",
        )
        .bind(&scan.id)
        .bind(scan.generation)
        .bind(self.lease_from(now).0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected() == 1)
    }

    /// Keeps the report and forgets the credential. `false` when the lease was lost: nothing was written.
    ///
    /// # Errors
    /// The database fails.
    pub async fn finish_requested_scan(
        &self,
        scan: &RequestedScan,
        report: &Report,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (packed, _) = artifacts::pack(report).map_err(|source| StoreError::Database {
            doing: END,
            source: Box::new(source),
            transient: false,
        })?;
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE requested_scans SET state = 'done', report = $3, finished = $4, credential = NULL, error = NULL, \
             worker = NULL, lease_until = NULL WHERE id = $1 AND generation = $2 AND state = 'running'",
        )
        .bind(&scan.id)
        .bind(scan.generation)
        .bind(packed)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(END)?;
        transaction.commit().await.doing(END)?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends an attempt that failed: it is tried again soon where `may_retry` and attempts are left, else the credential is
    /// forgotten. Returns whether it is tried again.
    ///
    /// # Errors
    /// The database fails.
    pub async fn fail_requested_scan(
        &self,
        scan: &RequestedScan,
        why: &str,
        may_retry: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let again = may_retry && scan.attempt < MOST_ATTEMPTS;
        let mut transaction = self.write().await?;
        let query = if again {
            statement::query(
                "UPDATE requested_scans SET state = 'queued', error = $3, due = $4, worker = NULL, lease_until = NULL \
                 WHERE id = $1 AND generation = $2 AND state = 'running'",
            )
        } else {
            statement::query(
                "UPDATE requested_scans SET state = 'failed', error = $3, finished = $4, credential = NULL, \
                 worker = NULL, lease_until = NULL WHERE id = $1 AND generation = $2 AND state = 'running'",
            )
        };
        let at = if again {
            now.0.saturating_add(PAUSE.saturating_mul(i64::from(scan.attempt)))
        } else {
            now.0
        };
        query
            .bind(&scan.id)
            .bind(scan.generation)
            .bind(cut(why))
            .bind(at)
            .execute(&mut transaction)
            .await
            .doing(END)?;
        transaction.commit().await.doing(END)?;
        Ok(again)
    }

    /// Gives a requested scan back untouched, as at shutdown: the attempt does not count.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release_requested_scan(
        &self,
        scan: &RequestedScan,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const DOING: &str = "giving a requested scan back";
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE requested_scans SET state = 'queued', attempts = attempts - 1, due = $3, worker = NULL, \
             lease_until = NULL WHERE id = $1 AND generation = $2 AND state = 'running'",
        )
        .bind(&scan.id)
        .bind(scan.generation)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }

    /// Gives back what workers had whose names start with `prefix` and which are known to be dead. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release_requested_scans(
        &self,
        prefix: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        const DOING: &str = "giving back the requested scans of a dead worker";
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE requested_scans SET lease_until = $2 WHERE state = 'running' AND lease_until > $2 \
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

    /// How a scan stands that was asked for on behalf of this registry; `None`: there is none of that name, or no longer.
    ///
    /// # Errors
    /// The database fails.
    pub async fn requested_scan(
        &self,
        registry_id: i64,
        id: &str,
    ) -> Result<Option<RequestedState>, StoreError> {
        const DOING: &str = "reading a requested scan";
        let row = statement::query(
            "SELECT state, wish, error, finished, report FROM requested_scans WHERE id = $1 AND registry_id = $2",
        )
        .bind(id)
        .bind(registry_id)
        .fetch_optional(&mut *self.read().await?)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(match column::text(&row, "state")?.as_str() {
            "done" => {
                let packed: &[u8] = column::get(&row, "report")?;
                let report = artifacts::unpack(packed).map_err(|source| StoreError::Database {
                    doing: DOING,
                    source: Box::new(source),
                    transient: false,
                })?;
                RequestedState::Done {
                    wish: column::text(&row, "wish")?,
                    report: Box::new(report),
                    finished: column::time(&row, "finished")?,
                }
            }
            "failed" => RequestedState::Failed {
                why: column::get::<Option<String>>(&row, "error")?.unwrap_or_default(),
            },
            _ => RequestedState::Waiting,
        }))
    }

    /// Forgets requested scans that were asked for more than a day ago. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget_requested_scans(&self, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "forgetting requested scans";
        let mut transaction = self.write().await?;
        let done = statement::query("DELETE FROM requested_scans WHERE created <= $1")
            .bind(now.0.saturating_sub(KEPT))
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected())
    }
}

/// Ends what stopped its worker at every attempt.
async fn give_up_exhausted(
    transaction: &mut Transaction,
    now: Timestamp,
) -> Result<(), StoreError> {
    statement::query(
        "UPDATE requested_scans SET state = 'failed', finished = $1, credential = NULL, lease_until = NULL, \
         error = 'worker ' || worker || ' stopped during attempt ' || attempts || ', the last one; the image may be what stops it' \
         WHERE state = 'running' AND lease_until <= $1 AND attempts >= $2",
    )
    .bind(now.0)
    .bind(i64::from(MOST_ATTEMPTS))
    .execute(transaction)
    .await
    .doing(CLAIM)?;
    Ok(())
}
