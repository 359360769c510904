//! Docker Hub: its own API beside its registry.
//!
//! In: repositories of namespaces, their tags. Out: repositories with visibility, tags with digest, immutability and time
//! of push. Source: docker/docs, `content/reference/api/hub/latest.yaml`; Docker's documentation of usage limits.
//!
//! Odd:
//! * Registry and API are two hosts of one owner. The account is exchanged for a token of ten minutes, and goes to
//!   `hub.docker.com` alone, or where the operator says that the API is.
//! * The next page of a list is an address that the API writes; it is followed on the API's own host only.
//! * Whether tags are immutable is said of the repository by regular expressions, whose anchoring is not documented: a
//!   tag counts as immutable when one of them matches all of it.
//! * Older paths are asked where the new ones answer 404. They refuse tokens of organisations.
//! * GET of a manifest counts as a pull. The lists tell digests, so that only tags that moved are pulled, and the last
//!   pulls of a window are left for others ([`RegistryClient::sparing_pulls`]).

mod webhook;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use plimsoll_model::reference::DOCKER_HUB;
use reqwest::{Url, header::HeaderValue};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{
    API_URL, Adapter, Answering, CA, Connection, EXCLUDE, Field, INCLUDE, NAMESPACES, PASSWORD,
    REPOSITORIES, RegistryKind, RepositoryEntry, TagEntry, USERNAME, Webhooks,
    adapter::{digest_in, sorted},
};
use crate::{
    access::sensitive,
    api::{Api, Bounds, post_json},
    client::{RegistryClient, Visibility},
    endpoint::{Credentials, Endpoint, Scheme},
    error::RegistryError,
    http::Call,
};

/// Entries of a page: the most that the API gives.
const PAGE_SIZE: &str = "100";
/// Pulls of a window that are left for others.
const LEFT_FOR_OTHERS: u64 = 10;
/// A token lives ten minutes; it is no longer used in the last of them.
const TOKEN_LIFETIME: Duration = Duration::from_secs(9 * 60);
/// A compiled rule of immutable tags may take so many bytes.
const MAX_RULE_BYTES: usize = 1 << 20;

/// See the module.
pub(super) struct DockerHub;

impl RegistryKind for DockerHub {
    fn id(&self) -> &'static str {
        "docker-hub"
    }

    fn title(&self) -> &'static str {
        "Docker Hub"
    }

    fn summary(&self) -> &'static str {
        "Docker Hub by its own API: repositories of namespaces, immutable tags, limits of pulls respected"
    }

    fn fields(&self) -> &'static [Field] {
        const ADDRESS: Field = Field { help: "docker.io", ..super::ADDRESS };
        const TOKEN: Field = Field {
            help: "Password, personal access token or organisation's access token; stored encrypted and never shown again",
            ..PASSWORD
        };
        const OWNERS: Field = Field {
            help: "Users, organisations, or library for official images; empty for the account's own",
            ..NAMESPACES
        };
        &[ADDRESS, USERNAME, TOKEN, CA, OWNERS, REPOSITORIES, INCLUDE, EXCLUDE, API_URL]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        let usual =
            Endpoint { scheme: Scheme::Https, host: "hub.docker.com".to_owned(), port: 443 };
        if connection.endpoint.host != DOCKER_HUB && connection.api.endpoint.is_none() {
            return Err(RegistryError::setting(
                "api_url",
                "say where the API answers, because the registry is not Docker Hub itself",
            ));
        }
        let client = connection.client()?.sparing_pulls(LEFT_FOR_OTHERS);
        let api = connection.api(&usual, connection.account())?;
        let mut namespaces = connection.api.namespaces;
        if let (true, Some(account)) = (namespaces.is_empty(), &connection.credentials) {
            namespaces.push(account.username.clone());
        }
        Ok(Box::new(HubRegistry {
            client,
            api,
            credentials: connection.credentials,
            token: tokio::sync::Mutex::default(),
            namespaces,
            rules: Mutex::default(),
        }))
    }
}

