//! The database: SQLite in the data directory, or a PostgreSQL server; behind one face.
//!
//! In: where it is. Out: connections that read, and transactions that write one after another. Source: SQLite's
//! "Write-Ahead Logging" and "PRAGMA synchronous"; PostgreSQL's "Transaction Isolation" and "Explicit Locking".
//!
//! Odd:
//! * There is one writer at a time in both: SQLite has no more, and on PostgreSQL a writing transaction begins by taking an
//!   advisory lock, which is given back when its commit can be seen. Each statement behind the lock sees all commits before
//!   it (READ COMMITTED), so that what a writer reads stays true until it commits, and commits have an order.
//! * What needs no such order ([`Database::write_apart`]) does not wait for it on PostgreSQL: nonces are decided by their key.
//! * SQLite: one connection writes and several read, so that writers of this process queue in memory and not on the file's
//!   lock. `synchronous = FULL`: with `NORMAL` a power cut may take back the last commits, and a nonce that is taken back can
//!   be used again. The price is one `fsync` per commit, which nonces share by group commit.
//! * SQLite 3.7.0 to 3.51.2 can damage the file when one connection writes while another resets the write-ahead log
//!   ("WAL-reset bug" in its change log), so the version that is linked is checked.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    time::Duration,
};

use plimsoll_model::Timestamp;
use sqlx::{
    ConnectOptions, Connection, PgConnection, Pool, Postgres, Sqlite, SqliteConnection,
    pool::{PoolConnection, PoolOptions},
    postgres::PgRow,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};

use crate::{
    OpenError, PostgresLocation, StoreError,
    column::{get, number, text},
    error::Doing,
    statement,
};

/// The first version without the WAL-reset bug.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];
/// The first version of PostgreSQL that is taken, as the server numbers it.
const OLDEST_POSTGRES: i64 = 14_00_00;
/// So many times as long as is waited for a writer, one may rest between two of its statements.
const IDLE: u32 = 3;
/// A server that lets nobody in for so long is away: who asks is told, and does not wait.
const AWAY: Duration = Duration::from_secs(5);
/// A connection that was used so lately is still there.
const TRUSTED: Duration = Duration::from_secs(2);

/// Handles to connections. Clones share them.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Sqlite { reader: Pool<Sqlite>, writer: Pool<Sqlite> },
    Postgres { reader: Pool<Postgres>, writer: Pool<Postgres>, apart: Pool<Postgres>, lock: i64 },
}

/// A row of either.
#[derive(Debug)]
pub(crate) enum DatabaseRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A connection to either, with or without a transaction.
pub(crate) struct DatabaseConnection(Held);

enum Held {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTransaction(sqlx::Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresTransaction(sqlx::Transaction<'static, Postgres>),
}

/// A connection that reads. One statement sees one state of the database.
pub(crate) struct Reader(DatabaseConnection);

/// A transaction. Dropped without a commit it changes nothing.
pub(crate) struct Transaction(DatabaseConnection);

/// The library's own connection.
pub(crate) enum Link<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl DatabaseConnection {
    pub(crate) fn link(&mut self) -> Link<'_> {
        match &mut self.0 {
            Held::Sqlite(connection) => Link::Sqlite(connection),
            Held::SqliteTransaction(transaction) => Link::Sqlite(transaction),
            Held::Postgres(connection) => Link::Postgres(connection),
            Held::PostgresTransaction(transaction) => Link::Postgres(transaction),
        }
    }
}

impl Deref for Reader {
    type Target = DatabaseConnection;
    fn deref(&self) -> &DatabaseConnection {
        &self.0
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut DatabaseConnection {
        &mut self.0
    }
}

impl Deref for Transaction {
    type Target = DatabaseConnection;
    fn deref(&self) -> &DatabaseConnection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut DatabaseConnection {
        &mut self.0
    }
}

impl Transaction {
    /// Makes all that was written last.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self.0.0 {
            Held::SqliteTransaction(transaction) => transaction.commit().await,
            Held::PostgresTransaction(transaction) => transaction.commit().await,
            // `Transaction` is made of nothing else.
            Held::Sqlite(_) | Held::Postgres(_) => Ok(()),
        }
    }
}

