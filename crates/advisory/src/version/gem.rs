//! RubyGems' order: `Gem::Version`.
//!
//! Source: RubyGems, `lib/rubygems/version.rb`; the oracle of the tests is Ruby itself. Odd: letters anywhere make a
//! pre-release, so `1.a` sorts before `1`; a hyphen stands for `.pre.`; zeros at the end of the numbers, and of the
//! whole, do not count; an empty text is `0`.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

pub(super) struct Version<'a> {
    /// Runs of digits and runs of letters, zeros that do not count left out.
    segments: Vec<&'a str>,
}

/// What a hyphen stands for.
const PRERELEASE: &str = "pre";

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let (numbers, tail) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
        let mut segments = Vec::new();
        if !text.is_empty() {
            if !numbers.starts_with(|first: char| first.is_ascii_digit()) {
                return Err("it does not begin with a number");
            }
            // Only behind a hyphen may the first part be letters.
            let first = numbers.split('.').next().unwrap_or_default();
            if !is_number(first) {
                return Err("its first part is no number");
            }
            split(numbers, false, &mut segments)?;
        }
        if let Some(tail) = tail {
            segments.push(PRERELEASE);
            split(tail, true, &mut segments)?;
        }
        let numbers = segments.iter().position(|part| !is_number(part)).unwrap_or(segments.len());
        let rest = segments.split_off(numbers);
        without_zeros(&mut segments);
        segments.extend(rest);
        if segments.iter().any(|part| !is_number(part)) {
            without_zeros(&mut segments);
        }
        Ok(Self { segments })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        for place in 0..self.segments.len().max(other.segments.len()) {
            let part = |version: &Self| version.segments.get(place).copied().unwrap_or("0");
            let (a, b) = (part(self), part(other));
            let order = match (is_number(a), is_number(b)) {
                (true, true) => compare_digits(a, b),
                // What has letters comes before what is released.
                (false, true) => Ordering::Less,
                (true, false) => Ordering::Greater,
                (false, false) => a.cmp(b),
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn without_zeros(segments: &mut Vec<&str>) {
    while segments.last().is_some_and(|last| last.bytes().all(|byte| byte == b'0')) {
        segments.pop();
    }
}

/// Cuts a dotted text into its runs.
fn split<'a>(
    text: &'a str,
    may_have_hyphens: bool,
    into: &mut Vec<&'a str>,
) -> Result<(), &'static str> {
    for part in text.split('.') {
        if part.is_empty() {
            return Err("it has an empty part");
        }
        for (place, piece) in part.split('-').enumerate() {
            if place > 0 {
                if !may_have_hyphens {
                    return Err("it has a hyphen at a wrong place");
                }
                into.push(PRERELEASE);
            }
            let mut rest = piece;
            while !rest.is_empty() {
                let is_digits = rest.starts_with(|first: char| first.is_ascii_digit());
                let (run, after) = take_while(rest, |byte| {
                    if is_digits { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() }
                });
                if run.is_empty() {
                    return Err("it has a character other than letters, digits, dot and hyphen");
                }
                into.push(run);
                rest = after;
            }
        }
    }
    Ok(())
}
