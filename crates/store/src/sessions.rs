//! Sessions of the console.
//!
//! In: a log-in. Out: a random session id for the cookie; the database holds its hash only. Source: OWASP, "Session
//! Management": 256 random bits, an idle and an absolute limit. Odd: that a session is alive is written at most every five
//! minutes, so that reading pages does not write rows.

use plimsoll_model::{Secret, Timestamp};

use crate::{
    Store, StoreError, admin_token::hash, column, error::Doing, master_key::random_text, statement,
};

/// A session that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// When it began.
    pub created: Timestamp,
    /// When it ends at the latest.
    pub expires: Timestamp,
}

/// The longest life of a session, in seconds.
const LONGEST: i64 = 12 * 3_600;
/// How long it stands without being used, in seconds.
const IDLE: i64 = 30 * 60;
/// How old the note of its last use may be before it is written again, in seconds.
const NOTE_EVERY: i64 = 5 * 60;

impl Store {
    /// Begins a session and returns its id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn create_session(&self, now: Timestamp) -> Result<Secret<String>, StoreError> {
        const DOING: &str = "beginning a session";
        let id = random_text(48)?;
        let mut transaction = self.write().await?;
        statement::query("DELETE FROM sessions WHERE expires <= $1 OR idle_until <= $1")
            .bind(now.0)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        statement::query(
            "INSERT INTO sessions (hash, created, expires, idle_until) VALUES ($1, $2, $3, $4)",
        )
        .bind(hash(&id))
        .bind(now.0)
        .bind(now.0.saturating_add(LONGEST))
        .bind(now.0.saturating_add(IDLE))
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(Secret::new(id))
    }

    /// The session of this id, if it stands: at most 12 hours old and used within the last 30 minutes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn session(&self, id: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        const DOING: &str = "reading a session";
        let hash = hash(id);
        let row = statement::query(
            "SELECT * FROM sessions WHERE hash = $1 AND expires > $2 AND idle_until > $2",
        )
        .bind(&hash)
        .bind(now.0)
        .fetch_optional(&mut *self.read().await?)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Ok(None) };
        let idle_until = now.0.saturating_add(IDLE);
        if column::time(&row, "idle_until")?.0 <= idle_until.saturating_sub(NOTE_EVERY) {
            let mut transaction = self.write().await?;
            statement::query("UPDATE sessions SET idle_until = $2 WHERE hash = $1")
                .bind(&hash)
                .bind(idle_until)
                .execute(&mut transaction)
                .await
                .doing(DOING)?;
            transaction.commit().await.doing(DOING)?;
        }
        Ok(Some(Session {
            created: column::time(&row, "created")?,
            expires: column::time(&row, "expires")?,
        }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database fails.
    pub async fn remove_session(&self, id: &str) -> Result<(), StoreError> {
        const DOING: &str = "ending a session";
        let mut transaction = self.write().await?;
        statement::query("DELETE FROM sessions WHERE hash = $1")
            .bind(hash(id))
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }
}
