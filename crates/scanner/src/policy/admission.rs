//! What is let into a cluster: which policy holds for which image, where, and how hard.
//!
//! In: `admission.toml`, a namespace, labels, an image's name. Out: [`AdmissionPolicy`], and of it the [`AdmissionRule`] that holds.
//! Source: `docs/admission.md`. Odd: the tables of a rule (`deny`, `warn`, `require`, `licenses`, `ignore`) are those of a policy
//! file; the first rule whose conditions all hold is the one; an image for which none holds is let in, which
//! [`AdmissionPolicy::warnings`] tells beforehand.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{ImageReference, Timestamp};
use serde::Deserialize;
use toml::Spanned;

use super::{Document, Lines, Policy, PolicyError, PolicyVerdict, Required};
use crate::{
    ignore_file::{self, line_of},
    licence::LicenceRules,
    pattern::is_like,
};

/// Rules of one file.
const MOST_RULES: usize = 1_000;
/// A namespace without which a cluster's own parts could not start.
const OWN_OF_KUBERNETES: &str = "kube-system";

/// How hard verdicts are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdmissionMode {
    /// Nobody looks.
    Off,
    /// What would be denied is let in with a warning.
    Warn,
    /// What is denied is refused.
    Enforce,
}

impl AdmissionMode {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

/// What is let into a cluster.
#[derive(Clone, Debug)]
pub struct AdmissionPolicy {
    /// How hard verdicts are at most; a rule may be softer.
    pub mode: AdmissionMode,
    /// What is said while the store cannot be asked: pass lets in, deny refuses.
    pub unavailable: PolicyVerdict,
    /// Patterns of namespaces in which nobody looks.
    pub exempt_namespaces: Vec<String>,
    /// The rules, in the order of the file.
    pub rules: Vec<AdmissionRule>,
}

/// What holds for some images.
#[derive(Clone, Debug)]
pub struct AdmissionRule {
    /// What it is called in messages.
    pub name: String,
    /// Patterns of namespaces; empty: all.
    pub namespaces: Vec<String>,
    /// Labels of the pod with patterns of their values; all must be there.
    pub labels: BTreeMap<String, String>,
    /// Patterns of `host/repository`, `host/repository:tag` or `host/repository@digest`; empty: all.
    pub images: Vec<String>,
    /// How hard it is.
    pub mode: AdmissionMode,
    /// What is said of an image that nobody has scanned.
    pub unscanned: PolicyVerdict,
    /// What is said of one that somebody has.
    pub policy: Policy,
}

/// What is about to run.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The namespace; empty for none.
    pub namespace: &'a str,
    /// The pod's labels.
    pub labels: &'a BTreeMap<String, String>,
    /// The image's name; `None` where it is no image reference.
    pub image: Option<&'a ImageReference>,
}

/// Why a text is no admission policy.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionPolicyError {
    /// It is no TOML, or has a key that is not known.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// A rule cannot be.
    #[error("rule `{rule}`: {source}")]
    Rule {
        /// Its name.
        rule: String,
        /// What is wrong with it.
        #[source]
        source: PolicyError,
    },
    /// A rule has no name, or that of another one.
    #[error("line {line}: a rule is called `{name}`, which {problem}")]
    Name {
        /// Where it stands.
        line: usize,
        /// What it is called.
        name: String,
        /// Why it cannot be called so.
        problem: &'static str,
    },
    /// It has too many rules.
    #[error("more than {MOST_RULES} rules")]
    TooMany,
    /// A file beside this one is named.
    #[error("`ignore-files` cannot stand in a rule of admission: write `[[rule.ignore]]`")]
    IgnoreFiles,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AdmissionDocument {
    #[serde(default = "enforce")]
    mode: AdmissionMode,
    #[serde(default = "Outage::allow")]
    unavailable: Outage,
    #[serde(default)]
    exempt_namespaces: Vec<String>,
    #[serde(default, rename = "rule")]
    rules: Vec<RuleEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RuleEntry {
    name: Spanned<String>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    images: Vec<String>,
    #[serde(default = "enforce")]
    mode: AdmissionMode,
    #[serde(default = "Word::deny")]
    unscanned: Word,
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
    #[serde(default)]
    ignore_files: Vec<String>,
}

/// A verdict as people say it of admission.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Word {
    Allow,
    Warn,
    Deny,
}

