//! Rankings and sums over images: GetDockerhubImageRiskRankInfo, GetDockerhubImageRiskStatistic, ListDockerhubImage.
//!
//! In: a dimension and a scope. Out: the first entries of a total order. Source: `docs/semantics.md`, "Ranking".
//! Odd: tags of one repository that name the same digest are one entry, under the tag that moved last; only images whose
//! newest scan succeeded take part.

use plimsoll_model::{RiskCounters, Timestamp};

use crate::{ImageRow, Store, StoreError};

/// What a ranking orders by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dimension {
    /// Vulnerabilities to fix as soon as possible: asap, later, nntf, highest score, all downwards; asap ≥ 1.
    VulAsap,
    /// Failed baseline checks: high, medium, low, all downwards; their sum ≥ 1.
    Baseline,
}

/// Which images take part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scope {
    /// All of them.
    #[default]
    All,
    /// Those whose registry is Docker Hub.
    DockerHub,
}

/// One image in a ranking or search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RankEntry {
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// Sums over its findings.
    pub counters: RiskCounters,
}

/// Sums over the scanned images of a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RiskStatistic {
    /// Sum of the vulnerabilities to fix as soon as possible.
    pub asap: u64,
    /// Sum of the baseline risks.
    pub baseline: u64,
    /// Images (tags) with a successful scan.
    pub scanned: u64,
    /// When the latest successful scan ended.
    pub scan_time: Option<Timestamp>,
}

/// How many images have which risk level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RiskOverview {
    /// All images.
    pub images: u64,
    /// Level 3.
    pub high: u64,
    /// Level 2.
    pub medium: u64,
    /// Level 1.
    pub low: u64,
    /// Level 0.
    pub none: u64,
    /// Never scanned with success.
    pub not_scanned: u64,
}

/// Why a search was not done.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Not of the form that can be searched.
    #[error("`{0}` is not of the form [namespace/]repository[:tag]")]
    Query(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// The first `limit` (1 to 100, others are taken as the nearer of them) images of a dimension; ties by namespace,
    /// repository, tag, digest, registry name upwards, byte by byte.
    ///
    /// # Errors
    /// The database fails.
    pub async fn rank(
        &self,
        dimension: Dimension,
        scope: Scope,
        limit: u32,
    ) -> Result<Vec<RankEntry>, StoreError> {
        todo!("{dimension:?} {scope:?} {limit}")
    }

    /// Sums over the scanned images of a scope.
    ///
    /// # Errors
    /// The database fails.
    pub async fn risk_statistic(&self, scope: Scope) -> Result<RiskStatistic, StoreError> {
        todo!("{scope:?}")
    }

    /// How many images have which risk level.
    ///
    /// # Errors
    /// The database fails.
    pub async fn risk_overview(&self) -> Result<RiskOverview, StoreError> {
        todo!()
    }

    /// Scanned images by `[namespace/]repository[:tag]`, each part exactly as given; without namespace those of every
    /// namespace; by namespace, repository, tag, digest, registry name; at most `limit` (1 to 1,000).
    ///
    /// # Errors
    /// The query has another form, or the database fails.
    pub async fn search_images(
        &self,
        query: &str,
        scope: Scope,
        limit: u32,
    ) -> Result<Vec<RankEntry>, SearchError> {
        todo!("{query} {scope:?} {limit}")
    }
}
