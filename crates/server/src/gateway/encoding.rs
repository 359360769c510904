//! Percent-encoding, in both directions.
//!
//! In: the raw query or form body. Out: decoded pairs in the order sent; and, the other way, the one spelling that
//! signatures are computed over. Source: the WHATWG URL standard's form rules for decoding (`+` is a space), RFC 3986
//! for encoding (unreserved characters stay, upper-case hex).
//!
//! Odd: clients disagree about what to escape (Python sends `%2A`, Node leaves `*` bare, Go sends `+`), so a signature is
//! never computed over the raw text: it is decoded and encoded anew. A `%` without two hex digits, and bytes that are not
//! UTF-8, are refused, for two readers could take them differently.

/// Why a query or form is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodingError {
    /// A `%` that two hex digits do not follow.
    #[error("`{0}` has a `%` without two hex digits behind it")]
    Escape(String),
    /// Bytes that are not UTF-8 once decoded.
    #[error("`{0}` is not UTF-8")]
    Utf8(String),
}

/// Pairs of a query or form, in the order sent. A piece without `=` is a name with an empty value; an empty piece
/// (`a=1&&b=2`) is nothing.
///
/// # Errors
/// [`EncodingError`] quotes the start of the piece.
pub(crate) fn decode_pairs(text: &[u8]) -> Result<Vec<(String, String)>, EncodingError> {
    text.split(|byte| *byte == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let mut halves = piece.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            Ok((name, value))
        })
        .collect()
}

fn decode(text: &[u8]) -> Result<String, EncodingError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (rest.next().and_then(nibble), rest.next().and_then(nibble)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(EncodingError::Escape(quoted(text))),
            },
            other => *other,
        });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => Err(EncodingError::Utf8(quoted(text))),
    }
}

fn quoted(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(64).collect()
}

fn nibble(digit: &u8) -> Option<u8> {
    char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// `text` with everything but unreserved characters escaped.
pub(crate) fn encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| HEX.get(usize::from(value)).copied().map_or('0', char::from);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(digit(byte >> 4));
            encoded.push(digit(byte & 15));
        }
    }
    encoded
}

/// Lower-case hex digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes that lower-case hex digits stand for. Upper case is refused: a signature has one spelling.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_client_s_spelling_decodes_to_the_same_text() {
        for spelling in ["edge+app~%2A%281%29", "edge%20app~*(1)", "edge%20app%7e%2a%281%29"] {
            let pairs = decode_pairs(format!("AppName={spelling}").as_bytes()).unwrap();
            assert_eq!(pairs, [("AppName".to_owned(), "edge app~*(1)".to_owned())]);
        }
        assert_eq!(encode("edge app~*(1)"), "edge%20app~%2A%281%29");
        assert_eq!(encode("镜"), "%E9%95%9C");
    }

    #[test]
    fn odd_pieces() {
        let pairs = |text: &str| decode_pairs(text.as_bytes());
        assert_eq!(pairs("").unwrap(), []);
        assert_eq!(
            pairs("a&b=&&=c=d").unwrap(),
            [("a", ""), ("b", ""), ("", "c=d")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        assert_eq!(pairs("a=%4"), Err(EncodingError::Escape("%4".into())));
        assert_eq!(pairs("a=%zz"), Err(EncodingError::Escape("%zz".into())));
        assert_eq!(pairs("a=%ff"), Err(EncodingError::Utf8("%ff".into())));
    }

    #[test]
    fn hex_has_one_spelling() {
        assert_eq!(from_hex("00ff"), Some(vec![0, 255]));
        for refused in ["0", "00FF", "zz", "é"] {
            assert_eq!(from_hex(refused), None, "{refused}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(name in "\\PC{0,12}", value in "(?s).{0,40}") {
            let text = format!("{}={}", encode(&name), encode(&value));
            prop_assert_eq!(decode_pairs(text.as_bytes()), Ok(vec![(name, value)]));
        }

        #[test]
        fn hex_round_trips(bytes: Vec<u8>) {
            prop_assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _pairs = decode_pairs(&bytes);
        }
    }
}
