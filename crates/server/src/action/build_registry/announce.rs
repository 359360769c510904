//! `CreateJenkinsImageScanTask`: a build announces an image that it is going to report.
//!
//! In: the registry's token, the image's name and digests. Out: the image's id and the task, which is done when the report is
//! there. Source: the vendor's page of that name; `docs/api.md`, "Builds". Odd: where there is no manifest yet, the digest of the
//! configuration (`ImageId`) stands for it; `Uuid` is ignored, because ids are made of names.

use plimsoll_model::{Digest, ImageReference, Platform, Timestamp};
use plimsoll_store::{AnnouncedBuild, RegistryError, TokenPurpose};
use serde::Serialize;

use crate::{
    action::{
        AccessLevel, Context, Parameter, ParameterKind, Run, failed,
        filters::digest,
        registry::{SOURCE_IP, kept, refused_by_store},
        scan_task::CAPACITY,
    },
    gateway::{Parameters, Refusal},
    operation::builds::white_list::lets_in,
};

/// The action.
pub(crate) struct CreateJenkinsImageScanTask;

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    image_scan_capacity: i64,
    repo_id: String,
    repo_region_id: String,
    task_id: String,
    uuid: String,
}

impl Run for CreateJenkinsImageScanTask {
    const NAME: &'static str = "CreateJenkinsImageScanTask";
    const ACCESS: AccessLevel = AccessLevel::Create;
    const ABOUT: &'static str = "Announces an image that a build is going to report.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("Token", ParameterKind::Text, "Token of the registry; must be sent."),
        Parameter::optional("Namespace", ParameterKind::Text, "Namespace of the repository."),
        Parameter::optional(
            "RepoName",
            ParameterKind::Text,
            "Name of the repository; must be sent.",
        ),
        Parameter::optional("Tag", ParameterKind::Text, "The tag; must be sent."),
        Parameter::optional(
            "Digest",
            ParameterKind::Text,
            "Digest of the manifest, with or without `sha256:`; without it ImageId must be sent.",
        ),
        Parameter::optional(
            "ImageId",
            ParameterKind::Text,
            "Digest of the configuration, with or without `sha256:`.",
        ),
        Parameter::optional("ImageSize", ParameterKind::Long, "Size in bytes."),
        Parameter::optional(
            "ImageCreate",
            ParameterKind::Long,
            "When it was made, in milliseconds.",
        ),
        Parameter::optional(
            "ImageUpdate",
            ParameterKind::Long,
            "When it was last changed, in milliseconds.",
        ),
        Parameter::optional(
            "JenkinsEnv",
            ParameterKind::Text,
            "What the build belongs to; kept as its job.",
        ),
        Parameter::optional("Uuid", ParameterKind::Text, "Ignored: ids are made of names."),
        SOURCE_IP,
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let token = sent.required("Token")?;
        let bearer = context.store.bearer_of(token, TokenPurpose::Report).await;
        let bearer = bearer.map_err(|error| failed(Self::NAME, &error))?;
        // The token is not shown, not even a wrong one.
        let stranger = || Refusal::InvalidParameter {
            name: "Token".to_owned(),
            why: "It is the token of no registry that builds report to from there.".to_owned(),
        };
        let bearer = bearer.ok_or_else(stranger)?;
        let extras = context.store.registry_extras(bearer.registry_id).await;
        let extras = extras.map_err(|error| failed(Self::NAME, &error))?;
        if !lets_in(&extras.white_list, context.source) {
            tracing::warn!(
                registry.name = bearer.registry,
                "build announced from an address that is not on the white list"
            );
            return Err(stranger());
        }
        let registry = context.store.registry_by_id(bearer.registry_id).await;
        let registry = registry.map_err(|error| failed(Self::NAME, &error))?;
        let registry = registry.ok_or_else(stranger)?;
        let (manifest, image_id) = digests(sent)?;
        let path = match sent.text("Namespace") {
            Some(namespace) => format!("{namespace}/{}", sent.required("RepoName")?),
            None => sent.required("RepoName")?.to_owned(),
        };
        if !ImageReference::is_repository(&path) {
            return Err(Refusal::invalid("RepoName", &path, "a repository such as team/app"));
        }
        let size = sent.long("ImageSize")?.unwrap_or(0);
        let wrong = |_error| Refusal::invalid("ImageSize", &size.to_string(), "a size in bytes");
        let time =
            |name| sent.long(name).map(|time| time.map(|time| Timestamp(time.div_euclid(1_000))));
        let job = kept(sent, "JenkinsEnv")?;
        let build = AnnouncedBuild {
            path: &path,
            tag: sent.required("Tag")?,
            digest: manifest,
            image_id,
            platform: &Platform::host(),
            size: u64::try_from(size).map_err(wrong)?,
            created: time("ImageCreate")?,
            updated: time("ImageUpdate")?,
            job: Some(job.as_str()).filter(|job| !job.is_empty()),
        };
        let announced = context.store.announce_build(&registry, build, context.now).await;
        let announced = announced.map_err(|error| match error {
            RegistryError::Invalid { .. } => {
                Refusal::invalid("Tag", build.tag, "a tag of at most 512 characters")
            }
            other => refused_by_store(Self::NAME, other),
        })?;
        Ok(Answer {
            data: Data {
                image_scan_capacity: CAPACITY,
                repo_id: announced.repo_id,
                repo_region_id: registry.settings.region_id,
                task_id: announced.order.to_string(),
                uuid: announced.uuid,
            },
        })
    }
}

/// Of the manifest and of the configuration; one that is not sent is the other.
fn digests(sent: &Parameters) -> Result<(Digest, Digest), Refusal> {
    match (digest(sent, "Digest")?, digest(sent, "ImageId")?) {
        (Some(manifest), Some(image_id)) => Ok((manifest, image_id)),
        (Some(one), None) | (None, Some(one)) => Ok((one, one)),
        (None, None) => Err(Refusal::MissingParameter("Digest".to_owned())),
    }
}
