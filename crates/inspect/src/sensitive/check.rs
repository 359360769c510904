//! What must hold of a secret beyond its pattern.
//!
//! In: a secret and what stands around it. Out: whether it is one, and how far it is to be taken seriously. Source: GitHub's
//! and npm's description of their tokens' checksums (CRC-32 in base 62); RFC 7515 and 7519 (web tokens); RFC 7617. Odd:
//! nobody is asked: a provider would learn who found what.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use plimsoll_model::Level;

use super::{rule::Check, value};

/// Bytes before and after an id in which its secret is looked for.
const NEAR: usize = 300;

/// What a check says of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Judged {
    pub(super) level: Level,
    pub(super) note: Option<&'static str>,
}

/// Where a secret was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'t> {
    pub(super) text: &'t [u8],
    pub(super) start: usize,
    pub(super) end: usize,
    /// The name that it was given to.
    pub(super) name: Option<&'t [u8]>,
    /// It stands between quotes, or to the end of its line.
    pub(super) is_closed: bool,
    /// It stands between quotes, or a pattern says where it ends.
    pub(super) is_quoted: bool,
}

impl Found<'_> {
    fn secret(&self) -> &[u8] {
        self.text.get(self.start..self.end).unwrap_or_default()
    }
}

/// One step less.
pub(super) const fn lowered(level: Level) -> Level {
    match level {
        Level::Critical => Level::High,
        Level::High => Level::Medium,
        _ => Level::Low,
    }
}

/// Whether what was found is a secret, by nature of that level.
pub(super) fn judge(check: Check, entropy: u8, found: &Found<'_>, level: Level) -> Option<Judged> {
    let secret = found.secret();
    let as_it_is = Judged { level, note: None };
    if value::is_placeholder(secret) || value::entropy(secret) * 10.0 < f64::from(entropy) {
        return None;
    }
    match check {
        Check::None => Some(as_it_is),
        Check::Mixed => value::is_mixed(secret).then_some(as_it_is),
        Check::Crc32 => Some(match has_checksum(secret) {
            Some(false) => {
                Judged { level: lowered(level), note: Some("its checksum does not fit") }
            }
            Some(true) | None => as_it_is,
        }),
        Check::Jwt => is_web_token(secret).then_some(as_it_is),
        Check::Paired(length) => Some(if has_secret_near(found, length) {
            Judged { level, note: Some("with its secret") }
        } else {
            Judged { level: Level::Low, note: Some("no secret stands near it") }
        }),
        Check::Password => is_password(found).then_some(as_it_is),
        Check::BasicAuth => is_login(secret).then_some(as_it_is),
        Check::General => is_general_secret(found).then_some(as_it_is),
    }
}

/// Whether the last six of 36 characters are the CRC-32 of the others in base 62; `None` for tokens of another length.
fn has_checksum(token: &[u8]) -> Option<bool> {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let start = memchr::memchr(b'_', token)? + 1;
    let (random, sum) =
        token.get(start..)?.split_at_checked(30).filter(|(_, sum)| sum.len() == 6)?;
    let mut rest = crc32fast::hash(random);
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get(usize::try_from(rest % 62).ok()?).copied()?;
        rest /= 62;
    }
    Some(digits == sum)
}

/// The characters of a token's checksum.
#[cfg(test)]
pub(super) fn with_checksum(prefix: &str, random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut digits = Vec::new();
    for _ in 0..6 {
        let digit = char::from_digit(rest % 62 % 10, 10).unwrap();
        let at = rest % 62;
        digits.push(match at {
            0..=9 => digit,
            10..=35 => char::from(b'A' + u8::try_from(at - 10).unwrap()),
            _ => char::from(b'a' + u8::try_from(at - 36).unwrap()),
        });
        rest /= 62;
    }
    digits.reverse();
    format!("{prefix}{random}{}", digits.iter().collect::<String>())
}

/// Whether header and payload are JSON, and no sample that everybody knows.
fn is_web_token(token: &[u8]) -> bool {
    let mut parts = token.split(|byte| *byte == b'.');
    let mut json = || {
        let part = parts.next()?;
        serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let (Some(header), Some(payload)) = (json(), json()) else { return false };
    let is_sample = ["1234567890", "John Doe"].iter().any(|known| {
        ["sub", "name"]
            .iter()
            .any(|field| payload.get(field).and_then(|it| it.as_str()) == Some(known))
    });
    header.get("alg").is_some() && payload.is_object() && !is_sample
}

/// Whether a word of so many characters stands near that looks like the secret of an id.
fn has_secret_near(found: &Found<'_>, length: usize) -> bool {
    let start = found.start.saturating_sub(NEAR);
    let near = found.text.get(start..found.text.len().min(found.end + NEAR)).unwrap_or_default();
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+');
    near.split(|byte| !is_of_word(byte)).any(|word| {
        word.len() == length
            && value::is_mixed(word)
            && word.iter().any(u8::is_ascii_uppercase)
            && word.iter().any(u8::is_ascii_lowercase)
            && value::entropy(word) >= 3.5
            && !value::is_placeholder(word)
    })
}

/// Whether a password is one that somebody chose, and not a word of a manual or a piece of a program.
fn is_password(found: &Found<'_>) -> bool {
    let secret = found.secret();
    let is_call = secret.iter().any(|byte| matches!(byte, b'(' | b'['));
    // `settings.DB_PASSWORD`, `self.password`
    let is_path = !found.is_quoted
        && memchr::memchr(b'.', secret).is_some()
        && secret.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'.' | b'_'));
    let is_variable = secret.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
        && memchr::memchr(b'_', secret).is_some();
    let is_about = found.name.is_some_and(|name| {
        let lower = name.to_ascii_lowercase();
        [
            "_file", "file", "_path", "_field", "_name", "_env", "_key_id", "_policy", "_length",
            "_hash", "_prompt",
        ]
        .iter()
        .any(|end| lower.ends_with(end.as_bytes()))
    });
    secret.len() >= 3
        && !value::is_of_manuals(secret)
        && !is_call
        && !is_path
        && !is_variable
        && !is_about
        && secret.first() != Some(&b'/')
}

/// Whether base64 is that of a user and a password.
fn is_login(text: &[u8]) -> bool {
    let Ok(decoded) = STANDARD.decode(text) else { return false };
    let Some(colon) = memchr::memchr(b':', &decoded) else { return false };
    let password = decoded.get(colon + 1..).unwrap_or_default();
    decoded.iter().all(u8::is_ascii_graphic)
        && password.len() >= 3
        && !value::is_of_manuals(password)
        && !value::is_placeholder(password)
}

/// Whether a value under a general name looks like something that a machine made up.
fn is_general_secret(found: &Found<'_>) -> bool {
    let secret = found.secret();
    let is_named_so = found.name.is_none_or(super::assigned::ends_like_secret);
    let has = |part: &[u8]| memchr::memmem::find(secret, part).is_some();
    is_named_so
        && found.is_closed
        && value::is_random(secret)
        && ![&b"://"[..], b"(", b")", b"[", b"$", b"::", b"{", b"@"].iter().any(|part| has(part))
        && !matches!(secret.first(), Some(b'/' | b'.' | b'-' | b'#' | b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_tokens() {
        let token = with_checksum("ghp_", "abcdefghijABCDEFGHIJ0123456789");
        assert_eq!(token.len(), 40);
        assert_eq!(has_checksum(token.as_bytes()), Some(true));
        assert_eq!(has_checksum(token.replace('a', "b").as_bytes()), Some(false));
        assert_eq!(has_checksum(b"ghp_short"), None);
    }
}
