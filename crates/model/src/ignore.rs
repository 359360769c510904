//! Ignore rules: somebody decided that a finding does not count, says where, why, and until when.
//!
//! In: a rule as people write it. Out: [`NewIgnoreRule::checked`], the same rule in one spelling or a [`RuleError`] that
//! names what is wrong; and whether a rule is about a finding and about an image. Source: `docs/ignore.md`. Odd: a
//! rule is held against what a finding is called, not against what was found: it says nothing of whether the image is
//! affected, so a finding that it covers stays in the report.

mod spelling;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    counters::APPLICATION_RECORD,
    digest::Digest,
    finding::{Finding, Kind, Subject, UnknownWord},
    purl::Purl,
    statement::{IgnoredBy, Suppression},
    timestamp::Timestamp,
};

pub(crate) use self::spelling::is_like;
use self::spelling::{
    canonical_image, check_name, check_text, checked_md5, checked_path, given, is_package, is_purl,
    wrong,
};

/// Whose packages a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleType {
    /// System vulnerabilities: in packages of the distribution.
    Cve,
    /// Application vulnerabilities: in packages of a language.
    Sca,
}

/// Which findings a rule is about.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum RuleSource {
    /// Those of images.
    #[default]
    Image,
    /// Those of hosts that are looked at without an agent: kept for the wire contract, and without effect here.
    Agentless,
}

impl RuleType {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cve => "cve",
            Self::Sca => "sca",
        }
    }

    /// The type of a vulnerability, by the name of its record.
    #[must_use]
    pub fn of_record(record: &str) -> Self {
        if record.starts_with(APPLICATION_RECORD) { Self::Sca } else { Self::Cve }
    }
}

impl RuleSource {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Agentless => "agentless",
        }
    }
}

impl FromStr for RuleType {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "cve" => Ok(Self::Cve),
            "sca" => Ok(Self::Sca),
            _ => Err(UnknownWord { word: word.to_owned(), allowed: "cve, sca" }),
        }
    }
}

impl FromStr for RuleSource {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "image" => Ok(Self::Image),
            "agentless" => Ok(Self::Agentless),
            _ => Err(UnknownWord { word: word.to_owned(), allowed: "image, agentless" }),
        }
    }
}

impl fmt::Display for RuleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for RuleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A rule as somebody writes it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NewIgnoreRule {
    /// Which kind of finding.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: Kind,
    /// What is ignored: a CVE, an alias, an advisory, or the name of a record (`debian:12:CVE-2024-1234`); of another kind, the
    /// finding's id (a check, a rule, a kind of secret) or [`ANY`].
    pub vulnerability: String,
    /// What people call it, if that is another name; for show alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Only in this package: its name, the name of its source package, or a package URL; one without a version holds for
    /// every version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Only in packages of this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub of_type: Option<RuleType>,
    /// Not of vulnerabilities: only findings about this file, `*` standing for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Not of vulnerabilities: only findings about a file with this MD5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// What was found is not so; else it is, and somebody lives with it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub false_positive: bool,
    /// Not of vulnerabilities: what it names is not asked for at all, in no image.
    #[serde(default, skip_serializing_if = "is_default")]
    pub switched_off: bool,
    /// Only in this image: its id, or a digest of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Only in these repositories: `namespace/repository`, in which `*` stands for any text. Empty: in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// Of what.
    #[serde(default)]
    pub source: RuleSource,
    /// Why it does not count.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// From when on the rule no longer holds; `None`: it holds until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// What a rule names that ignores whatever is found of a kind in a file.
pub const ANY: &str = "*";

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A rule that is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IgnoreRule {
    /// Its number.
    pub id: i64,
    /// What it says.
    #[serde(flatten)]
    pub rule: NewIgnoreRule,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// It has run out and ignores nothing any more.
    pub expired: bool,
}

/// What a rule did to a report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IgnoreUse {
    /// Where it stands: `plimsoll.toml:3`.
    pub place: String,
    /// What it says.
    #[serde(flatten)]
    pub rule: NewIgnoreRule,
    /// How it stands.
    pub state: IgnoreUseState,
    /// Findings that it covers.
    pub findings: usize,
}

