//! XML of feeds and VEX documents, element by element.
//!
//! In: a document in UTF-8. Out: the elements that are asked for, each as a tree of its own, so that no document is held as
//! a whole. Source: XML 1.0. Odd: names come without their prefix, since no feed has two elements that only a namespace
//! tells apart. A document type is refused, as entities are what bombs are made of; references to characters and XML's own
//! five entities are all that is resolved. A document that ends within an element is cut off.

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
};

use super::title_of;

/// How deep elements are nested.
const MAX_DEPTH: usize = 128;
/// Elements in one tree. A definition of the largest real feeds has some 60,000.
const MAX_ELEMENTS: usize = 2_000_000;
/// Bytes of text of one element that are kept; descriptions are longer, and are not needed whole.
const MAX_TEXT: usize = 64 << 10;

/// An element with everything in it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    /// Without prefix.
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    text: String,
    pub(crate) children: Vec<Self>,
}

impl Element {
    /// The values of all attributes, declarations of namespaces among them.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(_, value)| value.as_str())
    }

    /// The value of an attribute, without spaces around it; empty if there is none.
    pub(crate) fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// Its own text, without spaces around it.
    pub(crate) fn text(&self) -> &str {
        self.text.trim()
    }

    /// The children of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of a name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of a name; empty if there is none.
    pub(crate) fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", Self::text)
    }
}

/// The name of the root, if a document begins like XML.
pub(crate) fn root_name(bytes: &[u8]) -> Option<String> {
    root(bytes).map(|root| root.name)
}

/// The root with its attributes and nothing else, if a document begins like XML.
pub(crate) fn root(bytes: &[u8]) -> Option<Element> {
    let head = bytes.get(..4096).unwrap_or(bytes);
    if !head.trim_ascii_start().starts_with(b"<") {
        return None;
    }
    // A character may be cut at the end of the head.
    let head = String::from_utf8_lossy(head);
    let mut reader = Reader::from_str(&head);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) => return element(&start).ok(),
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// An element as it begins.
fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .map_err(|error| error.to_string())?;
        let key: &str = attribute.key.local_name().into_inner();
        attributes.push((key.to_owned(), value.into_owned()));
    }
    let local = start.local_name();
    let name: &str = local.as_ref();
    Ok(Element { name: name.to_owned(), attributes, ..Element::default() })
}

/// Hands over every element that is wanted by its name and lies in no other that is.
pub(crate) fn read(
    bytes: &[u8],
    wanted: &dyn Fn(&str) -> bool,
    take: &mut dyn FnMut(Element) -> Result<(), String>,
) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut builder = Builder { wanted, take, open: Vec::new(), depth: 0, elements: 0 };
    let mut has_root = false;
    loop {
        let at = reader.buffer_position();
        let wrong = |problem: &dyn std::fmt::Display| format!("byte {at}: {problem}");
        match reader.read_event().map_err(|error| wrong(&error))? {
            Event::Start(start) => {
                has_root = true;
                builder.open(&start).map_err(|problem| wrong(&problem))?;
            }
            Event::End(_) => builder.close().map_err(|problem| wrong(&problem))?,
            Event::Text(text) => builder.add(&text.xml10_content()),
            Event::CData(text) => builder.add(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                match reference.resolve_char_ref().map_err(|error| wrong(&error))? {
                    Some(character) => builder.add(character.encode_utf8(&mut [0; 4])),
                    None => match resolve_xml_entity(&reference) {
                        Some(text) => builder.add(text),
                        None => {
                            let name = title_of(&reference);
                            return Err(wrong(&format!("unknown entity `{name}`")));
                        }
                    },
                }
            }
            Event::DocType(_) => return Err(wrong(&"it has a document type, which no feed has")),
            Event::Eof => break,
            // Empty elements come as a start and an end.
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    if builder.depth > 0 || !has_root {
        return Err("it ends within an element: it is cut off".to_owned());
    }
    Ok(())
}

struct Builder<'a> {
    wanted: &'a dyn Fn(&str) -> bool,
    take: &'a mut dyn FnMut(Element) -> Result<(), String>,
    /// The wanted element that is open and what is open in it.
    open: Vec<Element>,
    depth: usize,
    elements: usize,
}

impl Builder<'_> {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("elements are nested deeper than {MAX_DEPTH}"));
        }
        let local = start.local_name();
        let name: &str = local.as_ref();
        if self.open.is_empty() && !(self.wanted)(name) {
            return Ok(());
        }
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(format!("one element holds more than {MAX_ELEMENTS} others"));
        }
        self.open.push(element(start)?);
        Ok(())
    }

    fn add(&mut self, text: &str) {
        let Some(element) = self.open.last_mut() else { return };
        let room = MAX_TEXT.saturating_sub(element.text.len());
        let end = (0..=room.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        element.text.push_str(end.and_then(|end| text.get(..end)).unwrap_or_default());
    }

    fn close(&mut self) -> Result<(), String> {
        self.depth = self.depth.saturating_sub(1);
        let Some(element) = self.open.pop() else { return Ok(()) };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => {
                self.elements = 0;
                (self.take)(element)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> Result<Vec<Element>, String> {
        let mut found = Vec::new();
        read(text.as_bytes(), &|name| name == "a", &mut |element| {
            found.push(element);
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn wanted_elements_come_as_trees() {
        let found = read_all(
            "<?xml version=\"1.0\"?><r><x:a k=' 1 ' p:l='&lt;'><b> t&amp;<![CDATA[<u>]]>&#65; </b><a/></x:a><c/><a/></r>",
        )
        .unwrap();
        let [first, second] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            (first.attribute("k"), first.attribute("l"), first.attribute("m")),
            ("1", "<", "")
        );
        assert_eq!((first.text_of("b"), first.text_of("c")), ("t&<u>A", ""));
        assert_eq!(first.all("a").count(), 1);
        assert_eq!(second.children.len(), 0);
    }

    #[test]
    fn what_is_no_whole_document_is_refused() {
        for (text, problem) in [
            ("<r><a>", "cut off"),
            ("", "cut off"),
            ("plain", "cut off"),
            ("<r></q>", "expected"),
            ("<!DOCTYPE r [<!ENTITY e 'x'>]><r/>", "document type"),
            ("<r><a>&e;</a></r>", "unknown entity `e`"),
        ] {
            let error = read_all(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
        let deep = "<a>".repeat(200);
        assert!(read_all(&deep).unwrap_err().contains("nested deeper than 128"));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = format!("<r><a>x{}</a></r>", "ü".repeat(MAX_TEXT));
        let found = read_all(&long).unwrap();
        assert_eq!(found[0].text().len(), MAX_TEXT - 1);
    }

    #[test]
    fn the_root_tells_documents_apart() {
        assert_eq!(
            root_name(b"\n<?xml version='1.0'?><!-- c --><o:d x='1'>").as_deref(),
            Some("d")
        );
        assert_eq!(root_name(b"{}"), None);
        assert_eq!(root_name(b"<"), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_it(text in "[<>/a-c!?\\[\\]&; ='\"-]{0,60}") {
            let _read = read_all(&text);
            let _name = root_name(text.as_bytes());
        }

        #[test]
        fn texts_come_back(text in "[ -~]{0,60}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
            let found = read_all(&format!("<r><a k=\"{escaped}\">{escaped}</a></r>")).unwrap();
            proptest::prop_assert_eq!(found[0].text(), text.trim());
            proptest::prop_assert_eq!(found[0].attribute("k"), text.trim());
        }
    }
}
