//! Which images have it.
//!
//! In: a CVE, advisory or rule id. Out: the images with that finding, most urgent first. Odd: an id that nobody has is an
//! empty list: there is no register of all ids to tell a typing error from good news.

use plimsoll_model::{Kind, Level, Priority};
use plimsoll_store::{Affected, Store};
use serde::{Deserialize, Serialize};

use super::OperationError;

/// One image that has it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AffectedView {
    /// Stable id of the image.
    pub uuid: String,
    /// The registry's name.
    pub registry: String,
    /// `namespace/repository:tag`.
    pub image: String,
    /// Kind of finding.
    pub kind: Kind,
    /// The finding's own id.
    pub id: String,
    /// Package URL, path, or part of the image.
    pub subject: String,
    /// Level by nature.
    pub level: Level,
    /// Vulnerabilities only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Vulnerabilities only: 0.0 to 15.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// First version without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix_version: Option<String>,
    /// One line for people.
    pub title: String,
}

/// All images that have it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AffectedList {
    /// As it was asked for.
    pub id: String,
    /// Most urgent first.
    pub images: Vec<AffectedView>,
}

/// Entries given at most.
const MOST: u32 = 1000;

/// The images that have a finding with this id, alias or advisory.
///
/// # Errors
/// The id cannot be, or the database fails.
pub async fn affected(store: &Store, id: &str) -> Result<AffectedList, OperationError> {
    if id.trim().is_empty() || id.len() > 200 {
        return Err(OperationError::invalid("id", "expected an id such as CVE-2021-44228"));
    }
    let found = store.images_affected(id.trim(), MOST).await?;
    Ok(AffectedList {
        id: id.trim().to_owned(),
        images: found.into_iter().map(AffectedView::of).collect(),
    })
}

impl AffectedView {
    fn of(affected: Affected) -> Self {
        let image = &affected.image;
        Self {
            uuid: image.uuid.clone(),
            registry: affected.registry,
            image: format!("{}:{}", image.path(), image.tag),
            kind: affected.kind,
            id: affected.id,
            subject: affected.subject,
            level: affected.level,
            priority: affected.priority,
            score: affected.tenths.map(|tenths| f64::from(tenths) / 10.0),
            fix_version: affected.fix_version,
            title: affected.title,
        }
    }
}
