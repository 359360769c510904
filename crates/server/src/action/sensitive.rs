//! Actions about sensitive files of images: grouped by kind, by image, one by one, which kinds are looked at, and decisions.
//!
//! In: filters that the lists share. Out: the contract's words for classes, levels and states. Source: `docs/api.md`, "Sensitive
//! files"; the vendor's pages. Odd: a kind that is not chosen is neither listed nor counted; with the switch off, none is.

mod describe_image_list_by_sensitive_file;
mod describe_image_sensitive_file_by_key;
mod describe_image_sensitive_file_list;
mod get_sensitive_define_rule_config;
mod open_sensitive_file_scan;
mod set_image_sensitive_file_status;
mod set_sensitive_define_rule_config;

use std::collections::BTreeSet;

use plimsoll_model::sensitive::{SensitiveClass, SensitiveFileKey};
use plimsoll_store::{FileFilter, FileState};
use serde::Serialize;

use super::{
    Context, Parameter, ParameterKind, failed,
    filters::{CURRENT_PAGE, LANG, LevelWords, PAGE_SIZE, SCAN_RANGE, selects_nothing},
    narrow,
    paging::Paging,
};
use crate::{
    gateway::{Parameters, Refusal},
    operation::sensitive_rules::SensitiveRules,
};

pub(crate) use describe_image_list_by_sensitive_file::DescribeImageListBySensitiveFile;
pub(crate) use describe_image_sensitive_file_by_key::DescribeImageSensitiveFileByKey;
pub(crate) use describe_image_sensitive_file_list::DescribeImageSensitiveFileList;
pub(crate) use get_sensitive_define_rule_config::GetSensitiveDefineRuleConfig;
pub(crate) use open_sensitive_file_scan::OpenSensitiveFileScan;
pub(crate) use set_image_sensitive_file_status::SetImageSensitiveFileStatus;
pub(crate) use set_sensitive_define_rule_config::SetSensitiveDefineRuleConfig;

const SOURCE: Parameter = Parameter::optional(
    "Source",
    ParameterKind::Text,
    "image, which is the default; agentless, which is kept and has no effect.",
);

/// The contract's words for levels.
const LEVEL_WORDS: LevelWords = LevelWords(["high", "medium", "low"]);

/// An answer that is one thing.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer<T: Serialize> {
    code: &'static str,
    data: T,
    message: &'static str,
    success: bool,
}

impl<T: Serialize> Answer<T> {
    const fn of(data: T) -> Self {
        Self { code: "200", data, message: "successful", success: true }
    }
}

/// What was chosen or set.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Id {
    id: i64,
}

/// What stands around a list.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Frame {
    code: &'static str,
    http_status_code: i32,
    message: &'static str,
    success: bool,
    page_info: PageInfo,
}

/// Here without a key to go on behind: pages have numbers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PageInfo {
    count: i32,
    current_page: i32,
    page_size: i32,
    total_count: i32,
}

impl Frame {
    fn of(paging: Paging, count: usize, total: u64) -> Self {
        Self {
            code: "200",
            http_status_code: 200,
            message: "successful",
            success: true,
            page_info: PageInfo {
                count: narrow(count),
                current_page: narrow(paging.page),
                page_size: narrow(paging.size),
                total_count: narrow(total),
            },
        }
    }
}

/// A kind of sensitive file, in any of its spellings.
fn key(name: &str, text: &str) -> Result<&'static str, Refusal> {
    SensitiveFileKey::find(text).map(|row| row.key).ok_or_else(|| {
        Refusal::invalid(name, text, "a key that GetSensitiveDefineRuleConfig lists")
    })
}

/// `SensitiveFileKey`, which must be sent.
fn wanted_key(sent: &Parameters) -> Result<&'static str, Refusal> {
    key("SensitiveFileKey", sent.required("SensitiveFileKey")?)
}

/// How a file stands, as the contract numbers it.
const fn status_of(state: FileState) -> i32 {
    match state {
        FileState::Open => 0,
        FileState::Ignored | FileState::Gone => 1,
        FileState::FalsePositive => 2,
    }
}

/// Files of these kinds, as far as these are looked at; `None`: none are.
async fn filter(
    action: &'static str,
    context: Context<'_>,
    sent: &Parameters,
    keys: Option<BTreeSet<String>>,
) -> Result<Option<FileFilter>, Refusal> {
    let levels = LEVEL_WORDS.read(sent, "RiskLevel")?;
    let rules = SensitiveRules::read(context.store, true).await;
    let rules = rules.map_err(|error| failed(action, &error))?;
    if !rules.is_on {
        return Ok(None);
    }
    Ok(Some(FileFilter { levels, keys, hidden: rules.hidden(), name: None }))
}

/// Whether images are meant; the other source is of hosts.
fn of_images(sent: &Parameters) -> Result<bool, Refusal> {
    match sent.text("Source") {
        None | Some("image" | "default") => Ok(true),
        Some("agentless") => Ok(false),
        Some(other) => Err(Refusal::invalid("Source", other, "one of image, agentless")),
    }
}

/// What is said of a class of files.
const fn description(class: SensitiveClass) -> &'static str {
    match class {
        SensitiveClass::Config => {
            "A configuration or database of an application lies in the image with what gives access to it."
        }
        SensitiveClass::CertKey => {
            "A key or certificate lies in the image: whoever can pull the image has it."
        }
        SensitiveClass::Credential => {
            "A credential of an application or service lies in the image: whoever can pull the image can use it."
        }
        SensitiveClass::Password => {
            "A credential of a cloud provider lies in the image: whoever can pull the image can use it."
        }
    }
}

/// What ends it.
const fn advice(class: SensitiveClass) -> &'static str {
    match class {
        SensitiveClass::Config => {
            "Take it out of the image, hand it to containers when they start, and change the passwords in it."
        }
        SensitiveClass::CertKey => {
            "Make a new key, revoke this one, and hand the new one to containers when they start."
        }
        SensitiveClass::Credential | SensitiveClass::Password => {
            "Find out whether it is valid, revoke it, and hand a new one to containers when they start."
        }
    }
}

/// The class of a kind; of one that the contract does not know, what the scan said.
fn class_of(key: &str, class: Option<&str>) -> SensitiveClass {
    let known = SensitiveFileKey::find(key).map(|row| row.class);
    known.or_else(|| class?.parse().ok()).unwrap_or(SensitiveClass::Credential)
}
