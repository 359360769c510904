//! Just enough of Berkeley DB to list what a hash database holds: `Packages` of RPM before 4.16.
//!
//! In: a database file of the access method "hash", versions 5 to 10, either byte order. Out: its values, one per key.
//! Source: libdb's `src/dbinc/db_page.h` (page headers, `HMETA`, `HOFFPAGE`, overflow pages).
//!
//! Odd:
//! * Every page that says it is a page of a hash bucket is read, whether or not a bucket leads to it: what the hash
//!   function would find is among them.
//! * rpm's key is the package's number, in the byte order of the machine; number 0 holds a counter, not a package.
//! * A value stands in the page when it is small, else in a chain of overflow pages. The chain's stated length is at times
//!   longer than the chain: what is there is taken, and the header inside knows its own length.
//! * Each overflow page is used once over the whole walk, which bounds time by the file's size.

use std::borrow::Cow;

use super::storage::{Damage, MAX_HEADER_BYTES, Place, Record, piece};

use crate::content::Content;

const MAGIC: u32 = 0x0006_1561;
/// Length of the metadata that matters.
const META: usize = 52;

/// Kinds of pages.
mod page {
    pub(super) const FREE: u8 = 0;
    pub(super) const HASH_UNSORTED: u8 = 2;
    pub(super) const OVERFLOW: u8 = 7;
    pub(super) const HASH_META: u8 = 8;
    pub(super) const HASH: u8 = 13;
}

/// Kinds of items in a page.
mod item {
    pub(super) const KEY_DATA: u8 = 1;
    pub(super) const OFF_PAGE: u8 = 3;
}

/// Page header up to the type, without and with a checksum.
const OVERHEAD: usize = 26;
const OVERHEAD_WITH_CHECKSUM: usize = 32;
const FLAG_CHECKSUM: u8 = 1;

/// A database file.
pub(crate) struct Database<'s> {
    file: Content<'s>,
    order: Order,
    page_size: usize,
    overhead: usize,
    /// Whole pages in the file, the first one included.
    pages: u32,
    /// The last page, as the metadata says.
    last: u32,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<usize> {
        let bytes = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(usize::from(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }))
    }
}

/// Whether a file that begins so is a hash database.
pub(crate) fn is_database(start: &[u8]) -> bool {
    [Order::Little, Order::Big].iter().any(|order| order.u32(start, 12) == Some(MAGIC))
}

impl<'s> Database<'s> {
    /// Reads the metadata page.
    pub(crate) fn open(file: Content<'s>) -> Result<Self, Damage> {
        let meta = piece(file, 0, META).ok_or(Damage::header("is cut off"))?;
        let orders = [Order::Little, Order::Big];
        let order = orders.into_iter().find(|order| order.u32(&meta, 12) == Some(MAGIC));
        let order = order.ok_or(Damage::header("is not a hash database of Berkeley DB"))?;
        let byte = |at: usize| meta.get(at).copied().unwrap_or_default();
        let word = |at: usize| order.u32(&meta, at).unwrap_or_default();
        if byte(25) != page::HASH_META {
            return Err(Damage::header("does not begin with a metadata page"));
        }
        if byte(24) != 0 {
            return Err(Damage::header("is encrypted"));
        }
        if word(36) != 0 {
            return Err(Damage::header("is spread over several files"));
        }
        let page_size = usize::try_from(word(20)).unwrap_or(0);
        if !(512..=65_536).contains(&page_size) || !page_size.is_power_of_two() {
            return Err(Damage::header("has an impossible page size"));
        }
        let has_checksums = byte(26) & FLAG_CHECKSUM != 0;
        let pages = file.size() / page_size as u64;
        Ok(Self {
            file,
            order,
            page_size,
            overhead: if has_checksums { OVERHEAD_WITH_CHECKSUM } else { OVERHEAD },
            pages: u32::try_from(pages).unwrap_or(u32::MAX),
            last: word(32),
        })
    }

    /// All values but the counter's.
    pub(crate) fn records(&self) -> Walk<'_> {
        let is_cut = self.last >= self.pages;
        let cut = is_cut.then(|| Damage::page(self.last, "is beyond the file's end"));
        Walk { database: self, next: 1, page: None, used: Used::new(self.pages), cut }
    }

    fn page(&self, number: u32) -> Option<Cow<'s, [u8]>> {
        piece(self.file, u64::from(number) * self.page_size as u64, self.page_size)
    }
}

/// Pages that were read as parts of values, a bit each.
struct Used(Vec<u64>);

impl Used {
    fn new(pages: u32) -> Self {
        Self(vec![0; usize::try_from(pages.div_ceil(64)).unwrap_or(0)])
    }

