//! `DescribeImageBaselineDetail`: why an item fails in an image, and what to do about it.
//!
//! In: the image and the item. Out: what is known of it, with what was seen and where. Source: the vendor's page of that name. Odd:
//! an item that does not fail in the image has no `Prompt` and no `ResultId`; what it is about is said nevertheless.

use plimsoll_model::{Evidence, Finding};
use plimsoll_store::{ItemState, finding_number};
use serde::Serialize;

use super::{KIND, image_items};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, catalogue,
        filters::{LANG, level_word},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageBaselineDetail;

/// What `DescribeImageBaselineDetail` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    baseline_detail: Detail,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Detail {
    advice: String,
    baseline_class_alias: String,
    baseline_item_alias: String,
    baseline_item_key: String,
    baseline_name_alias: String,
    description: String,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_id: Option<String>,
}

impl Run for DescribeImageBaselineDetail {
    const NAME: &'static str = "DescribeImageBaselineDetail";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str =
        "Says why a baseline item fails in an image, and what to do about it.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "ImageUuid",
            ParameterKind::Text,
            "The image, by its id; it must be given.",
        ),
        Parameter::optional(
            "BaselineItemKey",
            ParameterKind::Text,
            "The item, by its key; it must be given.",
        ),
        LANG,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let (uuid, key) = (sent.required("ImageUuid")?, sent.required("BaselineItemKey")?);
        let found = image_items(context, Self::NAME, uuid).await?;
        let failing = found
            .items
            .iter()
            .filter(|item| item.state != ItemState::Fixed)
            .find(|item| item.finding.id.eq_ignore_ascii_case(key));
        let detail = match (failing, catalogue::item(KIND, key)) {
            (Some(item), _) => Detail::of(&found.image.uuid, &item.finding),
            (None, Some(about)) => Detail {
                advice: about.remedy.to_owned(),
                baseline_class_alias: catalogue::title(about.class),
                baseline_item_alias: about.title.to_owned(),
                baseline_item_key: about.id.to_owned(),
                baseline_name_alias: catalogue::title(about.name),
                description: about.why.to_owned(),
                level: level_word(about.level),
                prompt: None,
                result_id: None,
            },
            (None, None) => {
                let wanted = "the key of an item: DescribeAllImageBaseline lists them";
                return Err(Refusal::invalid("BaselineItemKey", key, wanted));
            }
        };
        Ok(Answer { baseline_detail: detail })
    }
}

impl Detail {
    fn of(uuid: &str, finding: &Finding) -> Self {
        let (class, name) = catalogue::place_of(KIND, &finding.id);
        let seen: Vec<String> = finding.evidence.iter().map(line).collect();
        Self {
            advice: finding.fix.as_ref().map(|fix| fix.advice.clone()).unwrap_or_default(),
            baseline_class_alias: catalogue::title(class),
            baseline_item_alias: finding.title.clone(),
            baseline_item_key: finding.id.clone(),
            baseline_name_alias: catalogue::title(name),
            description: finding.extra.get("why").cloned().unwrap_or_default(),
            level: level_word(finding.level),
            prompt: Some(seen.join("\n")),
            result_id: Some(finding_number(uuid, &finding.record).to_string()),
        }
    }
}

/// What was seen, behind the file that it was seen in.
fn line(evidence: &Evidence) -> String {
    match &evidence.location {
        Some(location) => format!("/{}:{}", location.path, evidence.detail),
        None => evidence.detail.clone(),
    }
}
