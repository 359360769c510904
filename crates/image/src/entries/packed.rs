//! How entries lie in memory.
//!
//! In: what the builder or a cache file gives. Out: [`Packed`]: rows of bytes, one for each entry, and folders that know
//! their parents. Odd: a row says only what differs from the row before it, so that most entries take little more than their
//! name; every eighth says all, and where it begins is known, so that any entry is found by reading eight rows at most.

use super::EntryRef;
use crate::{capabilities::FileCapabilities, entry::EntryKind};

/// The root among the folders.
pub(crate) const ROOT_FOLDER: u32 = 0;
/// Rows of which the first says all.
pub(super) const BLOCK: u32 = 8;

/// Bits of a row's first byte: what the row says. The upper four say how many bytes the size takes.
pub(super) const HAS_FOLDER: u8 = 1;
pub(super) const HAS_ATTRIBUTES: u8 = 2;
pub(super) const HAS_MTIME: u8 = 4;
pub(super) const HAS_LINK: u8 = 8;
const SAYS_ALL: u8 = HAS_FOLDER | HAS_ATTRIBUTES | HAS_MTIME;
const SIZE_SHIFT: u32 = 4;
/// Longest name or link.
pub(super) const MAX_NAME: usize = u16::MAX as usize;

/// The entries of a layer.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Packed {
    /// One row behind the other.
    pub(super) rows: Vec<u8>,
    pub(super) count: u32,
    /// Where each block of [`BLOCK`] rows begins.
    pub(super) blocks: Vec<u32>,
    /// All folders that something lies in; the first is the root. A folder's parent stands before it.
    pub(super) folders: Vec<Folder>,
    pub(super) folder_names: Vec<u8>,
    /// What many entries have in common.
    pub(super) attributes: Vec<Attributes>,
}

/// A folder that entries lie in; a layer may have no entry for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Folder {
    pub(crate) parent: u32,
    /// Where its name begins among the folders' names, and its length.
    pub(super) name: u32,
    pub(super) name_length: u16,
}

/// User, group, kind, mode and capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Attributes {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) kind: EntryKind,
    pub(super) mode: u16,
    pub(super) capabilities: Option<FileCapabilities>,
}

impl Attributes {
    /// Those of an entry that cannot be: nobody's pipe.
    const NONE: Self =
        Self { uid: u32::MAX, gid: u32::MAX, kind: EntryKind::Fifo, mode: 0, capabilities: None };
}

/// What a row says, and what the one before it said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row<'p> {
    pub(super) name: &'p [u8],
    pub(super) link: Option<&'p [u8]>,
    pub(super) size: u64,
    pub(super) carried: Carried,
}

/// What a row takes from the one before it unless it says it itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Carried {
    pub(super) folder: u32,
    /// Position among the attributes.
    pub(super) attributes: u32,
    pub(super) mtime: i64,
}

impl<'p> Row<'p> {
    /// Appends the row that stands at `index`, behind one that carries `before`.
    pub(super) fn write(&self, index: u32, before: &Carried, rows: &mut Vec<u8>) {
        let Self { name, link, size, carried } = self;
        let (says_all, before) = start(index, before);
        let mut head = says_all;
        let mut put_bit = |bit: u8, is_set: bool| head |= if is_set { bit } else { 0 };
        put_bit(HAS_FOLDER, carried.folder != before.folder);
        put_bit(HAS_ATTRIBUTES, carried.attributes != before.attributes);
        put_bit(HAS_MTIME, carried.mtime != before.mtime);
        put_bit(HAS_LINK, link.is_some());
        let size_bytes = size.to_le_bytes();
        let length = size_bytes.len() - (size.leading_zeros() / u8::BITS) as usize;
        rows.push(head | u8::try_from(length << SIZE_SHIFT).unwrap_or(0));
        put(rows, name.len() as u64);
        rows.extend_from_slice(name);
        if head & HAS_FOLDER != 0 {
            put(rows, carried.folder.into());
        }
        if head & HAS_ATTRIBUTES != 0 {
            put(rows, carried.attributes.into());
        }
        if head & HAS_MTIME != 0 {
            put_signed(rows, carried.mtime.wrapping_sub(before.mtime));
        }
        rows.extend_from_slice(size_bytes.get(..length).unwrap_or_default());
        if let Some(link) = link {
            put(rows, link.len() as u64);
            rows.extend_from_slice(link);
        }
    }

