//! Filters that lists of findings and of images share.
//!
//! In: parameters. Out: what they select. Odd: what the vendor's other products have and an image has not (containers, instances
//! of a registry service) selects nothing where it is asked for.

use std::collections::BTreeSet;

use plimsoll_model::{Digest, Level};
use plimsoll_store::FileLevel;

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
pub(super) const REPO_ID: Parameter =
    Parameter::optional("RepoId", ParameterKind::Text, "Only images of this repository.");
pub(super) const REPO_NAME: Parameter = Parameter::optional(
    "RepoName",
    ParameterKind::Text,
    "Only images of repositories of this name.",
);
pub(super) const REPO_NAMESPACE: Parameter = Parameter::optional(
    "RepoNamespace",
    ParameterKind::Text,
    "Only images of this namespace of a registry.",
);
pub(super) const REPO_INSTANCE_ID: Parameter = Parameter::optional(
    "RepoInstanceId",
    ParameterKind::Text,
    "Selects nothing: repositories belong to no instance.",
);
pub(super) const REPO_REGION_ID: Parameter = Parameter::optional(
    "RepoRegionId",
    ParameterKind::Text,
    "Only images of registries in this region.",
);
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

/// Whether what is asked for is of a kind that no image has here: containers alone, or repositories of an instance.
pub(super) fn selects_nothing(sent: &Parameters) -> Result<bool, Refusal> {
    Ok(is_out_of_range(sent)? || sent.text("RepoInstanceId").is_some())
}

/// A digest with or without `sha256:`.
pub(super) fn digest(sent: &Parameters, name: &str) -> Result<Option<Digest>, Refusal> {
    let Some(text) = sent.text(name) else { return Ok(None) };
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    match format!("sha256:{hex}").parse() {
        Ok(digest) => Ok(Some(digest)),
        Err(_) => Err(Refusal::invalid(name, text, "a digest of 64 hex digits")),
    }
}

/// The contract's words for high, medium and low levels of files of a kind.
pub(super) struct LevelWords(pub(super) [&'static str; 3]);

impl LevelWords {
    /// Levels in one text, separated by commas; empty: all.
    pub(super) fn read(
        &self,
        sent: &Parameters,
        name: &str,
    ) -> Result<BTreeSet<FileLevel>, Refusal> {
        let words = sent.text(name).into_iter().flat_map(|text| text.split(','));
        words
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(|word| {
                [FileLevel::High, FileLevel::Medium, FileLevel::Low]
                    .into_iter()
                    .find(|level| self.word(*level) == word)
                    .ok_or_else(|| {
                        let wanted = format!("one of {}", self.0.join(", "));
                        Refusal::invalid(name, word, &wanted)
                    })
            })
            .collect()
    }

    pub(super) const fn word(&self, level: FileLevel) -> &'static str {
        let [high, medium, low] = self.0;
        match level {
            FileLevel::High => high,
            FileLevel::Medium => medium,
            FileLevel::Low => low,
        }
    }
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
