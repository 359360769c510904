//! Lua packages that LuaRocks installed: `<name>/<version>/<name>-<version>.rockspec` in a tree of rocks, and the tree's
//! `manifest`.
//!
//! In: Lua, as LuaRocks writes and reads it. Out: a package for each rock, its version with the revision (`3.0rc1-2`).
//! Source: LuaRocks documentation, "Rockspec format", "Manifest file format". Odd: a rockspec is a program, so name and
//! version are the folders', as for LuaRocks; the manifest shows the same rocks, and one is enough.

use plimsoll_image::EntryMeta;

use super::lock::{LockFile, Locked};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
};

const LUA_ROCKS: &str = "LuaRocks";

/// Reads the description of an installed rock.
#[derive(Debug)]
pub(crate) struct Rockspec;

impl Parser for Rockspec {
    fn id(&self) -> &'static str {
        "rockspec"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "<name>/<version>/<name>-<version>.rockspec"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let identity = parts.next()?.strip_suffix(b".rockspec")?;
        let (version, name) = (parts.next()?, parts.next()?);
        let rest = identity.strip_prefix(name)?.strip_prefix(b"-")?;
        (rest == version && !version.is_empty()).then_some(Want::Head { limit: 1 << 20 })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let path = String::from_utf8_lossy(file.path.as_bytes());
        let mut folders = path.rsplit('/').skip(1);
        let version = folders.next().unwrap_or_default();
        let name = folders.next().unwrap_or_default();
        let mut installed = LockFile::installed(LUA_ROCKS);
        installed.add(&Locked { name, version, license: license(&text), ..Locked::default() });
        Ok(installed.finish())
    }
}

/// `license = "MIT"`, wherever it stands.
fn license(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        let value = line.trim_start().strip_prefix("license")?.trim_start().strip_prefix('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|first| ['"', '\''].contains(first))?;
        Some(value.get(1..)?.split_once(quote)?.0)
    })
}

/// Reads the list of a tree's rocks.
#[derive(Debug)]
pub(crate) struct RocksManifest;

impl Parser for RocksManifest {
    fn id(&self) -> &'static str {
        "rocks-manifest"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "rocks-*/manifest, rocks/manifest"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let is_manifest = parts.next() == Some(b"manifest")
            && parts.next().is_some_and(|tree| tree == b"rocks" || tree.starts_with(b"rocks-"));
        is_manifest.then_some(Want::Whole { limit: 32 << 20 })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let mut installed = LockFile::installed(LUA_ROCKS);
        let (mut depth, mut key) = (0_usize, "");
        let (mut table, mut name) = ("", "");
        for token in (Tokens { text: &text }) {
            match token {
                Token::Key(text) => key = text,
                Token::Open => {
                    depth += 1;
                    match depth {
                        1 => table = key,
                        2 => name = key,
                        // `repository[name][version]`.
                        3 if table == "repository" && !key.is_empty() => {
                            installed.add(&Locked { name, version: key, ..Locked::default() });
                        }
                        _ => {}
                    }
                    key = "";
                }
                Token::Close => depth = depth.saturating_sub(1),
            }
        }
        if depth > 0 {
            return Err(ParseError::Syntax {
                at: "end".to_owned(),
                problem: "a table is not closed".to_owned(),
            });
        }
        Ok(installed.finish())
    }
}

/// What matters of Lua's tables.
enum Token<'a> {
    /// A word or text; what stands last in front of a brace is its key.
    Key(&'a str),
    Open,
    Close,
}

struct Tokens<'a> {
    text: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let first = self.text.chars().next()?;
            let (_, rest) = self.text.split_at_checked(first.len_utf8())?;
            match first {
                '{' | '}' => {
                    self.text = rest;
                    return Some(if first == '{' { Token::Open } else { Token::Close });
                }
                '"' | '\'' => {
                    // LuaRocks escapes nothing in names and versions.
                    let (text, after) = rest.split_once(first).unwrap_or((rest, ""));
                    self.text = after;
                    return Some(Token::Key(text));
                }
                _ if first.is_ascii_alphanumeric() || first == '_' => {
                    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let end = self.text.find(|c| !is_word(c)).unwrap_or(self.text.len());
                    let (word, after) = self.text.split_at_checked(end)?;
                    self.text = after;
                    return Some(Token::Key(word));
                }
                // An entry ends: what stood there is no key of a table.
                ',' => {
                    self.text = rest;
                    return Some(Token::Key(""));
                }
                _ => self.text = rest,
            }
        }
    }
}
