//! Entries as bytes, for caches.
//!
//! In: packed entries, or bytes that anyone may have changed. Out: bytes, or entries that keep all promises of the packed
//! form: every row is one, every name is one clean part of a path, every folder's parent stands before it. Odd: the rows lie
//! as they do in memory, and are written in pieces of that, so that nothing is there twice.

use super::{
    Entries,
    packed::{Attributes, BLOCK, Carried, Folder, Packed, ROOT_FOLDER, Row, put, take},
};
use crate::{capabilities::FileCapabilities, entry::EntryKind};

/// Kinds in the order of the numbers that they are stored as.
const KINDS: [EntryKind; 7] = [
    EntryKind::File,
    EntryKind::Directory,
    EntryKind::Symlink,
    EntryKind::Hardlink,
    EntryKind::CharDevice,
    EntryKind::BlockDevice,
    EntryKind::Fifo,
];

/// Above the bits of a mode.
const HAS_CAPABILITIES: u64 = 1 << 12;

/// Items whose bytes are put together before they are given away.
const PIECE: usize = 1 << 10;

impl Entries {
    /// Gives the entries as bytes, in pieces.
    pub fn write_bytes(&self, give: &mut dyn FnMut(&[u8])) {
        let Packed { rows, count, blocks: _, folders, folder_names, attributes } = self.packed();
        let mut piece = Vec::new();
        put(&mut piece, folder_names.len() as u64);
        put(&mut piece, folders.len() as u64);
        put(&mut piece, attributes.len() as u64);
        put(&mut piece, (*count).into());
        put(&mut piece, rows.len() as u64);
        give(&piece);
        give(folder_names);
        for folders in folders.chunks(PIECE) {
            piece.clear();
            for folder in folders {
                put(&mut piece, folder.parent.into());
                put(&mut piece, folder.name.into());
                put(&mut piece, folder.name_length.into());
            }
            give(&piece);
        }
        for attributes in attributes.chunks(PIECE) {
            piece.clear();
            for Attributes { uid, gid, kind, mode, capabilities } in attributes {
                let number = KINDS.iter().position(|it| it == kind).unwrap_or(KINDS.len());
                // Above the mode's bits, whether capabilities follow.
                let mode =
                    u64::from(*mode) | if capabilities.is_some() { HAS_CAPABILITIES } else { 0 };
                for number in [(*uid).into(), (*gid).into(), number as u64, mode] {
                    put(&mut piece, number);
                }
                if let Some(FileCapabilities { permitted, inheritable, is_effective, root }) =
                    capabilities
                {
                    for number in [*permitted, *inheritable, (*is_effective).into(), (*root).into()]
                    {
                        put(&mut piece, number);
                    }
                }
            }
            give(&piece);
        }
        give(rows);
    }

    /// The entries that [`write_bytes`](Self::write_bytes) gave; `None` for anything else. What follows them is left in
    /// `bytes`.
    #[must_use]
    pub fn read_bytes(bytes: &mut &[u8]) -> Option<Self> {
        let mut length = || usize::try_from(take(bytes)?).ok();
        let (names_length, folder_count, attribute_count) = (length()?, length()?, length()?);
        let (count, rows_length) = (u32::try_from(length()?).ok()?, length()?);
        // No more items than there are bytes for, so that nothing is allocated for a lie.
        if folder_count.checked_mul(3)? > bytes.len()
            || attribute_count.checked_mul(4)? > bytes.len()
        {
            return None;
        }
        let folder_names = split(bytes, names_length)?.to_vec();
        let mut folders = Vec::with_capacity(folder_count);
        for _ in 0..folder_count {
            folders.push(Folder {
                parent: narrow(bytes)?,
                name: narrow(bytes)?,
                name_length: narrow(bytes)?,
            });
        }
        let mut attributes = Vec::with_capacity(attribute_count);
        for _ in 0..attribute_count {
            let (uid, gid) = (narrow(bytes)?, narrow(bytes)?);
            let kind = *KINDS.get(narrow::<usize>(bytes)?)?;
            let mode = take(bytes).filter(|mode| mode & !(0o7777 | HAS_CAPABILITIES) == 0)?;
            let capabilities =
                if mode & HAS_CAPABILITIES == 0 { None } else { Some(capabilities(bytes)?) };
            let mode = u16::try_from(mode & 0o7777).ok()?;
            attributes.push(Attributes { uid, gid, kind, mode, capabilities });
        }
        let rows = split(bytes, rows_length)?.to_vec();
        let mut packed =
            Packed { rows, count, blocks: Vec::new(), folders, folder_names, attributes };
        packed.blocks = packed.blocks_of_good_rows()?;
        packed.has_good_folders().then(|| Self::from_packed(packed))
    }
}

fn capabilities(bytes: &mut &[u8]) -> Option<FileCapabilities> {
    Some(FileCapabilities {
        permitted: take(bytes)?,
        inheritable: take(bytes)?,
        is_effective: take(bytes).filter(|flag| *flag <= 1)? == 1,
        root: narrow(bytes)?,
    })
}

impl Packed {
    /// Whether all folders are named, and lie in one another as they should.
    fn has_good_folders(&self) -> bool {
        let Some((root, folders)) = self.folders.split_first() else { return false };
        let are_good = (1..).zip(folders).all(|(number, folder)| {
            folder.parent < number && self.name_of(folder).is_some_and(is_part)
        });
        *root == Folder::default() && are_good
    }

    /// Where the blocks begin; `None` if any row is not one, or refers to what is not there.
    fn blocks_of_good_rows(&self) -> Option<Vec<u32>> {
        let (mut blocks, mut carried) = (Vec::new(), Carried::default());
        let mut rest = self.rows.as_slice();
        let (folders, attributes) = (self.folders.len() as u64, self.attributes.len() as u64);
        for index in 0..self.count {
            if index.is_multiple_of(BLOCK) {
                blocks.push(u32::try_from(self.rows.len() - rest.len()).ok()?);
            }
            let row = Row::read(index, &carried, &mut rest)?;
            carried = row.carried;
            let is_root = carried.folder == ROOT_FOLDER && row.name.is_empty();
            let is_good = (is_root || is_part(row.name))
                && u64::from(carried.folder) < folders
                && u64::from(carried.attributes) < attributes;
            if !is_good {
                return None;
            }
        }
        rest.is_empty().then_some(blocks)
    }
}

/// Whether a name can be one part of a clean path.
fn is_part(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/')
}

fn split<'b>(bytes: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn narrow<T: TryFrom<u64>>(bytes: &mut &[u8]) -> Option<T> {
    T::try_from(take(bytes)?).ok()
}
