//! Which kinds of risk are looked for.
//!
//! In: `vulnerability,secret`. Out: [`Kinds`], a set that always has at least one kind. Odd: it is part of what a report
//! says: a kind that nobody asked for is not one of which nothing was found.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::finding::{Kind, UnknownWord};

/// A set of kinds, never empty.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Kind>", into = "Vec<Kind>")]
pub struct Kinds(u8);

/// Why something is no set of kinds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindsError {
    /// A word names no kind.
    #[error(transparent)]
    Unknown(#[from] UnknownWord),
    /// There is none.
    #[error(
        "at least one kind must be looked for: vulnerability, baseline, malware, secret, build, license"
    )]
    None,
}

const fn bit(kind: Kind) -> u8 {
    1 << kind as u8
}

impl Kinds {
    /// All of them.
    pub const ALL: Self = Self((1 << Kind::ALL.len()) - 1);

    /// Whether this kind is looked for.
    #[must_use]
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & bit(kind) != 0
    }

    /// Those that are looked for, in the order of [`Kind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    /// Those that are not, in the order of [`Kind::ALL`].
    pub fn left_out(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| !self.contains(*kind))
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self::ALL
    }
}

impl TryFrom<Vec<Kind>> for Kinds {
    type Error = KindsError;

    fn try_from(kinds: Vec<Kind>) -> Result<Self, KindsError> {
        let bits = kinds.into_iter().fold(0, |bits, kind| bits | bit(kind));
        if bits == 0 { Err(KindsError::None) } else { Ok(Self(bits)) }
    }
}

impl From<Kinds> for Vec<Kind> {
    fn from(kinds: Kinds) -> Self {
        kinds.iter().collect()
    }
}

impl FromStr for Kinds {
    type Err = KindsError;

    fn from_str(text: &str) -> Result<Self, KindsError> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let kinds: Vec<Kind> = words.map(str::parse).collect::<Result<_, UnknownWord>>()?;
        kinds.try_into()
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Kind::as_str).collect();
        f.pad(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_what_its_words_say() {
        let kinds: Kinds = "secret, vulnerability,secret".parse().unwrap();
        assert_eq!(kinds.to_string(), "vulnerability,secret");
        assert!(kinds.contains(Kind::Secret) && !kinds.contains(Kind::Malware));
        let left: Vec<Kind> = kinds.left_out().collect();
        assert_eq!(left, [Kind::Baseline, Kind::Malware, Kind::Build, Kind::License]);
        assert_eq!(Kinds::ALL.left_out().next(), None);
        assert_eq!(Kinds::ALL.to_string().parse(), Ok(Kinds::ALL));
    }

    #[test]
    fn nothing_and_unknown_words_are_refused() {
        assert_eq!(" , ".parse::<Kinds>(), Err(KindsError::None));
        let refused = "secrets".parse::<Kinds>().unwrap_err().to_string();
        assert!(refused.contains("`secrets` is not one of vulnerability"), "{refused}");
        assert!(serde_json::from_str::<Kinds>("[]").is_err());
        let text = serde_json::to_string(&"build,malware".parse::<Kinds>().unwrap()).unwrap();
        assert_eq!(text, r#"["malware","build"]"#);
        assert_eq!(serde_json::from_str::<Kinds>(&text).unwrap().to_string(), "malware,build");
    }
}