/// What may be said while nobody can be asked.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Outage {
    Allow,
    Deny,
}

const fn enforce() -> AdmissionMode {
    AdmissionMode::Enforce
}

impl Outage {
    const fn allow() -> Self {
        Self::Allow
    }

    const fn verdict(self) -> PolicyVerdict {
        match self {
            Self::Allow => PolicyVerdict::Pass,
            Self::Deny => PolicyVerdict::Deny,
        }
    }
}

impl Word {
    const fn deny() -> Self {
        Self::Deny
    }

    const fn verdict(self) -> PolicyVerdict {
        match self {
            Self::Allow => PolicyVerdict::Pass,
            Self::Warn => PolicyVerdict::Warn,
            Self::Deny => PolicyVerdict::Deny,
        }
    }
}

impl AdmissionPolicy {
    /// Reads the text of a file; its name stands in the places of ignore rules.
    ///
    /// # Errors
    /// See [`AdmissionPolicyError`]; each names the line, the key or the rule.
    pub fn read(name: &str, text: &str) -> Result<Self, AdmissionPolicyError> {
        let document: AdmissionDocument = toml::from_str(text)?;
        if document.rules.len() > MOST_RULES {
            return Err(AdmissionPolicyError::TooMany);
        }
        let mut names = BTreeSet::new();
        let mut rules = Vec::with_capacity(document.rules.len());
        for entry in document.rules {
            let called = entry.name.as_ref().clone();
            let problem = match called.trim().is_empty() {
                true => Some("says nothing"),
                false if names.insert(called.clone()) => None,
                false => Some("is the name of an earlier one"),
            };
            if let Some(problem) = problem {
                let line = line_of(text, entry.name.span().start);
                return Err(AdmissionPolicyError::Name { line, name: called, problem });
            }
            rules.push(entry.rule(called, name, text)?);
        }
        Ok(Self {
            mode: document.mode,
            unavailable: document.unavailable.verdict(),
            exempt_namespaces: document.exempt_namespaces,
            rules,
        })
    }

    /// Whether nobody looks at what runs in a namespace.
    #[must_use]
    pub fn is_exempt(&self, namespace: &str) -> bool {
        is_like_any(namespace, &self.exempt_namespaces)
    }

    /// The rule that holds, and its place in the list.
    #[must_use]
    pub fn rule_for(&self, asked: Asked<'_>) -> Option<(usize, &AdmissionRule)> {
        self.rules.iter().enumerate().find(|(_, rule)| rule.holds_for(asked))
    }

    /// How hard a rule is here.
    #[must_use]
    pub fn mode_of(&self, rule: &AdmissionRule) -> AdmissionMode {
        self.mode.min(rule.mode)
    }

    /// What can be meant, but mostly is not.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let mut warnings = Vec::new();
        let last = self.rules.iter().position(AdmissionRule::holds_always);
        match last.and_then(|last| Some((self.rules.get(last)?, self.rules.get(last + 1)?))) {
            Some((always, never)) => warnings.push(format!(
                "rule `{}` holds for every image, so that `{}` and all behind it never do: put it last",
                always.name, never.name
            )),
            None if last.is_none() => warnings.push(
                "no rule holds for every image: those for which none holds are let in unseen (a last [[rule]] with a name alone \
                 holds for all)"
                    .to_owned(),
            ),
            None => {}
        }
        if !self.is_exempt(OWN_OF_KUBERNETES) && self.mode == AdmissionMode::Enforce {
            warnings.push(format!(
                "`exempt-namespaces` does not have `{OWN_OF_KUBERNETES}`: a cluster whose own parts are denied cannot mend itself"
            ));
        }
        for rule in &self.rules {
            for placed in &rule.policy.ignore {
                if placed.rule.expires.is_some_and(|at| at <= now) {
                    warnings.push(format!(
                        "rule `{}`: the ignore rule at {} has run out",
                        rule.name, placed.place
                    ));
                }
            }
        }
        warnings
    }
}

