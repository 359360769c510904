//! Clusters that are watched: how their APIs are reached, and which process watches each.
//!
//! In: a cluster's id, name and address, with a credential. Out: [`ClusterConnection`] rows, and leases on them. Source: the
//! queue rules of `docs/store.md`. Odd:
//! * The credential is sealed as passwords are, and only a lease opens it; the store does not look into it.
//! * Of all processes with one database one watches a cluster. It writes only while its lease stands: every write checks the
//!   fencing number, so that a process that was stopped for a while lands nothing stale.
//! * A cluster that is reached from within is watched by processes that run in one.

use std::collections::BTreeMap;

use plimsoll_model::{Secret, Timestamp};

use crate::{
    PodName, Store, StoreError, Workload, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    master_key::Place,
    registries::is_name,
    statement,
    tasks::cut,
    workloads::{by_pod, stored_pods, write_pods},
};

/// A cluster that is watched, without the credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterConnection {
    /// Number of the row; never used again after removal.
    pub number: i64,
    /// The cluster.
    pub cluster_id: String,
    /// What people call it; unique.
    pub name: String,
    /// Where its API is.
    pub server: String,
    /// Whether it is reached from within, by the account of the process that watches.
    pub in_cluster: bool,
    /// Kubernetes' version, as it was when the cluster was added or last changed.
    pub version: String,
    /// What is wrong at the moment; `None`: nothing is.
    pub problem: Option<String>,
    /// When all that runs was last read as a whole.
    pub heard: Option<Timestamp>,
    /// Until when somebody watches; `None`: nobody does.
    pub watched_until: Option<Timestamp>,
    /// When it was added.
    pub created: Timestamp,
}

/// A cluster to watch.
#[derive(Clone, Debug)]
pub struct NewClusterConnection {
    /// The cluster.
    pub cluster_id: String,
    /// What people call it. At most 128 characters, none of them a control character.
    pub name: String,
    /// Where its API is.
    pub server: String,
    /// The credential, in whatever form its reader wants; `None`: from within.
    pub access: Option<Secret<String>>,
    /// Kubernetes' version.
    pub version: String,
}

/// The right to watch a cluster, and to write what runs there.
#[derive(Clone, Debug)]
pub struct ClusterLease {
    /// What to watch.
    pub connection: ClusterConnection,
    /// The credential; `None`: from within.
    pub access: Option<Secret<String>>,
    /// The fencing number.
    pub generation: i64,
}

/// Why a cluster was not added.
#[derive(Debug, thiserror::Error)]
pub enum ClusterConnectionError {
    /// Another one has that name.
    #[error("cluster `{0}` exists already")]
    Taken(String),
    /// It is watched already, under another name.
    #[error("this cluster is watched already; it is called `{0}`")]
    Watched(String),
    /// A name that cannot be.
    #[error("a cluster's name has 1 to 128 characters, none of them a control character")]
    Name,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const ADD: &str = "adding a cluster";
const CLAIM: &str = "claiming a cluster";
const WRITE: &str = "writing what runs in a cluster";

const fn access_place(cluster_id: &str) -> Place<'_> {
    Place { table: "cluster_connections", row: cluster_id, column: "access" }
}

impl ClusterConnection {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let access: Option<Vec<u8>> = column::get(row, "access")?;
        Ok(Self {
            number: column::number(row, "id")?,
            cluster_id: column::text(row, "cluster_id")?,
            name: column::text(row, "name")?,
            server: column::text(row, "server")?,
            in_cluster: access.is_none(),
            version: column::text(row, "version")?,
            problem: column::get(row, "problem")?,
            heard: column::optional_time(row, "heard")?,
            watched_until: column::optional_time(row, "lease_until")?,
            created: column::time(row, "created")?,
        })
    }
}

/// All of them, by cluster.
pub(crate) async fn all(
    connection: &mut DatabaseConnection,
) -> Result<BTreeMap<String, ClusterConnection>, StoreError> {
    let rows = statement::query("SELECT * FROM cluster_connections")
        .fetch_all(connection)
        .await
        .doing("listing clusters")?;
    rows.iter()
        .map(|row| {
            let connection = ClusterConnection::from_row(row)?;
            Ok((connection.cluster_id.clone(), connection))
        })
        .collect()
}

