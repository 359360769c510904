//! Just enough of SQLite to list a table's rows, from bytes that nobody vouches for.
//!
//! In: a database file. Out: rows with their blobs and numbers. Source: SQLite's "Database File Format" (b-tree pages,
//! record format, overflow pages).
//!
//! Odd: a file can point any page and any cell anywhere. Each page is visited at most once over a whole walk, and all rows
//! together are no longer than the file, which bounds time and memory by the file's own size; nothing recurses.

use std::{borrow::Cow, collections::HashSet};

use super::storage::{Damage, MAX_HEADER_BYTES, Place, piece};
use crate::content::Content;

const MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER: usize = 100;
const LEAF: u8 = 0x0d;
const INTERIOR: u8 = 0x05;

/// A database file.
pub(crate) struct Database<'s> {
    file: Content<'s>,
    page_size: usize,
    usable: usize,
}

/// One row of a table.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its rowid.
    id: i64,
    payload: Vec<u8>,
}

/// Whether a file that begins so is an SQLite database.
pub(crate) fn is_database(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

impl<'s> Database<'s> {
    /// Reads the file's header.
    pub(crate) fn open(file: Content<'s>) -> Result<Self, Damage> {
        let magic = piece(file, 0, MAGIC.len());
        if magic.as_deref() != Some(MAGIC) {
            return Err(Damage::header("is not an SQLite database"));
        }
        let header = piece(file, 0, HEADER).ok_or(Damage::header("is cut off"))?;
        let page_size = match u16_at(&header, 16).unwrap_or_default() {
            1 => 65_536,
            size => usize::from(size),
        };
        if !(512..=65_536).contains(&page_size) || !page_size.is_power_of_two() {
            return Err(Damage::header("has an impossible page size"));
        }
        let reserved = usize::from(header.get(20).copied().unwrap_or_default());
        let usable = page_size - reserved;
        if usable < 480 {
            return Err(Damage::header("reserves too much of each page"));
        }
        Ok(Self { file, page_size, usable })
    }

    /// The first page of a table.
    pub(crate) fn table(&self, name: &str) -> Result<Option<u32>, Damage> {
        for row in self.rows(1) {
            let row = row?;
            // type, name, tbl_name, rootpage, sql
            if row.blob(0) == Some(b"table") && row.blob(1) == Some(name.as_bytes()) {
                return Ok(row.number(3).and_then(|page| u32::try_from(page).ok()));
            }
        }
        Ok(None)
    }

    /// All rows of the table that begins at `root`, in the order of their ids. Damage ends in an error item, after which
    /// the walk goes on where it can.
    pub(crate) fn rows(&self, root: u32) -> Rows<'_> {
        Rows {
            database: self,
            pending: vec![root],
            leaf: None,
            visited: HashSet::new(),
            left: self.file.size(),
        }
    }

    fn page(&self, number: u32) -> Result<Cow<'s, [u8]>, Damage> {
        let wrong = Damage::page(number, "is beyond the file's end");
        let index = number.checked_sub(1).ok_or(wrong)?;
        piece(self.file, u64::from(index) * self.page_size as u64, self.page_size).ok_or(wrong)
    }
}

/// The walk over a table. See [`Database::rows`].
pub(crate) struct Rows<'d> {
    database: &'d Database<'d>,
    /// Pages to come, the next one last.
    pending: Vec<u32>,
    leaf: Option<Leaf<'d>>,
    visited: HashSet<u32>,
    /// Bytes that rows may still have: the file's own length together.
    left: u64,
}

/// A page of rows, of which some were seen.
struct Leaf<'d> {
    number: u32,
    page: Cow<'d, [u8]>,
    /// Where the cells to come begin, the next one last.
    cells: Vec<usize>,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(mut leaf) = self.leaf.take()
                && let Some(cell) = leaf.cells.pop()
            {
                let row = self.row(leaf.number, leaf.page.get(cell..).unwrap_or_default());
                // With no bytes left for rows the walk is over.
                if self.left > 0 {
                    self.leaf = Some(leaf);
                }
                return Some(row);
            }
            let page = self.pending.pop()?;
            if let Err(error) = self.open(page) {
                return Some(Err(error));
            }
        }
    }
}

