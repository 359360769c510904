//! CycloneDX as XML.
//!
//! In: XML. Out: components. Source: the schemas `bom-1.2.xsd` to `bom-1.7.xsd`; XML 1.0. Odd: a component counts where the
//! document lists it or is about it, not among a tool's parts or another component's ancestors. A document type is refused:
//! no SBOM has one, and entities are what bombs are made of. References to characters and XML's own five entities are
//! all that is resolved.

use std::io::{self, BufRead, Read};

use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
};

use super::{
    component::Component,
    document::{Builder, Format},
};
use crate::{facts::clip, parser::ParseError};

/// Bytes of one tag or text.
const MAX_TOKEN: u64 = 8 << 20;

/// How deep elements are nested.
const MAX_DEPTH: usize = 128;

/// Longest text of an element that is kept.
const MAX_TEXT: usize = 1 << 20;

/// The elements that are told apart; whether one counts depends on what it stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tag {
    Bom,
    Metadata,
    Components,
    Component,
    Group,
    Name,
    Version,
    Description,
    Purl,
    Cpe,
    Hashes,
    Hash,
    Licenses,
    License,
    Id,
    Expression,
    Properties,
    Property,
    Evidence,
    Occurrences,
    Occurrence,
    Location,
    Else,
}

/// Element, what it stands in, and what it is then.
const GRAMMAR: &[(&str, Tag, Tag)] = &[
    ("metadata", Tag::Bom, Tag::Metadata),
    ("components", Tag::Bom, Tag::Components),
    ("component", Tag::Metadata, Tag::Component),
    ("properties", Tag::Metadata, Tag::Properties),
    ("component", Tag::Components, Tag::Component),
    ("components", Tag::Component, Tag::Components),
    ("group", Tag::Component, Tag::Group),
    ("name", Tag::Component, Tag::Name),
    ("version", Tag::Component, Tag::Version),
    ("description", Tag::Component, Tag::Description),
    ("purl", Tag::Component, Tag::Purl),
    ("cpe", Tag::Component, Tag::Cpe),
    ("hashes", Tag::Component, Tag::Hashes),
    ("hash", Tag::Hashes, Tag::Hash),
    ("licenses", Tag::Component, Tag::Licenses),
    ("expression", Tag::Licenses, Tag::Expression),
    ("license", Tag::Licenses, Tag::License),
    ("id", Tag::License, Tag::Id),
    ("name", Tag::License, Tag::Id),
    ("properties", Tag::Component, Tag::Properties),
    ("property", Tag::Properties, Tag::Property),
    ("evidence", Tag::Component, Tag::Evidence),
    ("occurrences", Tag::Evidence, Tag::Occurrences),
    ("occurrence", Tag::Occurrences, Tag::Occurrence),
    ("location", Tag::Occurrence, Tag::Location),
];

pub(super) fn read(input: impl BufRead, builder: &mut Builder) -> Result<(), ParseError> {
    let mut reader = Reader::from_reader(Tokens { input, left: MAX_TOKEN });
    reader.config_mut().expand_empty_elements = true;
    let mut document = Xml {
        builder,
        path: Vec::new(),
        components: Vec::new(),
        text: String::new(),
        attribute: String::new(),
        is_known: false,
    };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().left = MAX_TOKEN;
        let at = reader.buffer_position();
        let syntax = |problem: String| ParseError::Syntax { at: format!("byte {at}"), problem };
        match reader.read_event_into(&mut buffer).map_err(|error| syntax(error.to_string()))? {
            Event::Start(start) => {
                if !document.open(&start).map_err(syntax)? {
                    return Ok(());
                }
            }
            Event::End(_) => document.close(),
            Event::Text(text) => document.add(&text.xml10_content()),
            Event::CData(text) => document.add(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                match reference.resolve_char_ref().map_err(|error| syntax(error.to_string()))? {
                    Some(character) => document.add(character.encode_utf8(&mut [0; 4])),
                    None => match resolve_xml_entity(&reference) {
                        Some(text) => document.add(text),
                        None => {
                            return Err(syntax(format!("unknown entity `{}`", clip(&reference))));
                        }
                    },
                }
            }
            Event::DocType(_) => {
                return Err(syntax("has a document type, which no SBOM has".to_owned()));
            }
            Event::Eof => break,
            // Empty elements come as a start and an end.
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    // A document that ends early may have lost anything.
    match document.path.is_empty() {
        true => Ok(()),
        false => Err(ParseError::Syntax {
            at: "end".to_owned(),
            problem: "ends within an element".to_owned(),
        }),
    }
}

struct Xml<'b> {
    builder: &'b mut Builder,
    path: Vec<Tag>,
    /// The components that are open, outermost first.
    components: Vec<Component>,
    /// Of the innermost element.
    text: String,
    /// The attribute that matters of the innermost element: a property's name, a hash's algorithm.
    attribute: String,
    is_known: bool,
}