impl AdmissionRule {
    fn holds_for(&self, asked: Asked<'_>) -> bool {
        let has = |(name, pattern): (&String, &String)| {
            asked.labels.get(name).is_some_and(|value| is_like(value, pattern))
        };
        (self.namespaces.is_empty() || is_like_any(asked.namespace, &self.namespaces))
            && self.labels.iter().all(has)
            && (self.images.is_empty()
                || asked.image.is_some_and(|image| {
                    is_like_any(&image.place(), &self.images)
                        || is_like_any(&image.to_string(), &self.images)
                }))
    }

    fn holds_always(&self) -> bool {
        self.namespaces.is_empty() && self.labels.is_empty() && self.images.is_empty()
    }
}

impl RuleEntry {
    fn rule(
        self,
        called: String,
        name: &str,
        text: &str,
    ) -> Result<AdmissionRule, AdmissionPolicyError> {
        if !self.ignore_files.is_empty() {
            return Err(AdmissionPolicyError::IgnoreFiles);
        }
        let document = Document {
            ignore_files: Vec::new(),
            deny: self.deny,
            warn: self.warn,
            require: self.require,
            licenses: self.licenses,
            ignore: self.ignore,
        };
        let policy = Policy::of(document, name, text, "rule.")
            .map_err(|source| AdmissionPolicyError::Rule { rule: called.clone(), source })?;
        Ok(AdmissionRule {
            name: called,
            namespaces: self.namespaces,
            labels: self.labels,
            images: self.images,
            mode: self.mode,
            unscanned: self.unscanned.verdict(),
            policy,
        })
    }
}

