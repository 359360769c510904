//! The newest bundle that was taken, so that no older one is taken after it.
//!
//! In: a header, and the file that remembers. Out: an error for an older one. Source: the rollback attacks that update
//! systems have had (an old, validly signed file is handed out again). Odd: it is remembered apart from the snapshot,
//! because a snapshot may also come from elsewhere.

use std::{fs, io, path::Path};

use plimsoll_model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BundleError, BundleHeader};
use crate::import;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Taken {
    version: u64,
    made: Timestamp,
    snapshot: Digest,
}

/// Refuses a bundle that is older than one that was taken, or another one of the same version.
pub(super) fn refuse(
    remembered: &Path,
    header: &BundleHeader,
    path: &Path,
) -> Result<(), BundleError> {
    let Some(taken) = read(remembered)? else { return Ok(()) };
    let is_same = taken.version == header.version && taken.snapshot == header.snapshot;
    // Made within a second of its base: what stands upon the newest is newer.
    let is_next = taken.version == header.version && header.base == Some(taken.snapshot);
    if header.version > taken.version || is_same || is_next {
        return Ok(());
    }
    Err(BundleError::Rollback {
        path: path.to_owned(),
        version: header.version,
        taken: taken.version,
    })
}

/// Remembers a bundle that was taken.
pub(super) fn remember(remembered: &Path, header: &BundleHeader) -> Result<(), BundleError> {
    let taken = Taken { version: header.version, made: header.made, snapshot: header.snapshot };
    let bytes = serde_json::to_vec(&taken)
        .map_err(|error| BundleError::File { path: remembered.to_owned(), source: error.into() })?;
    Ok(import::put_in_place(remembered, &bytes)?)
}

fn read(remembered: &Path) -> Result<Option<Taken>, BundleError> {
    let failed = |source| BundleError::File { path: remembered.to_owned(), source };
    match fs::read(remembered) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
        // A file that cannot be read must not open the door that it guards.
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(error.into())),
    }
}
