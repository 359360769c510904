//! Distinct names, each kept once under a number, and where a text stands in them.
//!
//! In: paths of repositories, tags. Out: their numbers, and for a text the set of names that hold it, begin or end with it.
//! Odd: the names stand in one piece of memory, each closed by a zero byte, so that a million tags are searched in one go;
//! a copy in lower case is searched, for a search has no regard to ASCII case.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use memchr::memmem;

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Adds a number.
    pub(super) fn insert(&mut self, number: u32) {
        let place = (number / 64) as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        if let Some(word) = self.0.get_mut(place) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether a number is in it.
    pub(super) fn contains(&self, number: u32) -> bool {
        let word = self.0.get((number / 64) as usize).copied().unwrap_or(0);
        word >> (number % 64) & 1 == 1
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

impl FromIterator<u32> for Bits {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut bits = Self::default();
        numbers.into_iter().for_each(|number| bits.insert(number));
        bits
    }
}

/// Distinct names by number, from 0.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// All names as they are, each followed by a zero byte, which stands in no name.
    text: Vec<u8>,
    /// The same in lower case; ASCII letters alone change, so that places are the same.
    lowered: Vec<u8>,
    /// Where each name begins.
    starts: Vec<usize>,
    known: HashTable<u32>,
    hasher: RandomState,
    /// How many names have a colon.
    with_colon: usize,
}

impl Names {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The number of a name, which it gets if it has none; `None` when there are four thousand million names already.
    pub(super) fn number(&mut self, name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(name.as_bytes());
        let (text, starts) = (&self.text, &self.starts);
        let known =
            self.known.find(hash, |number| name_at(text, starts, *number) == name.as_bytes());
        if let Some(number) = known {
            return Some(*number);
        }
        let number = u32::try_from(self.starts.len()).ok()?;
        self.starts.push(self.text.len());
        self.text.extend_from_slice(name.as_bytes());
        self.text.push(0);
        self.lowered.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
        self.lowered.push(0);
        self.with_colon += usize::from(name.contains(':'));
        let (text, starts, hasher) = (&self.text, &self.starts, &self.hasher);
        let rehash = |number: &u32| hasher.hash_one(name_at(text, starts, *number));
        self.known.insert_unique(hash, number, rehash);
        Some(number)
    }

    /// The name of a number.
    pub(super) fn name(&self, number: u32) -> &[u8] {
        name_at(&self.text, &self.starts, number)
    }

    /// Whether any name has a colon.
    pub(super) fn have_colons(&self) -> bool {
        self.with_colon > 0
    }

    /// The names that hold a text in lower case anywhere.
    pub(super) fn holding(&self, part: &[u8]) -> Bits {
        let finder = memmem::Finder::new(part);
        let mut found = Bits::default();
        let (mut from, mut number) = (0, 0_usize);
        while let Some(at) = self.lowered.get(from..).and_then(|rest| finder.find(rest)) {
            let at = from + at;
            // The name that begins last before the place; hits ascend, so that the way on is short on average.
            let ahead = self.starts.get(number..).unwrap_or_default();
            number += gallop(ahead, at).saturating_sub(1);
            let Ok(hit) = u32::try_from(number) else { break };
            found.insert(hit);
            // One hit a name is enough.
            number += 1;
            let Some(next) = self.starts.get(number) else { break };
            from = *next;
        }
        found
    }

    /// The names that fulfil something.
    pub(super) fn such(&self, wanted: impl Fn(&[u8]) -> bool) -> Bits {
        self.numbers().filter(|number| wanted(self.name(*number))).collect()
    }

    /// The names that fulfil something in lower case.
    pub(super) fn such_lowered(&self, wanted: impl Fn(&[u8]) -> bool) -> Bits {
        let lowered = |number| name_at(&self.lowered, &self.starts, number);
        self.numbers().filter(|number| wanted(lowered(*number))).collect()
    }

    fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        0..u32::try_from(self.len()).unwrap_or(u32::MAX)
    }
}

/// How many of the ascending numbers are at most `limit`; quick where few are.
fn gallop(ascending: &[usize], limit: usize) -> usize {
    let mut step = 1;
    while ascending.get(step).is_some_and(|number| *number <= limit) {
        step *= 2;
    }
    let within = ascending.get(..=step.min(ascending.len().saturating_sub(1))).unwrap_or_default();
    within.partition_point(|number| *number <= limit)
}

fn name_at<'a>(text: &'a [u8], starts: &[usize], number: u32) -> &'a [u8] {
    let number = number as usize;
    let Some(from) = starts.get(number) else { return &[] };
    let to = starts.get(number + 1).copied().unwrap_or(text.len()).saturating_sub(1);
    text.get(*from..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(words: &[&str]) -> Names {
        let mut names = Names::default();
        for word in words {
            names.number(word).unwrap();
        }
        names
    }

    fn members(bits: &Bits, names: &Names) -> Vec<String> {
        (0..u32::try_from(names.len()).unwrap())
            .filter(|number| bits.contains(*number))
            .map(|number| String::from_utf8(names.name(number).to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn a_name_has_one_number() {
        let mut names = names(&["b", "a", "b", "", "A"]);
        assert_eq!(names.len(), 4);
        assert_eq!(["b", "a", "", "A"].map(|name| names.number(name)), [0, 1, 2, 3].map(Some));
        assert_eq!(names.name(9), b"");
    }

    proptest! {
        #[test]
        fn texts_are_found_in_names(
            words in prop::collection::vec("[aAb:]{0,4}", 0..40),
            part in "[ab:]{1,3}",
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let names = names(&words);
            let mut wanted: Vec<String> = Vec::new();
            for word in words {
                if word.to_ascii_lowercase().contains(&part) && !wanted.contains(&word.to_owned()) {
                    wanted.push(word.to_owned());
                }
            }
            let found = names.holding(part.as_bytes());
            prop_assert_eq!(members(&found, &names), wanted.clone());
            prop_assert_eq!(found.is_empty(), wanted.is_empty());
            let such = names.such_lowered(|name| String::from_utf8_lossy(name).contains(&part));
            prop_assert_eq!(members(&such, &names), wanted);
        }
    }
}
