//! Gentoo's order: `number{.number}[letter]{_suffix[number]}[-rnumber]`.
//!
//! Source: Package Manager Specification, "Version Specifications" and "Version Comparison"; the oracle of the tests is
//! Portage's `vercmp`. Odd: a part after the first that begins with `0` is compared as a fraction (`1.03` < `1.1`,
//! and zeros at its end do not count); `_p` comes after the end, the other suffixes before it; a
//! missing revision is `-r0`.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

/// In ascending order; the end of a version stands between the last two.
const SUFFIXES: [&str; 5] = ["alpha", "beta", "pre", "rc", "p"];
const PATCH: usize = 4;

pub(super) struct Version<'a> {
    numbers: Vec<&'a str>,
    letter: Option<u8>,
    suffixes: Vec<(usize, &'a str)>,
    revision: &'a str,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let digit = |byte: u8| byte.is_ascii_digit();
        let mut numbers = Vec::new();
        let mut rest = text;
        loop {
            let (number, after) = take_while(rest, digit);
            if number.is_empty() {
                return Err("a number is missing");
            }
            numbers.push(number);
            rest = after;
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None => break,
            }
        }
        let letter = rest.bytes().next().filter(u8::is_ascii_lowercase);
        if letter.is_some() {
            rest = rest.get(1..).unwrap_or_default();
        }
        let mut suffixes = Vec::new();
        while let Some(after) = rest.strip_prefix('_') {
            let (word, after) = take_while(after, |byte| byte.is_ascii_lowercase());
            let rank = SUFFIXES.iter().position(|known| *known == word);
            let (number, after) = take_while(after, digit);
            suffixes.push((rank.ok_or("it has a suffix that Gentoo does not know")?, number));
            rest = after;
        }
        let revision = match rest.strip_prefix("-r").map(|after| take_while(after, digit)) {
            None if rest.is_empty() => "",
            Some((revision, "")) if !revision.is_empty() => revision,
            _ => return Err("its parts do not follow Gentoo's grammar"),
        };
        Ok(Self { numbers, letter, suffixes, revision })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.compare_numbers(other)
            .then_with(|| self.letter.cmp(&other.letter))
            .then_with(|| self.compare_suffixes(other))
            .then_with(|| compare_digits(self.revision, other.revision))
    }

    fn compare_numbers(&self, other: &Self) -> Ordering {
        for (place, (a, b)) in self.numbers.iter().zip(&other.numbers).enumerate() {
            let order = if place > 0 && (a.starts_with('0') || b.starts_with('0')) {
                a.trim_end_matches('0').cmp(b.trim_end_matches('0'))
            } else {
                compare_digits(a, b)
            };
            if order.is_ne() {
                return order;
            }
        }
        self.numbers.len().cmp(&other.numbers.len())
    }

    fn compare_suffixes(&self, other: &Self) -> Ordering {
        for place in 0..self.suffixes.len().max(other.suffixes.len()) {
            let order = match (self.suffixes.get(place), other.suffixes.get(place)) {
                (Some((a, x)), Some((b, y))) => a.cmp(b).then_with(|| compare_digits(x, y)),
                (Some((rank, _)), None) => rank.cmp(&PATCH).then(Ordering::Greater),
                (None, Some((rank, _))) => PATCH.cmp(rank).then(Ordering::Less),
                (None, None) => Ordering::Equal,
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}
