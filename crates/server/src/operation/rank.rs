//! The ranking.
//!
//! In: the settings `rank.scope` and `rank.limit`. Out: the worst images of both dimensions, and the sums over the scope.
//! Source: `docs/semantics.md`, "Ranking". Odd: settings are checked when they are set; a value that cannot be, as after a
//! downgrade, counts as not set.

use plimsoll_model::{Digest, RiskCounters, Timestamp};
use plimsoll_store::{Dimension, RankEntry, Scope, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::OperationError;

/// Name of the setting with the scope: `all` or `dockerhub`.
pub const SCOPE_SETTING: &str = "rank.scope";
/// Name of the setting with the length of a list: 1 to 100.
pub const LIMIT_SETTING: &str = "rank.limit";
/// Length of a list where nothing is set.
pub const DEFAULT_LIMIT: u32 = 10;

/// What a ranking is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RankSettings {
    /// Which images take part.
    pub scope: Scope,
    /// Length of a list.
    pub limit: u32,
}

/// One image in a ranking.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RankView {
    /// Stable id of the image.
    pub uuid: String,
    /// The registry's name.
    pub registry: String,
    /// Namespace.
    pub namespace: String,
    /// Repository.
    pub repository: String,
    /// Tag.
    pub tag: String,
    /// What the tag names.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Sums over its findings.
    pub counters: RiskCounters,
}

/// Both rankings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ranking {
    /// `all` or `dockerhub`.
    pub scope: String,
    /// Most vulnerabilities to fix as soon as possible.
    pub vul_asap: Vec<RankView>,
    /// Most failed checks.
    pub baseline: Vec<RankView>,
    /// Sum of the vulnerabilities to fix as soon as possible over the scope.
    pub total_asap: u64,
    /// Sum of the failed checks over the scope.
    pub total_baseline: u64,
    /// Scanned images in the scope.
    pub scanned: u64,
    /// When the latest successful scan ended.
    pub scan_time: Option<Timestamp>,
}

/// The ranking's settings.
///
/// # Errors
/// The database fails.
pub async fn rank_settings(store: &Store) -> Result<RankSettings, StoreError> {
    let scope = store.setting(SCOPE_SETTING).await?;
    let scope = scope.as_deref().and_then(scope_of).unwrap_or_default();
    let limit = store.setting(LIMIT_SETTING).await?;
    let limit = limit.and_then(|text| text.parse().ok()).filter(|limit| (1..=100).contains(limit));
    Ok(RankSettings { scope, limit: limit.unwrap_or(DEFAULT_LIMIT) })
}

/// Both rankings, by the settings.
///
/// # Errors
/// The database fails.
pub async fn rank(store: &Store) -> Result<Ranking, OperationError> {
    let settings = rank_settings(store).await?;
    let list = async |dimension| {
        let entries = store.rank(dimension, settings.scope, settings.limit).await?;
        Ok::<_, StoreError>(entries.iter().map(RankView::of).collect())
    };
    let sums = store.risk_statistic(settings.scope).await?;
    Ok(Ranking {
        scope: scope_word(settings.scope).to_owned(),
        vul_asap: list(Dimension::VulAsap).await?,
        baseline: list(Dimension::Baseline).await?,
        total_asap: sums.asap,
        total_baseline: sums.baseline,
        scanned: sums.scanned,
        scan_time: sums.scan_time,
    })
}

/// The scope that a setting's text names.
#[must_use]
pub fn scope_of(word: &str) -> Option<Scope> {
    match word {
        "all" => Some(Scope::All),
        "dockerhub" => Some(Scope::DockerHub),
        _ => None,
    }
}

const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::All => "all",
        Scope::DockerHub => "dockerhub",
    }
}

impl RankView {
    fn of(entry: &RankEntry) -> Self {
        let image = &entry.image;
        Self {
            uuid: image.uuid.clone(),
            registry: entry.registry.clone(),
            namespace: image.namespace.clone(),
            repository: image.repository.clone(),
            tag: image.tag.clone(),
            digest: image.digest,
            size: image.size,
            counters: entry.counters,
        }
    }
}
