//! What files hold, where a pattern does not tell.
//!
//! In: the first MiB of a file. Out: whether it is what its name promises. Source: the file formats of `SQLite`, `OpenPGP` (RFC
//! 9580), SQL Server Compact, Jenkins and `DBeaver`.

use memchr::memmem;

fn has(bytes: &[u8], word: &str) -> bool {
    memmem::find(bytes, word.as_bytes()).is_some()
}

/// A certificate, and no key beside it, which has a rule of its own.
pub(super) fn is_certificate_alone(bytes: &[u8]) -> bool {
    has(bytes, "-----BEGIN CERTIFICATE-----") && !has(bytes, "PRIVATE KEY-----")
}

/// Secret keys, or something encrypted; what holds public keys alone is meant to be seen.
pub(super) fn is_private_pgp(bytes: &[u8]) -> bool {
    if has(bytes, "BEGIN PGP MESSAGE") || bytes.starts_with(b"(protected-private-key") {
        return true;
    }
    let Some(first) = bytes.first().filter(|first| **first & 0x80 != 0) else {
        return bytes.starts_with(b"(21:protected-private-key")
            || bytes.starts_with(b"(11:private-key");
    };
    let tag = if first & 0x40 != 0 { first & 0x3f } else { (first >> 2) & 0x0f };
    // Encrypted session keys, secret keys, and encrypted data.
    matches!(tag, 1 | 3 | 5 | 9 | 18)
}

/// Jenkins's credentials, or the keys that open them.
pub(super) fn is_jenkins_credential(bytes: &[u8]) -> bool {
    let is_list = has(bytes, "com.cloudbees.plugins.credentials")
        && ["<password>", "<privateKey", "<secret>", "<passphrase>"]
            .iter()
            .any(|word| has(bytes, word));
    let is_key =
        bytes.trim_ascii().len() == 256 && bytes.trim_ascii().iter().all(u8::is_ascii_hexdigit);
    is_list || is_key
}

/// `DBeaver` encrypts its file with a key that is in its sources, which is as good as none.
pub(super) fn is_dbeaver_login(bytes: &[u8]) -> bool {
    let is_text = std::str::from_utf8(bytes).is_ok();
    (is_text && has(bytes, "password=\"") && !has(bytes, "password=\"\""))
        || (!is_text && bytes.len() >= 32 && bytes.len().is_multiple_of(16))
}

/// An SQLite database with at least one table: the first page's tree is not empty.
pub(super) fn is_sqlite_with_tables(bytes: &[u8]) -> bool {
    // The header takes 100 bytes; the kind of the page and the number of its cells follow.
    let cells = match bytes.get(100..105) {
        Some([2 | 5 | 10 | 13, _, _, high, low]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    bytes.starts_with(b"SQLite format 3\0") && cells > 0
}

/// SQL Server Compact; chemists use the ending as well.
pub(super) fn is_sql_compact(bytes: &[u8]) -> bool {
    // Version numbers of 3.1, 3.5 and 4.0.
    matches!(
        bytes.get(16..20),
        Some(
            [0xdd, 0x77, 0x2d, 0]
                | [0x1c, 0x97, 0x35, 0]
                | [0xa8, 0x4b, 0x3d, 0]
                | [0x05, 0x09, 0x3d, 0]
        )
    )
}
