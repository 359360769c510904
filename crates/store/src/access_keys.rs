//! Access keys: who may call the gateway.
//!
//! In: a name and a policy. Out: an id and a secret that is shown once. Odd: a signature needs the secret itself, so it is
//! encrypted and not hashed; the time of last use is kept by the day, so that reading does not write.

use plimsoll_model::{Secret, Timestamp};

use crate::{Policy, Store, StoreError};

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
        todo!("{name} {policy:?} {now}")
    }

    /// One key with its secret, disabled ones too.
    ///
    /// # Errors
    /// The database fails, or the secret does not decrypt.
    pub async fn key(&self, id: &str) -> Result<Option<AccessKey>, StoreError> {
        todo!("{id}")
    }

    /// All keys by time of creation, without secrets.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_keys(&self) -> Result<Vec<KeySummary>, StoreError> {
        todo!()
    }

    /// Enables or disables a key.
    ///
    /// # Errors
    /// There is no such key, or the database fails.
    pub async fn set_key_active(&self, id: &str, active: bool) -> Result<(), KeyError> {
        todo!("{id} {active}")
    }

    /// Notes that a key was used; writes at most once a day per key.
    ///
    /// # Errors
    /// The database fails.
    pub async fn note_key_use(&self, key: &KeySummary, now: Timestamp) -> Result<(), StoreError> {
        todo!("{key:?} {now}")
    }
}
