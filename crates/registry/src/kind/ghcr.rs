//! GitHub's container registry: GitHub's API beside it.
//!
//! In: packages of organisations or people, their versions. Out: repositories with visibility, tags with digests. Source:
//! GitHub's REST API, "Packages".
//!
//! Odd:
//! * There is no catalog, and no list without an owner. Whether an owner is an organisation or a person, the first path
//!   that is there tells.
//! * Versions are digests that have tags or none; a package's name may have slashes and is one segment of the path.
//! * The API takes a classic token with `read:packages`, the registry the same one as a password.
//! * Names of owners may have upper case, names of repositories may not.

mod webhook;

use reqwest::header::{ACCEPT, HeaderValue};
use serde::Deserialize;

use super::{
    API_TOKEN, API_URL, Adapter, Answering, CA, Connection, EXCLUDE, Field, INCLUDE, NAMESPACES,
    PASSWORD, REPOSITORIES, RegistryKind, RepositoryEntry, TagEntry, USERNAME, Webhooks,
    adapter::{digest_in, sorted},
    gitlab::bearer,
};
use crate::{
    api::Api,
    client::{RegistryClient, Visibility},
    endpoint::{Endpoint, Scheme},
    error::RegistryError,
    http::Call,
};

/// Who may own packages, as paths of the API.
const OWNERS: [&str; 2] = ["orgs", "users"];

/// See the module.
pub(super) struct Ghcr;

impl RegistryKind for Ghcr {
    fn id(&self) -> &'static str {
        "ghcr"
    }

    fn title(&self) -> &'static str {
        "GitHub packages"
    }

    fn summary(&self) -> &'static str {
        "GitHub's container registry, ghcr.io, by GitHub's API: the packages of organisations and people"
    }

    fn fields(&self) -> &'static [Field] {
        const TOKEN: Field = Field {
            help: "Classic token with read:packages; empty where the password is one",
            ..API_TOKEN
        };
        const OWNERS: Field = Field {
            title: "Owners",
            help: "Organisations or people whose packages are listed; empty for the account's own",
            ..NAMESPACES
        };
        const ADDRESS: Field = Field { help: "ghcr.io", ..super::ADDRESS };
        &[ADDRESS, USERNAME, PASSWORD, TOKEN, CA, OWNERS, REPOSITORIES, INCLUDE, EXCLUDE, API_URL]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        let usual =
            Endpoint { scheme: Scheme::Https, host: "api.github.com".to_owned(), port: 443 };
        if connection.endpoint.host != "ghcr.io" && connection.api.endpoint.is_none() {
            return Err(RegistryError::setting(
                "api_url",
                "say where GitHub's API answers, because the registry is not ghcr.io",
            ));
        }
        let password = connection.credentials.as_ref().map(|account| &account.password);
        let authorization = bearer(connection.api.token.as_ref().or(password))?;
        let who = if authorization.is_some() { "the access token" } else { "anonymous access" };
        let api = connection.api(&usual, who.to_owned())?;
        let client = connection.client()?;
        let mut owners = connection.api.namespaces;
        if let (true, Some(account)) = (owners.is_empty(), &connection.credentials) {
            owners.push(account.username.clone());
        }
        Ok(Box::new(GitHubRegistry { client, api, authorization, owners }))
    }
}

/// Connected.
#[derive(Debug)]
struct GitHubRegistry {
    client: RegistryClient,
    api: Api,
    authorization: Option<HeaderValue>,
    owners: Vec<String>,
}

/// How much of a list is read.
#[derive(Clone, Copy)]
enum Pages {
    /// As much as tells whether the account is let in.
    First,
    All,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    visibility: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    /// The digest.
    name: String,
    updated_at: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    container: Option<Container>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    tags: Vec<String>,
}

impl Adapter for GitHubRegistry {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(async move { Ok(self.client.clone()) })
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move {
            let owner = self.owners.first().ok_or_else(Self::no_owner)?;
            let what = format!("the packages of `{owner}`");
            let query = [("package_type", "container"), ("per_page", "1")];
            self.of_owner::<Package>(owner, &[], &query, Pages::First, &what).await?;
            self.client.ping().await
        })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            if self.owners.is_empty() {
                return Err(Self::no_owner());
            }
            let mut entries = Vec::new();
            for owner in &self.owners {
                let what = format!("the packages of `{owner}`");
                let query = [("package_type", "container"), ("per_page", "100")];
                let found: Vec<Package> =
                    self.of_owner(owner, &[], &query, Pages::All, &what).await?;
                entries.extend(found.into_iter().map(|package| package.entry(owner)));
            }
            Ok(sorted(entries, |entry| &entry.name))
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move { Ok(RepositoryEntry::named(name)) })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async move {
            let Some((owner, package)) = repository.name.split_once('/') else {
                return Err(RegistryError::Name(repository.name.clone()));
            };
            let what = format!("the versions of `{}`", repository.name);
            let path = ["container", package, "versions"];
            let query = [("state", "active"), ("per_page", "100")];
            let versions: Vec<Version> =
                self.of_owner(owner, &path, &query, Pages::All, &what).await?;
            Ok(sorted(versions.into_iter().flat_map(Version::tags).collect(), |tag| &tag.name))
        })
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        Some(self)
    }
}

impl GitHubRegistry {
    fn no_owner() -> RegistryError {
        RegistryError::setting(
            "namespaces",
            "name the organisations or people whose packages are meant",
        )
    }

    fn call(&self, path: &[&str]) -> Result<Call, RegistryError> {
        let authorization = self.authorization.clone();
        let mut call = Call { authorization, ..Call::get(self.api.url(path)?) };
        call.headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        call.headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
        Ok(call)
    }

    /// A list of an owner's packages, or below one of them: an organisation's, else a person's.
    async fn of_owner<T: serde::de::DeserializeOwned>(
        &self,
        owner: &str,
        rest: &[&str],
        query: &[(&str, &str)],
        pages: Pages,
        what: &str,
    ) -> Result<Vec<T>, RegistryError> {
        let mut missing = None;
        for owners in OWNERS {
            let mut path = vec![owners, owner, "packages"];
            path.extend(rest);
            let mut call = self.call(&path)?;
            call.url.query_pairs_mut().extend_pairs(query);
            let outcome = match pages {
                Pages::First => self.api.json(call, what).await,
                Pages::All => self.api.linked(call, what).await,
            };
            match outcome {
                Err(error @ RegistryError::NotFound { .. }) => missing = Some(error),
                outcome => return outcome,
            }
        }
        Err(missing.unwrap_or_else(|| self.api.protocol(what, "there is no such list")))
    }
}

impl Package {
    fn entry(self, owner: &str) -> RepositoryEntry {
        let visibility = match self.visibility.as_deref() {
            Some("public") => Some(Visibility::Public),
            Some(_) => Some(Visibility::Private),
            None => None,
        };
        let name = format!("{}/{}", owner.to_lowercase(), self.name);
        RepositoryEntry { visibility, ..RepositoryEntry::named(name) }
    }
}

impl Version {
    fn tags(self) -> Vec<TagEntry> {
        let digest = digest_in(Some(&self.name));
        let pushed = self.updated_at.and_then(|text| text.parse().ok());
        let tags = self.metadata.and_then(|metadata| metadata.container).map(|of_it| of_it.tags);
        let entry = |tag: String| TagEntry { digest, pushed, ..TagEntry::named(tag) };
        tags.unwrap_or_default().into_iter().map(entry).collect()
    }
}
