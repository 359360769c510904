//! `go.mod` and `go.sum`: what a Go program would be built from.
//!
//! In: lines of directives, single or in blocks. Out: a package for each required module, after replacements. Source: Go
//! Modules Reference, "go.mod files" and "go.sum files".
//!
//! Odd: since Go 1.17 the file names all modules of the build, those that only others need with `// indirect`; before,
//! the rest stands in `go.sum` alone, which names all versions that were looked at, so that of each module the highest
//! counts. Of a module that is replaced by a folder only the required version is known. Folders of test data, those with a
//! leading underscore and the module cache hold what others build; the modules `std` and `cmd` are the toolchain's own.

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;

use super::{
    MAX_PACKAGES,
    lock::{LIMIT, LockFile, Locked, is_inside_package},
};
use crate::{
    facts::{FileFacts, Problem, clip},
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths,
};

const GO: &str = "Go";

/// Key of `extra`: the version of Go for which a `go.mod` that does not name all modules was written.
pub(crate) const PARTIAL: &str = "go";

/// Most replacements of one file; real ones have some hundred.
const MAX_REPLACEMENTS: usize = 10_000;

/// Reads what a module requires.
#[derive(Debug)]
pub(crate) struct GoMod;

impl Parser for GoMod {
    fn id(&self) -> &'static str {
        "go-mod"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "go.mod"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"go.mod") && is_built(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = file.text()?;
        let mut lock = LockFile::new(GO);
        let mut go: Option<&str> = None;
        let mut required: Vec<Requirement<'_>> = Vec::new();
        let mut replaced: BTreeMap<Target<'_>, Target<'_>> = BTreeMap::new();
        for directive in directives(text) {
            match (directive.verb, directive.words.as_slice()) {
                ("go", [version]) => go = Some(*version),
                ("module", ["std" | "cmd"]) => return Ok(FileFacts::default()),
                ("require", [path, version]) => {
                    let indirect = directive.comment.trim_start().starts_with("indirect");
                    required.push(Requirement { path, version, indirect });
                }
                ("replace", words) => {
                    if let Some((old, new)) = replacement(words)
                        && replaced.len() < MAX_REPLACEMENTS
                    {
                        replaced.insert(old, new);
                    }
                }
                ("require", _) => lock.problem(|| {
                    Problem::unreadable(format!(
                        "line {}: a requirement is not a path and a version",
                        directive.line
                    ))
                }),
                _ => {}
            }
        }
        // Before Go 1.17 what modules need in turn is not named.
        let partial = go.filter(|version| is_before_1_17(version));
        for Requirement { path, version, indirect } in required {
            let new = replaced.get(&(path, Some(version))).or_else(|| replaced.get(&(path, None)));
            let (path, version, origin) = match new {
                Some((path, Some(version))) => (*path, *version, None),
                Some((folder, None)) => (path, version, Some(*folder)),
                None => (path, version, None),
            };
            let (namespace, name) = parted(path);
            let mut extra = Vec::new();
            if indirect {
                extra.push(("indirect", "true"));
            }
            extra.extend(partial.map(|version| (PARTIAL, version)));
            lock.add(&Locked {
                namespace,
                name,
                version,
                origin,
                extra: &extra,
                ..Locked::default()
            });
        }
        Ok(lock.finish())
    }
}

struct Requirement<'a> {
    path: &'a str,
    version: &'a str,
    indirect: bool,
}

/// A module, or a folder, and a version if one is named.
type Target<'a> = (&'a str, Option<&'a str>);

/// `old [version] => new [version]`.
fn replacement<'a>(words: &[&'a str]) -> Option<(Target<'a>, Target<'a>)> {
    let at = words.iter().position(|word| *word == "=>")?;
    let (old, new) = words.split_at_checked(at)?;
    let target = |words: &[&'a str]| match words {
        [path] => Some((*path, None)),
        [path, version] => Some((*path, Some(*version))),
        _ => None,
    };
    Some((target(old)?, target(new.get(1..)?)?))
}

struct Directive<'a> {
    verb: &'a str,
    words: Vec<&'a str>,
    comment: &'a str,
    line: usize,
}

fn directives(text: &str) -> impl Iterator<Item = Directive<'_>> {
    let mut block: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        // Paths and versions need no quotes, and cannot hold blanks.
        let mut words =
            code.split_whitespace().map(|word| word.trim_matches(['"', '`'])).peekable();
        let verb = match block {
            Some(_) if words.peek() == Some(&")") => {
                block = None;
                return None;
            }
            Some(verb) => verb,
            None => words.next()?,
        };
        let words: Vec<&str> = words.take(8).collect();
        if block.is_none() && (words.last() == Some(&"(") || verb.ends_with('(')) {
            block = Some(verb.trim_end_matches('('));
            return None;
        }
        (!words.is_empty()).then_some(Directive { verb, words, comment, line: index + 1 })
    })
}

/// Path and name of a module as a package URL parts them.
pub(crate) fn parted(module: &str) -> (Option<&str>, &str) {
    match module.rsplit_once('/') {
        Some((path, name)) => (Some(path), name),
        None => (None, module),
    }
}

fn is_before_1_17(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    let (major, minor) = (parts.next().unwrap_or(u32::MAX), parts.next().unwrap_or(0));
    major < 1 || (major == 1 && minor < 17)
}

/// Whether Go would build from a file there.
fn is_built(path: &[u8]) -> bool {
    !is_inside_package(path)
        && !path.split(|&byte| byte == b'/').any(|part| {
            matches!(part, b"testdata" | b"vendor")
                || part.starts_with(b"_")
                || part.contains(&b'@')
        })
}

/// Reads the hashes of modules.
#[derive(Debug)]
pub(crate) struct GoSum;

/// Its id, by which its lines are found again.
pub(crate) const GO_SUM: &str = "go-sum";

impl Parser for GoSum {
    fn id(&self) -> &'static str {
        GO_SUM
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "go.sum, where the go.mod beside it is of Go 1.16 or older"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (paths::ends_with(path, b"go.sum") && is_built(path))
            .then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut lock = LockFile::new(GO);
        // Versions of a module stand in ascending order: the last wins.
        let mut highest: BTreeMap<&str, &str> = BTreeMap::new();
        for line in file.text()?.lines() {
            let words: Vec<&str> = line.split_whitespace().take(4).collect();
            match words.as_slice() {
                // Of these only the requirements were looked at, not the code.
                [_, version, _] if version.ends_with("/go.mod") => {}
                [module, version, _] if highest.len() < MAX_PACKAGES => {
                    highest.insert(module, version);
                }
                [] | [_, _, _] => {}
                _ => {
                    let detail = format!("`{}` is no line of a go.sum", clip(line));
                    lock.problem(|| Problem::unreadable(detail));
                }
            }
        }
        for (module, version) in highest {
            let (namespace, name) = parted(module);
            lock.add(&Locked { namespace, name, version, ..Locked::default() });
        }
        Ok(lock.finish())
    }
}
