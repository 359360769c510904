//! Snapshots that bundles were made of, kept so that the next bundle can continue one of them.
//!
//! In: a folder. Out: the snapshot with some digest, or the newest one up to some time. Odd: a kept one is another name of
//! the same file where the file system allows it, since no snapshot ever changes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use plimsoll_model::{Digest, Timestamp};

use super::{BundleError, file::remove};
use crate::snapshot::Snapshot;

/// How many are kept.
const KEPT: usize = 30;

/// Keeps the snapshot of a bundle that was made at `made`, and drops the oldest beyond thirty.
///
/// # Errors
/// [`BundleError::File`].
pub fn keep(folder: &Path, snapshot: &Snapshot, made: Timestamp) -> Result<(), BundleError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BundleError::File { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    // Seconds of one width, so that the names are in the order of time.
    let name = format!("{:012}-{}.snapshot", made.0.max(0), snapshot.state().snapshot.hex());
    let target = folder.join(name);
    if !target.exists() {
        match fs::hard_link(snapshot.path(), &target) {
            Ok(()) => {}
            Err(_no_links_here) => {
                fs::copy(snapshot.path(), &target).map_err(failed(&target))?;
            }
        }
    }
    let all = kept(folder)?;
    for (_, _, path) in all.iter().take(all.len().saturating_sub(KEPT)) {
        remove(path).map_err(failed(path))?;
    }
    Ok(())
}

/// The kept snapshot with this digest.
///
/// # Errors
/// [`BundleError`] if the folder or the snapshot cannot be read.
pub fn kept_snapshot(folder: &Path, digest: Digest) -> Result<Option<Snapshot>, BundleError> {
    let hex = digest.hex();
    let found = kept(folder)?.into_iter().rev().find(|(_, name, _)| *name == hex);
    open(found)
}

/// The newest kept snapshot of a bundle that was made at `until` or before.
///
/// # Errors
/// [`BundleError`] if the folder or the snapshot cannot be read.
pub fn kept_before(folder: &Path, until: Timestamp) -> Result<Option<Snapshot>, BundleError> {
    open(kept(folder)?.into_iter().rev().find(|(made, _, _)| *made <= until.0))
}

fn open(found: Option<(i64, String, PathBuf)>) -> Result<Option<Snapshot>, BundleError> {
    Ok(found.map(|(_, _, path)| Snapshot::open(&path)).transpose()?)
}

/// Time, digest and path of each, oldest first.
fn kept(folder: &Path) -> Result<Vec<(i64, String, PathBuf)>, BundleError> {
    let failed = |source| BundleError::File { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let parts = name.strip_suffix(".snapshot").and_then(|name| name.split_once('-'));
        let Some((made, digest)) = parts else { continue };
        if let Ok(made) = made.parse() {
            found.push((made, digest.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}