impl Store {
    /// Adds a cluster to watch.
    ///
    /// What is known of it from elsewhere stays until it was listed. With `replace` the one of the same id and name takes address
    /// and credential, and is watched anew.
    ///
    /// # Errors
    /// The name cannot be or is taken, the cluster is watched already, or the database fails.
    pub async fn add_cluster_connection(
        &self,
        new: &NewClusterConnection,
        replace: bool,
        now: Timestamp,
    ) -> Result<ClusterConnection, ClusterConnectionError> {
        if !is_name(&new.name) {
            return Err(ClusterConnectionError::Name);
        }
        let place = access_place(&new.cluster_id);
        let access = new.access.as_ref();
        let access = access.map(|access| self.master_key().seal(place, access.reveal()));
        let access = access.transpose()?;
        let mut transaction = self.write().await?;
        let known = all(&mut transaction).await?;
        match known.get(&new.cluster_id) {
            Some(same) if !replace || same.name != new.name => {
                return Err(if same.name == new.name {
                    ClusterConnectionError::Taken(new.name.clone())
                } else {
                    ClusterConnectionError::Watched(same.name.clone())
                });
            }
            _ => {}
        }
        let is_other = |one: &ClusterConnection| one.cluster_id != new.cluster_id;
        if known.values().any(|one| one.name == new.name && is_other(one)) {
            return Err(ClusterConnectionError::Taken(new.name.clone()));
        }
        statement::query(
            "INSERT INTO clusters (id, updated) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&new.cluster_id)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(ADD)?;
        let row = statement::query(
            "INSERT INTO cluster_connections (cluster_id, name, server, access, version, generation, created) \
             VALUES ($1, $2, $3, $4, $5, 0, $6) \
             ON CONFLICT (cluster_id) DO UPDATE SET server = excluded.server, access = excluded.access, \
             version = excluded.version, problem = NULL, worker = NULL, lease_until = NULL, \
             generation = cluster_connections.generation + 1 RETURNING *",
        )
        .bind(&new.cluster_id)
        .bind(&new.name)
        .bind(&new.server)
        .bind(access)
        .bind(&new.version)
        .bind(now.0)
        .fetch_one(&mut transaction)
        .await
        .doing(ADD)?;
        transaction.commit().await.doing(ADD)?;
        Ok(ClusterConnection::from_row(&row)?)
    }

    /// The clusters that were added to be watched, by id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cluster_connections(
        &self,
    ) -> Result<BTreeMap<String, ClusterConnection>, StoreError> {
        all(&mut *self.read().await?).await
    }

    /// Whether a cluster was added to be watched.
    ///
    /// # Errors
    /// The database fails.
    pub async fn has_cluster_connection(&self, cluster_id: &str) -> Result<bool, StoreError> {
        let row = statement::query("SELECT 1 FROM cluster_connections WHERE cluster_id = $1")
            .bind(cluster_id)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing("reading a cluster")?;
        Ok(row.is_some())
    }

