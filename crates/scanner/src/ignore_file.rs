//! Ignore rules as they stand in files.
//!
//! In: TOML, `[[ignore]]` tables with `vulnerability` (or `kind` and `id`) and `reason`. Out: [`PlacedRule`]s, each with its line. Source:
//! `docs/ignore.md`. Odd: a rule that has run out is no error; one that cannot be is one, for the answer rests on it.

use plimsoll_model::{
    IgnoreUse, IgnoreUseState, Kind, NewIgnoreRule, Report, RuleType, Timestamp, ignore,
};
use serde::Deserialize;
use toml::Spanned;

use crate::moment::Moment;

/// Rules of one file.
const MOST: usize = 10_000;

/// A rule with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedRule {
    /// File and line.
    pub place: String,
    /// What it says.
    pub rule: NewIgnoreRule,
}

/// Why a file holds no rules that could be used.
#[derive(Debug, thiserror::Error)]
pub enum IgnoreFileError {
    /// It is no TOML, or not of this form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// It has too many.
    #[error("more than {MOST} rules")]
    TooMany,
    /// One of them cannot be.
    #[error("line {line}: {problem}")]
    Rule {
        /// Where it stands.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    ignore: Vec<Spanned<Entry>>,
}

/// One rule as it is written.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    #[serde(default)]
    kind: Kind,
    #[serde(alias = "id")]
    vulnerability: String,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    md5: Option<String>,
    #[serde(default)]
    false_positive: bool,
    reason: String,
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    package: Option<String>,
    #[serde(default)]
    r#type: Option<RuleType>,
    #[serde(default)]
    expires: Option<Moment>,
}

/// Reads the text of a file; its name stands in the places and is the author where a rule names none.
///
/// # Errors
/// See [`IgnoreFileError`].
pub fn read(name: &str, text: &str) -> Result<Vec<PlacedRule>, IgnoreFileError> {
    let document: Document = toml::from_str(text)?;
    placed(name, text, document.ignore)
}

/// The rules of entries that were read from a text.
pub(crate) fn placed(
    name: &str,
    text: &str,
    entries: Vec<Spanned<Entry>>,
) -> Result<Vec<PlacedRule>, IgnoreFileError> {
    if entries.len() > MOST {
        return Err(IgnoreFileError::TooMany);
    }
    let mut rules = Vec::with_capacity(entries.len());
    for entry in entries {
        let line = line_of(text, entry.span().start);
        let rule = rule(name, entry.into_inner())
            .map_err(|problem| IgnoreFileError::Rule { line, problem })?;
        rules.push(PlacedRule { place: format!("{name}:{line}"), rule });
    }
    Ok(rules)
}

/// Lines count from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

fn rule(name: &str, entry: Entry) -> Result<NewIgnoreRule, String> {
    let expires = entry.expires.map(|moment| moment.time()).transpose();
    let expires = expires.map_err(|error| format!("`expires`: {error}"))?;
    let rule = NewIgnoreRule {
        kind: entry.kind,
        path: entry.path,
        md5: entry.md5,
        false_positive: entry.false_positive,
        vulnerability: entry.vulnerability,
        package: entry.package,
        of_type: entry.r#type,
        reason: entry.reason,
        // Who may change the file decides; its history knows who did.
        author: entry.author.unwrap_or_else(|| name.to_owned()),
        ..NewIgnoreRule::default()
    };
    // That it has run out is told, and is no mistake.
    let rule = rule.checked(Timestamp(i64::MIN)).map_err(|error| error.to_string())?;
    Ok(NewIgnoreRule { expires, ..rule })
}

/// Takes what rules cover out of what counts, and says in the report what each rule did.
pub fn apply(rules: Vec<PlacedRule>, now: Timestamp, report: &mut Report) {
    let is_over = |placed: &PlacedRule| placed.rule.expires.is_some_and(|at| at <= now);
    let holding: Vec<(String, &NewIgnoreRule)> = rules
        .iter()
        .filter(|placed| !is_over(placed))
        .map(|placed| (placed.place.clone(), &placed.rule))
        .collect();
    let mut covered = ignore::apply(&mut report.findings, &holding).into_iter();
    let mut uses = Vec::with_capacity(rules.len());
    for placed in rules {
        let (state, findings) = if is_over(&placed) {
            (IgnoreUseState::Expired, 0)
        } else {
            match covered.next().unwrap_or_default() {
                0 => (IgnoreUseState::Unused, 0),
                findings => (IgnoreUseState::Used, findings),
            }
        };
        uses.push(IgnoreUse { place: placed.place, rule: placed.rule, state, findings });
    }
    report.ignore_rules = uses;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_are_read_with_their_lines() {
        let text = "# ours\n[[ignore]]\nvulnerability = \"CVE-1\"\nreason = \"r\"\nexpires = 2027-03-01\n\n\
            [[ignore]]\nvulnerability = \"CVE-2\"\npackage = \"pkg:npm/a\"\ntype = \"sca\"\nauthor = \"ada\"\n\
            reason = \"s\"\nexpires = \"2027-03-01T08:00:00Z\"\n";
        let rules = read("plimsoll.toml", text).unwrap();
        let places: Vec<&str> = rules.iter().map(|placed| placed.place.as_str()).collect();
        assert_eq!(places, ["plimsoll.toml:2", "plimsoll.toml:7"]);
        assert_eq!(rules[0].rule.author, "plimsoll.toml");
        assert_eq!(rules[0].rule.expires, Some("2027-03-01".parse().unwrap()));
        assert_eq!(
            (rules[1].rule.of_type, rules[1].rule.author.as_str()),
            (Some(RuleType::Sca), "ada")
        );
        assert_eq!(rules[1].rule.expires, Some("2027-03-01T08:00:00Z".parse().unwrap()));
        assert!(read("x", "").unwrap().is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_says_what_and_where() {
        let entry = |more: &str| format!("\n[[ignore]]\nvulnerability = \"CVE-1\"\n{more}");
        for (text, wanted) in [
            (entry(""), "reason"),
            (entry("reason = \" \""), "gives no reason"),
            (entry("reason = \"r\"\nexpires = \"soon\""), "`soon` is not a time"),
            (entry("reason = \"r\"\nexpires = 08:00:00"), "is not a time"),
            (entry("reason = \"r\"\ntype = \"os\""), "os"),
            (entry("reason = \"r\"\nrepositories = []"), "repositories"),
            (entry("reason = \"r\"\npackage = \"pkg:\""), "package URL"),
            ("[[ignored]]\n".to_owned(), "ignored"),
            ("[".to_owned(), "TOML"),
        ] {
            let error = read("x", &text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        let error = read("x", &entry("reason = \" \"")).unwrap_err().to_string();
        assert!(error.starts_with("line 2: "), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_rules_or_an_error(text in "(\\[\\[ignore\\]\\]|vulnerability|reason|expires|=|\"|\n|[a-z0-9-]){0,30}") {
            let _answer = read("x", &text).map_err(drop);
        }
    }
}
