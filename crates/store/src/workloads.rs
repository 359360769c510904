//! Workloads: which images run where.
//!
//! In: the containers of a cluster, whole each time. Out: rows that the risk list's cluster filters join with images.
//! Odd: a container with a digest is joined by it alone (the tag may have moved since); one without, not pulled yet, is
//! joined by its reference.

use plimsoll_model::{Digest, Timestamp};

use crate::{Store, StoreError};

/// One container of a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Workload {
    /// Namespace in the cluster.
    pub namespace: String,
    /// Application: the workload's name.
    pub app: String,
    /// Pod.
    pub pod: String,
    /// Container in the pod.
    pub container: String,
    /// Image as it is written in the pod.
    pub image: String,
    /// What runs: a manifest's, an index's or a configuration's digest; `None` before the pull.
    pub digest: Option<Digest>,
}

/// One cluster whose workloads are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// `ClusterId`.
    pub id: String,
    /// How many containers it has.
    pub containers: u64,
    /// Of them, how many run an image that is in a registry that we know.
    pub known: u64,
    /// When its workloads last changed.
    pub updated: Timestamp,
}

impl Store {
    /// Replaces the workloads of a cluster; none at all forgets the cluster. Returns whether anything changed.
    ///
    /// # Errors
    /// The database fails.
    pub async fn replace_workloads(
        &self,
        cluster_id: &str,
        workloads: &[Workload],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        todo!("{cluster_id} {workloads:?} {now}")
    }

    /// All clusters by id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn clusters(&self) -> Result<Vec<Cluster>, StoreError> {
        todo!()
    }

    /// The workloads that run an image, as `(cluster id, workload)`, sorted; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn workloads_of_image(
        &self,
        uuid: &str,
        limit: u32,
    ) -> Result<Vec<(String, Workload)>, StoreError> {
        todo!("{uuid} {limit}")
    }
}
