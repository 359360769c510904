//! Rankings and sums over images: GetDockerhubImageRiskRankInfo, `GetDockerhubImageRiskStatistic`,
//! `ListDockerhubImage`.
//!
//! In: a dimension and a scope. Out: the first entries of a total order. Source: `docs/semantics.md`, "Ranking".
//! Odd: tags of one repository that lead to the same platform manifest, directly or by an index, are one entry, under the
//! tag that moved last; only images whose newest scan succeeded take part.

use std::collections::BTreeMap;

use plimsoll_model::{RiskCounters, Timestamp};
use sqlx::AssertSqlSafe;

use crate::{
    ImageRow, Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    listing::push_in,
    own_counters::{own_counters, own_counters_join},
    registries::is_path,
    statement::{self, QueryBuilder},
};

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

const COUNTERS: &str = own_counters!();
const TABLES: &str = concat!(
    "FROM images i JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id",
    own_counters_join!()
);
/// So few images are looked at one by one.
const FEW: u64 = 2_000;
const TIES: &str = "namespace, repository, tag, manifest_digest, registry";

impl Scope {
    const fn condition(self) -> &'static str {
        match self {
            Self::All => "a.scanned IS NOT NULL",
            Self::DockerHub => "a.scanned IS NOT NULL AND r.docker_hub = 1",
        }
    }
}

impl RankEntry {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            image: ImageRow::from_row(row)?,
            registry: column::text(row, "registry")?,
            counters: column::counters(row)?,
        })
    }
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
        let limit = usize::try_from(limit.clamp(1, 100)).unwrap_or(1);
        let (listing, mut snapshot) = self.current_listing().await?;
        let images = listing.rank(dimension, scope, limit);
        drop(listing);
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = QueryBuilder::new(format!(
            "SELECT i.*, r.name AS registry, {COUNTERS} {TABLES} WHERE "
        ));
        push_in(&mut sql, "i.id", &images);
        let rows = sql.build().fetch_all(&mut snapshot).await.doing("ranking images")?;
        let mut entries = BTreeMap::new();
        for row in &rows {
            entries.insert(column::number::<i64>(row, "id")?, RankEntry::from_row(row)?);
        }
        Ok(images.iter().filter_map(|id| entries.remove(id)).collect())
    }

    /// Sums over the scanned images of a scope.
    ///
    /// # Errors
    /// The database fails.
    pub async fn risk_statistic(&self, scope: Scope) -> Result<RiskStatistic, StoreError> {
        let (listing, mut snapshot) = self.current_listing().await?;
        let mut sums = listing.statistic(scope);
        drop(listing);
        if sums.scanned > 0 {
            sums.scan_time = latest_scan(&mut snapshot, scope, sums.scanned).await?;
        }
        Ok(sums)
    }

    /// How many images have which risk level.
    ///
    /// # Errors
    /// The database fails.
    pub async fn risk_overview(&self) -> Result<RiskOverview, StoreError> {
        let (listing, _snapshot) = self.current_listing().await?;
        let mut overview = RiskOverview::default();
        for (level, number) in listing.levels() {
            overview.images += number;
            match level {
                3 => overview.high = number,
                2 => overview.medium = number,
                1 => overview.low = number,
                0 => overview.none = number,
                _ => overview.not_scanned = number,
            }
        }
        Ok(overview)
    }

    /// Scanned images by `[namespace/]repository[:tag]`, each part exactly as given; without namespace those of every
    /// namespace, also where the repository's own name has slashes; by namespace, repository, tag, digest, registry name; at most `limit` (1 to 1,000).
    ///
    /// # Errors
    /// The query has another form, or the database fails.
    pub async fn search_images(
        &self,
        query: &str,
        scope: Scope,
        limit: u32,
    ) -> Result<Vec<RankEntry>, SearchError> {
        let wanted = Wanted::parse(query)?;
        let sql = format!(
            "SELECT i.*, r.name AS registry, {COUNTERS} {TABLES} WHERE {} \
             AND (i.repository = $1 OR (i.namespace = $2 AND i.repository = $3)) \
             AND ($4 IS NULL OR i.tag = $4) ORDER BY {TIES} LIMIT $5",
            scope.condition()
        );
        let rows = statement::query(AssertSqlSafe(sql))
            .bind(wanted.path)
            .bind(wanted.namespace)
            .bind(wanted.repository)
            .bind(wanted.tag)
            .bind(i64::from(limit.clamp(1, 1_000)))
            .fetch_all(&mut *self.read().await?)
            .await
            .doing("searching images")?;
        rows.iter().map(|row| RankEntry::from_row(row).map_err(SearchError::from)).collect()
    }
}

