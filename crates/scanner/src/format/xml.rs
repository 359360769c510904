//! Writing XML.
//!
//! In: elements, attributes, texts. Out: XML 1.0 in UTF-8, indented. Odd: XML cannot hold most control characters at all,
//! not even escaped; they become U+FFFD. Those that merely do not show stand as numbers, as in the other formats.

use std::fmt::Write;

use super::grid::is_unprintable;

/// A document that is being written.
#[derive(Default)]
pub(super) struct Xml {
    pub(super) text: String,
    depth: usize,
}

impl Xml {
    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        content: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        let empty = self.text.len();
        self.text.push_str(">\n");
        self.depth += 1;
        content(self);
        self.depth -= 1;
        if self.text.len() == empty + 2 {
            self.text.truncate(empty);
            self.text.push_str("/>\n");
            return;
        }
        self.indent();
        self.close(name);
    }

    /// Nothing for an empty list.
    pub(super) fn list<T>(&mut self, name: &str, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        if !items.is_empty() {
            self.element(name, &[], |xml| items.iter().for_each(|one| item(xml, one)));
        }
    }

    /// Nothing for an empty text.
    pub(super) fn leaf(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.leaf_with(name, &[], text);
        }
    }

    pub(super) fn leaf_with(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        self.text.push('>');
        self.escape(text);
        self.close(name);
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.escape(value);
            self.text.push('"');
        }
    }

    fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }

    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\t' | '\n' | '\r' | '\u{7f}'..='\u{9f}' => self.number(character),
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
                hidden if is_unprintable(hidden) => self.number(hidden),
                other => self.text.push(other),
            }
        }
    }

    fn number(&mut self, character: char) {
        // Writing to a string cannot fail.
        let _written = write!(self.text, "&#x{:x};", u32::from(character));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_its_element() {
        let mut xml = Xml::default();
        xml.leaf_with("a", &[("b", "\"><x>\n")], "</a>&amp;\u{1b}[2J\u{202e}\u{9b}käse");
        assert_eq!(
            xml.text,
            "<a b=\"&quot;&gt;&lt;x&gt;&#xa;\">&lt;/a&gt;&amp;amp;\u{fffd}[2J&#x202e;&#x9b;käse</a>\n"
        );
    }

    #[test]
    fn what_is_empty_is_short() {
        let mut xml = Xml::default();
        xml.element("a", &[], |xml| {
            xml.leaf("b", "");
            xml.element("c", &[("d", "e")], |_| {});
        });
        assert_eq!(xml.text, "<a>\n  <c d=\"e\"/>\n</a>\n");
    }
}
