//! Statements: one text and its values, for SQLite and PostgreSQL alike.
//!
//! In: SQL in the dialect that both share, with `$1`, `$2`, …, and values of three kinds: whole numbers, texts, bytes. Out:
//! rows, or how many were touched. Source: `docs/decisions/`, "One layer of our own under the statements".
//!
//! Odd:
//! * A value that may be missing keeps its kind: PostgreSQL wants to know of what type a NULL is.
//! * PostgreSQL's texts cannot hold U+0000, which names in images can. There, U+0000 and U+0001 are written as U+0001 with
//!   `0` or `1` behind, which keeps texts apart and in their order; reading turns it back ([`escaped`], [`unescaped`]).

use std::{borrow::Cow, fmt::Display};

use sqlx::{
    Arguments, Row, SqlSafeStr, SqlStr, ValueRef,
    postgres::{PgArguments, PgRow},
    query_with,
    sqlite::SqliteArguments,
};

use crate::{
    database::{DatabaseConnection, DatabaseRow, Link},
    postgres_text::{Bound, Kind, rewrite},
};

/// A value as statements take it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// What can stand for a `$1`.
pub(crate) trait Bind {
    /// What stands for it when there is none.
    const NULL: Value;
    /// The value itself.
    fn value(self) -> Value;
}

impl Bind for i64 {
    const NULL: Value = Value::Number(None);
    fn value(self) -> Value {
        Value::Number(Some(self))
    }
}

impl Bind for String {
    const NULL: Value = Value::Text(None);
    fn value(self) -> Value {
        Value::Text(Some(self))
    }
}

impl Bind for &str {
    const NULL: Value = Value::Text(None);
    fn value(self) -> Value {
        Value::Text(Some(self.to_owned()))
    }
}

impl Bind for Vec<u8> {
    const NULL: Value = Value::Bytes(None);
    fn value(self) -> Value {
        Value::Bytes(Some(self))
    }
}

impl Bind for &[u8] {
    const NULL: Value = Value::Bytes(None);
    fn value(self) -> Value {
        Value::Bytes(Some(self.to_vec()))
    }
}

impl Bind for Value {
    const NULL: Self = Self::Text(None);
    fn value(self) -> Self {
        self
    }
}

impl<T: Bind> Bind for Option<T> {
    const NULL: Value = T::NULL;
    fn value(self) -> Value {
        self.map_or(T::NULL, T::value)
    }
}

impl<T: Bind + Clone> Bind for &T {
    const NULL: Value = T::NULL;
    fn value(self) -> Value {
        self.clone().value()
    }
}

/// A statement with its values.
#[must_use]
pub(crate) struct Query {
    sql: SqlStr,
    /// Where a `?` of a [`QueryBuilder`] stands: the n-th takes the n-th value.
    places: Vec<usize>,
    values: Vec<Value>,
    persistent: bool,
}

/// Begins a statement; its text is prepared once a connection.
pub(crate) fn query(sql: impl SqlSafeStr) -> Query {
    Query { sql: sql.into_sql_str(), places: Vec::new(), values: Vec::new(), persistent: true }
}

impl Query {
    /// The value of the next `$N`.
    pub(crate) fn bind(mut self, value: impl Bind) -> Self {
        self.values.push(value.value());
        self
    }

    /// Whether the connection keeps it prepared; not worth it for a text that hardly comes again.
    pub(crate) const fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }

    /// Text, values, and whether to keep it prepared.
    fn for_postgres(self) -> Result<(SqlStr, PgArguments, bool), sqlx::Error> {
        if self.places.is_empty() {
            let bound = self.values.into_iter().map(Bound::One).collect();
            return Ok((self.sql, postgres_arguments(bound)?, self.persistent));
        }
        let rewritten = rewrite(self.sql.as_str(), &self.places, self.values);
        let arguments = postgres_arguments(rewritten.bound)?;
        let sql = sqlx::AssertSqlSafe(rewritten.sql).into_sql_str();
        Ok((sql, arguments, self.persistent || rewritten.has_arrays))
    }

    /// Runs it; how many rows it touched.
    pub(crate) async fn execute(
        self,
        connection: &mut DatabaseConnection,
    ) -> Result<Done, sqlx::Error> {
        let persistent = self.persistent;
        let rows_affected = match connection.link() {
            Link::Sqlite(link) => {
                let values = sqlite_arguments(self.values)?;
                query_with(self.sql, values)
                    .persistent(persistent)
                    .execute(link)
                    .await?
                    .rows_affected()
            }
            Link::Postgres(link) => {
                let (sql, values, persistent) = self.for_postgres()?;
                query_with(sql, values).persistent(persistent).execute(link).await?.rows_affected()
            }
        };
        Ok(Done { rows_affected })
    }

    /// All rows.
    pub(crate) async fn fetch_all(
        self,
        connection: &mut DatabaseConnection,
    ) -> Result<Vec<DatabaseRow>, sqlx::Error> {
        let persistent = self.persistent;
        Ok(match connection.link() {
            Link::Sqlite(link) => {
                let values = sqlite_arguments(self.values)?;
                let query = query_with(self.sql, values).persistent(persistent);
                query.fetch_all(link).await?.into_iter().map(DatabaseRow::Sqlite).collect()
            }
            Link::Postgres(link) => {
                let (sql, values, persistent) = self.for_postgres()?;
                let query = query_with(sql, values).persistent(persistent);
                query.fetch_all(link).await?.into_iter().map(DatabaseRow::Postgres).collect()
            }
        })
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional(
        self,
        connection: &mut DatabaseConnection,
    ) -> Result<Option<DatabaseRow>, sqlx::Error> {
        let persistent = self.persistent;
        Ok(match connection.link() {
            Link::Sqlite(link) => {
                let values = sqlite_arguments(self.values)?;
                let query = query_with(self.sql, values).persistent(persistent);
                query.fetch_optional(link).await?.map(DatabaseRow::Sqlite)
            }
            Link::Postgres(link) => {
                let (sql, values, persistent) = self.for_postgres()?;
                let query = query_with(sql, values).persistent(persistent);
                query.fetch_optional(link).await?.map(DatabaseRow::Postgres)
            }
        })
    }

    /// The first row.
    pub(crate) async fn fetch_one(
        self,
        connection: &mut DatabaseConnection,
    ) -> Result<DatabaseRow, sqlx::Error> {
        self.fetch_optional(connection).await?.ok_or(sqlx::Error::RowNotFound)
    }
}

