//! Python's order, PEP 440.
//!
//! Source: PEP 440, "Version scheme" and "Normalization"; the oracle of the tests is `packaging`. Odd: trailing zeros of
//! the release do not count; a bare `.dev` sorts before pre-releases; a local version (`+ubuntu1`) after its public one;
//! legacy versions of before 2014 (`0.1-bulbasaur`) are no versions here.

use super::take_while;

/// Digits without leading zeros, compared as a number: length first, then text.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
struct Number(usize, String);

impl Number {
    fn new(digits: &str) -> Self {
        let digits = digits.trim_start_matches('0');
        Self(digits.len(), digits.to_owned())
    }
}

/// Where a version stands among those of the same release.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// `1.0.dev1`
    DevelopmentOnly,
    /// `1.0a1`, `1.0b1`, `1.0rc1`
    Pre(u8, Number),
    /// The release and its post-releases.
    Release,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum LocalPart {
    Text(String),
    Number(Number),
}

/// Fields stand in order of comparison.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    epoch: Number,
    release: Vec<Number>,
    phase: Phase,
    post: Option<Number>,
    /// No `.dev` sorts after any.
    development: (bool, Number),
    /// No local part sorts before any.
    local: Option<Vec<LocalPart>>,
}

impl Version {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.to_ascii_lowercase();
        let text = text.strip_prefix('v').unwrap_or(&text);
        let (public, local) = match text.split_once('+') {
            Some((public, local)) => (public, Some(parse_local(local)?)),
            None => (text, None),
        };
        let (epoch, mut rest) = public.split_once('!').unwrap_or(("0", public));
        if epoch.is_empty() || !epoch.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("its epoch is not a number");
        }
        let mut release = Vec::new();
        loop {
            let (digits, after) = digits(rest);
            if digits.is_empty() {
                return Err("its release has a part that is not a number");
            }
            release.push(Number::new(digits));
            rest = after;
            // A dot goes on with the release only before a digit: `1.0.post1`.
            match rest.strip_prefix('.').filter(|next| !digits_are_missing(next)) {
                Some(next) => rest = next,
                None => break,
            }
        }
        while release.len() > 1 && release.last().is_some_and(|number| number.0 == 0) {
            release.pop();
        }
        let (pre, rest) = parse_pre(rest);
        let (post, rest) = parse_post(rest);
        let (development, rest) = parse_development(rest);
        if !rest.is_empty() {
            return Err("something stands behind it that is no pre-, post- or development part");
        }
        let phase = match (pre, &post, &development) {
            (Some((letter, number)), ..) => Phase::Pre(letter, number),
            (None, None, Some(_)) => Phase::DevelopmentOnly,
            (None, ..) => Phase::Release,
        };
        let development = (development.is_none(), development.unwrap_or_else(|| Number::new("")));
        Ok(Self { epoch: Number::new(epoch), release, phase, post, development, local })
    }
}

fn digits(text: &str) -> (&str, &str) {
    take_while(text, |byte| byte.is_ascii_digit())
}

fn digits_are_missing(text: &str) -> bool {
    digits(text).0.is_empty()
}

/// Strips one separator and one of the words, then reads `[-_.]?[0-9]*`: both may be missing.
fn word_and_number<'a, T: Copy>(
    text: &'a str,
    words: &[(&str, T)],
) -> Option<(T, Number, &'a str)> {
    let bare = text.strip_prefix(['-', '_', '.']).unwrap_or(text);
    for (word, meaning) in words {
        if let Some(after) = bare.strip_prefix(word) {
            let numbered = after.strip_prefix(['-', '_', '.']).unwrap_or(after);
            let (number, rest) = digits(numbered);
            return Some((*meaning, Number::new(number), rest));
        }
    }
    None
}

fn parse_pre(text: &str) -> (Option<(u8, Number)>, &str) {
    const WORDS: &[(&str, u8)] = &[
        ("alpha", 0),
        ("a", 0),
        ("beta", 1),
        ("b", 1),
        ("preview", 2),
        ("pre", 2),
        ("rc", 2),
        ("c", 2),
    ];
    match word_and_number(text, WORDS) {
        Some((letter, number, rest)) => (Some((letter, number)), rest),
        None => (None, text),
    }
}

fn parse_post(text: &str) -> (Option<Number>, &str) {
    if let Some(after) = text.strip_prefix('-') {
        let (number, rest) = digits(after);
        if !number.is_empty() {
            return (Some(Number::new(number)), rest);
        }
    }
    match word_and_number(text, &[("post", ()), ("rev", ()), ("r", ())]) {
        Some(((), number, rest)) => (Some(number), rest),
        None => (None, text),
    }
}

fn parse_development(text: &str) -> (Option<Number>, &str) {
    match word_and_number(text, &[("dev", ())]) {
        Some(((), number, rest)) => (Some(number), rest),
        None => (None, text),
    }
}

fn parse_local(text: &str) -> Result<Vec<LocalPart>, &'static str> {
    let mut parts = Vec::new();
    for part in text.split(['-', '_', '.']) {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err("its local part has an empty part or a character that is not allowed");
        }
        parts.push(if part.bytes().all(|byte| byte.is_ascii_digit()) {
            LocalPart::Number(Number::new(part))
        } else {
            LocalPart::Text(part.to_owned())
        });
    }
    Ok(parts)
}
