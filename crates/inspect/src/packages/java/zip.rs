//! Zip archives as Java reads them, from bytes that nobody vouches for.
//!
//! In: an archive's bytes. Out: its entries, what is odd about it, and unpacked entries on demand. Source: PKWARE's
//! APPNOTE; what `java.util.zip.ZipFile` does where that leaves room.
//!
//! Odd: the central directory is walked by its size, since the count beside it is not what Java believes; the
//! Unicode-path extra field is ignored, as there. Entries whose bytes overlap are never unpacked: that is how small
//! archives become huge. Everything that is unpacked draws on one [`Fuel`].

use plimsoll_image::Budget;
use std::io::Read;

use crate::facts::Problem;

/// Entries of one archive; beyond it the rest is not seen.
const MAX_ENTRIES: usize = 500_000;
const END: usize = 22;
const CENTRAL: usize = 46;
const LOCAL: usize = 30;

/// How many bytes may still be unpacked: of this file, and of all that the image holds.
#[derive(Debug)]
pub(super) struct Fuel<'b> {
    pub(super) left: u64,
    pub(super) budget: &'b Budget,
}

/// An archive.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) entries: Vec<Entry<'a>>,
    pub(super) anomalies: Vec<String>,
}

/// An entry of the central directory.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) compressed: u64,
    method: u16,
    encrypted: bool,
    /// Where its local header begins.
    start: usize,
    /// Where its bytes begin; `None` when its local header is damaged.
    data: Option<usize>,
    overlaps: bool,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let directory = find_directory(bytes)?;
        let mut archive = Self { bytes, entries: Vec::new(), anomalies: Vec::new() };
        let mut at = directory.start;
        while let Some(header) = bytes.get(at..directory.end).filter(|rest| rest.len() >= CENTRAL) {
            if !header.starts_with(b"PK\x01\x02") {
                return Err(format!("byte {at}: the central directory is damaged"));
            }
            if archive.entries.len() >= MAX_ENTRIES {
                archive
                    .anomalies
                    .push(format!("has more than {MAX_ENTRIES} entries: the rest was not read"));
                break;
            }
            let (entry, length) = central(header, directory.base)
                .ok_or_else(|| format!("byte {at}: the central directory is damaged"))?;
            at += length;
            archive.entries.push(entry);
        }
        if directory.count != archive.entries.len() % 65_536 && archive.entries.len() < MAX_ENTRIES
        {
            let (stated, found) = (directory.count, archive.entries.len());
            archive.anomalies.push(format!("states {stated} entries and has {found}"));
        }
        if directory.trailing > 0 {
            archive.anomalies.push(format!("has {} bytes behind its end", directory.trailing));
        }
        archive.check_local_headers();
        archive.check_overlaps(directory.start);
        Ok(archive)
    }

    fn check_local_headers(&mut self) {
        let mut renamed = 0_usize;
        for entry in &mut self.entries {
            let header =
                self.bytes.get(entry.start..).filter(|rest| rest.starts_with(b"PK\x03\x04"));
            let Some(header) = header else { continue };
            let (Some(name_length), Some(extra)) = (u16_at(header, 26), u16_at(header, 28)) else {
                continue;
            };
            let name = header.get(LOCAL..LOCAL + usize::from(name_length));
            if name != Some(entry.name) {
                renamed += 1;
            }
            entry.data = Some(entry.start + LOCAL + usize::from(name_length) + usize::from(extra));
        }
        if renamed > 0 {
            self.anomalies.push(format!(
                "has {renamed} entries under another name in front of their bytes than in the directory"
            ));
        }
    }

    /// Entries whose bytes other entries have too, and entries that the directory does not list: programs that read an
    /// archive as a stream see those.
    fn check_overlaps(&mut self, directory: usize) {
        let mut ranges: Vec<(usize, usize, usize)> = Vec::with_capacity(self.entries.len());
        for (index, entry) in self.entries.iter().enumerate() {
            let length = usize::try_from(entry.compressed).unwrap_or(usize::MAX);
            let end = entry.data.unwrap_or(entry.start).saturating_add(length);
            ranges.push((entry.start, end, index));
        }
        ranges.sort_unstable();
        let mut overlapping = 0_usize;
        let mut hidden = 0_usize;
        let (mut reached, mut last) = (0, None);
        for (start, end, index) in ranges {
            hidden += local_headers(self.bytes.get(reached..start));
            if start < reached {
                overlapping += 1;
                for index in [Some(index), last].into_iter().flatten() {
                    if let Some(entry) = self.entries.get_mut(index) {
                        entry.overlaps = true;
                    }
                }
            }
            if end > reached {
                (reached, last) = (end, Some(index));
            }
        }
        hidden += local_headers(self.bytes.get(reached..directory));
        if hidden > 0 {
            self.anomalies.push(format!("has entries that its directory does not list: {hidden}"));
        }
        if overlapping > 0 {
            self.anomalies
                .push(format!("has {overlapping} entries whose bytes overlap: they were not read"));
        }
    }

    /// Where the entry's bytes are.
    pub(super) fn body(&self, entry: &Entry<'_>) -> Result<Body, Problem> {
        if entry.overlaps {
            return Err(Problem::anomaly("overlaps another entry"));
        }
        if entry.encrypted {
            return Err(Problem::unreadable("is encrypted"));
        }
        let length = usize::try_from(entry.compressed).ok();
        let range = entry
            .data
            .zip(length)
            .and_then(|(start, length)| Some((start, start.checked_add(length)?)));
        match range {
            Some((start, end)) if end <= self.bytes.len() => {
                Ok(Body { start, end, method: entry.method })
            }
            _ => Err(Problem::unreadable("is cut off")),
        }
    }
}

