//! Actions about risks of the instructions that an image was built with: which are known and asked for, who has which, and what was
//! decided about them.
//!
//! Source: the vendor's pages of those names; `docs/api.md`, "Build risks". Odd:
//! * A risk is decided about by key and image, so the lists count images: `Count` is the length of the list of images beneath.
//! * They are in no counter of an image (`docs/semantics.md`, "Counters").

mod describe_image_build_risk_by_key;
mod describe_image_build_risk_list;
mod describe_image_list_by_build_risk;
mod get_build_risk_define_rule_config;
mod list_image_build_risk_item;
mod set_build_risk_define_rule_config;
mod set_image_build_risk_status;

pub(crate) use describe_image_build_risk_by_key::DescribeImageBuildRiskByKey;
pub(crate) use describe_image_build_risk_list::DescribeImageBuildRiskList;
pub(crate) use describe_image_list_by_build_risk::DescribeImageListByBuildRisk;
pub(crate) use get_build_risk_define_rule_config::GetBuildRiskDefineRuleConfig;
pub(crate) use list_image_build_risk_item::ListImageBuildRiskItem;
pub(crate) use set_build_risk_define_rule_config::SetBuildRiskDefineRuleConfig;
pub(crate) use set_image_build_risk_status::SetImageBuildRiskStatus;

use plimsoll_model::Kind;
use plimsoll_store::ItemState;

use super::{Parameter, ParameterKind, catalogue};
use crate::gateway::{Parameters, Refusal};

const KIND: Kind = Kind::Build;

const RISK_KEY: Parameter =
    Parameter::optional("RiskKey", ParameterKind::Text, "Only risks of this key, such as no_user.");
const STATUS: Parameter = Parameter::optional(
    "Status",
    ParameterKind::Integer,
    "Only of this status: 0 unhandled, 1 ignored, 2 false positive.",
);

/// What people call a risk; one that is checked no more by its key.
fn name_of(key: &str) -> String {
    catalogue::item(KIND, key).map_or_else(|| key.to_owned(), |about| about.title.to_owned())
}

/// The key, in the catalogue's spelling; one that is checked no more as it was sent.
fn key_of(sent: &Parameters) -> Option<String> {
    let key = sent.text("RiskKey")?;
    Some(catalogue::item(KIND, key).map_or_else(|| key.to_owned(), |about| about.id.to_owned()))
}

/// What `Status` stands for.
fn status(sent: &Parameters) -> Result<Option<ItemState>, Refusal> {
    match sent.integer("Status")? {
        None => Ok(None),
        Some(0) => Ok(Some(ItemState::Open)),
        Some(1) => Ok(Some(ItemState::Ignored)),
        Some(2) => Ok(Some(ItemState::FalsePositive)),
        Some(other) => Err(Refusal::invalid("Status", &other.to_string(), "one of 0, 1, 2")),
    }
}

const fn status_number(state: ItemState) -> i32 {
    match state {
        ItemState::Ignored => 1,
        ItemState::FalsePositive => 2,
        ItemState::Open | ItemState::Fixed => 0,
    }
}
