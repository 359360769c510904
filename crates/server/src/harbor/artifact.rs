//! What a Harbor asks to have scanned.
//!
//! In: the body of `POST /scan`. Out: [`Wish`], checked, and the credential apart from it. Source:
//! goharbor/pluggable-scanner-spec 1.2, `ScanRequest`. Odd: what is wanted is a list of capabilities since version 1.2; without
//! one vulnerabilities are meant.

use axum::http::StatusCode;
use plimsoll_model::{Digest, ImageReference, Secret};
use serde::{Deserialize, Serialize};

use super::{answer::Refusal, mime};

/// An artifact as Harbor names it; reports name it the same way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Artifact {
    /// `library/app`.
    #[serde(default)]
    pub(crate) repository: String,
    /// The manifest's digest.
    #[serde(default)]
    pub(crate) digest: String,
    /// One of its tags; may be empty.
    #[serde(default)]
    pub(crate) tag: String,
    /// The manifest's type.
    #[serde(default)]
    pub(crate) mime_type: String,
}

/// A scan to do, as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// What is scanned.
    pub(crate) artifact: Artifact,
}

/// The body of `POST /scan`.
#[derive(Deserialize)]
pub(super) struct ScanRequest {
    registry: Option<Registry>,
    artifact: Option<Artifact>,
    #[serde(default)]
    enabled_capabilities: Option<Vec<Capability>>,
}

#[derive(Deserialize)]
struct Registry {
    #[serde(default)]
    url: String,
    #[serde(default)]
    authorization: String,
}

#[derive(Deserialize)]
struct Capability {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    produces_mime_types: Option<Vec<String>>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    sbom_media_types: Option<Vec<String>>,
}

/// A request that can be kept.
pub(super) struct Checked {
    /// Where the image lies, as Harbor says.
    pub(super) url: String,
    /// With what it may be fetched.
    pub(super) authorization: Option<Secret<String>>,
    /// What is to be scanned.
    pub(super) wish: Wish,
}

impl ScanRequest {
    /// Checks what can be checked without looking anywhere.
    pub(super) fn check(self) -> Result<Checked, Refusal> {
        let registry = self.registry.ok_or_else(|| Refusal::field("registry", "it is missing"))?;
        if registry.url.is_empty() {
            return Err(Refusal::field("registry.url", "it is missing"));
        }
        let artifact = self.artifact.ok_or_else(|| Refusal::field("artifact", "it is missing"))?;
        if !ImageReference::is_repository(&artifact.repository) {
            let why = format!("`{}` is not a repository such as library/app", artifact.repository);
            return Err(Refusal::field("artifact.repository", why));
        }
        if let Err(error) = artifact.digest.parse::<Digest>() {
            return Err(Refusal::field("artifact.digest", error));
        }
        let is_scanned = mime::ARTIFACTS.iter().any(|known| mime::is(&artifact.mime_type, known));
        if !artifact.mime_type.is_empty() && !is_scanned {
            let why = format!(
                "`{}` is not scanned; {} are",
                artifact.mime_type,
                mime::ARTIFACTS.join(" and ")
            );
            return Err(Refusal::field("artifact.mime_type", why));
        }
        for capability in self.enabled_capabilities.iter().flatten() {
            capability.check()?;
        }
        let authorization = Some(registry.authorization).filter(|value| !value.trim().is_empty());
        Ok(Checked {
            url: registry.url,
            authorization: authorization.map(Secret::new),
            wish: Wish { artifact },
        })
    }
}

impl Capability {
    fn check(&self) -> Result<(), Refusal> {
        let unable = |what: &str| {
            Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, format!("the scanner {what}")))
        };
        let produced: &[&str] = match self.r#type.as_str() {
            "" | "vulnerability" => &[mime::VULNERABILITIES, mime::NATIVE],
            "sbom" => &[mime::SBOM],
            other => return unable(&format!("has no capability `{other}`")),
        };
        let is_produced = |wanted: &String| produced.iter().any(|known| mime::is(wanted, known));
        if let Some(wanted) = &self.produces_mime_types
            && !wanted.is_empty()
            && !wanted.iter().any(is_produced)
        {
            return unable(&format!("does not write {}", wanted.join(", ")));
        }
        let media_types = self.parameters.as_ref().and_then(|all| all.sbom_media_types.as_ref());
        if self.r#type == "sbom"
            && let Some(wanted) = media_types
            && !wanted.is_empty()
            && !wanted.iter().any(|wanted| mime::is(wanted, mime::SPDX))
        {
            return unable(&format!("writes SBOMs as {} alone", mime::SPDX));
        }
        Ok(())
    }
}
