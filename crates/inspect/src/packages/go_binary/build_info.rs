//! What Go's linker writes into every program: the version of Go, and the modules.
//!
//! In: a program. Out: [`BuildInfo`], the same as `go version -m` prints. Source: Go, `debug/buildinfo` and
//! `runtime/debug.ParseBuildInfo`. Odd: since Go 1.18 the two texts stand behind the header; before, the header holds the
//! addresses of Go strings, in the program's order and size of words. The header is looked for in a section of its own,
//! else in the data, at every sixteenth byte.

use std::io;

use crate::{executable::Executable, facts::clip, parser::ParseError};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGN: usize = 16;
const HEADER: u64 = 32;
const CHUNK: u64 = 1 << 20;

/// Longest text of modules; the largest programs have a hundredth.
const MAX_TEXT: u64 = 16 << 20;
/// Longest version of Go, with its experiments.
const MAX_VERSION: u64 = 1_024;
/// Frames around the text of modules, of this length each.
const FRAME: usize = 16;

/// A module, and what stands in for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) path: String,
    pub(super) version: String,
    pub(super) sum: String,
    pub(super) replaced_by: Option<Box<Self>>,
}

/// What a program says of its making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BuildInfo {
    /// `go1.22.3`.
    pub(super) go: String,
    /// Import path of the main package.
    pub(super) path: String,
    pub(super) main: Option<Module>,
    pub(super) modules: Vec<Module>,
    /// `vcs.revision`, `-ldflags`, …, in order.
    pub(super) settings: Vec<(String, String)>,
    /// It says nothing of modules: it was built without them, or the text was taken out.
    pub(super) has_no_text: bool,
}

