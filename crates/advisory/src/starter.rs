//! Starter.

use std::path::Path;

use crate::{feed::FeedError, import::ImportSummary};

/// Compiles the built-in starter feed into a snapshot file.
///
/// # Errors
/// As [`import`](crate::import()).
pub fn starter_feed(target: &Path) -> Result<ImportSummary, FeedError> {
    let _ = target;
    Err(FeedError::Empty { paths: Vec::new() })
}
