//! Actions on the white list of vulnerabilities: ignore rules in the contract's words.
//!
//! Source: the vendor's pages of those names; `docs/ignore.md`; `docs/api.md`. Odd: `Target` is JSON in a text,
//! `{"type":"repo","target":["namespace/repository"]}`, in which `*` stands for any text; rules on one image, which the
//! contract does not know, have the type `image`. A rule's package, which it does not know either, is not served, and stays
//! as it is when the rule is changed here.

mod add_image_vul_white_list;
mod delete_image_vul_whitelist;
mod describe_image_vul_white_list;
mod update_image_vul_whitelist_target;

use plimsoll_model::{NewIgnoreRule, RuleError, RuleSource, RuleType};
use plimsoll_store::IgnoreError;
use serde::{Deserialize, Serialize};

use super::failed;
use crate::gateway::{Parameters, Refusal};

pub(crate) use add_image_vul_white_list::AddImageVulWhiteList;
pub(crate) use delete_image_vul_whitelist::DeleteImageVulWhitelist;
pub(crate) use describe_image_vul_white_list::DescribeImageVulWhiteList;
pub(crate) use update_image_vul_whitelist_target::UpdateImageVulWhitelistTarget;

/// What the actions that change something answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Changed {
    code: &'static str,
    data: bool,
    http_status_code: i32,
    message: &'static str,
    success: bool,
}

impl Changed {
    const DONE: Self = Self {
        code: "200",
        data: true,
        http_status_code: 200,
        message: "successful",
        success: true,
    };
}

/// What `Target` says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    r#type: String,
    target: Vec<String>,
}

/// Where a rule holds.
struct Scope {
    image: Option<String>,
    repositories: Vec<String>,
}

/// Everywhere, as a repository's name.
const ALL: &str = "*";
const REPO: &str = "repo";
const IMAGE: &str = "image";

/// Where the parameter `Target` says that a rule holds; `None`: it is not sent.
fn scope(sent: &Parameters) -> Result<Option<Scope>, Refusal> {
    const WANTED: &str = r#"of the form {"type":"repo","target":["namespace/repository"]}"#;
    let Some(text) = sent.text("Target") else { return Ok(None) };
    let Ok(Target { r#type, mut target }) = serde_json::from_str(text) else {
        return Err(Refusal::invalid("Target", text, WANTED));
    };
    if target.is_empty() {
        return Err(Refusal::invalid("Target", text, "a scope: name at least one repository"));
    }
    match r#type.as_str() {
        REPO => Ok(Some(Scope { image: None, repositories: target })),
        IMAGE if target.len() == 1 => {
            Ok(Some(Scope { image: target.pop(), repositories: Vec::new() }))
        }
        _ => Err(Refusal::invalid("Target", text, WANTED)),
    }
}

/// What `Target` says of a rule.
fn target_of(rule: &NewIgnoreRule) -> String {
    let (r#type, target) = match (&rule.image, rule.repositories.as_slice()) {
        (Some(image), _) => (IMAGE, vec![image.clone()]),
        (None, []) => (REPO, vec![ALL.to_owned()]),
        (None, repositories) => (REPO, repositories.to_vec()),
    };
    serde_json::to_string(&Target { r#type: r#type.to_owned(), target }).unwrap_or_default()
}

/// The type of a rule that says none, by what it names.
fn type_of(rule: &NewIgnoreRule) -> RuleType {
    rule.of_type.unwrap_or_else(|| RuleType::of_record(&rule.vulnerability))
}

fn source(sent: &Parameters) -> Result<Option<RuleSource>, Refusal> {
    let Some(text) = sent.text("Source") else { return Ok(None) };
    match text.parse() {
        Ok(source) => Ok(Some(source)),
        Err(_) => Err(Refusal::invalid("Source", text, "one of image, agentless")),
    }
}

/// An entry's number.
fn id(name: &str, text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_error| Refusal::invalid(name, text, "the id of an entry"))
}

/// Why a rule was refused, by the parameter that is to blame; `named` is the one that names entries.
fn refused(action: &'static str, named: &'static str, error: IgnoreError) -> Refusal {
    match error {
        IgnoreError::Rule(error) => {
            let name = match &error {
                RuleError::NoReason(_) => "Reason",
                RuleError::TwoScopes(_) | RuleError::EmptyScope(_) | RuleError::TooMany(..) => {
                    "Target"
                }
                RuleError::Field { field: "image" | "repository", .. } => "Target",
                RuleError::Field { field: "reason", .. } => "Reason",
                _ => named,
            };
            Refusal::InvalidParameter { name: name.to_owned(), why: sentence(&error) }
        }
        IgnoreError::Duplicate { .. } => {
            Refusal::InvalidParameter { name: "Target".to_owned(), why: sentence(&error) }
        }
        IgnoreError::Unknown(id) => Refusal::invalid(named, &id.to_string(), "the id of an entry"),
        IgnoreError::Store(error) => failed(action, &error),
    }
}

/// An error as the contract's messages are written.
fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
