//! What somebody lets pass: one file for the command line and the server, and the same words in the rules of [`AdmissionPolicy`].
//!
//! In: `plimsoll.toml`, a report. Out: [`Policy`], and by [`decide`] a [`Decision`] with its reasons. Source: `docs/policy.md`.
//! Odd: deciding is a pure function of policy, report and place; what could not be looked at is never a pass where the policy
//! asks for it; a key that is not known is an error, for a policy that is misspelt would let everything pass.

mod admission;

use std::fmt;

use plimsoll_model::{Digest, Kind, Report, Timestamp, Verdict};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{
    Threshold,
    ignore_file::{self, IgnoreFileError, PlacedRule, line_of},
    licence::{self, LicencePolicy, LicenceRules, RuleProblem},
    pattern::is_like,
};

pub use self::admission::{
    AdmissionMode, AdmissionPolicy, AdmissionPolicyError, AdmissionRule, Asked,
};

/// Largest file, in bytes.
pub const LARGEST: u64 = 1 << 20;
/// Findings that a reason names.
const NAMED: usize = 3;

/// A policy.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Findings that are refused.
    pub deny: Threshold,
    /// Findings that are told.
    pub warn: Threshold,
    /// Less coverage is refused.
    pub coverage: Option<Verdict>,
    /// Where images may come from: `host/repository`, in which `*` stands for any text. Empty: from anywhere.
    pub registries: Vec<String>,
    /// What images may begin with: blob digests of their lowest layer. Empty: with anything.
    pub base_layers: Vec<Digest>,
    /// What licences packages may have.
    pub licences: Option<LicencePolicy>,
    /// Vulnerabilities that do not count.
    pub ignore: Vec<PlacedRule>,
    /// Files with more of these, as they stand in the file: relative to it.
    pub ignore_files: Vec<String>,
}

