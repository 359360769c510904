//! Hints of webhooks: where somebody says that something changed. They are looked at again, and forgotten.
//!
//! In: repositories and tags of a registry. Out: the same, once, under a lease. Odd:
//! * What is said again while it waits is one look; what is said while somebody looks is looked at once more, because the look
//!   may have been before the change.
//! * A registry with more open hints than [`MOST`] is looked at whole: one row, however loud a webhook is.

use plimsoll_model::Timestamp;

use crate::{
    Store, StoreError, column, database::Transaction, error::Doing, registries::is_path, statement,
    tasks::cut,
};

/// Hints of one registry that are kept apart.
const MOST: i64 = 1_000;
/// How often a look is tried that fails; after that the next sync will see.
const MOST_ATTEMPTS: u32 = 5;
/// Seconds until a look is tried again, for each attempt so far.
const PAUSE: i64 = 20;
/// Longest tag; no registry takes a longer one.
const LONGEST_TAG: usize = 128;

/// A place in a registry where something may have changed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hint {
    /// The repository: `team/app`.
    pub path: String,
    /// The tag; `None`: any of it.
    pub tag: Option<String>,
}

/// A hint in the hands of somebody who looks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedHint {
    /// The registry.
    pub registry_id: i64,
    /// Where to look; `None`: everywhere.
    pub hint: Option<Hint>,
    /// How often it had been said when the look began.
    pub number: i64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What became of hints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Noted {
    /// Places to look at that are new.
    pub new: u64,
    /// Those that wait already.
    pub known: u64,
}

const NOTE: &str = "noting hints";
const CLAIM: &str = "claiming a hint";
const END: &str = "ending a look";

impl Store {
    /// Keeps hints; they are on disk when this returns. Places that no registry can have are left out.
    ///
    /// # Errors
    /// The database fails.
    pub async fn note_hints(
        &self,
        registry_id: i64,
        hints: &[Hint],
        now: Timestamp,
    ) -> Result<Noted, StoreError> {
        let mut noted = Noted::default();
        let mut transaction = self.write().await?;
        for hint in hints.iter().filter(|hint| is_place(hint)) {
            let tag = hint.tag.as_deref().unwrap_or_default();
            if say_again(&mut transaction, registry_id, (hint.path.as_str(), tag)).await?
                || say_again(&mut transaction, registry_id, ("", "")).await?
            {
                noted.known += 1;
                continue;
            }
            noted.new += 1;
            let row = statement::query(
                "SELECT COUNT(*) AS number FROM hook_hints WHERE registry_id = $1",
            )
            .bind(registry_id)
            .fetch_one(&mut transaction)
            .await
            .doing(NOTE)?;
            let place = if column::number::<i64>(&row, "number")? < MOST {
                (hint.path.as_str(), tag)
            } else {
                statement::query(
                    "DELETE FROM hook_hints WHERE registry_id = $1 AND lease_until IS NULL",
                )
                .bind(registry_id)
                .execute(&mut transaction)
                .await
                .doing(NOTE)?;
                ("", "")
            };
            statement::query(
                "INSERT INTO hook_hints (registry_id, path, tag, number, attempts, due, received) \
                 VALUES ($1, $2, $3, 1, 0, $4, $4)",
            )
            .bind(registry_id)
            .bind(place.0)
            .bind(place.1)
            .bind(now.0)
            .execute(&mut transaction)
            .await
            .doing(NOTE)?;
        }
        transaction.commit().await.doing(NOTE)?;
        Ok(noted)
    }

    /// Takes the oldest hint for [`Store::lease`].
    ///
    /// # Errors
    /// The database fails.
    pub async fn claim_hint(
        &self,
        worker: &str,
        now: Timestamp,
    ) -> Result<Option<ClaimedHint>, StoreError> {
        const NEXT: &str = "SELECT * FROM hook_hints WHERE due <= $1 AND (lease_until IS NULL OR lease_until <= $1) \
             ORDER BY received, registry_id, path, tag LIMIT 1";
        let waiting = statement::query(NEXT)
            .bind(now.0)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing(CLAIM)?;
        if waiting.is_none() {
            return Ok(None);
        }
        let mut transaction = self.write().await?;
        // A look that stopped its worker each time is left to the next sync.
        statement::query("DELETE FROM hook_hints WHERE lease_until <= $1 AND attempts >= $2")
            .bind(now.0)
            .bind(i64::from(MOST_ATTEMPTS))
            .execute(&mut transaction)
            .await
            .doing(CLAIM)?;
        let row = statement::query(NEXT)
            .bind(now.0)
            .fetch_optional(&mut transaction)
            .await
            .doing(CLAIM)?;
        let mut claimed = None;
        if let Some(row) = row {
            let (path, tag) = (column::text(&row, "path")?, column::text(&row, "tag")?);
            let hint = ClaimedHint {
                registry_id: column::number(&row, "registry_id")?,
                hint: (!path.is_empty()).then(|| Hint {
                    path: path.clone(),
                    tag: (!tag.is_empty()).then(|| tag.clone()),
                }),
                number: column::number(&row, "number")?,
                attempt: column::number::<u32>(&row, "attempts")?.saturating_add(1),
            };
            statement::query(
                "UPDATE hook_hints SET attempts = $4, worker = $5, lease_until = $6 \
                 WHERE registry_id = $1 AND path = $2 AND tag = $3",
            )
            .bind(hint.registry_id)
            .bind(path)
            .bind(tag)
            .bind(i64::from(hint.attempt))
            .bind(worker)
            .bind(self.lease_from(now).0)
            .execute(&mut transaction)
            .await
            .doing(CLAIM)?;
            claimed = Some(hint);
        }
        transaction.commit().await.doing(CLAIM)?;
        Ok(claimed)
    }

