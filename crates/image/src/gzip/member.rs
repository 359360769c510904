//! What stands around the deflate data of a gzip member.
//!
//! In: bytes. Out: where the data begins, and what it must unpack to. Source: RFC 1952 §2.3. Odd: names and comments are
//! bounded, extra fields are by their format.

/// Bytes of a file name or a comment.
const MAX_TEXT: usize = 65_535;

/// Bytes of a footer.
pub(super) const FOOTER: usize = 8;

/// Most bytes of a header.
pub(super) const MAX_HEADER: usize = 10 + 2 + 65_535 + 2 * (MAX_TEXT + 1) + 2;

const HAS_CHECK: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Why a member does not begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HeaderError {
    /// The bytes end first.
    CutOff,
    /// It is something else.
    Not(&'static str),
}

/// The length of the header that `bytes` begin with.
pub(super) fn header(bytes: &[u8]) -> Result<usize, HeaderError> {
    let start = bytes.get(..10).ok_or(HeaderError::CutOff)?;
    let &[0x1f, 0x8b, 8, flags, ..] = start else {
        return Err(HeaderError::Not("invalid gzip header"));
    };
    if flags & RESERVED != 0 {
        return Err(HeaderError::Not("invalid gzip header"));
    }
    let mut at = 10;
    if flags & HAS_EXTRA != 0 {
        at += 2 + usize::from(number(bytes, at)?);
    }
    for flag in [HAS_NAME, HAS_COMMENT] {
        if flags & flag != 0 {
            let rest = bytes.get(at..).ok_or(HeaderError::CutOff)?;
            let end = rest.iter().take(MAX_TEXT + 1).position(|byte| *byte == 0);
            at += match end {
                Some(end) => end + 1,
                None if rest.len() > MAX_TEXT => {
                    return Err(HeaderError::Not("gzip header field too long"));
                }
                None => return Err(HeaderError::CutOff),
            };
        }
    }
    let before = bytes.get(..at).ok_or(HeaderError::CutOff)?;
    if flags & HAS_CHECK != 0 {
        if u32::from(number(bytes, at)?) != crc32fast::hash(before) & 0xffff {
            return Err(HeaderError::Not("the checksum of a gzip header does not match"));
        }
        at += 2;
    }
    Ok(at)
}

fn number(bytes: &[u8], at: usize) -> Result<u16, HeaderError> {
    match bytes.get(at..at + 2) {
        Some(&[low, high]) => Ok(u16::from_le_bytes([low, high])),
        _ => Err(HeaderError::CutOff),
    }
}

/// What a member must have unpacked to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Footer {
    crc: u32,
    /// Modulo 2³².
    length: u32,
}

impl Footer {
    pub(super) const fn of(bytes: &[u8]) -> Option<Self> {
        let Some(&[a, b, c, d, e, f, g, h]) = bytes.first_chunk::<FOOTER>() else { return None };
        let (crc, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        Some(Self { crc, length })
    }

    pub(super) fn fits(self, crc: u32, length: u64) -> bool {
        self.crc == crc && u64::from(self.length) == length & u64::from(u32::MAX)
    }
}
