//! Mach-O: programs and libraries of macOS.
//!
//! In: a file, or the part of a universal one that is for one processor. Out: its sections and segments. Source: Apple's
//! `mach-o/loader.h` and `mach-o/fat.h`. Odd: offsets count from where the part begins; the head of a universal file is
//! big-endian whatever is in it.

use super::{
    Executable, Fields, Format, MAX_PARTS, MAX_TABLE, OpenError, Rows, Section, Segment, beyond,
    name,
};
use crate::content::Content;

/// Processors that one file may be for.
const MAX_PROCESSORS: usize = 8;

const OBJECT: u32 = 1;
const SEGMENT: u32 = 1;
const SEGMENT_64: u32 = 0x19;
const SYMBOLS: u32 = 2;
const WRITABLE: u32 = 2;
const EXECUTABLE: u32 = 4;

pub(super) fn open_universal(
    content: Content<'_>,
    wide: bool,
) -> Result<Vec<Executable<'_>>, OpenError> {
    let start = content.range(0, content.size().min(8))?;
    let count = (Fields { bytes: &start, big: true }).usize(4).unwrap_or_default();
    let row = if wide { 32 } else { 20 };
    let mut rows = Rows::read(content, 8, count.min(MAX_PROCESSORS), row, row)?;
    rows.big = true;
    let offsets = rows.iter().filter_map(|fields| fields.word(wide, 8, 8));
    offsets.map(|offset| open(content, offset)).collect()
}

pub(super) fn open(content: Content<'_>, base: u64) -> Result<Executable<'_>, OpenError> {
    const CUT: &str = "its header is cut short";
    let bytes = content.range(base, 32).map_err(|error| beyond(error, CUT))?;
    let (is_64, big) = match &*bytes {
        [0xfe, 0xed, 0xfa, last, ..] => (*last == 0xcf, true),
        [first, 0xfa, 0xed, 0xfe, ..] => (*first == 0xcf, false),
        _ => return Err(OpenError::Damaged("a part of it is not in the format of the rest")),
    };
    let header = Fields { bytes: &bytes, big };
    let (Some(kind), Some(count), Some(length)) =
        (header.u32(12), header.usize(16), header.u32(20))
    else {
        return Err(OpenError::Damaged(CUT));
    };
    if u64::from(length) > MAX_TABLE || count > MAX_PARTS {
        return Err(OpenError::Damaged("its load commands are longer than any real ones"));
    }
    let start = base.saturating_add(if is_64 { 32 } else { 28 });
    let commands = content
        .range(start, length.into())
        .map_err(|error| beyond(error, "its load commands lie beyond the end of the file"))?;
    let mut executable = Executable::new(Format::MachO, content);
    executable.is_64 = is_64;
    executable.is_big_endian = big;
    executable.is_linked = kind != OBJECT;
    let mut rest: &[u8] = &commands;
    for _ in 0..count {
        let fields = Fields { bytes: rest, big };
        let (Some(command), Some(size)) = (fields.u32(0), fields.usize(4)) else { break };
        let Some((bytes, after)) = rest.split_at_checked(size).filter(|_| size >= 8) else {
            executable.problems.push("one of its load commands has no length".to_owned());
            break;
        };
        rest = after;
        let fields = Fields { bytes, big };
        match command {
            SEGMENT | SEGMENT_64 => add_segment(&mut executable, &fields, base, command),
            SYMBOLS => executable.is_stripped = fields.u32(12).unwrap_or_default() == 0,
            _ => {}
        }
    }
    Ok(executable)
}

fn add_segment(executable: &mut Executable<'_>, fields: &Fields<'_>, base: u64, command: u32) {
    let wide = command == SEGMENT_64;
    let segment = || {
        let protection = fields.u32(if wide { 60 } else { 44 })?;
        Some(Segment {
            address: fields.word(wide, 24, 24)?,
            offset: base.saturating_add(fields.word(wide, 40, 32)?),
            size: fields.word(wide, 48, 36)?,
            is_data: protection & WRITABLE != 0 && protection & EXECUTABLE == 0,
        })
    };
    let Some(segment) = segment() else { return };
    executable.segments.push(segment);
    let (start, row) = if wide { (72, 80) } else { (56, 68) };
    let rows = fields.bytes.get(start..).unwrap_or_default().chunks_exact(row);
    for bytes in rows {
        if executable.sections.len() >= MAX_PARTS {
            return;
        }
        let fields = Fields { bytes, big: fields.big };
        let section = || {
            Some(Section {
                name: name(bytes.get(..16)?),
                address: fields.word(wide, 32, 32)?,
                offset: base.saturating_add(fields.u32(if wide { 48 } else { 40 })?.into()),
                size: fields.word(wide, 40, 36)?,
            })
        };
        executable.sections.extend(section());
    }
}
