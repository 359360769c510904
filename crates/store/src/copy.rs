//! Moving a site to PostgreSQL: every row of every table.
//!
//! In: the store of a data directory, and an empty database of a server. Out: how many rows went over. Odd:
//! * It is one transaction on either side: nobody writes meanwhile, and a copy that is cut short leaves nothing.
//! * Tables and columns are what the databases say they are, so that a new migration needs no line here. Passwords stay
//!   sealed; the data directory keeps its `master.key`, which opens them there too.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    OpenError, PostgresLocation, Store, StoreError, StoreOptions, column,
    database::{Database, DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    schema,
    statement::{self, Bind, QueryBuilder, Value},
};

const DOING: &str = "copying the store";
/// Rows that are read at once: reports can be large.
const ROWS: i64 = 250;
/// Not copied: the target has brought itself to the same state.
const VERSIONS: &str = "schema_migrations";
/// Copied last: the target's triggers write there while the others are copied.
const CHANGES: &str = "list_changes";

/// What was copied: rows by table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Name of a table, and its rows.
    pub tables: Vec<(String, u64)>,
}

impl Copied {
    /// All rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Why a store was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The target does not open.
    #[error("the database to copy to")]
    Open(#[from] OpenError),
    /// The source is a server already.
    #[error("the store is in `{0}`; only one in the data directory can be copied")]
    NotEmbedded(String),
    /// There is something in the target.
    #[error(
        "the database to copy to is not empty: `{table}` has {rows} rows; name an empty database, or another schema with \
         `?options=-csearch_path%3DNAME`"
    )]
    NotEmpty {
        /// The first table with rows.
        table: String,
        /// How many.
        rows: u64,
    },
    /// The counts differ.
    #[error("`{table}` has {source_rows} rows here and {target_rows} there; nothing was copied")]
    Different {
        /// The table.
        table: String,
        /// Rows of the source.
        source_rows: u64,
        /// Rows of the target.
        target_rows: u64,
    },
    /// The databases have other tables or columns.
    #[error("`{0}` is another table here than there; nothing was copied")]
    Shape(String),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Number,
    Text,
    Bytes,
}

/// A table of the source.
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
    /// Places of the columns of its primary key.
    key: Vec<usize>,
    /// Tables that it names rows of.
    needs: BTreeSet<String>,
}

impl Store {
    /// Copies all that this store holds to an empty database. Nobody can write here until it ends.
    ///
    /// # Errors
    /// This store is not in its data directory, the target is not empty or does not open, or a database fails; then the
    /// target stays empty.
    pub async fn copy_to(
        &self,
        target: &PostgresLocation,
        options: &StoreOptions,
    ) -> Result<Copied, CopyError> {
        if let crate::StoreLocation::Postgres(location) = self.location() {
            return Err(CopyError::NotEmbedded(location.to_string()));
        }
        let database =
            Database::open_postgres(target, options.readers, options.busy_timeout).await?;
        let copied = self.copy_into(&database).await;
        database.close().await;
        copied
    }

    async fn copy_into(&self, database: &Database) -> Result<Copied, CopyError> {
        schema::migrate(database).await?;
        let mut source = self.write().await?;
        let mut target = database.write().await?;
        let tables = tables(&mut source, &mut target).await?;
        for table in &tables {
            let rows = count(&mut target, &table.name).await?;
            if rows > 0 {
                return Err(CopyError::NotEmpty { table: table.name.clone(), rows });
            }
        }
        for table in &tables {
            if table.name == CHANGES {
                delete_all(&mut target, CHANGES).await?;
            }
            copy_table(&mut source, &mut target, table).await?;
        }
        let mut copied = Vec::new();
        for table in &tables {
            let source_rows = count(&mut source, &table.name).await?;
            let target_rows = count(&mut target, &table.name).await?;
            if source_rows != target_rows {
                let table = table.name.clone();
                return Err(CopyError::Different { table, source_rows, target_rows });
            }
            copied.push((table.name.clone(), source_rows));
        }
        go_on_numbering(&mut source, &mut target).await?;
        target.commit().await.doing(DOING)?;
        copied.sort();
        Ok(Copied { tables: copied })
    }
}

