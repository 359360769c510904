//! What can go wrong with the database itself.
//!
//! In: errors of the database library. Out: [`StoreError`], which says what was being done. Errors of one operation
//! (a name that is taken, an unknown key) stand beside that operation.

use std::{
    error::Error,
    sync::atomic::{AtomicU64, Ordering},
};

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

/// How many statements failed in this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoreErrors {
    /// The same call may have succeeded later.
    pub transient: u64,
    /// All others.
    pub lasting: u64,
}

static TRANSIENT: AtomicU64 = AtomicU64::new(0);
static LASTING: AtomicU64 = AtomicU64::new(0);

/// How many statements failed since this process began, of all stores: for metrics.
#[must_use]
pub fn store_errors() -> StoreErrors {
    StoreErrors {
        transient: TRANSIENT.load(Ordering::Relaxed),
        lasting: LASTING.load(Ordering::Relaxed),
    }
}

/// Names what was being done when the database failed.
pub(crate) trait Doing<T> {
    /// Turns the library's error into ours.
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| {
            let transient = is_transient(&source);
            let count = if transient { &TRANSIENT } else { &LASTING };
            count.fetch_add(1, Ordering::Relaxed);
            StoreError::Database { doing, transient, source: Box::new(source) }
        })
    }
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
                is_transient_in_postgres(&code)
            } else {
                is_transient_in_sqlite(&code)
            }
        }
        _ => false,
    }
}

/// `SQLITE_BUSY` (5), `SQLITE_LOCKED` (6), `SQLITE_FULL` (13) and their extended codes, whose low byte they are.
fn is_transient_in_sqlite(code: &str) -> bool {
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 13))
}

/// Connection lost (08), a transaction that another one cut short (40), resources that ran out (53), a lock not got in time
/// (55P03), a server that stops or starts (57P), a session that rested too long in its transaction (25P03).
fn is_transient_in_postgres(code: &str) -> bool {
    ["08", "40", "53", "57P"].iter().any(|class| code.starts_with(class))
        || ["55P03", "25P03"].contains(&code)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_may_succeed_later_is_told_apart() {
        for code in ["5", "6", "13", "261", "517"] {
            assert!(super::is_transient_in_sqlite(code), "{code}");
        }
        for code in ["1", "11", "19", "1555", ""] {
            assert!(!super::is_transient_in_sqlite(code), "{code}");
        }
        for code in ["08006", "40001", "40P01", "53100", "55P03", "57P01", "25P03"] {
            assert!(super::is_transient_in_postgres(code), "{code}");
        }
        for code in ["23505", "42601", "57014", "22021", "25001", ""] {
            assert!(!super::is_transient_in_postgres(code), "{code}");
        }
    }
}
