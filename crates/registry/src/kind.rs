//! The kinds of registries, as a list.
//!
//! In: [`Connection`]. Out: an [`Adapter`], which tells repositories and tags in one shape. To add a kind: one file in
//! `kind/`, one line in [`kinds`]; help text, reference page and the console's form follow from [`RegistryKind::fields`].

mod acr;
mod acr_azure;
mod adapter;
mod docker_hub;
mod ecr;
mod filter;
mod gar;
mod ghcr;
mod gitlab;
mod harbor;
mod oci;
mod quay;
mod webhook;

pub use self::{
    adapter::{
        Adapter, Answering, ApiSettings, Connection, ImmutableTags, Now, ReachableAt,
        RepositoryEntry, Side, TagEntry,
    },
    filter::{ImageFilter, PatternError},
    webhook::{FoundWebhook, WantedWebhook, WebhookPlace, Webhooks},
};
use crate::error::RegistryError;

/// One kind of registry.
pub trait RegistryKind: Sync {
    /// Stable id, as in `--kind oci` and in the store.
    fn id(&self) -> &'static str;

    /// What people call it.
    fn title(&self) -> &'static str;

    /// What it is, in one sentence, for help and reference.
    fn summary(&self) -> &'static str;

    /// What an operator fills in to add such a registry, in the form's order.
    fn fields(&self) -> &'static [Field];

    /// A registry of this kind. Nothing is sent yet.
    ///
    /// # Errors
    /// [`RegistryError::Setting`] when something is missing that the kind needs; [`RegistryError::Http`] when no HTTP client
    /// can be set up.
    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError>;

    /// What people set by hand, where no API sets webhooks: [`Adapter::webhooks`] is `None` then.
    fn webhook_by_hand(&self) -> &'static str {
        "set the address as a webhook in the registry's own settings"
    }
}

/// One line of the form that adds a registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Name in requests and on the command line: `username`, `--username`.
    pub id: &'static str,
    /// Label.
    pub title: &'static str,
    /// What belongs there, in one sentence.
    pub help: &'static str,
    /// What can be entered.
    pub input: Input,
    /// Whether it must be filled in.
    pub is_required: bool,
}

/// What a [`Field`] takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// One line of text.
    Text,
    /// One line that is never shown again.
    Secret,
    /// Several lines: certificates in PEM.
    Pem,
    /// Names, one per line or separated by commas.
    List,
    /// Yes or no.
    Flag,
}

/// The kinds, in the order in which people are offered them.
#[must_use]
pub fn kinds() -> &'static [&'static dyn RegistryKind] {
    &[
        &oci::Oci,
        &docker_hub::DockerHub,
        &harbor::Harbor,
        &quay::Quay,
        &acr::Acr,
        &gitlab::GitLab,
        &ghcr::Ghcr,
        &ecr::Ecr,
        &gar::Gar,
        &acr_azure::AzureAcr,
    ]
}

/// The kind with this id.
#[must_use]
pub fn kind(id: &str) -> Option<&'static dyn RegistryKind> {
    kinds().iter().copied().find(|kind| kind.id() == id)
}

/// The fields that every registry has, whatever its kind.
pub(crate) const ADDRESS: Field = Field {
    id: "endpoint",
    title: "Address",
    help: "Host and, if needed, port: registry.example.com:5000",
    input: Input::Text,
    is_required: true,
};
pub(crate) const PLAIN_HTTP: Field = Field {
    id: "plain_http",
    title: "Plain http",
    help: "The registry is not encrypted; account and images travel readable. Always so for loopback addresses without https://",
    input: Input::Flag,
    is_required: false,
};
pub(crate) const USERNAME: Field = Field {
    id: "username",
    title: "User name",
    help: "Account that may pull; empty for anonymous access",
    input: Input::Text,
    is_required: false,
};
pub(crate) const PASSWORD: Field = Field {
    id: "password",
    title: "Password or token",
    help: "Stored encrypted and never shown again",
    input: Input::Secret,
    is_required: false,
};
pub(crate) const CA: Field = Field {
    id: "ca",
    title: "CA certificate",
    help: "PEM of the authority, or of the server's own self-signed certificate",
    input: Input::Pem,
    is_required: false,
};
pub(crate) const REPOSITORIES: Field = Field {
    id: "repositories",
    title: "Repositories",
    help: "Only these repositories; empty for all, where the registry lists them",
    input: Input::List,
    is_required: false,
};

pub(crate) const API_URL: Field = Field {
    id: "api_url",
    title: "Address of the API",
    help: "Where the vendor's API answers, if not where it usually does: https://api.example.com",
    input: Input::Text,
    is_required: false,
};
pub(crate) const API_ACCOUNT: Field = Field {
    id: "api_account",
    title: "Account of the API",
    help: "Account or key id that the API is asked with",
    input: Input::Text,
    is_required: false,
};
pub(crate) const API_TOKEN: Field = Field {
    id: "api_token",
    title: "Token of the API",
    help: "Stored encrypted and never shown again",
    input: Input::Secret,
    is_required: false,
};
pub(crate) const REGION: Field = Field {
    id: "region_id",
    title: "Region",
    help: "Region of the images, as the API reports it: cn-hangzhou",
    input: Input::Text,
    is_required: false,
};
pub(crate) const INSTANCE: Field = Field {
    id: "instance",
    title: "Instance",
    help: "Which of the account's registries",
    input: Input::Text,
    is_required: false,
};
pub(crate) const NAMESPACES: Field = Field {
    id: "namespaces",
    title: "Namespaces",
    help: "Only repositories of these namespaces; empty for all that the account can see",
    input: Input::List,
    is_required: false,
};
pub(crate) const INCLUDE: Field = Field {
    id: "include",
    title: "Only images",
    help: "Patterns of the images to look at: team/*, team/app:v*; empty for all",
    input: Input::List,
    is_required: false,
};
pub(crate) const EXCLUDE: Field = Field {
    id: "exclude",
    title: "Without images",
    help: "Patterns of images to leave out: */cache, *:*-dev",
    input: Input::List,
    is_required: false,
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_found() {
        let ids: BTreeSet<&str> = kinds().iter().map(|kind| kind.id()).collect();
        assert_eq!(ids.len(), kinds().len());
        for id in ids {
            assert_eq!(kind(id).map(RegistryKind::id), Some(id));
            assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{id}");
        }
        assert!(kind("nothing").is_none());
    }

    #[test]
    fn each_kind_asks_for_an_address_and_hides_secrets() {
        for kind in kinds() {
            let fields = kind.fields();
            let ids: BTreeSet<&str> = fields.iter().map(|field| field.id).collect();
            assert_eq!(ids.len(), fields.len(), "{}", kind.id());
            assert!(fields.iter().any(|field| field.id == "endpoint" && field.is_required));
            assert!(!kind.title().is_empty() && !kind.summary().is_empty());
            for field in fields {
                let is_secret = field.id.contains("password") || field.id.contains("token");
                assert_eq!(is_secret, field.input == Input::Secret, "{}", field.id);
                assert!(!field.title.is_empty() && !field.help.is_empty(), "{}", field.id);
            }
        }
    }
}