    /// How many places wait to be looked at, those that somebody looks at included.
    ///
    /// # Errors
    /// The database fails.
    pub async fn open_hints(&self) -> Result<u64, StoreError> {
        let row = statement::query("SELECT COUNT(*) AS number FROM hook_hints")
            .fetch_one(&mut *self.read().await?)
            .await
            .doing("counting hints")?;
        column::number(&row, "number")
    }

    /// Extends the lease of a look that takes long, as of a whole registry.
    ///
    /// # Errors
    /// The database fails.
    pub async fn extend_hint(
        &self,
        claimed: &ClaimedHint,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (path, tag) = place(claimed);
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE hook_hints SET lease_until = $5 WHERE registry_id = $1 AND path = $2 AND tag = $3 AND attempts = $4 \
             AND lease_until IS NOT NULL",
        )
        .bind(claimed.registry_id)
        .bind(path)
        .bind(tag)
        .bind(i64::from(claimed.attempt))
        .bind(self.lease_from(now).0)
        .execute(&mut transaction)
        .await
        .doing(END)?;
        transaction.commit().await.doing(END)
    }

    /// Forgets a hint that was looked at, unless it was said again meanwhile.
    ///
    /// # Errors
    /// The database fails.
    pub async fn end_hint(&self, claimed: &ClaimedHint, now: Timestamp) -> Result<(), StoreError> {
        let (path, tag) = place(claimed);
        let mut transaction = self.write().await?;
        let done = statement::query(
            "DELETE FROM hook_hints WHERE registry_id = $1 AND path = $2 AND tag = $3 AND number = $4",
        )
        .bind(claimed.registry_id)
        .bind(path)
        .bind(tag)
        .bind(claimed.number)
        .execute(&mut transaction)
        .await
        .doing(END)?;
        if done.rows_affected() == 0 {
            statement::query(
                "UPDATE hook_hints SET attempts = 0, worker = NULL, lease_until = NULL, due = $4 \
                 WHERE registry_id = $1 AND path = $2 AND tag = $3",
            )
            .bind(claimed.registry_id)
            .bind(path)
            .bind(tag)
            .bind(now.0)
            .execute(&mut transaction)
            .await
            .doing(END)?;
        }
        transaction.commit().await.doing(END)
    }

    /// Ends a look that failed. Returns whether it is tried again; else the next sync will see.
    ///
    /// # Errors
    /// The database fails.
    pub async fn fail_hint(
        &self,
        claimed: &ClaimedHint,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if claimed.attempt >= MOST_ATTEMPTS {
            self.end_hint(claimed, now).await?;
            return Ok(false);
        }
        let (path, tag) = place(claimed);
        let pause = PAUSE.saturating_mul(i64::from(claimed.attempt));
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE hook_hints SET worker = NULL, lease_until = NULL, due = $4, error = $5 \
             WHERE registry_id = $1 AND path = $2 AND tag = $3",
        )
        .bind(claimed.registry_id)
        .bind(path)
        .bind(tag)
        .bind(now.0.saturating_add(pause))
        .bind(cut(why))
        .execute(&mut transaction)
        .await
        .doing(END)?;
        transaction.commit().await.doing(END)?;
        Ok(true)
    }
}

/// Path and tag as they stand in the row.
fn place(claimed: &ClaimedHint) -> (&str, &str) {
    claimed
        .hint
        .as_ref()
        .map_or(("", ""), |hint| (hint.path.as_str(), hint.tag.as_deref().unwrap_or_default()))
}

/// Whether a registry can have a tag there.
fn is_place(hint: &Hint) -> bool {
    let is_tag = |tag: &String| {
        !tag.is_empty() && tag.len() <= LONGEST_TAG && !tag.chars().any(char::is_control)
    };
    !hint.path.is_empty() && is_path(&hint.path) && hint.tag.as_ref().is_none_or(is_tag)
}

/// Notes that a hint which waits was said once more; `false` when none waits there.
async fn say_again(
    transaction: &mut Transaction,
    registry_id: i64,
    (path, tag): (&str, &str),
) -> Result<bool, StoreError> {
    let done = statement::query(
        "UPDATE hook_hints SET number = number + 1 WHERE registry_id = $1 AND path = $2 AND tag = $3",
    )
    .bind(registry_id)
    .bind(path)
    .bind(tag)
    .execute(transaction)
    .await
    .doing(NOTE)?;
    Ok(done.rows_affected() > 0)
}
