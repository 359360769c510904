//! Actions about builds (CI/CD): registries that builds report to, and images that builds announce.
//!
//! In: names, tokens, addresses. Out: the registry with its token, which is told once; where the build's report belongs. Source:
//! `docs/api.md`, "Builds"; the vendor's pages. Odd:
//! * What a build makes is scanned by it and reported (`plimsoll scan --report-to`); the announcement gives it a place in the lists
//!   and a task, which is done when the report is there.
//! * `WhiteList` holds addresses and networks; it is held against the address that the connection comes from, not against what
//!   `SourceIp` says.
//! * Images that were not reported again for `PersistenceDay` days are forgotten; 0: never.

mod announce;
mod registry;

use super::{
    Context, Parameter, ParameterKind,
    registry::{BUILDS, registry_of},
};
use crate::{
    gateway::{Parameters, Refusal},
    operation::builds::white_list::is_entry,
};

pub(crate) use announce::CreateJenkinsImageScanTask;
pub(crate) use registry::{
    CreateJenkinsImageRegistry, QueryJenkinsImageRegistryPersistenceDay, RefreshRegistryToken,
    UpdateJenkinsImageRegistryName, UpdateJenkinsImageRegistryPersistenceDay, UpdateWhiteList,
};

/// Days until an image that was not reported again is forgotten, where nobody says otherwise.
const KEPT_DAYS: u32 = 90;
const MOST_DAYS: u32 = 3_650;
/// The most entries of a white list.
const MOST_ENTRIES: usize = 200;

const ABOUT_DAYS: &str =
    "Days until an image that was not reported again is forgotten, at most 3650; 0: never.";
const ABOUT_WHITE_LIST: &str = "Addresses and networks from which builds may report, separated by commas, such as `10.0.0.0/8`.";
const REGISTRY_ID: Parameter = Parameter::optional(
    "RegistryId",
    ParameterKind::Long,
    "Number of the registry; without it nothing is changed.",
);

/// The builds' registry of a number.
async fn builds_of(
    context: Context<'_>,
    action: &'static str,
    sent: &Parameters,
) -> Result<plimsoll_store::Registry, Refusal> {
    let registry = registry_of(context, action, sent, "RegistryId").await?;
    if registry.settings.reported_type == BUILDS {
        return Ok(registry);
    }
    let number = registry.id.to_string();
    Err(Refusal::invalid("RegistryId", &number, "the number of a registry of the type CI/CD"))
}

/// How long images are kept.
fn kept_days(sent: &Parameters) -> Result<Option<u32>, Refusal> {
    let Some(days) = sent.integer("PersistenceDay")? else { return Ok(None) };
    let in_range = u32::try_from(days).ok().filter(|days| *days <= MOST_DAYS);
    let wrong =
        || Refusal::invalid("PersistenceDay", &days.to_string(), &format!("0 to {MOST_DAYS}"));
    in_range.map(Some).ok_or_else(wrong)
}

/// A white list whose entries are all addresses or networks.
fn white_list(sent: &Parameters) -> Result<String, Refusal> {
    let text = sent.text("WhiteList").unwrap_or_default();
    let entries: Vec<&str> =
        text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    if entries.len() > MOST_ENTRIES {
        return Err(Refusal::invalid("WhiteList", text, "at most 200 entries"));
    }
    if let Some(wrong) = entries.iter().find(|entry| !is_entry(entry)) {
        let wanted = "an IP address or a network such as 10.0.0.0/8";
        return Err(Refusal::invalid("WhiteList", wrong, wanted));
    }
    Ok(entries.join(","))
}
