//! The window of scans, the quota, and how many scans there were.
//!
//! In: days. Out: numbers. Source: the vendor's pages of those names; `docs/api.md`, "Scans". Odd: without a window `ScanDayNum` is
//! 0, which can be set too; scans are counted by the minute, and one that is done again counts again.

use plimsoll_model::Timestamp;
use serde::Serialize;

use super::CAPACITY;
use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, narrow, standard::Nothing,
    },
    gateway::{Parameters, Refusal},
    operation::scan_window::{days_before, scan_days, set_scan_days},
};

/// Sets the window of scans.
pub(crate) struct SetRegistryScanDayNum;

/// Tells the window of scans.
pub(crate) struct GetRegistryScanDayNum;

/// Tells the quota.
pub(crate) struct DescribeImageScanAuthCount;

/// Counts scans of the last days.
pub(crate) struct GetImageScanNumInPeriod;

/// The longest time in days.
const MOST_DAYS: i32 = 3_650;
/// What clients may offer.
const OFFERED: &str = "1,3,7,15,30,90,180,365";

/// What `GetRegistryScanDayNum` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Window {
    scan_day_num_config: WindowConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WindowConfig {
    day_num_list: &'static str,
    scan_day_num: i32,
}

/// What `DescribeImageScanAuthCount` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Quota {
    image_scan: QuotaUse,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct QuotaUse {
    image_scan_capacity: i64,
    scan_count: i64,
}

/// What `GetImageScanNumInPeriod` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Scans {
    image_scan_data: ScanData,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ScanData {
    image_scan_count: i32,
}

impl Run for SetRegistryScanDayNum {
    const NAME: &'static str = "SetRegistryScanDayNum";
    const ACCESS: AccessLevel = AccessLevel::Update;
    const ABOUT: &'static str =
        "Has only images scanned by themselves whose tag moved in the last days.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::required(
        "ScanDayNum",
        ParameterKind::Integer,
        "Days, at most 3650; 0: images of any age.",
    )];
    type Answer = Nothing;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Nothing, Refusal> {
        sent.required("ScanDayNum")?;
        let days = days(sent, "ScanDayNum", 0)?;
        let days = (days > 0).then_some(days);
        let queued = set_scan_days(context.store, days, context.now).await;
        let queued = queued.map_err(|error| failed(Self::NAME, &error))?;
        tracing::info!(days, queued, "window of scans set");
        Ok(Nothing {})
    }
}

impl Run for GetRegistryScanDayNum {
    const NAME: &'static str = "GetRegistryScanDayNum";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Tells the window of scans.";
    const PARAMETERS: &'static [Parameter] = &[];
    type Answer = Window;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Window, Refusal> {
        let days = scan_days(context.store).await.map_err(|error| failed(Self::NAME, &error))?;
        let scan_day_num = narrow(days.unwrap_or(0));
        Ok(Window { scan_day_num_config: WindowConfig { day_num_list: OFFERED, scan_day_num } })
    }
}

impl Run for DescribeImageScanAuthCount {
    const NAME: &'static str = "DescribeImageScanAuthCount";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str =
        "Tells how many scans may be made, which is as many as can be counted, and how many were.";
    const PARAMETERS: &'static [Parameter] = &[];
    type Answer = Quota;

    async fn run(context: Context<'_>, _sent: &Parameters) -> Result<Quota, Refusal> {
        let scans = context.store.succeeded_scans(None).await;
        let scans = scans.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Quota {
            image_scan: QuotaUse {
                image_scan_capacity: CAPACITY,
                scan_count: i64::try_from(scans).unwrap_or(i64::MAX),
            },
        })
    }
}

impl Run for GetImageScanNumInPeriod {
    const NAME: &'static str = "GetImageScanNumInPeriod";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Counts scans that ended with success in the last days.";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::required("PastDay", ParameterKind::Text, "Days, 1 to 3650.")];
    type Answer = Scans;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Scans, Refusal> {
        sent.required("PastDay")?;
        let from: Timestamp = days_before(days(sent, "PastDay", 1)?, context.now);
        let scans = context.store.succeeded_scans(Some(from)).await;
        let scans = scans.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Scans { image_scan_data: ScanData { image_scan_count: narrow(scans) } })
    }
}

fn days(sent: &Parameters, name: &str, least: i32) -> Result<u32, Refusal> {
    let days = sent.integer(name)?.unwrap_or(least);
    if !(least..=MOST_DAYS).contains(&days) {
        let wanted = format!("{least} to {MOST_DAYS}");
        return Err(Refusal::invalid(name, &days.to_string(), &wanted));
    }
    Ok(days.unsigned_abs())
}
