//! How entries lie in memory.
//!
//! In: what the builder or a cache file gives. Out: [`Packed`]: one text for all names and links, folders that know their
//! parents, records of fixed size. Odd: a link stands in the text behind its entry's name, with its length before it, so
//! that the many entries without one pay nothing for it.

use crate::entry::EntryKind;

/// The root among the folders.
pub(crate) const ROOT_FOLDER: u32 = 0;
/// Where the kind begins among the bits of [`Record::bits`].
const KIND_SHIFT: u32 = 12;
const HAS_LINK: u16 = 1 << 15;
/// Bytes of a link's length.
pub(super) const LINK_LENGTH: usize = 2;

/// The entries of a layer.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Packed {
    /// Names and links.
    pub(super) text: Vec<u8>,
    /// All folders that something lies in; the first is the root. A folder's parent stands before it.
    pub(super) folders: Vec<Folder>,
    /// User and group.
    pub(super) owners: Vec<(u32, u32)>,
    pub(super) records: Vec<Record>,
}

/// A folder that entries lie in; a layer may have no entry for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Folder {
    pub(crate) parent: u32,
    /// Where its name begins in the text, and its length.
    pub(super) name: u32,
    pub(super) name_length: u16,
}

/// One entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Record {
    pub(super) size: u64,
    pub(super) mtime: i64,
    /// Where its name begins in the text, and its length.
    pub(super) name: u32,
    pub(super) folder: u32,
    /// Position among the owners.
    pub(super) owner: u32,
    pub(super) name_length: u16,
    /// Mode, kind, and whether there is a link.
    pub(super) bits: u16,
}

impl Default for Packed {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            folders: vec![Folder::default()],
            owners: Vec::new(),
            records: Vec::new(),
        }
    }
}

impl Packed {
    fn text_at(&self, start: u32, length: u16) -> &[u8] {
        self.text_in(start, length).unwrap_or_default()
    }

    pub(super) fn text_in(&self, start: u32, length: u16) -> Option<&[u8]> {
        let start = usize::try_from(start).ok()?;
        self.text.get(start..start.checked_add(usize::from(length))?)
    }

    pub(super) fn name(&self, record: &Record) -> &[u8] {
        self.text_at(record.name, record.name_length)
    }

    pub(super) fn owner(&self, record: &Record) -> (u32, u32) {
        let owner = usize::try_from(record.owner).ok().and_then(|owner| self.owners.get(owner));
        owner.copied().unwrap_or((u32::MAX, u32::MAX))
    }

    pub(super) fn link(&self, record: &Record) -> Option<&[u8]> {
        if !record.has_link() {
            return None;
        }
        let start = usize::try_from(record.name).ok()? + usize::from(record.name_length);
        let rest = self.text.get(start..)?;
        let (length, rest) = rest.split_first_chunk::<LINK_LENGTH>()?;
        rest.get(..usize::from(u16::from_le_bytes(*length)))
    }

    pub(crate) fn folder(&self, folder: u32) -> Option<Folder> {
        self.folders.get(usize::try_from(folder).ok()?).copied()
    }

    /// A folder's own name.
    pub(crate) fn folder_name(&self, folder: u32) -> &[u8] {
        self.folder(folder).map_or(&[], |folder| self.text_at(folder.name, folder.name_length))
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
            end = put(end, self.text_at(folder.name, folder.name_length));
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
        let names = self.records.iter().map(|record| {
            let link = self.link(record).map_or(0, <[u8]>::len) as u64;
            length_of(&lengths, record.folder) + u64::from(record.name_length) + link
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
        folders.map(|folder| self.text_at(folder.name, folder.name_length))
    }

    pub(crate) const fn folder_count(&self) -> usize {
        self.folders.len()
    }
}

impl Record {
    /// Mode, kind and link in one number.
    pub(super) fn bits_of(kind: EntryKind, mode: u32, has_link: bool) -> u16 {
        let mode = u16::try_from(mode & 0o7777).unwrap_or(0);
        let link = if has_link { HAS_LINK } else { 0 };
        mode | (number_of(kind) << KIND_SHIFT) | link
    }

    pub(super) const fn has_link(&self) -> bool {
        self.bits & HAS_LINK != 0
    }

    pub(super) const fn has_known_kind(&self) -> bool {
        kind_of((self.bits >> KIND_SHIFT) & 7).is_some()
    }

    pub(crate) const fn kind(&self) -> EntryKind {
        match kind_of((self.bits >> KIND_SHIFT) & 7) {
            Some(kind) => kind,
            None => EntryKind::Fifo,
        }
    }

    pub(crate) const fn mode(&self) -> u32 {
        (self.bits & 0o7777) as u32
    }
}

/// Numbers of kinds, as cache files hold them.
const fn number_of(kind: EntryKind) -> u16 {
    match kind {
        EntryKind::File => 0,
        EntryKind::Directory => 1,
        EntryKind::Symlink => 2,
        EntryKind::Hardlink => 3,
        EntryKind::CharDevice => 4,
        EntryKind::BlockDevice => 5,
        EntryKind::Fifo => 6,
    }
}

const fn kind_of(number: u16) -> Option<EntryKind> {
    Some(match number {
        0 => EntryKind::File,
        1 => EntryKind::Directory,
        2 => EntryKind::Symlink,
        3 => EntryKind::Hardlink,
        4 => EntryKind::CharDevice,
        5 => EntryKind::BlockDevice,
        6 => EntryKind::Fifo,
        _ => return None,
    })
}
