//! Malicious and sensitive files of the fleet: grouped across images, and one by one as images have them.
//!
//! In: filters of images and of files, and which part of the list is wanted. Out: [`FileGroup`], [`FileInImage`] and
//! [`ImageWithFiles`]. Source: `docs/api.md`, "Malicious files" and "Sensitive files"; `docs/semantics.md`, "Counters".
//!
//! Odd: how many there are, and which stand on a page, is known in memory (`vulnerabilities/others.rs`); what is said of those on
//! the page is read from the database, in the same state of it.

mod grouped;
mod in_images;
mod state;

use std::collections::{BTreeSet, HashMap, HashSet};

use plimsoll_model::{Digest, Finding, Kind, Level, Timestamp};

use crate::{
    ImageRow, ImageSelection,
    vulnerabilities::{HolderId, OtherEntry, Others, VulnerabilityIndex},
};

pub use self::{
    grouped::{FileGroup, GroupedFilesQuery},
    in_images::{FileInImage, FilesQuery, ImageWithFiles},
};

/// Which kinds are files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileKind {
    /// Malicious files and packages.
    Malicious,
    /// Sensitive files.
    Sensitive,
}

/// How a file stands in an image.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileState {
    /// It counts.
    Open,
    /// It is one, and somebody decided to live with it.
    Ignored,
    /// Somebody said that it is none.
    FalsePositive,
    /// The tag's content had it before the tag last moved, and has it no longer.
    Gone,
}

/// How bad a file is, as lists of files know it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileLevel {
    /// `remind`, or low.
    Low,
    /// `suspicious`, or medium.
    Medium,
    /// `serious`, or high.
    High,
}

/// Which files; what is given is combined with "and".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileFilter {
    /// Of one of these levels; empty: of all.
    pub levels: BTreeSet<FileLevel>,
    /// Of one of these keys (a malicious file's MD5, a sensitive file's kind); `None`: of all.
    pub keys: Option<BTreeSet<String>>,
    /// Not of these.
    pub hidden: BTreeSet<String>,
    /// Whose name contains this, without regard to case.
    pub name: Option<String>,
}

/// Bits of an id that tell files of an image apart.
const SLOT_BITS: u32 = 22;

impl FileKind {
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Malicious => Kind::Malware,
            Self::Sensitive => Kind::Secret,
        }
    }
}

impl FileState {
    /// Whether it is dealt with.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open)
    }
}

impl FileLevel {
    /// The level of a finding.
    #[must_use]
    pub const fn of(level: Level) -> Self {
        match level {
            Level::High | Level::Critical => Self::High,
            Level::Medium => Self::Medium,
            Level::Low | Level::Negligible | Level::Unknown => Self::Low,
        }
    }
}

/// The numbers of the groups that a filter lets pass, and which levels.
struct Wanted {
    groups: HashSet<u32>,
    levels: BTreeSet<FileLevel>,
}

impl Wanted {
    fn new(others: &Others, kind: Kind, filter: &FileFilter) -> Self {
        let name = filter.name.as_ref().map(|name| name.to_lowercase());
        let passes = |key: &str, called: &str| {
            filter.keys.as_ref().is_none_or(|keys| keys.contains(key))
                && !filter.hidden.contains(key)
                && name.as_ref().is_none_or(|name| called.to_lowercase().contains(name))
        };
        let groups = others.groups(kind);
        Self {
            groups: groups
                .filter(|(_, group)| passes(&group.key, grouped::name_of(group)))
                .map(|(number, _)| number)
                .collect(),
            levels: filter.levels.clone(),
        }
    }

    fn has(&self, entry: &OtherEntry) -> bool {
        self.groups.contains(&entry.group)
            && (self.levels.is_empty() || self.levels.contains(&FileLevel::of(entry.level)))
    }

    /// The holders that have one of them.
    fn holders(&self, index: &VulnerabilityIndex, kind: Kind) -> Vec<HolderId> {
        let others = index.others();
        others
            .holders(kind)
            .filter(|(id, parts)| {
                index.holder(*id).is_some_and(|holder| holder.images > 0)
                    && parts
                        .iter()
                        .any(|part| others.of_part(kind, *part).iter().any(|one| self.has(one)))
            })
            .map(|(id, _)| id)
            .collect()
    }
}

/// Numbers by which clients call the files of an image, the same after every scan: 49 bits, since clients that keep no more
/// than 15 digits must read them. By what stands for their records.
fn slots(others: &Others, kind: Kind, holder: HolderId) -> HashMap<u64, i64> {
    const SLOTS: u64 = 1 << SLOT_BITS;
    let records: BTreeSet<u64> =
        others.of_holder(kind, holder).map(|(_, entry)| entry.record).collect();
    let mut taken = HashSet::new();
    let mut slots = HashMap::new();
    for record in records {
        let mut slot = record % SLOTS;
        while !taken.insert(slot) && (taken.len() as u64) < SLOTS {
            slot = (slot + 1) % SLOTS;
        }
        slots.insert(record, i64::try_from(slot).unwrap_or_default());
    }
    slots
}

/// A file with all that is said of it.
struct Found {
    finding: Finding,
    image: ImageRow,
    layer: Option<Digest>,
    scanned: Timestamp,
    first_scanned: Timestamp,
}

/// Whether all images are meant.
fn is_everything(images: &ImageSelection) -> bool {
    *images == ImageSelection::default()
}
