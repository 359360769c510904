//! Bundles: a whole snapshot, or what changed since another one, as one signed file that can be carried anywhere.
//!
//! ```text
//! magic[8] format:u32 length:u32 header[length] signature[64] payload …
//! ```
//! In: snapshots and a key. Out: the file; from the file and trusted keys the very same snapshot. Source:
//! `docs/decisions/0011-bundles-are-differences.md`; RFC 8032 (Ed25519). The header is JSON ([`BundleHeader`]); the
//! signature covers every byte before it, and so, by the digest in the header, the payload too. Odd: a full bundle is a
//! difference from nothing. Nothing behind the signature's check is looked at before it holds, and what comes out must have
//! the digest that was signed, so a wrong bundle cannot become a snapshot.

mod columns;
mod difference;
mod file;
mod kept;
mod key;
mod rollback;

use std::path::PathBuf;

use plimsoll_model::{Digest, FeedSource, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{feed::FeedError, snapshot::SnapshotError};

pub use file::{BundleImport, expand, header, import_bundle, is_bundle, write_bundle};
pub use kept::{keep, kept_before, kept_snapshot};
pub use key::{KeyError, PublicKey, SigningKey};

/// First bytes of every bundle.
const MAGIC: [u8; 8] = *b"PLIMBDL\n";
/// Raised whenever the meaning of a byte changes; the snapshot's format counts apart.
const FORMAT: u32 = 1;

/// What a bundle says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleHeader {
    /// Grows from bundle to bundle of one maker; an older one never replaces a newer one.
    pub version: u64,
    /// When it was made.
    pub made: Timestamp,
    /// Digest of the snapshot that this one continues; `None`: it is a full one.
    pub base: Option<Digest>,
    /// Digest of the snapshot that comes out.
    pub snapshot: Digest,
    /// Format of that snapshot.
    pub snapshot_format: u32,
    /// That snapshot's own date.
    pub date: Timestamp,
    /// Its sources.
    pub sources: Vec<FeedSource>,
    /// Advisories that are new or changed; in a full bundle all.
    pub advisories: u64,
    /// Advisories that went away.
    pub removed: u64,
    /// Bytes of the payload.
    pub payload_bytes: u64,
    /// Digest of the payload.
    pub payload: Digest,
    /// Bytes of the payload when it is unpacked.
    pub unpacked_bytes: u64,
    /// Which key signed it ([`PublicKey::id`]); `None`: nobody did.
    pub key: Option<String>,
}

/// Why a bundle was not made or not taken. What is in place is untouched in every case.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file could not be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("`{}` is not a feed bundle", path.display())]
    NotABundle {
        /// The file.
        path: PathBuf,
    },
    /// It is made for another version of the program.
    #[error("`{}` has {what} {found}, this program reads {expected}: both sides need the same version of the program", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// In the file.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// It is cut off, longer than it says, or its bytes changed.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Nobody signed it.
    #[error("`{}` is not signed", path.display())]
    Unsigned {
        /// The file.
        path: PathBuf,
    },
    /// Signed by a key that is not trusted.
    #[error("`{}` is signed by a key that is not trusted (it says `{key}`)", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Which key it names.
        key: String,
    },
    /// The signature is not of these bytes, or not by that key.
    #[error("`{}` has a wrong signature", path.display())]
    Signature {
        /// The file.
        path: PathBuf,
    },
    /// A newer bundle was taken before.
    #[error("`{}` has version {version}, version {taken} was taken before", path.display())]
    Rollback {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
        /// The newest that was taken.
        taken: u64,
    },
    /// It continues another snapshot than the one in place.
    #[error("`{}` continues the snapshot {wanted}, in place is {}", path.display(), found.map_or("none".to_owned(), |found| found.to_string()))]
    Base {
        /// The file.
        path: PathBuf,
        /// What it continues.
        wanted: Digest,
        /// What is in place.
        found: Option<Digest>,
    },
    /// A snapshot is not usable.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The result would be a step back, or could not be put in place.
    #[error(transparent)]
    Feed(#[from] FeedError),
}