    /// Forgets a cluster, by name or id, with all that runs there, whether it was watched or not. Returns its id, or `None`
    /// where there is no such one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn remove_cluster(&self, name: &str) -> Result<Option<String>, StoreError> {
        const DOING: &str = "removing a cluster";
        let mut transaction = self.write().await?;
        let row = statement::query(
            "SELECT c.id FROM clusters c LEFT JOIN cluster_connections n ON n.cluster_id = c.id \
             WHERE c.id = $1 OR n.name = $1 ORDER BY CASE WHEN n.name = $1 THEN 0 ELSE 1 END, c.id LIMIT 1",
        )
        .bind(name)
        .fetch_optional(&mut transaction)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Ok(None) };
        let id = column::text(&row, "id")?;
        statement::query("DELETE FROM clusters WHERE id = $1")
            .bind(&id)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(Some(id))
    }

    /// Takes a cluster that nobody watches, for [`Store::lease`]; one that is reached from within only with `from_within`.
    ///
    /// # Errors
    /// The database fails, or the credential does not open.
    pub async fn claim_cluster(
        &self,
        worker: &str,
        from_within: bool,
        now: Timestamp,
    ) -> Result<Option<ClusterLease>, StoreError> {
        let free = || {
            statement::query(
                "SELECT * FROM cluster_connections WHERE (lease_until IS NULL OR lease_until <= $1) \
                 AND (access IS NOT NULL OR $2 = 1) ORDER BY id LIMIT 1",
            )
            .bind(now.0)
            .bind(i64::from(from_within))
        };
        if free().fetch_optional(&mut *self.read().await?).await.doing(CLAIM)?.is_none() {
            return Ok(None);
        }
        let mut transaction = self.write().await?;
        let Some(row) = free().fetch_optional(&mut transaction).await.doing(CLAIM)? else {
            return Ok(None);
        };
        let mut connection = ClusterConnection::from_row(&row)?;
        let sealed: Option<Vec<u8>> = column::get(&row, "access")?;
        let until = self.lease_from(now);
        let row = statement::query(
            "UPDATE cluster_connections SET generation = generation + 1, worker = $2, lease_until = $3 WHERE id = $1 \
             RETURNING generation",
        )
        .bind(connection.number)
        .bind(worker)
        .bind(until.0)
        .fetch_one(&mut transaction)
        .await
        .doing(CLAIM)?;
        let generation = column::number(&row, "generation")?;
        transaction.commit().await.doing(CLAIM)?;
        let place = access_place(&connection.cluster_id);
        let access = sealed.map(|sealed| self.master_key().open(place, &sealed)).transpose()?;
        connection.watched_until = Some(until);
        Ok(Some(ClusterLease { connection, access, generation }))
    }

    /// Extends the lease; whether it still stands.
    ///
    /// # Errors
    /// The database fails.
    pub async fn extend_cluster(
        &self,
        lease: &ClusterLease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const DOING: &str = "extending a cluster's lease";
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE cluster_connections SET lease_until = $3 WHERE id = $1 AND generation = $2 AND lease_until IS NOT NULL",
        )
        .bind(lease.connection.number)
        .bind(lease.generation)
        .bind(self.lease_from(now).0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a cluster back, as at shutdown, so that another process need not wait.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release_cluster(&self, lease: &ClusterLease) -> Result<(), StoreError> {
        const DOING: &str = "giving a cluster back";
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE cluster_connections SET worker = NULL, lease_until = NULL WHERE id = $1 AND generation = $2",
        )
        .bind(lease.connection.number)
        .bind(lease.generation)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }

    /// Gives back what workers watched whose names start with `prefix` and which are known to be dead. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release_clusters(&self, prefix: &str) -> Result<u64, StoreError> {
        const DOING: &str = "giving back the clusters of a dead process";
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE cluster_connections SET worker = NULL, lease_until = NULL WHERE substr(worker, 1, length($1)) = $1",
        )
        .bind(prefix)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected())
    }

    /// Writes what runs in a cluster: in some of its pods, or, without `pods`, in all.
    ///
    /// Nothing is written if the lease was lost; returns whether it was not. Only pods in which something differs cost a write.
    ///
    /// # Errors
    /// The database fails.
    pub async fn write_watched(
        &self,
        lease: &ClusterLease,
        pods: Option<&[PodName]>,
        workloads: &[Workload],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let cluster_id = lease.connection.cluster_id.as_str();
        let wanted = by_pod(workloads);
        if pods.is_some() {
            let stored = stored_pods(&mut *self.read().await?, cluster_id, pods).await?;
            if stored == wanted {
                return Ok(true);
            }
        }
        let mut transaction = self.write().await?;
        if !stands(&mut transaction, lease).await? {
            return Ok(false);
        }
        write_pods(&mut transaction, cluster_id, pods, &wanted, now).await?;
        if pods.is_none() {
            statement::query("UPDATE cluster_connections SET heard = $2 WHERE id = $1")
                .bind(lease.connection.number)
                .bind(now.0)
                .execute(&mut transaction)
                .await
                .doing(WRITE)?;
        }
        transaction.commit().await.doing(WRITE)?;
        Ok(true)
    }

    /// Notes what is wrong with a cluster at the moment, or that nothing is. Nothing is written if the lease was lost.
    ///
    /// # Errors
    /// The database fails.
    pub async fn set_cluster_problem(
        &self,
        lease: &ClusterLease,
        problem: Option<&str>,
    ) -> Result<(), StoreError> {
        const DOING: &str = "noting a cluster's problem";
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE cluster_connections SET problem = $3 WHERE id = $1 AND generation = $2 AND lease_until IS NOT NULL",
        )
        .bind(lease.connection.number)
        .bind(lease.generation)
        .bind(problem.map(cut))
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }
}

async fn stands(transaction: &mut Transaction, lease: &ClusterLease) -> Result<bool, StoreError> {
    let row = statement::query(
        "SELECT 1 FROM cluster_connections WHERE id = $1 AND generation = $2 AND lease_until IS NOT NULL",
    )
    .bind(lease.connection.number)
    .bind(lease.generation)
    .fetch_optional(transaction)
    .await
    .doing(WRITE)?;
    Ok(row.is_some())
}
