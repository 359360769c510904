//! Values that are given to names: `FASTLY_API_TOKEN=…`, `"token": "…"`, `token => '…'`, `<token>…</token>`.
//!
//! In: a text, and where a word stands in it. Out: the name that the word is a part of, and the value that follows, if one
//! does. Odd: by hand and not by a pattern: it is asked of every `key` and `token` of a system's files, and most of them are
//! over after a few bytes. No more than [`MAX_NAME`] bytes are looked at on each side of a value.

use super::{
    rule::{Alphabet, Shape},
    value,
};

/// Longest part of a name on either side of the word, and longest way from there to the value.
const MAX_NAME: usize = 48;

/// A name and its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Assigned<'t> {
    pub(super) name: &'t [u8],
    pub(super) value: &'t [u8],
    /// Where the value begins in the text.
    pub(super) at: usize,
    /// It stands between quotes, or to the end of its line.
    pub(super) is_closed: bool,
    /// It stands between quotes.
    pub(super) is_quoted: bool,
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The value of the name that holds `start..end`, if it is of that shape.
pub(super) fn find(text: &[u8], start: usize, end: usize, shape: Shape) -> Option<Assigned<'_>> {
    let before =
        text.get(..start)?.iter().rev().take(MAX_NAME).take_while(|byte| is_name(**byte)).count();
    let mut at = end;
    at += count(text, at, MAX_NAME, is_name);
    let name = text.get(start - before..at)?;
    // What closes the name: a quote, a bracket, an escaped quote.
    at += count(text, at, 4, |byte| matches!(byte, b'"' | b'\'' | b'`' | b']' | b')' | b'\\'));
    let is_quoted = at > 0 && matches!(text.get(at - 1), Some(b'"' | b'\''));
    at += count(text, at, 4, |byte| matches!(byte, b' ' | b'\t'));
    at += operator(text.get(at..)?, is_quoted)?;
    at += count(text, at, 8, |byte| matches!(byte, b' ' | b'\t'));
    // Strings of Python and C have letters before their quotes.
    if let [b'b' | b'r' | b'u' | b'f' | b'L', b'"' | b'\'', ..] = text.get(at..)? {
        at += 1;
    }
    let quotes = count(text, at, 4, |byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\'));
    at += quotes;
    let rest = text.get(at..)?;
    let after = rest.strip_prefix(shape.prefix.as_bytes())?;
    let most = shape.max.saturating_add(1);
    let length =
        after.iter().take(most).take_while(|byte| value::holds(shape.alphabet, **byte)).count();
    if length < shape.min || length > shape.max {
        return None;
    }
    let value = rest.get(..shape.prefix.len() + length)?;
    let next = rest.get(value.len()).copied();
    let is_end = match next {
        None => true,
        Some(byte) => byte.is_ascii_whitespace() || b"\"'`;,<)]}\\&|#".contains(&byte),
    };
    let is_uuid = shape.alphabet != Alphabet::Uuid || value::is_uuid(value);
    let is_closed = match next {
        Some(b'"' | b'\'' | b'`') => quotes > 0,
        Some(b'\r' | b'\n') | None => quotes == 0,
        Some(b'<') => true,
        _ => false,
    };
    (is_end && is_uuid).then_some(Assigned { name, value, at, is_closed, is_quoted: quotes > 0 })
}

/// Length of what gives a value to a name.
fn operator(text: &[u8], is_quoted: bool) -> Option<usize> {
    match text {
        [b'=', b'=', ..] => None,
        [b':' | b'?' | b'+', b'=', ..] | [b'=', b'>', ..] | [b':', b':', ..] => Some(2),
        [b'=' | b':' | b'>', ..] => Some(1),
        // `set("token", "…")`
        [b',', ..] if is_quoted => Some(1),
        _ => None,
    }
}

fn count(text: &[u8], from: usize, most: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.iter().take(most).take_while(|byte| wanted(**byte)).count()
}

/// Whether a name says that its value is secret.
pub(super) fn is_secret_name(name: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "key", "token", "secret", "pass", "auth", "cred", "api", "pwd", "login", "licen", "sk",
        "ak",
    ];
    let lower = name.to_ascii_lowercase();
    WORDS.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
}

/// Whether a name ends as names of secrets do, and not as names of something about them.
pub(super) fn ends_like_secret(name: &[u8]) -> bool {
    const ENDS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "secretkey",
        "authkey",
        "privatekey",
        "encryptionkey",
        "signingkey",
        "credential",
        "credentials",
    ];
    const ELSE: &[&str] = &[
        "csrf",
        "xsrf",
        "public",
        "nexttoken",
        "pagetoken",
        "continuation",
        "cancellation",
        "tokenizer",
        "primarykey",
        "foreignkey",
        "keyid",
        "integrity",
        "checksum",
        "hash",
        "sha",
        "md5",
        "etag",
        "pagination",
        "unk_token",
        "padtoken",
        "eostoken",
        "bostoken",
        "masktoken",
        "unktoken",
        "septoken",
        "clstoken",
    ];
    let plain: Vec<u8> = name
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase)
        .collect();
    let has = |word: &&str| memchr::memmem::find(&plain, word.as_bytes()).is_some();
    ENDS.iter().any(|end| plain.ends_with(end.as_bytes())) && !ELSE.iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensitive::rule::of;

    fn value_of(text: &str) -> Option<String> {
        let at = text.find("token")?;
        let found = find(text.as_bytes(), at, at + 5, of(Alphabet::Alnum, 4, 8))?;
        Some(String::from_utf8(found.value.to_vec()).unwrap())
    }

    #[test]
    fn values_are_found_however_they_are_written() {
        for text in [
            "token=abcd1",
            "X_token_y = abcd1\n",
            "\"token\": \"abcd1\",",
            "{'token': 'abcd1'}",
            "token := `abcd1`",
            "config['token'] = 'abcd1';",
            "'token' => \"abcd1\"",
            "<token>abcd1</token>",
            "set(\"token\", \"abcd1\")",
            "\\\"token\\\":\\\"abcd1\\\"",
            "token: b'abcd1'",
            "x?token=abcd1&y",
        ] {
            assert_eq!(value_of(text).as_deref(), Some("abcd1"), "{text}");
        }
    }

    #[test]
    fn other_uses_of_a_name_give_no_value() {
        for text in [
            "token == abcd1",
            "token abcd1",
            "token(abcd1)",
            "token=abc",
            "token=abcdefghi",
            "token=abcd1.x",
            "token=",
            "token",
            "token\n=abcd1",
            "token, abcd1",
        ] {
            assert_eq!(value_of(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_looked_at_within_its_bounds(text: Vec<u8>, start in 0_usize..64, length in 0_usize..16) {
            let (start, end) = (start.min(text.len()), (start + length).min(text.len()));
            if let Some(found) = find(&text, start, end, of(Alphabet::Literal, 1, 40)) {
                proptest::prop_assert_eq!(&text[found.at..found.at + found.value.len()], found.value);
            }
        }
    }
}
