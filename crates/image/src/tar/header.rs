//! One header block.
//!
//! In: 512 bytes. Out: [`Header`], with the fields that the block's format has. Source: POSIX `pax`, "ustar Interchange
//! Format"; GNU tar's manual; Go's `archive/tar`. Odd: the checksum may be of signed or unsigned bytes; a prefix exists in
//! ustar and star, and in "GNU" headers whose time fields are no numbers, because Go before 1.8 wrote such.

use super::number;

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;
/// One block.
pub(super) type Block = [u8; BLOCK];

/// Which dialect a header is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dialect {
    V7,
    Ustar,
    Star,
    Gnu,
}

/// The fields of a header that somebody uses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) typeflag: u8,
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) size: i64,
    pub(super) mode: i64,
    pub(super) uid: i64,
    pub(super) gid: i64,
    pub(super) mtime: i64,
}

/// The bytes of a field; the numbers are constants within the block.
pub(super) fn field(block: &Block, start: usize, length: usize) -> &[u8] {
    block.get(start..start + length).unwrap_or_default()
}

/// The dialect, if the checksum is right.
pub(super) fn dialect(block: &Block) -> Option<Dialect> {
    let stated = number::octal(field(block, 148, 8))?;
    if stated != unsigned_sum(block) && stated != signed_sum(block) {
        return None;
    }
    Some(match (field(block, 257, 6), field(block, 263, 2), field(block, 508, 4)) {
        (b"ustar\0", _, b"tar\0") => Dialect::Star,
        (b"ustar\0", _, _) => Dialect::Ustar,
        (b"ustar ", b" \0", _) => Dialect::Gnu,
        _ => Dialect::V7,
    })
}

/// The sum of all bytes with the checksum field as blanks.
fn unsigned_sum(block: &Block) -> i64 {
    let sum = |bytes: &[u8]| -> u32 { bytes.iter().map(|&byte| u32::from(byte)).sum() };
    i64::from(sum(block) - sum(field(block, 148, 8)) + 8 * u32::from(b' '))
}

fn signed_sum(block: &Block) -> i64 {
    let high = |bytes: &[u8]| -> i64 { bytes.iter().map(|byte| i64::from(byte >> 7)).sum() };
    unsigned_sum(block) - 256 * (high(block) - high(field(block, 148, 8)))
}

impl Header {
    /// Reads a block.
    pub(super) fn parse(block: &Block) -> Result<Self, &'static str> {
        let dialect = dialect(block).ok_or("the header's checksum is wrong")?;
        let numeric = |start, length| {
            number::numeric(field(block, start, length)).ok_or("a number in the header is not one")
        };
        let header = Self {
            typeflag: field(block, 156, 1).first().copied().unwrap_or(0),
            name: Vec::new(),
            link: number::text(field(block, 157, 100)).to_vec(),
            size: numeric(124, 12)?,
            mode: numeric(100, 8)?,
            uid: numeric(108, 8)?,
            gid: numeric(116, 8)?,
            mtime: numeric(136, 12)?,
        };
        let mut prefix: &[u8] = &[];
        if dialect != Dialect::V7 {
            numeric(329, 8)?;
            numeric(337, 8)?;
        }
        match dialect {
            Dialect::V7 => {}
            Dialect::Ustar => prefix = number::text(field(block, 345, 155)),
            Dialect::Star => {
                prefix = number::text(field(block, 345, 131));
                numeric(476, 12)?;
                numeric(488, 12)?;
            }
            Dialect::Gnu => {
                let is_time = |start| {
                    let time = field(block, start, 12);
                    time.first() == Some(&0) || number::numeric(time).is_some()
                };
                let old_prefix = number::text(field(block, 345, 155));
                if !(is_time(345) && is_time(357)) && old_prefix.is_ascii() {
                    prefix = old_prefix;
                }
            }
        }
        let short = number::text(field(block, 0, 100));
        let mut name = Vec::with_capacity(prefix.len() + 1 + short.len());
        if !prefix.is_empty() {
            name.extend_from_slice(prefix);
            name.push(b'/');
        }
        name.extend_from_slice(short);
        Ok(Self { name, ..header })
    }

    /// Whether entries of this type have no data, whatever their size says.
    pub(super) const fn is_header_only(&self) -> bool {
        matches!(self.typeflag, b'1'..=b'6')
    }
}
