//! `DescribeImageBaselineCheckResult`: the baselines that fail in an image, or did and do no longer.
//!
//! In: the image, filters, combined with "and". Out: one page, most urgent first. Source: the vendor's page of that name. Odd:
//! `BaselineItemCount` is the number of items that fail; what the tag named before is what did.

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;
use plimsoll_store::ItemState;
use serde::Serialize;

use super::{
    CRITERIA, CRITERIA_TYPE, FIXED, IMAGE_UUID, KIND, Levels, UNFIXED, Wanted, image_items, rank,
};
use crate::{
    action::{
        AccessLevel, Context, Parameter, Run, catalogue,
        filters::{
            CURRENT_PAGE, LANG, PAGE_SIZE, RISK_LEVEL, SCAN_RANGE, is_out_of_range, level_word,
            levels,
        },
        milliseconds, narrow,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageBaselineCheckResult;

/// What `DescribeImageBaselineCheckResult` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    baseline_result: Vec<Entry>,
    page_info: PageInfo,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    baseline_class_alias: String,
    baseline_item_count: i32,
    baseline_name_alias: String,
    baseline_name_key: &'static str,
    baseline_name_level: &'static str,
    first_scan_time: i64,
    high_risk_item_count: i32,
    last_scan_time: i64,
    low_risk_item_count: i32,
    middle_risk_item_count: i32,
    status: i32,
}

#[derive(Default)]
struct Sum {
    open: Levels,
    /// What no longer fails, for its level.
    gone: Levels,
    first: Option<Timestamp>,
}

impl Run for DescribeImageBaselineCheckResult {
    const NAME: &'static str = "DescribeImageBaselineCheckResult";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the baselines that fail in an image.";
    const PARAMETERS: &'static [Parameter] = &[
        IMAGE_UUID,
        CRITERIA,
        CRITERIA_TYPE,
        RISK_LEVEL,
        SCAN_RANGE,
        CURRENT_PAGE,
        PAGE_SIZE,
        LANG,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let paging = Paging::of(sent)?;
        let wanted = Wanted::of(sent)?;
        let levels = levels(sent, "RiskLevel")?;
        let found = image_items(context, Self::NAME, sent.required("ImageUuid")?).await?;
        let mut sums: BTreeMap<(&'static str, &'static str), Sum> = BTreeMap::new();
        let items = if is_out_of_range(sent)? { &[][..] } else { found.items.as_slice() };
        for item in items {
            let sum = sums.entry(catalogue::place_of(KIND, &item.finding.id)).or_default();
            match item.state {
                ItemState::Open => sum.open.add(item.finding.level, 1),
                ItemState::Fixed => sum.gone.add(item.finding.level, 1),
                // Somebody decided about it: no result of the baseline's.
                ItemState::Ignored | ItemState::FalsePositive => continue,
            }
            let first = sum.first.map_or(item.first_seen, |first| first.min(item.first_seen));
            sum.first = Some(first);
        }
        let last = milliseconds(found.scanned.unwrap_or_default());
        let mut entries: Vec<Entry> = sums
            .into_iter()
            .filter(|((class, name), _)| wanted.admits(class, name))
            .filter(|(_, sum)| sum.open.sum() + sum.gone.sum() > 0)
            .map(|((class, name), sum)| Entry::of(class, name, &sum, last))
            .filter(|entry| {
                let is_wanted = |level| level_word(level) == entry.baseline_name_level;
                levels.is_empty() || levels.iter().copied().any(is_wanted)
            })
            .collect();
        entries.sort_by_key(|entry| {
            (entry.status, rank(entry.baseline_name_level), entry.baseline_name_key)
        });
        let page = paging.part(&entries).to_vec();
        let page_info = paging.info(page.len(), entries.len());
        Ok(Answer { baseline_result: page, page_info })
    }
}

impl Entry {
    fn of(class: &'static str, name: &'static str, sum: &Sum, last: i64) -> Self {
        let fails = sum.open.sum() > 0;
        Self {
            baseline_class_alias: catalogue::title(class),
            baseline_item_count: narrow(sum.open.sum()),
            baseline_name_alias: catalogue::title(name),
            baseline_name_key: name,
            baseline_name_level: if fails { sum.open.word() } else { sum.gone.word() },
            first_scan_time: milliseconds(sum.first.unwrap_or_default()),
            high_risk_item_count: narrow(sum.open.high),
            last_scan_time: last,
            low_risk_item_count: narrow(sum.open.low),
            middle_risk_item_count: narrow(sum.open.medium),
            status: if fails { UNFIXED } else { FIXED },
        }
    }
}
