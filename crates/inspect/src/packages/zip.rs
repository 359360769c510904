//! Zip archives as Java and Python read them, from bytes that nobody vouches for.
//!
//! In: an archive's bytes, at any position. Out: its entries, what is odd about it, and unpacked entries on demand. Source:
//! PKWARE's APPNOTE; what `java.util.zip.ZipFile` does where that leaves room.
//!
//! Odd: the central directory is walked by its size, since the count beside it is not what Java believes; the
//! Unicode-path extra field is ignored, as there. Entries whose bytes overlap are never unpacked: that is how small
//! archives become huge. Everything that is unpacked draws on one [`Fuel`]. Only the directory is in memory.

mod directory;

use std::{
    borrow::Cow,
    io::{self, Read},
    ops::Range,
};

use plimsoll_image::Budget;

use crate::{content::Content, facts::Problem};

/// Entries of one archive; beyond it the rest is not seen.
const MAX_ENTRIES: usize = 500_000;
/// Bytes of the list of entries; beyond it the rest is not seen.
const MAX_DIRECTORY: u64 = 64 << 20;
const LOCAL: usize = 30;
/// Bytes that are looked through at once.
const CHUNK: usize = 64 << 10;
/// What deflate makes of one byte at most.
const MAX_INFLATION: u64 = 1_032;

/// How many bytes may still be unpacked: of this file, and of all that the image holds.
#[derive(Debug)]
pub(crate) struct Fuel<'b> {
    left: u64,
    budget: &'b Budget,
}

impl<'b> Fuel<'b> {
    /// For a file of `size` bytes: the ratio of a whole stream, applied to everything that it unpacks to.
    pub(crate) fn new(size: u64, budget: &'b Budget) -> Self {
        let ratio = size.saturating_mul(budget.max_ratio).saturating_add(Budget::RATIO_FREE_BYTES);
        Self { left: ratio.min(budget.max_nested_bytes), budget }
    }
}

/// An archive.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    pub(crate) content: Content<'a>,
    directory: Cow<'a, [u8]>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) anomalies: Vec<String>,
}

/// An entry of the central directory.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where its name is in the directory.
    name: Range<usize>,
    /// Bytes that it has packed.
    pub(crate) compressed: u64,
    unpacked: u64,
    method: u16,
    encrypted: bool,
    /// Where its local header begins.
    start: u64,
    /// Where its bytes begin; `None` when its local header is damaged.
    data: Option<u64>,
    overlaps: bool,
}

impl Entry {
    /// Bytes that it says it unpacks to.
    pub(crate) const fn unpacked(&self) -> u64 {
        self.unpacked
    }
}

impl<'a> Archive<'a> {
    /// Reads the list of entries.
    ///
    /// # Errors
    /// A sentence that says why this is no archive.
    pub(crate) fn open(content: Content<'a>) -> Result<Self, String> {
        let end = directory::find(content)?;
        let length = end.length.min(MAX_DIRECTORY);
        let bytes = content.range(end.start, length).map_err(|error| error.to_string())?;
        let mut archive =
            Self { content, directory: bytes, entries: Vec::new(), anomalies: Vec::new() };
        archive.list(&end)?;
        if end.trailing > 0 {
            archive.anomalies.push(format!("has {} bytes behind its end", end.trailing));
        }
        archive.check_local_headers();
        archive.check_overlaps(end.start).map_err(|error| error.to_string())?;
        Ok(archive)
    }

    fn list(&mut self, end: &directory::End) -> Result<(), String> {
        let mut at = 0;
        let damaged = |at: usize| format!("byte {at} of the central directory is damaged");
        let mut is_cut = end.length > MAX_DIRECTORY;
        while let Some(header) =
            self.directory.get(at..).filter(|rest| rest.len() >= directory::CENTRAL)
        {
            if !header.starts_with(b"PK\x01\x02") {
                return Err(damaged(at));
            }
            if self.entries.len() >= MAX_ENTRIES {
                is_cut = true;
                break;
            }
            let Some((entry, length)) = directory::entry(header, at, end.base) else {
                // The last one that was kept may have been cut.
                if is_cut {
                    break;
                }
                return Err(damaged(at));
            };
            at += length;
            self.entries.push(entry);
        }
        if is_cut {
            self.anomalies.push(format!(
                "has more than {MAX_ENTRIES} entries or {MAX_DIRECTORY} bytes of their names: the rest was not read"
            ));
        } else if end.count != self.entries.len() % 65_536 {
            let (stated, found) = (end.count, self.entries.len());
            self.anomalies.push(format!("states {stated} entries and has {found}"));
        }
        Ok(())
    }

    /// An entry's name: a path with slashes.
    pub(crate) fn name(&self, entry: &Entry) -> &[u8] {
        self.directory.get(entry.name.clone()).unwrap_or_default()
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().map(|entry| self.name(entry))
    }

