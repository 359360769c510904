//! Files of ignore rules, and what they make of a report.
//!
//! In: TOML, `[[ignore]]` tables with `vulnerability` (or `kind` and `id`) and `reason`. Out: the report, in which what the rules cover is
//! suppressed, and which says what each rule did. Source: `docs/ignore.md`. Odd: a rule that has run out is no error,
//! but does nothing and is told; one that cannot be is an error, for the answer rests on it.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use plimsoll_model::{
    IgnoreUse, IgnoreUseState, Kind, NewIgnoreRule, Report, RuleType, Timestamp, ignore::apply,
};
use serde::Deserialize;
use toml::Spanned;

use crate::terminal::Terminal;

/// Bytes of one file.
const LARGEST: u64 = 1 << 20;
/// Rules of one file.
const MOST: usize = 10_000;

/// A rule with its place.
#[derive(Debug)]
pub(super) struct Placed {
    place: String,
    rule: NewIgnoreRule,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    ignore: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
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

/// A date of TOML's own, or a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Date(toml::value::Datetime),
    Text(String),
}

/// Reads the files that the user names.
pub(super) fn read_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Placed>> {
    let mut rules = Vec::new();
    for path in paths {
        let what = || format!("`--ignore-file {}`", path.display());
        let text = read_file(path).with_context(what)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        rules.extend(read(&name, &text).with_context(what)?);
    }
    Ok(rules)
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    // One byte more tells a file that is too large.
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        bail!("larger than 1 MiB");
    }
    Ok(String::from_utf8(bytes)?)
}

fn read(name: &str, text: &str) -> anyhow::Result<Vec<Placed>> {
    let document: Document = toml::from_str(text)?;
    if document.ignore.len() > MOST {
        bail!("more than {MOST} rules");
    }
    let mut rules = Vec::with_capacity(document.ignore.len());
    for entry in document.ignore {
        let before = text.get(..entry.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let entry = entry.into_inner();
        let place = format!("{name}:{line}");
        let expires = match entry.expires {
            None => None,
            Some(moment) => {
                let text = match moment {
                    Moment::Date(date) => date.to_string(),
                    Moment::Text(text) => text,
                };
                let time = text.parse::<Timestamp>();
                Some(time.with_context(|| format!("line {line}: `expires`"))?)
            }
        };
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
        let rule = rule.checked(Timestamp(i64::MIN)).with_context(|| format!("line {line}"))?;
        rules.push(Placed { place, rule: NewIgnoreRule { expires, ..rule } });
    }
    Ok(rules)
}

/// Takes what the rules cover out of what counts, and tells which rules do nothing.
pub(super) fn look(rules: Vec<Placed>, now: Timestamp, terminal: Terminal, report: &mut Report) {
    if rules.is_empty() {
        return;
    }
    for used in uses(rules, now, report) {
        let IgnoreUse { place, rule, state, .. } = used;
        match state {
            IgnoreUseState::Used => {}
            IgnoreUseState::Unused => terminal.say(&format!(
                "{place}: `{}` is not found here: the rule ignores nothing",
                rule.vulnerability
            )),
            IgnoreUseState::Expired => terminal.say(&format!(
                "{place}: the rule on `{}` ran out{}: it ignores nothing any more",
                rule.vulnerability,
                rule.expires.map_or_else(String::new, |at| format!(" at {at}"))
            )),
        }
    }
}

fn uses(rules: Vec<Placed>, now: Timestamp, report: &mut Report) -> Vec<IgnoreUse> {
    let is_over = |placed: &Placed| placed.rule.expires.is_some_and(|at| at <= now);
    let holding: Vec<(String, &NewIgnoreRule)> = rules
        .iter()
        .filter(|placed| !is_over(placed))
        .map(|placed| (placed.place.clone(), &placed.rule))
        .collect();
    let mut covered = apply(&mut report.findings, &holding).into_iter();
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
    report.ignore_rules.clone_from(&uses);
    uses
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
            let error = format!("{:#}", read("x", &text).unwrap_err());
            assert!(error.contains(wanted), "{text}: {error}");
        }
        let error = format!("{:#}", read("x", &entry("reason = \" \"")).unwrap_err());
        assert!(error.starts_with("line 2: "), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_rules_or_an_error(text in "(\\[\\[ignore\\]\\]|vulnerability|reason|expires|=|\"|\n|[a-z0-9-]){0,30}") {
            let _answer = read("x", &text).map_err(drop);
        }
    }
}