/// Why a text is no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is no TOML, or has a key that is not known.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// A value that cannot be.
    #[error("line {line}: `{key}`: {problem}")]
    Value {
        /// Where it stands.
        line: usize,
        /// What it is of.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It asks for findings that nothing could find.
    #[error(
        "`deny.license` and `warn.license` need a table `[licenses]`, which says what is wrong with a licence"
    )]
    NoLicences,
    /// A rule on licences that cannot be.
    #[error("`[licenses]`: {0}")]
    Licence(#[from] RuleProblem),
    /// An ignore rule that cannot be.
    #[error("`[[ignore]]`: {0}")]
    Ignore(#[from] IgnoreFileError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, rename = "ignore-files")]
    ignore_files: Vec<String>,
    #[serde(default)]
    deny: Lines,
    #[serde(default)]
    warn: Lines,
    #[serde(default)]
    require: Required,
    #[serde(default)]
    licenses: Option<LicenceRules>,
    #[serde(default)]
    ignore: Vec<Spanned<ignore_file::Entry>>,
}

/// From which word on findings of a kind reach a line.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Lines {
    vulnerability: Option<Spanned<String>>,
    baseline: Option<Spanned<String>>,
    malware: Option<Spanned<String>>,
    secret: Option<Spanned<String>>,
    build: Option<Spanned<String>>,
    license: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Required {
    coverage: Option<Spanned<String>>,
    #[serde(default)]
    registries: Vec<String>,
    #[serde(default)]
    base_layers: Vec<Spanned<String>>,
}

impl Policy {
    /// Tells this policy from every other one, and from itself once one of its ignore rules has run out: what it says of a report
    /// may be another thing then.
    #[must_use]
    pub fn fingerprint(&self, now: Timestamp) -> String {
        let has_ended = |placed: &&PlacedRule| placed.rule.expires.is_some_and(|at| at <= now);
        let ended = self.ignore.iter().filter(has_ended).count();
        // All that it is made of, in the words of this version of the program.
        let whole = format!("{} {self:?} {ended}", env!("CARGO_PKG_VERSION"));
        let digest = digest(&SHA256, whole.as_bytes());
        digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads the text of a file; its name stands in the places of ignore rules.
    ///
    /// # Errors
    /// See [`PolicyError`]; each names the line or the key.
    pub fn read(name: &str, text: &str) -> Result<Self, PolicyError> {
        Self::of(toml::from_str(text)?, name, text, "")
    }

    /// Of a document that stands in a text, its tables behind `prefix`.
    fn of(document: Document, name: &str, text: &str, prefix: &str) -> Result<Self, PolicyError> {
        let value = |key: &str, spanned: &Spanned<String>, problem: String| PolicyError::Value {
            line: line_of(text, spanned.span().start),
            key: format!("{prefix}{key}"),
            problem,
        };
        let coverage = document.require.coverage.map(|spanned| {
            spanned
                .as_ref()
                .parse::<Verdict>()
                .map_err(|error| value("require.coverage", &spanned, error.to_string()))
        });
        let base_layers = document.require.base_layers.into_iter().map(|spanned| {
            spanned
                .as_ref()
                .parse::<Digest>()
                .map_err(|error| value("require.base-layers", &spanned, error.to_string()))
        });
        let licences = document.licenses.as_ref().map(LicencePolicy::new).transpose()?;
        let deny = document.deny.threshold(&format!("{prefix}deny"), text)?;
        let warn = document.warn.threshold(&format!("{prefix}warn"), text)?;
        if licences.is_none() && [&deny, &warn].iter().any(|line| line.is_about(Kind::License)) {
            return Err(PolicyError::NoLicences);
        }
        Ok(Self {
            deny,
            warn,
            coverage: coverage.transpose()?,
            registries: document.require.registries,
            base_layers: base_layers.collect::<Result<_, _>>()?,
            licences,
            ignore: ignore_file::placed(name, text, document.ignore)?,
            ignore_files: document.ignore_files,
        })
    }

    /// Whether it asks about vulnerabilities, which nobody can answer without a feed.
    #[must_use]
    pub fn is_about_vulnerabilities(&self) -> bool {
        self.is_about(Kind::Vulnerability)
    }

    /// Whether it asks about a kind; its rules on licences ask about those.
    #[must_use]
    pub fn is_about(&self, kind: Kind) -> bool {
        let has_licences = kind == Kind::License && self.licences.is_some();
        has_licences || self.deny.is_about(kind) || self.warn.is_about(kind)
    }

    /// Brings what it says of licences and ignored vulnerabilities into a report.
    pub fn apply(&self, now: Timestamp, report: &mut Report) {
        if let Some(licences) = &self.licences {
            licence::look(licences, now, report);
        }
        if !self.ignore.is_empty() {
            ignore_file::apply(self.ignore.clone(), now, report);
        }
    }
}

impl Lines {
    fn threshold(self, table: &str, text: &str) -> Result<Threshold, PolicyError> {
        let mut threshold = Threshold::default();
        for (kind, word) in [
            (Kind::Vulnerability, self.vulnerability),
            (Kind::Malware, self.malware),
            (Kind::Secret, self.secret),
            (Kind::Baseline, self.baseline),
            (Kind::Build, self.build),
            (Kind::License, self.license),
        ] {
            let Some(word) = word else { continue };
            let of_kind =
                Threshold::of(kind, word.as_ref()).map_err(|error| PolicyError::Value {
                    line: line_of(text, word.span().start),
                    key: format!("{table}.{kind}"),
                    problem: error.to_string(),
                })?;
            threshold = threshold.and(of_kind);
        }
        Ok(threshold)
    }
}

/// What a policy says of an image, the kindest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyVerdict {
    /// Nothing speaks against it.
    Pass,
    /// Somebody is to look.
    Warn,
    /// It is refused.
    Deny,
}

impl PolicyVerdict {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for PolicyVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that speaks against an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// How hard.
    pub verdict: PolicyVerdict,
    /// Which part of the policy says so: `deny.vulnerability:asap`.
    pub rule: String,
    /// Why, as one sentence.
    pub text: String,
}

/// What a policy says of an image, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// The harshest of the reasons.
    pub verdict: PolicyVerdict,
    /// Everything that speaks against it, the hardest first.
    pub reasons: Vec<Reason>,
}