    /// Whether this is the first use.
    fn insert(&mut self, page: u32) -> bool {
        let Some(word) = usize::try_from(page / 64).ok().and_then(|word| self.0.get_mut(word))
        else {
            return false;
        };
        let bit = 1 << (page % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

/// A page of a bucket, of which some items were seen.
struct Page<'d> {
    number: u32,
    bytes: Cow<'d, [u8]>,
    /// The key of the next pair.
    next: usize,
    entries: usize,
}

/// The walk over a database. See [`Database::records`].
pub(crate) struct Walk<'d> {
    database: &'d Database<'d>,
    next: u32,
    page: Option<Page<'d>>,
    used: Used,
    /// Said at the end.
    cut: Option<Damage>,
}

impl Iterator for Walk<'_> {
    type Item = Result<Record, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.page.take() {
                Some(mut page) if page.next < page.entries => {
                    let pair = page.next;
                    page.next += 2;
                    let record = self.pair(&page, pair).transpose();
                    self.page = Some(page);
                    if record.is_some() {
                        return record;
                    }
                }
                _ if self.next >= self.database.pages => return self.cut.take().map(Err),
                _ => {
                    let number = self.next;
                    self.next += 1;
                    if let Err(damage) = self.open(number) {
                        return Some(Err(damage));
                    }
                }
            }
        }
    }
}

impl Walk<'_> {
    fn open(&mut self, number: u32) -> Result<(), Damage> {
        let wrong = |problem| Damage::page(number, problem);
        let bytes = self.database.page(number).ok_or(wrong("could not be read"))?;
        match bytes.get(25).copied().unwrap_or_default() {
            page::HASH | page::HASH_UNSORTED => {}
            page::FREE | page::OVERFLOW => return Ok(()),
            _ => return Err(wrong("is of a kind that such a database does not have")),
        }
        let entries = self.database.order.u16(&bytes, 20).unwrap_or_default();
        if self.database.overhead + 2 * entries > self.database.page_size {
            return Err(wrong("has more items than fit"));
        }
        let is_odd = !entries.is_multiple_of(2);
        self.page = Some(Page { number, bytes, next: 0, entries: entries - entries % 2 });
        if is_odd { Err(wrong("has a key without a value")) } else { Ok(()) }
    }

    /// The value of one key; none for the counter.
    fn pair(&mut self, page: &Page<'_>, key: usize) -> Result<Option<Record>, Damage> {
        let wrong = |problem| Damage::page(page.number, problem);
        let outside = || wrong("has an item outside of its page");
        let name = self.item(page, key).ok_or_else(outside)?;
        let value = self.item(page, key + 1).ok_or_else(outside)?;
        if let [item::KEY_DATA, 0, 0, 0, 0] = name {
            return Ok(None);
        }
        let header = match value {
            [item::KEY_DATA, data @ ..] => data.to_vec(),
            [item::OFF_PAGE, _, _, _, place @ ..] => self.chain(page.number, place)?,
            _ => return Err(wrong("has a value of a kind that rpm does not write")),
        };
        Ok(Some(Record { place: Place::Page(page.number), header }))
    }

    /// An item begins where the page's table says, and ends where the one before it begins.
    fn item<'p>(&self, page: &'p Page<'_>, index: usize) -> Option<&'p [u8]> {
        let start =
            |index: usize| self.database.order.u16(&page.bytes, self.database.overhead + 2 * index);
        let end = if index == 0 { self.database.page_size } else { start(index - 1)? };
        let start = start(index)?;
        let table_end = self.database.overhead + 2 * page.entries;
        (start >= table_end).then(|| page.bytes.get(start..end)).flatten()
    }

    /// A value in overflow pages: the number of the first one, then the length of all.
    fn chain(&mut self, from: u32, place: &[u8]) -> Result<Vec<u8>, Damage> {
        let order = self.database.order;
        let (first, length) = order.u32(place, 0).zip(order.u32(place, 4)).unwrap_or_default();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_HEADER_BYTES {
            return Err(Damage::page(from, "has a value that is longer than 64 MiB"));
        }
        let mut value = Vec::new();
        let mut next = first;
        while next != 0 && value.len() < length {
            let wrong = |problem| Damage::page(next, problem);
            let page = self.database.page(next).ok_or(wrong("is beyond the file's end"))?;
            if !self.used.insert(next) {
                return Err(wrong("is used twice"));
            }
            if page.get(25) != Some(&page::OVERFLOW) {
                return Err(wrong("is not the part of a value that it should be"));
            }
            let here = order.u16(&page, 22).unwrap_or_default();
            let data = page.get(self.database.overhead..).and_then(|data| data.get(..here));
            let data = data.ok_or(wrong("says that it holds more than fits"))?;
            let wanted = data.len().min(length - value.len());
            value.extend_from_slice(data.get(..wanted).unwrap_or_default());
            next = order.u32(&page, 16).unwrap_or_default();
        }
        Ok(value)
    }
}