/// How a rule stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IgnoreUseState {
    /// It covers something.
    Used,
    /// It covers nothing here.
    Unused,
    /// It has run out and covers nothing any more.
    Expired,
}

/// By what findings are taken out of what counts, in [`Suppression::by`].
pub const IGNORED_BY: &str = "ignore rule";

/// Takes what rules cover out of what counts; each comes with its place. Of several that cover a finding the first is named.
/// Returns how many findings each covers.
pub fn apply(findings: &mut [Finding], rules: &[(String, &NewIgnoreRule)]) -> Vec<usize> {
    let mut covered = vec![0; rules.len()];
    for finding in findings.iter_mut().filter(|finding| finding.is_open()) {
        let mut first = None;
        for ((place, rule), count) in rules.iter().zip(&mut covered) {
            if rule.covers(finding) {
                *count += 1;
                first = first.or(Some((place, *rule)));
            }
        }
        if let Some((place, rule)) = first {
            finding.ignore(Suppression {
                by: IGNORED_BY.to_owned(),
                advisory: place.clone(),
                reason: rule.reason.clone(),
                ignored: Some(IgnoredBy { author: rule.author.clone(), expires: rule.expires }),
            });
        }
    }
    findings.sort_by(Finding::compare_urgency);
    covered
}

/// What a rule looks at of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImageNames<'a> {
    /// Its id, with dashes.
    pub uuid: &'a str,
    /// What it is called by content: tag's digest, manifest, configuration.
    pub digests: [&'a Digest; 3],
    /// `namespace/repository`.
    pub path: &'a str,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It does not say what to ignore.
    #[error(
        "the rule names no vulnerability: give a CVE, an advisory id, or a name such as `debian:12:CVE-2024-1234`; with another \
         kind, the id of a check or rule"
    )]
    NoVulnerability,
    /// It names something that is no vulnerability.
    #[error(
        "`{0}` names a malicious package, which is no vulnerability: give the rule the kind `malware`"
    )]
    NotVulnerability(String),
    /// It gives no reason.
    #[error("the rule on `{0}` gives no reason: say why it does not count")]
    NoReason(String),
    /// It names nobody.
    #[error("the rule on `{0}` has no author: say who decided it")]
    NoAuthor(String),
    /// It would never hold.
    #[error(
        "the rule on `{vulnerability}` expires at {expires}, which is past: give a later time, or none"
    )]
    Past {
        /// What it ignores.
        vulnerability: String,
        /// When it ends.
        expires: Timestamp,
    },
    /// One of its texts cannot be.
    #[error("{field} `{text}`: {problem}")]
    Field {
        /// Which one.
        field: &'static str,
        /// The text, cut.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Image and repositories.
    #[error(
        "the rule on `{0}` names both an image and repositories: give one of them, or write two rules"
    )]
    TwoScopes(String),
    /// A list without entries, which would mean nothing at all.
    #[error("the rule on `{0}` has an empty list of repositories: name some, or use `*` for all")]
    EmptyScope(String),
    /// More repositories than one rule may name.
    #[error(
        "the rule on `{0}` names {1} repositories, at most {MOST_REPOSITORIES}: use `*` in their names"
    )]
    TooMany(String, usize),
}

/// Repositories of one rule.
pub const MOST_REPOSITORIES: usize = 1_000;

