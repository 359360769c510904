//! SBOMs: documents that list what something is made of, in an image or by themselves.
//!
//! In: CycloneDX 1.2 to 1.7 as JSON or XML, SPDX 2 as JSON or lines of tag and value, SPDX 3 as JSON-LD, Syft's own JSON; each
//! also wrapped in an in-toto statement or a DSSE envelope. Told apart by content. Out: one package for each component that
//! a package URL identifies. Source: CycloneDX (ECMA-424), SPDX 2.3 and 3.0.1, Syft's JSON schema, purl-spec;
//! `docs/sbom.md`.
//!
//! Odd:
//! * An SBOM in an image says what its author meant to be there; nothing is checked against the files. What a package
//!   database or a package's own metadata shows as well is reported once, as found there.
//! * Components without a package URL, or with one that cannot be read, are one gap of the document, however many.
//! * Sources (`pkg:github/…`, archives with a `download_url`), images and distributions are components, but not packages.
//! * A document is read as a stream: its size decides over time, not over memory.

mod component;
mod document;
mod json;
mod origin;
mod tag_value;
mod xml;

use std::io::{BufReader, Read};

use plimsoll_image::{EntryMeta, SBOM_PATH};

use self::document::{Builder, Document};
use crate::{
    content::Content,
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Id of the parser.
pub(crate) const ID: &str = "sbom";

/// What is said of a document that is none.
pub const NO_SBOM: &str = "is no SBOM of a kind that is known";

/// Longest document.
pub(crate) const MAX_BYTES: u64 = 256 << 20;

/// As much decides whether a file is one.
const HEAD: usize = 4 << 10;

/// How deep documents may be wrapped in statements and envelopes.
const MAX_WRAPPINGS: usize = 4;

/// Reads SBOMs.
#[derive(Debug)]
pub(crate) struct Sbom;

impl Parser for Sbom {
    fn id(&self) -> &'static str {
        ID
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "*.cdx.json, *.cdx.xml, *.spdx, *.spdx.json, bom.json, bom.xml, sbom*.json, sbom*.xml, *.syft.json, usr/share/sbom/*, var/lib/db/sbom/*, *.dist-info/sboms/*, opt/bitnami/**/.spdx-*.spdx"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        (is_place(path) || is_target(path))
            .then_some(Want::Seekable { head: HEAD as u64, limit: MAX_BYTES })
    }

    fn wants_rest(&self, path: &[u8], head: &[u8]) -> bool {
        looks_like_one(head) || is_target(path)
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        if !self.wants_rest(file.path.as_bytes(), file.bytes) {
            return Ok(FileFacts::default());
        }
        let document = read(file.content)?;
        let is_in_image = !is_target(file.path.as_bytes());
        if is_in_image && document.format.is_none() && !is_named_for_it(file.path.name()) {
            // `bom.json` may be a list of anything.
            return Ok(FileFacts::default());
        }
        Ok(document.into_facts(is_in_image))
    }
}

const EXTENSIONS: &[&[u8]] = &[b".json", b".xml", b".spdx", b".rdf", b".yaml", b".yml"];

/// What only an SBOM is called.
const NAMES: &[&[u8]] = &[
    b".cdx.json",
    b".cdx.xml",
    b".spdx",
    b".spdx.json",
    b".spdx.rdf",
    b".spdx.rdf.xml",
    b".spdx.xml",
    b".spdx.yaml",
    b".spdx.yml",
    b".syft.json",
];

/// Names that SBOMs have by custom.
const WHOLE_NAMES: &[&[u8]] = &[
    b"bom.json",
    b"bom.xml",
    b"cyclonedx.json",
    b"cyclonedx.xml",
    b"cdx.json",
    b"spdx.json",
    b"syft.json",
];

/// Folders in which everything is one.
const FOLDERS: &[&[u8]] = &[b"usr/share/sbom/", b"usr/local/share/sbom/", b"var/lib/db/sbom/"];

