//! Filters that lists of findings besides vulnerabilities share.
//!
//! In: parameters. Out: what they select. Odd: what the vendor's other products have and an image has not (containers, instances
//! of a registry service) selects nothing where it is asked for.

use plimsoll_model::Level;

use super::{Parameter, ParameterKind, paging::Paging};
use crate::gateway::{Parameters, Refusal};

pub(super) const CURRENT_PAGE: Parameter =
    Parameter::optional("CurrentPage", ParameterKind::Integer, Paging::ABOUT_PAGE);
pub(super) const PAGE_SIZE: Parameter =
    Parameter::optional("PageSize", ParameterKind::Integer, Paging::ABOUT_SIZE);
pub(super) const LANG: Parameter =
    Parameter::optional("Lang", ParameterKind::Text, "zh, en; texts are English.");
pub(super) const SCAN_RANGE: Parameter = Parameter::optional(
    "ScanRange",
    ParameterKind::TextList,
    "image, container; images alone are scanned.",
);
pub(super) const RISK_LEVEL: Parameter = Parameter::optional(
    "RiskLevel",
    ParameterKind::Text,
    "Only of this level: high, medium, low; several separated by commas.",
);
pub(super) const CLUSTER_ID: Parameter =
    Parameter::optional("ClusterId", ParameterKind::Text, "Only images that run in this cluster.");
pub(super) const SOURCE: Parameter = Parameter::optional(
    "Source",
    ParameterKind::Text,
    "default or image, which is the default; agentless, which is kept and has no effect.",
);

/// Levels in one text; empty: all.
pub(super) fn levels(sent: &Parameters, name: &str) -> Result<Vec<Level>, Refusal> {
    let mut levels = Vec::new();
    for word in sent.text(name).into_iter().flat_map(|text| text.split(',')) {
        match word.trim() {
            "high" => levels.push(Level::High),
            "medium" => levels.push(Level::Medium),
            "low" => levels.push(Level::Low),
            "" => {}
            other => return Err(Refusal::invalid(name, other, "one of high, medium, low")),
        }
    }
    if levels.contains(&Level::High) {
        levels.push(Level::Critical);
    }
    if levels.contains(&Level::Low) {
        levels.extend([Level::Negligible, Level::Unknown]);
    }
    Ok(levels)
}

/// The word for a level, as counters count it.
pub(super) const fn level_word(level: Level) -> &'static str {
    match level {
        Level::Critical | Level::High => "high",
        Level::Medium => "medium",
        Level::Low | Level::Negligible | Level::Unknown => "low",
    }
}

/// Whether `ScanRange` asks for containers alone, of which there are none.
pub(super) fn is_out_of_range(sent: &Parameters) -> Result<bool, Refusal> {
    let range = sent.list("ScanRange")?;
    if let Some(other) = range.iter().find(|one| !matches!(one.as_str(), "image" | "container")) {
        return Err(Refusal::invalid("ScanRange", other, "one of image, container"));
    }
    Ok(!range.is_empty() && !range.iter().any(|one| one == "image"))
}

/// A text to look for and where: `Criteria`, and `CriteriaType`, which is one of `types` and by default the first.
pub(super) fn criteria(
    sent: &Parameters,
    types: &[&'static str],
) -> Result<Option<(&'static str, String)>, Refusal> {
    let wanted = match sent.text("CriteriaType") {
        None => types.first(),
        Some(text) => match types.iter().find(|known| **known == text) {
            Some(known) => Some(known),
            None => {
                let wanted = format!("one of {}", types.join(", "));
                return Err(Refusal::invalid("CriteriaType", text, &wanted));
            }
        },
    };
    Ok(wanted.zip(sent.text("Criteria")).map(|(known, text)| (*known, text.to_lowercase())))
}

/// Names in one text: separated by commas, or a JSON list of texts or of objects with this member.
pub(super) fn names(sent: &Parameters, name: &str, member: &str) -> Result<Vec<String>, Refusal> {
    let text = sent.required(name)?;
    if !text.trim_start().starts_with('[') {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        return Ok(names.map(ToOwned::to_owned).collect());
    }
    let wrong = || {
        let wanted =
            format!("keys separated by commas, or a JSON list of them or of {{\"{member}\"}}");
        Refusal::invalid(name, text, &wanted)
    };
    let list: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|_error| wrong())?;
    let named = |value: &serde_json::Value| {
        let key = if value.is_object() { value.get(member)? } else { value };
        key.as_str().map(ToOwned::to_owned)
    };
    list.iter().map(|value| named(value).ok_or_else(wrong)).collect()
}
