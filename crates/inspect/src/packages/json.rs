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
