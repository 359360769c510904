//! Keys of clusters that tell by themselves what they run, because nobody can reach them.
//!
//! In: a name, and until when. Out: the cluster's id and a random key, shown once; the database holds its hash only. Source:
//! OWASP, "Secrets Management". Odd: the id is random, because nobody has seen the cluster yet; a key is held against every
//! hash, each time in a time that does not depend on where they differ.

use plimsoll_model::{Secret, Timestamp};

use crate::{
    Store, StoreError,
    admin_token::{hash, is_equal},
    column,
    database::DatabaseRow,
    error::Doing,
    master_key::random_text,
    statement,
};

/// A key to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewClusterKey {
    /// The cluster: `c` and 32 hex digits.
    pub cluster_id: String,
    /// What people call it.
    pub name: String,
    /// Whose cloud it is in.
    pub vendor: String,
    /// Its processors.
    pub cpu_arch: String,
    /// The group that its maker gave.
    pub group_id: String,
    /// Until when it is let in; `None`: for ever.
    pub expires: Option<Timestamp>,
}

/// A key that stands, without the key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterKey {
    /// Number of the row; never used again after removal.
    pub number: i64,
    /// What was said when it was made.
    pub settings: NewClusterKey,
    /// When it was made.
    pub created: Timestamp,
    /// When it last let somebody in.
    pub used: Option<Timestamp>,
}

impl ClusterKey {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let expires = column::time(row, "expires")?;
        Ok(Self {
            number: column::number(row, "id")?,
            settings: NewClusterKey {
                cluster_id: column::text(row, "cluster_id")?,
                name: column::text(row, "name")?,
                vendor: column::text(row, "vendor")?,
                cpu_arch: column::text(row, "cpu_arch")?,
                group_id: column::text(row, "group_id")?,
                expires: (expires.0 != 0).then_some(expires),
            },
            created: column::time(row, "created")?,
            used: column::optional_time(row, "used")?,
        })
    }
}

impl Store {
    /// Makes a key for a cluster and returns it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn create_cluster_key(
        &self,
        new: &NewClusterKey,
        now: Timestamp,
    ) -> Result<Secret<String>, StoreError> {
        const DOING: &str = "making a cluster's key";
        let key = random_text(48)?;
        let mut transaction = self.write().await?;
        statement::query(
            "INSERT INTO cluster_keys (cluster_id, name, vendor, cpu_arch, group_id, expires, hash, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&new.cluster_id)
        .bind(&new.name)
        .bind(&new.vendor)
        .bind(&new.cpu_arch)
        .bind(&new.group_id)
        .bind(new.expires.map_or(0, |time| time.0))
        .bind(hash(&key))
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(Secret::new(key))
    }

    /// All keys, in the order in which they were made.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cluster_keys(&self) -> Result<Vec<ClusterKey>, StoreError> {
        let rows = statement::query("SELECT * FROM cluster_keys ORDER BY id")
            .fetch_all(&mut *self.read().await?)
            .await
            .doing("listing clusters' keys")?;
        rows.iter().map(ClusterKey::from_row).collect()
    }

    /// Takes a key back; what its cluster told stays. Returns whether there was one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn remove_cluster_key(&self, number: i64) -> Result<bool, StoreError> {
        const DOING: &str = "taking a cluster's key back";
        let mut transaction = self.write().await?;
        let done = statement::query("DELETE FROM cluster_keys WHERE id = $1")
            .bind(number)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected() > 0)
    }

    /// The cluster that a key speaks for, if it stands; notes that it was used.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cluster_of_key(
        &self,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<ClusterKey>, StoreError> {
        const DOING: &str = "looking at a cluster's key";
        let rows = statement::query("SELECT * FROM cluster_keys ORDER BY id")
            .fetch_all(&mut *self.read().await?)
            .await
            .doing(DOING)?;
        let given = hash(key);
        let mut found = None;
        for row in &rows {
            if is_equal(&column::text(row, "hash")?, &given) {
                found = Some(ClusterKey::from_row(row)?);
            }
        }
        let Some(found) = found.filter(|key| key.settings.expires.is_none_or(|end| now < end))
        else {
            return Ok(None);
        };
        let mut transaction = self.write().await?;
        statement::query("UPDATE cluster_keys SET used = $2 WHERE id = $1")
            .bind(found.number)
            .bind(now.0)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(Some(found))
    }
}