    /// Reads the row that stands at `index`, behind one that carries `before`; `None` when it is none.
    pub(super) fn read(index: u32, before: &Carried, rows: &mut &'p [u8]) -> Option<Self> {
        let (says_all, mut carried) = start(index, before);
        let (&head, rest) = rows.split_first()?;
        *rows = rest;
        if head & says_all != says_all {
            return None;
        }
        let name = take_name(rows)?;
        if head & HAS_FOLDER != 0 {
            carried.folder = u32::try_from(take(rows)?).ok()?;
        }
        if head & HAS_ATTRIBUTES != 0 {
            carried.attributes = u32::try_from(take(rows)?).ok()?;
        }
        if head & HAS_MTIME != 0 {
            carried.mtime = carried.mtime.wrapping_add(take_signed(rows)?);
        }
        let (said, rest) = rows.split_at_checked(usize::from(head >> SIZE_SHIFT))?;
        *rows = rest;
        let mut size = [0; size_of::<u64>()];
        size.get_mut(..said.len())?.copy_from_slice(said);
        let link = if head & HAS_LINK != 0 { Some(take_name(rows)?) } else { None };
        Some(Self { name, link, size: u64::from_le_bytes(size), carried })
    }
}

/// What a row at `index` must say, and what it builds on.
fn start(index: u32, before: &Carried) -> (u8, Carried) {
    if index.is_multiple_of(BLOCK) { (SAYS_ALL, Carried::default()) } else { (0, *before) }
}

fn take_name<'p>(rows: &mut &'p [u8]) -> Option<&'p [u8]> {
    let length = usize::try_from(take(rows)?).ok().filter(|length| *length <= MAX_NAME)?;
    let (name, rest) = rows.split_at_checked(length)?;
    *rows = rest;
    Some(name)
}

/// Writes a number in as few bytes as it needs (LEB128).
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    let low = |number: u64| u8::try_from(number & 0x7f).unwrap_or(0);
    while number > 0x7f {
        out.push(low(number) | 0x80);
        number >>= 7;
    }
    out.push(low(number));
}

/// Small numbers of either sign become small numbers.
fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number << 1 ^ number >> 63).cast_unsigned());
}

pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = take(bytes)?;
    Some((number >> 1 ^ (number & 1).wrapping_neg()).cast_signed())
}

/// Entries one after the other, in the order of the archive.
#[derive(Clone)]
pub(super) struct Rows<'p> {
    packed: &'p Packed,
    rest: &'p [u8],
    index: u32,
    carried: Carried,
}

impl<'p> Iterator for Rows<'p> {
    type Item = EntryRef<'p>;

    fn next(&mut self) -> Option<EntryRef<'p>> {
        if self.index >= self.packed.count {
            return None;
        }
        let row = Row::read(self.index, &self.carried, &mut self.rest)?;
        self.index += 1;
        self.carried = row.carried;
        Some(EntryRef { packed: self.packed, row })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.packed.count - self.index).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Rows<'_> {}

impl Default for Packed {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            count: 0,
            blocks: Vec::new(),
            folders: vec![Folder::default()],
            folder_names: Vec::new(),
            attributes: Vec::new(),
        }
    }
}

