//! Opening the data directory.
//!
//! In: a folder, made if need be. Out: [`Store`], a handle that clones cheaply. Source: SQLite's "Write-Ahead Logging" and
//! "PRAGMA synchronous".
//!
//! Odd:
//! * One connection writes and several read, so that writers of this process queue in memory and not on the file's lock.
//! * `synchronous = FULL`: with `NORMAL` a power cut may take back the last commits, and a nonce that is taken back can be
//!   used again. The price is one `fsync` per commit, which nonces share by group commit.
//! * SQLite 3.7.0 to 3.51.2 can damage the file when one connection writes while another resets the write-ahead log
//!   ("WAL-reset bug" in its change log), so the version that is linked is checked.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, Pool, Transaction,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Notify, RwLock};

use crate::{
    MasterKeyError, StoreError,
    column::{get, number},
    error::Doing,
    listing::Listing,
    master_key::{MasterKey, Place},
    nonces::NonceWriter,
    schema,
};

/// The database that the statements run on.
pub(crate) type Database = sqlx::Sqlite;
/// A connection to it.
pub(crate) type DatabaseConnection = sqlx::SqliteConnection;
/// A row of it.
pub(crate) type DatabaseRow = sqlx::sqlite::SqliteRow;

/// Name of the database in the data directory.
pub(crate) const DATABASE_FILE: &str = "plimsoll.db";
/// Held while the database is made or brought up to date.
const LOCK_FILE: &str = "open.lock";
/// The first version without the WAL-reset bug.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

/// How to open a store.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Connections that read.
    pub readers: u32,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
}

impl Default for StoreOptions {
    /// Four readers, ten seconds.
    fn default() -> Self {
        Self { readers: 4, busy_timeout: Duration::from_secs(10) }
    }
}

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be made or read.
    #[error("data directory: `{path}`")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The linked SQLite is too old.
    #[error("SQLite {0} can damage the database; link 3.51.3 or newer")]
    OldSqlite(String),
    /// A newer program wrote the database.
    #[error("the database has schema {found}, this program knows {known}; use the newer program")]
    Newer {
        /// Schema of the database.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The state of one installation. Clones are handles to the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    data_dir: PathBuf,
    reader: Pool<Database>,
    writer: Pool<Database>,
    master_key: MasterKey,
    nonces: NonceWriter,
    listing: Arc<RwLock<Listing>>,
    hint: Notify,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("data_dir", &self.inner.data_dir).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a data directory, or makes it (0700) with an empty database and a new master key. Must be called inside a
    /// tokio runtime.
    ///
    /// # Errors
    /// The folder cannot be used, the database is of a newer program or does not open, or the master key is missing,
    /// exposed or another one.
    pub async fn open(data_dir: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        make_folder(data_dir)?;
        // Two processes that make the same database at once would meet errors that no busy timeout covers (switching to
        // the write-ahead log is one), so that opening is done one by one.
        let lock = lock_folder(data_dir).await?;
        // SQLite would make it as the umask says; the write-ahead log takes over the mode of the database.
        private_file(&data_dir.join(DATABASE_FILE))?;
        let connect = SqliteConnectOptions::new()
            .filename(data_dir.join(DATABASE_FILE))
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(options.busy_timeout);
        let mut connection = connect.connect().await.doing("opening the database")?;
        refuse_old_sqlite(&mut connection).await?;
        schema::migrate(&mut connection).await?;
        let master_key = open_master_key(data_dir, &mut connection).await?;
        connection.close().await.doing("opening the database")?;
        drop(lock);

        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.busy_timeout.saturating_mul(3))
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(connect.clone())
            .await
            .doing("opening the database")?;
        let reader = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .acquire_timeout(options.busy_timeout.saturating_mul(3))
            .connect_with(connect.pragma("query_only", "ON"))
            .await
            .doing("opening the database")?;
        let nonces = NonceWriter::start(writer.clone());
        let inner = Inner {
            data_dir: data_dir.to_owned(),
            reader,
            writer,
            master_key,
            nonces,
            listing: Arc::default(),
            hint: Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The folder that was opened.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// Waits for what is being written and closes all connections of all clones. Without it nothing is lost either; the
    /// write-ahead log just stays for the next opening.
    pub async fn close(&self) {
        self.inner.reader.close().await;
        self.inner.writer.close().await;
    }

    /// A connection that reads. One statement sees one state of the database; for several, begin a transaction on it.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Database>, StoreError> {
        self.inner.reader.acquire().await.doing("waiting for a connection")
    }

    /// A transaction that reads: all its statements see the same state.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Database>, StoreError> {
        self.inner.reader.begin().await.doing("waiting for a connection")
    }

    /// A transaction that writes. It holds the write lock from its first moment, so that what it reads stays true until it
    /// commits. Dropped without a commit it changes nothing.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Database>, StoreError> {
        self.inner.writer.begin_with("BEGIN IMMEDIATE").await.doing("waiting to write")
    }

    /// Rows that this handle and its clones have added, changed or removed since it was opened: for measurements.
    ///
    /// # Errors
    /// The database fails.
    pub async fn rows_written(&self) -> Result<u64, StoreError> {
        const DOING: &str = "counting written rows";
        let mut writer = self.inner.writer.acquire().await.doing(DOING)?;
        let row = sqlx::query("SELECT total_changes() AS number")
            .fetch_one(&mut *writer)
            .await
            .doing(DOING)?;
        number(&row, "number")
    }

    /// Gives free pages back and empties the write-ahead log, so that the file is as large as what is in it: for measurements.
    ///
    /// # Errors
    /// The database fails.
    pub async fn shrink(&self) -> Result<(), StoreError> {
        const DOING: &str = "shrinking the database";
        let mut writer = self.inner.writer.acquire().await.doing(DOING)?;
        for sql in ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
            sqlx::raw_sql(sql).execute(&mut *writer).await.doing(DOING)?;
        }
        Ok(())
    }

    pub(crate) fn master_key(&self) -> &MasterKey {
        &self.inner.master_key
    }

    pub(crate) fn nonces(&self) -> &NonceWriter {
        &self.inner.nonces
    }

    /// The list in memory, which may be behind the database.
    pub(crate) fn listing(&self) -> &Arc<RwLock<Listing>> {
        &self.inner.listing
    }

    pub(crate) fn hint(&self) -> &Notify {
        &self.inner.hint
    }
}

