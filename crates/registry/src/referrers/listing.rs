//! The list of an image's referrers.
//!
//! In: repository and digest. Out: descriptors, from the API or from the tag that stands for it. Source: OCI
//! distribution-spec 1.1, "Listing Referrers". Odd: an empty list and a registry without the API are told apart by the
//! status alone.

use std::collections::BTreeSet;

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
    pub(super) fn may_be_of_sboms(&self) -> bool {
        match self.artifact_type.as_deref() {
            None | Some("") => true,
            // cosign's and BuildKit's manifests look like images.
            Some(kind) => kind.starts_with("application/vnd.oci.") || is_of_sboms(kind),
        }
    }
}

/// Words of the media types of SBOMs and of what they are wrapped in.
pub(super) fn is_of_sboms(media_type: &str) -> bool {
    let lower = media_type.to_ascii_lowercase();
    says_sbom(&lower)
        || ["in-toto", "dsse", "sigstore.bundle"].iter().any(|word| lower.contains(word))
}

/// Words of the types of SBOMs themselves.
pub(super) fn says_sbom(kind: &str) -> bool {
    let lower = kind.to_ascii_lowercase();
    ["sbom", "spdx", "cyclonedx", "syft"].iter().any(|word| lower.contains(word))
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
        let page: Page = serde_json::from_slice(bytes)
            .map_err(|error| self.protocol(what.to_owned(), format!("the list: {error}")))?;
        Ok(page.manifests.unwrap_or_default())
    }
}
