//! Packs entries one after the other.
//!
//! In: entries as an archive gives them. Out: [`Entries`]. Odd: folders are found again by a hash table of their numbers,
//! which is dropped at the end; mostly an entry lies in the folder of the one before, or near it, and nothing is looked
//! up.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use hashbrown::HashTable;

use super::{
    Entries, EntryRef,
    packed::{Folder, Packed, ROOT_FOLDER, Record},
};
use crate::{
    budget::{Budget, BudgetReached},
    entry::EntryMeta,
};

/// Entries that are being packed.
#[derive(Debug, Default)]
pub struct EntriesBuilder {
    packed: Packed,
    folders: HashTable<u32>,
    owners: HashMap<(u32, u32), u32>,
    hasher: RandomState,
    /// The folder of the entry before, its path, and where in it which folders above it end.
    last: u32,
    last_path: Vec<u8>,
    above: Vec<(usize, u32)>,
}

impl EntriesBuilder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.packed.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.packed.records.is_empty()
    }

    /// The entry at a position.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<EntryRef<'_>> {
        let record = self.packed.records.get(usize::try_from(index).ok()?)?;
        Some(EntryRef { packed: &self.packed, record })
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`BudgetReached`] when a name is longer than 65,535 bytes, all names are longer than 4 GiB, or there are more than
    /// 2^31 entries: what the packed form can hold, whatever the budget allows.
    pub fn push(&mut self, meta: &EntryMeta) -> Result<(), BudgetReached> {
        if self.packed.records.len() >= 1 << 31 {
            return Err(too_much("max_entries", "entries of a layer", 1 << 31));
        }
        let (parent, name) = meta.path.split().unwrap_or_default();
        let folder = self.folder(parent)?;
        let (name, name_length) = self.add_text(name)?;
        if let Some(link) = &meta.link {
            let length = u16::try_from(link.len())
                .map_err(|_long| too_much("max_path_bytes", "length of a link", u16::MAX.into()))?;
            self.packed.text.extend_from_slice(&length.to_le_bytes());
            self.packed.text.extend_from_slice(link);
        }
        let owner = self.owner(meta);
        self.packed.records.push(Record {
            size: meta.size,
            mtime: meta.mtime,
            name,
            folder,
            owner,
            name_length,
            bits: Record::bits_of(meta.kind, meta.mode, meta.link.is_some()),
        });
        Ok(())
    }

    /// Adds an entry, and counts the folders that only now are known.
    ///
    /// # Errors
    /// Those of [`push`](Self::push), and of the budget.
    pub(crate) fn push_within(
        &mut self,
        meta: &EntryMeta,
        budget: &Budget,
    ) -> Result<(), BudgetReached> {
        let before = self.packed.folders.len();
        self.push(meta)?;
        budget.use_folders((self.packed.folders.len() - before) as u64)
    }

    /// The packed entries, without anything that only packing needed.
    #[must_use]
    pub fn finish(self) -> Entries {
        let mut packed = self.packed;
        packed.text.shrink_to_fit();
        packed.folders.shrink_to_fit();
        packed.records.shrink_to_fit();
        Entries::from_packed(packed)
    }

    fn add_text(&mut self, text: &[u8]) -> Result<(u32, u16), BudgetReached> {
        let length = u16::try_from(text.len())
            .map_err(|_long| too_much("max_path_bytes", "length of a name", u16::MAX.into()))?;
        let start = u32::try_from(self.packed.text.len())
            .map_err(|_long| too_much("max_names_bytes", "names of a layer", u32::MAX.into()))?;
        self.packed.text.extend_from_slice(text);
        Ok((start, length))
    }

    fn owner(&mut self, meta: &EntryMeta) -> u32 {
        let owner = (
            u32::try_from(meta.uid).unwrap_or(u32::MAX),
            u32::try_from(meta.gid).unwrap_or(u32::MAX),
        );
        let owners = &mut self.packed.owners;
        *self.owners.entry(owner).or_insert_with(|| {
            owners.push(owner);
            u32::try_from(owners.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The number of the folder with that path.
    fn folder(&mut self, path: &[u8]) -> Result<u32, BudgetReached> {
        if path == self.last_path {
            return Ok(self.last);
        }
        // Up to the nearest folder above the last one, or it itself, that this path lies in, too.
        let common = self.last_path.iter().zip(path).take_while(|(a, b)| a == b).count();
        let ends_part =
            |end: usize| end <= common && path.get(end).is_none_or(|&byte| byte == b'/');
        while self.above.last().is_some_and(|&(end, _)| !ends_part(end)) {
            self.above.pop();
        }
        let (mut end, mut here) = self.above.last().copied().unwrap_or((0, ROOT_FOLDER));
        let rest = path.get(end..).unwrap_or_default();
        for part in rest.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
            here = self.child(here, part)?;
            end += part.len() + usize::from(end > 0);
            self.above.push((end, here));
        }
        self.last_path.clear();
        self.last_path.extend_from_slice(path);
        self.last = here;
        Ok(here)
    }

    /// The folder of that name in another one.
    fn child(&mut self, parent: u32, name: &[u8]) -> Result<u32, BudgetReached> {
        let hash = self.hasher.hash_one((parent, name));
        let packed = &self.packed;
        let is_it = |&folder: &u32| {
            packed.folder(folder).is_some_and(|it| it.parent == parent)
                && packed.folder_name(folder) == name
        };
        if let Some(&folder) = self.folders.find(hash, is_it) {
            return Ok(folder);
        }
        let (name, name_length) = self.add_text(name)?;
        let folder = u32::try_from(self.packed.folders.len())
            .map_err(|_many| too_much("max_entries", "folders of a layer", u32::MAX.into()))?;
        self.packed.folders.push(Folder { parent, name, name_length });
        let (packed, hasher) = (&self.packed, &self.hasher);
        self.folders.insert_unique(hash, folder, |&folder| {
            let parent = packed.folder(folder).map_or(ROOT_FOLDER, |it| it.parent);
            hasher.hash_one((parent, packed.folder_name(folder)))
        });
        Ok(folder)
    }
}

const fn too_much(name: &'static str, what: &'static str, limit: u64) -> BudgetReached {
    BudgetReached { name, what, limit }
}
