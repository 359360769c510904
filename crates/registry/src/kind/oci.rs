//! Any registry that speaks the OCI distribution protocol and nothing else.
//!
//! In: the protocol's own lists. Out: repositories and tags without digests or dates, which the protocol does not tell.
//! Source: OCI distribution-spec 1.1; `_catalog` of Docker's registry API. Odd: Docker Hub, GHCR and others have no catalog:
//! their repositories are named by the operator, or their own kinds are used.

use super::{
    ADDRESS, Adapter, Answering, CA, Connection, EXCLUDE, Field, INCLUDE, PASSWORD, PLAIN_HTTP,
    REPOSITORIES, RegistryKind, RepositoryEntry, TagEntry, USERNAME,
};
use crate::{client::RegistryClient, error::RegistryError};

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
        "Any registry of the OCI distribution protocol: Docker's own registry, zot, and every other by named repositories"
    }

    fn fields(&self) -> &'static [Field] {
        &[ADDRESS, PLAIN_HTTP, USERNAME, PASSWORD, CA, REPOSITORIES, INCLUDE, EXCLUDE]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        Ok(Box::new(OciRegistry(connection.client()?)))
    }

    fn webhook_by_hand(&self) -> &'static str {
        "name the address and, in `headers`, the secret in `notifications.endpoints` of the registry's own configuration"
    }
}

/// A registry without any other API.
#[derive(Debug)]
struct OciRegistry(RegistryClient);

impl Adapter for OciRegistry {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(async move { Ok(self.0.clone()) })
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(self.0.ping())
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            let names = self.0.catalog().await?;
            Ok(names.into_iter().map(RepositoryEntry::named).collect())
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move { Ok(RepositoryEntry::named(name)) })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(tags_of(&self.0, &repository.name))
    }
}

/// A repository's tags by the OCI protocol, for kinds whose own API does not list them.
pub(super) async fn tags_of(
    client: &RegistryClient,
    repository: &str,
) -> Result<Vec<TagEntry>, RegistryError> {
    Ok(client.tags(repository).await?.into_iter().map(TagEntry::named).collect())
}
