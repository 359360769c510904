//! SHA-256 of bytes in memory.
//!
//! In: bytes. Out: a [`Digest`]. Odd: two secrets are compared by comparing their hashes, which tells an attacker who
//! measures the time nothing about the secrets.

use plimsoll_model::Digest;

/// The digest of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut array = [0; 32];
    for (to, from) in array.iter_mut().zip(hash.as_ref()) {
        *to = *from;
    }
    Digest::from_bytes(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_text_has_its_known_digest() {
        assert_eq!(
            sha256(b"").hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
