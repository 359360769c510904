//! The schema: numbered SQL files, applied in order, each in its own transaction.
//!
//! In: a database of any earlier version. Out: the current one. Odd: a database that a newer program wrote is refused and
//! left alone; of several processes that start at once, one applies a file and the others find it applied.

use crate::{
    OpenError,
    column::number,
    database::{Database, DatabaseConnection},
    error::{Doing, StoreError},
    inventory_rows, statement,
};

/// One step, as each database spells it.
struct Migration {
    number: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($number:literal $file:literal)*) => {
        &[$(Migration {
            number: $number,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../migrations/postgres/", $file)),
        }),*]
    };
}

/// All migrations. A file that was released never changes: add the next one, for both databases.
const MIGRATIONS: &[Migration] = migrations![
    1 "0001_start.sql"
    2 "0002_inventories.sql"
    3 "0003_list.sql"
    4 "0004_notifications.sql"
    5 "0005_ignore.sql"
    6 "0006_event_rules.sql"
    7 "0007_vulnerabilities.sql"
    8 "0008_image_history.sql"
    9 "0009_items.sql"
    10 "0010_file_findings.sql"
    11 "0011_contexts.sql"
    12 "0012_verdicts.sql"
    13 "0013_registry_kinds.sql"
    14 "0014_orders.sql"
    15 "0015_tasks.sql"
    16 "0016_push.sql"
    17 "0017_clusters.sql"
    18 "0018_tenants.sql"
];

/// Brings the database up to date.
pub(crate) async fn migrate(database: &Database) -> Result<(), OpenError> {
    const DOING: &str = "preparing the schema";
    let mut transaction = database.write().await?;
    statement::query(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT NOT NULL PRIMARY KEY)",
    )
    .persistent(false)
    .execute(&mut transaction)
    .await
    .doing(DOING)?;
    transaction.commit().await.doing(DOING)?;
    for migration in MIGRATIONS {
        let mut transaction = database.write().await?;
        if applied(&mut transaction).await? < migration.number {
            let sql = match database {
                Database::Sqlite { .. } => migration.sqlite,
                Database::Postgres { .. } => migration.postgres,
            };
            transaction.run(sql).await.doing(DOING)?;
            statement::query("INSERT INTO schema_migrations (number) VALUES ($1)")
                .bind(migration.number)
                .execute(&mut transaction)
                .await
                .doing(DOING)?;
        }
        transaction.commit().await.doing(DOING)?;
    }
    let mut transaction = database.write().await?;
    inventory_rows::fill_in_remainders(&mut transaction).await?;
    transaction.commit().await.doing(DOING)?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.number);
    let found = applied(&mut *database.read().await?).await?;
    if found > known { Err(OpenError::Newer { found, known }) } else { Ok(()) }
}

/// Refuses a database that is not of this program's schema, and changes nothing.
pub(crate) async fn refuse_other(database: &Database) -> Result<(), OpenError> {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.number);
    match applied(&mut *database.read().await?).await? {
        found if found > known => Err(OpenError::Newer { found, known }),
        found if found < known => Err(OpenError::Older { found, known }),
        _ => Ok(()),
    }
}

async fn applied(connection: &mut DatabaseConnection) -> Result<i64, StoreError> {
    let row = statement::query("SELECT COALESCE(MAX(number), 0) AS number FROM schema_migrations")
        .persistent(false)
        .fetch_one(connection)
        .await
        .doing("reading the schema's version")?;
    number(&row, "number")
}

#[cfg(test)]
mod tests {
    #[test]
    fn migrations_are_numbered_without_gaps() {
        for (index, migration) in super::MIGRATIONS.iter().enumerate() {
            assert_eq!(usize::try_from(migration.number).unwrap(), index + 1);
        }
    }
}
