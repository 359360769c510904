//! Keys of bundles.
//!
//! In: PEM files. Out: [`SigningKey`] and [`PublicKey`]. Source: RFC 8032 (Ed25519), RFC 8410 (its PKCS #8 and
//! `SubjectPublicKeyInfo`), RFC 7468 (PEM). Odd: the files are those of `openssl genpkey -algorithm ed25519` and
//! `openssl pkey -pubout`, so keys can be made and signatures checked without this program.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    rand::{SecureRandom as _, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};

/// What stands before the seed in a PKCS #8 file of version 1: RFC 8410 §7 without attributes.
const PRIVATE_HEAD: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
/// What stands before the key in a `SubjectPublicKeyInfo`: RFC 8410 §4.
const PUBLIC_HEAD: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The machine gave no random bytes.
    #[error("the machine gives no random numbers")]
    Random,
    /// The text is no key of this kind.
    #[error("it holds no {0} key of Ed25519 in PEM")]
    NotAKey(&'static str),
}

/// A key that signs.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a new key, as the text of its file.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<String, KeyError> {
        let mut der = PRIVATE_HEAD.to_vec();
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_unspecified| KeyError::Random)?;
        der.extend_from_slice(&seed);
        Ok(pem("PRIVATE KEY", &der))
    }

    /// Reads a key's file.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let wrong = KeyError::NotAKey("private");
        let der = unpem("PRIVATE KEY", text).ok_or(wrong.clone())?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Self).map_err(|_rejected| wrong)
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.0.sign(bytes).as_ref());
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.public().id())
    }
}

/// A key that checks signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a key's file.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn read(text: &str) -> Result<Self, KeyError> {
        unpem("PUBLIC KEY", text)
            .and_then(|der| der.strip_prefix(PUBLIC_HEAD)?.try_into().ok().map(Self))
            .ok_or(KeyError::NotAKey("public"))
    }

    /// The text of the key's file.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", &[PUBLIC_HEAD, &self.0].concat())
    }

    /// A short name: the first 16 hex digits of the key's SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.0);
        digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(bytes, signature).is_ok()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    // Both kinds fit on one line.
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn unpem(label: &str, text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_reads_back_and_signs() {
        let text = SigningKey::generate().unwrap();
        assert_ne!(text, SigningKey::generate().unwrap());
        let key = SigningKey::read(&text).unwrap();
        let public = PublicKey::read(&key.public().to_pem()).unwrap();
        assert_eq!(public, key.public());
        let signature = key.sign(b"bytes");
        assert!(public.verifies(b"bytes", &signature));
        assert!(!public.verifies(b"Bytes", &signature));
        assert!(!format!("{key:?}").contains("BEGIN"));
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        // RFC 8410 §10.3 and §10.1.
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        assert_eq!(SigningKey::read(private).unwrap().public().to_pem(), public);
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "nonsense"] {
            assert_eq!(PublicKey::read(text), Err(KeyError::NotAKey("public")));
            assert!(SigningKey::read(text).is_err());
        }
        let private = SigningKey::generate().unwrap();
        assert!(PublicKey::read(&private).is_err(), "a private key is not to be handed round");
    }
}
