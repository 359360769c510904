//! `DescribeImageBuildRiskByKey`: the instructions of an image that have a risk.
//!
//! In: the image, the key, the status. Out: one page, in the order of the instructions. Source: the vendor's page of that name. Odd,
//! and so in the contract: `Promt`, which is what was seen.

use plimsoll_store::{ImageItem, ItemState};
use serde::Serialize;

use super::{KIND, RISK_KEY, STATUS, key_of, name_of, status};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, catalogue, failed,
        filters::{CURRENT_PAGE, LANG, PAGE_SIZE, level_word},
        paging::Paging,
        standard::{Listed, Standard},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageBuildRiskByKey;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Entry {
    advice: String,
    description: String,
    layer_cmd: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer_digest: Option<String>,
    promt: String,
    risk_class: &'static str,
    risk_class_name: String,
    risk_key: String,
    risk_key_name: String,
    risk_level: &'static str,
}

impl Run for DescribeImageBuildRiskByKey {
    const NAME: &'static str = "DescribeImageBuildRiskByKey";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the build instructions of an image that have a risk.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "ImageUuid",
            ParameterKind::Text,
            "The image, by its id; it must be given.",
        ),
        RISK_KEY,
        STATUS,
        CURRENT_PAGE,
        PAGE_SIZE,
        LANG,
    ];
    type Answer = Standard<Listed<Entry>>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Self::Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let (key, status) = (key_of(sent), status(sent)?);
        let uuid = sent.required("ImageUuid")?;
        let found = context.store.image_items(uuid, KIND).await;
        let found = found.map_err(|error| failed(Self::NAME, &error))?;
        let Some(found) = found else {
            return Err(Refusal::invalid("ImageUuid", uuid, "the id of an image"));
        };
        let mut items: Vec<&ImageItem> = found
            .items
            .iter()
            .filter(|item| item.state != ItemState::Fixed)
            .filter(|item| status.is_none_or(|status| status == item.state))
            .filter(|item| key.as_ref().is_none_or(|key| item.finding.id.eq_ignore_ascii_case(key)))
            .collect();
        items.sort_by_key(|item| (entry_number(item), item.finding.id.clone()));
        let list = paging.part(&items).iter().map(|item| Entry::of(item)).collect();
        Ok(Standard::of(Listed { list, page_info: paging.pages(items.len()) }))
    }
}

/// Which instruction it is; what is about none of them comes last.
fn entry_number(item: &ImageItem) -> usize {
    let number = item.finding.extra.get("history").and_then(|number| number.parse().ok());
    number.unwrap_or(usize::MAX)
}

impl Entry {
    fn of(item: &ImageItem) -> Self {
        let finding = &item.finding;
        let (class, _) = catalogue::place_of(KIND, &finding.id);
        let seen: Vec<&str> = finding.evidence.iter().map(|one| one.detail.as_str()).collect();
        let layer = finding.evidence.iter().find_map(|one| one.location.as_ref()?.layer);
        let layer =
            finding.extra.get("layer").cloned().or_else(|| layer.map(|layer| layer.to_string()));
        Self {
            advice: finding.fix.as_ref().map(|fix| fix.advice.clone()).unwrap_or_default(),
            description: finding.extra.get("why").cloned().unwrap_or_default(),
            layer_cmd: match finding.extra.get("instruction") {
                Some(instruction) => instruction.clone(),
                None => seen.first().copied().unwrap_or_default().to_owned(),
            },
            layer_digest: layer.map(|layer| layer.trim_start_matches("sha256:").to_owned()),
            promt: seen.join("\n"),
            risk_class: class,
            risk_class_name: catalogue::title(class),
            risk_key: finding.id.clone(),
            risk_key_name: name_of(&finding.id),
            risk_level: level_word(finding.level),
        }
    }
}
