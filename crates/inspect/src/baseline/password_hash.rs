//! Whether a password has a hash, for the kinds of hashes that `crypt(5)` knows.
//!
//! In: a hash field of `shadow`, a password. Out: yes or no, and what one try costs, since the file chooses how slow its
//! hashes are. Source: `crypt(5)`; Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512"; Poul-Henning Kamp's
//! MD5-crypt; Apache's `htpasswd` for `$apr1$` and `{SHA}`. Odd: costs are estimates in microseconds of one core, not measured: nothing here reads a clock, and the
//! same image must give the same answer everywhere.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use yescrypt::{PasswordVerifier, Yescrypt};

use super::{accounts, des};

/// A hash that can be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PasswordHash<'h> {
    text: &'h str,
    kind: Kind,
    /// Microseconds of one try.
    pub(crate) cost: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Des,
    Sha1,
    Md5,
    Sha,
    Bcrypt,
    Yescrypt,
}

/// Why a hash cannot be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Untried {
    /// No password leads there: the account is locked.
    Locked,
    /// Of a kind, or with parameters, that we do not compute.
    Unsupported(String),
}

impl<'h> PasswordHash<'h> {
    /// Tells kinds and costs apart.
    pub(crate) fn parse(text: &'h str) -> Result<Self, Untried> {
        let unsupported = |what: &str| Err(Untried::Unsupported(what.to_owned()));
        if accounts::is_des(text) {
            return Ok(Self { text, kind: Kind::Des, cost: 300 });
        }
        if text.starts_with("{SHA}") {
            return Ok(Self { text, kind: Kind::Sha1, cost: 1 });
        }
        if !text.starts_with('$') {
            return if text.starts_with('_') {
                unsupported("DES of BSDi")
            } else {
                Err(Untried::Locked)
            };
        }
        let mut fields = text.split('$').skip(1);
        let (id, first) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let (kind, cost) = match id {
            "1" | "apr1" => (Kind::Md5, 500),
            "5" | "6" => {
                let rounds = first.strip_prefix("rounds=").map(str::parse::<u64>);
                match rounds {
                    None => (Kind::Sha, 5_000),
                    Some(Ok(rounds)) if (1_000..=100_000).contains(&rounds) => (Kind::Sha, rounds),
                    Some(_) => return unsupported("SHA-crypt with more than 100000 rounds"),
                }
            }
            "2a" | "2b" | "2y" => match first.parse::<u32>() {
                Ok(cost) if (4..=14).contains(&cost) => (Kind::Bcrypt, 60 << cost),
                _ => return unsupported("bcrypt with a cost above 14"),
            },
            // Flags `j`, then the memory's size as one digit, then the block size: what passwd programs write.
            "y" => match first {
                "j7T" | "j8T" | "j9T" | "jAT" => (Kind::Yescrypt, 25_000),
                _ => return unsupported("yescrypt with unusual parameters"),
            },
            "7" => return unsupported("scrypt"),
            "gy" => return unsupported("gost-yescrypt"),
            _ => return unsupported("an unknown kind"),
        };
        Ok(Self { text, kind, cost })
    }

    /// Whether the password has this hash; `None` when the hash is damaged.
    pub(crate) fn is_of(&self, password: &str) -> Option<bool> {
        match self.kind {
            Kind::Des => des::crypt(password.as_bytes(), self.text).map(|hash| hash == self.text),
            Kind::Sha1 => {
                let known = STANDARD.decode(self.text.strip_prefix("{SHA}")?.trim()).ok()?;
                let sha1 = &ring::digest::SHA1_FOR_LEGACY_USE_ONLY;
                Some(ring::digest::digest(sha1, password.as_bytes()).as_ref() == known)
            }
            Kind::Md5 => md5_crypt(password.as_bytes(), self.text).map(|hash| hash == self.text),
            Kind::Sha => {
                let hash = sha_crypt::PasswordHashRef::new(self.text).ok()?;
                answer(sha_crypt::ShaCrypt::default().verify_password(password.as_bytes(), hash))
            }
            Kind::Yescrypt => {
                let hash = yescrypt::PasswordHashRef::new(self.text).ok()?;
                answer(Yescrypt::default().verify_password(password.as_bytes(), hash))
            }
            Kind::Bcrypt => bcrypt::verify(password, self.text).ok(),
        }
    }
}

