//! `DescribeImageSecurityScanCount`: how much was found, by kind, in one image, a selection of images, or all.
//!
//! In: what selects images, combined with "and"; nothing selects all. Out: the sums of their counters. Source: the vendor's page
//! of that name; `docs/semantics.md`, "Counters".
//!
//! Odd:
//! * `Dealed` in upper case: `N` open findings, which is the default; `Y` handled ones and `A` both. Handled is what ignore rules
//!   take out of the numbers.
//! * Repositories here belong to no instance of a registry service: with `RepoInstanceId` nothing is selected.
//! * A digest is taken with and without `sha256:`.

use plimsoll_store::{FindingSums, ImageSelection};
use serde::Serialize;

use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed, filters::digest, narrow,
    },
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageSecurityScanCount;

/// What `DescribeImageSecurityScanCount` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    image_cve_vul_count: i32,
    image_sca_vul_count: i32,
    image_baseline_count: i32,
    image_malicious_file_count: i32,
}

impl Run for DescribeImageSecurityScanCount {
    const NAME: &'static str = "DescribeImageSecurityScanCount";
    const ACCESS: AccessLevel = AccessLevel::Get;
    const ABOUT: &'static str = "Counts the findings of a selection of images by kind.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("ImageUuid", ParameterKind::Text, "Only this image."),
        Parameter::optional("Uuids", ParameterKind::TextList, "Only these images."),
        Parameter::optional(
            "ImageDigest",
            ParameterKind::Text,
            "Only images of this digest, with or without `sha256:`.",
        ),
        Parameter::optional("ImageTag", ParameterKind::Text, "Only images with this tag."),
        Parameter::optional("RepoId", ParameterKind::Text, "Only images of this repository."),
        Parameter::optional(
            "RepoInstanceId",
            ParameterKind::Text,
            "Selects nothing: repositories belong to no instance.",
        ),
        Parameter::optional(
            "RepoRegionId",
            ParameterKind::Text,
            "Only images of registries in this region.",
        ),
        Parameter::optional(
            "ClusterId",
            ParameterKind::Text,
            "Only images that run in this cluster.",
        ),
        Parameter::optional(
            "Dealed",
            ParameterKind::Text,
            "N: open findings, which is the default; Y: handled ones; A: both.",
        ),
        Parameter::optional(
            "ScanRange",
            ParameterKind::TextList,
            "image, container; images alone are scanned.",
        ),
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let (open, handled) = match sent.text("Dealed") {
            None | Some("N") => (true, false),
            Some("A") => (true, true),
            Some("Y") => (false, true),
            Some(other) => return Err(Refusal::invalid("Dealed", other, "one of Y, N, A")),
        };
        let range = sent.list("ScanRange")?;
        if let Some(other) = range.iter().find(|one| !matches!(one.as_str(), "image" | "container"))
        {
            return Err(Refusal::invalid("ScanRange", other, "one of image, container"));
        }
        let out_of_range = !range.is_empty() && !range.iter().any(|one| one == "image");
        if out_of_range || sent.text("RepoInstanceId").is_some() {
            return Ok(Answer::of(FindingSums::default()));
        }
        let text = |name| sent.text(name).map(ToOwned::to_owned);
        let selection = ImageSelection {
            uuid: text("ImageUuid"),
            uuids: sent.list("Uuids")?,
            digest: digest(sent, "ImageDigest")?,
            tag: text("ImageTag"),
            repo_id: text("RepoId"),
            region_id: text("RepoRegionId"),
            cluster_id: text("ClusterId"),
            ..ImageSelection::default()
        };
        let mut sums = FindingSums::default();
        if open {
            let found = context.store.finding_sums(&selection).await;
            sums = found.map_err(|error| failed(Self::NAME, &error))?;
        }
        if handled {
            let ignored = context.store.ignored_sums(&selection).await;
            let ignored = ignored.map_err(|error| failed(Self::NAME, &error))?;
            sums.cve += ignored.cve;
            sums.sca += ignored.sca;
            sums.baseline += ignored.baseline;
            sums.malicious += ignored.malicious;
        }
        Ok(Answer::of(sums))
    }
}

impl Answer {
    fn of(sums: FindingSums) -> Self {
        Self {
            data: Data {
                image_cve_vul_count: narrow(sums.cve),
                image_sca_vul_count: narrow(sums.sca),
                image_baseline_count: narrow(sums.baseline),
                image_malicious_file_count: narrow(sums.malicious),
            },
        }
    }
}
