//! Maven's order, `ComparableVersion`.
//!
//! Source: "Version Order Specification" of the POM reference and Maven 3.9's `ComparableVersion`. Odd: a hyphen and a
//! change between digits and letters open a nested list; a known qualifier (`alpha` … `snapshot`) sorts before the release,
//! `sp` and unknown words after it; `ga`, `final` and `release` are the release itself; zeros before such lists and at the
//! end do not count. A word with more behind it in the same list (`1.x.1`, `1.x-1`) makes Maven's own
//! comparison go round in a circle (`1-rc` < `1` < `1.x.1` < `1-rc`), and so ours; none of the versions known from advisories
//! has one. Maven 4 keeps a word and its digits together (`rc1`), which orders a few odd texts otherwise.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

/// Nesting that is followed. Each hyphen nests once more, and comparing recurses.
const MAX_DEPTH: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// Digits without leading zeros; zero is empty.
    Number(String),
    Word(String),
    List(Vec<Self>),
}

pub(super) struct Version(Item);

impl Version {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("it has a blank or a control character");
        }
        let text = text.to_lowercase();
        let mut reader = Reader::default();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            rest = reader.step(rest);
            if reader.open.len() > MAX_DEPTH {
                return Err("it nests more than 64 parts");
            }
        }
        Ok(Self(Item::List(reader.finish())))
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        compare_items(Some(&self.0), Some(&other.0))
    }
}

/// The lists that are open while a text is read: the innermost last. Each closes into the one before it at the end.
struct Reader {
    open: Vec<Vec<Item>>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { open: vec![Vec::new()] }
    }
}

impl Reader {
    fn list(&mut self) -> &mut Vec<Item> {
        if self.open.is_empty() {
            self.open.push(Vec::new());
        }
        let last = self.open.len() - 1;
        // The list above is never empty.
        #[expect(clippy::indexing_slicing, reason = "one element was pushed just above")]
        &mut self.open[last]
    }

    fn nest(&mut self) {
        self.open.push(Vec::new());
    }

    fn nest_unless_empty(&mut self) {
        if !self.list().is_empty() {
            self.nest();
        }
    }

    /// Reads one token and the separator behind it.
    fn step<'a>(&mut self, text: &'a str) -> &'a str {
        let (digits, rest) = take_while(text, |byte| byte.is_ascii_digit());
        if !digits.is_empty() {
            self.list().push(number(digits));
            // Letters behind digits open a list, as a hyphen does.
            if !rest.is_empty() && !rest.starts_with(['.', '-']) {
                self.nest();
            }
            return self.separator(rest);
        }
        let (word, rest) =
            take_while(text, |byte| !byte.is_ascii_digit() && !b".-".contains(&byte));
        if word.is_empty() {
            // A separator where a token should be stands for zero.
            self.list().push(Item::Number(String::new()));
            return self.separator(rest);
        }
        let is_before_digit = rest.starts_with(|next: char| next.is_ascii_digit());
        // `1.x1` and `1.x` at the end are `1-x1` and `1-x`.
        if is_before_digit || rest.is_empty() {
            self.nest_unless_empty();
        }
        self.list().push(Item::Word(known_word(word, is_before_digit)));
        if is_before_digit {
            self.nest();
        }
        self.separator(rest)
    }

    fn separator<'a>(&mut self, text: &'a str) -> &'a str {
        if let Some(rest) = text.strip_prefix('-') {
            self.nest();
            return rest;
        }
        text.strip_prefix('.').unwrap_or(text)
    }

    fn finish(mut self) -> Vec<Item> {
        let mut inner = normalize(self.open.pop().unwrap_or_default());
        while let Some(mut outer) = self.open.pop() {
            outer.push(Item::List(inner));
            inner = normalize(outer);
        }
        inner
    }
}

fn number(digits: &str) -> Item {
    Item::Number(digits.trim_start_matches('0').to_owned())
}

fn known_word(word: &str, before_digit: bool) -> String {
    match (word, before_digit) {
        ("a", true) => "alpha",
        ("b", true) => "beta",
        ("m", true) => "milestone",
        ("cr", _) => "rc",
        ("ga" | "final" | "release", _) => "",
        _ => word,
    }
    .to_owned()
}

/// Removes what counts as nothing: at the end, and before lists at the end.
fn normalize(mut items: Vec<Item>) -> Vec<Item> {
    for place in (0..items.len()).rev() {
        let is_nothing = match items.get(place) {
            Some(Item::Number(digits)) => digits.is_empty(),
            Some(Item::Word(word)) => word.is_empty(),
            Some(Item::List(list)) => list.is_empty(),
            None => false,
        };
        if is_nothing {
            items.remove(place);
        } else if !matches!(items.get(place), Some(Item::List(_))) {
            break;
        }
    }
    items
}

/// Qualifiers in ascending order; the release itself is the empty one.
const QUALIFIERS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const RELEASE_RANK: usize = 5;

fn rank(word: &str) -> (usize, &str) {
    match QUALIFIERS.iter().position(|known| *known == word) {
        Some(place) => (place, ""),
        None => (QUALIFIERS.len(), word),
    }
}

/// Compares two items, where `None` is the end of a list.
fn compare_items(a: Option<&Item>, b: Option<&Item>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(b)) => compare_with_end(b).reverse(),
        (Some(a), None) => compare_with_end(a),
        (Some(a), Some(b)) => compare_two(a, b),
    }
}

fn compare_with_end(item: &Item) -> Ordering {
    match item {
        Item::Number(digits) => digits.is_empty().cmp(&true).reverse(),
        Item::Word(word) => rank(word).cmp(&(RELEASE_RANK, "")),
        Item::List(items) => items
            .iter()
            .map(compare_with_end)
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal),
    }
}

fn compare_two(a: &Item, b: &Item) -> Ordering {
    match (a, b) {
        (Item::Number(a), Item::Number(b)) => compare_digits(a, b),
        (Item::Number(_), _) => Ordering::Greater,
        (_, Item::Number(_)) => Ordering::Less,
        (Item::Word(a), Item::Word(b)) => rank(a).cmp(&rank(b)),
        // `1.any` < `1-1`
        (Item::Word(_), Item::List(_)) => Ordering::Less,
        (Item::List(_), Item::Word(_)) => Ordering::Greater,
        (Item::List(a), Item::List(b)) => {
            let longest = a.len().max(b.len());
            (0..longest)
                .map(|place| compare_items(a.get(place), b.get(place)))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        }
    }
}
