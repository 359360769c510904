//! The line that `--fail-on` and a policy draw.
//!
//! In: `vulnerability:asap,baseline:high,malware`. Out: [`Threshold`], which says whether findings reach it, and which do. Odd:
//! a vulnerability's word is a priority or a level, every other kind's a level; malicious files have words of their own for
//! theirs; a kind alone, or with `any`, means any finding of that kind.

use std::{fmt, str::FromStr};

use plimsoll_model::{Finding, Kind, Level, Priority, Report, finding::UnknownWord};

/// One or more kinds, each with the urgency from which on a finding reaches the line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Threshold(Vec<Clause>);

/// A kind with its urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    kind: Kind,
    from: Floor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Floor {
    Any,
    Priority(Priority),
    Level(Level),
}

/// Why a text is not a [`Threshold`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{clause}`: {source} (the form is KIND or KIND:LEVEL, such as vulnerability:asap, baseline:high or malware)"
)]
pub struct ThresholdError {
    /// The part between two commas that does not fit.
    pub clause: String,
    /// Which word is unknown.
    #[source]
    pub source: UnknownWord,
}

impl Threshold {
    /// A line of one kind, from a word on.
    ///
    /// # Errors
    /// The word is none of that kind's.
    pub fn of(kind: Kind, word: &str) -> Result<Self, UnknownWord> {
        Ok(Self(vec![Clause::of(kind, word)?]))
    }

    /// The lines of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Its parts, in the order in which they were said.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.0
    }

    /// Whether it asks about vulnerabilities, which nobody can answer without a feed.
    #[must_use]
    pub fn is_about_vulnerabilities(&self) -> bool {
        self.is_about(Kind::Vulnerability)
    }

    /// Whether it asks about a kind.
    #[must_use]
    pub fn is_about(&self, kind: Kind) -> bool {
        self.0.iter().any(|clause| clause.kind == kind)
    }

    /// Whether any open finding of the report reaches the line.
    #[must_use]
    pub fn is_reached(&self, report: &Report) -> bool {
        self.0.iter().any(|clause| clause.reached(&report.findings).next().is_some())
    }
}

impl Clause {
    fn of(kind: Kind, word: &str) -> Result<Self, UnknownWord> {
        let unknown = |allowed| UnknownWord { word: word.to_owned(), allowed };
        let from = match (kind, word) {
            (_, "any") => Floor::Any,
            (Kind::Vulnerability, word) => match (word.parse(), word.parse()) {
                (Ok(priority), _) => Floor::Priority(priority),
                (_, Ok(level)) => Floor::Level(level),
                _ => {
                    return Err(unknown(
                        "asap, later, nntf, critical, high, medium, low, negligible, unknown, any",
                    ));
                }
            },
            (Kind::Malware, "serious") => Floor::Level(Level::High),
            (Kind::Malware, "suspicious") => Floor::Level(Level::Medium),
            (Kind::Malware, "remind") => Floor::Level(Level::Low),
            (Kind::Malware, word) => Floor::Level(word.parse().map_err(|_unknown: UnknownWord| {
                unknown("serious, suspicious, remind, critical, high, medium, low, negligible, unknown, any")
            })?),
            (_, word) => Floor::Level(word.parse().map_err(|_unknown: UnknownWord| {
                unknown("critical, high, medium, low, negligible, unknown, any")
            })?),
        };
        Ok(Self { kind, from })
    }

    /// The kind that it asks about.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// The open findings that reach it.
    pub fn reached(self, findings: &[Finding]) -> impl Iterator<Item = &Finding> {
        findings.iter().filter(move |finding| finding.is_open() && self.is_reached(finding))
    }

    fn is_reached(self, finding: &Finding) -> bool {
        finding.kind == self.kind
            && match self.from {
                Floor::Any => true,
                Floor::Priority(priority) => {
                    finding.priority.is_some_and(|found| found >= priority)
                }
                Floor::Level(level) => finding.level >= level,
            }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Floor::Any => write!(f, "{}", self.kind),
            Floor::Priority(priority) => write!(f, "{}:{priority}", self.kind),
            Floor::Level(level) => write!(f, "{}:{level}", self.kind),
        }
    }
}

