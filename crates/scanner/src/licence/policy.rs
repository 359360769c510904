//! What somebody allows, warns of and denies.
//!
//! In: [`LicenceRules`] as they stand in a file. Out: [`LicencePolicy`], which judges expressions. Source:
//! `docs/licences.md`. Odd: what is said of a licence by its id goes before what is said of ids by a pattern, and that before
//! what is said of its category; an allowed licence is allowed with any exception, for an exception only gives more; a denied
//! one is denied only as it is said.

use std::{fmt, str::FromStr};

use plimsoll_model::{Package, Timestamp, TimestampError, finding::UnknownWord};
use serde::Deserialize;

use super::{
    category::Category,
    expression::{Expression, Term},
};
use crate::{moment::Moment, pattern::is_like};

/// What a policy says of a licence, the kindest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LicenceRuling {
    /// It may be.
    Allow,
    /// Somebody is to look.
    Warn,
    /// It may not be.
    Deny,
}

impl fmt::Display for LicenceRuling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        })
    }
}

/// What becomes of packages whose licence is not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// One gap in the coverage names them.
    #[default]
    Coverage,
    /// A finding of level unknown for each.
    Finding,
    /// A finding of level high for each.
    Deny,
    /// Nothing.
    Ignore,
}

/// A policy as it stands in a file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceRules {
    /// SPDX ids, patterns with `*`, expressions or categories that may be.
    #[serde(default)]
    pub allow: Vec<String>,
    /// … of which somebody is to be told.
    #[serde(default)]
    pub warn: Vec<String>,
    /// … that may not be.
    #[serde(default)]
    pub deny: Vec<String>,
    /// What is in none of the lists; by default denied where there is a list of what is allowed, and allowed else.
    #[serde(default)]
    pub otherwise: Option<LicenceRuling>,
    /// What is not known.
    #[serde(default)]
    pub unknown: Unknown,
    /// Packages of which the lists do not hold.
    #[serde(default)]
    pub exceptions: Vec<PackageException>,
    /// What packages are really under.
    #[serde(default)]
    pub clarify: Vec<Clarification>,
}

/// A package that may have what others may not.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageException {
    /// Its name, in which `*` stands for any text, or its package URL without or with a version.
    pub package: String,
    /// Only while its licence is this expression.
    #[serde(default)]
    pub license: Option<String>,
    /// Why.
    pub reason: String,
    /// From when on it no longer holds: a date or a time.
    #[serde(default)]
    pub expires: Option<Moment>,
}

/// What a package is really under, whatever it says.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clarification {
    /// As of an exception.
    pub package: String,
    /// The expression.
    pub license: String,
    /// How it is known.
    pub reason: String,
}

/// What is wrong with rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    /// An entry that names nothing.
    #[error(
        "`{entry}` in `{list}` is no SPDX id, expression, pattern with `*`, or category (public-domain, permissive, weak-copyleft, copyleft, network-copyleft, restricted, other)"
    )]
    Entry {
        /// The list.
        list: &'static str,
        /// The entry.
        entry: String,
    },
    /// An entry of two lists.
    #[error("`{0}` is in two lists: keep one")]
    Twice(String),
    /// An expression that is none.
    #[error("`license = \"{license}\"` for `{package}` is no licence expression")]
    Expression {
        /// Whose.
        package: String,
        /// What stands there.
        license: String,
    },
    /// Something of a package without its name, or without a reason.
    #[error("an entry for `{0}` needs a package and a reason")]
    Incomplete(String),
    /// A time that is none.
    #[error("`expires`: {0}")]
    Expires(TimestampError),
}

/// What one entry of a list covers.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Entry {
    Whole(Expression),
    Pattern(String),
    Category(Category),
}

