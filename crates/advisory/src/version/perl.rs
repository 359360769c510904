//! Perl's order: `version.pm`.
//!
//! Source: `version::Internals`; the oracle of the tests is perl. Odd: `1.5` is a decimal number, `1.500`, and so comes
//! after `1.10`; a leading `v` or a second dot makes the same text a list of numbers (`v1.5` < `v1.10`). Three digits of a
//! decimal are one number of a list: `1.002003` equals `v1.2.3`. An underscore marks a trial and does not order.

use std::cmp::Ordering;

use super::compare_digits;

pub(super) struct Version {
    numbers: Vec<String>,
}

impl Version {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let dotted = text.strip_prefix('v');
        let plain = dotted.unwrap_or(text).replace('_', "");
        if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err("it has a character other than digits, dots and underscores");
        }
        if plain.bytes().all(|byte| byte == b'.') {
            return Err("it has no digit");
        }
        let numbers = if dotted.is_some() || plain.matches('.').count() > 1 {
            // perl takes a dot at either end for nothing.
            let bare = plain.strip_suffix('.').unwrap_or(&plain);
            let mut numbers: Vec<String> = bare.split('.').map(str::to_owned).collect();
            if let Some(first) = numbers.first_mut().filter(|first| first.is_empty()) {
                first.push('0');
            }
            if numbers.iter().any(String::is_empty) {
                return Err("it has an empty part");
            }
            numbers
        } else {
            decimal(&plain)
        };
        Ok(Self { numbers })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        for place in 0..self.numbers.len().max(other.numbers.len()) {
            let number = |version: &Self| version.numbers.get(place).cloned().unwrap_or_default();
            let order = compare_digits(&number(self), &number(other));
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

/// The integer, then three digits of the fraction at a time.
fn decimal(text: &str) -> Vec<String> {
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut numbers = vec![integer.to_owned()];
    for three in fraction.as_bytes().chunks(3) {
        numbers.push(format!("{:0<3}", String::from_utf8_lossy(three)));
    }
    numbers
}
