//! Findings: what is wrong with an image, as data.
//!
//! In: a match, a failed check, a detected file. Out: [`Finding`], one shape for all kinds; text, colour and API fields
//! are made of it by formats only. Source: the definition table in `docs/semantics.md`. Odd: a vulnerability's urgency
//! is its [`Priority`], everything else's its [`Level`].

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    package::Location,
    statement::{Suppression, View, Why},
};

/// The kinds of risk.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An advisory that matches a package.
    #[default]
    Vulnerability,
    /// A failed baseline check.
    Baseline,
    /// A malicious file or package.
    Malware,
    /// A sensitive file.
    Secret,
    /// A risk in the build history.
    Build,
    /// A licence that the policy refuses.
    License,
}

impl Kind {
    /// Every kind, in the order in which people are told of them.
    pub const ALL: [Self; 6] = [
        Self::Vulnerability,
        Self::Baseline,
        Self::Malware,
        Self::Secret,
        Self::Build,
        Self::License,
    ];
}

/// How bad a finding is by its nature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nobody said.
    Unknown,
    /// Theoretical, or the binary is not affected.
    Negligible,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

/// What to do about a vulnerability, and when.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// No need to fix now: score below 7.0.
    Nntf,
    /// Can wait: score from 7.0.
    Later,
    /// As soon as possible: score from 13.5.
    Asap,
}

/// What a source says of a vulnerability in the installed version of a package.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is affected; whether there is a fix is said elsewhere.
    Affected,
    /// It may be: nobody has decided yet. Counts like affected.
    UnderInvestigation,
    /// It is, and the vendor decided against a fix.
    WillNotFix,
    /// The release gets no fixes any more, and nobody looked.
    EndOfLife,
    /// It is not: this version has the fix.
    Fixed,
    /// It is not: the vulnerability is not in it, or cannot be used.
    NotAffected,
}

impl Status {
    /// Whether a finding with this status counts.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Fixed | Self::NotAffected)
    }
}

/// A word that names none of a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {allowed}")]
pub struct UnknownWord {
    /// The word as given.
    pub word: String,
    /// The words that would do.
    pub allowed: &'static str,
}

/// Defines `as_str`, `FromStr` and `Display` of a set of words from one table.
macro_rules! words {
    ($type:ident, $allowed:literal, $($variant:ident = $word:literal),+) => {
        impl $type {
            /// The word for it, as it stands in JSON and on the command line.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
        impl FromStr for $type {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { word: word.to_owned(), allowed: $allowed }),
                }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words!(
    Kind,
    "vulnerability, baseline, malware, secret, build, license",
    Vulnerability = "vulnerability",
    Baseline = "baseline",
    Malware = "malware",
    Secret = "secret",
    Build = "build",
    License = "license"
);
words!(
    Level,
    "critical, high, medium, low, negligible, unknown",
    Unknown = "unknown",
    Negligible = "negligible",
    Low = "low",
    Medium = "medium",
    High = "high",
    Critical = "critical"
);
words!(
    Status,
    "affected, under-investigation, will-not-fix, end-of-life, fixed, not-affected",
    Affected = "affected",
    UnderInvestigation = "under-investigation",
    WillNotFix = "will-not-fix",
    EndOfLife = "end-of-life",
    Fixed = "fixed",
    NotAffected = "not-affected"
);
words!(Priority, "asap, later, nntf", Nntf = "nntf", Later = "later", Asap = "asap");

impl Priority {
    /// The priority of a score in tenths.
    #[must_use]
    pub const fn of_tenths(tenths: u16) -> Self {
        match tenths {
            135.. => Self::Asap,
            70.. => Self::Later,
            _ => Self::Nntf,
        }
    }
}

/// What a finding is about.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A package, by its package URL.
    Purl(String),
    /// A file, by its path in the image without a leading slash.
    Path(String),
    /// The image as a whole: its configuration or history. The text names the part (`config.User`).
    Image(String),
}

/// One thing that was seen and that the finding rests on.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// Where it was seen, if in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// What was seen, with secrets masked: `PermitRootLogin yes`, `3.0.11-1~deb12u2 < 3.0.13-1~deb12u1`.
    pub detail: String,
}

/// What ends a finding.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Fix {
    /// First version without the vulnerability, in the package's own scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What to do, as one sentence.
    pub advice: String,
}