/// The tables in an order in which none comes before one that it names rows of.
async fn tables(
    source: &mut DatabaseConnection,
    target: &mut DatabaseConnection,
) -> Result<Vec<Table>, CopyError> {
    let mut kinds = target_columns(target).await?;
    let rows = statement::query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY name",
    )
    .fetch_all(source)
    .await
    .doing(DOING)?;
    let mut waiting = Vec::new();
    for row in &rows {
        let name = column::text(row, "name")?;
        let Some(kinds) = kinds.remove(&name) else { return Err(CopyError::Shape(name)) };
        if name != VERSIONS {
            waiting.push(source_table(source, name, kinds).await?);
        }
    }
    if let Some((name, _)) = kinds.into_iter().next() {
        return Err(CopyError::Shape(name));
    }
    let mut ordered: Vec<Table> = Vec::new();
    let mut done: BTreeSet<String> = BTreeSet::new();
    while !waiting.is_empty() {
        let (ready, rest): (Vec<Table>, Vec<Table>) =
            waiting.into_iter().partition(|table| table.needs.is_subset(&done));
        if ready.is_empty() {
            // Tables that name each other: no order would do.
            let stuck = rest.into_iter().next().map(|table| table.name);
            return Err(CopyError::Shape(stuck.unwrap_or_default()));
        }
        done.extend(ready.iter().map(|table| table.name.clone()));
        ordered.extend(ready);
        waiting = rest;
    }
    ordered.sort_by_key(|table| table.name == CHANGES);
    Ok(ordered)
}

/// Columns of the target's tables with what they hold.
async fn target_columns(
    target: &mut DatabaseConnection,
) -> Result<BTreeMap<String, BTreeMap<String, Kind>>, CopyError> {
    let rows = statement::query(
        "SELECT table_name::TEXT AS table_name, column_name::TEXT AS column_name, data_type::TEXT AS data_type \
         FROM information_schema.columns WHERE table_schema = current_schema()",
    )
    .fetch_all(target)
    .await
    .doing(DOING)?;
    let mut tables: BTreeMap<String, BTreeMap<String, Kind>> = BTreeMap::new();
    for row in &rows {
        let table = column::text(row, "table_name")?;
        let kind = match column::text(row, "data_type")?.as_str() {
            "bigint" => Kind::Number,
            "text" => Kind::Text,
            "bytea" => Kind::Bytes,
            _ => return Err(CopyError::Shape(table)),
        };
        tables.entry(table).or_default().insert(column::text(row, "column_name")?, kind);
    }
    Ok(tables)
}

async fn source_table(
    source: &mut DatabaseConnection,
    name: String,
    mut kinds: BTreeMap<String, Kind>,
) -> Result<Table, CopyError> {
    let rows = statement::query("SELECT name, pk FROM pragma_table_info($1) ORDER BY cid")
        .bind(&name)
        .fetch_all(source)
        .await
        .doing(DOING)?;
    let mut columns = Vec::new();
    let mut key: Vec<(i64, usize)> = Vec::new();
    for row in &rows {
        let column = column::text(row, "name")?;
        let Some(kind) = kinds.remove(&column) else { return Err(CopyError::Shape(name)) };
        let place: i64 = column::number(row, "pk")?;
        if place > 0 {
            key.push((place, columns.len()));
        }
        columns.push((column, kind));
    }
    if !kinds.is_empty() || key.is_empty() {
        return Err(CopyError::Shape(name));
    }
    key.sort_unstable();
    let rows =
        statement::query("SELECT DISTINCT \"table\" AS needed FROM pragma_foreign_key_list($1)")
            .bind(&name)
            .fetch_all(source)
            .await
            .doing(DOING)?;
    let needs: Result<BTreeSet<String>, StoreError> =
        rows.iter().map(|row| column::text(row, "needed")).collect();
    let key = key.into_iter().map(|(_, place)| place).collect();
    let needs = needs?.into_iter().filter(|needed| *needed != name).collect();
    Ok(Table { name, columns, key, needs })
}

