//! How completely we could look.
//!
//! In: what readers and parsers could not do. Out: [`Coverage`], part of every report, so that "no findings" never means
//! "clean" by accident. Odd: the verdict follows from the gaps; nobody sets it.

use serde::{Deserialize, Serialize};

use crate::finding::{Kind, UnknownWord};

/// The verdict over all gaps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The image itself could not be read: findings say nothing.
    Unreadable,
    /// Something could not be looked at; the gaps say what.
    Partial,
    /// Everything that we know how to read was read.
    Complete,
}

impl std::str::FromStr for Verdict {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word.to_ascii_uppercase().as_str() {
            "UNREADABLE" => Ok(Self::Unreadable),
            "PARTIAL" => Ok(Self::Partial),
            "COMPLETE" => Ok(Self::Complete),
            _ => {
                Err(UnknownWord { word: word.to_owned(), allowed: "unreadable, partial, complete" })
            }
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Unreadable => "UNREADABLE",
            Self::Partial => "PARTIAL",
            Self::Complete => "COMPLETE",
        })
    }
}

/// Why something could not be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The image, a manifest or a whole layer: nothing below it was seen.
    UnreadableImage,
    /// A file that a parser claimed could not be read or parsed.
    UnreadableFile,
    /// A limit was reached; the detail names it with its number.
    BudgetReached,
    /// No advisory source knows this distribution or release.
    UnsupportedDistribution,
    /// The distribution's release gets no fixes any more, so advisories for it are missing.
    EndOfLifeDistribution,
    /// No distribution could be determined although there are files of one.
    UnknownDistribution,
    /// A package database was removed or forged; the detail says which.
    PackageDatabaseRemoved,
    /// A version that its ecosystem's order cannot compare.
    UnparsableVersion,
    /// No feed at all, or none for an ecosystem that the image has packages of.
    FeedMissing,
    /// The feed's data is older than a week.
    FeedStale,
    /// Archive entries or documents on which runtimes disagree.
    Anomaly,
    /// What was scanned cannot show it: an SBOM lists packages and holds no files.
    NotInSource,
    /// What somebody else says, taken without a check of who it is: an SBOM from a registry.
    Unverified,
    /// A program of which it cannot be told what it is made of: it is packed, or nothing in it or beside it says so.
    OpaqueProgram,
    /// Packages of which nobody can tell what licence they have.
    UnknownLicence,
}

/// One thing that could not be looked at.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// Kind of gap.
    pub reason: GapReason,
    /// Who noticed: a parser's, check's or reader's id.
    pub by: String,
    /// Where: a path, a layer digest, a package URL; empty for the whole image.
    pub at: String,
    /// What happened, as one sentence.
    pub detail: String,
}

/// How completely we could look.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Coverage {
    /// The verdict over `gaps`.
    pub verdict: Verdict,
    /// Ids of the parsers, checks and matchers that ran, sorted. What is not here was not looked for.
    pub ran: Vec<String>,
    /// What could not be looked at, sorted, without duplicates.
    pub gaps: Vec<Gap>,
    /// Kinds of risk that nobody asked for, so that nothing was looked for and the verdict says nothing of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Kind>,
}

impl Coverage {
    /// Sorts both lists and derives the verdict: unreadable with an [`GapReason::UnreadableImage`], complete without
    /// gaps, partial otherwise.
    #[must_use]
    pub fn new(mut ran: Vec<String>, mut gaps: Vec<Gap>) -> Self {
        ran.sort();
        ran.dedup();
        gaps.sort();
        gaps.dedup();
        let verdict = if gaps.iter().any(|gap| gap.reason == GapReason::UnreadableImage) {
            Verdict::Unreadable
        } else if gaps.is_empty() {
            Verdict::Complete
        } else {
            Verdict::Partial
        };
        Self { verdict, ran, gaps, left_out: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_follows_from_the_gaps() {
        let gap =
            |reason| Gap { reason, by: "tar".into(), at: String::new(), detail: String::new() };
        assert_eq!(Coverage::new(vec![], vec![]).verdict, Verdict::Complete);
        let stale = gap(GapReason::FeedStale);
        let partial = Coverage::new(
            vec!["b".into(), "a".into(), "a".into()],
            vec![stale.clone(), stale.clone()],
        );
        assert_eq!(partial.verdict, Verdict::Partial);
        assert_eq!((partial.ran, partial.gaps.len()), (vec!["a".to_owned(), "b".to_owned()], 1));
        let unreadable = Coverage::new(vec![], vec![stale, gap(GapReason::UnreadableImage)]);
        assert_eq!(unreadable.verdict, Verdict::Unreadable);
        assert!("partial".parse::<Verdict>().unwrap() < Verdict::Complete);
    }
}
