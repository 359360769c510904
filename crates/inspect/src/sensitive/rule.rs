//! What a rule for secrets is, and THE list of all of them.
//!
//! In: nothing. Out: rows. Source: `docs/semantics.md`, "Sensitive files"; what tokens of services look like, as their makers
//! and the rule sets of gitleaks (MIT) and trivy (Apache-2.0) say. Odd: a rule is a row of data with examples of its own, by
//! which tests hold it; examples are written as patterns (`{an:36}` stands for 36 letters and digits), so that nothing in
//! this program's sources looks like anybody's key.

use std::{fmt, sync::OnceLock};

use plimsoll_model::Level;

use super::{
    key::{SecretKey, secret_key},
    rules,
};

/// One thing that is looked for.
#[derive(Clone, Copy, Debug)]
pub struct SecretRule {
    /// Stands in findings and in the reference page.
    pub id: &'static str,
    /// What it counts as.
    pub key: &'static str,
    /// How bad a find is, if not as its key says.
    pub level: Option<Level>,
    /// One line for people.
    pub title: &'static str,
    /// How it is told.
    pub(crate) matcher: Matcher,
    /// Least entropy of the secret, in tenths of a bit per character.
    pub(crate) entropy: u8,
    /// What else must hold of it.
    pub(crate) check: Check,
    /// In files of these names alone; empty for all.
    pub(crate) only: &'static [&'static str],
    /// Files that it must find something in, as patterns of which tests make them.
    pub found: &'static [&'static str],
    /// Files that it must find nothing in.
    pub passed: &'static [&'static str],
}

/// How a rule tells a secret.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Matcher {
    /// A text that begins with one of some words, in any letter case; the pattern holds from there.
    Token { starts: &'static [&'static str], pattern: &'static str },
    /// A pattern that begins at most `lead` bytes before one of some words.
    Around { words: &'static [&'static str], lead: usize, pattern: &'static str },
    /// A value that is given to a name with one of some words in it.
    Assigned { words: &'static [&'static str], value: Shape },
    /// A private key in PEM form with that label.
    Pem { label: &'static str },
    /// A file of one of some names, with something in it.
    File { names: &'static [&'static str], holds: Holds },
}

/// What a file must hold.
#[derive(Clone, Copy)]
pub(crate) enum Holds {
    /// It begins so.
    Start(&'static [&'static [u8]]),
    /// A pattern in its first MiB; the secret is the first group.
    Pattern(&'static str),
    /// What a function says of its first MiB.
    Probe(fn(&[u8]) -> bool),
}

/// The same in every process: where a function lies in memory is no part of a rule, by whose text facts are kept.
impl fmt::Debug for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(starts) => f.debug_tuple("Start").field(starts).finish(),
            Self::Pattern(pattern) => f.debug_tuple("Pattern").field(pattern).finish(),
            Self::Probe(_) => f.write_str("Probe"),
        }
    }
}

/// What an assigned value looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) prefix: &'static str,
    pub(crate) alphabet: Alphabet,
    /// Characters after the prefix.
    pub(crate) min: usize,
    pub(crate) max: usize,
}

/// Which characters a value is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Alphabet {
    Digits,
    Hex,
    Alnum,
    /// Letters, digits, `_`, `-`, `=` and `.`.
    Word,
    /// Base64, either kind.
    Base64,
    /// Letters and digits of base 16 in five groups.
    Uuid,
    /// Anything that can stand in a quoted string or a word of a configuration file.
    Literal,
}

/// What must hold of a secret beyond its pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Check {
    /// It is no placeholder; like everything.
    None,
    /// Its last six characters are a checksum; where they are not, it is taken less seriously.
    Crc32,
    /// It is a JSON Web Token.
    Jwt,
    /// An access key id, which is worth little without the secret that belongs to it, of so many characters near it.
    Paired(usize),
    /// A password as people choose them: no entropy is asked, but no hole to be filled either.
    Password,
    /// Letters and digits, both.
    Mixed,
    /// Base64 of `user:password`.
    BasicAuth,
    /// A value under a general name: much is asked of it.
    General,
}