    fn check_local_headers(&mut self) {
        let mut renamed = 0_usize;
        for entry in &mut self.entries {
            let name = self.directory.get(entry.name.clone()).unwrap_or_default();
            let length = u64::try_from(LOCAL + name.len()).unwrap_or(u64::MAX);
            let length = length.min(self.content.size().saturating_sub(entry.start));
            let Ok(header) = self.content.range(entry.start, length) else { continue };
            if !header.starts_with(b"PK\x03\x04") {
                continue;
            }
            let (Some(name_length), Some(extra)) =
                (directory::u16_at(&header, 26), directory::u16_at(&header, 28))
            else {
                continue;
            };
            let stands_there =
                usize::from(name_length) == name.len() && header.get(LOCAL..) == Some(name);
            renamed += usize::from(!stands_there);
            let front = u64::try_from(LOCAL).unwrap_or_default();
            entry.data = Some(entry.start + front + u64::from(name_length) + u64::from(extra));
        }
        if renamed > 0 {
            self.anomalies.push(format!(
                "has {renamed} entries under another name in front of their bytes than in the directory"
            ));
        }
    }

    /// Entries whose bytes other entries have too, and entries that the directory does not list: programs that read an
    /// archive as a stream see those.
    fn check_overlaps(&mut self, directory: u64) -> io::Result<()> {
        let mut ranges: Vec<(u64, u64, usize)> = Vec::with_capacity(self.entries.len());
        for (index, entry) in self.entries.iter().enumerate() {
            let end = entry.data.unwrap_or(entry.start).saturating_add(entry.compressed);
            ranges.push((entry.start, end, index));
        }
        ranges.sort_unstable();
        let mut overlapping = 0_usize;
        let mut hidden = 0_usize;
        let (mut reached, mut last) = (0, None);
        for (start, end, index) in ranges {
            hidden += self.local_headers(reached..start)?;
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
        hidden += self.local_headers(reached..directory)?;
        if hidden > 0 {
            self.anomalies.push(format!("has entries that its directory does not list: {hidden}"));
        }
        if overlapping > 0 {
            self.anomalies
                .push(format!("has {overlapping} entries whose bytes overlap: they were not read"));
        }
        Ok(())
    }

    /// How many entries seem to begin in bytes that belong to none.
    fn local_headers(&self, range: Range<u64>) -> io::Result<usize> {
        let (mut at, end) = (range.start, range.end.min(self.content.size()));
        let mut found = 0;
        while at + 4 <= end {
            let length = (end - at).min(u64::try_from(CHUNK).unwrap_or(u64::MAX));
            let bytes = self.content.range(at, length)?;
            found += bytes.windows(4).filter(|window| window == b"PK\x03\x04").count();
            // A signature may lie across two pieces.
            at += length.saturating_sub(3);
        }
        Ok(found)
    }

    /// Where the entry's bytes are.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub(crate) fn body(&self, entry: &Entry) -> Result<Body, Problem> {
        if entry.overlaps {
            return Err(Problem::anomaly("overlaps another entry"));
        }
        if entry.encrypted {
            return Err(Problem::unreadable("is encrypted"));
        }
        match entry.data.filter(|start| self.content.part(*start, entry.compressed).is_some()) {
            Some(start) => Ok(Body {
                start,
                length: entry.compressed,
                unpacked: entry.unpacked,
                method: entry.method,
            }),
            None => Err(Problem::unreadable("is cut off")),
        }
    }
}

/// Where an entry's bytes are in its archive, and how they are packed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body {
    pub(crate) start: u64,
    pub(crate) length: u64,
    /// How many they say they are when unpacked.
    unpacked: u64,
    method: u16,
}

impl Body {
    /// The bytes as they are stored in `archive`.
    pub(crate) fn packed<'c>(&self, archive: Content<'c>) -> Content<'c> {
        archive.part(self.start, self.length).unwrap_or_else(|| Content::of_bytes(&[]))
    }

    /// Whether nothing has to be unpacked.
    pub(crate) const fn is_stored(&self) -> bool {
        self.method == 0
    }

    /// The bytes, unpacked: at most `limit` and what the fuel allows.
    ///
    /// # Errors
    /// The limit that was reached, or why they cannot be unpacked.
    pub(crate) fn unpack(
        &self,
        archive: Content<'_>,
        limit: u64,
        fuel: &mut Fuel<'_>,
    ) -> Result<Vec<u8>, Problem> {
        let packed = self.packed(archive);
        let allowed = limit.min(fuel.left);
        let likely = self.unpacked.min(allowed.saturating_add(1));
        let likely = likely.min(packed.size().saturating_mul(MAX_INFLATION));
        let mut unpacked = Vec::with_capacity(usize::try_from(likely).unwrap_or_default());
        let mut bounded: Box<dyn Read + '_> = match self.method {
            0 => Box::new(packed.cursor().take(allowed + 1)),
            8 => Box::new(flate2::read::DeflateDecoder::new(packed.cursor()).take(allowed + 1)),
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
        let archive = Archive::open(Content::of_bytes(&plain)).unwrap();
        assert_eq!((archive.entries.len(), archive.anomalies.len()), (1, 0));
        let hiding = [one(b"hidden"), one(b"shown")].concat();
        let archive = Archive::open(Content::of_bytes(&hiding)).unwrap();
        assert_eq!(archive.names().collect::<Vec<_>>(), [b"shown"]);
        assert_eq!(archive.anomalies, ["has entries that its directory does not list: 1"]);
    }

    #[test]
    fn a_signature_across_two_pieces_is_seen_once() {
        for before in CHUNK - 5..CHUNK + 5 {
            let hiding = [vec![0; before], one(b"hidden"), one(b"shown")].concat();
            let archive = Archive::open(Content::of_bytes(&hiding)).unwrap();
            assert_eq!(archive.anomalies, ["has entries that its directory does not list: 1"]);
        }
    }
}