/// How a statement ended that gives no rows.
pub(crate) struct Done {
    rows_affected: u64,
}

impl Done {
    /// Rows that were added, changed or removed.
    pub(crate) const fn rows_affected(&self) -> u64 {
        self.rows_affected
    }
}

fn sqlite_arguments(values: Vec<Value>) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Number(number) => Arguments::add(&mut arguments, number),
            Value::Text(text) => Arguments::add(&mut arguments, text),
            Value::Bytes(bytes) => Arguments::add(&mut arguments, bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(bound: Vec<Bound>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    arguments.reserve(bound.len(), bound.len().saturating_mul(16));
    for bound in bound {
        match bound {
            Bound::One(Value::Number(number)) => Arguments::add(&mut arguments, number),
            Bound::One(Value::Text(text)) => {
                Arguments::add(&mut arguments, text.as_deref().map(escaped).as_deref())
            }
            Bound::One(Value::Bytes(bytes)) => Arguments::add(&mut arguments, bytes),
            Bound::Many(Kind::Number, values) => {
                let numbers: Vec<Option<i64>> = values.into_iter().map(Value::number).collect();
                Arguments::add(&mut arguments, numbers)
            }
            Bound::Many(Kind::Text, values) => {
                let texts: Vec<Option<String>> = values
                    .into_iter()
                    .map(|value| value.text().map(|text| escaped(&text).into_owned()))
                    .collect();
                Arguments::add(&mut arguments, texts)
            }
            Bound::Many(Kind::Bytes, values) => {
                let bytes: Vec<Option<Vec<u8>>> = values.into_iter().map(Value::bytes).collect();
                Arguments::add(&mut arguments, bytes)
            }
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl Value {
    fn number(self) -> Option<i64> {
        if let Self::Number(number) = self { number } else { None }
    }

    fn text(self) -> Option<String> {
        if let Self::Text(text) = self { text } else { None }
    }

    fn bytes(self) -> Option<Vec<u8>> {
        if let Self::Bytes(bytes) = self { bytes } else { None }
    }
}

/// A text as PostgreSQL can hold it.
fn escaped(text: &str) -> Cow<'_, str> {
    if memchr::memchr2(0, 1, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\u{1}', "\u{1}1").replace('\0', "\u{1}0"))
}

/// What [`escaped`] escaped.
fn unescaped(text: String) -> String {
    if memchr::memchr(1, text.as_bytes()).is_none() {
        return text;
    }
    let mut parts = text.split('\u{1}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let zero = part.starts_with('0');
        plain.push(if zero { '\0' } else { '\u{1}' });
        plain.push_str(part.get(1..).unwrap_or_default());
    }
    plain
}

/// What a column can be read as.
pub(crate) trait Column<'r>: Sized {
    fn read(row: &'r DatabaseRow, column: &str) -> Result<Self, sqlx::Error>;
}

impl Column<'_> for i64 {
    fn read(row: &DatabaseRow, column: &str) -> Result<Self, sqlx::Error> {
        match row {
            DatabaseRow::Sqlite(row) => row.try_get(column),
            DatabaseRow::Postgres(row) => match postgres_number(row, column)? {
                Some(number) => Ok(number),
                None => row.try_get(column),
            },
        }
    }
}

impl Column<'_> for Option<i64> {
    fn read(row: &DatabaseRow, column: &str) -> Result<Self, sqlx::Error> {
        match row {
            DatabaseRow::Sqlite(row) => row.try_get(column),
            DatabaseRow::Postgres(row) => postgres_number(row, column),
        }
    }
}

/// A number of any width; a condition is 0 or 1, as in SQLite; and `NULL` where the statement gives it no type.
fn postgres_number(row: &PgRow, column: &str) -> Result<Option<i64>, sqlx::Error> {
    match row.try_get(column) {
        Err(sqlx::Error::ColumnDecode { .. }) => {}
        other => return other,
    }
    if row.try_get_raw(column)?.is_null() {
        return Ok(None);
    }
    if let Ok(number) = row.try_get::<Option<i32>, _>(column) {
        return Ok(number.map(i64::from));
    }
    row.try_get::<Option<bool>, _>(column).map(|condition| condition.map(i64::from))
}

impl Column<'_> for String {
    fn read(row: &DatabaseRow, column: &str) -> Result<Self, sqlx::Error> {
        match row {
            DatabaseRow::Sqlite(row) => row.try_get(column),
            DatabaseRow::Postgres(row) => row.try_get(column).map(unescaped),
        }
    }
}

impl Column<'_> for Option<String> {
    fn read(row: &DatabaseRow, column: &str) -> Result<Self, sqlx::Error> {
        match row {
            DatabaseRow::Sqlite(row) => row.try_get(column),
            DatabaseRow::Postgres(row) => {
                row.try_get::<Self, _>(column).map(|text| text.map(unescaped))
            }
        }
    }
}

