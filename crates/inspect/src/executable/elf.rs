//! ELF: programs and libraries of Linux.
//!
//! In: a file. Out: its sections and the segments that are loaded. Source: System V ABI, chapters 4 and 5; `elf(5)`. Odd: the
//! table of sections may be missing or nonsense, since nothing needs it to run a program; then the segments still count.

use super::{
    Executable, Fields, Format, MAX_TABLE, OpenError, Rows, Section, Segment, beyond, name,
};
use crate::content::Content;

const RELOCATABLE: u16 = 1;
const CORE: u16 = 4;
const LOADED: u32 = 1;
const EXECUTABLE: u32 = 1;
const WRITABLE: u32 = 2;
const SYMBOLS: u32 = 2;
const NOT_IN_FILE: u32 = 8;
/// In place of a number that the first section's header has.
const ELSEWHERE: usize = 0xffff;

/// What the header says of a table.
#[derive(Clone, Copy)]
struct Table {
    offset: u64,
    row: usize,
    count: usize,
}

struct Header {
    kind: u16,
    segments: Table,
    sections: Table,
    /// The section that holds the names of all.
    names: usize,
}

pub(super) fn open(content: Content<'_>) -> Result<Executable<'_>, OpenError> {
    const CUT: OpenError = OpenError::Damaged("its header is cut short");
    let bytes = content.range(0, content.size().min(64))?;
    let (is_64, big) = match (bytes.get(4), bytes.get(5)) {
        (Some(class @ 1..=2), Some(order @ 1..=2)) => (*class == 2, *order == 2),
        _ => return Err(OpenError::Damaged("its header names no class or order of bytes")),
    };
    let header = header(&Fields { bytes: &bytes, big }, is_64).ok_or(CUT)?;
    let mut executable = Executable::new(Format::Elf, content);
    executable.is_64 = is_64;
    executable.is_big_endian = big;
    executable.is_linked = header.kind != RELOCATABLE && header.kind != CORE;
    let sections = match sections(&executable, &header) {
        Ok(sections) => sections,
        Err(OpenError::Damaged(problem)) => {
            executable.problems.push(format!("its sections: {problem}"));
            Sections::default()
        }
        Err(error) => return Err(error),
    };
    let count = sections.segments.unwrap_or(header.segments.count);
    executable.segments = segments(&executable, Table { count, ..header.segments })?;
    executable.is_stripped = !sections.has_symbols;
    executable.sections = sections.list;
    Ok(executable)
}

fn header(fields: &Fields<'_>, is_64: bool) -> Option<Header> {
    let half =
        |at_64: usize, at_32: usize| fields.u16(if is_64 { at_64 } else { at_32 }).map(usize::from);
    Some(Header {
        kind: fields.u16(16)?,
        segments: Table {
            offset: fields.word(is_64, 32, 28)?,
            row: half(54, 42)?,
            count: half(56, 44)?,
        },
        sections: Table {
            offset: fields.word(is_64, 40, 32)?,
            row: half(58, 46)?,
            count: half(60, 48)?,
        },
        names: half(62, 50)?,
    })
}

fn segments(executable: &Executable<'_>, table: Table) -> Result<Vec<Segment>, OpenError> {
    if table.offset == 0 {
        return Ok(Vec::new());
    }
    let is_64 = executable.is_64;
    let needed = if is_64 { 56 } else { 32 };
    let mut rows = Rows::read(executable.content, table.offset, table.count, table.row, needed)?;
    rows.big = executable.is_big_endian;
    let segment = |fields: Fields<'_>| {
        let flags = fields.u32(if is_64 { 4 } else { 24 })?;
        (fields.u32(0)? == LOADED).then_some(Segment {
            offset: fields.word(is_64, 8, 4)?,
            address: fields.word(is_64, 16, 8)?,
            size: fields.word(is_64, 32, 16)?,
            is_data: flags & WRITABLE != 0 && flags & EXECUTABLE == 0,
        })
    };
    Ok(rows.iter().filter_map(segment).collect())
}

#[derive(Default)]
struct Sections {
    list: Vec<Section>,
    has_symbols: bool,
    /// How many segments there are, where the header has no room for it.
    segments: Option<usize>,
}

fn sections(executable: &Executable<'_>, header: &Header) -> Result<Sections, OpenError> {
    let mut table = header.sections;
    if table.offset == 0 {
        return Ok(Sections::default());
    }
    let (is_64, big) = (executable.is_64, executable.is_big_endian);
    let needed = if is_64 { 64 } else { 40 };
    let read = |table: Table| {
        let mut rows =
            Rows::read(executable.content, table.offset, table.count, table.row, needed)?;
        rows.big = big;
        Ok::<_, OpenError>(rows)
    };
    let (mut names, mut segments) = (header.names, None);
    if table.count == 0 || names == ELSEWHERE || header.segments.count == ELSEWHERE {
        let first = read(Table { count: 1, ..table })?;
        if let Some(first) = first.iter().next() {
            let number = |number: Option<u64>| {
                usize::try_from(number.unwrap_or_default()).unwrap_or(usize::MAX)
            };
            if table.count == 0 {
                table.count = number(first.word(is_64, 32, 20));
            }
            if names == ELSEWHERE {
                names = number(first.u32(if is_64 { 40 } else { 24 }).map(u64::from));
            }
            if header.segments.count == ELSEWHERE {
                segments = Some(number(first.u32(if is_64 { 44 } else { 28 }).map(u64::from)));
            }
        }
    }
    let rows = read(table)?;
    let place = |fields: &Fields<'_>| {
        let kind = fields.u32(4)?;
        let size = fields.word(is_64, 32, 20)?;
        Some(Section {
            name: Vec::new(),
            address: fields.word(is_64, 16, 12)?,
            offset: fields.word(is_64, 24, 16)?,
            size: if kind == NOT_IN_FILE { 0 } else { size },
        })
    };
    let text = match rows.iter().nth(names).and_then(|fields| place(&fields)) {
        Some(table) if names != 0 => executable
            .content
            .range(table.offset, table.size.min(MAX_TABLE))
            .map_err(|error| beyond(error, "their names lie beyond the end of the file"))?,
        _ => Default::default(),
    };
    let mut sections = Sections { segments, ..Sections::default() };
    for fields in rows.iter() {
        let Some(section) = place(&fields) else { continue };
        let at = fields.usize(0).unwrap_or(usize::MAX);
        sections.has_symbols |= fields.u32(4) == Some(SYMBOLS);
        sections.list.push(Section { name: name(text.get(at..).unwrap_or_default()), ..section });
    }
    Ok(sections)
}
