//! The database as another program sees it, whichever it is.

use std::{collections::BTreeMap, fs, path::Path};

use plimsoll_store::{StoreLocation, StoreOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use crate::builders::digest;

/// Names a PostgreSQL server: tests run there and not in files.
pub(crate) const URL: &str = "PLIMSOLL_TEST_POSTGRES";

/// Whether this run is on PostgreSQL.
pub(crate) fn on_postgres() -> bool {
    std::env::var_os(URL).is_some()
}

/// How a store with this data directory is opened: on PostgreSQL it has a schema of its own.
pub(crate) async fn options(folder: &Path) -> StoreOptions {
    let Some(url) = schema_url(folder) else { return StoreOptions::default() };
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let sql = format!("CREATE SCHEMA IF NOT EXISTS {}", schema(folder));
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await {
        // Of two at once, one may find that the other was quicker.
        let error = error.to_string();
        assert!(error.contains("already exists") || error.contains("pg_namespace"), "{error}");
    }
    connection.close().await.unwrap();
    let location = StoreLocation::Postgres(url.parse().unwrap());
    StoreOptions { location, ..StoreOptions::default() }
}

fn schema(folder: &Path) -> String {
    let name = digest(&folder.display().to_string()).to_string();
    let hex: String = name.chars().skip("sha256:".len()).take(20).collect();
    format!("test_{hex}")
}

fn schema_url(folder: &Path) -> Option<String> {
    let url = std::env::var_os(URL)?.into_string().unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{separator}options=-csearch_path%3D{}", schema(folder)))
}

async fn sqlite(folder: &Path) -> SqliteConnection {
    let path = folder.join("plimsoll.db");
    SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

async fn postgres(folder: &Path) -> Option<PgConnection> {
    let mut connection = PgConnection::connect(&schema_url(folder)?).await.unwrap();
    // Bytes as they are read, so that a text within shows.
    sqlx::raw_sql("SET bytea_output = 'escape'").execute(&mut connection).await.unwrap();
    Some(connection)
}

/// Runs a statement.
pub(crate) async fn run_sql(folder: &Path, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    match postgres(folder).await {
        Some(mut connection) => {
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        None => {
            let mut connection = sqlite(folder).await;
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// A text that a statement gives.
pub(crate) async fn ask_sql(folder: &Path, sql: &str) -> String {
    let sql = AssertSqlSafe(sql.to_owned());
    match postgres(folder).await {
        Some(mut connection) => sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap(),
        None => sqlx::query_scalar(sql).fetch_one(&mut sqlite(folder).await).await.unwrap(),
    }
}

/// How the database would go about a statement.
pub(crate) async fn plan(folder: &Path, sql: &str) -> Vec<String> {
    match postgres(folder).await {
        Some(mut connection) => {
            // A small table is read whole, whatever its indexes.
            for setting in ["enable_seqscan", "enable_sort"] {
                let sql = AssertSqlSafe(format!("SET {setting} = off"));
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            }
            let sql = AssertSqlSafe(format!("EXPLAIN {sql}"));
            sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
        }
        None => {
            let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let rows = sqlx::query(sql).fetch_all(&mut sqlite(folder).await).await.unwrap();
            rows.iter().map(|row| row.get("detail")).collect()
        }
    }
}

/// All rows of all tables but `except`, as texts.
pub(crate) async fn dump(folder: &Path, except: &[&str]) -> Vec<String> {
    let mut dump = Vec::new();
    if let Some(mut connection) = postgres(folder).await {
        for table in postgres_tables(&mut connection).await {
            if !except.contains(&table.as_str()) {
                let sql = format!("SELECT t::TEXT FROM {table} t ORDER BY t::TEXT COLLATE \"C\"");
                let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                    .fetch_all(&mut connection)
                    .await
                    .unwrap();
                dump.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
            }
        }
        return dump;
    }
    let mut connection = sqlite(folder).await;
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    for table in &tables {
        let table: String = table.get("name");
        if except.contains(&table.as_str()) {
            continue;
        }
        let columns = sqlx::query(AssertSqlSafe(format!("PRAGMA table_info({table})")))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let row: Vec<String> = columns
            .iter()
            .map(|column| format!("quote({})", column.get::<String, _>("name")))
            .collect();
        let sql = format!("SELECT {} AS row FROM {table} ORDER BY 1", row.join(" || ' ' || "));
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap() {
            dump.push(format!("{table}: {}", row.get::<String, _>("row")));
        }
    }
    connection.close().await.unwrap();
    dump
}

async fn postgres_tables(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}

/// What would differ if anything at all had been written: the bytes of the files in the data directory, the write-ahead log
/// among them; and on PostgreSQL each row with its place and the transaction that wrote it.
pub(crate) async fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut bytes = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The shared index is memory of the connections, not data.
        if !name.ends_with("-shm") {
            bytes.insert(name, fs::read(&path).unwrap());
        }
    }
    if let Some(mut connection) = postgres(folder).await {
        for table in postgres_tables(&mut connection).await {
            let sql = format!(
                "SELECT concat(xmin, ' ', ctid, ' ', t::TEXT) FROM {table} t ORDER BY ctid"
            );
            let rows: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            bytes.insert(format!("table {table}"), rows.join("\n").into_bytes());
        }
    }
    bytes
}

/// Another program that writes and does not end.
pub(crate) enum Writer {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Writer {
    pub(crate) async fn begin(folder: &Path) -> Self {
        match postgres(folder).await {
            Some(mut connection) => {
                let sql = "BEGIN; UPDATE registries SET problem = 'x'";
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                Self::Postgres(connection)
            }
            None => {
                let mut connection = sqlite(folder).await;
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                Self::Sqlite(connection)
            }
        }
    }

    pub(crate) async fn end(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}
