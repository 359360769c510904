//! Semantic versions as npm reads them, and the same with builds in order, as Julia and Dart have them.
//!
//! Source: Semantic Versioning 2.0, §10 and §11; node-semver's loose mode; Julia, `VersionNumber`; Dart, `pub_semver`. Odd: a leading `v` or `=` is skipped; build
//! metadata (`+…`) does not order, except that Julia and Dart put `1.0.0+1` after `1.0.0`; advisories write bounds with fewer than three numbers (`0.2`), the missing ones are 0;
//! OSV's `0` and `0.0.0-0` sort before every release.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

#[derive(Clone)]
pub(super) struct Version<'a> {
    numbers: [&'a str; 3],
    prerelease: Vec<&'a str>,
    build: &'a str,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let text = text.trim_start_matches(['v', '=', ' ']);
        // It may begin with digits, and would be taken for a release beyond all others.
        if text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("a commit has no place in the order");
        }
        let (text, build) = text.split_once('+').unwrap_or((text, ""));
        if !build.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte)) {
            return Err(
                "its build part has a character other than letters, digits, dot and hyphen",
            );
        }
        let mut numbers = ["0"; 3];
        let mut rest = text;
        for (place, number) in numbers.iter_mut().enumerate() {
            let (digits, after) = take_while(rest, |byte| byte.is_ascii_digit());
            if digits.is_empty() {
                return Err("a number is missing");
            }
            *number = digits;
            rest = after;
            match rest.strip_prefix('.') {
                Some(after) if place < 2 => rest = after,
                _ => break,
            }
        }
        let prerelease = match rest.bytes().next() {
            None => Vec::new(),
            Some(b'-') => rest.strip_prefix('-').unwrap_or_default().split('.').collect(),
            // Loose mode: `1.2.3beta` is `1.2.3-beta`.
            Some(byte) if byte.is_ascii_alphabetic() => rest.split('.').collect(),
            Some(_) => return Err("it has more than three numbers"),
        };
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if prerelease.iter().any(|part| part.is_empty() || !part.bytes().all(known)) {
            return Err("its pre-release has an empty part or a character that is not allowed");
        }
        Ok(Self { numbers, prerelease, build })
    }

    /// From parts that are known to be in order.
    pub(super) const fn of(numbers: [&'a str; 3], prerelease: Vec<&'a str>) -> Self {
        Self { numbers, prerelease, build: "" }
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        for (a, b) in self.numbers.iter().zip(other.numbers) {
            let order = compare_digits(a, b);
            if order.is_ne() {
                return order;
            }
        }
        match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_identifiers(&self.prerelease, &other.prerelease),
        }
    }

    /// The same, and of equals the one with the later build is later; none is before any.
    pub(super) fn compare_with_build(&self, other: &Self) -> Ordering {
        self.compare(other).then_with(|| match (self.build.is_empty(), other.build.is_empty()) {
            (false, false) => {
                let parts = |text: &'a str| text.split('.').collect::<Vec<&str>>();
                compare_identifiers(&parts(self.build), &parts(other.build))
            }
            (a, b) => b.cmp(&a),
        })
    }
}

fn compare_identifiers(a: &[&str], b: &[&str]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let order = match (is_number(a), is_number(b)) {
            (true, true) => compare_digits(a, b),
            // Numbers sort before words.
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}
