//! A tree while layers are applied to it.
//!
//! In: names to bind and to remove. Out: a finished [`Tree`]. Odd: all names of all directories are found by one hash table;
//! what was removed keeps its place until the end, when names are sorted into their directories. What a directory holds is
//! known only from the first time on that somebody asks, since most images never do.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::{
    Gone, Tree,
    names::{Base, Bound, Directory, Kept, NONE, Name, Names, Shared, at},
};
use crate::entries::Entries;

/// Names that are looked up by a hash.
pub(super) struct Growing {
    pub(super) base: Base,
    made: Vec<Made>,
    /// For each name, the one that was made before it in the same directory.
    siblings: Option<Vec<u32>>,
    table: HashTable<u32>,
    hasher: RandomState,
    pub(super) removed: Vec<Gone>,
}

/// A name that was made.
struct Made {
    name: Kept,
    /// Its directory; [`NONE`] when it was removed.
    parent: u32,
}

/// The hash of a directory's number and a name.
#[derive(Clone, Copy)]
pub(super) struct Hash(u64);

impl Names for Growing {
    fn base(&self) -> &Base {
        &self.base
    }

    fn child(&self, directory: u32, name: &[u8]) -> Option<(u32, Name)> {
        self.hashed_child(directory, name, self.hash(directory, name))
    }
}

impl Growing {
    pub(super) fn new(base: Base) -> Self {
        let entries = base.layers.iter().map(Entries::len).sum();
        Self {
            base,
            made: Vec::with_capacity(entries),
            siblings: None,
            table: HashTable::with_capacity(entries),
            hasher: RandomState::new(),
            removed: Vec::new(),
        }
    }

    /// [`child`](Names::child) where the hash is known.
    pub(super) fn hashed_child(
        &self,
        directory: u32,
        name: &[u8],
        hash: Hash,
    ) -> Option<(u32, Name)> {
        let position = *self.table.find(hash.0, |&position| {
            self.made
                .get(at(position))
                .is_some_and(|made| made.parent == directory && self.name(made.name) == name)
        })?;
        Some((position, self.base.kept(self.made.get(at(position))?.name)))
    }

    /// The bytes of a kept name.
    fn name(&self, kept: Kept) -> &[u8] {
        let name = self.base.kept(kept);
        self.base.name(name.layer, name.entry)
    }

    /// Binds a name that is not there in the directory.
    pub(super) fn bind(&mut self, directory: u32, name: Name, hash: Hash) {
        let position = u32::try_from(self.made.len()).unwrap_or(NONE);
        if let Some(siblings) = &mut self.siblings
            && let Some(below) = self.base.directory_mut(directory)
        {
            siblings.push(std::mem::replace(&mut below.first, position));
        }
        let name = self.base.keep(name);
        self.made.push(Made { name, parent: directory });
        let (base, made, hasher) = (&self.base, &self.made, &self.hasher);
        self.table.insert_unique(hash.0, position, |&position| {
            made.get(at(position)).map_or(0, |made| {
                let name = base.kept(made.name);
                hasher.hash_one((made.parent, base.name(name.layer, name.entry)))
            })
        });
    }

    /// Makes a directory; the caller binds a name to it.
    pub(super) fn add_directory(
        &mut self,
        layer: u32,
        entry: u32,
        parent: u32,
        depth: u32,
    ) -> Name {
        let directory = u32::try_from(self.base.directories.len()).unwrap_or(NONE);
        let made = Directory { layer, entry, parent, depth, first: NONE, count: 0 };
        self.base.directories.push(made);
        Name { layer, entry, bound: Bound::to_directory(directory) }
    }

    /// A directory's entry is now another one.
    pub(super) fn restate(&mut self, directory: u32, layer: u32, entry: u32) {
        if let Some(directory) = self.base.directory_mut(directory) {
            (directory.layer, directory.entry) = (layer, entry);
        }
    }