fn answer(result: Result<(), yescrypt::password_hash::Error>) -> Option<bool> {
    match result {
        Ok(()) => Some(true),
        Err(yescrypt::password_hash::Error::PasswordInvalid) => Some(false),
        Err(_) => None,
    }
}

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The MD5-crypt hash of a password with the salt of `hash`.
fn md5_crypt(password: &[u8], hash: &str) -> Option<String> {
    let magic = if hash.starts_with("$apr1$") { "$apr1$" } else { "$1$" };
    let salt = hash.strip_prefix(magic)?.split('$').next()?;
    let salt_bytes = salt.as_bytes().get(..salt.len().min(8))?;
    let alternate: [u8; 16] = Md5::new()
        .chain_update(password)
        .chain_update(salt_bytes)
        .chain_update(password)
        .finalize()
        .into();
    let mut context = Md5::new();
    context.update(password);
    context.update(magic.as_bytes());
    context.update(salt_bytes);
    for chunk in password.chunks(16) {
        context.update(alternate.get(..chunk.len()).unwrap_or_default());
    }
    let mut length = password.len();
    while length > 0 {
        let first = password.get(..1).unwrap_or_default();
        context.update(if length & 1 == 1 { b"\0" } else { first });
        length >>= 1;
    }
    let mut state: [u8; 16] = context.finalize().into();
    for round in 0..1_000 {
        let mut context = Md5::new();
        context.update(if round & 1 == 1 { password } else { &state });
        if round % 3 != 0 {
            context.update(salt_bytes);
        }
        if round % 7 != 0 {
            context.update(password);
        }
        context.update(if round & 1 == 1 { &state[..] } else { password });
        state = context.finalize().into();
    }
    let mut text = format!("{magic}{salt}$");
    let [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15] = state;
    for (bytes, digits) in [
        ([s0, s6, s12], 4),
        ([s1, s7, s13], 4),
        ([s2, s8, s14], 4),
        ([s3, s9, s15], 4),
        ([s4, s10, s5], 4),
        ([0, 0, s11], 2),
    ] {
        let [high, middle, low] = bytes.map(usize::from);
        let mut value = high << 16 | middle << 8 | low;
        for _ in 0..digits {
            text.push(char::from(*ALPHABET.get(value & 63)?));
            value >>= 6;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl passwd` and, the last two, by libxcrypt's `crypt`.
    const HASHES: &[(&str, &str)] = &[
        ("password", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"),
        ("password", "$apr1$c4naryxx$TP5G4Zx97tfk3CHrUi7kM1"),
        ("password", "abJnggxhB/yWI"),
        ("password", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="),
        ("password", "$5$saltsalt$gOjOtoMpVhru2uyjeJSEc/JaLQWOXMNmlOnj6T4AtC."),
        (
            "password",
            "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
        ),
        ("password", "$2b$05$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu"),
        ("password", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC"),
    ];

    #[test]
    fn hashes_verify() {
        for (password, text) in HASHES {
            let hash = PasswordHash::parse(text).unwrap();
            assert_eq!(hash.is_of(password), Some(true), "{text}");
            assert_eq!(hash.is_of("other"), Some(false), "{text}");
        }
    }

    #[test]
    fn what_costs_too_much_is_not_tried() {
        for (text, what) in [
            ("$6$rounds=999999999$salt$x", "more than 100000 rounds"),
            ("$2b$31$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "cost above 14"),
            ("$y$jZZ$salt$x", "unusual parameters"),
            ("$gy$j9T$salt$x", "gost-yescrypt"),
            ("_J9..rasmBYk8r9AiWNc", "DES of BSDi"),
            ("$99$x", "unknown kind"),
        ] {
            let Err(Untried::Unsupported(why)) = PasswordHash::parse(text) else {
                panic!("{text}")
            };
            assert!(why.contains(what), "{why}");
        }
        for text in ["!", "*", "!!", "", "!$6$salt$x", "x"] {
            assert_eq!(PasswordHash::parse(text), Err(Untried::Locked), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_field_is_judged(text in "(\\$(1|5|6|2b|y)\\$)?[./a-z0-9$=]{0,60}") {
            if let Ok(hash) = PasswordHash::parse(&text)
                && hash.cost <= 10_000
            {
                let _ = hash.is_of("password");
            }
        }
    }
}
