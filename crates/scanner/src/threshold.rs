//! The line that `--fail-on` draws.
//!
//! In: `vulnerability:asap,baseline:high,malware`. Out: [`Threshold`], which says whether a report reaches it. Odd: a
//! vulnerability's word is a priority, every other kind's a level; a kind alone means any finding of that kind.

use std::str::FromStr;

use plimsoll_model::{Finding, Kind, Level, Priority, Report, finding::UnknownWord};

/// One or more kinds, each with the urgency from which on a finding reaches the line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Threshold(Vec<Clause>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clause {
    Any(Kind),
    Priority(Priority),
    Level(Kind, Level),
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
    /// Whether it asks about vulnerabilities, which nobody can answer without a feed.
    #[must_use]
    pub fn is_about_vulnerabilities(&self) -> bool {
        self.0
            .iter()
            .any(|clause| matches!(clause, Clause::Any(Kind::Vulnerability) | Clause::Priority(_)))
    }

    /// Whether any open finding of the report reaches the line.
    #[must_use]
    pub fn is_reached(&self, report: &Report) -> bool {
        let mut open = report.findings.iter().filter(|finding| finding.is_open());
        open.any(|finding| self.0.iter().any(|clause| clause.is_reached(finding)))
    }
}

impl Clause {
    fn is_reached(self, finding: &Finding) -> bool {
        match self {
            Self::Any(kind) => finding.kind == kind,
            Self::Priority(priority) => {
                finding.kind == Kind::Vulnerability
                    && finding.priority.is_some_and(|found| found >= priority)
            }
            Self::Level(kind, level) => finding.kind == kind && finding.level >= level,
        }
    }
}

impl FromStr for Clause {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text.split_once(':') {
            None => Ok(Self::Any(text.parse()?)),
            Some((kind, word)) => match kind.parse()? {
                Kind::Vulnerability => Ok(Self::Priority(word.parse()?)),
                kind => Ok(Self::Level(kind, word.parse()?)),
            },
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
        assert!(reached("vulnerability", vulnerability, Level::Low, Some(Priority::Nntf)));
        assert!(reached("baseline:medium", Kind::Baseline, Level::High, None));
        assert!(!reached("baseline:high,malware", Kind::Baseline, Level::Medium, None));
        assert!(reached("baseline:high, malware", Kind::Malware, Level::Low, None));
    }

    #[test]
    fn a_wrong_word_is_named() {
        let error = |text: &str| {
            let error = text.parse::<Threshold>().unwrap_err();
            (error.clause, error.source.word)
        };
        assert_eq!(error("vulnerability:high"), ("vulnerability:high".into(), "high".into()));
        assert_eq!(error("malware,baselin:low"), ("baselin:low".into(), "baselin".into()));
        assert_eq!(error(""), (String::new(), String::new()));
    }
}
