//! Any registry that speaks the OCI distribution protocol and nothing else.
//!
//! In: the protocol's own lists. Out: repositories and tags without digests or dates, which the protocol does not tell.
//! Source: OCI distribution-spec 1.1; `_catalog` of Docker's registry API. Odd: Docker Hub, GHCR and others have no catalog:
//! their repositories are named by the operator.

use super::{
    ADDRESS, Answering, CA, Field, PASSWORD, PLAIN_HTTP, REPOSITORIES, RegistryKind,
    RepositoryEntry, TagEntry, USERNAME,
};
use crate::client::{RegistryClient, Visibility};

/// See the module.
pub(super) struct Oci;

impl RegistryKind for Oci {
    fn id(&self) -> &'static str {
        "oci"
    }

    fn title(&self) -> &'static str {
        "OCI registry"
    }

    fn summary(&self) -> &'static str {
        "Any registry of the OCI distribution protocol: Docker's own registry, zot, GitLab, GHCR, Docker Hub"
    }

    fn fields(&self) -> &'static [Field] {
        &[ADDRESS, PLAIN_HTTP, USERNAME, PASSWORD, CA, REPOSITORIES]
    }

    fn list_repositories<'a>(
        &'a self,
        client: &'a RegistryClient,
    ) -> Answering<'a, Vec<RepositoryEntry>> {
        Box::pin(async {
            let names = client.catalog().await?;
            Ok(names.into_iter().map(|name| RepositoryEntry { name, visibility: None }).collect())
        })
    }

    fn list_tags<'a>(
        &'a self,
        client: &'a RegistryClient,
        repository: &'a str,
    ) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async {
            let names = client.tags(repository).await?;
            let entry = |name| TagEntry { name, digest: None, is_immutable: false, pushed: None };
            Ok(names.into_iter().map(entry).collect())
        })
    }

    fn visibility<'a>(
        &'a self,
        client: &'a RegistryClient,
        repository: &'a str,
        name: &'a str,
    ) -> Answering<'a, Visibility> {
        Box::pin(client.visibility(repository, name))
    }
}
