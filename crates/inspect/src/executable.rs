//! Programs and libraries: the headers of ELF, PE and Mach-O, from bytes that nobody vouches for.
//!
//! In: a file's bytes at any position. Out: for each program in it (a universal Mach-O file holds several) its sections and
//! segments, and what stands at an address when it is loaded. Source: System V ABI, "ELF"; Microsoft's "PE Format"; Apple's
//! `mach-o/loader.h` and `mach-o/fat.h`.
//!
//! Odd: which files are programs is told by their first bytes. Whoever reads programs claims them by [`claims`] alone, so
//! that one look at a file stands for all readers. Headers and tables are read by range, and nothing else is: a library that
//! opens a file as a whole keeps what it saw, symbol tables of hundreds of megabytes included, and a forged one makes it
//! read the same bytes again and again. Nothing here is believed but that it lies within the file.

mod elf;
mod mach_o;
mod pe;
mod symbols;

use std::{borrow::Cow, io};

use plimsoll_image::EntryMeta;

use crate::{content::Content, parser::Want};

/// As many first bytes show whether a file is a program.
pub(crate) const HEAD: u64 = 64;

/// Longest program that is read.
const MAX_BYTES: u64 = 2 << 30;

/// From this size on a file is looked at whatever it is called: programs that name their parts are larger.
const LARGE: u64 = 256 << 10;

/// Sections or segments of one program. Linkers make some ten; the tables' own limit is 65,535.
const MAX_PARTS: usize = 65_536;

/// Longest table of section names, and longest block of load commands.
const MAX_TABLE: u64 = 1 << 20;

/// Longest name of a section.
const MAX_NAME: usize = 64;

/// Names of what is a program without leave to be run.
const ENDINGS: &[&[u8]] = &[b".so", b".dll", b".exe", b".node", b".dylib", b".pyd", b".sys"];

/// What whoever reads programs claims: whatever may be run, is named like a program or library, or is large.
pub(crate) fn claims(path: &[u8], meta: &EntryMeta) -> Option<Want> {
    let is_wanted = meta.size >= HEAD
        && (meta.mode & 0o111 != 0 || meta.size >= LARGE || is_named_like_one(path));
    is_wanted.then_some(Want::Program { limit: MAX_BYTES })
}

/// Whether a parser claims a large file of any name as a program, and only that.
#[cfg(test)]
pub(crate) fn is_reader(parser: &dyn crate::parser::Parser) -> bool {
    let path = plimsoll_image::TreePath::from("srv/anything");
    let meta = EntryMeta {
        path,
        kind: plimsoll_image::EntryKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: LARGE,
        mtime: 0,
        link: None,
        capabilities: None,
    };
    matches!(parser.claims(b"srv/anything", &meta), Some(Want::Program { .. }))
}

fn is_named_like_one(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let ends = |ending: &&[u8]| {
        let start = name.len().checked_sub(ending.len());
        start
            .and_then(|start| name.get(start..))
            .is_some_and(|end| end.eq_ignore_ascii_case(ending))
    };
    // Libraries: `libz.so.1.2.13`.
    ENDINGS.iter().any(ends) || name.windows(4).any(|part| part == b".so.")
}

/// Whether a file that begins so may be a program.
pub(crate) fn is_program(head: &[u8]) -> bool {
    kind(head).is_some()
}

/// Whether a file that begins so can be run or loaded by Linux: it is linked, and not merely compiled.
pub(crate) fn is_executable(head: &[u8]) -> bool {
    const LINKED: [u8; 2] = [2, 3];
    match head {
        [0x7f, b'E', b'L', b'F', _, order, ..] => match (*order, head.get(16..18)) {
            (2, Some([0, kind])) | (1, Some([kind, 0])) => LINKED.contains(kind),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a file is called as what other programs load.
pub(crate) fn is_named_like_library(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    name.ends_with(b".so")
        || name.ends_with(b".node")
        || name.windows(4).any(|part| part == b".so.")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Elf,
    Pe,
    MachO,
    /// Several programs in one file, for different processors; with wide offsets or without.
    Universal {
        wide: bool,
    },
}

fn kind(head: &[u8]) -> Option<Kind> {
    match head {
        [0x7f, b'E', b'L', b'F', ..] => Some(Kind::Elf),
        [b'M', b'Z', ..] => Some(Kind::Pe),
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => {
            Some(Kind::MachO)
        }
        // Java's classes begin so as well; there the version stands in the place of the count, and is 45 or more.
        [0xca, 0xfe, 0xba, last @ (0xbe | 0xbf), 0, 0, 0, 1..=44, ..] => {
            Some(Kind::Universal { wide: *last == 0xbf })
        }
        _ => None,
    }
}

/// Which format a program is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    Elf,
    Pe,
    MachO,
}

/// A named part of a program's file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Section {
    pub(crate) name: Vec<u8>,
    /// Where it is when the program is loaded; 0 for what is not.
    pub(crate) address: u64,
    /// Where it is in the file.
    pub(crate) offset: u64,
    /// How much of the file it is.
    pub(crate) size: u64,
}

/// A part of a program's file that is loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    pub(crate) address: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    /// Data that the program may change, and not run.
    pub(crate) is_data: bool,
}

