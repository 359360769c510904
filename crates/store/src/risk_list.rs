//! The risk list: images with their numbers, filtered, ordered and paged in SQL.
//!
//! In: [`ImageRiskQuery`], the filters of ListImageRisk and of the console. Out: one [`Page`] and the total.
//!
//! Order, total and stable: risk level downwards with unscanned images last, then asap, later, nntf, baseline high,
//! medium, low downwards, then namespace, repository, tag, digest, registry name upwards, byte by byte.
//!
//! Odd:
//! * `Namespace` means the repository's namespace or that of a workload that runs the image; together with `ClusterId` or
//!   `AppName` it means the workload's alone, and then one workload must fulfil all that is given.
//! * `ImageName` is found anywhere in `host/namespace/repository:tag`, without regard to ASCII case.
//! * Images that were never scanned with success are listed with zeros; `scanned` tells them from clean ones.

use std::sync::Arc;

use plimsoll_model::{RiskCounters, Timestamp, Verdict};

use crate::{ImageRow, Registry, Store, StoreError, TaskStatus};

/// A part of a longer list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// Number of this page, from 1.
    pub page: u32,
    /// Entries of a full page.
    pub page_size: u32,
}

/// Which risk levels to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RiskFilter {
    /// Scanned images of this level: 3 high, 2 medium, 1 low, 0 none.
    Level(u8),
    /// Images without a successful scan.
    NotScanned,
}

/// Which images to list. Filters are combined with "and"; an empty text is no filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageRiskQuery {
    /// Number of the page, from 1; 0 is taken as 1.
    pub page: u32,
    /// Entries of a page; 0 gives no entries, only the total.
    pub page_size: u32,
    /// ListImageRisk's `ClusterId`: images that run there.
    pub cluster_id: Option<String>,
    /// ListImageRisk's `Namespace`.
    pub namespace: Option<String>,
    /// ListImageRisk's `AppName`: images that run as this application.
    pub app_name: Option<String>,
    /// ListImageRisk's `ImageName`.
    pub image_name: Option<String>,
    /// The registry's name.
    pub registry: Option<String>,
    /// Which risk levels.
    pub risk: Option<RiskFilter>,
    /// Free text: each word must stand in the image's reference, registry name, digest, image id or uuid.
    pub text: Option<String>,
}

impl Default for ImageRiskQuery {
    /// The first page of 20, without filters.
    fn default() -> Self {
        Self {
            page: 1,
            page_size: 20,
            cluster_id: None,
            namespace: None,
            app_name: None,
            image_name: None,
            registry: None,
            risk: None,
            text: None,
        }
    }
}

/// One image with its numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct ImageRisk {
    /// The image.
    pub image: ImageRow,
    /// Its registry, without password.
    pub registry: Arc<Registry>,
    /// `linux/amd64`.
    pub platform: String,
    /// Sums over its findings; zeros before the first scan.
    pub counters: RiskCounters,
    /// How completely the newest scan could look; `None` before the first one.
    pub verdict: Option<Verdict>,
    /// When it was last scanned with success.
    pub scanned: Option<Timestamp>,
    /// How its scan stands.
    pub task: Option<TaskStatus>,
}

impl Store {
    /// One page of the risk list.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_image_risk(
        &self,
        query: &ImageRiskQuery,
    ) -> Result<Page<ImageRisk>, StoreError> {
        todo!("{query:?}")
    }

    /// One image with its numbers, by its id with or without dashes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn image_risk(&self, uuid: &str) -> Result<Option<ImageRisk>, StoreError> {
        todo!("{uuid}")
    }
}
