//! What can go wrong with the database itself.
//!
//! In: errors of the database library. Out: [`StoreError`], which says what was being done. Errors of one operation
//! (a name that is taken, an unknown key) stand beside that operation.

use std::error::Error;

use plimsoll_model::Digest;

/// The database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement failed.
    #[error("database: {doing}")]
    Database {
        /// What was being done: `listing images`.
        doing: &'static str,
        /// What the database says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
        /// Another process holds the database, or the disk is full: the same call may succeed later.
        transient: bool,
    },
    /// A value in the database that this program never writes.
    #[error("database: {column} holds `{value}`, which is not {expected}")]
    Corrupt {
        /// Table and column.
        column: String,
        /// The value as text.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A secret that the master key does not open: the row was changed or moved.
    #[error(
        "database: {place} does not decrypt; the row was changed by hand, or the database belongs to another master.key"
    )]
    Secret {
        /// Table, row and column.
        place: String,
    },
    /// A result that belongs to something else than its task.
    #[error("the task is to scan {expected}, but the report is of {found}")]
    WrongArtifact {
        /// What the task names.
        expected: Digest,
        /// What the report names.
        found: Digest,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

impl StoreError {
    /// Whether the same call may succeed later: another writer holds the database, or the disk is full.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Database { transient: true, .. })
    }
}

/// Names what was being done when the database failed.
pub(crate) trait Doing<T> {
    /// Turns the library's error into ours.
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database {
            doing,
            transient: is_transient(&source),
            source: Box::new(source),
        })
    }
}

/// `SQLITE_BUSY` (5), `SQLITE_LOCKED` (6), `SQLITE_FULL` (13) and their extended codes, whose low byte they are.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => database
            .code()
            .and_then(|code| code.parse::<u32>().ok())
            .is_some_and(|code| matches!(code & 0xff, 5 | 6 | 13)),
        _ => false,
    }
}
