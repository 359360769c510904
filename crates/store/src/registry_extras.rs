//! What the API says of a registry besides its settings: what it is called there, versions, networks, retention.
//!
//! In: what a client of the API sent. Out: the same again. Odd: a registry of which nothing was ever said has
//! [`RegistryExtras::default`] and no row; tokens of namespaces are sealed as passwords are, and only
//! [`Store::registry_extras`] opens them.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Secret, Timestamp};

use crate::{
    Store, StoreError, artifacts, column,
    database::{DatabaseRow, Transaction},
    error::Doing,
    inventory_rows,
    listing::push_in,
    master_key::Place,
    own_counters,
    statement::{self, QueryBuilder},
};

/// What is said of a registry besides its settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistryExtras {
    /// What the API calls it; empty: its name.
    pub title: String,
    /// `V1`, `V2`, or `-`: not said.
    pub version: String,
    /// Its address, as it was said; connections go to its name.
    pub host_ip: String,
    /// The private network that it is in, as it was said.
    pub vpc_id: String,
    /// Days until an image that a build reported is forgotten; 0: never.
    pub kept_days: u32,
    /// Addresses and networks from which builds may report, separated by commas; empty: all.
    pub white_list: String,
    /// Tokens by namespace, for registries that give one to each; empty in listings.
    pub namespace_tokens: BTreeMap<String, Secret<String>>,
}

impl Default for RegistryExtras {
    fn default() -> Self {
        Self {
            title: String::new(),
            version: "-".to_owned(),
            host_ip: String::new(),
            vpc_id: String::new(),
            kept_days: 0,
            white_list: String::new(),
            namespace_tokens: BTreeMap::new(),
        }
    }
}

const READING: &str = "reading what is said of a registry";
const WRITING: &str = "writing what is said of a registry";
/// Images that are removed with one statement.
const ROWS: usize = 500;

const fn tokens_place(row: &str) -> Place<'_> {
    Place { table: "registry_extras", row, column: "namespace_tokens" }
}

impl RegistryExtras {
    /// Reads a row without the tokens.
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            title: column::text(row, "title")?,
            version: column::text(row, "version")?,
            host_ip: column::text(row, "host_ip")?,
            vpc_id: column::text(row, "vpc_id")?,
            kept_days: column::number(row, "kept_days")?,
            white_list: column::text(row, "white_list")?,
            namespace_tokens: BTreeMap::new(),
        })
    }
}

impl Store {
    /// What is said of one registry, tokens included.
    ///
    /// # Errors
    /// The database fails, or the tokens do not decrypt.
    pub async fn registry_extras(&self, registry_id: i64) -> Result<RegistryExtras, StoreError> {
        let row = statement::query("SELECT * FROM registry_extras WHERE registry_id = $1")
            .bind(registry_id)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing(READING)?;
        let Some(row) = row else { return Ok(RegistryExtras::default()) };
        let mut extras = RegistryExtras::from_row(&row)?;
        if let Some(sealed) = column::get::<Option<Vec<u8>>>(&row, "namespace_tokens")? {
            let id = registry_id.to_string();
            let text = self.master_key().open(tokens_place(&id), &sealed)?;
            let tokens: BTreeMap<String, String> =
                serde_json::from_str(text.reveal()).map_err(|source| StoreError::Database {
                    doing: READING,
                    source: Box::new(source),
                    transient: false,
                })?;
            extras.namespace_tokens =
                tokens.into_iter().map(|(name, token)| (name, Secret::new(token))).collect();
        }
        Ok(extras)
    }

    /// What is said of all registries, by their numbers, without tokens. One of which nothing is said is not there.
    ///
    /// # Errors
    /// The database fails.
    pub async fn all_registry_extras(&self) -> Result<BTreeMap<i64, RegistryExtras>, StoreError> {
        let rows = statement::query("SELECT * FROM registry_extras")
            .fetch_all(&mut *self.read().await?)
            .await
            .doing(READING)?;
        rows.iter()
            .map(|row| Ok((column::number(row, "registry_id")?, RegistryExtras::from_row(row)?)))
            .collect()
    }

