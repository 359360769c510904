//! `requirements*.txt`: what pip was told to install, as far as it is pinned.
//!
//! In: one requirement per line. Out: a package for each with an exact pin (`==` or `===`, no `*`). Source: pip, "Requirements
//! File Format"; PEP 508 for the requirement itself.
//!
//! Odd: a line goes on after a `\`; options (`-r`, `-c`, `-e`, `--hash`, …) are not followed, since the files that they name
//! are read for themselves; a requirement without a pin says nothing about a version and gives nothing. A marker
//! about the system (`; sys_platform == "win32"`) makes a requirement optional. Files for development are told by their name.

use std::borrow::Cow;

use plimsoll_image::EntryMeta;

use super::{PYPI, is_conditional, normalized};
use crate::{
    facts::FileFacts,
    packages::lock::{LIMIT, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Reads pinned requirements.
#[derive(Debug)]
pub(crate) struct Requirements;

impl Parser for Requirements {
    fn id(&self) -> &'static str {
        "requirements"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "*requirements*.txt and requirements/*.txt outside of installed packages: lines with exact pins"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        if !path.ends_with(b".txt") {
            return None;
        }
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let (name, folder) = (parts.next()?, parts.next().unwrap_or_default());
        let word = b"requirements";
        let is_named = name.windows(word.len()).any(|part| part == word) || folder == word;
        (is_named && !is_inside_package(path)).then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let name = String::from_utf8_lossy(file.path.name()).to_lowercase();
        let development = name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
            matches!(word, "dev" | "develop" | "development" | "test" | "tests" | "testing")
        });
        let mut lock = LockFile::new(PYPI);
        for line in logical_lines(&text) {
            if let Some(pin) = pin(&line) {
                lock.add(&Locked {
                    name: &normalized(pin.name),
                    version: pin.version,
                    development,
                    optional: pin.is_conditional,
                    ..Locked::default()
                });
            }
        }
        Ok(lock.finish())
    }
}

/// Lines without comments, those that a backslash continues put together.
fn logical_lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    std::iter::from_fn(move || {
        let mut line = Cow::Borrowed(lines.next()?);
        while let Some(first) = line.strip_suffix('\\') {
            let next = lines.next().unwrap_or_default();
            // Appending in place keeps a file of continued lines linear.
            let mut joined = match line {
                Cow::Owned(mut joined) => {
                    joined.pop();
                    joined
                }
                Cow::Borrowed(_) => first.to_owned(),
            };
            joined.push(' ');
            joined.push_str(next);
            line = Cow::Owned(joined);
        }
        Some(line)
    })
}

struct Pin<'a> {
    name: &'a str,
    version: &'a str,
    is_conditional: bool,
}

fn pin(line: &str) -> Option<Pin<'_>> {
    let line = without_comment(line).trim();
    if line.is_empty() || line.starts_with('-') {
        return None;
    }
    let line = line.split_once(" --").map_or(line, |(requirement, _)| requirement);
    let (requirement, marker) = line.split_once(';').map_or((line, ""), |(a, b)| (a, b));
    let end =
        requirement.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))?;
    let (name, rest) = requirement.split_at_checked(end)?;
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1.trim_start(),
        None => rest,
    };
    let clauses = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
    let version = clauses.split(',').find_map(|clause| {
        let version = clause.trim().strip_prefix("==")?;
        let version = version.strip_prefix('=').unwrap_or(version).trim();
        let is_exact = version.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !version.contains(|c: char| c == '*' || c.is_whitespace());
        is_exact.then_some(version)
    })?;
    Some(Pin { name, version, is_conditional: is_conditional(marker) })
}

/// A `#` begins a comment at the start of a line or behind a blank; elsewhere it belongs to an address.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        if character == '#' && before.is_whitespace() {
            return line.get(..at).unwrap_or(line);
        }
        before = character;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_pins_count() {
        for (line, wanted) in [
            ("django==3.2.0", Some(("django", "3.2.0", false))),
            ("  Flask == 0.12.2  # why", Some(("Flask", "0.12.2", false))),
            ("requests[security,socks]==2.19.0", Some(("requests", "2.19.0", false))),
            ("a===1.0", Some(("a", "1.0", false))),
            ("b (==2.0)", Some(("b", "2.0", false))),
            ("c==1.0; python_version < '3.8'", Some(("c", "1.0", false))),
            ("c==1.0; sys_platform == 'win32'", Some(("c", "1.0", true))),
            ("d==1.0 --hash=sha256:00 --hash=sha256:11", Some(("d", "1.0", false))),
            ("e>=1.0,==1.5", Some(("e", "1.5", false))),
            ("f==1.*", None),
            ("g>=1.0", None),
            ("h", None),
            ("i @ https://example.com/i-1.0.whl#egg=i", None),
            ("-r other.txt", None),
            ("-e .", None),
            ("--index-url https://u:p@host/simple", None),
            ("# j==1", None),
            ("==1.0", None),
            ("./k==1", None),
            ("l==", None),
        ] {
            let found = pin(line).map(|pin| (pin.name, pin.version, pin.is_conditional));
            assert_eq!(found, wanted, "{line}");
        }
    }

    #[test]
    fn a_backslash_continues_a_line() {
        let text = "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb==2\\";
        let lines: Vec<Cow<'_, str>> = logical_lines(text).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(pin(&lines[0]).unwrap().version, "1");
        assert_eq!(pin(&lines[1]).unwrap().version, "2");
    }
}