fn is_place(path: &[u8]) -> bool {
    let has_extension = EXTENSIONS.iter().any(|extension| ends_with(path, extension));
    if !has_extension {
        return false;
    }
    let mut parts = path.rsplit(|&byte| byte == b'/');
    let name = parts.next().unwrap_or_default();
    let (folder, above) = (parts.next(), parts.next());
    is_named_for_it(name)
        || WHOLE_NAMES.iter().any(|whole| name.eq_ignore_ascii_case(whole))
        || name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"sbom"))
        || FOLDERS.iter().any(|folder| path.starts_with(folder))
        || (folder == Some(b"sboms") && above.is_some_and(|above| above.ends_with(b".dist-info")))
}

fn is_named_for_it(name: &[u8]) -> bool {
    // `LICENSE.spdx` is a note on the licence of the package that it lies in.
    NAMES.iter().any(|ending| ends_with(name, ending))
        && !name.eq_ignore_ascii_case(b"license.spdx")
}

fn ends_with(text: &[u8], ending: &[u8]) -> bool {
    let start = text.len().checked_sub(ending.len());
    start.and_then(|start| text.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// The document that is scanned in the place of an image.
fn is_target(path: &[u8]) -> bool {
    path == SBOM_PATH.as_bytes()
}

/// The byte order mark of UTF-8, which some tools write.
const MARK: &[u8] = b"\xef\xbb\xbf";

fn looks_like_one(head: &[u8]) -> bool {
    let text = head.strip_prefix(MARK).unwrap_or(head).trim_ascii_start();
    matches!(text.first(), Some(b'{' | b'<')) || tag_value::looks_like_one(text) || is_yaml(text)
}

/// As YAML, which is told and not read.
fn is_yaml(text: &[u8]) -> bool {
    text.windows(13).any(|word| word == b"spdxVersion: ")
}

/// Reads a document that something else holds.
///
/// # Errors
/// [`ParseError`] when it is none, or cannot be read to its end.
pub(crate) fn read_embedded(content: Content<'_>) -> Result<FileFacts, ParseError> {
    let document = read(content)?;
    if document.format.is_none() {
        return Err(ParseError::Syntax { at: "SBOM".to_owned(), problem: NO_SBOM.to_owned() });
    }
    Ok(document.into_facts(true))
}

/// Reads a document of any kind. What is not an SBOM at all gives a document without a format.
///
/// # Errors
/// [`ParseError`] when it cannot be read to its end as what it begins as.
fn read(content: Content<'_>) -> Result<Document, ParseError> {
    let mut builder = Builder::default();
    match read_into(content, &mut builder) {
        Err(error) if !builder.broken(&error) => Err(error),
        _ => Ok(builder.finish()),
    }
}

fn read_into(content: Content<'_>, builder: &mut Builder) -> Result<(), ParseError> {
    let mut head = [0; HEAD];
    let filled = content.read_at(0, &mut head)?;
    let head = head.get(..filled).unwrap_or_default();
    let mark = if head.starts_with(MARK) { MARK.len() } else { 0 };
    let text = head.get(mark..).unwrap_or_default().trim_ascii_start();
    let mut input = content.cursor();
    let mut skipped = [0; MARK.len()];
    input.read_exact(skipped.get_mut(..mark).unwrap_or_default())?;
    match text.first() {
        Some(b'{') => match content.bytes().and_then(|bytes| bytes.get(mark..)) {
            Some(bytes) => json::read_slice(bytes, builder, 0),
            None => json::read_stream(buffered(input), builder),
        },
        Some(b'<') => xml::read(buffered(input), builder),
        _ if tag_value::looks_like_one(text) => tag_value::read(buffered(input), builder),
        _ if is_yaml(text) => {
            builder.unread("SPDX as YAML");
            Ok(())
        }
        // Said in the end.
        _ => Ok(()),
    }
}

fn buffered<R: Read>(input: R) -> BufReader<R> {
    BufReader::with_capacity(128 << 10, input)
}

#[cfg(test)]
#[path = "sbom/tests.rs"]
mod tests;
