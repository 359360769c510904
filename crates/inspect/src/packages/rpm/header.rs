//! RPM headers as databases hold them: without the magic of package files.
//!
//! In: two big-endian counts, an index of 16-byte entries (tag, type, offset, count), then the data that the entries
//! point into. Out: texts and numbers by tag. Source: "RPM V4 Package format", "Header".
//!
//! Odd: offsets, counts and types are whatever the file says. Every look-up is checked against the data's end, and a
//! count is never trusted to reserve memory.

/// Tags that are read.
pub(crate) mod tag {
    pub(crate) const NAME: u32 = 1000;
    pub(crate) const VERSION: u32 = 1001;
    pub(crate) const RELEASE: u32 = 1002;
    pub(crate) const EPOCH: u32 = 1003;
    pub(crate) const VENDOR: u32 = 1011;
    pub(crate) const LICENSE: u32 = 1014;
    pub(crate) const ARCHITECTURE: u32 = 1022;
    pub(crate) const OLD_FILE_NAMES: u32 = 1027;
    pub(crate) const FILE_DIGESTS: u32 = 1035;
    pub(crate) const FILE_FLAGS: u32 = 1037;
    pub(crate) const SOURCE_RPM: u32 = 1044;
    pub(crate) const DIR_INDEXES: u32 = 1116;
    pub(crate) const BASE_NAMES: u32 = 1117;
    pub(crate) const DIR_NAMES: u32 = 1118;
    pub(crate) const FILE_DIGEST_ALGORITHM: u32 = 5011;
    pub(crate) const MODULARITY_LABEL: u32 = 5096;
}

const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// Entries of one index; rpm's own limit.
const MAX_ENTRIES: usize = 0xffff;

/// Why a header says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("the header is cut off")]
    Short,
    #[error("the header's index has {0} entries, limit 65535")]
    Entries(usize),
    #[error("`{0}` is missing in the header")]
    Missing(&'static str),
    #[error("a name or version is longer than 1024 bytes")]
    Length,
}

/// One header.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

struct Entry {
    kind: u32,
    offset: usize,
    count: usize,
}

impl<'a> Header<'a> {
    /// Finds index and data.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let count = |at| number(bytes, at).ok_or(HeaderError::Short);
        let (entries, length) = (count(0)?, count(4)?);
        if entries > MAX_ENTRIES {
            return Err(HeaderError::Entries(entries));
        }
        let rest = bytes.get(8..).ok_or(HeaderError::Short)?;
        let (index, data) = rest.split_at_checked(16 * entries).ok_or(HeaderError::Short)?;
        let data = data.get(..length).ok_or(HeaderError::Short)?;
        Ok(Self { index, data })
    }

    /// A text; of several the first.
    pub(crate) fn text(&self, tag: u32) -> Option<String> {
        let bytes = self.texts(tag).next()?;
        Some(String::from_utf8_lossy(bytes).trim().to_owned())
    }

    /// A number; of several the first.
    pub(crate) fn number(&self, tag: u32) -> Option<u32> {
        self.numbers(tag).next()
    }

    /// All texts of a tag.
    pub(crate) fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let entry = self
            .entry(tag)
            .filter(|entry| matches!(entry.kind, STRING | STRING_ARRAY | I18N_STRING));
        let count = entry.as_ref().map_or(0, |entry| entry.count);
        let rest = entry.and_then(|entry| self.data.get(entry.offset..)).unwrap_or_default();
        // The last piece is what has no end: not a text.
        let ends = rest.iter().filter(|byte| **byte == 0).take(count).count();
        rest.split(|byte| *byte == 0).take(ends)
    }

    /// All numbers of a tag.
    pub(crate) fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> + use<'a> {
        let entry = self.entry(tag).filter(|entry| entry.kind == INT32);
        let count = entry.as_ref().map_or(0, |entry| entry.count);
        let rest = entry.and_then(|entry| self.data.get(entry.offset..)).unwrap_or_default();
        rest.as_chunks::<4>().0.iter().take(count).map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn entry(&self, tag: u32) -> Option<Entry> {
        let tag = tag.to_be_bytes();
        let entry = self.index.as_chunks::<16>().0.iter().find(|entry| entry.starts_with(&tag))?;
        let kind = u32::try_from(number(entry, 4)?).ok()?;
        Some(Entry { kind, offset: number(entry, 8)?, count: number(entry, 12)? })
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
}
