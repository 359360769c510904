//! Content addresses.
//!
//! In: text of the form `sha256:<64 hex digits>`. Out: [`Digest`], or an error that says what is wrong with the text.
//! Source: OCI image-spec, "Digests". Odd: the wire contract shows digests bare, without the algorithm, so a digest
//! prints in two ways: [`Display`](fmt::Display) and [`Digest::hex`].

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Content address of a blob: `sha256:` and 64 lower-case hex digits.
///
/// `sha512` is registered too (OCI image-spec, "Registered algorithms") and is refused until an image needs it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// Why a text is not a [`Digest`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The algorithm is missing or is not one that we compute.
    #[error("digest `{0}` does not start with `sha256:`")]
    Algorithm(String),
    /// Too few or too many hex digits.
    #[error("digest `{text}` has {digits} hex digits, expected 64")]
    Length {
        /// The text as given.
        text: String,
        /// How many characters follow the algorithm.
        digits: usize,
    },
    /// A character that is not a lower-case hex digit.
    #[error("digest `{0}` has a character that is not a lower-case hex digit")]
    Character(String),
}

impl Digest {
    /// A digest from the 32 bytes that a SHA-256 computation returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hex digits without the algorithm, as the wire contract shows digests.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        text
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let Some(hex) = text.strip_prefix("sha256:") else {
            return Err(DigestError::Algorithm(text.to_owned()));
        };
        if hex.len() != 64 {
            return Err(DigestError::Length { text: text.to_owned(), digits: hex.chars().count() });
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else { return Err(DigestError::Character(text.to_owned())) };
            match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => *byte = high << 4 | low,
                _ => return Err(DigestError::Character(text.to_owned())),
            }
        }
        Ok(Self(bytes))
    }
}

fn nibble(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_prints_as_it_was_read() {
        let text = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let digest: Digest = text.parse().unwrap();
        assert_eq!(digest.to_string(), text);
        assert_eq!(format!("sha256:{}", digest.hex()), text);
        assert_eq!(
            serde_json::from_str::<Digest>(&serde_json::to_string(&digest).unwrap()).unwrap(),
            digest
        );
    }

    #[test]
    fn each_error_names_the_text() {
        assert_eq!("md5:00".parse::<Digest>(), Err(DigestError::Algorithm("md5:00".into())));
        assert_eq!(
            "sha256:12".parse::<Digest>(),
            Err(DigestError::Length { text: "sha256:12".into(), digits: 2 })
        );
        let upper = format!("sha256:{}", "A".repeat(64));
        assert_eq!(upper.parse::<Digest>(), Err(DigestError::Character(upper.clone())));
        let wide = format!("sha256:{}", "é".repeat(32));
        assert_eq!(wide.parse::<Digest>(), Err(DigestError::Character(wide.clone())));
    }
}
