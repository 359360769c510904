//! The version resource of a PE file: names and versions for people.
//!
//! In: a program. Out: its strings by key (`ProductVersion`, `OriginalFilename`). Source: Microsoft, "PE Format", section
//! `.rsrc`, and "VERSIONINFO resource". Odd: resources are a tree of kind, name and language, of which each step down is an
//! offset from the start of the whole; there is no fourth step, whatever the file says.

use std::{collections::BTreeMap, io};

use crate::executable::Executable;

/// The directory of resources.
const RESOURCES: usize = 2;
/// The kind of version resources.
const VERSION: u32 = 16;
/// Bit of an offset that leads to another step.
const STEP: u32 = 0x8000_0000;

/// Kinds, names or languages of one step.
const MAX_ENTRIES: u64 = 4_096;
/// Longest version resource; real ones have 1 KiB.
const MAX_BYTES: u64 = 64 << 10;
/// Strings of one resource.
const MAX_STRINGS: usize = 256;

/// The strings of the first version resource; none if there is none, or none that can be read.
///
/// # Errors
/// Those of the file.
pub(super) fn strings(program: &Executable<'_>) -> io::Result<BTreeMap<String, String>> {
    let mut strings = BTreeMap::new();
    let Some((start, _)) = program.directories.get(RESOURCES).filter(|(_, size)| *size > 0) else {
        return Ok(strings);
    };
    let mut offset = 0_u32;
    for wanted in [Some(VERSION), None, None] {
        let Some(next) = entry(program, *start, offset & !STEP, wanted)? else {
            return Ok(strings);
        };
        offset = next;
    }
    if offset & STEP != 0 {
        return Ok(strings);
    }
    let place = program.read(start.saturating_add(offset.into()), 8)?;
    let (Some(address), Some(size)) = (u32_at(&place, 0), u32_at(&place, 4)) else {
        return Ok(strings);
    };
    let address = program.image_base.saturating_add(address.into());
    let bytes = program.read(address, u64::from(size).min(MAX_BYTES))?;
    let Some(root) = blocks(&bytes).next() else { return Ok(strings) };
    for group in blocks(root.children).filter(|group| group.key == "StringFileInfo") {
        for table in blocks(group.children) {
            for string in blocks(table.children).take(MAX_STRINGS) {
                strings.entry(string.key).or_insert_with(|| text(string.value));
            }
        }
    }
    Ok(strings)
}

/// Where an entry of a step leads: the one of a number, or the first.
fn entry(
    program: &Executable<'_>,
    start: u64,
    offset: u32,
    wanted: Option<u32>,
) -> io::Result<Option<u32>> {
    let at = start.saturating_add(offset.into());
    let header = program.read(at, 16)?;
    let (Some(named), Some(numbered)) = (u16_at(&header, 12), u16_at(&header, 14)) else {
        return Ok(None);
    };
    let count = (u64::from(named) + u64::from(numbered)).min(MAX_ENTRIES);
    let entries = program.read(at.saturating_add(16), count * 8)?;
    let entry = entries
        .chunks_exact(8)
        .find(|entry| wanted.is_none_or(|wanted| u32_at(entry, 0) == Some(wanted)));
    Ok(entry.and_then(|entry| u32_at(entry, 4)))
}

/// A length, a length of the value, a kind, a key, the value and other blocks.
struct Block<'b> {
    key: String,
    value: &'b [u8],
    children: &'b [u8],
}

fn blocks(mut rest: &[u8]) -> impl Iterator<Item = Block<'_>> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let value_length = usize::from(u16_at(rest, 2)?);
        let is_text = u16_at(rest, 4)? == 1;
        let block = rest.get(..length)?;
        let key_bytes = block.get(6..)?;
        let key_length = key_bytes.chunks_exact(2).position(|unit| unit == [0, 0])? * 2;
        let key = text(key_bytes.get(..key_length)?);
        let start = (6 + key_length + 2).next_multiple_of(4);
        let value_length = if is_text { value_length * 2 } else { value_length };
        let end = start.saturating_add(value_length).min(block.len());
        let value = block.get(start..end).unwrap_or_default();
        let children = block.get(end.next_multiple_of(4)..).unwrap_or_default();
        // At least a key's end was read, so that this ends.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Block { key, value, children })
    })
}

/// UTF-16 up to its zero.
fn text(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|unit| u16_at(unit, 0));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}