impl FromStr for Clause {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text.split_once(':') {
            None => Ok(Self { kind: text.parse()?, from: Floor::Any }),
            Some((kind, word)) => Self::of(kind.trim().parse()?, word.trim()),
        }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let clause = |clause: &str| {
            let parsed = clause.trim().parse::<Clause>();
            parsed.map_err(|source| ThresholdError { clause: clause.trim().to_owned(), source })
        };
        text.split(',').map(clause).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plimsoll_model::Subject;

    use super::*;

    fn finding(kind: Kind, level: Level, priority: Option<Priority>) -> Finding {
        Finding {
            kind,
            id: "x".into(),
            record: "x".into(),
            aliases: vec![],
            advisories: vec![],
            level,
            priority,
            score: None,
            urgency: None,
            subject: Subject::Image(String::new()),
            title: String::new(),
            evidence: vec![],
            fix: None,
            status: None,
            suppressed: None,
            views: Vec::new(),
            why: Vec::new(),
            extra: BTreeMap::new(),
        }
    }

    #[test]
    fn the_line_is_reached_from_its_level_on() {
        let reached = |line: &str, kind, level, priority| {
            let line: Threshold = line.parse().unwrap();
            line.0.iter().any(|clause| clause.is_reached(&finding(kind, level, priority)))
        };
        let vulnerability = Kind::Vulnerability;
        assert!(reached("vulnerability:later", vulnerability, Level::Low, Some(Priority::Asap)));
        assert!(!reached(
            "vulnerability:asap",
            vulnerability,
            Level::Critical,
            Some(Priority::Later)
        ));
        assert!(reached(
            "vulnerability:critical",
            vulnerability,
            Level::Critical,
            Some(Priority::Nntf)
        ));
        assert!(!reached(
            "vulnerability:critical",
            vulnerability,
            Level::High,
            Some(Priority::Asap)
        ));
        assert!(reached("vulnerability", vulnerability, Level::Low, Some(Priority::Nntf)));
        assert!(reached("vulnerability:any", vulnerability, Level::Low, Some(Priority::Nntf)));
        assert!(reached("baseline:medium", Kind::Baseline, Level::High, None));
        assert!(!reached("baseline:high,malware", Kind::Baseline, Level::Medium, None));
        assert!(reached("baseline:high, malware", Kind::Malware, Level::Low, None));
        assert!(reached("malware:suspicious", Kind::Malware, Level::Medium, None));
        assert!(!reached("malware:serious", Kind::Malware, Level::Medium, None));
        assert!(reached("secret:medium,license", Kind::License, Level::Unknown, None));
        assert!(!reached("secret:medium,license:low", Kind::License, Level::Unknown, None));
        assert!(!reached("secret:medium", Kind::Build, Level::High, None));
    }

    #[test]
    fn a_wrong_word_is_named_with_what_is_allowed() {
        let error = |text: &str| {
            let error = text.parse::<Threshold>().unwrap_err();
            (error.clause, error.source.word, error.source.allowed)
        };
        assert_eq!(
            error("vulnerability:soon"),
            (
                "vulnerability:soon".into(),
                "soon".into(),
                "asap, later, nntf, critical, high, medium, low, negligible, unknown, any"
            )
        );
        assert_eq!(error("malware:bad").2.split(',').next(), Some("serious"));
        assert_eq!(error("baseline:asap").1, "asap");
        assert_eq!(error("malware,baselin:low").1, "baselin");
        assert_eq!(error("").1, "");
    }

    #[test]
    fn clauses_print_as_they_are_read() {
        for text in [
            "vulnerability:asap",
            "vulnerability:high",
            "baseline:low",
            "malware",
            "license:unknown",
        ] {
            assert_eq!(text.parse::<Clause>().unwrap().to_string(), text);
        }
    }
}