impl Packed {
    pub(super) fn entries(&self) -> Rows<'_> {
        Rows { packed: self, rest: &self.rows, index: 0, carried: Carried::default() }
    }

    pub(super) fn entry(&self, index: u32) -> Option<EntryRef<'_>> {
        let start = *self.blocks.get(usize::try_from(index / BLOCK).ok()?)?;
        let rest = self.rows.get(usize::try_from(start).ok()?..)?;
        let index_of_block = index - index % BLOCK;
        let mut block =
            Rows { packed: self, rest, index: index_of_block, carried: Carried::default() };
        block.nth(usize::try_from(index % BLOCK).ok()?)
    }

    pub(super) fn attributes(&self, number: u32) -> Attributes {
        let attributes = usize::try_from(number).ok().and_then(|it| self.attributes.get(it));
        attributes.copied().unwrap_or(Attributes::NONE)
    }

    pub(super) fn name_of(&self, folder: &Folder) -> Option<&[u8]> {
        let start = usize::try_from(folder.name).ok()?;
        self.folder_names.get(start..start.checked_add(usize::from(folder.name_length))?)
    }

    pub(crate) fn folder(&self, folder: u32) -> Option<Folder> {
        self.folders.get(usize::try_from(folder).ok()?).copied()
    }

    /// A folder's own name.
    pub(crate) fn folder_name(&self, folder: u32) -> &[u8] {
        self.folder(folder).and_then(|folder| self.name_of(&folder)).unwrap_or_default()
    }

    /// Puts the path of `name` in `folder` in the place of what is in `path`; an empty name gives the folder's own.
    pub(crate) fn write_path(&self, folder: u32, name: &[u8], path: &mut Vec<u8>) {
        let mut length = name.len();
        let mut here = folder;
        while here != ROOT_FOLDER
            && let Some(folder) = self.folder(here)
        {
            length += usize::from(folder.name_length) + usize::from(length > 0);
            here = folder.parent;
        }
        path.clear();
        path.resize(length, b'/');
        let mut put = |end: usize, name: &[u8]| {
            let start = end.saturating_sub(name.len());
            if let Some(place) = path.get_mut(start..end) {
                place.copy_from_slice(name);
            }
            start.saturating_sub(1)
        };
        let mut end = length;
        if !name.is_empty() {
            end = put(end, name);
        }
        here = folder;
        while here != ROOT_FOLDER
            && let Some(folder) = self.folder(here)
        {
            end = put(end, self.name_of(&folder).unwrap_or_default());
            here = folder.parent;
        }
    }

    /// Bytes of all paths and links, each written out.
    pub(super) fn names_bytes(&self) -> u64 {
        // Where a folder's name ends in the paths of what lies in it, the slash behind it included.
        let mut lengths: Vec<u64> = Vec::with_capacity(self.folders.len());
        let length_of = |lengths: &[u64], folder: u32| {
            usize::try_from(folder)
                .ok()
                .and_then(|folder| lengths.get(folder))
                .copied()
                .unwrap_or(0)
        };
        for (number, folder) in (0..).zip(&self.folders) {
            let parent = length_of(&lengths, folder.parent);
            let own = u64::from(folder.name_length) + 1;
            lengths.push(if number == ROOT_FOLDER { 0 } else { parent + own });
        }
        let names = self.entries().map(|entry| {
            let link = entry.link().map_or(0, <[u8]>::len) as u64;
            length_of(&lengths, entry.folder()) + entry.name().len() as u64 + link
        });
        names.sum()
    }

    /// The first part of a folder's path; empty for the root's.
    pub(crate) fn top_name(&self, folder: u32) -> &[u8] {
        let mut here = folder;
        while let Some(folder) = self.folder(here)
            && folder.parent != ROOT_FOLDER
        {
            here = folder.parent;
        }
        self.folder_name(here)
    }

    /// The names of the folders at the root.
    pub(crate) fn top_names(&self) -> impl Iterator<Item = &[u8]> {
        let folders = self.folders.iter().filter(|folder| folder.parent == ROOT_FOLDER);
        folders.map(|folder| self.name_of(folder).unwrap_or_default())
    }

    pub(crate) const fn folder_count(&self) -> usize {
        self.folders.len()
    }
}
