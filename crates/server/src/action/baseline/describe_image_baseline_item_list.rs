//! `DescribeImageBaselineItemList`: the items that fail in an image, one by one.
//!
//! In: the image, filters, combined with "and". Out: one page, most urgent first. Source: the vendor's page of that name;
//! `docs/semantics.md`, "Counters". Odd: with `Status` 0 it lists exactly what counts; what is on the white list fails, too, and
//! stands in the list without that filter.

use plimsoll_store::{ImageItem, ItemState};
use serde::Serialize;

use super::{FIXED, IMAGE_UUID, KIND, UNFIXED, image_items, is_called, rank};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, catalogue,
        filters::{CURRENT_PAGE, LANG, PAGE_SIZE, SCAN_RANGE, is_out_of_range, level_word},
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageBaselineItemList;

/// What `DescribeImageBaselineItemList` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    baseline_item_infos: Vec<Info>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    baseline_class_alias: String,
    baseline_class_key: &'static str,
    baseline_item_alias: String,
    baseline_item_key: String,
    baseline_name_alias: String,
    baseline_name_key: &'static str,
    status: i32,
    white_list: i32,
}

impl Run for DescribeImageBaselineItemList {
    const NAME: &'static str = "DescribeImageBaselineItemList";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the baseline items that fail in an image.";
    const PARAMETERS: &'static [Parameter] = &[
        IMAGE_UUID,
        Parameter::optional(
            "BaselineClassKey",
            ParameterKind::Text,
            "Only items of this class, by its key or its name.",
        ),
        Parameter::optional(
            "BaselineNameKey",
            ParameterKind::Text,
            "Only items of this baseline, by its key or its name.",
        ),
        Parameter::optional(
            "Status",
            ParameterKind::Text,
            "0: what counts; 1: what no longer fails; 2 and 3, which nothing is here; several separated by commas.",
        ),
        Parameter::optional(
            "Uuids",
            ParameterKind::TextList,
            "Images, of which ImageUuid must be one.",
        ),
        SCAN_RANGE,
        CURRENT_PAGE,
        PAGE_SIZE,
        LANG,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let uuid = sent.required("ImageUuid")?;
        let states = states(sent)?;
        let found = image_items(context, Self::NAME, uuid).await?;
        let among = sent.list("Uuids")?;
        let is_among = among.is_empty()
            || among.iter().any(|one| one.replace('-', "") == found.image.uuid.replace('-', ""));
        let nothing = is_out_of_range(sent)? || !is_among;
        let called =
            |name: &str, key: &str| sent.text(name).is_none_or(|text| is_called(key, text));
        let mut items: Vec<&ImageItem> = found
            .items
            .iter()
            .filter(|item| {
                let (class, name) = catalogue::place_of(KIND, &item.finding.id);
                !nothing
                    && called("BaselineClassKey", class)
                    && called("BaselineNameKey", name)
                    && states.as_ref().is_none_or(|states| states.contains(&item.state))
            })
            .collect();
        items.sort_by_key(|item| {
            (item.state, rank(level_word(item.finding.level)), item.finding.id.clone())
        });
        let infos: Vec<Info> = paging.part(&items).iter().map(|item| Info::of(item)).collect();
        let page_info = paging.info(infos.len(), items.len());
        Ok(Answer { baseline_item_infos: infos, page_info })
    }
}

/// What `Status` selects; `None`: everything.
fn states(sent: &Parameters) -> Result<Option<Vec<ItemState>>, Refusal> {
    let Some(text) = sent.text("Status") else { return Ok(None) };
    let mut states = Vec::new();
    for word in text.split(',') {
        match word.trim() {
            "0" => states.push(ItemState::Open),
            "1" => states.push(ItemState::Fixed),
            "2" | "3" => {}
            other => return Err(Refusal::invalid("Status", other, "one of 0, 1, 2, 3")),
        }
    }
    Ok(Some(states))
}

impl Info {
    fn of(item: &ImageItem) -> Self {
        let (class, name) = catalogue::place_of(KIND, &item.finding.id);
        let is_white = matches!(item.state, ItemState::Ignored | ItemState::FalsePositive);
        Self {
            baseline_class_alias: catalogue::title(class),
            baseline_class_key: class,
            baseline_item_alias: item.finding.title.clone(),
            baseline_item_key: item.finding.id.clone(),
            baseline_name_alias: catalogue::title(name),
            baseline_name_key: name,
            status: if item.state == ItemState::Fixed { FIXED } else { UNFIXED },
            white_list: i32::from(is_white),
        }
    }
}
