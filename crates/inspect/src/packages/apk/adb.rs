//! apk-tools 3's binary form (ADB), which its conversion of the installed database writes.
//!
//! In: `ADB.`, a schema, then blocks; or the same compressed (`ADBd`: deflate; `ADBc`: a byte says which, one how well). Out:
//! packages and fingerprints of their paths, as from the text. Source: `apk-v3(5)`; apk-tools' `adb.h` for blocks and values,
//! `apk_adb.h` for the fields' numbers. Values are words: a type in the upper four bits, an offset or a number below; objects
//! and arrays are a count, itself included, and as many values.
//!
//! Odd: a package is a database of its own inside the installed one. Many values may point to the same place, so a small file
//! can hold any number of packages: what is looked at is counted, not what is there.

use std::io::Read;

use super::{Block, add_file, add_folder};
use crate::{
    facts::{FileFacts, Problem},
    parser::ParseError,
};

/// Bytes of a database when decompressed: many times what an image has.
const MAX_PLAIN: u64 = 256 << 20;
/// Values and bytes that are looked at.
const MAX_WORK: u64 = 128 << 20;
/// zstd's window, as everywhere.
const MAX_WINDOW_LOG: u32 = 27;

const INSTALLED: u32 = u32::from_le_bytes(*b"idb\0");
const BLOCK_OF_VALUES: u32 = 0;
const EXTENDED_BLOCK: u32 = 3;

/// Numbers of fields.
mod field {
    pub(super) const PACKAGES: usize = 1;
    pub(super) const INFO: usize = 1;
    pub(super) const PATHS: usize = 2;
    pub(super) const NAME: usize = 1;
    pub(super) const VERSION: usize = 2;
    pub(super) const ARCHITECTURE: usize = 5;
    pub(super) const LICENSE: usize = 6;
    pub(super) const ORIGIN: usize = 7;
    pub(super) const FILES: usize = 3;
}

pub(super) fn parse(bytes: &[u8]) -> Result<FileFacts, ParseError> {
    let plain = plain(bytes)?;
    let (head, blocks) = plain.split_at_checked(8).ok_or_else(|| syntax("header", "is cut off"))?;
    if word(head, 4) != Some(INSTALLED) {
        return Err(syntax("header", "is of another kind than an installed database"));
    }
    let root = Values::of_blocks(blocks).ok_or_else(|| syntax("blocks", "have no values"))?;
    let mut facts = FileFacts::default();
    let mut reading = Reading { work: 0, facts: &mut facts };
    let packages = root.root().and_then(|root| root.list(field::PACKAGES));
    let packages = packages.ok_or_else(|| syntax("root", "has no packages"))?;
    for (number, package) in (1_usize..).zip(packages.items()) {
        let at = format!("package {number}");
        if !reading.package(package, &at) {
            facts.problem(|| Problem::budget(format!(
                "values of a binary package database: the limit of {MAX_WORK} is reached at {at}"
            )));
            break;
        }
    }
    facts.owned.sort_unstable();
    facts.owned.dedup();
    Ok(facts)
}

fn syntax(at: &str, problem: &str) -> ParseError {
    ParseError::Syntax {
        at: at.to_owned(),
        problem: format!("{problem} (a database in apk's binary form)"),
    }
}

/// The bytes behind the compression.
fn plain(bytes: &[u8]) -> Result<Vec<u8>, ParseError> {
    let (magic, rest) = bytes.split_at_checked(4).unwrap_or_default();
    let (how, rest) = match (magic, rest) {
        (b"ADB.", _) => return Ok(bytes.to_vec()),
        (b"ADBd", rest) => (1, rest),
        (b"ADBc", [how, _, rest @ ..]) => (*how, rest),
        _ => return Err(syntax("header", "is compressed in an unknown way")),
    };
    let mut plain = Vec::new();
    let limit = MAX_PLAIN + 1;
    let read = match how {
        0 => return Ok(rest.to_vec()),
        1 => flate2::read::DeflateDecoder::new(rest).take(limit).read_to_end(&mut plain),
        2 => zstd::Decoder::new(rest).and_then(|mut decoder| {
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            decoder.take(limit).read_to_end(&mut plain)
        }),
        _ => return Err(syntax("header", "is compressed in an unknown way")),
    };
    let size = read.map_err(|error| syntax("compressed bytes", &error.to_string()))?;
    match u64::try_from(size) {
        Ok(size) if size <= MAX_PLAIN => Ok(plain),
        _ => Err(ParseError::TooLarge {
            size: limit,
            limit: MAX_PLAIN,
            name: "bytes of a decompressed package database",
        }),
    }
}

/// What is read into, and how much was looked at.
struct Reading<'f> {
    work: u64,
    facts: &'f mut FileFacts,
}

