//! Composer's order: a version as Composer normalises it, compared as PHP does.
//!
//! Source: composer/semver, `VersionParser::normalize` and `normalizeBranch`; PHP, `version_compare`; the oracle of the
//! tests is both. Odd: up to four numbers, missing ones are 0; dates are versions too (`2020.01.15`), told by their
//! form; `1.0-p1` comes after `1.0`, and `-dev` before what it stands behind; `1.2.x-dev` is later than every 1.2;
//! branches (`dev-main`) have no place in the order.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

/// A part of a normal version. The derived order is PHP's: its end sorts between [`Part::Candidate`] and a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part<'a> {
    Dev,
    Alpha,
    Beta,
    Candidate,
    End,
    Number(&'a str),
    Patch,
}

impl Part<'_> {
    const fn rank(self) -> u8 {
        match self {
            Self::Dev => 0,
            Self::Alpha => 1,
            Self::Beta => 2,
            Self::Candidate => 3,
            Self::End => 4,
            Self::Number(_) => 5,
            Self::Patch => 6,
        }
    }
}

pub(super) struct Version<'a> {
    parts: Vec<Part<'a>>,
}

/// What Composer puts in place of an `x`.
const ANY: &str = "9999999";

/// Names of stabilities, longer ones first.
const STABILITIES: &[(&str, Option<Part<'static>>)] = &[
    ("stable", None),
    ("beta", Some(Part::Beta)),
    ("alpha", Some(Part::Alpha)),
    ("patch", Some(Part::Patch)),
    ("rc", Some(Part::Candidate)),
    ("pl", Some(Part::Patch)),
    ("a", Some(Part::Alpha)),
    ("b", Some(Part::Beta)),
    ("p", Some(Part::Patch)),
];

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let text = text.split_once(" as ").map_or(text, |(version, _)| version.trim_end());
        let text = without_flag(text);
        if strip_word(text, "dev-").is_some() || ["master", "trunk", "default"].contains(&text) {
            return Err("a branch has no place in the order");
        }
        let text = match text.split_once('+') {
            Some((version, build)) if !build.is_empty() => version,
            _ => text,
        };
        let bare = strip_word(text, "v").unwrap_or(text);
        classical(bare)
            .or_else(|| dated(bare))
            .or_else(|| branch(bare))
            .map(|parts| Self { parts })
            .ok_or("it is neither numbers, nor a date, nor a numbered branch")
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        for place in 0..self.parts.len().max(other.parts.len()) {
            let part = |version: &Self| version.parts.get(place).copied().unwrap_or(Part::End);
            let order = match (part(self), part(other)) {
                (Part::Number(a), Part::Number(b)) => compare_digits(a, b),
                (a, b) => a.rank().cmp(&b.rank()),
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

/// `1.0@beta`.
fn without_flag(text: &str) -> &str {
    match text.rsplit_once('@') {
        Some((version, flag))
            if ["stable", "rc", "beta", "alpha", "dev"]
                .iter()
                .any(|word| flag.eq_ignore_ascii_case(word)) =>
        {
            version
        }
        _ => text,
    }
}

fn digits(text: &str) -> (&str, &str) {
    take_while(text, |byte| byte.is_ascii_digit())
}

/// Strips a word, whatever its case.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

fn classical(text: &str) -> Option<Vec<Part<'_>>> {
    let (first, mut rest) = digits(text);
    if first.is_empty() || first.len() > 5 {
        return None;
    }
    let mut parts = vec![Part::Number(first)];
    while parts.len() < 4 {
        let Some((number, after)) = rest.strip_prefix('.').map(digits) else { break };
        if number.is_empty() {
            break;
        }
        parts.push(Part::Number(number));
        rest = after;
    }
    parts.resize(4, Part::Number("0"));
    modifier(rest, &mut parts).then_some(parts)
}

/// `20200115`, `2020.01.15`, `2020-01-15-103000`: four digits, one to six pairs, up to three digits more.
fn dated(text: &str) -> Option<Vec<Part<'_>>> {
    let (year, mut rest) = text.split_at_checked(4)?;
    if digits(year).0.len() != 4 {
        return None;
    }
    let mut numbers = vec![Piece { is_joined: false, digits: year }];
    let mut pairs = 0;
    // As many pairs as there are, then what is left: backwards, since a match of fewer pairs may be the one that fits.
    let mut ends: Vec<(usize, &str)> = Vec::new();
    while pairs < 6 {
        let bare = rest.strip_prefix(['.', ':', '-']);
        let Some((pair, after)) = bare.unwrap_or(rest).split_at_checked(2) else { break };
        if digits(pair).0.len() != 2 {
            break;
        }
        numbers.push(Piece { is_joined: bare.is_none(), digits: pair });
        rest = after;
        pairs += 1;
        ends.push((numbers.len(), rest));
    }
    for (count, rest) in ends.into_iter().rev() {
        let mut known = numbers.get(..count)?.to_vec();
        let bare = rest.strip_prefix(['.', ':', '-']);
        let (run, _) = digits(bare.unwrap_or(rest));
        for length in (0..=run.len().min(3)).rev() {
            let after = if length == 0 { rest } else { bare.unwrap_or(rest).get(length..)? };
            let last = run.get(..length)?;
            let mut parts = Vec::new();
            if modifier(after, &mut parts) {
                if length > 0 {
                    known.push(Piece { is_joined: bare.is_none(), digits: last });
                }
                let mut dated = joined(text, &known)?;
                dated.append(&mut parts);
                return Some(dated);
            }
        }
    }
    None
}

#[derive(Clone, Copy)]
struct Piece<'a> {
    /// Nothing stands between it and the piece before.
    is_joined: bool,
    digits: &'a str,
}

