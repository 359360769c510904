//! How a tree lies in memory, while it grows and afterwards.
//!
//! In: the layers' entries. Out: names that refer to them: nothing of an entry is copied. Odd: a name that is the only one
//! of its file is bound to its own entry; only files with several names have a record that their names share. There may be
//! millions of names, so each is kept as one number ([`Kept`]).

use std::borrow::Cow;

use super::MAX_HOPS;
use crate::{
    entries::{Entries, EntryRef},
    entry::EntryKind,
};

/// The root's directory.
pub(super) const ROOT: u32 = 0;
/// No name, no directory.
pub(super) const NONE: u32 = u32::MAX;
/// Marks the entry of a directory that no layer names: the rest is the position of its name among the implied ones.
const IMPLIED: u32 = 1 << 31;

/// A name in a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Name {
    /// The layer that made the name, which for a hardlink is not the layer that made the file.
    pub(super) layer: u32,
    /// The entry of that layer that says the name, or [`IMPLIED`].
    pub(super) entry: u32,
    pub(super) bound: Bound,
}

/// What a name is bound to besides its entry: a directory, something that other names share, or nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bound(u32);

impl Bound {
    pub(super) const NOTHING: Self = Self(NONE);
    const SHARED: u32 = 1 << 31;

    pub(super) const fn to_directory(directory: u32) -> Self {
        Self(directory & !Self::SHARED)
    }

    pub(super) const fn to_shared(shared: u32) -> Self {
        Self(shared | Self::SHARED)
    }

    pub(super) const fn directory(self) -> Option<u32> {
        if self.0 & Self::SHARED == 0 { Some(self.0) } else { None }
    }

    pub(super) const fn shared(self) -> Option<u32> {
        if self.0 & Self::SHARED != 0 && self.0 != NONE {
            Some(self.0 & !Self::SHARED)
        } else {
            None
        }
    }
}

/// A [`Name`] as it is kept: the number of an entry, all layers' counted through; or a directory's; or, for one of several
/// names of a file, its position among those.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kept(u32);

impl Kept {
    pub(super) const NOTHING: Self = Self(NONE);
    const DIRECTORY: u32 = 2 << 30;
    const SHARED: u32 = 3 << 30;
    /// Enough for directories, and for two names of each of the most entries that [`limits`](crate::limits) allow.
    const REST: u32 = (1 << 30) - 1;
}

/// A directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directory {
    /// As in its [`Name`]: what states it, and says its name. Paths are put together on demand.
    pub(super) layer: u32,
    pub(super) entry: u32,
    pub(super) parent: u32,
    pub(super) depth: u32,
    /// Its first name, and in a finished tree how many follow.
    pub(super) first: u32,
    pub(super) count: u32,
}

/// A file, symlink or device with several names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    /// The entry that it comes from.
    pub(super) layer: u32,
    pub(super) entry: u32,
    /// The entry whose owner and mode count: that of the last hardlink.
    pub(super) owner_layer: u32,
    pub(super) owner_entry: u32,
    /// How many names it has.
    pub(super) links: u32,
}

/// All but the names themselves.
#[derive(Debug, Default)]
pub(super) struct Base {
    pub(super) layers: Vec<Entries>,
    /// How many entries the layers below each one have.
    below: Vec<u32>,
    pub(super) directories: Vec<Directory>,
    pub(super) shared: Vec<Shared>,
    /// The names of files with several.
    shared_names: Vec<Name>,
    /// Names of directories that no layer names, one behind the other, and where each ends.
    implied: Vec<u8>,
    implied_ends: Vec<u32>,
}

impl Base {
    pub(super) fn new(layers: Vec<Entries>) -> Self {
        let (mut below, mut count) = (Vec::new(), 0_u32);
        for layer in &layers {
            below.push(count);
            count = count.saturating_add(u32::try_from(layer.len()).unwrap_or(u32::MAX));
        }
        let mut base = Self { layers, below, ..Self::default() };
        let entry = base.imply(&[]);
        let root = Directory { layer: NONE, entry, parent: ROOT, depth: 0, first: NONE, count: 0 };
        base.directories.push(root);
        base
    }

    /// A name as one number.
    pub(super) fn keep(&mut self, name: Name) -> Kept {
        if let Some(directory) = name.bound.directory() {
            return Kept(directory & Kept::REST | Kept::DIRECTORY);
        }
        if name.bound.shared().is_some() {
            let position = u32::try_from(self.shared_names.len()).unwrap_or(Kept::REST);
            self.shared_names.push(name);
            return Kept(position & Kept::REST | Kept::SHARED);
        }
        let below = self.below.get(at(name.layer)).copied().unwrap_or_default();
        Kept(below.saturating_add(name.entry))
    }

    pub(super) fn kept(&self, Kept(number): Kept) -> Name {
        let rest = number & Kept::REST;
        match number & !Kept::REST {
            Kept::DIRECTORY => self.name_of_directory(rest),
            Kept::SHARED => {
                let nothing = Name { layer: NONE, entry: IMPLIED, bound: Bound::NOTHING };
                self.shared_names.get(at(rest)).copied().unwrap_or(nothing)
            }
            _ => {
                // Layers without entries begin where the next one does, which is the one that is meant.
                let layer = self.below.partition_point(|&below| below <= number).saturating_sub(1);
                let below = self.below.get(layer).copied().unwrap_or_default();
                let layer = u32::try_from(layer).unwrap_or(NONE);
                Name { layer, entry: number - below, bound: Bound::NOTHING }
            }
        }
    }