impl Reading<'_> {
    /// Adds a package; `false` when the limit is reached.
    fn package(&mut self, value: Value<'_>, at: &str) -> bool {
        let inner = value.bytes().and_then(Values::of_blocks);
        let object = match &inner {
            Some(values) => values.root(),
            None => value.list(),
        };
        let info = object.and_then(|object| object.list(field::INFO));
        let (Some(object), Some(info)) = (object, info) else {
            self.facts.problem(|| Problem::unreadable(format!("{at}: is no package")));
            return self.spend(1);
        };
        let text = |field| info.get(field).and_then(Value::bytes).unwrap_or_default();
        let mut block = Block::default();
        for (key, field) in [
            (b'P', field::NAME),
            (b'V', field::VERSION),
            (b'A', field::ARCHITECTURE),
            (b'L', field::LICENSE),
            (b'o', field::ORIGIN),
        ] {
            let text = text(field);
            // Longer words are a problem whatever they are; a copy of each would be one more.
            block.add(key, text.get(..=super::MAX_WORD).unwrap_or(text));
            if !self.spend(text.len()) {
                return false;
            }
        }
        let paths = object.list(field::PATHS);
        for folder in paths.iter().flat_map(List::items).filter_map(Value::list) {
            let name = folder.get(field::NAME).and_then(Value::bytes).unwrap_or_default();
            if !self.spend(name.len()) {
                return false;
            }
            add_folder(&mut block, name, self.facts);
            let files = folder.list(field::FILES);
            for file in files.iter().flat_map(List::items).filter_map(Value::list) {
                let name = file.get(field::NAME).and_then(Value::bytes).unwrap_or_default();
                if !self.spend(name.len()) {
                    return false;
                }
                add_file(&mut block, name, self.facts);
            }
        }
        block.finish(at, self.facts);
        true
    }

    fn spend(&mut self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.work = self.work.saturating_add(1).saturating_add(bytes);
        self.work <= MAX_WORK
    }
}

/// The values of one block; offsets count from its start.
#[derive(Clone, Copy)]
struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    /// The first block with values.
    fn of_blocks(mut blocks: &'a [u8]) -> Option<Self> {
        loop {
            let head = word(blocks, 0)?;
            let (kind, header, size) = if head >> 30 == EXTENDED_BLOCK {
                (
                    head & 0x3fff_ffff,
                    16,
                    u64::from(word(blocks, 8)?) | u64::from(word(blocks, 12)?) << 32,
                )
            } else {
                (head >> 30, 4, u64::from(head & 0x3fff_ffff))
            };
            let size = usize::try_from(size).ok().filter(|size| *size >= header)?;
            let block = blocks.get(header..size)?;
            if kind == BLOCK_OF_VALUES {
                return Some(Self(block));
            }
            // Blocks begin at multiples of eight.
            blocks = blocks.get(size.checked_next_multiple_of(8)?..)?;
        }
    }

    /// The object that all others hang on; a newer form that older readers cannot read is none.
    fn root(&self) -> Option<List<'a>> {
        let is_readable = self.0.first() == Some(&0);
        Value { values: *self, word: word(self.0, 4).filter(|_| is_readable)? }.list()
    }
}

/// One value.
#[derive(Clone, Copy)]
struct Value<'a> {
    values: Values<'a>,
    word: u32,
}

impl<'a> Value<'a> {
    fn place(self) -> Option<&'a [u8]> {
        self.values.0.get(usize::try_from(self.word & 0x0fff_ffff).ok()?..)
    }

    fn bytes(self) -> Option<&'a [u8]> {
        let place = self.place()?;
        let (width, length) = match self.word >> 28 {
            0x8 => (1, usize::from(*place.first()?)),
            0x9 => (2, usize::from(u16::from_le_bytes(place.first_chunk().copied()?))),
            0xa => (4, usize::try_from(word(place, 0)?).ok()?),
            _ => return None,
        };
        place.get(width..)?.get(..length)
    }

    /// An object or an array.
    fn list(self) -> Option<List<'a>> {
        if !matches!(self.word >> 28, 0xd | 0xe) {
            return None;
        }
        let place = self.place()?;
        let count = usize::try_from(word(place, 0)?).ok()?;
        let words = place.get(..count.checked_mul(4)?)?.get(4..)?;
        Some(List { values: self.values, words })
    }
}

/// The values of an object or array.
#[derive(Clone, Copy)]
struct List<'a> {
    values: Values<'a>,
    words: &'a [u8],
}

impl<'a> List<'a> {
    /// The field of that number, counted from one.
    fn get(self, field: usize) -> Option<Value<'a>> {
        let at = field.checked_sub(1)?.checked_mul(4)?;
        Some(Value { values: self.values, word: word(self.words, at)? })
    }

    fn list(self, field: usize) -> Option<Self> {
        self.get(field)?.list()
    }

    fn items(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let values = self.values;
        let words = self.words.as_chunks::<4>().0.iter();
        words.map(move |word| Value { values, word: u32::from_le_bytes(*word) })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
#[path = "adb/tests.rs"]
mod tests;
