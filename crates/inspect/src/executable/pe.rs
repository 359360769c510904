//! PE: programs and libraries of Windows and of .NET everywhere.
//!
//! In: a file. Out: its sections, which are what is loaded, and its directories. Source: Microsoft, "PE Format". Odd: DOS
//! programs begin in the same way, and then are none of these; addresses are those at the image's preferred base.

use super::{Executable, Fields, Format, OpenError, Rows, Section, Segment, beyond, name};
use crate::content::Content;

/// Readable, writable, holding data: what is neither code nor thrown away.
const DATA: u32 = 0xc000_0040;
const EXECUTABLE: u32 = 0x2000_0000;
const DIRECTORIES: usize = 16;

pub(super) fn open(content: Content<'_>) -> Result<Option<Executable<'_>>, OpenError> {
    const CUT: &str = "its header is cut short";
    let stub = content.range(0, content.size().min(64))?;
    let Some(at) = (Fields { bytes: &stub, big: false }).u32(60).map(u64::from) else {
        return Ok(None);
    };
    let mut signature = [0; 24];
    if content.read_at(at, &mut signature)? < signature.len() || !signature.starts_with(b"PE\0\0") {
        return Ok(None);
    }
    let header = Fields { bytes: &signature, big: false };
    let cut = || OpenError::Damaged(CUT);
    let count = usize::from(header.u16(6).ok_or_else(cut)?);
    let symbols = header.u32(16).ok_or_else(cut)?;
    let length = header.u16(20).ok_or_else(cut)?;
    let optional = content
        .range(at.saturating_add(24), u64::from(length))
        .map_err(|error| beyond(error, CUT))?;
    let fields = Fields { bytes: &optional, big: false };
    let mut executable = Executable::new(Format::Pe, content);
    executable.is_64 = match fields.u16(0) {
        Some(0x10b) => false,
        Some(0x20b) => true,
        _ => return Err(OpenError::Damaged("its optional header is of no known kind")),
    };
    executable.is_stripped = symbols == 0;
    let is_64 = executable.is_64;
    let base = fields.word(is_64, 24, 28).ok_or_else(cut)?;
    executable.image_base = base;
    let directories = fields.usize(if is_64 { 108 } else { 92 }).unwrap_or_default();
    let first = if is_64 { 112 } else { 96 };
    for index in 0..directories.min(DIRECTORIES) {
        let at = first + index * 8;
        let (Some(address), Some(size)) = (fields.u32(at), fields.u32(at + 4)) else { break };
        executable.directories.push((base.saturating_add(address.into()), size.into()));
    }
    let table = at.saturating_add(24).saturating_add(length.into());
    let rows = Rows::read(content, table, count, 40, 40)?;
    for fields in rows.iter() {
        let section = || Some((fields.u32(12)?, fields.u32(16)?, fields.u32(20)?, fields.u32(36)?));
        let Some((address, size, offset, flags)) = section() else { continue };
        let address = base.saturating_add(address.into());
        let (offset, size) = (u64::from(offset), u64::from(size));
        executable.sections.push(Section {
            name: name(fields.bytes.get(..8).unwrap_or_default()),
            address,
            offset,
            size,
        });
        let is_data = flags & DATA == DATA && flags & EXECUTABLE == 0;
        executable.segments.push(Segment { address, offset, size, is_data });
    }
    Ok(Some(executable))
}