impl Database {
    /// Opens a database file that is there already.
    pub(crate) async fn open_sqlite(
        file: &Path,
        readers: u32,
        busy_timeout: Duration,
    ) -> Result<Self, OpenError> {
        const DOING: &str = "opening the database";
        let connect = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(busy_timeout);
        let writer = PoolOptions::new()
            .max_connections(1)
            .acquire_timeout(busy_timeout.saturating_mul(3))
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .before_acquire(|connection: &mut SqliteConnection, _known| {
                Box::pin(async move {
                    if !connection.is_in_transaction() {
                        return Ok(true);
                    }
                    // A transaction that was let go is ended by the connection's own thread, perhaps only now. Where the file
                    // system is full, SQLite itself ended it, and the driver goes on counting it: such a connection begins no
                    // other, and another takes its place.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(connect.clone())
            .await
            .doing(DOING)?;
        let reader = PoolOptions::new()
            .max_connections(readers.max(1))
            .acquire_timeout(busy_timeout.saturating_mul(3))
            // A file does not go away.
            .test_before_acquire(false)
            .connect_with(connect.pragma("query_only", "ON"))
            .await
            .doing(DOING)?;
        let database = Self::Sqlite { reader, writer };
        database.refuse_old_sqlite().await?;
        Ok(database)
    }

    async fn refuse_old_sqlite(&self) -> Result<(), OpenError> {
        let row = statement::query("SELECT sqlite_version() AS version")
            .fetch_one(&mut *self.read().await?)
            .await
            .doing("asking SQLite for its version")?;
        let version = text(&row, "version")?;
        if is_new_enough(&version) { Ok(()) } else { Err(OpenError::OldSqlite(version)) }
    }

    /// Connects to a server.
    pub(crate) async fn open_postgres(
        location: &PostgresLocation,
        readers: u32,
        busy_timeout: Duration,
    ) -> Result<Self, OpenError> {
        const DOING: &str = "opening the database";
        let mut connect = location.options();
        if connect.get_application_name().is_none() {
            connect = connect.application_name("plimsoll");
        }
        let lock_timeout = busy_timeout.as_millis().to_string();
        let idle_timeout = busy_timeout.saturating_mul(IDLE).as_millis().to_string();
        let connect = connect.options([
            ("lock_timeout", lock_timeout.as_str()),
            // A process that is stopped while it writes would keep all others from writing.
            ("idle_in_transaction_session_timeout", idle_timeout.as_str()),
            // A nonce that a crash takes back could be used again.
            ("synchronous_commit", "on"),
            // Compiling costs more than the longest of our statements.
            ("jit", "off"),
        ]);
        let pool = |connections: u32, patience: Duration| {
            PoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(patience)
                // To ask each time whether it still is there costs what a short statement costs.
                .test_before_acquire(false)
                .before_acquire(|connection: &mut PgConnection, known| {
                    Box::pin(async move {
                        if known.idle_for > TRUSTED {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
        };
        let waiting = busy_timeout.saturating_mul(3);
        // The first connection tells what is wrong with the way there, before anybody waits for one.
        let mut connection = connect.connect().await.doing(DOING)?;
        let row = sqlx::query(
            "SELECT current_setting('server_version_num')::BIGINT AS version, \
             current_setting('server_encoding') AS encoding, \
             hashtextextended('plimsoll writer of ' || current_schema(), 0) AS writer_lock",
        )
        .fetch_one(&mut connection)
        .await
        .doing(DOING)?;
        connection.close().await.doing(DOING)?;
        let row = DatabaseRow::Postgres(row);
        let version: i64 = number(&row, "version")?;
        if version < OLDEST_POSTGRES {
            return Err(OpenError::OldPostgres { found: version / 10_000 });
        }
        let encoding = text(&row, "encoding")?;
        if encoding != "UTF8" {
            return Err(OpenError::Encoding(encoding));
        }
        // Several sites may share a database, each with a schema of its own. Migrations name the lock the same way.
        let lock: Option<i64> = get(&row, "writer_lock")?;
        let lock = lock.ok_or(OpenError::NoSchema)?;
        Ok(Self::Postgres {
            reader: pool(readers.max(1), AWAY).connect_lazy_with(connect.clone()),
            writer: pool(1, waiting).connect_lazy_with(connect.clone()),
            apart: pool(1, AWAY).connect_lazy_with(connect),
            lock,
        })
    }

    /// A connection that reads; for several statements that see one state, [`Database::snapshot`].
    pub(crate) async fn read(&self) -> Result<Reader, StoreError> {
        const DOING: &str = "waiting for a connection";
        let held = match self {
            Self::Sqlite { reader, .. } => Held::Sqlite(reader.acquire().await.doing(DOING)?),
            Self::Postgres { reader, .. } => Held::Postgres(reader.acquire().await.doing(DOING)?),
        };
        Ok(Reader(DatabaseConnection(held)))
    }

    /// A transaction that reads: all its statements see the same state.
    pub(crate) async fn snapshot(&self) -> Result<Transaction, StoreError> {
        const DOING: &str = "waiting for a connection";
        let held = match self {
            Self::Sqlite { reader, .. } => {
                Held::SqliteTransaction(reader.begin().await.doing(DOING)?)
            }
            Self::Postgres { reader, .. } => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
                Held::PostgresTransaction(reader.begin_with(begin).await.doing(DOING)?)
            }
        };
        Ok(Transaction(DatabaseConnection(held)))
    }

    /// A transaction that writes. It is the only one from its first moment on, so that what it reads stays true until it
    /// commits.
    pub(crate) async fn write(&self) -> Result<Transaction, StoreError> {
        const DOING: &str = "waiting to write";
        let held = match self {
            Self::Sqlite { writer, .. } => {
                Held::SqliteTransaction(writer.begin_with("BEGIN IMMEDIATE").await.doing(DOING)?)
            }
            Self::Postgres { writer, lock, .. } => {
                let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
                let mut begun = writer.begin_with(begin).await.doing(DOING)?;
                // Apart from the beginning, so that waiting in vain ends the transaction with it.
                sqlx::query("SELECT pg_advisory_xact_lock($1)")
                    .bind(*lock)
                    .execute(&mut *begun)
                    .await
                    .doing(DOING)?;
                Held::PostgresTransaction(begun)
            }
        };
        Ok(Transaction(DatabaseConnection(held)))
    }

    /// A transaction that writes what no other transaction decides by, and that reads nothing.
    pub(crate) async fn write_apart(&self) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite { .. } => self.write().await,
            Self::Postgres { apart, .. } => {
                let begun = apart.begin().await.doing("waiting to write")?;
                Ok(Transaction(DatabaseConnection(Held::PostgresTransaction(begun))))
            }
        }
    }

    /// Waits for what is being written and closes all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { reader, writer } => {
                reader.close().await;
                writer.close().await;
            }
            Self::Postgres { reader, writer, apart, .. } => {
                reader.close().await;
                apart.close().await;
                writer.close().await;
            }
        }
    }

    /// Rows that were added, changed or removed: since this was opened, by this process (SQLite); ever, by all, where those
    /// of others may come a second late, and this process's nonces (PostgreSQL).
    pub(crate) async fn rows_written(&self) -> Result<u64, StoreError> {
        const DOING: &str = "counting written rows";
        let (held, sql) = match self {
            Self::Sqlite { writer, .. } => (
                Held::Sqlite(writer.acquire().await.doing(DOING)?),
                "SELECT total_changes() AS number",
            ),
            Self::Postgres { writer, .. } => {
                let mut writer = writer.acquire().await.doing(DOING)?;
                // Counts are handed over once a second, unless asked for; before version 15 nobody can ask.
                let flushed =
                    sqlx::query("SELECT pg_stat_force_next_flush()").execute(&mut *writer);
                if flushed.await.is_err() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                (
                    Held::Postgres(writer),
                    "SELECT CAST(COALESCE(SUM(n_tup_ins + n_tup_upd + n_tup_del), 0) AS BIGINT) AS number \
                     FROM pg_stat_user_tables WHERE schemaname = current_schema()",
                )
            }
        };
        let mut connection = DatabaseConnection(held);
        let row = statement::query(sql).fetch_one(&mut connection).await.doing(DOING)?;
        number(&row, "number")
    }

    /// Bytes of the database on disk, with what stands in the write-ahead log of SQLite.
    pub(crate) async fn size(&self) -> Result<u64, StoreError> {
        const DOING: &str = "asking for the size of the database";
        let sql = match self {
            Self::Sqlite { .. } => {
                "SELECT page_count * page_size AS number FROM pragma_page_count, pragma_page_size"
            }
            Self::Postgres { .. } => {
                "SELECT CAST(COALESCE(SUM(pg_total_relation_size(c.oid)), 0) AS BIGINT) AS number \
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.relkind = 'r' AND n.nspname = current_schema()"
            }
        };
        let row = statement::query(sql).fetch_one(&mut *self.read().await?).await.doing(DOING)?;
        number(&row, "number")
    }

    /// What time it is on the server; `None`: there is none, and the machine's is everybody's.
    pub(crate) async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        const DOING: &str = "asking for the time";
        if let Self::Sqlite { .. } = self {
            return Ok(None);
        }
        let row =
            statement::query("SELECT FLOOR(EXTRACT(EPOCH FROM clock_timestamp()))::BIGINT AS now")
                .fetch_one(&mut *self.read().await?)
                .await
                .doing(DOING)?;
        Ok(Some(Timestamp(number(&row, "now")?)))
    }

    /// Gives free pages back, so that files are as large as what is in them.
    pub(crate) async fn shrink(&self) -> Result<(), StoreError> {
        const DOING: &str = "shrinking the database";
        match self {
            Self::Sqlite { writer, .. } => {
                let mut writer = writer.acquire().await.doing(DOING)?;
                for sql in ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
                    sqlx::raw_sql(sql).execute(&mut *writer).await.doing(DOING)?;
                }
            }
            Self::Postgres { writer, .. } => {
                let mut writer = writer.acquire().await.doing(DOING)?;
                sqlx::raw_sql("VACUUM (FULL, ANALYZE)").execute(&mut *writer).await.doing(DOING)?;
            }
        }
        Ok(())
    }
}

impl Transaction {
    /// Changes nothing, and says when that is done.
    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self.0.0 {
            Held::SqliteTransaction(transaction) => transaction.rollback().await,
            Held::PostgresTransaction(transaction) => transaction.rollback().await,
            Held::Sqlite(_) | Held::Postgres(_) => Ok(()),
        }
    }

    /// Runs a text of several statements, which gives no rows.
    pub(crate) async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self.0.link() {
            Link::Sqlite(link) => {
                sqlx::raw_sql(sql).execute(link).await?;
            }
            Link::Postgres(link) => {
                sqlx::raw_sql(sql).execute(link).await?;
            }
        }
        Ok(())
    }
}

fn is_new_enough(version: &str) -> bool {
    let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    parts.is_some_and(|parts| parts.as_slice() >= OLDEST_SQLITE.as_slice())
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_before_the_fix_are_refused() {
        for version in ["3.51.3", "3.51.10", "3.52.0", "4.0"] {
            assert!(super::is_new_enough(version), "{version}");
        }
        for version in ["3.51.2", "3.7.17", "3.50.4", "", "x"] {
            assert!(!super::is_new_enough(version), "{version}");
        }
    }
}