/// When the latest successful scan of the images of a scope ended; `images` of them were scanned.
async fn latest_scan(
    connection: &mut DatabaseConnection,
    scope: Scope,
    images: u64,
) -> Result<Option<Timestamp>, StoreError> {
    const DOING: &str = "looking for the latest scan";
    if scope == Scope::DockerHub && images <= FEW {
        let row = statement::query(
            "SELECT MAX(COALESCE(t.succeeded, a.scanned)) AS at FROM registries r JOIN images i ON i.registry_id = r.id \
             JOIN artifacts a ON a.id = i.artifact_id LEFT JOIN tasks t ON t.artifact_id = a.id \
             WHERE r.docker_hub = 1 AND a.scanned IS NOT NULL",
        )
        .fetch_one(connection)
        .await
        .doing(DOING)?;
        return column::optional_time(&row, "at");
    }
    let mut latest = None;
    // The first one from the end that an image of the scope names; a scan that found the same again is noted at its task.
    for (at, tables) in [
        ("t.succeeded", "tasks t JOIN artifacts a ON a.id = t.artifact_id"),
        ("a.scanned", "artifacts a"),
    ] {
        let sql = format!(
            "SELECT {at} AS at FROM {tables} WHERE {at} IS NOT NULL AND a.scanned IS NOT NULL AND EXISTS \
             (SELECT 1 FROM images i JOIN registries r ON r.id = i.registry_id WHERE i.artifact_id = a.id AND {}) \
             ORDER BY {at} DESC LIMIT 1",
            scope.condition()
        );
        let row = statement::query(AssertSqlSafe(sql))
            .fetch_optional(&mut *connection)
            .await
            .doing(DOING)?;
        latest = latest.max(row.map(|row| column::time(&row, "at")).transpose()?);
    }
    Ok(latest)
}

/// The parts of a search. `sub/app` is a namespace with its repository, or a repository of that name in any namespace.
#[derive(PartialEq, Eq, Debug)]
struct Wanted<'a> {
    path: &'a str,
    namespace: Option<&'a str>,
    repository: &'a str,
    tag: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn parse(query: &'a str) -> Result<Self, SearchError> {
        let text = query.trim();
        let (path, tag) = match text.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (text, None),
        };
        if !is_path(path) || tag.is_some_and(|tag| tag.is_empty() || tag.contains(char::is_control))
        {
            return Err(SearchError::Query(query.chars().take(200).collect()));
        }
        let (namespace, repository) = match path.split_once('/') {
            Some((namespace, repository)) => (Some(namespace), repository),
            None => (None, path),
        };
        Ok(Self { path, namespace, repository, tag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_taken_apart() {
        let parsed = |text| {
            let Wanted { path, namespace, repository, tag } = Wanted::parse(text).unwrap();
            assert!(text.contains(path) && path.ends_with(repository));
            (namespace, repository, tag)
        };
        assert_eq!(parsed("python"), (None, "python", None));
        assert_eq!(parsed(" python:3.9 "), (None, "python", Some("3.9")));
        assert_eq!(parsed("library/python:3.9"), (Some("library"), "python", Some("3.9")));
        assert_eq!(parsed("a/b/c"), (Some("a"), "b/c", None));
        for text in ["", " ", ":", "a:", ":1", "/a", "a/", "a//b", "a\0b", "a:b\0"] {
            assert!(matches!(Wanted::parse(text), Err(SearchError::Query(_))), "{text:?}");
        }
    }
}