impl NewIgnoreRule {
    /// The rule in one spelling: trimmed, ids and digests in their canonical form, repositories sorted.
    ///
    /// # Errors
    /// Something is missing, or cannot be.
    pub fn checked(&self, now: Timestamp) -> Result<Self, RuleError> {
        let vulnerability = self.vulnerability.trim().to_owned();
        if vulnerability.is_empty() {
            return Err(RuleError::NoVulnerability);
        }
        check_name("vulnerability", &vulnerability)?;
        let is_malware =
            vulnerability.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("MAL-"));
        if self.kind == Kind::Vulnerability && is_malware {
            return Err(RuleError::NotVulnerability(vulnerability));
        }
        let reason = self.reason.trim().to_owned();
        if reason.is_empty() {
            return Err(RuleError::NoReason(vulnerability));
        }
        check_text("reason", &reason)?;
        let author = self.author.trim().to_owned();
        if author.is_empty() {
            return Err(RuleError::NoAuthor(vulnerability));
        }
        check_text("author", &author)?;
        if let Some(expires) = self.expires.filter(|expires| *expires <= now) {
            return Err(RuleError::Past { vulnerability, expires });
        }
        let alias = given(self.alias.as_deref());
        if let Some(alias) = &alias {
            check_text("alias", alias)?;
        }
        let package = given(self.package.as_deref());
        if let Some(package) = &package {
            check_name("package", package)?;
            if is_purl(package) && package.parse::<Purl>().is_err() {
                return Err(wrong("package", package, "that is no package URL"));
            }
        }
        let path = given(self.path.as_deref()).map(|path| checked_path(&path)).transpose()?;
        let md5 = given(self.md5.as_deref()).map(|md5| checked_md5(&md5)).transpose()?;
        self.check_parts(&vulnerability, package.as_deref(), path.as_deref(), md5.as_deref())?;
        let image = given(self.image.as_deref());
        let image = image.map(|image| canonical_image(&image)).transpose()?;
        let mut repositories = Vec::with_capacity(self.repositories.len());
        for repository in &self.repositories {
            let repository = repository.trim();
            if repository.is_empty() {
                return Err(RuleError::EmptyScope(vulnerability));
            }
            check_name("repository", repository)?;
            repositories.push(repository.to_owned());
        }
        if repositories.len() > MOST_REPOSITORIES {
            return Err(RuleError::TooMany(vulnerability, repositories.len()));
        }
        if image.is_some() && !repositories.is_empty() {
            return Err(RuleError::TwoScopes(vulnerability));
        }
        if self.switched_off {
            let is_bounded = path.is_some() || md5.is_some() || image.is_some();
            if self.kind == Kind::Vulnerability || is_bounded || !repositories.is_empty() {
                let problem = "only checks and rules are switched off, and that everywhere";
                return Err(wrong("id", &vulnerability, problem));
            }
        }
        repositories.sort();
        repositories.dedup();
        // `*` alone says the same as nothing.
        if repositories.iter().any(|repository| repository == "*") {
            repositories.clear();
        }
        Ok(Self {
            kind: self.kind,
            vulnerability,
            alias,
            package,
            of_type: self.of_type,
            path,
            md5,
            false_positive: self.false_positive,
            switched_off: self.switched_off,
            image,
            repositories,
            source: self.source,
            reason,
            author,
            expires: self.expires,
        })
    }

    /// Refuses what rules of its kind do not say.
    fn check_parts(
        &self,
        id: &str,
        package: Option<&str>,
        path: Option<&str>,
        md5: Option<&str>,
    ) -> Result<(), RuleError> {
        if self.kind == Kind::Vulnerability {
            let given = [("path", path), ("md5", md5)].into_iter().find(|(_, text)| text.is_some());
            return match given {
                Some((field, text)) => {
                    let problem = "a rule on a vulnerability names a package, not a file";
                    Err(wrong(field, text.unwrap_or_default(), problem))
                }
                None => Ok(()),
            };
        }
        if let Some(package) = package {
            return Err(wrong("package", package, "only rules on vulnerabilities name a package"));
        }
        if let Some(of_type) = self.of_type {
            return Err(wrong("type", of_type.as_str(), "only vulnerabilities are of a type"));
        }
        if id == ANY && path.is_none() && md5.is_none() {
            return Err(wrong(
                "id",
                id,
                "that is everything of a kind: name a path or an MD5, too",
            ));
        }
        Ok(())
    }

    /// Whether another rule would ignore exactly the same.
    #[must_use]
    pub fn has_scope_of(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.vulnerability.eq_ignore_ascii_case(&other.vulnerability)
            && self.path == other.path
            && self.md5 == other.md5
            && self.switched_off == other.switched_off
            && self.package == other.package
            && self.of_type == other.of_type
            && self.image == other.image
            && self.repositories == other.repositories
            && self.source == other.source
    }

    /// Names, in upper case, of which a finding that the rule covers has at least one: what the rule names, and what may be
    /// the id at the end of it where that is the name of a record.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let whole = self.vulnerability.to_ascii_uppercase();
        if self.kind != Kind::Vulnerability {
            return vec![whole];
        }
        let ends = whole.match_indices(':').filter_map(|(at, _)| whole.get(at + 1..));
        let mut names: Vec<String> =
            ends.filter(|end| !end.is_empty()).map(ToOwned::to_owned).collect();
        names.insert(0, whole);
        names
    }

    /// Whether it covers a finding, wherever that is.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        if self.kind != Kind::Vulnerability {
            let (Subject::Purl(subject) | Subject::Path(subject) | Subject::Image(subject)) =
                &finding.subject;
            return finding.kind == self.kind
                && self.covers_other(&finding.id, subject)
                && self.md5.as_ref().is_none_or(|md5| finding.extra.get("md5") == Some(md5));
        }
        let Subject::Purl(purl) = &finding.subject else { return false };
        let mut names =
            [&finding.id].into_iter().chain(&finding.aliases).chain(&finding.advisories);
        finding.kind == Kind::Vulnerability
            && self.source == RuleSource::Image
            && (names.any(|name| self.vulnerability.eq_ignore_ascii_case(name))
                || self.vulnerability.eq_ignore_ascii_case(&finding.record))
            && self.covers_package(&finding.record, purl)
    }

    /// The same for a vulnerability of which one name, its record, and its package are known.
    #[must_use]
    pub fn covers_named(&self, name: &str, record: &str, purl: &str) -> bool {
        self.kind == Kind::Vulnerability
            && self.source == RuleSource::Image
            && (self.vulnerability.eq_ignore_ascii_case(name)
                || self.vulnerability.eq_ignore_ascii_case(record))
            && self.covers_package(record, purl)
    }

    /// Whether it covers a finding of its kind that is no vulnerability, as far as these tell: an MD5 is left out.
    #[must_use]
    pub fn covers_other(&self, id: &str, subject: &str) -> bool {
        self.source == RuleSource::Image
            && (self.vulnerability == ANY || self.vulnerability.eq_ignore_ascii_case(id))
            && self.path.as_ref().is_none_or(|path| is_like(subject, path))
    }

    fn covers_package(&self, record: &str, purl: &str) -> bool {
        self.of_type.is_none_or(|of_type| of_type == RuleType::of_record(record))
            && self.package.as_deref().is_none_or(|package| is_package(package, purl))
    }

    /// Whether it holds in an image.
    #[must_use]
    pub fn holds_in(&self, image: ImageNames<'_>) -> bool {
        match &self.image {
            Some(wanted) => {
                wanted == image.uuid
                    || image.digests.iter().any(|digest| digest.to_string() == *wanted)
            }
            None => {
                self.repositories.is_empty()
                    || self.repositories.iter().any(|pattern| is_like(image.path, pattern))
            }
        }
    }

    /// Where it holds, for people.
    #[must_use]
    pub fn place(&self) -> String {
        match (&self.image, self.repositories.as_slice()) {
            (Some(image), _) => format!("image {image}"),
            (None, []) => "everywhere".to_owned(),
            (None, [repository]) => repository.clone(),
            (None, [repository, rest @ ..]) => format!("{repository} and {} more", rest.len()),
        }
    }
}

#[cfg(test)]
mod tests;
