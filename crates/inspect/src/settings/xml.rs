//! XML, as far as configuration files use it.
//!
//! In: any text. Out: elements in the document's order, each with its path (local names joined with dots), attributes, own
//! text, line and parent. Source: XML 1.0, by `quick-xml`. Odd: entities beyond the five known ones are not expanded, and
//! what stands in comments is not there, as for every service that reads such a file.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

/// How deep elements may be nested.
const MAX_DEPTH: usize = 64;
/// Elements of a file.
const MAX_ELEMENTS: usize = 50_000;
/// Attributes of an element.
const MAX_ATTRIBUTES: usize = 100;
/// Bytes of an element's own text.
const MAX_TEXT: usize = 4 << 10;
/// Bytes of a path.
const MAX_PATH: usize = 1_000;

/// An element.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Element {
    /// `Server.Service.Connector`.
    pub(crate) path: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// Its own text, trimmed.
    pub(crate) text: String,
    pub(crate) line: usize,
    /// Position of the element around it.
    pub(crate) parent: Option<usize>,
}

impl Element {
    /// An attribute's value.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The element's name, without a prefix.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

/// What a document holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Document {
    pub(crate) elements: Vec<Element>,
    /// Why not all of it could be read.
    pub(crate) problem: Option<String>,
}

/// Reads a document; what stands before the first error is kept.
pub(crate) fn read(text: &str) -> Document {
    let mut document = Document::default();
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut open: Vec<usize> = Vec::new();
    let mut lines = Lines { text, at: 0, line: 1 };
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                document.problem = Some(format!("is not XML at byte {at}: {error}"));
                return document;
            }
        };
        match event {
            Event::Start(start) => {
                let line = lines.line(at);
                let Some(position) = add(&mut document, &open, &start, line) else {
                    return document;
                };
                open.push(position);
            }
            Event::Empty(start) => {
                let line = lines.line(at);
                if add(&mut document, &open, &start, line).is_none() {
                    return document;
                }
            }
            Event::End(_) => {
                open.pop();
            }
            Event::Text(text) => {
                add_text(&mut document, &open, text.as_ref());
            }
            Event::CData(text) => {
                add_text(&mut document, &open, text.as_ref());
            }
            Event::GeneralRef(name) => {
                let text = match name.as_ref() {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    "apos" => "'",
                    _ => "?",
                };
                add_text(&mut document, &open, text);
            }
            Event::Eof => return document,
            _ => {}
        }
    }
}

fn add(
    document: &mut Document,
    open: &[usize],
    start: &BytesStart<'_>,
    line: usize,
) -> Option<usize> {
    let position = document.elements.len();
    if position >= MAX_ELEMENTS || open.len() >= MAX_DEPTH {
        document.problem = Some(format!(
            "elements: the limit of {MAX_ELEMENTS}, or of {MAX_DEPTH} in one another, is reached"
        ));
        return None;
    }
    let parent = open.last().copied();
    let name: &str = start.local_name().into_inner();
    let around = parent.and_then(|parent| document.elements.get(parent));
    let path = match around {
        Some(parent) => format!("{}.{name}", parent.path),
        None => name.to_owned(),
    };
    if path.len() > MAX_PATH {
        document.problem = Some("has names of absurd length".to_owned());
        return None;
    }
    let mut attributes = start.attributes();
    let attributes = attributes
        .with_checks(false)
        .flatten()
        .take(MAX_ATTRIBUTES)
        .map(|attribute| {
            let name: &str = attribute.key.local_name().into_inner();
            let value = attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0);
            (name.to_owned(), value.map(std::borrow::Cow::into_owned).unwrap_or_default())
        })
        .collect();
    document.elements.push(Element { path, attributes, text: String::new(), line, parent });
    Some(position)
}

fn add_text(document: &mut Document, open: &[usize], text: &str) {
    let text = text.trim();
    if let Some(element) = open.last().and_then(|open| document.elements.get_mut(*open))
        && element.text.len() + text.len() <= MAX_TEXT
    {
        element.text.push_str(text);
    }
}

/// Numbers of lines at places that only go forward.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn line(&mut self, at: usize) -> usize {
        let passed = self.text.as_bytes().get(self.at..at).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.at = self.at.max(at);
        self.line
    }
}