    /// Says it of a registry, tokens included. Whether there is such a registry.
    ///
    /// # Errors
    /// The database fails.
    pub async fn set_registry_extras(
        &self,
        registry_id: i64,
        extras: &RegistryExtras,
    ) -> Result<bool, StoreError> {
        let sealed = self.sealed_tokens(registry_id, extras)?;
        let mut transaction = self.write().await?;
        let known = statement::query("SELECT 1 FROM registries WHERE id = $1")
            .bind(registry_id)
            .fetch_optional(&mut transaction)
            .await
            .doing(WRITING)?;
        if known.is_none() {
            return Ok(false);
        }
        statement::query(
            "INSERT INTO registry_extras (registry_id, title, version, host_ip, vpc_id, kept_days, white_list, \
             namespace_tokens) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (registry_id) DO UPDATE SET title = excluded.title, version = excluded.version, \
             host_ip = excluded.host_ip, vpc_id = excluded.vpc_id, kept_days = excluded.kept_days, \
             white_list = excluded.white_list, \
             namespace_tokens = excluded.namespace_tokens",
        )
        .bind(registry_id)
        .bind(&extras.title)
        .bind(&extras.version)
        .bind(&extras.host_ip)
        .bind(&extras.vpc_id)
        .bind(i64::from(extras.kept_days))
        .bind(&extras.white_list)
        .bind(sealed)
        .execute(&mut transaction)
        .await
        .doing(WRITING)?;
        transaction.commit().await.doing(WRITING)?;
        Ok(true)
    }

    fn sealed_tokens(
        &self,
        registry_id: i64,
        extras: &RegistryExtras,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if extras.namespace_tokens.is_empty() {
            return Ok(None);
        }
        let tokens: serde_json::Map<String, serde_json::Value> = extras
            .namespace_tokens
            .iter()
            .map(|(name, token)| (name.clone(), token.reveal().clone().into()))
            .collect();
        let text = serde_json::Value::Object(tokens).to_string();
        let id = registry_id.to_string();
        self.master_key().seal(tokens_place(&id), &text).map(Some)
    }

    /// How many images each registry has, by its number. One without images is not there.
    ///
    /// # Errors
    /// The database fails.
    pub async fn registry_image_counts(&self) -> Result<BTreeMap<i64, u64>, StoreError> {
        let rows = statement::query(
            "SELECT registry_id, COUNT(*) AS number FROM images GROUP BY registry_id",
        )
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("counting registries' images")?;
        rows.iter()
            .map(|row| Ok((column::number(row, "registry_id")?, column::number(row, "number")?)))
            .collect()
    }

    /// Removes images that their registry keeps no longer: that no build reported, or no registry moved, for so long. Returns how
    /// many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn remove_outdated_images(&self, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "removing outdated images";
        // What a build says of an image's age is not when it reported it.
        const OUTDATED: &str = "SELECT i.id FROM images i JOIN registry_extras x ON x.registry_id = i.registry_id \
             LEFT JOIN image_builds b ON b.image_id = i.id WHERE x.kept_days > 0 \
             AND COALESCE(b.reported, i.updated) < $1 - x.kept_days * 86400 ORDER BY i.id LIMIT $2";
        let limit = i64::try_from(ROWS).unwrap_or(i64::MAX);
        let look = || statement::query(OUTDATED).bind(now.0).bind(limit);
        let mut removed = 0;
        while look().fetch_optional(&mut *self.read().await?).await.doing(DOING)?.is_some() {
            let mut transaction = self.write().await?;
            let rows = look().fetch_all(&mut transaction).await.doing(DOING)?;
            let images: Vec<i64> = rows
                .iter()
                .map(|row| column::number(row, "id"))
                .collect::<Result<_, StoreError>>()?;
            removed += remove_images(&mut transaction, &images, now).await?;
            transaction.commit().await.doing(DOING)?;
        }
        Ok(removed)
    }
}

async fn remove_images(
    transaction: &mut Transaction,
    images: &[i64],
    now: Timestamp,
) -> Result<u64, StoreError> {
    own_counters::note_last_use(transaction, images, now).await?;
    let mut sql = QueryBuilder::new("DELETE FROM images WHERE ");
    push_in(&mut sql, "id", images);
    sql.push(" RETURNING artifact_id");
    let rows = sql.build().persistent(false).fetch_all(transaction).await;
    let rows = rows.doing("removing images")?;
    let mut left = BTreeSet::new();
    for row in &rows {
        left.insert(column::number(row, "artifact_id")?);
    }
    artifacts::mark_orphans(transaction, &left, now).await?;
    inventory_rows::count_images_of(transaction, &left).await?;
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}
