//! RPM's own kind of database, "ndb": `Packages.db` of SUSE's systems.
//!
//! In: a file of 4-KiB pages of slots, then blobs. Out: the blobs. All numbers are little-endian.
//! Source: rpm's `lib/backend/ndb/rpmpkg.c`.
//!
//! Odd: a slot without an offset is free. Slots may point anywhere: all blobs together are no longer than the file. A blob
//! whose checksum is wrong is refused by rpm; it is read here, and said.

use super::storage::{Damage, MAX_HEADER_BYTES, Place, Record, piece};

use crate::content::Content;

const MAGIC: &[u8] = b"RpmP";
const SLOT: &[u8] = b"Slot";
const BLOB_START: &[u8] = b"BlbS";
const BLOB_END: &[u8] = b"BlbE";
/// A slot, a block and the two parts of the file's header.
const BLOCK: usize = 16;
const PAGE: usize = 4_096;
const SLOTS_PER_PAGE: u64 = 256;
/// The first slots' room is the file's header.
const FIRST_SLOT: u64 = 2;
const TRAILER: usize = 12;

/// A database file.
pub(crate) struct Database<'s> {
    file: Content<'s>,
    /// Slots, free ones and the header's room among them.
    slots: u64,
}

/// Whether a file that begins so is such a database.
pub(crate) fn is_database(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

impl<'s> Database<'s> {
    /// Reads the file's header.
    pub(crate) fn open(file: Content<'s>) -> Result<Self, Damage> {
        let header = piece(file, 0, 32).ok_or(Damage::header("is cut off"))?;
        if !header.starts_with(MAGIC) {
            return Err(Damage::header("is not a database of rpm's kind ndb"));
        }
        if word(&header, 4) != Some(0) {
            return Err(Damage::header("is of an unknown version"));
        }
        let pages = u64::from(word(&header, 12).unwrap_or_default());
        if pages * PAGE as u64 > file.size() {
            return Err(Damage::header("has more slots than the file is long"));
        }
        Ok(Self { file, slots: pages * SLOTS_PER_PAGE })
    }

    /// All blobs.
    pub(crate) fn records(&self) -> Walk<'_> {
        Walk { database: self, next: FIRST_SLOT, left: self.file.size(), pending: None }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The walk over a database. See [`Database::records`].
pub(crate) struct Walk<'d> {
    database: &'d Database<'d>,
    next: u64,
    /// Bytes that blobs may still have.
    left: u64,
    /// A blob whose checksum was wrong.
    pending: Option<Record>,
}

impl Iterator for Walk<'_> {
    type Item = Result<Record, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(record) = self.pending.take() {
            return Some(Ok(record));
        }
        while self.next < self.database.slots {
            let slot = self.next;
            self.next += 1;
            if let Some(record) = self.slot(slot).transpose() {
                return Some(record);
            }
        }
        None
    }
}

impl Walk<'_> {
    fn slot(&mut self, number: u64) -> Result<Option<Record>, Damage> {
        let place = Place::Slot(number);
        let wrong = |problem| Damage { place, problem };
        let file = self.database.file;
        let slot = piece(file, number * BLOCK as u64, BLOCK).ok_or(wrong("is cut off"))?;
        if !slot.starts_with(SLOT) {
            return Err(wrong("is not a slot"));
        }
        let field = |at| word(&slot, at).unwrap_or_default();
        let (package, offset, blocks) = (field(4), field(8), field(12));
        if offset == 0 {
            return Ok(None);
        }
        let length = usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(BLOCK);
        if length > MAX_HEADER_BYTES {
            return Err(wrong("points to a blob that is longer than 64 MiB"));
        }
        let Some(left) = self.left.checked_sub(length as u64) else {
            self.next = self.database.slots;
            return Err(wrong("and those before it have more bytes together than the file"));
        };
        self.left = left;
        let blob = piece(file, u64::from(offset) * BLOCK as u64, length);
        let blob = blob.ok_or(wrong("points beyond the file's end"))?;
        let is_own = blob.starts_with(BLOB_START) && word(&blob, 4) == Some(package);
        if !is_own {
            return Err(wrong("points to something else than its package"));
        }
        let stated = word(&blob, 12).and_then(|length| usize::try_from(length).ok());
        let data = stated.and_then(|stated| blob.get(BLOCK..)?.get(..stated));
        let data = data.ok_or(wrong("has a package that is longer than its blob"))?;
        let record = Record { place, header: data.to_vec() };
        let (checked, trailer) =
            blob.split_at_checked(length.saturating_sub(TRAILER)).unwrap_or_default();
        let is_whole = word(trailer, 0) == Some(adler32(checked)) && trailer.ends_with(BLOB_END);
        if is_whole {
            return Ok(Some(record));
        }
        self.pending = Some(record);
        Err(wrong("has a package whose checksum is wrong: rpm does not list it"))
    }
}

/// RFC 1950, 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut low, mut high) = (1_u32, 0_u32);
    // So many bytes cannot overflow 32 bits.
    for chunk in bytes.chunks(5_552) {
        for byte in chunk {
            low += u32::from(*byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}
