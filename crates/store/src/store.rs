//! Opening the data directory, and the database that belongs to it.
//!
//! In: a folder, made if need be, and where the database is. Out: [`Store`], a handle that clones cheaply. Odd: the folder
//! holds `master.key` wherever the database is, so that whoever has one of both cannot read secrets.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use plimsoll_model::Timestamp;
use tokio::sync::{Notify, RwLock};

use crate::{
    LEASE_SECONDS, MasterKeyError, StoreError, StoreLocation,
    column::get,
    database::{Database, Reader, Transaction},
    error::Doing,
    listing::Listing,
    master_key::{MasterKey, MasterKeySource, Place},
    nonces::NonceWriter,
    risk_list::KnownPages,
    schema, statement,
    vulnerabilities::VulnerabilityIndex,
};

/// Name of the database in the data directory.
pub(crate) const DATABASE_FILE: &str = "plimsoll.db";
/// Held while the database is made or brought up to date.
const LOCK_FILE: &str = "open.lock";

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Where the database is.
    pub location: StoreLocation,
    /// Connections that read.
    pub readers: u32,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
    /// How long a claim lasts unless it is extended, in whole seconds, at least [`SHORTEST_LEASE`]. Longer: what a dead worker had
    /// waits longer; shorter: more is written.
    pub lease: Duration,
    /// Where the master key comes from.
    pub master_key: MasterKeySource,
}

/// Times are whole seconds, so that a lease of one might last for none.
pub const SHORTEST_LEASE: Duration = Duration::from_secs(2);