impl Table {
    fn names(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| quoted(name)).collect();
        names.join(", ")
    }

    fn key_names(&self) -> String {
        let names = self.key.iter().filter_map(|place| self.columns.get(*place));
        names.map(|(name, _)| quoted(name)).collect::<Vec<String>>().join(", ")
    }

    /// A row's values.
    fn values(&self, row: &DatabaseRow) -> Result<Vec<Value>, StoreError> {
        self.columns
            .iter()
            .map(|(name, kind)| {
                Ok(match kind {
                    Kind::Number => column::get::<Option<i64>>(row, name)?.value(),
                    Kind::Text => column::get::<Option<String>>(row, name)?.value(),
                    Kind::Bytes => column::get::<Option<Vec<u8>>>(row, name)?.value(),
                })
            })
            .collect()
    }
}

/// A name within a statement: some are words of SQL too.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn copy_table(
    source: &mut Transaction,
    target: &mut Transaction,
    table: &Table,
) -> Result<(), CopyError> {
    let mut last: Option<Vec<Value>> = None;
    loop {
        let mut sql = QueryBuilder::new("SELECT ");
        sql.push(table.names()).push(" FROM ").push(quoted(&table.name));
        if let Some(last) = last.take() {
            sql.push(" WHERE (").push(table.key_names()).push(") > (");
            let mut listed = sql.separated(", ");
            for value in last {
                listed.push_bind(value);
            }
            sql.push(")");
        }
        sql.push(" ORDER BY ").push(table.key_names()).push(" LIMIT ").push(ROWS);
        let rows = sql.build().fetch_all(source).await.doing(DOING)?;
        let rows: Result<Vec<Vec<Value>>, StoreError> =
            rows.iter().map(|row| table.values(row)).collect();
        let rows = rows?;
        let Some(end) = rows.last() else { return Ok(()) };
        last = Some(table.key.iter().filter_map(|place| end.get(*place).cloned()).collect());
        let mut sql = QueryBuilder::new("INSERT INTO ");
        sql.push(quoted(&table.name)).push(" (").push(table.names()).push(") ");
        sql.push_values(rows, |mut values, row| {
            for value in row {
                values.push_bind(value);
            }
        });
        sql.build().execute(target).await.doing(DOING)?;
    }
}

/// Numbers that were used once are not used again, whether their rows are still there or not.
async fn go_on_numbering(
    source: &mut Transaction,
    target: &mut Transaction,
) -> Result<(), CopyError> {
    let rows = statement::query("SELECT name, seq FROM sqlite_sequence")
        .fetch_all(source)
        .await
        .doing(DOING)?;
    let mut used: BTreeMap<String, i64> = BTreeMap::new();
    for row in &rows {
        used.insert(column::text(row, "name")?, column::number(row, "seq")?);
    }
    let rows = statement::query(
        "SELECT table_name::TEXT AS table_name, column_name::TEXT AS column_name FROM information_schema.columns \
         WHERE table_schema = current_schema() AND is_identity = 'YES'",
    )
    .fetch_all(target)
    .await
    .doing(DOING)?;
    for row in &rows {
        let table = column::text(row, "table_name")?;
        let column = column::text(row, "column_name")?;
        let mut sql = QueryBuilder::new("SELECT COALESCE(MAX(");
        sql.push(quoted(&column)).push("), 0) AS number FROM ").push(quoted(&table));
        let row = sql.build().fetch_one(target).await.doing(DOING)?;
        let greatest: i64 = column::number(&row, "number")?;
        let last = greatest.max(used.get(&table).copied().unwrap_or_default());
        if last > 0 {
            let mut sql = QueryBuilder::new("SELECT setval(pg_get_serial_sequence(");
            sql.push_bind(quoted(&table)).push(", ").push_bind(column).push("), ");
            sql.push_bind(last).push(") AS number");
            sql.build().fetch_one(target).await.doing(DOING)?;
        }
    }
    Ok(())
}

async fn count(connection: &mut DatabaseConnection, table: &str) -> Result<u64, StoreError> {
    let mut sql = QueryBuilder::new("SELECT COUNT(*) AS number FROM ");
    let row = sql.push(quoted(table)).build().fetch_one(connection).await.doing(DOING)?;
    column::number(&row, "number")
}

async fn delete_all(connection: &mut DatabaseConnection, table: &str) -> Result<(), StoreError> {
    let mut sql = QueryBuilder::new("DELETE FROM ");
    sql.push(quoted(table)).build().execute(connection).await.doing(DOING)?;
    Ok(())
}
