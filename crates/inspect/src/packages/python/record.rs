//! `*.dist-info/RECORD` and `*.egg-info/installed-files.txt`: which files an installed distribution owns.
//!
//! In: a path per line, relative to the folder that modules are in, followed by a hash and a size; of the older file,
//! relative to its own folder and alone. Out: fingerprints of what is owned. Source: `PyPA`, "Recording installed projects";
//! RFC 4180 for quotes. Odd: modules' sources and compiled forms are most of the lines and no programs: they are left out.

use plimsoll_image::{EntryMeta, TreePath};

use crate::{
    facts::FileFacts,
    packages::lock::LIMIT,
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::fingerprint,
};

/// Reads which files a distribution owns.
#[derive(Debug)]
pub(crate) struct PythonRecord;

/// What is executed by Python alone.
const SOURCES: &[&str] = &[".py", ".pyc", ".pyi"];

impl Parser for PythonRecord {
    fn id(&self) -> &'static str {
        "python-record"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "*.dist-info/RECORD, *.egg-info/installed-files.txt"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        place(path).map(|_| Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let base = match place(file.path.as_bytes()) {
            Some(Place::Record) => file.path.parent().and_then(|folder| folder.parent()),
            _ => file.path.parent(),
        };
        let base = base.unwrap_or_else(TreePath::root);
        let mut facts = FileFacts::default();
        for line in text.lines() {
            let path = first_field(line);
            if path.is_empty() || SOURCES.iter().any(|end| path.ends_with(end)) {
                continue;
            }
            // Modules that were copied elsewhere point above the root.
            if let Some(path) = absolute(&base, &path) {
                facts.own(fingerprint(&path));
            }
        }
        facts.owned.sort_unstable();
        facts.owned.dedup();
        Ok(facts)
    }
}

enum Place {
    Record,
    InstalledFiles,
}

fn place(path: &[u8]) -> Option<Place> {
    let mut parts = path.rsplit(|&byte| byte == b'/');
    let (name, folder) = (parts.next()?, parts.next()?);
    match name {
        b"RECORD" if folder.ends_with(b".dist-info") => Some(Place::Record),
        b"installed-files.txt" if folder.ends_with(b".egg-info") => Some(Place::InstalledFiles),
        _ => None,
    }
}

/// Up to the first comma; in quotes, a doubled one stands for one.
fn first_field(line: &str) -> String {
    match line.strip_prefix('"') {
        Some(quoted) => {
            let mut field = String::new();
            let mut characters = quoted.chars().peekable();
            while let Some(character) = characters.next() {
                match character {
                    '"' if characters.peek() == Some(&'"') => {
                        characters.next();
                        field.push('"');
                    }
                    '"' => break,
                    character => field.push(character),
                }
            }
            field
        }
        None => line.split(',').next().unwrap_or_default().trim().to_owned(),
    }
}

/// `None` for what lies above the root.
fn absolute(base: &TreePath, path: &str) -> Option<Vec<u8>> {
    let mut parts: Vec<&[u8]> = match path.starts_with('/') {
        true => Vec::new(),
        false => base.parts().collect(),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part.as_bytes()),
        }
    }
    Some(parts.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use plimsoll_image::Budget;

    use super::*;

    fn owned(path: &str, text: &str) -> Vec<u64> {
        let (path, budget) = (TreePath::from(path), Budget::default());
        PythonRecord.parse(&ClaimedFile::new(&path, text.as_bytes(), &budget)).unwrap().owned
    }

    fn wanted(paths: &[&str]) -> Vec<u64> {
        let mut wanted: Vec<u64> = paths.iter().map(|path| fingerprint(path.as_bytes())).collect();
        wanted.sort_unstable();
        wanted
    }

    #[test]
    fn paths_are_relative_to_the_modules() {
        let text = "a/_x.so,sha256=y,1\na/__init__.py,,\n../../../bin/a,,\n\"b,\"\"c.so\",,\n/etc/a.conf,,\n../../../../../../x,,\n";
        let base = "opt/v/lib/python3/site-packages";
        assert_eq!(
            owned(&format!("{base}/a-1.dist-info/RECORD"), text),
            wanted(&[
                &format!("{base}/a/_x.so"),
                "opt/v/bin/a",
                &format!("{base}/b,\"c.so"),
                "etc/a.conf"
            ])
        );
        assert_eq!(
            owned("lib/a.egg-info/installed-files.txt", "../a/x.so\n"),
            wanted(&["lib/a/x.so"])
        );
    }
}
