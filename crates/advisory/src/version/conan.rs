//! Conan's order, for versions in any form: `1.1.1k`, `cci.20210118`, `3.0.0-rc.1+build`.
//!
//! Source: Conan documentation, "Version ranges"; Conan 2, `version.py`. Odd: a pre-release comes before its release, a
//! build after it; zeros at the end do not count. Conan itself compares a number with a word as two texts, which is no
//! order (10 < `1a` < 2 < 10): here a part is the number that it begins with and then the rest, and one without a number
//! comes after all that have one, which is the same wherever versions agree on what is a number.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

pub(super) struct Version<'a> {
    release: Vec<&'a str>,
    prerelease: Option<Vec<&'a str>>,
    build: Option<Vec<&'a str>>,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.is_empty() || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("it is empty, or has a blank or a character that is not ASCII");
        }
        let (text, build) = text.rsplit_once('+').map_or((text, None), |(a, b)| (a, Some(b)));
        let (release, prerelease) =
            text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
        Ok(Self {
            release: parts(release),
            prerelease: prerelease.map(parts),
            build: build.map(parts),
        })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let prerelease = match (&self.prerelease, &other.prerelease) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => compare_parts(a, b),
        };
        let build = match (&self.build, &other.build) {
            (Some(a), Some(b)) => compare_parts(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        compare_parts(&self.release, &other.release).then(prerelease).then(build)
    }
}

/// Dotted parts without the zeros at the end.
fn parts(text: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = text.split('.').collect();
    let is_zero = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte == b'0');
    while parts.last().is_some_and(is_zero) {
        parts.pop();
    }
    parts
}

fn compare_parts(a: &[&str], b: &[&str]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let (number_a, rest_a) = take_while(a, |byte| byte.is_ascii_digit());
        let (number_b, rest_b) = take_while(b, |byte| byte.is_ascii_digit());
        let order = number_a
            .is_empty()
            .cmp(&number_b.is_empty())
            .then_with(|| compare_digits(number_a, number_b))
            .then_with(|| rest_a.cmp(rest_b));
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}
