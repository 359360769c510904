//! Debian's package database: `var/lib/dpkg/status` and, in distroless images, `var/lib/dpkg/status.d/*`; and which files
//! its packages own: `var/lib/dpkg/info/*.list`, in distroless images `status.d/*.md5sums`; and digests of their programs.
//!
//! In: stanzas of `Field: value` lines, separated by an empty line; a value goes on in lines that start with a blank.
//! Out: one package per stanza whose files are there, and fingerprints of owned paths.
//! Source: Debian Policy 5.1 (syntax of control files); `dpkg(1)`, "Package states"; `deb-version(7)`.
//!
//! Odd, and covered by a case in `tests/cases/dpkg/`:
//! * `Source: openssl (3.0.2-1)`: a version in parentheses when it differs from the binary's.
//! * distroless files have no `Status` line: their presence means installed.
//! * `deinstall ok config-files`: only configuration is left, so the package is not there; a half-configured one is.
//! * one file's bytes need not be UTF-8 (old maintainers' names); only the fields that we read must make sense.

use std::{borrow::Cow, collections::BTreeMap};

use plimsoll_image::EntryMeta;
use plimsoll_model::SourcePackage;

use super::{MAX_PACKAGES, MAX_WORD};
use crate::{
    facts::{FileFacts, PackageFact, Problem},
    malware::{
        Sum, SumKind,
        digests::{is_digest_kept, short_of_hex},
    },
    parser::{ClaimedFile, ParseError, Parser, Want},
    paths::{child_of, fingerprint},
};

const STATUS: &[u8] = b"var/lib/dpkg/status";
const STATUS_FOLDER: &str = "var/lib/dpkg/status.d";
const INFO_FOLDER: &str = "var/lib/dpkg/info";

/// Reads which packages are installed.
#[derive(Debug)]
pub(crate) struct DpkgStatus;

impl Parser for DpkgStatus {
    fn id(&self) -> &'static str {
        "dpkg"
    }

    fn version(&self) -> u32 {
        2
    }

    fn reads(&self) -> &'static str {
        "var/lib/dpkg/status, var/lib/dpkg/status.d/*"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let in_folder = child_of(path, STATUS_FOLDER).is_some_and(|name| !is_md5sums(name));
        (path == STATUS || in_folder).then_some(Want::Whole { limit: u64::MAX })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let needs_status = child_of(file.path.as_bytes(), STATUS_FOLDER).is_none();
        Ok(stanzas(file.bytes, needs_status))
    }
}

/// The packages of a database in dpkg's form; whether a stanza has to say that its package is installed.
pub(crate) fn stanzas(bytes: &[u8], needs_status: bool) -> FileFacts {
    let mut facts = FileFacts::default();
    let mut stanza = Stanza::default();
    for (line, text) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.iter().all(u8::is_ascii_whitespace) {
            std::mem::take(&mut stanza).finish(needs_status, &mut facts);
        } else {
            stanza.add(text, line);
        }
    }
    stanza.finish(needs_status, &mut facts);
    facts
}

fn is_md5sums(name: &[u8]) -> bool {
    name.ends_with(b".md5sums")
}

/// The fields of one stanza that matter.
#[derive(Default)]
struct Stanza<'a> {
    fields: Vec<(Field, Cow<'a, str>)>,
    line: u64,
    /// A field that stands there twice, which dpkg refuses.
    repeated: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Package,
    Status,
    Version,
    Source,
    Architecture,
}

const FIELDS: &[(&str, Field)] = &[
    ("Package", Field::Package),
    ("Status", Field::Status),
    ("Version", Field::Version),
    ("Source", Field::Source),
    ("Architecture", Field::Architecture),
];

impl<'a> Stanza<'a> {
    fn add(&mut self, text: &'a [u8], line: u64) {
        if self.line == 0 {
            self.line = line;
        }
        let Some(colon) = text.iter().position(|&byte| byte == b':') else { return };
        let (name, value) = text.split_at_checked(colon).unwrap_or_default();
        let known = FIELDS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
        if let Some((name, field)) = known {
            if self.fields.iter().any(|(known, _)| known == field) {
                self.repeated = Some(*name);
                return;
            }
            let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
            self.fields.push((*field, String::from_utf8_lossy(value)));
        }
    }

    fn get(&self, field: Field) -> &str {
        let found = self.fields.iter().find(|(known, _)| *known == field);
        found.map_or("", |(_, value)| value)
    }

