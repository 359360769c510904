//! `DescribeImageSensitiveFileList`: sensitive files by kind, of all images or of one.
//!
//! In: filters, combined with "and". Out: one page; the worst first, then what most images have. Source: the vendor's page of that
//! name; `docs/api.md`, "Sensitive files". Odd: `Count` is files, each as often as images have it and in every layer; `UnprocessedNum`
//! is images in which one counts; `Criteria` is a key, or a part of a name, as `CriteriaType` says.

use std::collections::BTreeSet;

use plimsoll_model::sensitive::SENSITIVE_FILE_KEYS;
use plimsoll_store::{FileGroup, FileKind, GroupedFilesQuery, ImageSelection, Page};
use serde::Serialize;

use super::{
    CURRENT_PAGE, Frame, LANG, LEVEL_WORDS, PAGE_SIZE, SCAN_RANGE, advice, class_of, description,
    filter, key, selects_nothing,
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, milliseconds, narrow,
        paging::Paging,
    },
    gateway::{Parameters, Refusal},
    operation::sensitive_rules::name_of,
};

/// The action.
pub(crate) struct DescribeImageSensitiveFileList;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    #[serde(flatten)]
    frame: Frame,
    sensitive_file_list: Vec<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    advice: &'static str,
    class_key: &'static str,
    class_name: &'static str,
    count: i32,
    description: &'static str,
    first_scan_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_scan_time: Option<i64>,
    risk_level: &'static str,
    sensitive_file_key: String,
    sensitive_file_name: String,
    status: i32,
    unprocessed_num: i32,
}

impl Run for DescribeImageSensitiveFileList {
    const NAME: &'static str = "DescribeImageSensitiveFileList";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str =
        "Lists the kinds of sensitive files that images have, with their numbers, the worst first.";
    const PARAMETERS: &'static [Parameter] = &[
        CURRENT_PAGE,
        PAGE_SIZE,
        Parameter::optional("ImageUuid", ParameterKind::Text, "Only files of this image."),
        Parameter::optional(
            "RiskLevel",
            ParameterKind::Text,
            "Only files of these levels, separated by commas: high, medium, low.",
        ),
        Parameter::optional(
            "CriteriaType",
            ParameterKind::Text,
            "What Criteria is: SensitiveFileKey, or SensitiveFileName, which is the default.",
        ),
        Parameter::optional(
            "Criteria",
            ParameterKind::Text,
            "Only the kind with this key, or kinds whose name contains this text, in any case.",
        ),
        Parameter::optional(
            "SensitiveKeyList",
            ParameterKind::TextList,
            "Only the kinds with these keys.",
        ),
        SCAN_RANGE,
        LANG,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let nothing = selects_nothing(sent)?;
        let filter = filter(Self::NAME, context, sent, keys(sent)?).await?;
        let (page, page_size) = (paging.page, paging.size);
        let Some(filter) = filter.filter(|_| !nothing) else {
            return Ok(Answer::of(paging, Page { items: Vec::new(), total: 0, page, page_size }));
        };
        let uuid = sent.text("ImageUuid").map(ToOwned::to_owned);
        let query = GroupedFilesQuery {
            kind: FileKind::Sensitive,
            images: ImageSelection { uuid, ..ImageSelection::default() },
            filter,
            page,
            page_size,
        };
        let page = context.store.grouped_files(&query).await;
        Ok(Answer::of(paging, page.map_err(|error| failed(Self::NAME, &error))?))
    }
}

/// The kinds that `SensitiveKeyList` and `Criteria` let pass; `None`: all.
fn keys(sent: &Parameters) -> Result<Option<BTreeSet<String>>, Refusal> {
    let mut keys: Option<BTreeSet<String>> = None;
    let listed = sent.list("SensitiveKeyList")?;
    if !listed.is_empty() {
        let listed = listed.iter().map(|text| key("SensitiveKeyList", text).map(ToOwned::to_owned));
        keys = Some(listed.collect::<Result<_, _>>()?);
    }
    let wanted: Option<BTreeSet<String>> = match (sent.text("CriteriaType"), sent.text("Criteria"))
    {
        (None | Some("SensitiveFileName" | "SensitiveFileKey"), None) => None,
        (None | Some("SensitiveFileName"), Some(name)) => {
            let name = name.to_lowercase();
            let named = SENSITIVE_FILE_KEYS
                .iter()
                .filter(|row| row.name.to_lowercase().contains(&name))
                .map(|row| row.key.to_owned());
            Some(named.collect())
        }
        (Some("SensitiveFileKey"), Some(text)) => {
            Some(BTreeSet::from([key("Criteria", text)?.to_owned()]))
        }
        (Some(other), _) => {
            let wanted = "one of SensitiveFileKey, SensitiveFileName";
            return Err(Refusal::invalid("CriteriaType", other, wanted));
        }
    };
    Ok(match (keys, wanted) {
        (Some(keys), Some(wanted)) => Some(keys.intersection(&wanted).cloned().collect()),
        (keys, wanted) => keys.or(wanted),
    })
}

impl Answer {
    fn of(paging: Paging, page: Page<FileGroup>) -> Self {
        Self {
            frame: Frame::of(paging, page.items.len(), page.total),
            sensitive_file_list: page.items.into_iter().map(Group::of).collect(),
        }
    }
}

impl Group {
    fn of(one: FileGroup) -> Self {
        let class = class_of(&one.key, one.class.as_deref());
        Self {
            advice: advice(class),
            class_key: class.as_str(),
            class_name: class.name(),
            count: narrow(one.files),
            description: description(class),
            first_scan_time: milliseconds(one.first_seen),
            last_scan_time: one.last_scanned.map(milliseconds),
            risk_level: LEVEL_WORDS.word(one.level),
            sensitive_file_name: name_of(&one.key).to_owned(),
            status: i32::from(one.images == 0),
            unprocessed_num: narrow(one.images),
            sensitive_file_key: one.key,
        }
    }
}
