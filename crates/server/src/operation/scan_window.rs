//! The window of scans: only images whose tag moved lately are scanned by themselves.
//!
//! In: a number of days. Out: the same as the time from which on images are in it. Odd: it bounds what syncs and cycle tasks ask
//! for; whoever names images has them scanned whatever their age.

use plimsoll_model::Timestamp;
use plimsoll_store::{SCAN_DAYS_SETTING, Store, StoreError};

/// The window in days; `None`: there is none.
///
/// # Errors
/// The database fails.
pub(crate) async fn scan_days(store: &Store) -> Result<Option<u32>, StoreError> {
    let text = store.setting(SCAN_DAYS_SETTING).await?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// From when on images are in the window; `None`: from the beginning.
///
/// # Errors
/// The database fails.
pub(crate) async fn window_from(
    store: &Store,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let days = scan_days(store).await?;
    Ok(days.map(|days| days_before(days, now)))
}

/// That many days earlier.
pub(crate) const fn days_before(days: u32, now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub((days as i64).saturating_mul(86_400)))
}

/// Sets the window; images that it takes in and that were never scanned are queued. Returns how many.
///
/// # Errors
/// The database fails.
pub(crate) async fn set_scan_days(
    store: &Store,
    days: Option<u32>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let text = days.map(|days| days.to_string());
    store.set_setting(SCAN_DAYS_SETTING, text.as_deref()).await?;
    let from = days.map(|days| days_before(days, now));
    store.enqueue_unscanned(from, now).await
}
