//! The snapshot's bytes: header, sections, numbers of variable length.
//!
//! ```text
//! magic[8] format:u32 crc32:u32 sha256[32] date:i64 flags:u32 sections:u32 (offset:u64 length:u64)* section bytes …
//! ```
//! All numbers are little-endian. The CRC-32 covers everything behind itself and is checked at open; the SHA-256 covers
//! everything behind itself, names the content, and is checked when the file is made. Odd: a CRC suffices at open because
//! it guards against accidents only. Whoever may write the file could make any digest fit, and the reader checks every
//! offset, so wrong bytes end in an error and never outside the map.

/// First bytes of every snapshot.
pub(crate) const MAGIC: [u8; 8] = *b"PLIMSNP\n";

/// Raised whenever the meaning of a byte changes, or the order of bytes for the same content.
pub(crate) const FORMAT: u32 = 4;

/// Where the CRC stands, and what it covers from.
pub(crate) const CRC_AT: usize = 12;
pub(crate) const CRC_FROM: usize = 16;

/// Where the digest stands, and what it covers from.
pub(crate) const DIGEST_AT: usize = 16;
pub(crate) const DIGEST_FROM: usize = 48;

/// Where the sections' table starts.
pub(crate) const TABLE_AT: usize = 64;

/// Flag: this is the starter feed.
pub(crate) const FLAG_STARTER: u32 = 1;

/// The sections in their order in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Section {
    /// `u32` each: where a text starts in `TextBytes`; one more than there are texts. Texts are in byte order.
    TextOffsets,
    TextBytes,
    /// Name, records `u64`, date `i64`.
    Sources,
    /// Ecosystem, release + 1 or 0, number of affected entries; sorted.
    Releases,
    /// Ecosystem, name, first affected entry, their number; sorted.
    Packages,
    /// Advisory, release + 1 or 0, offset into `Details`.
    Affected,
    /// Id, flags, offset into `Details`, source, published `i64`, modified `i64`; sorted by id and source.
    Advisories,
    /// CVE, offset into `Details`; sorted.
    Signals,
    /// Everything of variable length.
    Details,
}

pub(crate) const SECTIONS: usize = 9;

/// Bytes of one row of the sections that have rows.
pub(crate) const fn row_size(section: Section) -> usize {
    match section {
        Section::TextOffsets => 4,
        Section::TextBytes | Section::Details => 1,
        Section::Sources => 20,
        Section::Releases | Section::Affected => 12,
        Section::Packages => 16,
        Section::Advisories => 32,
        Section::Signals => 8,
    }
}

/// What does not fit in a snapshot's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged(pub(crate) &'static str);

/// Reads a `u32`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// Reads a `u64`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

/// Reads an `i64`.
pub(crate) fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(i64::from_le_bytes)
}

/// Appends a number of variable length: seven bits a byte, low first.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // The mask leaves seven bits, so the conversion cannot lose any.
        bytes.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

/// Reads what [`put`] and its neighbours wrote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl Cursor<'_> {
    pub(crate) fn number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first().ok_or(Damaged("a number is cut off"))?;
            self.0 = rest;
            number |= u64::from(first & 0x7f).checked_shl(shift).unwrap_or_default();
            if first & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damaged("a number is too long"))
    }

    pub(crate) fn small(&mut self) -> Result<u32, Damaged> {
        self.number()?.try_into().map_err(|_too_large| Damaged("a number is too large"))
    }

    /// Eight bytes of a time.
    pub(crate) fn time(&mut self) -> Result<i64, Damaged> {
        let (time, rest) = self.0.split_first_chunk::<8>().ok_or(Damaged("a time is cut off"))?;
        self.0 = rest;
        Ok(i64::from_le_bytes(*time))
    }

    /// A number of elements, each of which takes at least one byte: a count that cannot fit is refused before anything is
    /// reserved for it.
    pub(crate) fn count(&mut self) -> Result<usize, Damaged> {
        let count = usize::try_from(self.number()?)
            .map_err(|_too_large| Damaged("a count is too large"))?;
        if count > self.0.len() {
            Err(Damaged("a count is larger than the file"))
        } else {
            Ok(count)
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Damaged>,
    ) -> Result<Vec<T>, Damaged> {
        let count = self.count()?;
        (0..count).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            let mut cursor = Cursor(&bytes);
            assert_eq!(cursor.number(), Ok(number));
            assert!(cursor.0.is_empty());
            assert_eq!(
                Cursor(&bytes[..bytes.len() - 1]).number(),
                Err(Damaged("a number is cut off"))
            );
        }
        assert_eq!(Cursor(&[0xff; 12]).number(), Err(Damaged("a number is too long")));
    }

    #[test]
    fn a_count_beyond_the_end_is_refused() {
        let mut bytes = Vec::new();
        put(&mut bytes, 1_000_000_000);
        assert!(Cursor(&bytes).count().is_err());
    }
}
