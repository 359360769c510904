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
    packed::{Attributes, BLOCK, Carried, Folder, MAX_NAME, Packed, ROOT_FOLDER, Row},
};
use crate::{
    budget::{Budget, BudgetReached},
    entry::EntryMeta,
};

/// The most entries of all layers that a merged tree can tell apart.
pub(crate) const MAX_ENTRIES: u32 = 1 << 29;

/// Entries that are being packed.
#[derive(Debug, Default)]
pub struct EntriesBuilder {
    packed: Packed,
    folders: HashTable<u32>,
    attributes: HashMap<Attributes, u32>,
    hasher: RandomState,
    /// What the row before says.
    carried: Carried,
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
    pub fn len(&self) -> usize {
        usize::try_from(self.packed.count).unwrap_or(usize::MAX)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.packed.count == 0
    }

    /// The entry at a position.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<EntryRef<'_>> {
        self.packed.entry(index)
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`BudgetReached`] when a name is longer than 65,535 bytes, all entries take more than 4 GiB, or there are more than
    /// 2^29 of them: what the packed form can hold, whatever the budget allows.
    pub fn push(&mut self, meta: &EntryMeta) -> Result<(), BudgetReached> {
        let index = self.packed.count;
        if index >= MAX_ENTRIES {
            return Err(too_much("max_entries", "entries of a layer", MAX_ENTRIES.into()));
        }
        let (parent, name) = meta.path.split().unwrap_or_default();
        let link = meta.link.as_deref();
        for (text, what) in
            [(name, "length of a name"), (link.unwrap_or_default(), "length of a link")]
        {
            if text.len() > MAX_NAME {
                return Err(too_much("max_path_bytes", what, MAX_NAME as u64));
            }
        }
        let folder = self.folder(parent)?;
        let carried = Carried { folder, attributes: self.attributes(meta), mtime: meta.mtime };
        let start = u32::try_from(self.packed.rows.len())
            .map_err(|_long| too_much("max_names_bytes", "names of a layer", u32::MAX.into()))?;
        if index.is_multiple_of(BLOCK) {
            self.packed.blocks.push(start);
        }
        let row = Row { name, link, size: meta.size, carried };
        row.write(index, &self.carried, &mut self.packed.rows);
        self.carried = carried;
        self.packed.count += 1;
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
        packed.rows.shrink_to_fit();
        packed.blocks.shrink_to_fit();
        packed.folders.shrink_to_fit();
        packed.folder_names.shrink_to_fit();
        Entries::from_packed(packed)
    }

    /// The number of what an entry has in common with others.
    fn attributes(&mut self, meta: &EntryMeta) -> u32 {
        let attributes = Attributes {
            uid: u32::try_from(meta.uid).unwrap_or(u32::MAX),
            gid: u32::try_from(meta.gid).unwrap_or(u32::MAX),
            kind: meta.kind,
            mode: u16::try_from(meta.mode & 0o7777).unwrap_or(0),
            capabilities: meta.capabilities,
        };
        if self.packed.count > 0 && self.packed.attributes(self.carried.attributes) == attributes {
            return self.carried.attributes;
        }
        let all = &mut self.packed.attributes;
        *self.attributes.entry(attributes).or_insert_with(|| {
            all.push(attributes);
            u32::try_from(all.len() - 1).unwrap_or(u32::MAX)
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
        let name_length = u16::try_from(name.len())
            .map_err(|_long| too_much("max_path_bytes", "length of a name", u16::MAX.into()))?;
        let start = u32::try_from(self.packed.folder_names.len())
            .map_err(|_long| too_much("max_names_bytes", "names of a layer", u32::MAX.into()))?;
        let folder = u32::try_from(self.packed.folders.len())
            .map_err(|_many| too_much("max_entries", "folders of a layer", u32::MAX.into()))?;
        self.packed.folder_names.extend_from_slice(name);
        self.packed.folders.push(Folder { parent, name: start, name_length });
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