/// Where an entry's bytes are in its archive, and how they are packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    start: usize,
    end: usize,
    method: u16,
}

impl Body {
    /// The bytes as they are stored.
    pub(super) fn stored(self, archive: &[u8]) -> &[u8] {
        archive.get(self.start..self.end).unwrap_or_default()
    }

    /// The bytes, unpacked: at most `limit` and what the fuel allows.
    pub(super) fn unpack(
        self,
        archive: &[u8],
        limit: u64,
        fuel: &mut Fuel<'_>,
    ) -> Result<Vec<u8>, Problem> {
        let stored = self.stored(archive);
        let allowed = limit.min(fuel.left);
        let mut unpacked = Vec::new();
        let mut bounded: Box<dyn Read + '_> = match self.method {
            0 => Box::new(stored.take(allowed + 1)),
            8 => Box::new(flate2::read::DeflateDecoder::new(stored).take(allowed + 1)),
            method => return Err(Problem::unreadable(format!("has compression method {method}"))),
        };
        let read = bounded.read_to_end(&mut unpacked);
        let length = u64::try_from(unpacked.len()).unwrap_or(u64::MAX);
        fuel.left = fuel.left.saturating_sub(length);
        if length > allowed {
            let name = if allowed == limit { "one nested file" } else { "all nested files" };
            return Err(Problem::budget(format!(
                "unpacks to more than {allowed} bytes, the limit for {name}"
            )));
        }
        fuel.budget.use_nested(length).map_err(|reached| Problem::budget(reached.to_string()))?;
        match read {
            Ok(_) => Ok(unpacked),
            Err(error) => Err(Problem::unreadable(format!("is damaged: {error}"))),
        }
    }
}

/// How many entries seem to begin in bytes that belong to none.
fn local_headers(bytes: Option<&[u8]>) -> usize {
    let bytes = bytes.unwrap_or_default();
    bytes.windows(4).filter(|window| window == b"PK\x03\x04").count()
}

struct Directory {
    start: usize,
    end: usize,
    /// What offsets count from: bytes may stand in front of an archive.
    base: usize,
    /// Entries as stated, modulo 65536.
    count: usize,
    trailing: usize,
}

