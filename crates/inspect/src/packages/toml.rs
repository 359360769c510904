//! TOML of lock files.
//!
//! In: a file. Out: a value of the wanted shape, or an error that says where. Odd: the library bounds nesting by itself.

use serde::de::DeserializeOwned;

use crate::{
    facts::clip,
    parser::{ClaimedFile, ParseError},
};

/// Reads a document.
///
/// # Errors
/// [`ParseError::Syntax`] with the line.
pub(crate) fn parse<T: DeserializeOwned>(file: &ClaimedFile<'_>) -> Result<T, ParseError> {
    let text = file.text()?;
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        ParseError::Syntax {
            at: format!("line {}", before.matches('\n').count() + 1),
            problem: clip(error.message()),
        }
    })
}