impl Decision {
    fn of(mut reasons: Vec<Reason>) -> Self {
        // Stable: reasons of one weight keep their order.
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
        let verdict = reasons.first().map_or(PolicyVerdict::Pass, |reason| reason.verdict);
        Self { verdict, reasons }
    }
}

/// What the policy says of a report in which it has been applied. `place` is `host/repository`, where the image is from one.
#[must_use]
pub fn decide(policy: &Policy, report: &Report, place: Option<&str>) -> Decision {
    let mut reasons = Vec::new();
    let mut say =
        |verdict, rule: String, text: String| reasons.push(Reason { verdict, rule, text });
    let coverage = report.coverage.verdict;
    if coverage == Verdict::Unreadable {
        say(
            PolicyVerdict::Deny,
            "require.coverage".to_owned(),
            "the image could not be read, so that nothing is known of it".to_owned(),
        );
    } else if let Some(required) = policy.coverage.filter(|required| coverage < *required) {
        say(
            PolicyVerdict::Deny,
            "require.coverage".to_owned(),
            format!("coverage is {coverage}, less than {required}"),
        );
    }
    for (verdict, threshold) in
        [(PolicyVerdict::Deny, &policy.deny), (PolicyVerdict::Warn, &policy.warn)]
    {
        for clause in threshold.clauses() {
            if clause.kind() == Kind::Vulnerability && report.feed.is_none() {
                say(
                    verdict,
                    format!("{verdict}.{clause}"),
                    "there is no advisory data, so that nobody could look".to_owned(),
                );
                continue;
            }
            let mut ids: Vec<&str> = Vec::new();
            for finding in clause.reached(&report.findings) {
                if !ids.contains(&finding.id.as_str()) {
                    ids.push(&finding.id);
                }
            }
            if !ids.is_empty() {
                let more = ids.len().saturating_sub(NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let named: Vec<&str> = ids.iter().take(NAMED).copied().collect();
                say(verdict, format!("{verdict}.{clause}"), format!("{}{more}", named.join(", ")));
            }
        }
    }
    reasons.extend(decide_place(policy, place));
    reasons.extend(of_base(policy, report));
    Decision::of(reasons)
}

/// What the policy says of where an image is from, which can be told without having seen it.
#[must_use]
pub fn decide_place(policy: &Policy, place: Option<&str>) -> Option<Reason> {
    if policy.registries.is_empty() {
        return None;
    }
    let (verdict, text) = match place {
        None => (
            PolicyVerdict::Warn,
            "the image is not from a registry, so that it cannot be told whether it is from an allowed one".to_owned(),
        ),
        Some(place) if policy.registries.iter().any(|pattern| is_like(place, pattern)) => {
            return None;
        }
        Some(place) => (PolicyVerdict::Deny, format!("`{place}` is none of the allowed registries")),
    };
    Some(Reason { verdict, rule: "require.registries".to_owned(), text })
}

fn of_base(policy: &Policy, report: &Report) -> Option<Reason> {
    if policy.base_layers.is_empty() {
        return None;
    }
    let (verdict, text) = match report.image.layers.first() {
        None => (
            PolicyVerdict::Warn,
            "the image shows no layers, so that its base cannot be told".to_owned(),
        ),
        Some(layer) if policy.base_layers.contains(layer) => return None,
        Some(layer) => (
            PolicyVerdict::Deny,
            format!("its lowest layer, {layer}, is none of the allowed bases"),
        ),
    };
    Some(Reason { verdict, rule: "require.base-layers".to_owned(), text })
}

#[cfg(test)]
mod tests;
