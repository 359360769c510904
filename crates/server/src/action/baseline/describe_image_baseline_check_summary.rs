//! `DescribeImageBaselineCheckSummary`: in how many images each baseline fails.
//!
//! In: filters, combined with "and". Out: one page of baselines, most urgent first. Source: the vendor's page of that name;
//! `docs/semantics.md`, "Counters". Odd: an image counts once at each level at which it has an open item of a baseline.

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;
use plimsoll_store::{ImageSelection, ItemState};
use serde::Serialize;

use super::{CRITERIA, CRITERIA_TYPE, KIND, Levels, UNFIXED, Wanted, rank};
use crate::{
    action::{
        AccessLevel, Context, Parameter, Run, catalogue, failed,
        filters::{
            CLUSTER_ID, CURRENT_PAGE, LANG, PAGE_SIZE, RISK_LEVEL, SCAN_RANGE, is_out_of_range,
            level_word, levels,
        },
        milliseconds, narrow,
        paging::{PageInfo, Paging},
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageBaselineCheckSummary;

/// What `DescribeImageBaselineCheckSummary` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    baseline_result_summary: Vec<Entry>,
    page_info: PageInfo,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    baseline_class_alias: String,
    baseline_class_key: &'static str,
    baseline_name_alias: String,
    baseline_name_key: &'static str,
    baseline_name_level: &'static str,
    first_scan_time: i64,
    high_risk_image: i32,
    last_scan_time: i64,
    low_risk_image: i32,
    middle_risk_image: i32,
    status: i32,
}

struct Sum {
    images: Levels,
    first: Timestamp,
    last: Timestamp,
}

impl Run for DescribeImageBaselineCheckSummary {
    const NAME: &'static str = "DescribeImageBaselineCheckSummary";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str =
        "Lists the baselines that fail, with the number of images in which they do.";
    const PARAMETERS: &'static [Parameter] = &[
        CRITERIA,
        CRITERIA_TYPE,
        RISK_LEVEL,
        CLUSTER_ID,
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
        let selection = ImageSelection {
            cluster_id: sent.text("ClusterId").map(ToOwned::to_owned),
            ..ImageSelection::default()
        };
        let profiles = if is_out_of_range(sent)? {
            Vec::new()
        } else {
            let found = context.store.item_profiles(KIND, &selection).await;
            found.map_err(|error| failed(Self::NAME, &error))?
        };
        let mut sums: BTreeMap<(&'static str, &'static str), Sum> = BTreeMap::new();
        for profile in profiles {
            let mut own: BTreeMap<(&'static str, &'static str), (Levels, Timestamp)> =
                BTreeMap::new();
            for item in profile.items.iter().filter(|item| item.state == ItemState::Open) {
                let first = item.first_seen.max(profile.first_scanned);
                let (levels, earliest) = own
                    .entry(catalogue::place_of(KIND, &item.id))
                    .or_insert((Levels::default(), first));
                levels.add(item.level, 1);
                *earliest = first.min(*earliest);
            }
            for (place, (levels, first)) in own {
                let sum = sums.entry(place).or_insert_with(|| Sum {
                    images: Levels::default(),
                    first,
                    last: profile.scanned,
                });
                sum.images.high += profile.images * levels.high.min(1);
                sum.images.medium += profile.images * levels.medium.min(1);
                sum.images.low += profile.images * levels.low.min(1);
                sum.first = sum.first.min(first);
                sum.last = sum.last.max(profile.scanned);
            }
        }
        let mut entries: Vec<Entry> = sums
            .into_iter()
            .filter(|((class, name), _)| wanted.admits(class, name))
            .map(|((class, name), sum)| Entry::of(class, name, &sum))
            .filter(|entry| {
                let is_wanted = |level| level_word(level) == entry.baseline_name_level;
                levels.is_empty() || levels.iter().copied().any(is_wanted)
            })
            .collect();
        entries.sort_by(|one, other| {
            let key = |entry: &Entry| {
                let images = [entry.high_risk_image, entry.middle_risk_image, entry.low_risk_image];
                (rank(entry.baseline_name_level), images.map(std::cmp::Reverse))
            };
            let keys = |entry: &Entry| (entry.baseline_class_key, entry.baseline_name_key);
            key(one).cmp(&key(other)).then_with(|| keys(one).cmp(&keys(other)))
        });
        let page = paging.part(&entries).to_vec();
        let page_info = paging.info(page.len(), entries.len());
        Ok(Answer { baseline_result_summary: page, page_info })
    }
}

impl Entry {
    fn of(class: &'static str, name: &'static str, sum: &Sum) -> Self {
        Self {
            baseline_class_alias: catalogue::title(class),
            baseline_class_key: class,
            baseline_name_alias: catalogue::title(name),
            baseline_name_key: name,
            baseline_name_level: sum.images.word(),
            first_scan_time: milliseconds(sum.first),
            high_risk_image: narrow(sum.images.high),
            last_scan_time: milliseconds(sum.last),
            low_risk_image: narrow(sum.images.low),
            middle_risk_image: narrow(sum.images.medium),
            status: UNFIXED,
        }
    }
}