impl Xml<'_> {
    /// Whether the rest is of interest.
    fn open(&mut self, start: &BytesStart<'_>) -> Result<bool, String> {
        if self.path.len() >= MAX_DEPTH {
            return Err(format!("elements are nested deeper than {MAX_DEPTH}"));
        }
        let local = start.local_name();
        let name: &str = local.as_ref();
        let tag = match self.path.last() {
            Some(parent) => {
                let known =
                    GRAMMAR.iter().find(|(word, within, _)| *word == name && within == parent);
                known.map_or(Tag::Else, |(.., tag)| *tag)
            }
            None if !self.is_known => {
                self.is_known = true;
                match name {
                    "bom" if is_cyclonedx(start) => self.builder.is(Format::CycloneDx),
                    "RDF" => {
                        self.builder.unread("SPDX as RDF/XML");
                        return Ok(false);
                    }
                    _ => return Ok(false),
                }
                Tag::Bom
            }
            None => Tag::Else,
        };
        self.path.push(tag);
        self.text.clear();
        let wanted = match tag {
            Tag::Component => "type",
            Tag::Property => "name",
            Tag::Hash => "alg",
            _ => return Ok(true),
        };
        self.attribute = attribute(start, wanted);
        if tag == Tag::Component {
            let kind = std::mem::take(&mut self.attribute);
            self.components.push(Component { kind, ..Component::default() });
        }
        Ok(true)
    }

    fn add(&mut self, text: &str) {
        let is_leaf = !matches!(self.path.last(), None | Some(Tag::Else));
        if is_leaf && self.text.len() + text.len() <= MAX_TEXT {
            self.text.push_str(text);
        }
    }

    fn close(&mut self) {
        let Some(tag) = self.path.pop() else { return };
        let text = std::mem::take(&mut self.text);
        let attribute = std::mem::take(&mut self.attribute);
        if tag == Tag::Component {
            if let Some(component) = self.components.pop() {
                self.builder.component(component);
            }
            return;
        }
        // What stands in the metadata, or in the component that the metadata are about.
        let is_about_the_image = tag == Tag::Property && self.path.get(1) == Some(&Tag::Metadata);
        if is_about_the_image {
            self.builder.image_property(&attribute, &text);
        }
        // Spaces around a value are indentation; a property may consist of them.
        let trimmed = || text.trim().to_owned();
        let Some(component) = self.components.last_mut() else { return };
        match tag {
            Tag::Group => component.group = trimmed(),
            Tag::Name => component.name = trimmed(),
            Tag::Version => component.version = trimmed(),
            Tag::Description => component.description = trimmed(),
            Tag::Purl => component.purl = trimmed(),
            Tag::Cpe => component.cpe(trimmed()),
            Tag::Hash => component.hash(attribute, trimmed()),
            Tag::Id | Tag::Expression => component.licence(trimmed()),
            Tag::Property => component.property(&attribute, &text),
            Tag::Location => component.path(trimmed()),
            _ => {}
        }
    }
}

fn is_cyclonedx(start: &BytesStart<'_>) -> bool {
    let mut attributes = start.attributes();
    attributes.with_checks(false).flatten().any(|attribute| {
        let value: &str = &attribute.value;
        value.starts_with("http://cyclonedx.org/schema/bom/")
    })
}

fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    let mut attributes = start.attributes();
    let found = attributes.with_checks(false).flatten().find(|attribute| {
        let key: &str = attribute.key.local_name().into_inner();
        key == name
    });
    let value = found.and_then(|found| {
        found
            .normalized_value(quick_xml::XmlVersion::Explicit1_0)
            .ok()
            .map(std::borrow::Cow::into_owned)
    });
    value.unwrap_or_default()
}

/// Ends a token that has no end, before it fills the memory.
struct Tokens<R> {
    input: R,
    /// Bytes that the current token may still have.
    left: u64,
}

impl<R: BufRead> BufRead for Tokens<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::other(format!(
                "a tag or text is longer than {MAX_TOKEN} bytes"
            )));
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(u64::try_from(amount).unwrap_or(u64::MAX));
        self.input.consume(amount);
    }
}

impl<R: BufRead> Read for Tokens<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
