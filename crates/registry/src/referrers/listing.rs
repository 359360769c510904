//! The list of an image's referrers.
//!
//! In: repository and digest. Out: descriptors, from the API or from the tag that stands for it. Source: OCI
//! distribution-spec 1.1, "Listing Referrers". Odd: an empty list and a registry without the API are told apart by the
//! status alone.

use std::{collections::BTreeSet, fmt};

use plimsoll_model::Digest;
use reqwest::header::LINK;
use serde::Deserialize;

use crate::{access::Scope, client::RegistryClient, error::RegistryError, http::Call, paging};

/// Bytes of one page.
const MAX_PAGE_BYTES: u64 = 4 << 20;

/// Pages of one list.
const MAX_PAGES: usize = 16;

/// Entries of one list.
const MAX_REFERRERS: usize = 1_000;

#[derive(Deserialize)]
struct Page {
    manifests: Option<Vec<Referrer>>,
}

/// One manifest about another.
#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Referrer {
    pub(super) digest: String,
    #[serde(default)]
    artifact_type: Option<String>,
}

impl Referrer {
    /// Signatures and the like say what they are; what says nothing is looked into.
    pub(super) fn may_be(&self, sort: Sort) -> bool {
        match self.artifact_type.as_deref() {
            None | Some("") => true,
            // cosign's and BuildKit's manifests look like images.
            Some(kind) => kind.starts_with("application/vnd.oci.") || sort.may_be_said_by(kind),
        }
    }
}

/// What documents are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// What is in an image.
    Sboms,
    /// What vulnerabilities mean to it.
    Vex,
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sboms => "SBOMs",
            Self::Vex => "VEX documents",
        })
    }
}

impl Sort {
    /// Words of the media types of these documents themselves.
    pub(super) fn is_said_by(self, kind: &str) -> bool {
        let words: &[&str] = match self {
            Self::Sboms => &["sbom", "spdx", "cyclonedx", "syft"],
            Self::Vex => &["vex", "csaf"],
        };
        let lower = kind.to_ascii_lowercase();
        words.iter().any(|word| lower.contains(word))
    }

    /// Words of the media types of these documents, and of what they may be wrapped in.
    pub(super) fn may_be_said_by(self, media_type: &str) -> bool {
        let lower = media_type.to_ascii_lowercase();
        let wrappings = ["in-toto", "dsse", "sigstore.bundle"];
        // CycloneDX has both in one format.
        self.is_said_by(&lower)
            || self == Self::Vex && lower.contains("cyclonedx")
            || wrappings.iter().any(|word| lower.contains(word))
    }

    /// Ends of cosign's tags under which there may be some.
    pub(super) const fn cosign_suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Sboms => &["att", "sbom"],
            Self::Vex => &["att"],
        }
    }
}

impl RegistryClient {
    /// What refers to a manifest; `None` when the registry has neither the API nor the tag.
    pub(super) async fn referrers(
        &self,
        repository: &str,
        subject: &Digest,
    ) -> Result<Option<Vec<Referrer>>, RegistryError> {
        match self.referrers_by_api(repository, subject).await {
            Ok(listed) => Ok(Some(listed)),
            // Not every registry knows that 404 is the answer of those that lack the API.
            Err(RegistryError::NotFound { .. }) => self.referrers_by_tag(repository, subject).await,
            Err(RegistryError::Status { status: 400 | 405 | 501, .. }) => {
                self.referrers_by_tag(repository, subject).await
            }
            Err(error) => Err(error),
        }
    }

    async fn referrers_by_api(
        &self,
        repository: &str,
        subject: &Digest,
    ) -> Result<Vec<Referrer>, RegistryError> {
        let what = || format!("referrers `{repository}@{subject}`");
        let mut call =
            Call::get(self.repository_url(repository, &["referrers", &subject.to_string()])?);
        let scope = Scope::Pull(repository.to_owned());
        let (mut seen, mut listed) = (BTreeSet::new(), Vec::new());
        for _page in 0..MAX_PAGES {
            if !seen.insert(call.url.to_string()) {
                return Err(self.protocol(what(), "the list's pages lead in a circle"));
            }
            let url = call.url.clone();
            let (headers, body) =
                self.document(self.access(), &scope, call, MAX_PAGE_BYTES).await?;
            listed.extend(self.page(&body, &what())?);
            if listed.len() > MAX_REFERRERS {
                return Err(
                    self.protocol(what(), format!("the list has over {MAX_REFERRERS} entries"))
                );
            }
            let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
            match paging::next(links, &url) {
                Ok(Some(next)) => call = Call::get(next),
                Ok(None) => return Ok(listed),
                Err(error) => return Err(self.protocol(what(), error.to_string())),
            }
        }
        Err(self.protocol(what(), format!("the list has over {MAX_PAGES} pages")))
    }

    async fn referrers_by_tag(
        &self,
        repository: &str,
        subject: &Digest,
    ) -> Result<Option<Vec<Referrer>>, RegistryError> {
        match self.manifest(repository, &format!("sha256-{}", subject.hex())).await {
            Ok(fetched) => {
                let mut listed =
                    self.page(&fetched.bytes, &format!("tag of referrers `{subject}`"))?;
                listed.truncate(MAX_REFERRERS);
                Ok(Some(listed))
            }
            Err(RegistryError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn page(&self, bytes: &[u8], what: &str) -> Result<Vec<Referrer>, RegistryError> {
        let page: Page = serde_json::from_slice(bytes).map_err(|error| {
            self.protocol(what.to_owned(), format!("the list is not readable as JSON: {error}"))
        })?;
        Ok(page.manifests.unwrap_or_default())
    }
}
