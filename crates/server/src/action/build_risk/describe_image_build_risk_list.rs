//! `DescribeImageBuildRiskList`: how many images have each risk.
//!
//! In: filters, combined with "and". Out: one page, most urgent first. Source: the vendor's page of that name.

use std::collections::BTreeMap;

use plimsoll_model::{Level, Timestamp};
use plimsoll_store::{ImageSelection, ItemState};
use serde::Serialize;

use super::{KIND, name_of};
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, catalogue, failed,
        filters::{CURRENT_PAGE, LANG, PAGE_SIZE, RISK_LEVEL, criteria, level_word, levels},
        milliseconds, narrow,
        paging::Paging,
        standard::{Listed, Standard},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageBuildRiskList;

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Entry {
    count: i32,
    first_scan_time: i64,
    last_scan_time: i64,
    risk_class: &'static str,
    risk_class_name: String,
    risk_key: String,
    risk_key_name: String,
    risk_level: &'static str,
    unprocessed_num: i32,
}

struct Sum {
    level: Level,
    images: u64,
    open: u64,
    first: Timestamp,
    last: Timestamp,
}

const KEY_NAME: &str = "RiskKeyName";
const CLASS_NAME: &str = "RiskClassName";

impl Run for DescribeImageBuildRiskList {
    const NAME: &'static str = "DescribeImageBuildRiskList";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str =
        "Lists the risks of build instructions, with the number of images that have each.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "Criteria",
            ParameterKind::Text,
            "Only risks that are called so: a part of the name, or the key.",
        ),
        Parameter::optional(
            "CriteriaType",
            ParameterKind::Text,
            "What Criteria names: RiskKeyName, which is the default, or RiskClassName.",
        ),
        RISK_LEVEL,
        CURRENT_PAGE,
        PAGE_SIZE,
        LANG,
    ];
    type Answer = Standard<Listed<Entry>>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Self::Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let levels = levels(sent, "RiskLevel")?;
        let criteria = criteria(sent, &[KEY_NAME, CLASS_NAME])?;
        let profiles = context.store.item_profiles(KIND, &ImageSelection::default()).await;
        let profiles = profiles.map_err(|error| failed(Self::NAME, &error))?;
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        for profile in profiles {
            // An image counts once for a key, however many instructions of it have the risk.
            let mut own: BTreeMap<&str, (Level, bool, Timestamp)> = BTreeMap::new();
            for item in profile.items.iter() {
                let first = item.first_seen.max(profile.first_scanned);
                let known = own.entry(&item.id).or_insert((item.level, false, first));
                known.0 = known.0.max(item.level);
                known.1 |= item.state == ItemState::Open;
                known.2 = known.2.min(first);
            }
            for (key, (level, is_open, first)) in own {
                let sum = sums.entry(key.to_owned()).or_insert_with(|| Sum {
                    level,
                    images: 0,
                    open: 0,
                    first,
                    last: profile.scanned,
                });
                sum.level = sum.level.max(level);
                sum.images += profile.images;
                sum.open += if is_open { profile.images } else { 0 };
                sum.first = sum.first.min(first);
                sum.last = sum.last.max(profile.scanned);
            }
        }
        let mut sums: Vec<(String, Sum)> = sums
            .into_iter()
            .filter(|(_, sum)| levels.is_empty() || levels.contains(&sum.level))
            .filter(|(key, _)| {
                let Some((of, text)) = &criteria else { return true };
                let (class, _) = catalogue::place_of(KIND, key);
                let (key, name) = if *of == CLASS_NAME {
                    (class, catalogue::title(class))
                } else {
                    (key.as_str(), name_of(key))
                };
                key.to_lowercase() == *text || name.to_lowercase().contains(text)
            })
            .collect();
        sums.sort_by(|(key, one), (other_key, other)| {
            let urgency = |sum: &Sum| std::cmp::Reverse((sum.level, sum.open, sum.images));
            urgency(one).cmp(&urgency(other)).then_with(|| key.cmp(other_key))
        });
        let page = paging.part(&sums).iter().map(|(key, sum)| Entry::of(key, sum)).collect();
        Ok(Standard::of(Listed { list: page, page_info: paging.pages(sums.len()) }))
    }
}

impl Entry {
    fn of(key: &str, sum: &Sum) -> Self {
        let (class, _) = catalogue::place_of(KIND, key);
        Self {
            count: narrow(sum.images),
            first_scan_time: milliseconds(sum.first),
            last_scan_time: milliseconds(sum.last),
            risk_class: class,
            risk_class_name: catalogue::title(class),
            risk_key: key.to_owned(),
            risk_key_name: name_of(key),
            risk_level: level_word(sum.level),
            unprocessed_num: narrow(sum.open),
        }
    }
}
