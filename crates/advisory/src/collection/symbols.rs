//! Interned texts.
//!
//! In: texts. Out: a [`Symbol`] each, equal for equal texts. Odd: the numbers depend on the order in which texts come, so
//! nothing may be ordered by them; the snapshot numbers all texts anew, in byte order.

use std::{collections::HashMap, rc::Rc};

use super::{Advisory, Affected};

/// Number of an interned text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(u32);

/// The texts.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    numbers: HashMap<Rc<str>, u32>,
    texts: Vec<Rc<str>>,
}

impl Symbols {
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if let Some(number) = self.numbers.get(text) {
            return Symbol(*number);
        }
        // Four thousand million distinct texts do not fit into the memory that an import may take.
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Rc<str> = Rc::from(text);
        self.texts.push(Rc::clone(&text));
        self.numbers.insert(text, number);
        Symbol(number)
    }

    pub(crate) fn text(&self, symbol: Symbol) -> &str {
        usize::try_from(symbol.0)
            .ok()
            .and_then(|place| self.texts.get(place))
            .map_or("", |text| text)
    }

    /// All texts, each at the place of its number.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    pub(crate) const fn number(symbol: Symbol) -> u32 {
        symbol.0
    }

    /// Whether `advisory` replaces `known`: by time, then by what is in them, as text.
    pub(crate) fn is_newer(&self, advisory: &Advisory, known: &Advisory) -> bool {
        match advisory.modified.cmp(&known.modified) {
            std::cmp::Ordering::Equal if advisory == known => false,
            std::cmp::Ordering::Equal => self.spelled_out(advisory) > self.spelled_out(known),
            order => order.is_gt(),
        }
    }

    /// A text that is equal for equal content and does not depend on symbol numbers.
    fn spelled_out(&self, advisory: &Advisory) -> String {
        let mut text = format!(
            "{:06} {} {:?} {}",
            advisory.affected.len(),
            advisory.is_withdrawn,
            advisory.severity,
            self.text(advisory.title)
        );
        for affected in &advisory.affected {
            text.push_str(&self.spelled(affected));
        }
        text
    }

    /// The same for one statement.
    pub(super) fn spelled(&self, affected: &Affected) -> String {
        let mut text = self.text(affected.ecosystem).to_owned();
        text.push_str(self.text(affected.name));
        text.push_str(affected.release.map_or("", |release| self.text(release)));
        for (kind, version) in affected.ranges.iter().flatten() {
            text.push_str(&format!("{kind:?}{}", self.text(*version)));
        }
        for version in &affected.versions {
            text.push_str(self.text(*version));
        }
        text.push_str(&format!("{:?}{:?}", affected.status, affected.severity));
        for words in [affected.justification, affected.text].into_iter().flatten() {
            text.push_str(self.text(words));
        }
        text
    }
}
