//! Licences as SBOMs want them.
//!
//! In: what a package says of its licence, in whatever words. Out: an SPDX expression, or the words as they are. Source:
//! SPDX 2.3, annex D. Odd: only exact identifiers count (`GPL-2.0+` does, `GPLv2+` does not): a guess would stand in the
//! SBOM like a fact.

use spdx::{Expression, ParseMode};

/// A package's licence.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(in crate::format) enum Licence<'a> {
    /// An SPDX expression of listed licences.
    Expression(&'a str),
    /// Any other text.
    Text(&'a str),
}

/// Longest text that is tried as an expression.
const MAX_EXPRESSION: usize = 4_096;

const MODE: ParseMode =
    ParseMode { allow_deprecated: true, allow_postfix_plus_on_gpl: true, ..ParseMode::STRICT };

/// `None` for an empty text.
pub(in crate::format) fn read(text: &str) -> Option<Licence<'_>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let is_listed = text.len() <= MAX_EXPRESSION
        // What a reference means stands in another document.
        && !text.contains("Ref-")
        && Expression::parse_mode(text, MODE).is_ok();
    Some(if is_listed { Licence::Expression(text) } else { Licence::Text(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_identifiers_make_an_expression() {
        for (text, is_expression) in [
            ("MIT", true),
            ("GPL-2.0-or-later AND (MIT OR Apache-2.0)", true),
            ("GPL-2.0+", true),
            ("GPL-2.0-only WITH Classpath-exception-2.0", true),
            ("GPLv2+", false),
            ("MIT License", false),
            ("Apache 2.0", false),
            ("MIT AND", false),
            ("LicenseRef-custom", false),
            ("MIT\u{1b}", false),
        ] {
            let wanted =
                if is_expression { Licence::Expression(text) } else { Licence::Text(text) };
            assert_eq!(read(text), Some(wanted), "{text}");
        }
        assert_eq!(read(" \n"), None);
    }

    #[test]
    fn deep_or_long_texts_end() {
        for text in ["(".repeat(4_000), "MIT AND ".repeat(500), "x".repeat(1 << 20)] {
            assert!(matches!(read(&text), Some(Licence::Text(_))));
        }
    }
}
