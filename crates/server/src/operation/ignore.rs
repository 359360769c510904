//! Ignore rules.
//!
//! In: rules as people write them. Out: the rules with their use. Source: `docs/ignore.md`. Odd: rules that have run out are
//! ended before anything is shown, so that what is shown is what counts.

use plimsoll_model::{IgnoreRule, Kind, NewIgnoreRule, RuleError, RuleSource, RuleType, Timestamp};
use plimsoll_store::{IgnoreError, IgnoreRuleUse, Store};
use serde::{Deserialize, Serialize};

use super::{OperationError, error_chain};

/// A rule to be made, or what one is to say instead.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteIgnoreRule {
    /// Which kind of finding; vulnerabilities where none is given.
    #[serde(default)]
    pub kind: Kind,
    /// A CVE, an alias, an advisory, or the name of a record; of another kind, the finding's id, or `*`.
    #[serde(alias = "id")]
    pub vulnerability: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Only in this package: name, source package's name or package URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Only vulnerabilities of this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub of_type: Option<RuleType>,
    /// Only findings about this file, `*` standing for any text; not of vulnerabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only findings about a file with this MD5; not of vulnerabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// What was found is not so.
    #[serde(default)]
    pub false_positive: bool,
    /// Only in this image: id or digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Only in these repositories, in which `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repositories: Option<Vec<String>>,
    /// Why it does not count.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// A rule with its use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IgnoreRuleView {
    /// The rule.
    #[serde(flatten)]
    pub rule: IgnoreRule,
    /// Images in which it ignores something now.
    pub images: u64,
    /// Distinct vulnerabilities that it ignores now.
    pub vulnerabilities: u64,
    /// It holds, and ignores nothing.
    pub unused: bool,
    /// When an image last came under it, or ceased to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Timestamp>,
}

/// All rules.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IgnoreRuleList {
    /// The newest first.
    pub ignore_rules: Vec<IgnoreRuleView>,
}

/// A rule that was taken back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RemovedIgnoreRule {
    /// Its number.
    pub id: i64,
    /// Images in which it ignored something.
    pub images: u64,
}

/// Makes a rule.
///
/// # Errors
/// It is none, another one says the same, or the database fails.
pub async fn add_ignore_rule(
    store: &Store,
    request: &WriteIgnoreRule,
    now: Timestamp,
) -> Result<IgnoreRuleView, OperationError> {
    store.expire_ignore_rules(now).await?;
    let added = store.add_ignore_rule(&request.rule()?, now).await.map_err(refused)?;
    find(store, added.id).await
}

/// All rules.
///
/// # Errors
/// The database fails.
pub async fn list_ignore_rules(
    store: &Store,
    now: Timestamp,
) -> Result<IgnoreRuleList, OperationError> {
    store.expire_ignore_rules(now).await?;
    let rules = store.ignore_rules().await?;
    Ok(IgnoreRuleList { ignore_rules: rules.into_iter().map(IgnoreRuleView::of).collect() })
}

/// One rule.
///
/// # Errors
/// There is none of this number, or the database fails.
pub async fn find_ignore_rule(
    store: &Store,
    id: &str,
    now: Timestamp,
) -> Result<IgnoreRuleView, OperationError> {
    store.expire_ignore_rules(now).await?;
    find(store, number(id)?).await
}

/// Makes a rule say something else.
///
/// # Errors
/// There is none of this number, it is to say what cannot be, or the database fails.
pub async fn change_ignore_rule(
    store: &Store,
    id: &str,
    request: &WriteIgnoreRule,
    now: Timestamp,
) -> Result<IgnoreRuleView, OperationError> {
    store.expire_ignore_rules(now).await?;
    let id = number(id)?;
    store.change_ignore_rule(id, &request.rule()?, now).await.map_err(refused)?;
    find(store, id).await
}

/// Takes a rule back.
///
/// # Errors
/// There is none of this number, or the database fails.
pub async fn remove_ignore_rule(
    store: &Store,
    id: &str,
    now: Timestamp,
) -> Result<RemovedIgnoreRule, OperationError> {
    let id = number(id)?;
    let before = find(store, id).await?;
    store.remove_ignore_rules(&[id], now).await.map_err(refused)?;
    Ok(RemovedIgnoreRule { id, images: before.images })
}

async fn find(store: &Store, id: i64) -> Result<IgnoreRuleView, OperationError> {
    let found = store.ignore_rule(id).await?;
    found.map(IgnoreRuleView::of).ok_or_else(|| unknown(&id.to_string()))
}

fn number(id: &str) -> Result<i64, OperationError> {
    id.parse().map_err(|_error| unknown(id))
}

fn unknown(id: &str) -> OperationError {
    OperationError::NotFound { what: "ignore rule", name: id.to_owned() }
}

fn refused(error: IgnoreError) -> OperationError {
    match error {
        IgnoreError::Rule(error) => OperationError::invalid(parameter(&error), error.to_string()),
        IgnoreError::Duplicate { .. } => {
            OperationError::invalid("vulnerability", error_chain(&error))
        }
        IgnoreError::Unknown(id) => unknown(&id.to_string()),
        IgnoreError::Store(error) => OperationError::Store(error),
    }
}

/// Which part of a rule is wrong.
const fn parameter(error: &RuleError) -> &'static str {
    match error {
        RuleError::NoVulnerability | RuleError::NotVulnerability(_) => "vulnerability",
        RuleError::NoReason(_) => "reason",
        RuleError::NoAuthor(_) => "author",
        RuleError::Past { .. } => "expires",
        RuleError::Field { field, .. } => field,
        RuleError::TwoScopes(_) => "image",
        RuleError::EmptyScope(_) | RuleError::TooMany(..) => "repositories",
    }
}

impl WriteIgnoreRule {
    /// What makes this rule.
    #[must_use]
    pub fn of(rule: &NewIgnoreRule) -> Self {
        Self {
            kind: rule.kind,
            path: rule.path.clone(),
            md5: rule.md5.clone(),
            false_positive: rule.false_positive,
            vulnerability: rule.vulnerability.clone(),
            alias: rule.alias.clone(),
            package: rule.package.clone(),
            of_type: rule.of_type,
            image: rule.image.clone(),
            repositories: Some(rule.repositories.clone()).filter(|names| !names.is_empty()),
            reason: rule.reason.clone(),
            author: rule.author.clone(),
            expires: rule.expires,
        }
    }

    fn rule(&self) -> Result<NewIgnoreRule, OperationError> {
        // A list without entries would mean the opposite of what it looks like.
        if self.repositories.as_ref().is_some_and(Vec::is_empty) {
            let error = RuleError::EmptyScope(self.vulnerability.clone());
            return Err(OperationError::invalid("repositories", error.to_string()));
        }
        Ok(NewIgnoreRule {
            kind: self.kind,
            path: self.path.clone(),
            md5: self.md5.clone(),
            false_positive: self.false_positive,
            switched_off: false,
            vulnerability: self.vulnerability.clone(),
            alias: self.alias.clone(),
            package: self.package.clone(),
            of_type: self.of_type,
            image: self.image.clone(),
            repositories: self.repositories.clone().unwrap_or_default(),
            source: RuleSource::Image,
            reason: self.reason.clone(),
            author: self.author.clone(),
            expires: self.expires,
        })
    }
}

impl IgnoreRuleView {
    fn of(found: IgnoreRuleUse) -> Self {
        let unused = found.is_unused();
        Self {
            rule: found.rule,
            images: found.images,
            vulnerabilities: found.records,
            unused,
            last_used: found.last_used,
        }
    }
}
