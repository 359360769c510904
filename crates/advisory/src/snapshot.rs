//! The advisory snapshot: one immutable file that every scan reads and no scan changes.
//!
//! In: a path. Out: [`Snapshot`], whose look-ups cost a few microseconds and whose opening costs one checksum. Source: the
//! head of `layout` describes the bytes. Odd: the file is mapped, never read into memory, so that thousands of processes
//! share one copy; it is only ever replaced by rename, so a reader keeps the content that it opened.

mod changes;
pub(crate) mod content;
pub(crate) mod layout;
pub(crate) mod reader;
pub(crate) mod shape;
#[cfg(test)]
mod tests;
pub(crate) mod writer;

use std::path::{Path, PathBuf};

use plimsoll_model::{Digest, FeedState, Timestamp};
use plimsoll_native::Map;

pub use changes::{Changes, NamedVersions};
use layout::{
    CRC_AT, CRC_FROM, DIGEST_AT, DIGEST_FROM, Damaged, FLAG_STARTER, FORMAT, MAGIC, Section,
    TABLE_AT, i64_at, u32_at,
};
use reader::{Reader, Sections};

/// The compiled advisories: one immutable, memory-mapped file.
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    map: Map,
    sections: Sections,
    state: FeedState,
}

/// Why a file is not a usable snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be mapped.
    #[error(transparent)]
    Map(#[from] plimsoll_native::MapError),
    /// It is not a snapshot.
    #[error("`{}` is not an advisory snapshot", path.display())]
    NotASnapshot {
        /// The file.
        path: PathBuf,
    },
    /// It was written by another version of the program.
    #[error("`{}` has format {found}, this program reads format {expected}: import the feeds again", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// It is cut off or its bytes changed.
    #[error("`{}` is damaged ({reason}): import the feeds again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
}

impl SnapshotError {
    /// Whether there is no file at all.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Map(plimsoll_native::MapError::Open { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound)
    }
}

impl Snapshot {
    /// Opens a snapshot and checks its content.
    ///
    /// # Errors
    /// [`SnapshotError`] says whether the file is missing, something else, of another format, or damaged.
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        let map = Map::open(path)?;
        let path = path.to_owned();
        if !map.starts_with(&MAGIC) {
            return Err(SnapshotError::NotASnapshot { path });
        }
        match u32_at(&map, MAGIC.len()) {
            Some(FORMAT) => {}
            Some(found) => return Err(SnapshotError::Format { path, found, expected: FORMAT }),
            None => return Err(SnapshotError::Damaged { path, reason: "the header is cut off" }),
        }
        match check(&map) {
            Ok((sections, state)) => Ok(Self { path, map, sections, state }),
            Err(Damaged(reason)) => Err(SnapshotError::Damaged { path, reason }),
        }
    }

    /// The whole file, as it was opened.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Where it lay when it was opened; another one may lie there now.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it, of which dates.
    #[must_use]
    pub fn state(&self) -> FeedState {
        self.state.clone()
    }

    /// The snapshot's own date, at which everything is evaluated.
    #[must_use]
    pub const fn date(&self) -> Timestamp {
        self.state.date
    }

    /// The ids of all advisories, in byte order.
    pub fn ids(&self) -> impl Iterator<Item = String> + '_ {
        let reader = self.reader();
        (0..reader.rows(Section::Advisories))
            .map_while(move |row| reader.advisory_id(row).ok().map(str::to_owned))
    }

    /// How many advisories, affected entries and CVEs with signals of their own it holds.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let rows = |section| u64::try_from(self.reader().rows(section)).unwrap_or(u64::MAX);
        Counts {
            advisories: rows(Section::Advisories),
            affected: rows(Section::Affected),
            signals: rows(Section::Signals),
            bytes: u64::try_from(self.map.len()).unwrap_or(u64::MAX),
        }
    }

    /// Computes the digest of the content anew. Opening checks a CRC only; an import checks this as well.
    #[must_use]
    pub fn digest_is_right(&self) -> bool {
        let rest = self.map.get(DIGEST_FROM..).unwrap_or_default();
        let digest = ring::digest::digest(&ring::digest::SHA256, rest);
        digest.as_ref() == self.state.snapshot.as_bytes()
    }

    /// The error that says that its bytes do not fit.
    pub(crate) fn damaged(&self, reason: &'static str) -> SnapshotError {
        SnapshotError::Damaged { path: self.path.clone(), reason }
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { bytes: &self.map, sections: &self.sections }
    }
}

/// The digest in the head of a snapshot's bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> Option<Digest> {
    bytes.get(DIGEST_AT..DIGEST_FROM)?.try_into().ok().map(Digest::from_bytes)
}

/// How much a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Distinct advisories.
    pub advisories: u64,
    /// Entries "this package of this release is affected by this advisory".
    pub affected: u64,
    /// CVEs with a severity, exploitation or probability of their own.
    pub signals: u64,
    /// Size of the file.
    pub bytes: u64,
}

fn check(bytes: &[u8]) -> Result<(Sections, FeedState), Damaged> {
    let cut = Damaged("the header is cut off");
    let expected = u32_at(bytes, CRC_AT).ok_or(cut)?;
    if crc32fast::hash(bytes.get(CRC_FROM..).ok_or(cut)?) != expected {
        return Err(Damaged("its checksum does not fit"));
    }
    let sections = Sections::read(bytes)?;
    let digest = bytes.get(DIGEST_AT..DIGEST_FROM).and_then(|digest| digest.try_into().ok());
    let state = FeedState {
        snapshot: Digest::from_bytes(digest.ok_or(cut)?),
        date: Timestamp(i64_at(bytes, DIGEST_FROM).ok_or(cut)?),
        starter: u32_at(bytes, TABLE_AT - 8).ok_or(cut)? & FLAG_STARTER != 0,
        sources: Reader { bytes, sections: &sections }.sources()?,
    };
    Ok((sections, state))
}