/// A policy that judges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LicencePolicy {
    /// With the text of the entry.
    entries: Vec<(LicenceRuling, Entry, String)>,
    otherwise: LicenceRuling,
    /// What becomes of packages whose licence is not known.
    pub unknown: Unknown,
    exceptions: Vec<(String, Option<Expression>, Option<Timestamp>)>,
    clarified: Vec<(String, Expression)>,
}

/// What a policy says of an expression, and by what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Judged {
    pub(super) ruling: LicenceRuling,
    /// The licence that decides.
    pub(super) term: Term,
    /// The entry that decides: `deny = "copyleft"`.
    pub(super) rule: String,
}

/// Whether an entry with its ruling is about a licence.
type Covers<'a> = dyn Fn(&LicenceRuling, &Entry) -> bool + 'a;

impl FromStr for Entry {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let text = text.trim();
        if let Ok(category) = text.parse::<Category>() {
            return Ok(Self::Category(category));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-.+_*".contains(c);
        if text.contains('*') && text.chars().all(is_name) {
            return Ok(Self::Pattern(text.to_owned()));
        }
        Expression::read(text).map(Self::Whole).ok_or_else(|| UnknownWord {
            word: text.to_owned(),
            allowed: "SPDX ids, expressions, patterns, categories",
        })
    }
}

impl LicencePolicy {
    /// The policy that rules say.
    ///
    /// # Errors
    /// An entry that means nothing, or is in two lists.
    pub fn new(rules: &LicenceRules) -> Result<Self, RuleProblem> {
        let mut entries: Vec<(LicenceRuling, Entry, String)> = Vec::new();
        for (list, ruling, texts) in [
            ("deny", LicenceRuling::Deny, &rules.deny),
            ("warn", LicenceRuling::Warn, &rules.warn),
            ("allow", LicenceRuling::Allow, &rules.allow),
        ] {
            for text in texts {
                let entry = text
                    .parse::<Entry>()
                    .map_err(|unknown| RuleProblem::Entry { list, entry: unknown.word })?;
                if entries.iter().any(|(other, known, _)| *known == entry && *other != ruling) {
                    return Err(RuleProblem::Twice(text.clone()));
                }
                entries.push((ruling, entry, format!("{list} = \"{}\"", text.trim())));
            }
        }
        let mut exceptions = Vec::new();
        for exception in &rules.exceptions {
            complete(&exception.package, &exception.reason)?;
            let licence = exception.license.as_deref();
            let licence = licence.map(|text| read(&exception.package, text)).transpose()?;
            let expires = exception.expires.as_ref().map(Moment::time).transpose();
            let expires = expires.map_err(RuleProblem::Expires)?;
            exceptions.push((exception.package.clone(), licence, expires));
        }
        let mut clarified = Vec::new();
        for clarification in &rules.clarify {
            complete(&clarification.package, &clarification.reason)?;
            let licence = read(&clarification.package, &clarification.license)?;
            clarified.push((clarification.package.clone(), licence));
        }
        let by_default =
            if rules.allow.is_empty() { LicenceRuling::Allow } else { LicenceRuling::Deny };
        Ok(Self {
            entries,
            otherwise: rules.otherwise.unwrap_or(by_default),
            unknown: rules.unknown,
            exceptions,
            clarified,
        })
    }

    /// What is said of an expression.
    #[must_use]
    pub fn ruling(&self, expression: &Expression) -> LicenceRuling {
        self.judge(expression).ruling
    }

    pub(super) fn judge(&self, expression: &Expression) -> Judged {
        let whole = self
            .entries
            .iter()
            .find(|(_, entry, _)| matches!(entry, Entry::Whole(known) if known == expression));
        if let (Some((ruling, _, rule)), Expression::All(_) | Expression::Any(_)) =
            (whole, expression)
        {
            return Judged { ruling: *ruling, term: first(expression), rule: rule.clone() };
        }
        match expression {
            Expression::One(term) => self.judge_term(term),
            // The first of equals, so that the answer does not hang on the order in memory.
            Expression::All(parts) => self.decide(parts, |new, old| new > old, expression),
            Expression::Any(parts) => self.decide(parts, |new, old| new < old, expression),
        }
    }