/// Docker Hub, connected.
#[derive(Debug)]
struct HubRegistry {
    client: RegistryClient,
    api: Api,
    credentials: Option<Credentials>,
    token: tokio::sync::Mutex<Option<(HeaderValue, Instant)>>,
    namespaces: Vec<String>,
    /// Rules of repositories that were looked at by name.
    rules: Mutex<BTreeMap<String, Rules>>,
}

/// Which tags cannot be moved.
#[derive(Clone, Debug, Default)]
struct Rules(Vec<regex::Regex>);

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct Page<T> {
    next: Option<String>,
    results: Vec<T>,
}

#[derive(Deserialize)]
struct Repository {
    name: String,
    namespace: Option<String>,
    is_private: Option<bool>,
    immutable_tags_settings: Option<ImmutableTags>,
}

#[derive(Deserialize)]
struct ImmutableTags {
    #[serde(default)]
    enabled: bool,
    rules: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    digest: Option<String>,
    tag_last_pushed: Option<String>,
    last_updated: Option<String>,
    content_type: Option<String>,
}

impl Adapter for HubRegistry {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(async move { Ok(self.client.clone()) })
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move {
            self.authorization().await?;
            // The image that Docker names for this: it costs no pull and tells the limit.
            self.client.manifest_digest("ratelimitpreview/test", "latest").await.map(drop)
        })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            if self.namespaces.is_empty() {
                return Err(RegistryError::setting(
                    "namespaces",
                    "name the namespaces to list, such as library, or an account whose own are listed",
                ));
            }
            let mut entries = Vec::new();
            for namespace in &self.namespaces {
                let what = format!("the repositories of `{namespace}`");
                let paths = [
                    &["v2", "namespaces", namespace, "repositories"][..],
                    &["v2", "repositories", namespace, ""],
                ];
                let found: Vec<Repository> = self.all(&paths, &what).await?;
                entries.extend(found.into_iter().map(|repository| repository.entry(namespace)));
            }
            Ok(sorted(entries, |entry| &entry.name))
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move {
            let (namespace, rest) = split(name);
            let repository = self.detail(namespace, rest).await?;
            let visibility = repository.entry(namespace).visibility;
            // The registry knows official images by their whole name alone.
            let whole = format!("{namespace}/{rest}");
            self.lock().insert(whole.clone(), Rules::of(&repository));
            Ok(RepositoryEntry { visibility, ..RepositoryEntry::named(whole) })
        })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async move {
            let name = &repository.name;
            let (namespace, rest) = split(name);
            let known = self.lock().get(name).cloned();
            let rules = match known {
                Some(rules) => rules,
                // The list of repositories does not tell the rules.
                None => Rules::of(&self.detail(namespace, rest).await?),
            };
            let paths = [
                &["v2", "namespaces", namespace, "repositories", rest, "tags"][..],
                &["v2", "repositories", namespace, rest, "tags", ""],
            ];
            let tags: Vec<Tag> = self.all(&paths, &format!("the tags of `{name}`")).await?;
            let entries = tags.into_iter().map(|tag| tag.entry(&rules)).collect();
            Ok(sorted(entries, |tag| &tag.name))
        })
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        Some(self)
    }
}

impl HubRegistry {
    /// The token that the account is exchanged for; nothing without an account.
    async fn authorization(&self) -> Result<Option<HeaderValue>, RegistryError> {
        let Some(account) = &self.credentials else { return Ok(None) };
        let mut token = self.token.lock().await;
        if let Some((value, until)) = &*token
            && *until > Instant::now()
        {
            return Ok(Some(value.clone()));
        }
        let what = "a token of the API";
        let body = serde_json::json!({
            "identifier": account.username,
            "secret": account.password.reveal(),
        });
        let call = post_json(self.api.url(&["v2", "auth", "token"])?, &body)?;
        let fresh: Token = self.api.secret(call, what).await?;
        let value = sensitive(&format!("Bearer {}", fresh.access_token))
            .ok_or_else(|| self.api.protocol(what, "the token is not one"))?;
        *token = Some((value.clone(), Instant::now() + TOKEN_LIFETIME));
        Ok(Some(value))
    }