impl SecretRule {
    /// Its key.
    #[must_use]
    pub fn secret_key(&self) -> Option<&'static SecretKey> {
        secret_key(self.key)
    }

    /// How bad a find is, by nature.
    #[must_use]
    pub fn level(&self) -> Level {
        let of_key = || self.secret_key().map_or(Level::Low, |key| key.level);
        // What is surely some service's token is more than something that looks like one.
        let is_sure = matches!(self.matcher, Matcher::Token { .. } | Matcher::Around { .. });
        let of_kind = (self.key == COMMON && is_sure).then_some(Level::Medium);
        self.level.or(of_kind).unwrap_or_else(of_key)
    }

    /// By what it is told, for people.
    #[must_use]
    pub const fn told_by(&self) -> &'static str {
        match (self.matcher, self.only.is_empty()) {
            (Matcher::Token { .. } | Matcher::Around { .. }, true) => "content",
            (Matcher::Assigned { .. }, true) => "name and value",
            (Matcher::Pem { .. }, _) => "PEM label and content",
            (Matcher::File { .. }, _) | (_, false) => "file name and content",
        }
    }

    /// The same in files of these names alone.
    pub(super) const fn only_in(self, only: &'static [&'static str]) -> Self {
        Self { only, ..self }
    }

    /// The same at another level.
    pub(super) const fn at(self, level: Level) -> Self {
        Self { level: Some(level), ..self }
    }

    /// Whether it goes by a file's name, whoever owns the file.
    pub(crate) const fn is_about_files(&self) -> bool {
        matches!(self.matcher, Matcher::File { .. })
    }

    /// What its words are; files' names for [`Matcher::File`].
    pub(crate) const fn words(&self) -> &'static [&'static str] {
        match self.matcher {
            Matcher::Token { starts, .. } => starts,
            Matcher::Around { words, .. } | Matcher::Assigned { words, .. } => words,
            Matcher::Pem { .. } => &[],
            Matcher::File { names, .. } => names,
        }
    }
}

/// THE list: all rules, the more special before the more general.
#[must_use]
pub fn secret_rules() -> &'static [&'static SecretRule] {
    static RULES: OnceLock<Vec<&'static SecretRule>> = OnceLock::new();
    RULES.get_or_init(|| rules::TABLES.iter().copied().flatten().collect())
}

/// The key of whatever has none of its own.
pub(super) const COMMON: &str = "common_cred";

const ROW: SecretRule = SecretRule {
    id: "",
    key: "",
    level: None,
    title: "",
    matcher: Matcher::Pem { label: "" },
    entropy: 0,
    check: Check::None,
    only: &[],
    found: &[],
    passed: &[],
};

/// A text that is told by its beginning.
pub(super) const fn token(
    id: &'static str,
    key: &'static str,
    title: &'static str,
    starts: &'static [&'static str],
    pattern: &'static str,
    examples: (&'static [&'static str], &'static [&'static str]),
) -> SecretRule {
    let matcher = Matcher::Token { starts, pattern };
    let (found, passed) = examples;
    SecretRule { id, key, title, matcher, entropy: 25, found, passed, ..ROW }
}

/// A pattern around a word.
pub(super) const fn around(
    id: &'static str,
    key: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    (lead, pattern): (usize, &'static str),
    examples: (&'static [&'static str], &'static [&'static str]),
) -> SecretRule {
    let matcher = Matcher::Around { words, lead, pattern };
    let (found, passed) = examples;
    SecretRule { id, key, title, matcher, found, passed, ..ROW }
}

/// A value of a name.
pub(super) const fn assigned(
    id: &'static str,
    key: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    value: Shape,
    examples: (&'static [&'static str], &'static [&'static str]),
) -> SecretRule {
    let matcher = Matcher::Assigned { words, value };
    let (found, passed) = examples;
    SecretRule { id, key, title, matcher, entropy: 25, check: Check::Mixed, found, passed, ..ROW }
}

/// A private key.
pub(super) const fn pem(
    id: &'static str,
    key: &'static str,
    title: &'static str,
    label: &'static str,
    examples: (&'static [&'static str], &'static [&'static str]),
) -> SecretRule {
    let (found, passed) = examples;
    SecretRule { id, key, title, matcher: Matcher::Pem { label }, found, passed, ..ROW }
}

/// A file.
pub(super) const fn file(
    id: &'static str,
    key: &'static str,
    title: &'static str,
    names: &'static [&'static str],
    holds: Holds,
    examples: (&'static [&'static str], &'static [&'static str]),
) -> SecretRule {
    let (found, passed) = examples;
    let matcher = Matcher::File { names, holds };
    SecretRule { id, key, title, matcher, check: Check::Password, found, passed, ..ROW }
}

/// So many characters of an alphabet.
pub(super) const fn of(alphabet: Alphabet, min: usize, max: usize) -> Shape {
    Shape { prefix: "", alphabet, min, max }
}

/// A prefix, and then so many characters of an alphabet.
pub(super) const fn after(
    prefix: &'static str,
    alphabet: Alphabet,
    min: usize,
    max: usize,
) -> Shape {
    Shape { prefix, alphabet, min, max }
}
