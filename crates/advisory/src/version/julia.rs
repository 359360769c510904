//! Julia's order: `VersionNumber`.
//!
//! Source: Julia manual, "Version Number Literals", and `base/version.jl`'s behaviour. Odd: builds are in order (`1.0.0+1`
//! comes after `1.0.0`: that is how rebuilds of binaries are counted); a hyphen or a plus with nothing behind it is the
//! lowest pre-release, or build; minor and patch may be missing and are 0 then.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

pub(super) struct Version<'a> {
    numbers: [&'a str; 3],
    prerelease: Option<Vec<&'a str>>,
    build: Option<Vec<&'a str>>,
}

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let (bare, build) = bare.split_once('+').map_or((bare, None), |(a, b)| (a, Some(b)));
        let mut numbers = ["0"; 3];
        let mut rest = bare;
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
            None => None,
            Some(b'-') => Some(identifiers(rest.strip_prefix('-').unwrap_or_default())?),
            Some(byte) if byte.is_ascii_alphabetic() => Some(identifiers(rest)?),
            Some(_) => return Err("it has more than three numbers"),
        };
        Ok(Self { numbers, prerelease, build: build.map(identifiers).transpose()? })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        for (a, b) in self.numbers.iter().zip(other.numbers) {
            let order = compare_digits(a, b);
            if order.is_ne() {
                return order;
            }
        }
        let prerelease = match (&self.prerelease, &other.prerelease) {
            (Some(a), Some(b)) => compare_identifiers(a, b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        prerelease.then_with(|| match (&self.build, &other.build) {
            (Some(a), Some(b)) => compare_identifiers(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
    }
}

fn identifiers(text: &str) -> Result<Vec<&str>, &'static str> {
    let parts: Vec<&str> = text.split('.').collect();
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !parts.iter().all(|part| part.bytes().all(known)) {
        return Err("its pre-release or build has a character that is not allowed");
    }
    if parts.len() > 1 && parts.iter().any(|part| part.is_empty()) {
        return Err("its pre-release or build has an empty part");
    }
    Ok(parts)
}

fn compare_identifiers(a: &[&str], b: &[&str]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        // Nothing, then numbers, then words.
        let kind = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            _ if text.is_empty() => 0,
            true => 1,
            false => 2,
        };
        let order = kind(a).cmp(&kind(b)).then_with(|| match kind(a) {
            1 => compare_digits(a, b),
            _ => a.cmp(b),
        });
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}