impl BuildInfo {
    pub(super) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

/// What a program says of its making; `None` if it is not Go's.
///
/// # Errors
/// When it is Go's, and what it says cannot be read; those of the file.
pub(super) fn read(program: &Executable<'_>) -> Result<Option<BuildInfo>, ParseError> {
    let Some(at) = find(program)? else { return Ok(None) };
    let header = program.read(at, HEADER)?;
    let (Some(size), Some(flags)) = (header.get(14), header.get(15)) else { return Ok(None) };
    let (go, text) = if flags & 2 != 0 {
        let (go, after) = inline_text(program, at.saturating_add(HEADER), MAX_VERSION)?;
        let (text, _) = inline_text(program, after, MAX_TEXT)?;
        (go, text)
    } else {
        let pointers = Pointers { program, size: usize::from(*size), is_big: flags & 1 != 0 };
        if !matches!(size, 4 | 8) {
            return Err(damaged("its words have neither 4 nor 8 bytes"));
        }
        let first = pointers.number(header.get(16..).unwrap_or_default());
        let second = pointers.number(header.get(16 + usize::from(*size)..).unwrap_or_default());
        (pointers.text(first, MAX_VERSION)?, pointers.text(second, MAX_TEXT)?)
    };
    if go.is_empty() {
        return Err(damaged("the version of Go is missing"));
    }
    let go = String::from_utf8_lossy(&go).into_owned();
    let text = unframed(&text);
    let mut info = parse(&String::from_utf8_lossy(text))?;
    info.go = go;
    info.has_no_text = text.is_empty();
    Ok(Some(info))
}

fn damaged(problem: &str) -> ParseError {
    ParseError::Syntax { at: "build information of Go".to_owned(), problem: problem.to_owned() }
}

/// Where the header is loaded.
fn find(program: &Executable<'_>) -> io::Result<Option<u64>> {
    let own = [".go.buildinfo", "__go_buildinfo"].iter().find_map(|name| program.section(name));
    let own = own.map(|section| (section.address, section.size));
    let data = program.segments.iter().filter(|segment| segment.is_data);
    let data = data.map(|segment| (segment.address, segment.size));
    // Segments of a forged program may all be the same bytes.
    let mut left = program.content().size();
    for (start, size) in own.into_iter().chain(data) {
        if left == 0 {
            break;
        }
        let size = size.min(left);
        left -= size;
        if let Some(at) = find_in(program, start, size)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn find_in(program: &Executable<'_>, start: u64, size: u64) -> io::Result<Option<u64>> {
    let end = start.saturating_add(size);
    let mut at = start.checked_next_multiple_of(ALIGN as u64).unwrap_or(u64::MAX);
    while at < end {
        let bytes = program.read(at, CHUNK.min(end - at))?;
        if bytes.is_empty() {
            break;
        }
        let mut places = bytes.chunks(ALIGN).zip((at..).step_by(ALIGN));
        if let Some((_, found)) = places.find(|(place, _)| place.starts_with(MAGIC)) {
            return Ok(Some(found));
        }
        at = at.saturating_add(CHUNK);
    }
    Ok(None)
}

/// A length as a varint, and as many bytes; and where they end.
fn inline_text(program: &Executable<'_>, at: u64, most: u64) -> Result<(Vec<u8>, u64), ParseError> {
    let bytes = program.read(at, 10)?;
    let mut length = 0_u64;
    let mut digits = 0;
    for (byte, shift) in bytes.iter().zip((0..64).step_by(7)) {
        length |= u64::from(byte & 0x7f) << shift;
        digits += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let at = at.saturating_add(digits);
    let text = exactly(program, at, length, most)?;
    Ok((text, at.saturating_add(length)))
}

fn exactly(
    program: &Executable<'_>,
    at: u64,
    length: u64,
    most: u64,
) -> Result<Vec<u8>, ParseError> {
    if length > most {
        return Err(ParseError::TooLarge {
            size: length,
            limit: most,
            name: "build information of Go",
        });
    }
    let text = program.read(at, length)?;
    if u64::try_from(text.len()).is_ok_and(|found| found < length) {
        return Err(damaged("a text in it ends beyond its segment"));
    }
    Ok(text.into_owned())
}

/// Strings of programs before Go 1.18.
struct Pointers<'p, 'a> {
    program: &'p Executable<'a>,
    size: usize,
    is_big: bool,
}

impl Pointers<'_, '_> {
    fn number(&self, bytes: &[u8]) -> u64 {
        let bytes = bytes.get(..self.size).unwrap_or_default();
        let add = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        if self.is_big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    }

    /// The Go string whose header is at an address; empty where there is none.
    fn text(&self, at: u64, most: u64) -> Result<Vec<u8>, ParseError> {
        let length = u64::try_from(self.size * 2).unwrap_or_default();
        let header = self.program.read(at, length)?;
        let Some((address, length)) = header.split_at_checked(self.size) else {
            return Ok(Vec::new());
        };
        if length.len() < self.size {
            return Ok(Vec::new());
        }
        exactly(self.program, self.number(address), self.number(length), most)
    }
}

/// The text between its frames; without them there is none.
fn unframed(text: &[u8]) -> &[u8] {
    let end = text.len().saturating_sub(FRAME);
    let is_framed = text.len() > FRAME * 2 && text.get(end - 1) == Some(&b'\n');
    if is_framed { text.get(FRAME..end).unwrap_or_default() } else { &[] }
}

/// Reads the lines.
fn parse(text: &str) -> Result<BuildInfo, ParseError> {
    let mut info = BuildInfo::default();
    /// Whom a replacement is for.
    enum Last {
        None,
        Main,
        Module,
    }
    let mut last = Last::None;
    let wrong = |index: usize, problem: &str| ParseError::Syntax {
        at: format!("build information of Go, line {}", index + 1),
        problem: problem.to_owned(),
    };
    for (index, line) in text.split('\n').enumerate() {
        let Some((word, rest)) = line.split_once('\t') else { continue };
        match word {
            "path" => rest.clone_into(&mut info.path),
            "mod" => {
                info.main = Some(module(rest).ok_or_else(|| wrong(index, "names no module"))?);
                last = Last::Main;
            }
            "dep" => {
                info.modules.push(module(rest).ok_or_else(|| wrong(index, "names no module"))?);
                last = Last::Module;
            }
            "=>" => {
                let new = module(rest).ok_or_else(|| wrong(index, "names no replacement"))?;
                let old = match last {
                    Last::None => None,
                    Last::Main => info.main.as_mut(),
                    Last::Module => info.modules.last_mut(),
                };
                let old = old.ok_or_else(|| wrong(index, "replaces nothing"))?;
                old.replaced_by = Some(Box::new(new));
                last = Last::None;
            }
            "build" => {
                let (key, value) = setting(rest)
                    .ok_or_else(|| wrong(index, &format!("`{}` is no setting", clip(rest))))?;
                info.settings.push((key, value));
            }
            _ => {}
        }
    }
    Ok(info)
}

fn module(rest: &str) -> Option<Module> {
    let mut columns = rest.split('\t').map(str::to_owned);
    let (path, version) = (columns.next()?, columns.next()?);
    let sum = columns.next().unwrap_or_default();
    columns.next().is_none().then_some(Module { path, version, sum, replaced_by: None })
}

/// `key=value`, each of them quoted as Go quotes if need be.
fn setting(text: &str) -> Option<(String, String)> {
    let (key, value) = match text.chars().next()? {
        '"' | '`' => {
            let (key, rest) = unquote(text)?;
            (key, rest.strip_prefix('=')?)
        }
        '=' => return None,
        _ => {
            let (key, value) = text.split_once('=')?;
            (key.to_owned(), value)
        }
    };
    let value = match value.chars().next() {
        Some('"' | '`') => unquote(value).filter(|(_, rest)| rest.is_empty())?.0,
        _ => value.to_owned(),
    };
    Some((key, value))
}

/// A quoted Go string, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        let (inner, rest) = raw.split_once('`')?;
        return Some((inner.to_owned(), rest));
    }
    let mut characters = text.strip_prefix('"')?.char_indices();
    let mut plain: Vec<u8> = Vec::new();
    loop {
        let (at, character) = characters.next()?;
        match character {
            '"' => {
                let plain = String::from_utf8_lossy(&plain).into_owned();
                return text.get(at + 2..).map(|rest| (plain, rest));
            }
            '\\' => {
                let (_, escape) = characters.next()?;
                let mut number = |digits: usize| {
                    (0..digits).try_fold(0_u32, |number, _| {
                        Some((number << 4) | characters.next()?.1.to_digit(16)?)
                    })
                };
                let character = match escape {
                    'x' => {
                        plain.push(u8::try_from(number(2)?).ok()?);
                        continue;
                    }
                    'u' => char::from_u32(number(4)?)?,
                    'U' => char::from_u32(number(8)?)?,
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'v' => '\u{b}',
                    '\\' | '"' => escape,
                    _ => return None,
                };
                plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
#[path = "build_info/tests.rs"]
mod tests;