    fn finish(self, needs_status: bool, facts: &mut FileFacts) {
        if self.line == 0 {
            return;
        }
        let name = self.get(Field::Package);
        let at = |problem: &str| Problem::unreadable(format!("line {}: {problem}", self.line));
        if name.is_empty() {
            facts.problem(|| at("`Package` is missing in the stanza"));
            return;
        }
        if let Some(field) = self.repeated {
            facts.problem(|| {
                at(&format!("`{field}` stands twice in a stanza: only one of them is true"))
            });
        }
        let state = match (self.get(Field::Status).split_whitespace().next_back(), needs_status) {
            (Some(state), _) => state,
            (None, false) => "installed",
            (None, true) => {
                facts.problem(|| {
                    at(&format!("`Status` is missing in the stanza of `{}`", shown(name)))
                });
                "installed"
            }
        };
        if matches!(state, "not-installed" | "config-files") {
            return;
        }
        let version = self.get(Field::Version);
        if version.is_empty() {
            facts.problem(|| {
                at(&format!("`Version` is missing in the stanza of `{}`", shown(name)))
            });
            return;
        }
        if self.fields.iter().any(|(_, value)| value.len() > MAX_WORD) {
            facts.problem(|| at("a name or version is longer than 1024 bytes"));
            return;
        }
        if self.fields.iter().any(|(_, value)| value.contains(char::is_control)) {
            facts.problem(|| at("a name or version has control characters in it"));
        }
        if facts.packages.len() >= MAX_PACKAGES {
            facts.problem(|| {
                Problem::budget(format!(
                    "packages of one database: the limit of {MAX_PACKAGES} is reached"
                ))
            });
            return;
        }
        let mut extra = BTreeMap::new();
        if state != "installed" {
            extra.insert("state".to_owned(), state.to_owned());
        }
        facts.packages.push(PackageFact {
            name: name.to_owned(),
            version: version.to_owned(),
            source: Some(source(self.get(Field::Source), name, version)),
            architecture: self.get(Field::Architecture).to_owned(),
            extra,
            ..PackageFact::default()
        });
    }
}

/// The start of a name, for a sentence about it.
fn shown(name: &str) -> String {
    name.chars().take(100).collect()
}

/// `Source: name`, `Source: name (version)`, or nothing: then both are the binary's.
fn source(field: &str, name: &str, version: &str) -> SourcePackage {
    let (source, rest) = field.split_once('(').unwrap_or((field, ""));
    let stated = rest.trim_end().trim_end_matches(')').trim();
    let source = source.trim();
    SourcePackage {
        name: if source.is_empty() { name } else { source }.to_owned(),
        version: if stated.is_empty() { version } else { stated }.to_owned(),
    }
}

/// Reads which paths packages own.
#[derive(Debug)]
pub(crate) struct DpkgFiles;

impl Parser for DpkgFiles {
    fn id(&self) -> &'static str {
        "dpkg-files"
    }

    fn version(&self) -> u32 {
        4
    }

    fn reads(&self) -> &'static str {
        "var/lib/dpkg/info/*.list, var/lib/dpkg/info/*.md5sums, var/lib/dpkg/status.d/*.md5sums"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_list = child_of(path, INFO_FOLDER)
            .is_some_and(|name| name.ends_with(b".list") || is_md5sums(name));
        let is_sums = child_of(path, STATUS_FOLDER).is_some_and(is_md5sums);
        (is_list || is_sums).then_some(Want::Whole { limit: u64::MAX })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let sums = is_md5sums(file.path.as_bytes());
        let mut facts = FileFacts::default();
        for (number, line) in (1..).zip(file.bytes.split(|&byte| byte == b'\n')) {
            let path = if sums { after_sum(line) } else { Some(line) };
            if sums
                && let Some(path) = path.filter(|path| is_digest_kept(path))
                && let Some(digest) = short_of_hex(line)
            {
                facts.sum(Sum { path: fingerprint(path), kind: SumKind::Md5, digest });
            }
            match path {
                Some(path) if path.is_empty() || path == b"/." => {}
                Some(path) => facts.own(fingerprint(path)),
                // A stanza under such a name would be a package that nobody reads.
                None => facts.problem(|| {
                    let number: u64 = number;
                    Problem::unreadable(format!("line {number}: is not a checksum and a path"))
                }),
            }
        }
        facts.owned.sort_unstable();
        facts.owned.dedup();
        Ok(facts)
    }
}

/// The package that a list of files is of: `libc6` of `libc6:amd64.list` and of `libc6.md5sums`.
pub(crate) fn package_of_list(name: &[u8]) -> Option<String> {
    let name = String::from_utf8_lossy(name);
    let name = name.strip_suffix(".list").or_else(|| name.strip_suffix(".md5sums"))?;
    name.split(':').next().map(str::to_owned)
}

/// `<32 hex digits>  path`; empty for an empty line.
fn after_sum(line: &[u8]) -> Option<&[u8]> {
    if line.trim_ascii().is_empty() {
        return Some(&[]);
    }
    let (sum, path) = line.split_at_checked(32)?;
    let is_sum = sum.iter().all(u8::is_ascii_hexdigit) && path.starts_with(b" ");
    is_sum.then(|| path.trim_ascii_start())
}