macro_rules! read_as_it_is {
    ($($type:ty),*) => {$(
        impl<'r> Column<'r> for $type {
            fn read(row: &'r DatabaseRow, column: &str) -> Result<Self, sqlx::Error> {
                match row {
                    DatabaseRow::Sqlite(row) => row.try_get(column),
                    DatabaseRow::Postgres(row) => row.try_get(column),
                }
            }
        }
    )*};
}
read_as_it_is!(Vec<u8>, Option<Vec<u8>>, &'r [u8], Option<&'r [u8]>);

/// Puts a statement together whose length depends on its values. Its values are counted, not numbered: SQLite looks a number
/// up among all others of the statement, so that a thousand of them cost a million comparisons.
pub(crate) struct QueryBuilder {
    sql: String,
    places: Vec<usize>,
    values: Vec<Value>,
}

impl QueryBuilder {
    /// Begins with a text, in which no `$N` stands.
    pub(crate) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), places: Vec::new(), values: Vec::new() }
    }

    /// Adds text. Never anything that comes from outside: that is bound.
    pub(crate) fn push(&mut self, sql: impl Display) -> &mut Self {
        self.sql.push_str(&sql.to_string());
        self
    }

    /// Adds a value.
    pub(crate) fn push_bind(&mut self, value: impl Bind) -> &mut Self {
        self.values.push(value.value());
        self.places.push(self.sql.len());
        self.sql.push('?');
        self
    }

    /// For a list with something between its members.
    pub(crate) const fn separated(&mut self, between: &'static str) -> Separated<'_> {
        Separated { builder: self, between, first: true }
    }

    /// `VALUES (…), (…)`, one for each item, as `push` adds its values.
    pub(crate) fn push_values<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut push: impl FnMut(Separated<'_>, T),
    ) -> &mut Self {
        self.sql.push_str("VALUES ");
        for (number, item) in items.into_iter().enumerate() {
            self.sql.push_str(if number == 0 { "(" } else { ", (" });
            push(self.separated(", "), item);
            self.sql.push(')');
        }
        self
    }

    /// The statement; nothing stays here.
    pub(crate) fn build(&mut self) -> Query {
        let sql = sqlx::AssertSqlSafe(std::mem::take(&mut self.sql));
        Query {
            sql: sql.into_sql_str(),
            places: std::mem::take(&mut self.places),
            values: std::mem::take(&mut self.values),
            persistent: true,
        }
    }
}

/// A list within a statement.
pub(crate) struct Separated<'b> {
    builder: &'b mut QueryBuilder,
    between: &'static str,
    first: bool,
}

impl Separated<'_> {
    /// Adds a member that is bound.
    pub(crate) fn push_bind(&mut self, value: impl Bind) -> &mut Self {
        self.next();
        self.builder.push_bind(value);
        self
    }

    fn next(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.builder.sql.push_str(self.between);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_counted() {
        let mut builder = QueryBuilder::new("INSERT INTO t (a, b) ");
        builder.push_values([("x", 1_i64), ("y", 2)], |mut values, (text, number)| {
            values.push_bind(text).push_bind(number);
        });
        builder.push(" RETURNING ").push_bind(None::<Vec<u8>>);
        let query = builder.build();
        assert_eq!(query.sql.as_str(), "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) RETURNING ?");
        let text = |text: &str| Value::Text(Some(text.to_owned()));
        let number = |number| Value::Number(Some(number));
        assert_eq!(query.values, [text("x"), number(1), text("y"), number(2), Value::Bytes(None)]);
    }

    proptest! {
        #[test]
        fn escaped_texts_come_back_and_keep_their_order(
            one in "[\0\u{1}\u{2}01a]{0,8}",
            other in "[\0\u{1}\u{2}01a]{0,8}",
        ) {
            prop_assert!(!escaped(&one).contains('\0'));
            prop_assert_eq!(&unescaped(escaped(&one).into_owned()), &one);
            prop_assert_eq!(escaped(&one).cmp(&escaped(&other)), one.cmp(&other));
        }
    }
}
