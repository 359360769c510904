//! Access keys: who may call the gateway.
//!
//! In: a name and a policy. Out: an id and a secret that is shown once. Odd: a signature needs the secret itself, so it is
//! encrypted and not hashed; the time of last use is kept by the day, so that reading does not write.

use plimsoll_model::{Secret, Timestamp};

use crate::{
    Policy, Store, StoreError, column,
    database::DatabaseRow,
    error::Doing,
    master_key::{Place, random_text},
    registries::is_name,
    statement,
};

/// A key that was just made; its secret is shown this once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewKey {
    /// `PLIM` and 20 letters and digits.
    pub id: String,
    /// 40 letters and digits.
    pub secret: Secret<String>,
}

/// A key as the gateway needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessKey {
    /// What everybody may see of it.
    pub summary: KeySummary,
    /// The secret that requests are signed with.
    pub secret: Secret<String>,
}

/// A key as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeySummary {
    /// `PLIM` and 20 letters and digits.
    pub id: String,
    /// What its owner calls it; need not be unique.
    pub name: String,
    /// What it may do.
    pub policy: Policy,
    /// Whether requests with it are answered.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Midnight of the day of its last use.
    pub last_used: Option<Timestamp>,
}

/// Why a key was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key has that id.
    #[error("there is no access key `{0}`")]
    Unknown(String),
    /// A name that cannot be.
    #[error(
        "access key name `{0}` is empty, longer than 128 characters or has a control character"
    )]
    Name(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl KeySummary {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::text(row, "id")?,
            name: column::text(row, "name")?,
            policy: column::json(row, "policy")?,
            active: column::flag(row, "active")?,
            created: column::time(row, "created")?,
            last_used: column::optional_time(row, "last_used")?,
        })
    }
}

const fn secret_place(id: &str) -> Place<'_> {
    Place { table: "access_keys", row: id, column: "secret" }
}

impl Store {
    /// Makes a key.
    ///
    /// # Errors
    /// The name cannot be, or the database fails.
    pub async fn create_key(
        &self,
        name: &str,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<NewKey, KeyError> {
        const DOING: &str = "making an access key";
        if !is_name(name) {
            return Err(KeyError::Name(name.chars().take(200).collect()));
        }
        let id = format!("PLIM{}", random_text(20)?);
        let secret = random_text(40)?;
        let sealed = self.master_key().seal(secret_place(&id), &secret)?;
        let policy = serde_json::to_string(policy).map_err(|source| StoreError::Database {
            doing: DOING,
            source: Box::new(source),
            transient: false,
        })?;
        let mut transaction = self.write().await?;
        statement::query(
            "INSERT INTO access_keys (id, name, secret, policy, active, created) VALUES ($1, $2, $3, $4, 1, $5)",
        )
        .bind(&id)
        .bind(name)
        .bind(sealed)
        .bind(policy)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(NewKey { id, secret: Secret::new(secret) })
    }

    /// One key with its secret, disabled ones too.
    ///
    /// # Errors
    /// The database fails, or the secret does not decrypt.
    pub async fn key(&self, id: &str) -> Result<Option<AccessKey>, StoreError> {
        let row = statement::query("SELECT * FROM access_keys WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing("reading an access key")?;
        let Some(row) = row else { return Ok(None) };
        let summary = KeySummary::from_row(&row)?;
        let sealed: Vec<u8> = column::get(&row, "secret")?;
        let secret = self.master_key().open(secret_place(&summary.id), &sealed)?;
        Ok(Some(AccessKey { summary, secret }))
    }

    /// All keys by time of creation, without secrets.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_keys(&self) -> Result<Vec<KeySummary>, StoreError> {
        let rows = statement::query("SELECT * FROM access_keys ORDER BY created, id")
            .fetch_all(&mut *self.read().await?)
            .await
            .doing("listing access keys")?;
        rows.iter().map(KeySummary::from_row).collect()
    }

    /// Enables or disables a key.
    ///
    /// # Errors
    /// There is no such key, or the database fails.
    pub async fn set_key_active(&self, id: &str, active: bool) -> Result<(), KeyError> {
        const DOING: &str = "changing an access key";
        let mut transaction = self.write().await?;
        let done = statement::query("UPDATE access_keys SET active = $2 WHERE id = $1")
            .bind(id)
            .bind(i64::from(active))
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        if done.rows_affected() == 0 {
            return Err(KeyError::Unknown(id.to_owned()));
        }
        transaction.commit().await.doing(DOING)?;
        Ok(())
    }

    /// Notes that a key was used; writes at most once a day per key.
    ///
    /// # Errors
    /// The database fails.
    pub async fn note_key_use(&self, key: &KeySummary, now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "noting the use of an access key";
        let day = Timestamp(now.0.div_euclid(86_400).saturating_mul(86_400));
        if key.last_used.is_some_and(|last| last >= day) {
            return Ok(());
        }
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE access_keys SET last_used = $2 WHERE id = $1 AND (last_used IS NULL OR last_used < $2)",
        )
        .bind(&key.id)
        .bind(day.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }
}
