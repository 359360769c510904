//! Terms of Erlang and Elixir, as they stand in files.
//!
//! In: `{application, cowboy, [{vsn, "2.9.0"}]}.`, `[{<<"cowboy">>, …}].`, `%{"cowboy": {:hex, :cowboy, …}}`. Out: texts,
//! words and lists; whether brackets are of tuples, lists, maps or binaries does not matter to those who ask. Source:
//! Erlang Reference Manual, "Data Types"; Elixir, "Syntax reference". Odd: Erlang comments with `%`, which in Elixir begins
//! a map, and Elixir with `#`; escapes in texts stay as they are written.

use crate::parser::ParseError;

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 64;

/// A value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Term<'a> {
    /// What stands in double quotes.
    Text(&'a str),
    /// An atom or a number.
    Word(&'a str),
    /// What stands in brackets.
    List(Vec<Self>),
}

impl<'a> Term<'a> {
    /// What a list holds; of anything else nothing.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// A text or a word; of a binary (`<<"a">>`) its text.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) | Self::Word(text) => Some(text),
            Self::List(items) => match items.as_slice() {
                [Self::Text(text)] => Some(text),
                _ => None,
            },
        }
    }
}

/// All terms of a file.
///
/// # Errors
/// [`ParseError::Syntax`] with the byte, when brackets do not match or a text does not end.
pub(super) fn read(text: &str) -> Result<Vec<Term<'_>>, ParseError> {
    let mut open: Vec<(u8, Vec<Term<'_>>)> = Vec::new();
    let mut items = Vec::new();
    let mut at = 0;
    let bytes = text.as_bytes();
    let error = |at: usize, problem: &str| ParseError::Syntax {
        at: format!("byte {at}"),
        problem: problem.to_owned(),
    };
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b'%' if next != Some(b'{') => at = line_end(bytes, at),
            b'#' if next != Some(b'{') => at = line_end(bytes, at),
            b'"' | b'\'' => {
                let end = closing_quote(bytes, at, byte)
                    .ok_or_else(|| error(at, "begins a text that does not end"))?;
                let inner = text.get(at + 1..end).unwrap_or_default();
                items.push(if byte == b'"' { Term::Text(inner) } else { Term::Word(inner) });
                at = end + 1;
            }
            b'{' | b'[' | b'(' | b'<' => {
                let is_binary = byte == b'<' && next == Some(b'<');
                if byte != b'<' || is_binary {
                    if open.len() >= MAX_DEPTH {
                        return Err(error(at, "is nested too deep"));
                    }
                    open.push((byte, std::mem::take(&mut items)));
                }
                at += if is_binary { 2 } else { 1 };
            }
            b'}' | b']' | b')' | b'>' => {
                let is_binary = byte == b'>' && next == Some(b'>');
                let closes = match byte {
                    b'}' => b'{',
                    b']' => b'[',
                    b')' => b'(',
                    _ => b'<',
                };
                if byte != b'>' || is_binary {
                    let Some((opening, outer)) = open.pop() else {
                        return Err(error(at, "closes what was not opened"));
                    };
                    if opening != closes {
                        return Err(error(at, "closes something else than was opened"));
                    }
                    let list = std::mem::replace(&mut items, outer);
                    items.push(Term::List(list));
                }
                at += if is_binary { 2 } else { 1 };
            }
            _ if is_word(byte) => {
                let start = at;
                while bytes.get(at).copied().is_some_and(is_word) {
                    at += 1;
                }
                // The full stop behind a term is no part of it.
                let word = text.get(start..at).unwrap_or_default().trim_end_matches('.');
                if !word.is_empty() {
                    items.push(Term::Word(word));
                }
            }
            _ => at += 1,
        }
    }
    if open.is_empty() { Ok(items) } else { Err(error(at, "the end is missing")) }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_@.-+?!".contains(&byte) || !byte.is_ascii()
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
}

fn closing_quote(bytes: &[u8], at: usize, quote: u8) -> Option<usize> {
    let mut end = at + 1;
    loop {
        match bytes.get(end)? {
            b'\\' => end += 2,
            byte if *byte == quote => return Some(end),
            _ => end += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_both_languages_are_lists_of_texts_and_words() {
        let erlang = "%% a comment with \" in it\n{application, 'my-app', [{vsn, \"1.0\"}, {mod, {a, []}}]}.";
        let terms = read(erlang).unwrap();
        let [Term::Word("application"), name, fields] = terms[0].items() else { panic!() };
        assert_eq!(name.text(), Some("my-app"));
        assert_eq!(fields.items()[0].items(), [Term::Word("vsn"), Term::Text("1.0")]);
        let elixir = "%{\n  \"cowboy\": {:hex, :cowboy, \"2.9.0\", [hex: :cowlib]}, # why\n}";
        let terms = read(elixir).unwrap();
        let [Term::Text("cowboy"), entry] = terms[0].items() else { panic!() };
        assert_eq!(entry.items()[1].text(), Some("cowboy"));
        assert_eq!(read("<<\"a\\\"b\">>.").unwrap()[0].text(), Some("a\\\"b"));
    }

    #[test]
    fn what_does_not_end_or_goes_too_deep_is_refused() {
        for text in ["{a", "a}", "[a}", "\"a", "{'a", &"[".repeat(100_000)] {
            assert!(read(text).is_err());
        }
    }
}
