//! The entries of one layer, packed: there may be millions.
//!
//! In: entries in the order of an archive ([`EntriesBuilder`]). Out: [`Entries`], which hands them out one by one as
//! [`EntryRef`]. Odd: a path is kept as its folder and its last name, so that a folder's own path is there once for all
//! that lies in it; what an entry has in common with the one before it is not said again.

mod builder;
mod packed;
mod stored;

use std::{fmt, sync::Arc};

pub use builder::EntriesBuilder;
pub(crate) use builder::MAX_ENTRIES;
use packed::Row;
pub(crate) use packed::{Packed, ROOT_FOLDER};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    budget::BudgetReached,
    capabilities::FileCapabilities,
    entry::{EntryKind, EntryMeta, TreePath},
};

/// The entries of one layer, in the order of the archive. A copy is a handle on the same entries.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Entries(Arc<Packed>);

impl Entries {
    /// Packs entries that are at hand.
    ///
    /// # Errors
    /// [`BudgetReached`] as by [`EntriesBuilder::push`].
    pub fn pack<'m>(metas: impl IntoIterator<Item = &'m EntryMeta>) -> Result<Self, BudgetReached> {
        let mut builder = EntriesBuilder::new();
        for meta in metas {
            builder.push(meta)?;
        }
        Ok(builder.finish())
    }

    pub(crate) fn from_packed(packed: Packed) -> Self {
        Self(Arc::new(packed))
    }

    pub(crate) fn packed(&self) -> &Packed {
        &self.0
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.0.count).unwrap_or(usize::MAX)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.count == 0
    }

    /// How many folders below the root the paths lead through, with an entry of their own or without.
    #[must_use]
    pub fn folders(&self) -> usize {
        self.0.folders.len().saturating_sub(1)
    }

    /// Bytes of all paths and links, each written out.
    #[must_use]
    pub fn names_bytes(&self) -> u64 {
        self.0.names_bytes()
    }

    /// The entry at a position.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<EntryRef<'_>> {
        self.0.entry(index)
    }

    /// All entries, in the order of the archive.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = EntryRef<'_>> {
        self.0.entries()
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(EntryRef::to_meta))
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let metas = Vec::<EntryMeta>::deserialize(deserializer)?;
        Self::pack(&metas).map_err(serde::de::Error::custom)
    }
}

/// One entry, lent by [`Entries`].
#[derive(Clone, Copy)]
pub struct EntryRef<'e> {
    packed: &'e Packed,
    row: Row<'e>,
}

impl<'e> EntryRef<'e> {
    /// What it is.
    #[must_use]
    pub fn kind(self) -> EntryKind {
        self.packed.attributes(self.row.carried.attributes).kind
    }

    /// Permission bits with setuid, setgid and sticky: `0o7777` at most.
    #[must_use]
    pub fn mode(self) -> u32 {
        self.packed.attributes(self.row.carried.attributes).mode.into()
    }

    /// Owner; what is no number of 32 bits is `u32::MAX`.
    #[must_use]
    pub fn uid(self) -> u32 {
        self.packed.attributes(self.row.carried.attributes).uid
    }

    /// Group; what is no number of 32 bits is `u32::MAX`.
    #[must_use]
    pub fn gid(self) -> u32 {
        self.packed.attributes(self.row.carried.attributes).gid
    }

    /// What the file gives to whoever runs it.
    #[must_use]
    pub fn capabilities(self) -> Option<FileCapabilities> {
        self.packed.attributes(self.row.carried.attributes).capabilities
    }

    /// Bytes of content; 0 for what is not a file.
    #[must_use]
    pub const fn size(self) -> u64 {
        self.row.size
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn mtime(self) -> i64 {
        self.row.carried.mtime
    }

    /// Target of a symlink or hardlink, as written.
    #[must_use]
    pub const fn link(self) -> Option<&'e [u8]> {
        self.row.link
    }

    /// The last part of the path; empty for the root.
    #[must_use]
    pub const fn name(self) -> &'e [u8] {
        self.row.name
    }

    /// The path, put together.
    #[must_use]
    pub fn path(self) -> TreePath {
        let mut path = Vec::new();
        self.write_path(&mut path);
        TreePath::from_clean(path)
    }

    /// Puts the path in the place of what is in `path`.
    pub fn write_path(self, path: &mut Vec<u8>) {
        self.packed.write_path(self.folder(), self.name(), path);
    }

    /// Whether the path is this one.
    #[must_use]
    pub fn is_at(self, path: &[u8]) -> bool {
        if !path.ends_with(self.name()) {
            return false;
        }
        let mut own = Vec::new();
        self.write_path(&mut own);
        own == path
    }

    /// The entry as a value of its own.
    #[must_use]
    pub fn to_meta(self) -> EntryMeta {
        EntryMeta {
            path: self.path(),
            kind: self.kind(),
            mode: self.mode(),
            uid: u64::from(self.uid()),
            gid: u64::from(self.gid()),
            size: self.size(),
            mtime: self.mtime(),
            link: self.link().map(<[u8]>::to_vec),
            capabilities: self.capabilities(),
        }
    }

    /// The folder that it lies in, as a number of its layer.
    pub(crate) const fn folder(self) -> u32 {
        self.row.carried.folder
    }
}

impl fmt::Debug for EntryRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_meta().fmt(f)
    }
}

impl PartialEq for EntryRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.to_meta() == other.to_meta()
    }
}

#[cfg(test)]
#[path = "entries/tests.rs"]
mod tests;