impl Default for StoreOptions {
    /// Embedded, four readers, ten seconds, leases of a minute.
    fn default() -> Self {
        Self {
            location: StoreLocation::Embedded,
            readers: 4,
            busy_timeout: Duration::from_secs(10),
            lease: Duration::from_secs(LEASE_SECONDS.unsigned_abs()),
            master_key: MasterKeySource::DataDirectory,
        }
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
    /// The server is too old.
    #[error("PostgreSQL {found} is older than 14, the oldest that is supported")]
    OldPostgres {
        /// Its version.
        found: i64,
    },
    /// The database cannot hold every text.
    #[error("the database's encoding is {0}; make one with ENCODING 'UTF8' (TEMPLATE template0)")]
    Encoding(String),
    /// No schema to make tables in.
    #[error("no schema of the database's search_path is there; make one with CREATE SCHEMA")]
    NoSchema,
    /// A newer program wrote the database.
    #[error("the database has schema {found}, this program knows {known}; use the newer program")]
    Newer {
        /// Schema of the database.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// An older program wrote the database, and who opens it may not change it.
    #[error(
        "the database has schema {found}, this program reads {known}; start `plimsoll serve` of this version first, which \
         brings it up to date"
    )]
    Older {
        /// Schema of the database.
        found: i64,
        /// The schema that this program reads.
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
    location: StoreLocation,
    database: Database,
    master_key: MasterKey,
    nonces: NonceWriter,
    listing: Arc<RwLock<Listing>>,
    vulnerabilities: Arc<RwLock<VulnerabilityIndex>>,
    known_pages: KnownPages,
    hint: Notify,
    lease: Duration,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("data_dir", &self.inner.data_dir).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a data directory, or makes it (0700) with a new master key; and its database, made there or brought up to date.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The folder cannot be used, the database is of a newer program or does not open, or the master key is missing,
    /// exposed or another one.
    pub async fn open(data_dir: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        make_folder(data_dir)?;
        // Two processes that make the same database at once would meet errors that no busy timeout covers (switching to
        // the write-ahead log is one), so that opening is done one by one.
        let lock = lock_folder(data_dir).await?;
        if matches!(options.location, StoreLocation::Embedded) {
            // SQLite would make it as the umask says; the write-ahead log takes over the mode of the database.
            private_file(&data_dir.join(DATABASE_FILE))?;
        }
        let database = open_database(data_dir, &options).await?;
        schema::migrate(&database).await?;
        let master_key = open_master_key(data_dir, &options.master_key, &database).await?;
        drop(lock);
        Ok(Self::of(data_dir, options, database, master_key))
    }

    /// Opens a database that is there and up to date, to read what needs no secret: it makes nothing and changes nothing, and
    /// needs neither the master key nor, for a database on a server, a data directory. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// There is none, it does not open, or it is of another version of the program.
    pub async fn open_to_read(data_dir: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        let database = open_database(data_dir, &options).await?;
        schema::refuse_other(&database).await?;
        Ok(Self::of(data_dir, options, database, MasterKey::of_nothing()?))
    }

    fn of(
        data_dir: &Path,
        options: StoreOptions,
        database: Database,
        master_key: MasterKey,
    ) -> Self {
        let nonces = NonceWriter::start(database.clone());
        let inner = Inner {
            data_dir: data_dir.to_owned(),
            location: options.location,
            database,
            master_key,
            nonces,
            listing: Arc::default(),
            vulnerabilities: Arc::default(),
            known_pages: KnownPages::default(),
            hint: Notify::new(),
            lease: options.lease.max(SHORTEST_LEASE),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The folder that was opened.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// Where its database is.
    #[must_use]
    pub fn location(&self) -> &StoreLocation {
        &self.inner.location
    }

    /// Waits for what is being written and closes all connections of all clones. Without it nothing is lost either; SQLite's
    /// write-ahead log just stays for the next opening.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// How long a claim lasts unless it is extended.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.inner.lease
    }

    /// When a claim of `now` ends.
    pub(crate) fn lease_from(&self, now: Timestamp) -> Timestamp {
        let seconds = i64::try_from(self.inner.lease.as_secs()).unwrap_or(i64::MAX);
        Timestamp(now.0.saturating_add(seconds))
    }

    /// What time it is for the database, if it is on a server: all processes that share it, on whatever machine, agree on that.
    ///
    /// # Errors
    /// The database fails.
    pub async fn database_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.database.time().await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn is_there(&self) -> Result<(), StoreError> {
        statement::query("SELECT 1 FROM master_key")
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing("asking whether the database is there")?;
        Ok(())
    }

    /// A connection that reads. One statement sees one state of the database; for several, [`Store::snapshot`].
    pub(crate) async fn read(&self) -> Result<Reader, StoreError> {
        self.inner.database.read().await
    }

    /// A transaction that reads: all its statements see the same state.
    pub(crate) async fn snapshot(&self) -> Result<Transaction, StoreError> {
        self.inner.database.snapshot().await
    }

    /// A transaction that writes, while no other one does: what it reads stays true until it commits. Dropped without a
    /// commit it changes nothing.
    pub(crate) async fn write(&self) -> Result<Transaction, StoreError> {
        self.inner.database.write().await
    }

    /// Rows that this handle and its clones have added, changed or removed since it was opened; on PostgreSQL those of all
    /// processes ever, a second late: for measurements.
    ///
    /// # Errors
    /// The database fails.
    pub async fn rows_written(&self) -> Result<u64, StoreError> {
        self.inner.database.rows_written().await
    }

    /// Bytes that the database takes on disk: for measurements.
    ///
    /// # Errors
    /// The database fails.
    pub async fn size(&self) -> Result<u64, StoreError> {
        self.inner.database.size().await
    }

    /// Gives free pages back, so that files are as large as what is in them: for measurements.
    ///
    /// # Errors
    /// The database fails.
    pub async fn shrink(&self) -> Result<(), StoreError> {
        self.inner.database.shrink().await
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

    /// Which images have which vulnerabilities, in memory, which may be behind the database.
    pub(crate) fn vulnerability_index(&self) -> &Arc<RwLock<VulnerabilityIndex>> {
        &self.inner.vulnerabilities
    }

    /// Pages of the list that were asked for lately.
    pub(crate) fn known_pages(&self) -> &KnownPages {
        &self.inner.known_pages
    }

    pub(crate) fn hint(&self) -> &Notify {
        &self.inner.hint
    }
}

async fn open_database(data_dir: &Path, options: &StoreOptions) -> Result<Database, OpenError> {
    let (readers, busy_timeout) = (options.readers, options.busy_timeout);
    match &options.location {
        StoreLocation::Embedded => {
            Database::open_sqlite(&data_dir.join(DATABASE_FILE), readers, busy_timeout).await
        }
        StoreLocation::Postgres(location) => {
            Database::open_postgres(location, readers, busy_timeout).await
        }
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

/// Reads or makes the master key and holds it against the check value, which the first opening writes.
async fn open_master_key(
    data_dir: &Path,
    source: &MasterKeySource,
    database: &Database,
) -> Result<MasterKey, OpenError> {
    const DOING: &str = "checking the master key";
    const CHECK: Place<'_> = Place { table: "master_key", row: "1", column: "check_value" };
    const PLAIN: &str = "plimsoll";
    // Writing from its first moment: two processes with a data directory each could make a key for one database.
    let mut transaction = database.write().await?;
    let row = statement::query("SELECT check_value FROM master_key WHERE id = 1")
        .fetch_optional(&mut transaction)
        .await
        .doing(DOING)?;
    let sealed: Option<Vec<u8>> = row.map(|row| get(&row, "check_value")).transpose()?;
    let key = MasterKey::read(source, data_dir, sealed.is_none())?;
    match sealed {
        Some(sealed) => {
            let opened = key.open(CHECK, &sealed);
            if opened.is_ok_and(|plain| plain.reveal() == PLAIN) {
                Ok(key)
            } else {
                Err(MasterKeyError::Wrong(source.named(data_dir)).into())
            }
        }
        None => {
            statement::query("INSERT INTO master_key (id, check_value) VALUES (1, $1)")
                .bind(key.seal(CHECK, PLAIN)?)
                .execute(&mut transaction)
                .await
                .doing(DOING)?;
            transaction.commit().await.doing(DOING)?;
            Ok(key)
        }
    }
}
