//! Actions about failed baseline checks: the catalogue and which of it is asked for, results by baseline, by image, by item, and
//! the white list.
//!
//! Source: the vendor's pages of those names; `docs/api.md`, "Baseline". Odd:
//! * A baseline ("name") is a group of items within a class; its level in a list is the highest of what failed.
//! * `HighRiskImage` and its neighbours are numbers of images in the one list and numbers of items in the other.
//! * Items that the strategy leaves out are in no list of results and in no counter.

mod describe_all_image_baseline;
mod describe_image_baseline_check_result;
mod describe_image_baseline_check_summary;
mod describe_image_baseline_detail;
mod describe_image_baseline_item_list;
mod describe_image_baseline_strategy;
mod describe_image_list_with_baseline_name;
mod operate_image_baseline_whitelist;
mod save_image_baseline_strategy;
mod strategy;

pub(crate) use describe_all_image_baseline::DescribeAllImageBaseline;
pub(crate) use describe_image_baseline_check_result::DescribeImageBaselineCheckResult;
pub(crate) use describe_image_baseline_check_summary::DescribeImageBaselineCheckSummary;
pub(crate) use describe_image_baseline_detail::DescribeImageBaselineDetail;
pub(crate) use describe_image_baseline_item_list::DescribeImageBaselineItemList;
pub(crate) use describe_image_baseline_strategy::DescribeImageBaselineStrategy;
pub(crate) use describe_image_list_with_baseline_name::DescribeImageListWithBaselineName;
pub(crate) use operate_image_baseline_whitelist::OperateImageBaselineWhitelist;
pub(crate) use save_image_baseline_strategy::SaveImageBaselineStrategy;

use std::collections::BTreeSet;

use plimsoll_model::{Kind, Level};
use plimsoll_store::{IgnoreError, ImageItems, ImageSelection, Item, ItemState};

use super::{
    Context, Parameter, ParameterKind, catalogue, failed,
    filters::{criteria, level_word},
};
use crate::gateway::{Parameters, Refusal};

const KIND: Kind = Kind::Baseline;
const NAME_ALIAS: &str = "BaselineNameAlias";
const CLASS_ALIAS: &str = "BaselineClassAlias";

const CRITERIA: Parameter = Parameter::optional(
    "Criteria",
    ParameterKind::Text,
    "Only baselines that are called so: a part of the name, or the key.",
);
const CRITERIA_TYPE: Parameter = Parameter::optional(
    "CriteriaType",
    ParameterKind::Text,
    "What Criteria names: BaselineNameAlias, which is the default, or BaselineClassAlias.",
);
const IMAGE_UUID: Parameter =
    Parameter::required("ImageUuid", ParameterKind::Text, "The image, by its id.");

/// Status of what failed, and of what failed and does no longer.
const UNFIXED: i32 = 0;
const FIXED: i32 = 1;

/// Which baselines `Criteria` selects.
struct Wanted(Option<(&'static str, String)>);

impl Wanted {
    fn of(sent: &Parameters) -> Result<Self, Refusal> {
        criteria(sent, &[NAME_ALIAS, CLASS_ALIAS]).map(Self)
    }

    fn admits(&self, class: &str, name: &str) -> bool {
        let Some((of, text)) = &self.0 else { return true };
        let key = if *of == CLASS_ALIAS { class } else { name };
        key.to_lowercase() == *text || catalogue::title(key).to_lowercase().contains(text)
    }
}

/// Whether a baseline has this key, or is called so.
fn is_called(key: &str, wanted: &str) -> bool {
    key == wanted || catalogue::title(key).eq_ignore_ascii_case(wanted)
}

/// The items of a baseline; of the one that is of items that are checked no more, those that images have.
async fn items_of_name(
    context: Context<'_>,
    action: &'static str,
    name: &str,
) -> Result<Vec<String>, Refusal> {
    if !is_called(catalogue::UNKNOWN, name) {
        let items = catalogue::items(KIND).filter(|about| is_called(about.name, name));
        return Ok(items.map(|about| about.id.to_owned()).collect());
    }
    let profiles = context.store.item_profiles(KIND, &ImageSelection::default()).await;
    let profiles = profiles.map_err(|error| failed(action, &error))?;
    let ids = profiles.iter().flat_map(|profile| profile.items.iter()).map(|item| item.id.clone());
    let ids: BTreeSet<String> = ids.filter(|id| catalogue::item(KIND, id).is_none()).collect();
    Ok(ids.into_iter().collect())
}

/// How many are of each level.
#[derive(Clone, Copy, Default)]
struct Levels {
    high: u64,
    medium: u64,
    low: u64,
}

impl Levels {
    fn add(&mut self, level: Level, count: u64) {
        match level_word(level) {
            "high" => self.high += count,
            "medium" => self.medium += count,
            _ => self.low += count,
        }
    }

    fn of<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        let mut levels = Self::default();
        for item in items.filter(|item| item.state == ItemState::Open) {
            levels.add(item.level, 1);
        }
        levels
    }

    const fn sum(self) -> u64 {
        self.high + self.medium + self.low
    }

    /// The highest.
    const fn word(self) -> &'static str {
        match self {
            Self { high: 1.., .. } => "high",
            Self { medium: 1.., .. } => "medium",
            _ => "low",
        }
    }
}

/// Sorts the most urgent first.
const fn rank(level: &str) -> u8 {
    match level.as_bytes() {
        b"high" => 0,
        b"medium" => 1,
        _ => 2,
    }
}

/// What an image has of baseline; an image that no scan could read has nothing.
async fn image_items(
    context: Context<'_>,
    action: &'static str,
    uuid: &str,
) -> Result<ImageItems, Refusal> {
    let found = context.store.image_items(uuid, KIND).await;
    let found = found.map_err(|error| failed(action, &error))?;
    found.ok_or_else(|| Refusal::invalid("ImageUuid", uuid, "the id of an image"))
}

/// Why rules were not written, by the parameter that is to blame.
fn refused(action: &'static str, parameter: &str, error: IgnoreError) -> Refusal {
    match error {
        IgnoreError::Store(error) => failed(action, &error),
        other => Refusal::InvalidParameter { name: parameter.to_owned(), why: format!("{other}.") },
    }
}
