//! SPDX 2 as lines of tag and value.
//!
//! In: text. Out: components. Source: SPDX 2.3, "Tag:value format". Odd: a package ends where the next element begins; a
//! value in `<text>…</text>` may have several lines. Of longer lines than any real one only the beginning counts.

use std::io::BufRead;

use super::{
    component::Component,
    document::{Builder, Format},
    origin::annotated,
};
use crate::parser::ParseError;

/// Longest value that is kept; the rest of it is passed over.
const MAX_VALUE: usize = 1 << 20;

pub(super) fn looks_like_one(text: &[u8]) -> bool {
    text.starts_with(b"SPDXVersion:") || text.windows(13).any(|word| word == b"\nSPDXVersion:")
}

pub(super) fn read(mut input: impl BufRead, builder: &mut Builder) -> Result<(), ParseError> {
    let mut reader = Reader {
        builder,
        package: None,
        id: String::new(),
        licences: Default::default(),
        about: String::new(),
    };
    let mut line = Vec::new();
    while next_line(&mut input, &mut line)? {
        let text = String::from_utf8_lossy(&line).into_owned();
        let Some((tag, value)) = text.split_once(':') else { continue };
        if tag.starts_with('#') || tag.contains(' ') {
            continue;
        }
        let mut value = value.trim().to_owned();
        if let Some(rest) = value.strip_prefix("<text>") {
            value = rest.to_owned();
            while !value.ends_with("</text>") && next_line(&mut input, &mut line)? {
                if value.len() < MAX_VALUE {
                    value.push('\n');
                    value.push_str(String::from_utf8_lossy(&line).trim_end());
                }
                if line.trim_ascii_end().ends_with(b"</text>") {
                    break;
                }
            }
            value.truncate(value.strip_suffix("</text>").unwrap_or(&value).len());
        }
        reader.tag(tag, &value);
    }
    reader.flush();
    Ok(())
}

/// The next line without its end, as far as it is kept; whether there was one.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, ParseError> {
    line.clear();
    let mut is_there = false;
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            return Ok(is_there);
        }
        is_there = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        let room = MAX_VALUE.saturating_sub(line.len()).min(part.len());
        line.extend_from_slice(part.get(..room).unwrap_or_default());
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

struct Reader<'b> {
    builder: &'b mut Builder,
    /// The package that is being read.
    package: Option<Component>,
    /// Its id.
    id: String,
    /// Its licences, declared and concluded.
    licences: (String, String),
    /// What the annotation is about.
    about: String,
}

impl Reader<'_> {
    fn tag(&mut self, tag: &str, value: &str) {
        match tag {
            "SPDXVersion" => self.builder.is_if(Format::Spdx2, value.starts_with("SPDX-2")),
            "PackageName" => {
                self.flush();
                self.package = Some(Component { name: value.to_owned(), ..Component::default() });
                self.id.clear();
            }
            // Other elements.
            "FileName" | "SnippetSPDXID" | "LicenseID" | "Relationship" => self.flush(),
            "Annotator" => self.about.clear(),
            "SPDXREF" => value.clone_into(&mut self.about),
            "AnnotationComment" => self.annotation(value),
            _ => {
                if let Some(package) = &mut self.package {
                    let licences = &mut self.licences;
                    field(package, &mut self.id, licences, tag, value);
                }
            }
        }
    }

    /// Ours follow the element that they are about.
    fn annotation(&mut self, comment: &str) {
        let builder = &mut *self.builder;
        let mut package = self.package.as_mut().filter(|_| self.about == self.id);
        annotated(comment, |name, value| {
            if let Some(package) = &mut package {
                package.property(name, value);
            }
            builder.image_property(name, value);
        });
    }

    fn flush(&mut self) {
        if let Some(mut package) = self.package.take() {
            let (declared, concluded) = std::mem::take(&mut self.licences);
            package.licence_of_two(declared, concluded);
            self.builder.component(package);
        }
    }
}

fn field(
    package: &mut Component,
    id: &mut String,
    licences: &mut (String, String),
    tag: &str,
    value: &str,
) {
    match tag {
        "SPDXID" => value.clone_into(id),
        "PackageVersion" => value.clone_into(&mut package.version),
        "PrimaryPackagePurpose" => value.clone_into(&mut package.kind),
        "PackageSourceInfo" => {
            package.origins.text(value);
            value.clone_into(&mut package.description);
        }
        "PackageLicenseDeclared" => value.clone_into(&mut licences.0),
        "PackageLicenseConcluded" => value.clone_into(&mut licences.1),
        "PackageChecksum" => {
            if let Some((algorithm, sum)) = value.split_once(':') {
                package.hash(algorithm.to_owned(), sum.trim().to_owned());
            }
        }
        "ExternalRef" => {
            let mut words = value.split_ascii_whitespace().skip(1);
            if let (Some(kind), Some(locator)) = (words.next(), words.next()) {
                package.reference(kind, locator.to_owned());
            }
        }
        _ => {}
    }
}
