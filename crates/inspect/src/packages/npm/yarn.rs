//! `yarn.lock`: what Yarn resolved, of version 1 and of those since 2 ("berry").
//!
//! In: lines; blocks begin in the first column with what was asked for, their fields are indented by two blanks. Out: a
//! package for each block that does not come from a folder. Source: Yarn's documentation; what versions 1.22 to 4 write.
//!
//! Odd: version 1 writes `version "1.0.0"`, later ones YAML (`version: 1.0.0`) with a `resolution` that names the package;
//! both are read line by line, as no more of YAML than this is ever written. Nothing says what is for development. A patched
//! package (`patch:`) is the one that was patched.

use plimsoll_image::EntryMeta;

use super::{NPM, split_at_version, split_name};
use crate::{
    facts::{FileFacts, Problem},
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

/// Reads Yarn's lock file.
#[derive(Debug)]
pub(crate) struct YarnLock;

/// What was read of a block.
#[derive(Default)]
struct Block<'t> {
    line: usize,
    /// `lodash@^4.17.0`, the first of several.
    asked: &'t str,
    version: Option<&'t str>,
    resolution: Option<&'t str>,
    /// It is for some systems only.
    conditions: bool,
}

impl Parser for YarnLock {
    fn id(&self) -> &'static str {
        "yarn-lock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "yarn.lock"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"yarn.lock") && !is_inside_package(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = file.text()?;
        let mut lock = LockFile::new(NPM);
        let mut block: Option<Block<'_>> = None;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some(field) = line.strip_prefix("  ") else {
                // Keys of more than a thousand letters stand alone, and their colon in the next line.
                if line == ":" {
                    continue;
                }
                if let Some(done) = block.take() {
                    add(&mut lock, &done);
                }
                match line.strip_prefix("? ").or_else(|| line.strip_suffix(':')) {
                    Some(asked) if !line.starts_with([' ', '\t']) => {
                        block = Some(Block {
                            line: index + 1,
                            asked: first(asked),
                            ..Block::default()
                        });
                    }
                    _ => lock.problem(|| {
                        Problem::unreadable(format!("line {}: begins no block", index + 1))
                    }),
                }
                continue;
            };
            let (Some(block), Some((key, value))) = (&mut block, field.split_once(' ')) else {
                continue;
            };
            match key.trim_end_matches(':') {
                "version" => block.version = Some(unquoted(value)),
                "conditions" => block.conditions = true,
                "resolution" => block.resolution = Some(unquoted(value)),
                _ => {}
            }
        }
        if let Some(done) = block {
            add(&mut lock, &done);
        }
        Ok(lock.finish())
    }
}

/// The first of what a block answers: `"a@npm:^1.0, a@npm:^1.1"` or `a@^1.0, a@^1.1`.
fn first(asked: &str) -> &str {
    let asked = unquoted(asked);
    let asked = asked.split(", ").next().unwrap_or(asked);
    unquoted(asked).trim_matches('"')
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

fn add(lock: &mut LockFile, block: &Block<'_>) {
    if block.asked == "__metadata" {
        return;
    }
    // `@scope/name@npm:1.0.0`, `name@https://…`, `name@file:…`, `name@npm:other@1.0.0`.
    let (name, asked) = split_at_version(block.resolution.unwrap_or(block.asked));
    let Some(version) = block.version.filter(|version| !version.is_empty()) else {
        lock.problem(|| Problem::unreadable(format!("line {}: has no version", block.line)));
        return;
    };
    let is_local =
        ["file:", "link:", "portal:", "workspace:"].iter().any(|kind| asked.starts_with(kind));
    if is_local || version == "0.0.0-use.local" {
        return;
    }
    // Behind `::` stand the address and other details of the archive.
    let asked = asked.split("::").next().unwrap_or(asked);
    let alias = asked.strip_prefix("npm:").filter(|alias| alias.contains('@'));
    let alias = alias.map(|alias| split_at_version(alias).0).filter(|name| !name.is_empty());
    let is_elsewhere = asked.contains("://") || asked.starts_with("git");
    let (namespace, name) = split_name(alias.unwrap_or(name));
    lock.add(&Locked {
        namespace,
        name,
        version,
        optional: block.conditions,
        origin: is_elsewhere.then_some(asked),
        ..Locked::default()
    });
}
