//! Single-file applications of .NET: a program with a whole application behind it.
//!
//! In: a program. Out: the application's `deps.json`. Source: .NET, `bundle.md` and `HostWriter.cs`. Odd: every host program
//! holds the mark, in front of it the place of the bundle, which is 0 where there is none; bundles of .NET Core 3 have no
//! place for the list in their head, and of those it is not read.

use std::{borrow::Cow, sync::LazyLock};

use regex::bytes::Regex;

use crate::{executable::Executable, packages::lock::LIMIT, parser::ParseError};

/// What .NET's host programs look for, `bundle_marker.c`.
static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?-u)\x8b\x12\x02\xb9\x6a\x61\x20\x38\x72\x7b\x93\x02\x14\xd7\xa0\x32\x13\xf5\xb9\xe6\xef\xae\x33\x18\xee\x3b\x2d\xce\x24\xb3\x6a\xae").ok()
});

/// Bytes that are looked at in one piece; the mark and the place in front of it overlap.
const PIECE: u64 = 1 << 20;
const OVERLAP: u64 = 40;

/// The list of an application's dependencies, if the program holds an application with one.
///
/// # Errors
/// When it does and the list does not lie in the file; those of the file.
pub(super) fn dependencies<'a>(
    program: &Executable<'a>,
) -> Result<Option<Cow<'a, [u8]>>, ParseError> {
    let content = program.content();
    let Some(start) = place(program)? else { return Ok(None) };
    let mut head = [0; 512];
    let filled = content.read_at(start, &mut head)?;
    let head = head.get(..filled).unwrap_or_default();
    let major = head.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    let length = head.get(12).copied().unwrap_or_default();
    let after = 13 + usize::from(length);
    let number = |at: usize| {
        head.get(at..)?
            .first_chunk()
            .and_then(|bytes| u64::try_from(i64::from_le_bytes(*bytes)).ok())
    };
    let (Some(2..), 0..=127, Some(offset), Some(size)) =
        (major, length, number(after), number(after + 8))
    else {
        return Ok(None);
    };
    if size == 0 {
        return Ok(None);
    }
    if size > LIMIT {
        return Err(ParseError::TooLarge { size, limit: LIMIT, name: "the list of dependencies" });
    }
    Ok(Some(content.range(offset, size)?))
}

/// Where the bundle begins.
fn place(program: &Executable<'_>) -> Result<Option<u64>, ParseError> {
    let Some(mark) = MARK.as_ref() else { return Ok(None) };
    let content = program.content();
    let size = content.size();
    let mut left = size;
    for segment in program.segments.iter().filter(|segment| segment.is_data) {
        let mut at = segment.offset.min(size);
        let end = segment.offset.saturating_add(segment.size.min(left)).min(size);
        left = left.saturating_sub(segment.size);
        while at < end {
            let piece = content.range(at, (PIECE + OVERLAP).min(end - at))?;
            if let Some(found) = mark.find(&piece) {
                let before = found.start().checked_sub(8).and_then(|start| piece.get(start..));
                let place = before.and_then(|bytes| bytes.first_chunk());
                return Ok(place.map(|bytes| u64::from_le_bytes(*bytes)).filter(|at| *at != 0));
            }
            at = at.saturating_add(PIECE);
        }
    }
    Ok(None)
}
