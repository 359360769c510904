//! Settings: small named texts such as `rank.scope` and `rank.limit`. What a value means is known by who reads it.

use crate::{
    Store, StoreError, column,
    database::{DatabaseConnection, Transaction},
    error::Doing,
    statement,
};

impl Store {
    /// The value of a setting; `None` when it was never set.
    ///
    /// # Errors
    /// The database fails.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        read(&mut *self.read().await?, name).await
    }

    /// Sets a setting, or removes it with `None`. Writes only a change.
    ///
    /// # Errors
    /// The database fails.
    pub async fn set_setting(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        if self.setting(name).await?.as_deref() == value {
            return Ok(());
        }
        let mut transaction = self.write().await?;
        write(&mut transaction, name, value).await?;
        transaction.commit().await.doing("writing a setting")
    }

    /// All settings by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        let rows = statement::query("SELECT name, value FROM settings ORDER BY name")
            .fetch_all(&mut *self.read().await?)
            .await
            .doing("listing settings")?;
        rows.iter()
            .map(|row| Ok((column::text(row, "name")?, column::text(row, "value")?)))
            .collect()
    }
}

pub(crate) async fn read(
    connection: &mut DatabaseConnection,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let row = statement::query("SELECT value FROM settings WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await
        .doing("reading a setting")?;
    row.map(|row| column::text(&row, "value")).transpose()
}

pub(crate) async fn write(
    transaction: &mut Transaction,
    name: &str,
    value: Option<&str>,
) -> Result<(), StoreError> {
    let query = match value {
        Some(value) => statement::query(
            "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value),
        None => statement::query("DELETE FROM settings WHERE name = $1").bind(name),
    };
    query.execute(transaction).await.doing("writing a setting")?;
    Ok(())
}