/// Pieces without a separator between them are one number.
fn joined<'a>(text: &'a str, pieces: &[Piece<'a>]) -> Option<Vec<Part<'a>>> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    for (place, piece) in pieces.iter().enumerate() {
        if place > 0 && !piece.is_joined {
            parts.push(Part::Number(text.get(start..at)?));
            at += 1;
            start = at;
        }
        at += piece.digits.len();
    }
    parts.push(Part::Number(text.get(start..at)?));
    Some(parts)
}

/// `-beta.2`, `RC1`, `_p3-dev`; whether nothing is left behind it.
fn modifier<'a>(text: &'a str, parts: &mut Vec<Part<'a>>) -> bool {
    let before = parts.len();
    let bare = text.strip_prefix(['.', '_', '-']).unwrap_or(text);
    for (word, part) in STABILITIES {
        let Some(rest) = strip_word(bare, word) else { continue };
        let mut rest = rest;
        let mut numbers = Vec::new();
        loop {
            let after = rest.strip_prefix(['.', '-']).unwrap_or(rest);
            let (number, after) = digits(after);
            if number.is_empty() {
                break;
            }
            numbers.push(number);
            rest = after;
        }
        if let Some(is_dev) = development(rest) {
            if let Some(part) = part {
                parts.push(*part);
                parts.extend(numbers.into_iter().map(Part::Number));
                parts.extend(is_dev.then_some(Part::Dev));
            }
            return true;
        }
    }
    parts.truncate(before);
    match development(bare).or_else(|| development(text)) {
        Some(is_dev) => {
            parts.extend(is_dev.then_some(Part::Dev));
            true
        }
        None => false,
    }
}

/// Whether a text is nothing (`false`) or `-dev` (`true`); `None` for everything else.
fn development(text: &str) -> Option<bool> {
    if text.is_empty() {
        return Some(false);
    }
    let bare = text.strip_prefix(['.', '-']).unwrap_or(text);
    bare.eq_ignore_ascii_case("dev").then_some(true)
}

/// `1.2.x-dev`, and more than five digits: `20200115001-dev`.
fn branch(text: &str) -> Option<Vec<Part<'_>>> {
    let at = text.len().checked_sub(3)?;
    let (name, dev) = text.split_at_checked(at)?;
    if !dev.eq_ignore_ascii_case("dev") {
        return None;
    }
    let name = name.strip_suffix(['.', '-']).unwrap_or(name);
    let mut parts = Vec::new();
    for (place, part) in name.split('.').enumerate() {
        match part {
            "x" | "X" | "*" if place > 0 => parts.push(Part::Number(ANY)),
            _ if !part.is_empty() && digits(part).1.is_empty() => parts.push(Part::Number(part)),
            _ => return None,
        }
    }
    if parts.len() > 4 {
        return None;
    }
    parts.resize(4, Part::Number(ANY));
    parts.push(Part::Dev);
    Some(parts)
}