    async fn get(&self, url: Url) -> Result<Call, RegistryError> {
        Ok(Call { authorization: self.authorization().await?, ..Call::get(url) })
    }

    /// All entries of a list, at the first of `paths` that there is.
    async fn all<T: DeserializeOwned>(
        &self,
        paths: &[&[&str]],
        what: &str,
    ) -> Result<Vec<T>, RegistryError> {
        let mut missing = None;
        for path in paths {
            let mut url = self.api.url(path)?;
            url.query_pairs_mut().append_pair("page_size", PAGE_SIZE);
            match self.pages(url, what).await {
                Err(error @ RegistryError::NotFound { .. }) => missing = missing.or(Some(error)),
                outcome => return outcome,
            }
        }
        Err(missing.unwrap_or_else(|| self.api.protocol(what, "there is no such list")))
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        first: Url,
        what: &str,
    ) -> Result<Vec<T>, RegistryError> {
        let (mut url, mut entries, mut bounds) = (first, Vec::new(), Bounds::default());
        loop {
            bounds.page(&self.api, &url, what)?;
            let page: Page<T> = self.api.json(self.get(url.clone()).await?, what).await?;
            bounds.entries(&self.api, page.results.len(), what)?;
            entries.extend(page.results);
            let Some(next) = page.next.filter(|next| !next.is_empty()) else { return Ok(entries) };
            let next = url.join(&next).map_err(|_cause| {
                self.api.protocol(what, "the next page's address is not a URL")
            })?;
            if next.origin() != url.origin() || !next.username().is_empty() {
                let elsewhere = next.origin().ascii_serialization();
                let problem = format!("the next page lies at another address, `{elsewhere}`");
                return Err(self.api.protocol(what, problem));
            }
            url = next;
        }
    }

    async fn detail(&self, namespace: &str, name: &str) -> Result<Repository, RegistryError> {
        let what = format!("repository `{namespace}/{name}`");
        let url = self.api.url(&["v2", "namespaces", namespace, "repositories", name])?;
        match self.api.json(self.get(url).await?, &what).await {
            Err(RegistryError::NotFound { .. }) => {
                let url = self.api.url(&["v2", "repositories", namespace, name, ""])?;
                self.api.json(self.get(url).await?, &what).await
            }
            outcome => outcome,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Rules>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Namespace and name; official images are of `library`.
fn split(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or(("library", name))
}

impl Rules {
    fn of(repository: &Repository) -> Self {
        let settings = repository.immutable_tags_settings.as_ref();
        let rules = settings.filter(|settings| settings.enabled);
        let rules = rules.and_then(|settings| settings.rules.as_deref()).unwrap_or_default();
        let compiled = |rule: &String| {
            let whole = format!("^(?:{rule})$");
            regex::RegexBuilder::new(&whole).size_limit(MAX_RULE_BYTES).build().ok()
        };
        Self(rules.iter().filter_map(compiled).collect())
    }

    fn cover(&self, tag: &str) -> bool {
        self.0.iter().any(|rule| rule.is_match(tag))
    }
}

impl Repository {
    fn entry(&self, asked: &str) -> RepositoryEntry {
        let namespace = self.namespace.as_deref().unwrap_or(asked);
        let visibility = self
            .is_private
            .map(|is_private| if is_private { Visibility::Private } else { Visibility::Public });
        RepositoryEntry {
            visibility,
            ..RepositoryEntry::named(format!("{namespace}/{}", self.name))
        }
    }
}

impl Tag {
    fn entry(self, rules: &Rules) -> TagEntry {
        let pushed = self.tag_last_pushed.or(self.last_updated);
        let is_other = |kind: &String| !matches!(kind.as_str(), "" | "image" | "unrecognized");
        let other = self.content_type.filter(is_other);
        TagEntry {
            digest: digest_in(self.digest.as_deref()),
            is_immutable: rules.cover(&self.name),
            pushed: pushed.and_then(|text| text.parse().ok()),
            other: other.map(|kind| format!("it is not an image but `{kind}`")),
            name: self.name,
        }
    }
}
