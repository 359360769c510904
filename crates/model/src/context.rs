//! What is known of an image's use beyond its content: from where it can be reached, and how much depends on it.
//!
//! In: words of settings and options. Out: [`MatchContext`]. Source: `docs/semantics.md`, "Priority", E and A. Odd: nobody has to
//! say anything: an image of which nothing is said counts as reachable and common.

mod setting;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use setting::{ContextScope, ContextSetting, ImageInUse};

/// From where the image's services can be reached, the least first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Exposure {
    /// From the own network only.
    Internal,
    /// Nobody said: taken as reachable.
    #[default]
    Unknown,
    /// From the internet.
    Internet,
}

/// How much depends on the image, the least first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Importance {
    /// 0 on the wire.
    Test,
    /// 1 on the wire.
    #[default]
    Common,
    /// 2 on the wire.
    Important,
}

/// What is known of the image's use, beyond its content. As text: `internal/test`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct MatchContext {
    /// From where it can be reached.
    pub exposure: Exposure,
    /// How much depends on it.
    pub importance: Importance,
}

/// A word that is none of those that are asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {expected}")]
pub struct ContextError {
    word: String,
    expected: &'static str,
}

impl Exposure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Internal, Self::Unknown, Self::Internet];

    /// `internal`, `unknown`, `internet`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Unknown => "unknown",
            Self::Internet => "internet",
        }
    }
}

impl Importance {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Test, Self::Common, Self::Important];

    /// `test`, `common`, `important`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Common => "common",
            Self::Important => "important",
        }
    }
}

impl MatchContext {
    /// All of them, that of which nobody said anything first.
    pub fn all() -> impl Iterator<Item = Self> {
        let pairs = Exposure::ALL.into_iter().flat_map(|exposure| {
            Importance::ALL.into_iter().map(move |importance| Self { exposure, importance })
        });
        let other = pairs.filter(|context| *context != Self::default());
        std::iter::once(Self::default()).chain(other)
    }

    /// Whether nobody said anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Importance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for MatchContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.exposure, self.importance)
    }
}

impl FromStr for Exposure {
    type Err = ContextError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|one| one.as_str() == word).ok_or_else(|| ContextError {
            word: word.to_owned(),
            expected: "internal, unknown, internet",
        })
    }
}

impl FromStr for Importance {
    type Err = ContextError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|one| one.as_str() == word).ok_or_else(|| ContextError {
            word: word.to_owned(),
            expected: "test, common, important",
        })
    }
}

impl FromStr for MatchContext {
    type Err = ContextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (exposure, importance) = text.split_once('/').ok_or_else(|| ContextError {
            word: text.to_owned(),
            expected: "EXPOSURE/IMPORTANCE",
        })?;
        Ok(Self { exposure: exposure.parse()?, importance: importance.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        let all: Vec<MatchContext> = MatchContext::all().collect();
        assert_eq!(all.len(), 9);
        assert_eq!(all.first(), Some(&MatchContext::default()));
        for context in all {
            assert_eq!(context.to_string().parse(), Ok(context));
        }
        assert!("internet".parse::<MatchContext>().is_err());
        assert!("internet/2".parse::<MatchContext>().is_err());
    }
}