fn is_like_any(text: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| is_like(text, pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
mode = "enforce"
unavailable = "deny"
exempt-namespaces = ["kube-*", "plimsoll"]

[[rule]]
name = "base images"
images = ["docker.io/library/*", "*@sha256:*"]
unscanned = "allow"
mode = "warn"

[[rule]]
name = "production"
namespaces = ["prod-*"]
labels = { tier = "web*" }
unscanned = "warn"
[rule.deny]
vulnerability = "asap"
malware = "any"
[rule.require]
coverage = "partial"
[[rule.ignore]]
vulnerability = "CVE-1"
reason = "not built in"
expires = 2027-03-01

[[rule]]
name = "everything else"
"#;

    fn labels(text: &str) -> BTreeMap<String, String> {
        text.split_once('=')
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    }

    #[test]
    fn the_first_rule_whose_conditions_all_hold_is_the_one() {
        let policy = AdmissionPolicy::read("admission.toml", FULL).unwrap();
        assert_eq!(
            (policy.mode, policy.unavailable),
            (AdmissionMode::Enforce, PolicyVerdict::Deny)
        );
        let digest = format!("quay.io/a/b@sha256:{}", "a".repeat(64));
        for (namespace, label, image, wanted) in [
            ("prod-1", "tier=web-1", "quay.io/a/b:1", "production"),
            ("prod-1", "tier=web-1", "debian:12", "base images"),
            ("prod-1", "tier=web-1", digest.as_str(), "base images"),
            ("prod-1", "tier=data", "quay.io/a/b:1", "everything else"),
            ("prod-1", "", "quay.io/a/b:1", "everything else"),
            ("test", "tier=web", "quay.io/a/b:1", "everything else"),
            ("", "", "not A reference", "everything else"),
        ] {
            let (labels, image) = (labels(label), image.parse::<ImageReference>().ok());
            let asked = Asked { namespace, labels: &labels, image: image.as_ref() };
            let (place, rule) = policy.rule_for(asked).unwrap();
            assert_eq!(rule.name, wanted, "{namespace} {image:?}");
            assert_eq!(policy.rules[place].name, wanted);
        }
        assert!(policy.is_exempt("kube-system") && policy.is_exempt("plimsoll"));
        assert!(!policy.is_exempt("plimsoll-2") && !policy.is_exempt(""));
    }

    #[test]
    fn a_rule_says_what_a_policy_says_and_is_as_hard_as_the_softer_of_both() {
        let policy = AdmissionPolicy::read("admission.toml", FULL).unwrap();
        let [base, production, rest] = policy.rules.as_slice() else { panic!("three rules") };
        assert_eq!(production.policy.deny.clauses().len(), 2);
        assert_eq!(production.policy.ignore[0].place, "admission.toml:22");
        assert_eq!(production.unscanned, PolicyVerdict::Warn);
        assert_eq!((base.unscanned, rest.unscanned), (PolicyVerdict::Pass, PolicyVerdict::Deny));
        assert_eq!(policy.mode_of(base), AdmissionMode::Warn);
        assert_eq!(policy.mode_of(production), AdmissionMode::Enforce);
        let soft = FULL.replacen("\"enforce\"", "\"warn\"", 1);
        let soft = AdmissionPolicy::read("admission.toml", &soft).unwrap();
        assert_eq!(soft.mode_of(&soft.rules[1]), AdmissionMode::Warn);
    }

    #[test]
    fn what_is_mostly_not_meant_is_said() {
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        let said = |text: &str| AdmissionPolicy::read("x", text).unwrap().warnings(now);
        assert!(said(FULL).is_empty(), "{:?}", said(FULL));
        let later = "2027-03-02T00:00:00Z".parse().unwrap();
        let policy = AdmissionPolicy::read("x", FULL).unwrap();
        assert!(policy.warnings(later)[0].contains("x:22"), "{:?}", policy.warnings(later));
        assert!(said("mode = 'warn'")[0].contains("no rule holds for every image"));
        assert!(said("[[rule]]\nname = 'a'\n")[0].contains("kube-system"));
        let turned = "exempt-namespaces = ['*']\n[[rule]]\nname = 'a'\n[[rule]]\nname = 'b'\n";
        assert!(said(turned)[0].contains("`a` holds for every image, so that `b`"));
    }

    #[test]
    fn a_policy_that_cannot_be_says_where() {
        for (text, wanted) in [
            ("mod = 'warn'", "line 1"),
            ("mode = 'strict'", "line 1"),
            ("unavailable = 'warn'", "unknown variant `warn`"),
            ("[[rule]]\nmode = 'warn'", "missing field `name`"),
            ("[[rule]]\nname = ' '", "line 2"),
            ("[[rule]]\nname = 'a'\n[[rule]]\nname = 'a'", "line 4: a rule is called `a`"),
            ("[[rule]]\nname = 'a'\nunscanned = 'pass'", "unknown variant `pass`"),
            (
                "[[rule]]\nname = 'a'\n[rule.deny]\nvulnerability = 'soon'",
                "rule `a`: line 4: `rule.deny.vulnerability`",
            ),
            (
                "[[rule]]\nname = 'a'\n[rule.require]\ncoverage = 'most'",
                "line 4: `rule.require.coverage`",
            ),
            ("[[rule]]\nname = 'a'\nignore-files = ['x']", "[[rule.ignore]]"),
            ("[[rule]]\nname = 'a'\n[rule.deny]\nvulnerabilty = 'asap'", "line 4"),
        ] {
            let error = AdmissionPolicy::read("x", text).unwrap_err();
            let mut told = error.to_string();
            if let AdmissionPolicyError::Rule { source, .. } = &error {
                assert!(told.contains(&source.to_string()));
            }
            told.push('\n');
            assert!(told.contains(wanted), "{text}: {told}");
        }
    }
}
