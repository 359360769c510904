//! The schema: numbered SQL files, applied in order, each in its own transaction.
//!
//! In: a database of any earlier version. Out: the current one. Odd: a database that a newer program wrote is refused and
//! left alone; of several processes that start at once, one applies a file and the others find it applied.

use sqlx::{Connection, SqliteConnection};

use crate::{
    OpenError,
    column::number,
    error::{Doing, StoreError},
};

/// All migrations. A file that was released never changes: add the next one.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("../migrations/sqlite/0001_start.sql")),
    (2, include_str!("../migrations/sqlite/0002_inventories.sql")),
    (3, include_str!("../migrations/sqlite/0003_list.sql")),
];

/// Brings the database up to date.
pub(crate) async fn migrate(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    const DOING: &str = "preparing the schema";
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT NOT NULL PRIMARY KEY)",
    )
    .execute(&mut *connection)
    .await
    .doing(DOING)?;
    for (number, sql) in MIGRATIONS {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.doing(DOING)?;
        if applied(&mut transaction).await? < *number {
            sqlx::raw_sql(*sql).execute(&mut *transaction).await.doing(DOING)?;
            sqlx::query("INSERT INTO schema_migrations (number) VALUES ($1)")
                .bind(number)
                .execute(&mut *transaction)
                .await
                .doing(DOING)?;
        }
        transaction.commit().await.doing(DOING)?;
    }
    let known = MIGRATIONS.last().map_or(0, |(number, _)| *number);
    let found = applied(connection).await?;
    if found > known { Err(OpenError::Newer { found, known }) } else { Ok(()) }
}

async fn applied(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT COALESCE(MAX(number), 0) AS number FROM schema_migrations")
        .fetch_one(connection)
        .await
        .doing("reading the schema's version")?;
    number(&row, "number")
}

#[cfg(test)]
mod tests {
    #[test]
    fn migrations_are_numbered_without_gaps() {
        for (index, (number, _)) in super::MIGRATIONS.iter().enumerate() {
            assert_eq!(usize::try_from(*number).unwrap(), index + 1);
        }
    }
}
