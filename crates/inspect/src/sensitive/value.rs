//! Whether a value is somebody's secret or a hole to be filled.
//!
//! In: a value as it stands in a file. Out: its entropy, and whether it is a placeholder or a word that nobody would guess at.
//! Odd: a documented sample (`AKIAIOSFODNN7EXAMPLE`) says that it is one; the rest is told by what people write where a
//! secret is to come.

use crate::sensitive::rule::Alphabet;

/// Words that stand in samples and nowhere in what a machine made up.
const SAMPLES: &[&str] = &[
    "example",
    "sample",
    "dummy",
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "placeholder",
    "redacted",
    "your_",
    "your-",
    "yourt",
    "yourk",
    "yourp",
    "yours",
    "xxxx",
    "****",
    "....",
    "____",
    "insert",
    "replace",
    "fillme",
    "todo",
    "fixme",
    "foobar",
    "foo_bar",
    "1234567890",
    "0123456789",
    "12345678",
    "87654321",
    "abcdefgh",
    "abcd1234",
    "deadbeef",
    "cafebabe",
    "deafbeef",
    "00000000",
    "11111111",
    "ffffffff",
    "notasecret",
    "not-a-secret",
    "not_a_secret",
    "not-so-secret",
    "testtest",
    "fake",
    "mysecret",
    "my_secret",
    "my-secret",
    "mytoken",
    "my-token",
    "my_token",
    "mypass",
    "secretkey",
    "secret_key",
    "secret-key",
    "supersecret",
    "topsecret",
    "some_",
    "some-",
];

/// Passwords that stand in every manual.
const MANUALS: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "passw0rd",
    "password1",
    "password123",
    "secret",
    "token",
    "admin",
    "root",
    "user",
    "username",
    "postgres",
    "mysql",
    "guest",
    "test",
    "testing",
    "none",
    "null",
    "nil",
    "true",
    "false",
    "undefined",
    "string",
    "text",
    "empty",
    "required",
    "optional",
    "value",
    "key",
    "tiger",
    "scott",
    "foo",
    "bar",
    "baz",
    "abc",
    "12345",
    "123456",
    "1234",
    "sekret",
    "hidden",
    "masked",
    "unset",
    "default",
    "env",
    "prompt",
    "ask",
    "pwd",
    "mypassword",
    "yourpassword",
    "password_here",
    "pw",
    "hunter2",
    "letmein",
    "s3cr3t",
    "s3cret",
    "database",
    "localhost",
    "rootpassword",
    "root_password",
    "dbpassword",
    "db_password",
];

/// Shannon's entropy, in bits per character.
pub(super) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    let mut total = 0_u32;
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
            total += 1;
        }
    }
    let shares =
        counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / f64::from(total));
    shares.map(|share| -share * share.log2()).sum()
}

/// Whether a value is something to be replaced, or known to everybody.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let has = |word: &str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    is_hole(value) || is_monotonous(&lower) || SAMPLES.iter().any(|word| has(word))
}

/// Whether a value is put in when the file is used: `${X}`, `<token>`, `{{ x }}`, `%s`, `$(…)`.
pub(super) fn is_hole(value: &[u8]) -> bool {
    let has = |part: &[u8]| memchr::memmem::find(value, part).is_some();
    let first = value.first().copied().unwrap_or_default();
    let last = value.last().copied().unwrap_or_default();
    // Hashes of passwords: `$apr1$…`, `$2y$…`, `{SHA}…`.
    let is_hash = value.starts_with(b"{SHA}")
        || (first == b'$'
            && value.iter().skip(1).take(6).any(|byte| *byte == b'$')
            && value.len() > 20);
    if is_hash {
        return false;
    }
    matches!(first, b'$' | b'<' | b'{' | b'[' | b'%' | b'@' | b'(')
        || (last == b'>' && has(b"<"))
        || [&b"${"[..], b"{{", b"$(", b"<%", b"%(", b"{%", b"#{", b"}}", b"@{"]
            .iter()
            .any(|part| has(part))
        || (first == b'_' && last == b'_')
}

/// Whether a password is a word of manuals.
pub(super) fn is_of_manuals(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    MANUALS.iter().any(|word| word.as_bytes() == lower)
}

/// Whether few characters make up most of it.
fn is_monotonous(value: &[u8]) -> bool {
    let longest_run = value.chunk_by(|a, b| a == b).map(<[u8]>::len).max().unwrap_or_default();
    let mut distinct = [false; 256];
    for byte in value {
        if let Some(seen) = distinct.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    let distinct = distinct.iter().filter(|seen| **seen).count();
    (value.len() >= 8 && longest_run * 2 > value.len()) || (value.len() >= 8 && distinct < 4)
}

/// Whether there are letters and digits in it.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_alphabetic) && value.iter().any(u8::is_ascii_digit)
}

/// Whether it looks made by a machine rather than written by a person: several changes between kinds of characters, and no
/// long runs of lower-case letters, which words and names have.
pub(super) fn is_random(value: &[u8]) -> bool {
    let kind = |byte: &u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let changes =
        value.windows(2).filter(|pair| pair.first().map(kind) != pair.last().map(kind)).count();
    let longest = value.chunk_by(|a, b| a.is_ascii_lowercase() && b.is_ascii_lowercase());
    let longest = longest.map(<[u8]>::len).max().unwrap_or_default();
    let vowels = value.iter().filter(|byte| b"aeiouAEIOU".contains(byte)).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    is_mixed(value)
        && changes * 4 >= value.len()
        && longest < 9
        // Words have a vowel among two or three letters.
        && vowels * 5 <= letters * 2
}

/// Whether a byte may stand in a value of an alphabet.
pub(super) const fn holds(alphabet: Alphabet, byte: u8) -> bool {
    match alphabet {
        Alphabet::Digits => byte.is_ascii_digit(),
        Alphabet::Hex => byte.is_ascii_hexdigit(),
        Alphabet::Alnum => byte.is_ascii_alphanumeric(),
        Alphabet::Word => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'=' | b'.'),
        Alphabet::Base64 => {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-')
        }
        Alphabet::Uuid => byte.is_ascii_hexdigit() || byte == b'-',
        Alphabet::Literal => {
            byte.is_ascii_graphic()
                && !matches!(byte, b'"' | b'\'' | b'`' | b',' | b';' | b'<' | b'>' | b'\\')
        }
    }
}

/// Whether it is 8-4-4-4-12 digits of base 16.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut groups = value.split(|byte| *byte == b'-');
    lengths.iter().all(|length| {
        groups
            .next()
            .is_some_and(|group| group.len() == *length && group.iter().all(u8::is_ascii_hexdigit))
    }) && groups.next().is_none()
}

/// Whether a value is words and numbers with dashes, dots or underscores between them, as names are: `node-16-alpine3.18`.
pub(super) fn holds_no_more_than_words(value: &[u8]) -> bool {
    let is_between = |byte: &u8| matches!(byte, b'-' | b'_' | b'.');
    let parts = value.split(is_between);
    let is_word = |part: &[u8]| {
        part.iter().all(u8::is_ascii_digit)
            || part.iter().all(u8::is_ascii_lowercase)
            || part.iter().all(u8::is_ascii_uppercase)
    };
    value.iter().any(is_between) && !is_uuid(value) && parts.clone().all(is_word)
}
