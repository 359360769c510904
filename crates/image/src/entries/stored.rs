//! Entries as bytes, for caches.
//!
//! In: packed entries, or bytes that anyone may have changed. Out: bytes, or entries that keep all promises of the packed
//! form: every name lies inside the text and is one clean part of a path, every folder's parent stands before it. Odd: the
//! fields of all entries stand column by column, each as the difference to the one before, because that packs best.

use super::{
    Entries,
    packed::{Folder, Packed, ROOT_FOLDER, Record},
};

impl Entries {
    /// Appends the entries as bytes.
    pub fn write_bytes(&self, out: &mut Vec<u8>) {
        let Packed { text, folders, owners, records } = self.packed();
        put(out, text.len() as u64);
        out.extend_from_slice(text);
        put(out, folders.len() as u64);
        column(out, folders.iter().map(|folder| folder.parent.into()));
        column(out, folders.iter().map(|folder| folder.name.into()));
        column(out, folders.iter().map(|folder| folder.name_length.into()));
        put(out, owners.len() as u64);
        column(out, owners.iter().map(|owner| owner.0.into()));
        column(out, owners.iter().map(|owner| owner.1.into()));
        put(out, records.len() as u64);
        column(out, records.iter().map(|record| record.name.into()));
        column(out, records.iter().map(|record| record.name_length.into()));
        column(out, records.iter().map(|record| record.folder.into()));
        column(out, records.iter().map(|record| record.owner.into()));
        column(out, records.iter().map(|record| record.bits.into()));
        column(out, records.iter().map(|record| record.size));
        column(out, records.iter().map(|record| record.mtime.cast_unsigned()));
    }

    /// The entries that [`write_bytes`](Self::write_bytes) wrote; `None` for anything else. What follows them is left in
    /// `bytes`.
    #[must_use]
    pub fn read_bytes(bytes: &mut &[u8]) -> Option<Self> {
        let length = usize::try_from(take(bytes)?).ok()?;
        let (text, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        let count = counted(bytes, 3)?;
        let mut folders = vec![Folder::default(); count];
        fill(bytes, &mut folders, |folder, value| narrow(&mut folder.parent, value))?;
        fill(bytes, &mut folders, |folder, value| narrow(&mut folder.name, value))?;
        fill(bytes, &mut folders, |folder, value| narrow(&mut folder.name_length, value))?;
        let count = counted(bytes, 2)?;
        let mut owners = vec![(0, 0); count];
        fill(bytes, &mut owners, |owner, value| narrow(&mut owner.0, value))?;
        fill(bytes, &mut owners, |owner, value| narrow(&mut owner.1, value))?;
        let count = counted(bytes, 7)?;
        let mut records = vec![Record::default(); count];
        fill(bytes, &mut records, |record, value| narrow(&mut record.name, value))?;
        fill(bytes, &mut records, |record, value| narrow(&mut record.name_length, value))?;
        fill(bytes, &mut records, |record, value| narrow(&mut record.folder, value))?;
        fill(bytes, &mut records, |record, value| narrow(&mut record.owner, value))?;
        fill(bytes, &mut records, |record, value| narrow(&mut record.bits, value))?;
        fill(bytes, &mut records, |record, value| narrow(&mut record.size, value))?;
        fill(bytes, &mut records, |record, value| narrow(&mut record.mtime, value.cast_signed()))?;
        let packed = Packed { text: text.to_vec(), folders, owners, records };
        packed.keeps_promises().then(|| Self::from_packed(packed))
    }
}

impl Packed {
    /// Whether everything that these entries refer to is there.
    fn keeps_promises(&self) -> bool {
        let Some((root, folders)) = self.folders.split_first() else { return false };
        let folders_are_good = (1..).zip(folders).all(|(number, folder)| {
            let name = self.text_in(folder.name, folder.name_length);
            folder.parent < number && name.is_some_and(is_part)
        });
        let folder_count = self.folders.len() as u64;
        let owner_count = self.owners.len() as u64;
        let records_are_good = self.records.iter().all(|record| {
            let name = self.text_in(record.name, record.name_length);
            let is_root = record.folder == ROOT_FOLDER && record.name_length == 0;
            let has_name = name.is_some_and(|name| is_root || is_part(name));
            has_name
                && u64::from(record.folder) < folder_count
                && u64::from(record.owner) < owner_count
                && record.has_known_kind()
                && (!record.has_link() || self.link(record).is_some())
        });
        *root == Folder::default() && folders_are_good && records_are_good
    }
}

/// Whether a name can be one part of a clean path.
fn is_part(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/')
}

/// Writes numbers as differences.
fn column(out: &mut Vec<u8>, values: impl Iterator<Item = u64>) {
    let mut last = 0_u64;
    for value in values {
        let difference = value.wrapping_sub(last).cast_signed();
        // Small differences of either sign become small numbers.
        put(out, (difference << 1 ^ difference >> 63).cast_unsigned());
        last = value;
    }
}

/// Reads as many numbers as there are items.
fn fill<T>(
    bytes: &mut &[u8],
    items: &mut [T],
    mut set: impl FnMut(&mut T, u64) -> Option<()>,
) -> Option<()> {
    let mut last = 0_u64;
    for item in items {
        let number = take(bytes)?;
        let difference = number >> 1 ^ (number & 1).wrapping_neg();
        last = last.wrapping_add(difference);
        set(item, last)?;
    }
    Some(())
}

fn narrow<T: TryFrom<V>, V>(field: &mut T, value: V) -> Option<()> {
    *field = T::try_from(value).ok()?;
    Some(())
}

/// Writes a number in as few bytes as it needs (LEB128).
fn put(out: &mut Vec<u8>, mut number: u64) {
    let low = |number: u64| u8::try_from(number & 0x7f).unwrap_or(0);
    while number > 0x7f {
        out.push(low(number) | 0x80);
        number >>= 7;
    }
    out.push(low(number));
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
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

/// How many items follow: no more than there are bytes for in their columns, so that nothing is allocated for a lie.
fn counted(bytes: &mut &[u8], columns: usize) -> Option<usize> {
    let count = usize::try_from(take(bytes)?).ok()?;
    (count <= bytes.len() / columns).then_some(count)
}