/// A vulnerability's score and what it was computed from (`docs/semantics.md`, "Priority").
///
/// `tenths = min(150, (c10 · t100 · e10 · a10 + 5000) / 10000)`, then caps and floors, whose names stand in `rules`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Urgency {
    /// Score in tenths after caps and floors, 0–150.
    pub tenths: u16,
    /// Severity factor times 10, 0–100.
    pub c10: u16,
    /// Exploit maturity factor times 100, 60–100.
    pub t100: u16,
    /// Environment factor times 10, 5–15.
    pub e10: u16,
    /// Asset factor times 10, 6–12.
    pub a10: u16,
    /// Caps and floors that changed the product, in order of application: `floor:exploited`, `cap:vendor-low`, …
    pub rules: Vec<String>,
    /// Neither CVSS nor EPSS is known yet.
    pub pending: bool,
    /// The CVSS vector that `c10` comes from, as published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss: Option<String>,
    /// Known to be exploited (CISA KEV), since that date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_exploited: Option<String>,
    /// Probability of exploitation within 30 days, 0–1, as published by EPSS; `None`: no row, which is not 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<f64>,
}

/// One risk found in an image.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Kind of risk.
    pub kind: Kind,
    /// CVE, advisory or rule id: the one that people search for.
    pub id: String,
    /// What counts as one in the counters: `debian:12:CVE-2024-5535`, `imgsca:python:django:CVE-2021-35042`, else the
    /// rule id. Several findings (packages) may share a record.
    pub record: String,
    /// Other ids of the same vulnerability, sorted.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Ids of the advisories that matched, sorted.
    #[serde(default)]
    pub advisories: Vec<String>,
    /// Level by nature.
    pub level: Level,
    /// Vulnerabilities only: what the deciding sources say of the installed version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Why it does not count, if it does not: it is listed, but is in no counter and has no priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppression>,
    /// Vulnerabilities that count only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Vulnerabilities that count only: 0.0–15.0, one decimal; equals `urgency.tenths / 10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// How the score came about; of a suppressed finding, what it would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// What it is about.
    pub subject: Subject,
    /// One line for people.
    pub title: String,
    /// What was seen, sorted.
    pub evidence: Vec<Evidence>,
    /// What ends it, if anything is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// Vulnerabilities only: what each source says, the deciding ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<View>,
    /// Vulnerabilities and malicious packages only: how each advisory came to match, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Why>,
    /// What only this kind knows: `class`, `source`, `exploit`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

impl Finding {
    /// Whether it counts.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.suppressed.is_none()
    }

    /// Takes it out of what counts: it keeps its place in the report and the terms of its score, and says whose word it
    /// rests on.
    pub fn suppress(&mut self, status: Status, suppression: Suppression) {
        self.status = Some(status);
        self.suppressed = Some(suppression);
        self.priority = None;
        self.score = None;
    }

    /// Takes it out of what counts without another status: it is there, and somebody decided to live with it.
    pub fn ignore(&mut self, suppression: Suppression) {
        self.suppressed = Some(suppression);
        self.priority = None;
        self.score = None;
    }

    /// Whether an ignore rule takes it out of what counts.
    #[must_use]
    pub fn is_ignored(&self) -> bool {
        self.suppressed.as_ref().is_some_and(|suppressed| suppressed.ignored.is_some())
    }

    /// Most urgent first: kind, open before suppressed, priority, score and level downwards, fixable before unfixable, then
    /// id and subject.
    #[must_use]
    pub fn compare_urgency(&self, other: &Self) -> std::cmp::Ordering {
        let tenths = |finding: &Self| finding.urgency.as_ref().map(|urgency| urgency.tenths);
        self.kind
            .cmp(&other.kind)
            .then_with(|| other.is_open().cmp(&self.is_open()))
            .then_with(|| other.priority.cmp(&self.priority))
            .then_with(|| tenths(other).cmp(&tenths(self)))
            .then_with(|| other.level.cmp(&self.level))
            .then_with(|| other.fix.is_some().cmp(&self.fix.is_some()))
            .then_with(|| self.id.cmp(&other.id))
            .then_with(|| self.subject.cmp(&other.subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_print_as_they_are_read() {
        for word in ["critical", "high", "medium", "low", "negligible", "unknown"] {
            assert_eq!(word.parse::<Level>().unwrap().to_string(), word);
            assert_eq!(
                serde_json::to_string(&word.parse::<Level>().unwrap()).unwrap(),
                format!("\"{word}\"")
            );
        }
        for word in ["vulnerability", "baseline", "malware", "secret", "build", "license"] {
            assert_eq!(
                serde_json::to_string(&word.parse::<Kind>().unwrap()).unwrap(),
                format!("\"{word}\"")
            );
        }
        let error = "soon".parse::<Priority>().unwrap_err();
        assert_eq!(error.to_string(), "`soon` is not one of asap, later, nntf");
        assert!(Priority::Asap > Priority::Later && Level::Critical > Level::High);
    }
}
