//! What Debian's packages say of their licences.
//!
//! In: `usr/share/doc/*/copyright`. Out: one expression of licences' names, which the package of that folder has. Source: Debian
//! policy, 12.5; "Machine-readable debian/copyright file", 1.0. Odd: in the machine-readable form names are the file's own where
//! the standard knows none; what packages Debian's packagers wrote (`debian/*`) does not count. Of free text only what it
//! refers to below `usr/share/common-licenses` is taken, because that is named without doubt; a text that refers to nothing
//! tells nothing.

use plimsoll_image::EntryMeta;

use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// The id of the parser, by which its texts are found again.
pub(crate) const ID: &str = "dpkg-copyright";

const FOLDER: &[u8] = b"usr/share/doc/";
const NAME: &[u8] = b"/copyright";
const COMMON: &str = "/usr/share/common-licenses/";

/// Bytes of a file that is read; the longest, of browsers, tell nothing that a person would read.
const LIMIT: u64 = 256 << 10;
/// Different licences of one package; what has more is left untold rather than told in part.
const MAX_LICENCES: usize = 40;
/// Longest name.
const MAX_NAME: usize = 100;

/// Reads licences.
#[derive(Debug)]
pub(crate) struct DpkgCopyright;

impl Parser for DpkgCopyright {
    fn id(&self) -> &'static str {
        ID
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "usr/share/doc/*/copyright, for the licences of Debian's packages"
    }

    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want> {
        let package = path.strip_prefix(FOLDER)?.strip_suffix(NAME)?;
        let is_meant = meta.size <= LIMIT && !package.is_empty() && !package.contains(&b'/');
        is_meant.then_some(Want::Whole { limit: LIMIT })
    }

    /// A folder that is a link has its target's licence, which the merged image knows.
    fn follows_links(&self) -> bool {
        false
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        Ok(FileFacts { text: licences(&text), ..FileFacts::default() })
    }
}

/// The licences that a text names, all of which hold.
fn licences(text: &str) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let names = if is_machine_readable(text) { of_fields(text) } else { of_references(text) };
    let are_few = (1..=MAX_LICENCES).contains(&names.len());
    are_few.then(|| match names.as_slice() {
        [name] => name.clone(),
        names => names.iter().map(|name| enclosed(name)).collect::<Vec<_>>().join(" and "),
    })
}

fn enclosed(name: &str) -> String {
    if name.contains(' ') { format!("({name})") } else { name.to_owned() }
}

fn is_machine_readable(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    ["Format:", "Format-Specification:"].iter().any(|field| {
        first.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field))
    })
}

/// A paragraph's fields that matter.
#[derive(Default)]
struct Paragraph<'t> {
    files: Option<&'t str>,
    licence: Option<&'t str>,
    /// A pattern stands in a later line of `Files`.
    has_more_files: bool,
    is_in_files: bool,
}

fn of_fields(text: &str) -> Vec<String> {
    let (mut header, mut names) = (Vec::new(), Vec::new());
    let mut paragraph = Paragraph::default();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            let Paragraph { files, licence, has_more_files, .. } = std::mem::take(&mut paragraph);
            let is_packaging = !has_more_files
                && files.is_some_and(|files| {
                    !files.is_empty()
                        && files.split_whitespace().all(|name| name.starts_with("debian/"))
                });
            match (files, licence) {
                (Some(_), Some(licence)) if !is_packaging => add(&mut names, licence),
                (None, Some(licence)) => add(&mut header, licence),
                _ => {}
            }
            continue;
        }
        if line.starts_with([' ', '\t']) {
            paragraph.has_more_files |= paragraph.is_in_files;
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        paragraph.is_in_files = field.eq_ignore_ascii_case("Files");
        if paragraph.is_in_files {
            paragraph.files = Some(value.trim());
        } else if field.eq_ignore_ascii_case("License") {
            paragraph.licence = Some(value.trim());
        }
    }
    if names.is_empty() {
        // Paragraphs of a licence's text have no files either; only the first of them is the whole package's.
        header.truncate(1);
        return header;
    }
    names
}

fn of_references(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in text.split(COMMON).skip(1) {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+')));
        let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        add(&mut names, name.trim_end_matches(['.', '-']));
    }
    names
}

fn add(names: &mut Vec<String>, name: &str) {
    let is_name = !name.is_empty() && name.len() <= MAX_NAME && !name.contains(char::is_control);
    if is_name && names.len() <= MAX_LICENCES && !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_of_both_forms() {
        let dep5 = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";
        for (text, wanted) in [
            (format!("{dep5}\nFiles: *\nLicense: GPL-2+\n\nFiles: debian/*\nLicense: GPL-3\n"), Some("GPL-2+")),
            (format!("{dep5}\nFiles: a\n b\nLicense: GPL-2+ or Artistic\n text\n\nFiles: c\nLicense: Expat\n\nLicense: GPL-2+\n text\n"), Some("(GPL-2+ or Artistic) and Expat")),
            (format!("{dep5}License: Expat\n\nLicense: Other\n text\n"), Some("Expat")),
            (format!("{dep5}\nFiles: *\nLicense:\n text\n"), None),
            (format!("{dep5}\nFiles: debian/*\n x\nLicense: ISC\n"), Some("ISC")),
            ("On Debian systems, see `/usr/share/common-licenses/GPL-2'.".to_owned(), Some("GPL-2")),
            ("in /usr/share/common-licenses/LGPL-2.1. Some in\n/usr/share/common-licenses/BSD, and\n/usr/share/common-licenses/LGPL-2.1".to_owned(), Some("LGPL-2.1 and BSD")),
            ("Do what you like.".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(licences(&text).as_deref(), wanted, "{text}");
        }
        let many: String = (0..50).map(|n| format!("\nFiles: {n}\nLicense: own-{n}\n")).collect();
        assert_eq!(licences(&format!("{dep5}{many}")), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(Format: x\n)?([A-Z][a-z]{3,6}:? ?[ a-z/*\n-]{0,30}\n?){0,12}") {
            if let Some(said) = licences(&text) {
                proptest::prop_assert!(!said.is_empty() && said.len() <= MAX_LICENCES * (MAX_NAME + 7));
            }
        }
    }
}
