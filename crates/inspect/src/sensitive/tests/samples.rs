//! Makes files of the patterns in which rules give their examples.
//!
//! In: `token=ghp_{an:36}`, and a number. Out: bytes, the same for the same number. Odd: what is made looks like a secret and is
//! nobody's; it stands nowhere but in memory.

#![expect(clippy::string_slice, reason = "the marks are ASCII")]

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::sensitive::check::with_checksum;

/// A file: its path and what is in it.
pub(super) struct Sample {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// Random enough.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn of(&mut self, alphabet: &[u8], length: usize) -> String {
        let mut made: String = (0..length)
            .map(|_| {
                char::from(alphabet[usize::try_from(self.next() >> 20).unwrap() % alphabet.len()])
            })
            .collect();
        // Each has a letter and a digit where its alphabet has both.
        if length > 6 && alphabet.contains(&b'7') && alphabet.iter().any(u8::is_ascii_alphabetic) {
            let letter = alphabet.iter().find(|byte| byte.is_ascii_alphabetic()).unwrap();
            made.replace_range(..1, &char::from(*letter).to_string());
            made.replace_range(3..4, "7");
            made.replace_range(length - 1..length, "3");
        }
        made
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[2]).collect()
    }

    fn encoded(&mut self, start: &[u8], length: usize) -> String {
        let bytes = [start, &self.bytes(length)].concat();
        let text = STANDARD.encode(bytes);
        text.as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";

fn made(kind: &str, length: usize, dice: &mut Dice) -> Option<Vec<u8>> {
    let any = [UPPER, LOWER, DIGITS].concat();
    let text = match kind {
        "an" => dice.of(&any, length),
        "lan" => dice.of(&[LOWER, DIGITS].concat(), length),
        "az" => dice.of(&[LOWER, UPPER].concat(), length),
        "AZ" => dice.of(&[UPPER, DIGITS].concat(), length),
        "hex" => dice.of(b"abcdef0123456789", length),
        "HEX" => dice.of(b"ABCDEF0123456789", length),
        "d" => dice.of(b"2345678901", length).replacen('0', "9", 1),
        "b32" => dice.of(&[UPPER, b"234567"].concat(), length),
        "age" => dice.of(b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", length).replace('1', "2"),
        "w" => dice.of(&[&any[..], b"_-"].concat(), length),
        "b64" | "b64s" => dice.of(&[&any[..], b"+/"].concat(), length),
        "crc" => with_checksum("", &dice.of(&any, length - 6)),
        _ => return None,
    };
    Some(text.into_bytes())
}

fn named(kind: &str, dice: &mut Dice) -> Option<Vec<u8>> {
    let text = match kind {
        "uuid" => {
            let groups = [8, 4, 4, 4, 12].map(|length| dice.of(b"abcdef0123456789", length));
            groups.join("-")
        }
        "basic" => {
            let login = format!("robot:{}", dice.of(LOWER, 9) + "7Q");
            STANDARD.encode(login)
        }
        "rsa" => dice.encoded(&[0x30, 0x82, 4, 0xa4, 2, 1, 0, 2, 0x82, 1, 1, 0], 600),
        "rsa1" => dice.encoded(&[0x30, 0x82, 4, 0xa4, 2, 1, 0, 2, 0x82, 1, 1, 0], 36),
        "ec" => dice.encoded(&[0x30, 0x77, 2, 1, 1, 4, 0x20], 114),
        "ssh" => dice.encoded(b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none", 300),
        "pgp" => dice.encoded(&[0x95, 1, 0xfe], 300),
        "pkcs8" => dice.encoded(&[0x30, 0x82, 4, 0xbe, 2, 1, 0, 0x30, 0x0d, 6, 9], 600),
        "pbes" => dice.encoded(&[0x30, 0x82, 5, 0, 0x30, 0x1c], 600),
        "jwt" => web_token(r#"{"sub":"shop"}"#, dice),
        "jwt-sample" => web_token(r#"{"sub":"1234567890","name":"John Doe"}"#, dice),
        "der" => return Some([&[0x30, 0x82, 9, 0x60][..], &dice.bytes(40)].concat()),
        "jks" => {
            return Some([&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2][..], &dice.bytes(40)].concat());
        }
        "pgp-bytes" => return Some([&[0x95, 1][..], &dice.bytes(40)].concat()),
        "pgp-public" => return Some([&[0x99, 1][..], &dice.bytes(40)].concat()),
        "sqlite" => {
            let mut page = b"SQLite format 3\0".to_vec();
            page.resize(100, 0);
            page.extend([13, 0, 0, 0, 1]);
            return Some(page);
        }
        "mdf" => return Some([&[1, 0x0f, 0, 0][..], &dice.bytes(40)].concat()),
        "sdf" => return Some([&[0; 16][..], &[0x1c, 0x97, 0x35, 0], &dice.bytes(40)].concat()),
        "dbeaver" => return Some(dice.bytes(64)),
        _ => return None,
    };
    Some(text.into_bytes())
}

fn web_token(payload: &str, dice: &mut Dice) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let any = [UPPER, LOWER, DIGITS].concat();
    format!("{header}.{}.{}", URL_SAFE_NO_PAD.encode(payload), dice.of(&any, 43))
}

/// Makes a file of an example.
pub(super) fn sample(example: &str, number: u64) -> Sample {
    let mut dice =
        Dice(0x9e37_79b9_7f4a_7c15 ^ number.wrapping_mul(0x0123_4567_89ab_cdef).wrapping_add(77));
    let (path, text) = match example.strip_prefix('@').and_then(|rest| rest.split_once('\n')) {
        Some((path, text)) => (path.to_owned(), text),
        None => ("app/settings.txt".to_owned(), example),
    };
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        bytes.extend(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let end = rest.find('}').unwrap_or(0);
        let inside = rest.get(1..end).unwrap_or_default();
        let pattern = match inside.split_once(':') {
            Some((kind, length)) => {
                length.parse().ok().and_then(|length| made(kind, length, &mut dice))
            }
            None => named(inside, &mut dice),
        };
        match pattern {
            Some(made) => {
                bytes.extend(made);
                rest = &rest[end + 1..];
            }
            None => {
                bytes.push(b'{');
                rest = &rest[1..];
            }
        }
    }
    bytes.extend(rest.as_bytes());
    Sample { path, bytes }
}
