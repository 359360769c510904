//! A tree while layers are applied to it.
//!
//! In: names to bind and to remove. Out: a finished [`Tree`]. Odd: all names of all directories are found by one hash table;
//! what was removed keeps its place until the end, when names are sorted into their directories.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::{
    Gone, Tree,
    names::{Base, Bound, Directory, NONE, Name, Names, Shared, at},
};
use crate::entries::Entries;

/// Names that are looked up by a hash.
pub(super) struct Growing {
    pub(super) base: Base,
    made: Vec<Made>,
    table: HashTable<u32>,
    hasher: RandomState,
    pub(super) removed: Vec<Gone>,
}

/// A name that was made.
struct Made {
    name: Name,
    /// Its directory; [`NONE`] when it was removed.
    parent: u32,
    /// The name that was made before it in the same directory.
    next: u32,
    hash: Hash,
}

/// The hash of a directory's number and a name: half of what the hasher gives, as it is kept with each name.
#[derive(Clone, Copy)]
pub(super) struct Hash(u32);

impl Hash {
    /// For the table, which looks at both ends.
    fn spread(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

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
        let position = *self.table.find(hash.spread(), |&position| {
            self.made.get(at(position)).is_some_and(|made| {
                made.hash.0 == hash.0
                    && made.parent == directory
                    && self.base.name(made.name.layer, made.name.entry) == name
            })
        })?;
        Some((position, self.made.get(at(position))?.name))
    }

    /// Binds a name that is not there in the directory.
    pub(super) fn bind(&mut self, directory: u32, name: Name, hash: Hash) {
        let position = u32::try_from(self.made.len()).unwrap_or(NONE);
        let Some(below) = self.base.directory_mut(directory) else { return };
        let next = std::mem::replace(&mut below.first, position);
        self.made.push(Made { name, parent: directory, next, hash });
        let made = &self.made;
        self.table.insert_unique(hash.spread(), position, |&position| {
            made.get(at(position)).map_or(0, |made| made.hash.spread())
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
    pub(super) fn restate(&mut self, directory: u32, position: u32, layer: u32, entry: u32) {
        if let Some(made) = self.made.get_mut(at(position)) {
            (made.name.layer, made.name.entry) = (layer, entry);
        }
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
        if let Some(made) = self.made.get_mut(at(position)) {
            made.name.bound = Bound::to_shared(shared);
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
        let Some(made) = self.made.get_mut(at(position)) else { return };
        made.parent = NONE;
        if let Ok(entry) = self.table.find_entry(made.hash.spread(), |&it| it == position) {
            entry.remove();
        }
    }

    /// The names in a directory with their positions, in no order. What was removed costs a step, too.
    pub(super) fn children<'g>(
        &'g self,
        directory: u32,
        steps: &'g mut u64,
    ) -> impl Iterator<Item = (u32, Name)> + 'g {
        let mut next = self.base.directory(directory).map_or(NONE, |it| it.first);
        std::iter::from_fn(move || {
            loop {
                *steps += 1;
                let position = next;
                let made = self.made.get(at(position))?;
                next = made.next;
                if made.parent == directory {
                    return Some((position, made.name));
                }
            }
        })
    }

    pub(super) fn hash(&self, directory: u32, name: &[u8]) -> Hash {
        let hash = self.hasher.hash_one((directory, name));
        Hash(u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0))
    }

    /// Sorts all names into their directories.
    pub(super) fn finish(self) -> Tree {
        let Self { mut base, made, table, removed, .. } = self;
        drop(table);
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
        let nothing = Name { layer: NONE, entry: NONE, bound: Bound::NOTHING };
        let mut names = vec![nothing; at(total)];
        for made in made {
            let Some(directory) = base.directory_mut(made.parent) else { continue };
            if let Some(place) = names.get_mut(at(directory.first + directory.count)) {
                *place = made.name;
            }
            directory.count += 1;
        }
        for directory in &base.directories {
            let range = at(directory.first)..at(directory.first + directory.count);
            if let Some(children) = names.get_mut(range) {
                children.sort_unstable_by(|a, b| {
                    base.name(a.layer, a.entry).cmp(base.name(b.layer, b.entry))
                });
            }
        }
        Tree { base, names, removed }
    }
}
