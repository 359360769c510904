//! What may be shown of a secret: how it begins and ends, and a fingerprint.
//!
//! In: a secret. Out: a mask, and a keyed hash by which it is recognised in another file or image. Source:
//! `docs/decisions/0018-fingerprints-of-secrets-are-keyed.md`. Odd: this module and the engine are the only ones that see a
//! secret; what leaves them can neither be turned back nor, without the key, be held against a list of guesses.

use std::fmt;

use ring::hmac;
use serde::{Deserialize, Serialize};

/// Bytes of a fingerprint.
const LENGTH: usize = 16;

/// The key of an installation, under which it knows secrets again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FingerprintKey([u8; 32]);

impl FingerprintKey {
    /// Of 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key itself, to be kept.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A short name of the key, which tells nothing of it: what was learnt under another key is not mixed with this one's.
    #[must_use]
    pub fn name(&self) -> String {
        hex(self.tag(b"name of the key").get(..8).unwrap_or_default())
    }

    /// The fingerprint of a secret.
    #[must_use]
    pub fn fingerprint(&self, secret: &[u8]) -> String {
        hex(&self.tag(&[b"secret\0", secret].concat()))
    }

    fn tag(&self, message: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        hmac::sign(&key, message).as_ref().iter().take(LENGTH).copied().collect()
    }
}

/// Says nothing of the key.
impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `AKIA…Q`: the first 4 and last 2 characters at most, and never more than a quarter of the secret.
#[must_use]
pub(super) fn masked(secret: &[u8]) -> String {
    let text = String::from_utf8_lossy(secret);
    let shown = text.chars().count() / 4;
    let (head, tail) = (shown.min(4), shown.saturating_sub(4).min(2));
    let graphic = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    let start: String = text.chars().take(head).map(graphic).collect();
    let mut end: Vec<char> = text.chars().rev().take(tail).map(graphic).collect();
    end.reverse();
    format!("{start}…{}", end.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_shows_a_quarter_at_most() {
        for (secret, wanted) in [
            ("", "…"),
            ("abc", "…"),
            ("abcdefgh", "ab…"),
            ("abcdefghijklmnopqrst", "abcd…t"),
            ("abcdefghijklmnopqrstuvwxyz", "abcd…yz"),
        ] {
            assert_eq!(masked(secret.as_bytes()), wanted);
        }
    }

    #[test]
    fn one_key_knows_a_secret_again_and_another_does_not() {
        let (one, two) = (FingerprintKey::new([1; 32]), FingerprintKey::new([2; 32]));
        assert_eq!(one.fingerprint(b"a"), one.fingerprint(b"a"));
        assert_ne!(one.fingerprint(b"a"), one.fingerprint(b"b"));
        assert_ne!(one.fingerprint(b"a"), two.fingerprint(b"a"));
        assert_eq!(format!("{one:?}"), "FingerprintKey");
    }

    proptest::proptest! {
        #[test]
        fn a_mask_never_holds_more_than_a_quarter(secret in "[ -~]{0,80}") {
            let shown = masked(secret.as_bytes()).chars().count() - 1;
            proptest::prop_assert!(shown <= 6 && shown * 4 <= secret.chars().count());
        }
    }
}
