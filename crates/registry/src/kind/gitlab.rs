//! GitLab's container registry: GitLab's own API beside it.
//!
//! In: projects that the token's owner is a member of, or of groups. Out: their repositories with visibility; tags by the
//! OCI protocol, because GitLab's list of tags tells no digests either. Source: GitLab's REST API, "Projects" and
//! "Container registry".
//!
//! Odd:
//! * Registry and API are two hosts, except on some sites: where the API is, the operator says; of `registry.gitlab.com` it
//!   is known. A personal, group or project access token serves both, as the API's token or as the registry's password.
//! * A public project's registry is public only where its own access level is `enabled`.

use plimsoll_model::Secret;
use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::{
    ADDRESS, API_TOKEN, API_URL, Adapter, Answering, CA, Connection, EXCLUDE, Field, INCLUDE,
    NAMESPACES, PASSWORD, PLAIN_HTTP, REPOSITORIES, RegistryKind, RepositoryEntry, TagEntry,
    USERNAME, adapter::sorted, oci::tags_of,
};
use crate::{
    access::sensitive,
    api::Api,
    client::{RegistryClient, Visibility},
    endpoint::{Endpoint, Scheme},
    error::RegistryError,
    http::Call,
};

/// See the module.
pub(super) struct GitLab;

impl RegistryKind for GitLab {
    fn id(&self) -> &'static str {
        "gitlab"
    }

    fn title(&self) -> &'static str {
        "GitLab"
    }

    fn summary(&self) -> &'static str {
        "GitLab's container registry by GitLab's API: the projects of a token's owner, or of groups"
    }

    fn fields(&self) -> &'static [Field] {
        const TOKEN: Field = Field {
            help: "Access token with read_api; empty where the password is one with read_api and read_registry",
            ..API_TOKEN
        };
        const GROUPS: Field = Field {
            title: "Groups",
            help: "Only projects of these groups and their subgroups; empty for all that the token's owner is a member of",
            ..NAMESPACES
        };
        &[
            ADDRESS,
            PLAIN_HTTP,
            USERNAME,
            PASSWORD,
            TOKEN,
            CA,
            GROUPS,
            REPOSITORIES,
            INCLUDE,
            EXCLUDE,
            API_URL,
        ]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        let usual = Endpoint { scheme: Scheme::Https, host: "gitlab.com".to_owned(), port: 443 };
        if connection.endpoint.host != "registry.gitlab.com" && connection.api.endpoint.is_none() {
            return Err(RegistryError::setting(
                "api_url",
                "say where GitLab itself answers: https://gitlab.example.com",
            ));
        }
        let password = connection.credentials.as_ref().map(|account| &account.password);
        let authorization = bearer(connection.api.token.as_ref().or(password))?;
        let who = if authorization.is_some() { "the access token" } else { "anonymous access" };
        let api = connection.api(&usual, who.to_owned())?;
        let client = connection.client()?;
        Ok(Box::new(GitLabRegistry {
            client,
            api,
            authorization,
            groups: connection.api.namespaces,
        }))
    }

    fn webhook_by_hand(&self) -> &'static str {
        "set the address as a project's webhook with Pipeline events, or have an administrator name it in the registry's own notifications"
    }
}

/// `Bearer` with a token that an operator gave.
pub(super) fn bearer(token: Option<&Secret<String>>) -> Result<Option<HeaderValue>, RegistryError> {
    let Some(token) = token.map(|token| token.reveal().trim()).filter(|token| !token.is_empty())
    else {
        return Ok(None);
    };
    let is_one = !token.contains(char::is_whitespace);
    let value = sensitive(&format!("Bearer {token}")).filter(|_| is_one);
    value.map(Some).ok_or_else(|| {
        RegistryError::setting("api_token", "it has blanks or control characters inside")
    })
}

/// A connected GitLab.
#[derive(Debug)]
struct GitLabRegistry {
    client: RegistryClient,
    api: Api,
    authorization: Option<HeaderValue>,
    /// Empty: the projects of the token's owner.
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct Project {
    id: u64,
    visibility: Option<String>,
    container_registry_access_level: Option<String>,
    container_registry_enabled: Option<bool>,
}

#[derive(Deserialize)]
struct Repository {
    path: String,
}

impl Adapter for GitLabRegistry {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(async move { Ok(self.client.clone()) })
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move {
            let query = [("membership", "true"), ("per_page", "1")];
            let call = self.call(&["projects"], &query)?;
            let _projects: Vec<Project> = self.api.json(call, "the list of projects").await?;
            self.client.ping().await
        })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            let mut entries = Vec::new();
            for project in self.projects().await? {
                if !project.has_registry() {
                    continue;
                }
                let id = project.id.to_string();
                let call = self
                    .call(&["projects", &id, "registry", "repositories"], &[("per_page", "100")])?;
                let what = format!("the repositories of project {id}");
                let found: Vec<Repository> = match self.api.linked(call, &what).await {
                    Ok(found) => found,
                    // A guest of a project may not see its registry.
                    Err(RegistryError::Refused { status: 403, .. }) => continue,
                    Err(error) => return Err(error),
                };
                let visibility = project.registry_visibility();
                entries.extend(found.into_iter().map(|repository| RepositoryEntry {
                    visibility,
                    ..RepositoryEntry::named(repository.path)
                }));
            }
            Ok(sorted(entries, |entry| &entry.name))
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move { Ok(RepositoryEntry::named(name)) })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(tags_of(&self.client, &repository.name))
    }
}

impl GitLabRegistry {
    fn call(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Call, RegistryError> {
        let mut all = vec!["api", "v4"];
        all.extend(path);
        let mut call =
            Call { authorization: self.authorization.clone(), ..Call::get(self.api.url(&all)?) };
        call.url.query_pairs_mut().extend_pairs(query);
        Ok(call)
    }

    async fn projects(&self) -> Result<Vec<Project>, RegistryError> {
        if self.groups.is_empty() {
            // Without an owner's token there are no memberships.
            let whose = if self.authorization.is_some() { "membership" } else { "public" };
            let query = [(whose, "true"), ("archived", "false"), ("per_page", "100")];
            let call = self.call(&["projects"], &query)?;
            return self.api.linked(call, "the list of projects").await;
        }
        let mut projects: Vec<Project> = Vec::new();
        for group in &self.groups {
            let query = [("include_subgroups", "true"), ("archived", "false"), ("per_page", "100")];
            // A slash in a group's name is encoded by the URL.
            let call = self.call(&["groups", group, "projects"], &query)?;
            let what = format!("the projects of group `{group}`");
            projects.extend(self.api.linked::<Project>(call, &what).await?);
        }
        Ok(projects)
    }
}

impl Project {
    fn has_registry(&self) -> bool {
        self.container_registry_access_level.as_deref() != Some("disabled")
            && self.container_registry_enabled != Some(false)
    }

    fn registry_visibility(&self) -> Option<Visibility> {
        let is_public = self.visibility.as_deref()? == "public";
        let level = self.container_registry_access_level.as_deref()?;
        Some(if is_public && level == "enabled" { Visibility::Public } else { Visibility::Private })
    }
}
