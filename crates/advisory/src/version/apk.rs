//! apk-tools' order: `number{.number}[letter]{_suffix[number]}[~hash][-rnumber]`.
//!
//! Source: apk-tools `version.c` and its table of tests; `apk-package(5)`. Odd: a part after the first that begins with
//! `0` is compared as text (`1.03 < 1.1`, as in Gentoo's rules); `_alpha`, `_beta`, `_pre` and `_rc` sort before the end,
//! `_cvs`, `_svn`, `_git`, `_hg` and `_p` after it; apk-tools 2 allows a number behind the letter (`8u372_p7-r0`).

use std::cmp::Ordering;

use super::{compare_digits, take_while};

const PRE_SUFFIXES: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const POST_SUFFIXES: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

/// One part of a version. The order of kinds is apk's: where two versions differ in kind, the earlier kind is newer.
enum Part<'a> {
    First(&'a str),
    Digits(&'a str),
    Letter(u8),
    /// Rank, negative for the suffixes that sort before the end.
    Suffix(i8),
    SuffixNumber(&'a str),
    Hash(&'a str),
    Revision(&'a str),
}

impl Part<'_> {
    const fn kind(&self) -> u8 {
        match self {
            Self::First(_) => 0,
            Self::Digits(_) => 1,
            Self::Letter(_) => 2,
            Self::Suffix(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::Hash(_) => 5,
            Self::Revision(_) => 6,
        }
    }
}

const END_KIND: u8 = 7;

pub(super) struct Version<'a>(Vec<Part<'a>>);

impl<'a> Version<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let digit = |byte: u8| byte.is_ascii_digit();
        let (first, mut rest) = take_while(text, digit);
        if first.is_empty() {
            return Err("it does not start with a digit");
        }
        let mut parts = vec![Part::First(first)];
        while let Some(next) = rest.bytes().next() {
            let kind = parts.last().map_or(0, Part::kind);
            let after = rest.strip_prefix(char::from(next)).unwrap_or_default();
            let part;
            (part, rest) = match next {
                b'.' if kind <= 1 => {
                    let (digits, rest) = take_while(after, digit);
                    (Part::Digits(digits), rest)
                }
                b'a'..=b'z' if kind <= 1 => (Part::Letter(next), after),
                b'0'..=b'9' if kind == 2 => {
                    let (digits, rest) = take_while(rest, digit);
                    (Part::Digits(digits), rest)
                }
                b'_' if kind <= 4 => suffix(after)?,
                b'0'..=b'9' if kind == 3 => {
                    let (digits, rest) = take_while(rest, digit);
                    (Part::SuffixNumber(digits), rest)
                }
                b'~' if kind <= 4 => {
                    let (hash, rest) = take_while(after, |byte| byte.is_ascii_hexdigit());
                    (Part::Hash(hash), rest)
                }
                b'-' if kind <= 5 => {
                    let (digits, rest) = take_while(
                        after.strip_prefix('r').ok_or("a `-` is not followed by `r`")?,
                        digit,
                    );
                    (Part::Revision(digits), rest)
                }
                _ => return Err("its parts do not follow apk's grammar"),
            };
            if let Part::Digits("") | Part::Hash("") | Part::Revision("") = part {
                return Err("a part of it is empty");
            }
            parts.push(part);
        }
        Ok(Self(parts))
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (self.0.iter(), other.0.iter());
        loop {
            let (a, b) = (a.next(), b.next());
            let order = match (a, b) {
                (None, None) => return Ordering::Equal,
                (Some(a), Some(b)) if a.kind() == b.kind() => compare_part(a, b),
                (Some(Part::Suffix(rank)), _) if *rank < 0 => Ordering::Less,
                (_, Some(Part::Suffix(rank))) if *rank < 0 => Ordering::Greater,
                (a, b) => b.map_or(END_KIND, Part::kind).cmp(&a.map_or(END_KIND, Part::kind)),
            };
            if order.is_ne() {
                return order;
            }
        }
    }
}

fn suffix(text: &str) -> Result<(Part<'_>, &str), &'static str> {
    let (word, rest) = take_while(text, |byte| byte.is_ascii_lowercase());
    let position = |words: &[&str]| words.iter().position(|known| *known == word);
    let rank = match (position(&PRE_SUFFIXES), position(&POST_SUFFIXES)) {
        (Some(place), _) => i8::try_from(place).unwrap_or_default() - 4,
        (None, Some(place)) => i8::try_from(place).unwrap_or_default(),
        (None, None) => return Err("it has a suffix that apk does not know"),
    };
    Ok((Part::Suffix(rank), rest))
}

fn compare_part(a: &Part<'_>, b: &Part<'_>) -> Ordering {
    match (a, b) {
        (Part::Digits(a), Part::Digits(b)) if a.starts_with('0') || b.starts_with('0') => a.cmp(b),
        (Part::First(a), Part::First(b))
        | (Part::Digits(a), Part::Digits(b))
        | (Part::SuffixNumber(a), Part::SuffixNumber(b))
        | (Part::Revision(a), Part::Revision(b)) => compare_digits(a, b),
        (Part::Letter(a), Part::Letter(b)) => a.cmp(b),
        (Part::Suffix(a), Part::Suffix(b)) => a.cmp(b),
        (Part::Hash(a), Part::Hash(b)) => a.cmp(b),
        (a, b) => b.kind().cmp(&a.kind()),
    }
}