    fn decide(
        &self,
        parts: &[Expression],
        is_better: fn(LicenceRuling, LicenceRuling) -> bool,
        whole: &Expression,
    ) -> Judged {
        let mut decided: Option<Judged> = None;
        for part in parts {
            let judged = self.judge(part);
            if decided.as_ref().is_none_or(|known| is_better(judged.ruling, known.ruling)) {
                decided = Some(judged);
            }
        }
        decided.unwrap_or_else(|| Judged {
            ruling: self.otherwise,
            term: first(whole),
            rule: "otherwise".to_owned(),
        })
    }

    fn judge_term(&self, term: &Term) -> Judged {
        let judged = |(ruling, _, rule): &(LicenceRuling, Entry, String)| Judged {
            ruling: *ruling,
            term: term.clone(),
            rule: rule.clone(),
        };
        let plain = Expression::One(Term { exception: None, ..term.clone() });
        let with = Expression::One(term.clone());
        let category = term.category();
        let steps: [&Covers<'_>; 4] = [
            &|_, entry| matches!(entry, Entry::Whole(known) if *known == with),
            &|ruling, entry| {
                *ruling == LicenceRuling::Allow
                    && matches!(entry, Entry::Whole(known) if *known == plain)
            },
            &|ruling, entry| {
                matches!(entry, Entry::Pattern(pattern) if is_like(&term.licence, pattern)
                    && (term.exception.is_none() || *ruling == LicenceRuling::Allow))
            },
            &|_, entry| matches!(entry, Entry::Category(known) if *known == category),
        ];
        // Entries stand with the harshest first, so that of two that say different things that one decides.
        for step in steps {
            if let Some(entry) = self.entries.iter().find(|(ruling, entry, _)| step(ruling, entry))
            {
                return judged(entry);
            }
        }
        Judged { ruling: self.otherwise, term: term.clone(), rule: "otherwise".to_owned() }
    }

    /// What the policy says that the package is under.
    pub(super) fn clarified(&self, package: &Package) -> Option<Expression> {
        let found = self.clarified.iter().find(|(pattern, _)| is_package(package, pattern));
        found.map(|(_, expression)| expression.clone())
    }

    /// Whether the package may have what others may not.
    pub(super) fn is_excepted(
        &self,
        package: &Package,
        expression: Option<&Expression>,
        now: Timestamp,
    ) -> bool {
        self.exceptions.iter().any(|(pattern, licence, expires)| {
            expires.is_none_or(|at| at > now)
                && licence.as_ref().is_none_or(|licence| Some(licence) == expression)
                && is_package(package, pattern)
        })
    }
}

fn complete(package: &str, reason: &str) -> Result<(), RuleProblem> {
    if package.trim().is_empty() || reason.trim().is_empty() {
        return Err(RuleProblem::Incomplete(package.to_owned()));
    }
    Ok(())
}

fn read(package: &str, licence: &str) -> Result<Expression, RuleProblem> {
    Expression::read(licence).ok_or_else(|| RuleProblem::Expression {
        package: package.to_owned(),
        license: licence.to_owned(),
    })
}

fn first(expression: &Expression) -> Term {
    match expression {
        Expression::One(term) => term.clone(),
        Expression::All(parts) | Expression::Any(parts) => parts
            .first()
            .map_or_else(|| Term { licence: "NONE".to_owned(), exception: None }, first),
    }
}

/// By name, or by a package URL, whose version may be left out.
fn is_package(package: &Package, pattern: &str) -> bool {
    let pattern = pattern.trim();
    if pattern.starts_with("pkg:") {
        let rest = package.purl.strip_prefix(pattern);
        return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '?', '#']));
    }
    is_like(&package.name, pattern)
        || package.source.as_ref().is_some_and(|source| is_like(&source.name, pattern))
}