fn find_directory(bytes: &[u8]) -> Result<Directory, String> {
    let no_end = || "is not a zip archive: it has no end of central directory".to_owned();
    let last = bytes.len().checked_sub(END).ok_or_else(no_end)?;
    let first = last.saturating_sub(0xffff);
    // Java takes the last signature whose comment reaches exactly to the end, else the last one at all.
    let candidates = || {
        (first..=last)
            .rev()
            .filter(|at| bytes.get(*at..).is_some_and(|end| end.starts_with(b"PK\x05\x06")))
    };
    let trailing = |at: usize| {
        let comment = usize::from(u16_at(bytes, at + 20).unwrap_or_default());
        (bytes.len() - at - END).checked_sub(comment)
    };
    let exact = candidates().find(|at| trailing(*at) == Some(0));
    let at = exact.or_else(|| candidates().find(|at| trailing(*at).is_some()));
    let at = at.ok_or_else(no_end)?;
    let field = |from| u32_at(bytes, at + from).unwrap_or_default();
    let mut count = usize::from(u16_at(bytes, at + 10).unwrap_or_default());
    let (mut size, mut offset, mut end) = (u64::from(field(12)), u64::from(field(16)), at);
    if (size == 0xffff_ffff || offset == 0xffff_ffff || count == 0xffff)
        && let Some(large) = large_end(bytes, at)
    {
        (count, size, offset, end) = large;
    }
    let damaged = || "the central directory lies outside the archive".to_owned();
    let size = usize::try_from(size).map_err(|_too_large| damaged())?;
    let offset = usize::try_from(offset).map_err(|_too_large| damaged())?;
    let start = end.checked_sub(size).ok_or_else(damaged)?;
    let base = start.checked_sub(offset).ok_or_else(damaged)?;
    let trailing = trailing(at).unwrap_or_default();
    Ok(Directory { start, end, base, count: count % 65_536, trailing })
}

/// The zip64 end of central directory: count, size, offset, and where it stands.
fn large_end(bytes: &[u8], end: usize) -> Option<(usize, u64, u64, usize)> {
    let locator = bytes.get(end.checked_sub(20)?..end)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return None;
    }
    let at = usize::try_from(u64_at(locator, 8)?).ok()?;
    let record = bytes.get(at..)?;
    if !record.starts_with(b"PK\x06\x06") {
        return None;
    }
    let count = usize::try_from(u64_at(record, 32)?).ok()?;
    Some((count, u64_at(record, 40)?, u64_at(record, 48)?, at))
}

/// One entry of the central directory, and how long it is there.
fn central(header: &[u8], base: usize) -> Option<(Entry<'_>, usize)> {
    let length = |at| u16_at(header, at).map(usize::from);
    let (name_length, extra_length, comment_length) = (length(28)?, length(30)?, length(32)?);
    let name = header.get(CENTRAL..CENTRAL + name_length)?;
    let extra = header.get(CENTRAL + name_length..CENTRAL + name_length + extra_length)?;
    let mut compressed = u64::from(u32_at(header, 20)?);
    let unpacked = u64::from(u32_at(header, 24)?);
    let mut offset = u64::from(u32_at(header, 42)?);
    if [compressed, unpacked, offset].contains(&0xffff_ffff) {
        let mut large = large_fields(extra).unwrap_or_default();
        let mut take = || {
            let (value, rest) = large.split_first_chunk::<8>()?;
            large = rest;
            Some(u64::from_le_bytes(*value))
        };
        if unpacked == 0xffff_ffff {
            take()?;
        }
        if compressed == 0xffff_ffff {
            compressed = take()?;
        }
        if offset == 0xffff_ffff {
            offset = take()?;
        }
    }
    let start = usize::try_from(offset).ok()?.checked_add(base)?;
    let entry = Entry {
        name,
        compressed,
        method: u16_at(header, 10)?,
        encrypted: u16_at(header, 8)? & 1 != 0,
        start,
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

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One stored entry of one byte.
    fn one(name: &[u8]) -> Vec<u8> {
        let length = u8::try_from(name.len()).unwrap();
        let mut local = b"PK\x03\x04".to_vec();
        local.extend([0; 14]);
        local.extend([1, 0, 0, 0, 1, 0, 0, 0, length, 0, 0, 0]);
        local.extend(name);
        local.push(b'x');
        let end = u8::try_from(local.len()).unwrap();
        let mut archive = local;
        archive.extend(b"PK\x01\x02");
        archive.extend([0; 16]);
        archive.extend([1, 0, 0, 0, 1, 0, 0, 0, length, 0]);
        archive.extend([0; 16]);
        archive.extend(name);
        let size = u8::try_from(archive.len()).unwrap() - end;
        archive.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        archive.extend([size, 0, 0, 0, end, 0, 0, 0, 0, 0]);
        archive
    }

    #[test]
    fn entries_that_the_directory_hides_are_told() {
        let plain = one(b"shown");
        let archive = Archive::open(&plain).unwrap();
        assert_eq!((archive.entries.len(), archive.anomalies.len()), (1, 0));
        let hiding = [one(b"hidden"), one(b"shown")].concat();
        let archive = Archive::open(&hiding).unwrap();
        assert_eq!(archive.entries.len(), 1);
        assert_eq!(archive.anomalies, ["has entries that its directory does not list: 1"]);
    }
}