/// One program or library.
#[derive(Debug)]
pub(crate) struct Executable<'a> {
    pub(crate) format: Format,
    pub(crate) is_64: bool,
    pub(crate) is_big_endian: bool,
    /// Linked, and not merely compiled: something that can be run or loaded.
    pub(crate) is_linked: bool,
    /// It has no table of symbols.
    pub(crate) is_stripped: bool,
    pub(crate) sections: Vec<Section>,
    pub(crate) segments: Vec<Segment>,
    /// Where a PE file would like to be loaded; addresses in it count from there.
    pub(crate) image_base: u64,
    /// PE's directories: address and size of each.
    pub(crate) directories: Vec<(u64, u64)>,
    /// What is wrong with its tables, though others could be read.
    pub(crate) problems: Vec<String>,
    content: Content<'a>,
}

/// The programs in a file that begins like one; none if it is none after all, as DOS programs are.
///
/// # Errors
/// What about its headers cannot be so, as a sentence; failures of the file that it is kept in.
pub(crate) fn open(content: Content<'_>) -> Result<Vec<Executable<'_>>, OpenError> {
    let head = first(content)?;
    match kind(&head) {
        Some(Kind::Elf) => Ok(vec![elf::open(content)?]),
        Some(Kind::Pe) => Ok(pe::open(content)?.into_iter().collect()),
        Some(Kind::MachO) => Ok(vec![mach_o::open(content, 0)?]),
        Some(Kind::Universal { wide }) => mach_o::open_universal(content, wide),
        None => Ok(Vec::new()),
    }
}

/// The programs in a file, or none where that cannot be told: who says so is the reader of headers alone.
pub(crate) fn open_if_sound(content: Content<'_>) -> Vec<Executable<'_>> {
    open(content).unwrap_or_default()
}

fn first(content: Content<'_>) -> io::Result<Vec<u8>> {
    let mut head = vec![0; usize::try_from(HEAD).unwrap_or_default()];
    let filled = content.read_at(0, &mut head)?;
    head.truncate(filled);
    Ok(head)
}

/// Why a program's headers cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("{0}")]
    Damaged(&'static str),
    #[error(transparent)]
    Content(#[from] io::Error),
}

impl<'a> Executable<'a> {
    const fn new(format: Format, content: Content<'a>) -> Self {
        Self {
            format,
            is_64: false,
            is_big_endian: false,
            is_linked: true,
            is_stripped: true,
            sections: Vec::new(),
            segments: Vec::new(),
            image_base: 0,
            directories: Vec::new(),
            problems: Vec::new(),
            content,
        }
    }

    /// The file that it is in.
    pub(crate) const fn content(&self) -> Content<'a> {
        self.content
    }

    /// The first section of a name.
    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name.as_bytes())
    }

    /// What is loaded at an address, up to `length` bytes, as far as its segment goes; nothing where nothing is.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn read(&self, address: u64, length: u64) -> io::Result<Cow<'a, [u8]>> {
        let holds = |segment: &&Segment| {
            address.checked_sub(segment.address).is_some_and(|at| at < segment.size)
        };
        let Some(segment) = self.segments.iter().find(holds) else { return Ok(Cow::default()) };
        let at = address - segment.address;
        let offset = segment.offset.saturating_add(at);
        let length = length.min(segment.size - at).min(self.content.size().saturating_sub(offset));
        self.content.range(offset, length)
    }
}

/// Numbers in a header.
struct Fields<'b> {
    bytes: &'b [u8],
    big: bool,
}

impl Fields<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn u64(&self, at: usize) -> Option<u64> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    fn usize(&self, at: usize) -> Option<usize> {
        usize::try_from(self.u32(at)?).ok()
    }

    /// A number of 64 bits at one place, or of 32 at another.
    fn word(&self, is_64: bool, at_64: usize, at_32: usize) -> Option<u64> {
        if is_64 { self.u64(at_64) } else { self.u32(at_32).map(u64::from) }
    }
}

/// A table of rows of one length.
struct Rows<'a> {
    bytes: Cow<'a, [u8]>,
    row: usize,
    big: bool,
}

impl<'a> Rows<'a> {
    /// Reads `count` rows, of which at least `needed` bytes each are there.
    fn read(
        content: Content<'a>,
        offset: u64,
        count: usize,
        row: usize,
        needed: usize,
    ) -> Result<Self, OpenError> {
        if count > 0 && row < needed {
            return Err(OpenError::Damaged("the rows of a table are too short"));
        }
        if count > MAX_PARTS || row > MAX_NAME * 4 {
            return Err(OpenError::Damaged("a table is longer than any real one"));
        }
        let length = u64::try_from(count.saturating_mul(row)).unwrap_or(u64::MAX);
        let bytes = content
            .range(offset, length)
            .map_err(|error| beyond(error, "a table lies beyond the end of the file"))?;
        Ok(Self { bytes, row: row.max(1), big: false })
    }

    fn iter(&self) -> impl Iterator<Item = Fields<'_>> {
        self.bytes.chunks_exact(self.row).map(|bytes| Fields { bytes, big: self.big })
    }
}

/// Something that does not lie in the file is damage; anything else is the file's own failure.
fn beyond(error: io::Error, what: &'static str) -> OpenError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => OpenError::Damaged(what),
        _ => OpenError::Content(error),
    }
}

/// A name in a field or a table, up to its zero.
fn name(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().take(MAX_NAME).copied().take_while(|&byte| byte != 0).collect()
}

#[cfg(test)]
#[path = "executable/tests.rs"]
mod tests;