    /// What other names can share: the name's file gets a record for that if it has none.
    pub(super) fn share(&mut self, position: u32, name: &Name) -> u32 {
        if let Some(shared) = name.bound.shared() {
            return shared;
        }
        let (layer, entry) = (name.layer, name.entry);
        let shared = self.add_shared(layer, entry);
        let name = self.base.keep(Name { bound: Bound::to_shared(shared), ..*name });
        if let Some(made) = self.made.get_mut(at(position)) {
            made.name = name;
        }
        shared
    }

    /// A record of a file that has one name.
    pub(super) fn add_shared(&mut self, layer: u32, entry: u32) -> u32 {
        let shared = Shared { layer, entry, owner_layer: layer, owner_entry: entry, links: 1 };
        self.base.shared.push(shared);
        u32::try_from(self.base.shared.len() - 1).unwrap_or(NONE)
    }

    pub(super) fn shared_mut(&mut self, shared: u32) -> Option<&mut Shared> {
        self.base.shared.get_mut(at(shared))
    }

    /// Takes a name out of its directory.
    pub(super) fn unbind(&mut self, position: u32) {
        let Some(made) = self.made.get(at(position)) else { return };
        let hash = self.hash(made.parent, self.name(made.name));
        if let Ok(entry) = self.table.find_entry(hash.0, |&it| it == position) {
            entry.remove();
        }
        if let Some(made) = self.made.get_mut(at(position)) {
            made.parent = NONE;
        }
    }

    /// The names in a directory with their positions, in no order. What was removed costs a step, too.
    pub(super) fn children(
        &mut self,
        directory: u32,
        steps: &mut u64,
    ) -> impl Iterator<Item = (u32, Name)> {
        if self.siblings.is_none() {
            self.siblings = Some(self.siblings());
        }
        let this = &*self;
        let mut next = this.base.directory(directory).map_or(NONE, |it| it.first);
        std::iter::from_fn(move || {
            loop {
                *steps += 1;
                let position = at(next);
                let made = this.made.get(position)?;
                next = *this.siblings.as_ref()?.get(position)?;
                if made.parent == directory {
                    return Some((u32::try_from(position).ok()?, this.base.kept(made.name)));
                }
            }
        })
    }

    /// Links the names of each directory.
    fn siblings(&mut self) -> Vec<u32> {
        let siblings = (0..).zip(&self.made).map(|(position, made)| {
            let below = self.base.directories.get_mut(at(made.parent));
            below.map_or(NONE, |below| std::mem::replace(&mut below.first, position))
        });
        siblings.collect()
    }

    pub(super) fn hash(&self, directory: u32, name: &[u8]) -> Hash {
        Hash(self.hasher.hash_one((directory, name)))
    }

    /// Sorts all names into their directories.
    pub(super) fn finish(self) -> Tree {
        let Self { mut base, made, table, siblings, removed, .. } = self;
        drop((table, siblings));
        for directory in &mut base.directories {
            directory.count = 0;
        }
        for made in &made {
            if let Some(directory) = base.directory_mut(made.parent) {
                directory.count += 1;
            }
        }
        let mut total = 0;
        for directory in &mut base.directories {
            directory.first = total;
            total += std::mem::take(&mut directory.count);
        }
        let mut names = vec![Kept::NOTHING; at(total)];
        for made in made {
            let Some(directory) = base.directory_mut(made.parent) else { continue };
            if let Some(place) = names.get_mut(at(directory.first + directory.count)) {
                *place = made.name;
            }
            directory.count += 1;
        }
        let mut sorted = Vec::new();
        for directory in &base.directories {
            let range = at(directory.first)..at(directory.first + directory.count);
            let Some(children) = names.get_mut(range) else { continue };
            // Finding a name costs more than comparing two.
            sorted.extend(children.iter().map(|&kept| {
                let name = base.kept(kept);
                (base.name(name.layer, name.entry), kept)
            }));
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (child, (_, kept)) in children.iter_mut().zip(sorted.drain(..)) {
                *child = kept;
            }
        }
        drop(sorted);
        Tree { base, names, removed }
    }
}
