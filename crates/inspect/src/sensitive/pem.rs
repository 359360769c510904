//! Private keys in PEM form: what is behind the label.
//!
//! In: a text from a label on. Out: the first bytes of the key, if they are those of one, and whether it is encrypted. Source:
//! RFC 1421 (headers), RFC 8017 and 5915 (keys), RFC 5958 (PKCS #8), RFC 9580 (`OpenPGP`), `PROTOCOL.key` of OpenSSH. Odd: a
//! key in a string of a program has `\n` for its line ends; only the first kibibyte is decoded, which is enough to tell.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// Characters of base64 that are decoded at most.
const MAX_BODY: usize = 1_000;

/// Fewest characters that any key has.
const MIN_BODY: usize = 64;

/// A private key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PrivateKey {
    /// The text that it was decoded of, without line ends: what a fingerprint is made of.
    pub(super) body: Vec<u8>,
    pub(super) is_encrypted: bool,
    /// How much of the text it takes, as far as it was looked at.
    pub(super) length: usize,
}

/// The key whose label, with the dashes behind it, ends where `text` begins.
pub(super) fn find(label: &str, text: &[u8]) -> Option<PrivateKey> {
    let mut is_encrypted = label.starts_with("ENCRYPTED");
    let mut rest = skip_line_end(text)?;
    // Headers, as older tools and PGP write them; an empty line ends them.
    for _ in 0..8 {
        let line = rest.split(|byte| matches!(byte, b'\n' | b'\\')).next().unwrap_or_default();
        if line.len() < 200 && memchr::memchr(b':', line).is_some() {
            is_encrypted |= line.starts_with(b"Proc-Type")
                && memchr::memmem::find(line, b"ENCRYPTED").is_some();
            rest = skip_line_end(rest.get(line.len()..)?)?;
        } else {
            break;
        }
    }
    let mut body = Vec::with_capacity(MAX_BODY);
    let start = text.len() - rest.len();
    let mut length = start;
    let mut bytes = rest.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            _ if body.len() >= MAX_BODY => break,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => body.push(byte),
            b'\\' if matches!(bytes.peek(), Some(b'n' | b'r')) => {
                bytes.next();
                length += 1;
            }
            // Strings that a program puts together line by line.
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b',' => {}
            _ => break,
        }
        length += 1;
    }
    if body.len() < MIN_BODY {
        return None;
    }
    let whole = body.get(..body.len() - body.len() % 4)?;
    let decoded = STANDARD_NO_PAD.decode(whole).ok()?;
    is_key(label, &decoded, is_encrypted).then_some(PrivateKey { body, is_encrypted, length })
}

fn skip_line_end(text: &[u8]) -> Option<&[u8]> {
    let at = text
        .iter()
        .take(16)
        .position(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | b'\t' | b'"' | b'\'' | b'\\'));
    let skipped = text.get(at?..)?;
    // The letters of `\n` and `\r\n`.
    let is_escaped = text.first() == Some(&b'\\');
    let skipped = if is_escaped {
        skipped.strip_prefix(b"n").or_else(|| skipped.strip_prefix(b"r\\n")).unwrap_or(skipped)
    } else {
        skipped
    };
    Some(skipped)
}

/// Whether bytes begin as a key of that label does.
fn is_key(label: &str, bytes: &[u8], is_encrypted: bool) -> bool {
    match label {
        // Any bytes, once they are encrypted.
        "RSA PRIVATE KEY" | "DSA PRIVATE KEY" | "EC PRIVATE KEY" if is_encrypted => true,
        // SEQUENCE of a version and numbers.
        "RSA PRIVATE KEY" | "DSA PRIVATE KEY" => {
            sequence(bytes).is_some_and(|inside| inside.starts_with(&[2, 1, 0, 2]))
        }
        "EC PRIVATE KEY" => sequence(bytes).is_some_and(|inside| inside.starts_with(&[2, 1, 1, 4])),
        "PRIVATE KEY" => {
            let inside = sequence(bytes).unwrap_or_default();
            inside.starts_with(&[2, 1, 0, 0x30]) || inside.starts_with(&[2, 1, 1, 0x30])
        }
        "ENCRYPTED PRIVATE KEY" => {
            sequence(bytes).is_some_and(|inside| inside.starts_with(&[0x30]))
        }
        "OPENSSH PRIVATE KEY" => bytes.starts_with(b"openssh-key-v1\0"),
        // A packet with a secret key.
        "PGP PRIVATE KEY BLOCK" => matches!(bytes.first(), Some(0x94..=0x97 | 0xc5)),
        _ => false,
    }
}

/// Whether an OpenSSH key says that it is encrypted.
pub(super) fn is_encrypted_openssh(body: &[u8]) -> bool {
    let whole = body.get(..body.len() - body.len() % 4).unwrap_or_default();
    let decoded = STANDARD_NO_PAD.decode(whole).unwrap_or_default();
    let cipher = decoded.get(15..).unwrap_or_default();
    let length = cipher.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    length.is_some_and(|length| length != 4 || cipher.get(4..8) != Some(b"none"))
}

/// What is in a SEQUENCE.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x30, 0x82, _, _, inside @ ..] | [0x30, 0x81, _, inside @ ..] => Some(inside),
        [0x30, length, inside @ ..] if *length < 0x80 => Some(inside),
        _ => None,
    }
}
