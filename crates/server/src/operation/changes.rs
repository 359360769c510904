//! What changed: in the fleet, or of one image, since a date.
//!
//! In: a date. Out: what refreshes changed, a vulnerability a row, and what scans found. Odd: numbers of images are those of the
//! refresh's end.

use plimsoll_model::{Priority, RiskCounters, Timestamp};
use plimsoll_store::{CounterChange, Delta, ImageChange, ScannedChange, Store, WhatChanged};
use serde::{Deserialize, Serialize};

use super::{OperationError, images::find_image};

/// Rows of each kind unless said otherwise.
const LIMIT: u32 = 100;
/// Rows of each kind at most.
const MOST: u32 = 1_000;

/// Which changes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListChanges {
    /// RFC 3339, or a date.
    pub since: String,
    /// Rows of each kind; 100 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What a refresh changed about one vulnerability.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VulnerabilityChange {
    /// When the refresh was done.
    pub at: Timestamp,
    /// CVE or advisory id.
    pub id: String,
    /// Its highest priority in any package before.
    pub priority_before: Option<Priority>,
    /// Its highest priority in any package since.
    pub priority: Option<Priority>,
    /// Images that have it.
    pub images: u64,
    /// Of them, those that did not have it before.
    pub newly: u64,
    /// Images that no longer have it.
    pub cleared: u64,
}

/// An image that was scanned, and had other counters before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScannedImage {
    /// When.
    pub at: Timestamp,
    /// The registry's name.
    pub registry: String,
    /// `namespace/repository:tag`.
    pub image: String,
    /// Its stable id.
    pub uuid: String,
    /// Whether what it names was scanned for the first time.
    pub first: bool,
    /// What was found.
    pub counters: RiskCounters,
}

/// What changed in the fleet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChangeList {
    /// As it was asked for.
    pub since: Timestamp,
    /// Newest refresh first, most urgent first.
    pub vulnerabilities: Vec<VulnerabilityChange>,
    /// Newest first.
    pub scanned: Vec<ScannedImage>,
}

/// What changed about a vulnerability in one image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageVulnerabilityChange {
    /// When the refresh was done.
    pub at: Timestamp,
    /// CVE or advisory id.
    pub id: String,
    /// `newly`, `cleared` or `priority`.
    pub what: String,
    /// Its highest priority in any package of the fleet before.
    pub priority_before: Option<Priority>,
    /// Its highest priority in any package of the fleet since.
    pub priority: Option<Priority>,
}

/// What an image's counters became.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CountersView {
    /// When.
    pub at: Timestamp,
    /// `scan`, `refresh` or `rule`.
    pub why: String,
    /// Digest of the snapshot that was in use.
    pub snapshot: Option<String>,
    /// Since then.
    pub counters: RiskCounters,
}

/// What changed about one image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageChangeList {
    /// `namespace/repository:tag`.
    pub image: String,
    /// Its stable id.
    pub uuid: String,
    /// As it was asked for.
    pub since: Timestamp,
    /// Newest refresh first, most urgent first.
    pub vulnerabilities: Vec<ImageVulnerabilityChange>,
    /// Newest first.
    pub counters: Vec<CountersView>,
}

/// The history of an image's counters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CounterHistory {
    /// `namespace/repository:tag`.
    pub image: String,
    /// Its stable id.
    pub uuid: String,
    /// Oldest first.
    pub history: Vec<CountersView>,
}

impl ListChanges {
    fn since(&self) -> Result<Timestamp, OperationError> {
        self.since.trim().parse().map_err(|error: plimsoll_model::timestamp::TimestampError| {
            OperationError::invalid("since", error.to_string())
        })
    }

    fn limit(&self) -> Result<u32, OperationError> {
        match self.limit {
            None => Ok(LIMIT),
            Some(limit @ 1..=MOST) => Ok(limit),
            Some(_) => Err(OperationError::invalid("limit", format!("it is 1 to {MOST}"))),
        }
    }
}

/// What changed in the fleet.
///
/// # Errors
/// A parameter cannot be, or the database fails.
pub async fn list_changes(
    store: &Store,
    request: &ListChanges,
) -> Result<ChangeList, OperationError> {
    let (since, limit) = (request.since()?, request.limit()?);
    let vulnerabilities = store.deltas_since(since, limit).await?;
    let scanned = store.scanned_since(since, limit).await?;
    Ok(ChangeList {
        since,
        vulnerabilities: vulnerabilities.into_iter().map(VulnerabilityChange::of).collect(),
        scanned: scanned.into_iter().map(ScannedImage::of).collect(),
    })
}

/// What changed about one image.
///
/// # Errors
/// There is no such image, a parameter cannot be, or the database fails.
pub async fn image_changes(
    store: &Store,
    uuid: &str,
    request: &ListChanges,
) -> Result<ImageChangeList, OperationError> {
    let (since, limit) = (request.since()?, request.limit()?);
    let image = find_image(store, uuid).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let changes = store.image_changes_since(&image.uuid, since, most).await?;
    let mut history = store.counter_history(&image.uuid, limit).await?;
    history.retain(|change| change.at >= since);
    history.reverse();
    Ok(ImageChangeList {
        image: image.image,
        uuid: image.uuid,
        since,
        vulnerabilities: changes.into_iter().map(ImageVulnerabilityChange::of).collect(),
        counters: history.into_iter().map(CountersView::of).collect(),
    })
}

/// The history of an image's counters.
///
/// # Errors
/// There is no such image, or the database fails.
pub async fn counter_history(store: &Store, uuid: &str) -> Result<CounterHistory, OperationError> {
    let image = find_image(store, uuid).await?;
    let history = store.counter_history(&image.uuid, MOST).await?;
    let history = history.into_iter().map(CountersView::of).collect();
    Ok(CounterHistory { image: image.image, uuid: image.uuid, history })
}

impl VulnerabilityChange {
    fn of(delta: Delta) -> Self {
        Self {
            at: delta.finished,
            id: delta.id,
            priority_before: delta.priority_before,
            priority: delta.priority,
            images: delta.images,
            newly: delta.newly,
            cleared: delta.cleared,
        }
    }
}

impl ScannedImage {
    fn of(scanned: ScannedChange) -> Self {
        Self {
            at: scanned.change.at,
            image: format!("{}:{}", scanned.image.path(), scanned.image.tag),
            uuid: scanned.image.uuid,
            registry: scanned.registry,
            first: scanned.first,
            counters: scanned.change.counters,
        }
    }
}

impl ImageVulnerabilityChange {
    fn of(change: ImageChange) -> Self {
        let what = match change.what {
            WhatChanged::Newly => "newly",
            WhatChanged::Cleared => "cleared",
            WhatChanged::Priority => "priority",
        };
        Self {
            at: change.at,
            id: change.id,
            what: what.to_owned(),
            priority_before: change.priority_before,
            priority: change.priority,
        }
    }
}

impl CountersView {
    fn of(change: CounterChange) -> Self {
        Self {
            at: change.at,
            why: change.by.as_str().to_owned(),
            snapshot: change.snapshot.map(|digest| digest.to_string()),
            counters: change.counters,
        }
    }
}
