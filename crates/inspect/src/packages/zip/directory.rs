//! The list of an archive's entries: where it is, and what it says.
//!
//! In: an archive's bytes. Out: [`End`] and [`Entry`]s. Source: PKWARE's APPNOTE 4.3.12 to 4.3.16; `ZipFile.Source` of
//! `OpenJDK` for which of several ends counts. Odd: bytes may stand in front of an archive; offsets count from where they end.

use super::Entry;
use crate::content::Content;

/// Bytes of an entry's fixed fields.
pub(super) const CENTRAL: usize = 46;
const END: usize = 22;

/// Where the list is.
pub(super) struct End {
    pub(super) start: u64,
    pub(super) length: u64,
    /// What offsets count from.
    pub(super) base: u64,
    /// Entries as stated, modulo 65536.
    pub(super) count: usize,
    pub(super) trailing: u64,
}

pub(super) fn find(content: Content<'_>) -> Result<End, String> {
    let no_end = || "is not a zip archive: it has no end of central directory".to_owned();
    let tail_length = content.size().min(0xffff + u64::try_from(END).unwrap_or_default());
    let tail_start = content.size() - tail_length;
    let tail = content.range(tail_start, tail_length).map_err(|error| error.to_string())?;
    let last = tail.len().checked_sub(END).ok_or_else(no_end)?;
    // Java takes the last signature whose comment reaches exactly to the end, else the last one at all.
    let candidates = || {
        (0..=last)
            .rev()
            .filter(|at| tail.get(*at..).is_some_and(|end| end.starts_with(b"PK\x05\x06")))
    };
    let trailing = |at: usize| {
        let comment = usize::from(u16_at(&tail, at + 20).unwrap_or_default());
        (tail.len() - at - END).checked_sub(comment)
    };
    let exact = candidates().find(|at| trailing(*at) == Some(0));
    let at = exact.or_else(|| candidates().find(|at| trailing(*at).is_some()));
    let at = at.ok_or_else(no_end)?;
    let trailing = u64::try_from(trailing(at).unwrap_or_default()).unwrap_or_default();
    let field = |from| u64::from(u32_at(&tail, at + from).unwrap_or_default());
    let mut count = usize::from(u16_at(&tail, at + 10).unwrap_or_default());
    let (mut length, mut offset) = (field(12), field(16));
    let mut end = tail_start + u64::try_from(at).unwrap_or_default();
    if (length == 0xffff_ffff || offset == 0xffff_ffff || count == 0xffff)
        && let Some(large) = large_end(content, end)
    {
        (count, length, offset, end) = large;
    }
    let damaged = || "the central directory lies outside the archive".to_owned();
    let start = end.checked_sub(length).ok_or_else(damaged)?;
    let base = start.checked_sub(offset).ok_or_else(damaged)?;
    Ok(End { start, length, base, count: count % 65_536, trailing })
}

/// The zip64 end of central directory: count, length, offset, and where it stands.
fn large_end(content: Content<'_>, end: u64) -> Option<(usize, u64, u64, u64)> {
    let locator = content.range(end.checked_sub(20)?, 20).ok()?;
    if !locator.starts_with(b"PK\x06\x07") {
        return None;
    }
    let at = u64_at(&locator, 8)?;
    let record = content.range(at, 56).ok()?;
    if !record.starts_with(b"PK\x06\x06") {
        return None;
    }
    let count = usize::try_from(u64_at(&record, 32)?).ok()?;
    Some((count, u64_at(&record, 40)?, u64_at(&record, 48)?, at))
}

/// One entry, which stands at `at` of the directory, and how long it is there.
pub(super) fn entry(header: &[u8], at: usize, base: u64) -> Option<(Entry, usize)> {
    let length = |at| u16_at(header, at).map(usize::from);
    let (name_length, extra_length, comment_length) = (length(28)?, length(30)?, length(32)?);
    let extra = header.get(CENTRAL + name_length..CENTRAL + name_length + extra_length)?;
    let mut compressed = u64::from(u32_at(header, 20)?);
    let mut unpacked = u64::from(u32_at(header, 24)?);
    let mut offset = u64::from(u32_at(header, 42)?);
    if [compressed, unpacked, offset].contains(&0xffff_ffff) {
        let mut large = large_fields(extra).unwrap_or_default();
        for field in [&mut unpacked, &mut compressed, &mut offset] {
            if *field == 0xffff_ffff {
                let (value, rest) = large.split_first_chunk::<8>()?;
                (*field, large) = (u64::from_le_bytes(*value), rest);
            }
        }
    }
    let entry = Entry {
        name: at + CENTRAL..at + CENTRAL + name_length,
        compressed,
        unpacked,
        method: u16_at(header, 10)?,
        encrypted: u16_at(header, 8)? & 1 != 0,
        start: offset.checked_add(base)?,
        data: None,
        overlaps: false,
    };
    let length = CENTRAL + name_length + extra_length + comment_length;
    (length <= header.len()).then_some((entry, length))
}

/// The extra field 0x0001.
fn large_fields(mut extra: &[u8]) -> Option<&[u8]> {
    loop {
        let (id, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let field = extra.get(4..4 + length)?;
        if id == 1 {
            return Some(field);
        }
        extra = extra.get(4 + length..)?;
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