fn make_folder(path: &Path) -> Result<(), OpenError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| OpenError::Folder { path: path.to_owned(), source })
}

async fn lock_folder(data_dir: &Path) -> Result<fs::File, OpenError> {
    let path = data_dir.join(LOCK_FILE);
    let file = private_file(&path)?;
    // Waiting for another process blocks a thread, which must not be one that runs futures.
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    match locked {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(source)) => Err(OpenError::Folder { path, source }),
        Err(join) => Err(OpenError::Folder { path, source: io::Error::other(join) }),
    }
}

/// Opens a file, made for its owner alone if it is not there.
fn private_file(path: &Path) -> Result<fs::File, OpenError> {
    fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| OpenError::Folder { path: path.to_owned(), source })
}

async fn refuse_old_sqlite(connection: &mut DatabaseConnection) -> Result<(), OpenError> {
    let row = sqlx::query("SELECT sqlite_version() AS version")
        .fetch_one(connection)
        .await
        .doing("asking SQLite for its version")?;
    let version: String = get(&row, "version")?;
    if is_new_enough(&version) { Ok(()) } else { Err(OpenError::OldSqlite(version)) }
}

fn is_new_enough(version: &str) -> bool {
    let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    parts.is_some_and(|parts| parts.as_slice() >= OLDEST_SQLITE.as_slice())
}

/// Reads or makes the master key and holds it against the check value, which the first opening writes.
async fn open_master_key(
    data_dir: &Path,
    connection: &mut DatabaseConnection,
) -> Result<MasterKey, OpenError> {
    const DOING: &str = "checking the master key";
    const CHECK: Place<'_> = Place { table: "master_key", row: "1", column: "check_value" };
    const PLAIN: &str = "plimsoll";
    let row = sqlx::query("SELECT check_value FROM master_key WHERE id = 1")
        .fetch_optional(&mut *connection)
        .await
        .doing(DOING)?;
    let sealed: Option<Vec<u8>> = row.map(|row| get(&row, "check_value")).transpose()?;
    let key = MasterKey::load(data_dir, sealed.is_none())?;
    match sealed {
        Some(sealed) => {
            let opened = key.open(CHECK, &sealed);
            if opened.is_ok_and(|plain| plain.reveal() == PLAIN) {
                Ok(key)
            } else {
                let path = data_dir.join(crate::master_key::MASTER_KEY_FILE);
                Err(MasterKeyError::Wrong(path).into())
            }
        }
        None => {
            sqlx::query("INSERT INTO master_key (id, check_value) VALUES (1, $1)")
                .bind(key.seal(CHECK, PLAIN)?)
                .execute(connection)
                .await
                .doing(DOING)?;
            Ok(key)
        }
    }
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