impl<'d> Rows<'d> {
    fn visit(&mut self, number: u32) -> Result<Cow<'d, [u8]>, Damage> {
        if !self.visited.insert(number) {
            return Err(Damage::page(number, "is used twice"));
        }
        self.database.page(number)
    }

    fn open(&mut self, number: u32) -> Result<(), Damage> {
        let wrong = |problem| Damage::page(number, problem);
        let page = self.visit(number)?;
        let start = if number == 1 { HEADER } else { 0 };
        let kind = page.get(start).copied().unwrap_or_default();
        let header = match kind {
            LEAF => 8,
            INTERIOR => 12,
            _ => return Err(wrong("is not a page of a table")),
        };
        let count = usize::from(u16_at(&page, start + 3).unwrap_or_default());
        let pointers = page
            .get(start + header..)
            .and_then(|rest| rest.get(..2 * count))
            .ok_or_else(|| wrong("has more cells than fit"))?;
        let cells = pointers.as_chunks::<2>().0.iter().rev();
        let cells = cells.map(|at| usize::from(u16::from_be_bytes(*at)));
        if kind == LEAF {
            let cells = cells.filter(|at| *at < page.len()).collect();
            self.leaf = Some(Leaf { number, page, cells });
        } else {
            self.pending.extend(u32_at(&page, start + 8));
            self.pending.extend(cells.filter_map(|at| u32_at(&page, at)));
        }
        Ok(())
    }

    fn row(&mut self, page: u32, cell: &[u8]) -> Result<Row, Damage> {
        let wrong = |problem| Damage::page(page, problem);
        let short = || wrong("has a cell that is cut off");
        let (length, cell) = varint(cell).ok_or_else(short)?;
        let (id, cell) = varint(cell).ok_or_else(short)?;
        let length = u64::try_from(length).ok().filter(|length| {
            *length <= self.database.file.size() && *length <= MAX_HEADER_BYTES as u64
        });
        let length = length
            .ok_or_else(|| wrong("has a row that is longer than the file, or than 64 MiB"))?;
        let Some(left) = self.left.checked_sub(length) else {
            self.left = 0;
            self.pending.clear();
            return Err(wrong("has rows that are longer together than the file"));
        };
        self.left = left;
        let length = usize::try_from(length).unwrap_or_default();
        let local = local_length(length, self.database.usable);
        let (stored, rest) = cell.split_at_checked(local).ok_or_else(short)?;
        let mut payload = stored.to_vec();
        if local < length {
            let mut next = u32_at(rest, 0).ok_or_else(short)?;
            while payload.len() < length {
                let overflow = self.visit(next)?;
                next = u32_at(&overflow, 0).unwrap_or_default();
                let part = overflow.get(4..self.database.usable).unwrap_or_default();
                let wanted = part.len().min(length - payload.len());
                payload.extend_from_slice(part.get(..wanted).unwrap_or_default());
            }
        }
        Ok(Row { id, payload })
    }
}

/// How much of a row's payload stands in its leaf page ("Cell payload overflow pages").
fn local_length(length: usize, usable: usize) -> usize {
    let most = usable - 35;
    if length <= most {
        return length;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let filling = least + (length - least) % (usable - 4);
    if filling <= most { filling } else { least }
}

impl Row {
    /// Where the row is.
    pub(crate) const fn place(&self) -> Place {
        Place::Row(self.id)
    }

    /// A column's bytes, if it is a blob or a text.
    pub(crate) fn blob(&self, column: usize) -> Option<&[u8]> {
        let (kind, bytes) = self.column(column)?;
        (kind >= 12).then_some(bytes)
    }

    /// A column's number, if it is an integer.
    pub(crate) fn number(&self, column: usize) -> Option<i64> {
        let (kind, bytes) = self.column(column)?;
        match kind {
            1..=6 => {
                let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
                let start = if negative { -1 } else { 0 };
                Some(bytes.iter().fold(start, |value: i64, byte| value << 8 | i64::from(*byte)))
            }
            8 => Some(0),
            9 => Some(1),
            _ => None,
        }
    }

    /// Serial type and bytes of a column ("Record Format").
    fn column(&self, wanted: usize) -> Option<(i64, &[u8])> {
        let (header_length, rest) = varint(&self.payload)?;
        let header_length = usize::try_from(header_length).ok()?;
        let length_bytes = self.payload.len() - rest.len();
        let mut kinds = rest.get(..header_length.checked_sub(length_bytes)?)?;
        let mut at = header_length;
        let mut column = 0;
        while !kinds.is_empty() {
            let (kind, after) = varint(kinds)?;
            kinds = after;
            let length = match kind {
                0 | 8 | 9 => 0,
                1..=4 => usize::try_from(kind).ok()?,
                5 => 6,
                6 | 7 => 8,
                12.. => usize::try_from((kind - 12) / 2).ok()?,
                _ => return None,
            };
            let end = at.checked_add(length)?;
            if column == wanted {
                return Some((kind, self.payload.get(at..end)?));
            }
            at = end;
            column += 1;
        }
        None
    }
}

/// 1 to 9 bytes, the highest bit of the first eight says whether another follows.
fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut value: i64 = 0;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        if index == 8 {
            return Some((value << 8 | i64::from(*byte), bytes.get(9..)?));
        }
        value = value << 7 | i64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
