//! JSON of lock files and package descriptions.
//!
//! In: bytes. Out: a value of the wanted shape, or an error that says where. Odd: a byte order mark is let pass; nesting ends
//! at 128 levels (`serde_json`'s own bound).

use serde::de::DeserializeOwned;

use crate::parser::ParseError;

/// Reads a document.
///
/// # Errors
/// [`ParseError::Syntax`] with the line.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ParseError> {
    serde_json::from_slice(without_mark(bytes)).map_err(|error| ParseError::Syntax {
        at: format!("line {}", error.line()),
        problem: format!("is not JSON ({:?} error)", error.classify()),
    })
}

/// The bytes without a byte order mark.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The bytes with `//` and `/* */` comments, and commas before closing brackets, blanked out. What stands in strings stays.
pub(crate) fn without_comments(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes.to_vec();
    let mut at = 0;
    // Where a comma stands behind which nothing but blanks and comments came.
    let mut comma = None;
    while let Some(&byte) = bytes.get(at) {
        let length = match (byte, bytes.get(at + 1)) {
            (b'"', _) => {
                comma = None;
                string_length(bytes, at)
            }
            (b'/', Some(b'/')) => {
                let rest = bytes.get(at..).unwrap_or_default();
                let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
                blank(&mut plain, at, length);
                length
            }
            (b'/', Some(b'*')) => {
                let rest = bytes.get(at + 2..).unwrap_or_default();
                let end = rest.windows(2).position(|pair| pair == b"*/");
                let length = end.map_or(rest.len(), |end| end + 2) + 2;
                blank(&mut plain, at, length);
                length
            }
            (b',', _) => {
                comma = Some(at);
                1
            }
            (b']' | b'}', _) => {
                if let Some(at) = comma.take() {
                    blank(&mut plain, at, 1);
                }
                1
            }
            (byte, _) => {
                if !byte.is_ascii_whitespace() {
                    comma = None;
                }
                1
            }
        };
        at += length.max(1);
    }
    plain
}

/// How long the string is that begins with the quote at `at`.
fn string_length(bytes: &[u8], at: usize) -> usize {
    let mut length = 1;
    while let Some(&byte) = bytes.get(at + length) {
        length += match byte {
            b'"' => return length + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    length
}

fn blank(bytes: &mut [u8], at: usize, length: usize) {
    for byte in bytes.iter_mut().skip(at).take(length).filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_last_commas_go() {
        for (text, plain) in [
            (r#"{"a": [1, 2,], // x"#, r#"{"a": [1, 2 ],     "#),
            (r#"{"a": "// \" ,]", /* } */ }"#, r#"{"a": "// \" ,]"          }"#),
            ("[1,\n// ]\n]", "[1 \n    \n]"),
            ("/*", "  "),
            ("\"\\", "\"\\"),
        ] {
            assert_eq!(String::from_utf8(without_comments(text.as_bytes())).unwrap(), plain);
        }
    }
}