    /// Keeps a name that no layer says; the number stands for an entry.
    pub(super) fn imply(&mut self, name: &[u8]) -> u32 {
        self.implied.extend_from_slice(name);
        self.implied_ends.push(u32::try_from(self.implied.len()).unwrap_or(u32::MAX));
        u32::try_from(self.implied_ends.len() - 1).unwrap_or(u32::MAX) | IMPLIED
    }

    pub(super) fn directory(&self, directory: u32) -> Option<&Directory> {
        self.directories.get(at(directory))
    }

    pub(super) fn directory_mut(&mut self, directory: u32) -> Option<&mut Directory> {
        self.directories.get_mut(at(directory))
    }

    pub(super) fn shared(&self, name: &Name) -> Option<&Shared> {
        self.shared.get(at(name.bound.shared()?))
    }

    pub(super) fn entry(&self, layer: u32, entry: u32) -> Option<EntryRef<'_>> {
        if entry & IMPLIED != 0 {
            return None;
        }
        self.layers.get(at(layer))?.get(entry)
    }

    /// The bytes of a name.
    pub(super) fn name(&self, layer: u32, entry: u32) -> &[u8] {
        if entry & IMPLIED == 0 {
            return self.entry(layer, entry).map_or(&[], EntryRef::name);
        }
        let position = at(entry & !IMPLIED);
        let end = |position: usize| self.implied_ends.get(position).copied().map_or(0, at);
        let start = position.checked_sub(1).map_or(0, end);
        self.implied.get(start..end(position)).unwrap_or_default()
    }

    /// Layer and entry that a name's file or directory comes from; `None` for directories that no layer names.
    pub(super) fn content(&self, name: &Name) -> Option<(u32, u32)> {
        if let Some(shared) = self.shared(name) {
            return Some((shared.layer, shared.entry));
        }
        (name.entry & IMPLIED == 0).then_some((name.layer, name.entry))
    }

    /// Where a symlink points.
    pub(super) fn target(&self, name: &Name) -> Option<&[u8]> {
        if name.bound.directory().is_some() {
            return None;
        }
        let (layer, entry) = self.content(name)?;
        let entry = self.entry(layer, entry)?;
        if entry.kind() == EntryKind::Symlink { entry.link() } else { None }
    }

    /// A directory as a name.
    pub(super) fn name_of_directory(&self, directory: u32) -> Name {
        let (layer, entry) =
            self.directory(directory).map_or((NONE, IMPLIED), |it| (it.layer, it.entry));
        Name { layer, entry, bound: Bound::to_directory(directory) }
    }

    /// Puts the path of `name` in `directory` in the place of what is in `path`; an empty name gives the directory's own.
    pub(super) fn write_path(&self, directory: u32, name: &[u8], path: &mut Vec<u8>) {
        path.clear();
        let mut put = |name: &[u8]| {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend(name.iter().rev());
        };
        if !name.is_empty() {
            put(name);
        }
        let mut here = directory;
        while here != ROOT
            && let Some(directory) = self.directory(here)
        {
            put(self.name(directory.layer, directory.entry));
            here = directory.parent;
        }
        path.reverse();
    }
}

/// Names that can be looked up.
pub(super) trait Names {
    /// All but the names.
    fn base(&self) -> &Base;
    /// A name in a directory, with its position.
    fn child(&self, directory: u32, name: &[u8]) -> Option<(u32, Name)>;
}

/// Where a look-up ended.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) name: Name,
    /// The name's position; nothing for a directory that was reached from below.
    pub(super) position: u32,
    /// The directory that the last name was looked up in.
    pub(super) parent: u32,
}

impl Found {
    fn directory(base: &Base, directory: u32) -> Self {
        Self { name: base.name_of_directory(directory), position: NONE, parent: directory }
    }
}

/// Looks a path up, following symlinks in its directories, and at its end if asked to; counts its steps.
pub(super) fn find(
    names: &impl Names,
    path: &[u8],
    follow_last: bool,
    steps: &mut u64,
) -> Option<Found> {
    let base = names.base();
    let mut pending = Pending::of(path);
    let mut found = Found::directory(base, ROOT);
    let mut hops = 0;
    while let Some(part) = pending.pop() {
        *steps += 1;
        let here = found.name.bound.directory()?;
        if part.as_ref() == b".." {
            found = Found::directory(base, base.directory(here)?.parent);
            continue;
        }
        let (position, name) = names.child(here, &part)?;
        match base.target(&name) {
            Some(target) if follow_last || !pending.is_empty() => {
                hops += 1;
                if hops > MAX_HOPS {
                    return None;
                }
                if target.starts_with(b"/") {
                    found = Found::directory(base, ROOT);
                }
                pending.push_target(target);
            }
            _ => found = Found { name, position, parent: here },
        }
    }
    Some(found)
}

/// The parts of a path that are still to be looked up, the next one last.
pub(super) struct Pending<'p>(Vec<Cow<'p, [u8]>>);

impl<'p> Pending<'p> {
    pub(super) fn of(path: &'p [u8]) -> Self {
        Self(parts(path).rev().map(Cow::Borrowed).collect())
    }

    pub(super) fn pop(&mut self) -> Option<Cow<'p, [u8]>> {
        self.0.pop()
    }

    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push_target(&mut self, target: &[u8]) {
        self.0.extend(parts(target).rev().map(|part| Cow::Owned(part.to_vec())));
    }
}

/// The parts of a path or link target, `..` among them.
fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !matches!(*part, b"" | b"."))
}

/// A number as a position.
pub(super) fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
