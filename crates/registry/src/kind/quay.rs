//! Quay: its own API beside its registry.
//!
//! In: repositories of namespaces, their active tags. Out: repositories with visibility, tags with digest, immutability and
//! time of push. Source: quay/quay, `endpoints/api/repository.py`, `endpoints/api/tag.py`.
//!
//! Odd:
//! * Two accounts: the API takes an application's OAuth token alone, the registry a robot (`team+sync`) or a person. Without
//!   a token the API shows what is public. A token is of one organisation: several stand as `team=token`, one a line.
//! * A list of repositories must name a namespace, or be of all that is public. Where no namespace is given, it is the
//!   robot's; without a robot, all that is public, which on a large site is much.
//! * `immutable` is told only by sites that have the feature. `start_ts` is a number of seconds, `last_modified` a text.
//! * Repositories may be of applications (`kind`), which hold no images; they are passed over.

mod webhook;

use std::collections::BTreeMap;

use plimsoll_model::{Secret, Timestamp};
use reqwest::{Url, header::HeaderValue};
use serde::Deserialize;

use super::{
    ADDRESS, API_TOKEN, API_URL, Adapter, Answering, CA, Connection, EXCLUDE, Field, INCLUDE,
    NAMESPACES, PASSWORD, PLAIN_HTTP, REPOSITORIES, RegistryKind, RepositoryEntry, TagEntry,
    USERNAME, Webhooks,
    adapter::{digest_in, sorted},
};
use crate::{
    access::sensitive,
    api::{Api, Bounds},
    client::{RegistryClient, Visibility},
    error::RegistryError,
    http::Call,
};

/// Tags of a page: the most that Quay gives.
const PAGE_SIZE: &str = "100";

/// See the module.
pub(super) struct Quay;

impl RegistryKind for Quay {
    fn id(&self) -> &'static str {
        "quay"
    }

    fn title(&self) -> &'static str {
        "Quay"
    }

    fn summary(&self) -> &'static str {
        "Quay and quay.io by their own API, with an OAuth token that lists and a robot that pulls"
    }

    fn fields(&self) -> &'static [Field] {
        const ROBOT: Field = Field {
            help: "Robot that may pull, such as team+sync; empty for public repositories",
            ..USERNAME
        };
        const TOKEN: Field = Field {
            title: "OAuth token",
            help: "Token of an application that may read repositories (repo:read); of several organisations: team=token, one a line",
            ..API_TOKEN
        };
        const ORGANISATIONS: Field = Field {
            help: "Organisations or users to list; empty for the robot's own, and without a robot for all that is public",
            ..NAMESPACES
        };
        &[
            ADDRESS,
            PLAIN_HTTP,
            ROBOT,
            PASSWORD,
            TOKEN,
            CA,
            ORGANISATIONS,
            REPOSITORIES,
            INCLUDE,
            EXCLUDE,
            API_URL,
        ]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        let client = connection.client()?;
        let settings = &connection.api;
        let tokens = Tokens::read(settings.token.as_ref())?;
        let who = if tokens.is_empty() { "anonymous access" } else { "the OAuth token" };
        let api = connection.api(&connection.endpoint, who.to_owned())?;
        let mut namespaces = settings.namespaces.clone();
        if namespaces.is_empty() {
            namespaces.extend(tokens.of_namespace.keys().cloned());
        }
        if namespaces.is_empty() {
            let robot = connection.credentials.as_ref();
            let of_robot = robot.and_then(|robot| robot.username.split_once('+'));
            namespaces.extend(of_robot.map(|(namespace, _)| namespace.to_owned()));
        }
        Ok(Box::new(QuayRegistry { client, api, tokens, namespaces }))
    }
}

/// A connected Quay.
#[derive(Debug)]
struct QuayRegistry {
    client: RegistryClient,
    api: Api,
    tokens: Tokens,
    /// Empty: all that is public.
    namespaces: Vec<String>,
}

/// OAuth tokens by the namespace that they are for.
#[derive(Debug, Default)]
struct Tokens {
    any: Option<HeaderValue>,
    of_namespace: BTreeMap<String, HeaderValue>,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<Repository>,
    next_page: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    namespace: String,
    name: String,
    is_public: Option<bool>,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Vec<Tag>,
    #[serde(default)]
    has_additional: bool,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    manifest_digest: Option<String>,
    start_ts: Option<i64>,
    immutable: Option<bool>,
}

impl Adapter for QuayRegistry {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(async move { Ok(self.client.clone()) })
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move {
            let namespace = self.namespaces.first().map(String::as_str);
            let (call, what) = self.first_page(namespace)?;
            let _page: Repositories = self.api.json(call, &what).await?;
            self.client.ping().await
        })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            let mut entries = Vec::new();
            if self.namespaces.is_empty() {
                entries.extend(self.repositories_of(None).await?);
            }
            for namespace in &self.namespaces {
                entries.extend(self.repositories_of(Some(namespace)).await?);
            }
            Ok(sorted(entries, |entry| &entry.name))
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move {
            let call = self.call(self.url(name, &[])?, name, &[("includeTags", "false")]);
            let repository: Repository =
                self.api.json(call, &format!("repository `{name}`")).await?;
            Ok(repository.entry())
        })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async move {
            let name = &repository.name;
            let what = format!("the tags of `{name}`");
            let url = self.url(name, &["tag", ""])?;
            let (mut entries, mut bounds) = (Vec::new(), Bounds::default());
            for number in 1_u32.. {
                let number = number.to_string();
                let query =
                    [("limit", PAGE_SIZE), ("onlyActiveTags", "true"), ("page", number.as_str())];
                let call = self.call(url.clone(), name, &query);
                bounds.page(&self.api, &call.url, &what)?;
                let page: Tags = self.api.json(call, &what).await?;
                bounds.entries(&self.api, page.tags.len(), &what)?;
                let is_last = !page.has_additional || page.tags.is_empty();
                entries.extend(page.tags.into_iter().map(Tag::entry));
                if is_last {
                    break;
                }
            }
            Ok(sorted(entries, |entry| &entry.name))
        })
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        Some(self)
    }
}

impl QuayRegistry {
    /// Something of one repository.
    fn url(&self, repository: &str, rest: &[&str]) -> Result<Url, RegistryError> {
        let Some((namespace, name)) = repository.split_once('/') else {
            return Err(RegistryError::Name(repository.to_owned()));
        };
        let mut path = vec!["api", "v1", "repository", namespace];
        path.extend(name.split('/'));
        path.extend(rest);
        self.api.url(&path)
    }

    /// With the token for `place`, a namespace or something in it.
    fn call(&self, url: Url, place: &str, query: &[(&str, &str)]) -> Call {
        let mut call = Call { authorization: self.tokens.of(place), ..Call::get(url) };
        call.url.query_pairs_mut().extend_pairs(query);
        call
    }

    fn first_page(&self, namespace: Option<&str>) -> Result<(Call, String), RegistryError> {
        let url = self.api.url(&["api", "v1", "repository"])?;
        let (which, what) = match namespace {
            Some(namespace) => {
                (("namespace", namespace), format!("the repositories of `{namespace}`"))
            }
            None => (("public", "true"), "the list of public repositories".to_owned()),
        };
        Ok((self.call(url, namespace.unwrap_or_default(), &[which]), what))
    }

    async fn repositories_of(
        &self,
        namespace: Option<&str>,
    ) -> Result<Vec<RepositoryEntry>, RegistryError> {
        let (first, what) = self.first_page(namespace)?;
        let mut call = first.clone();
        let (mut entries, mut bounds) = (Vec::new(), Bounds::default());
        loop {
            bounds.page(&self.api, &call.url, &what)?;
            let page: Repositories = self.api.json(call, &what).await?;
            bounds.entries(&self.api, page.repositories.len(), &what)?;
            let images = page.repositories.into_iter().filter(Repository::has_images);
            entries.extend(images.map(Repository::entry));
            let Some(next) = page.next_page.filter(|token| !token.is_empty()) else {
                return Ok(entries);
            };
            call = first.clone();
            call.url.query_pairs_mut().append_pair("next_page", &next);
        }
    }
}

impl Repository {
    fn has_images(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == "image")
    }

    fn entry(self) -> RepositoryEntry {
        let visibility = self
            .is_public
            .map(|is_public| if is_public { Visibility::Public } else { Visibility::Private });
        let name = format!("{}/{}", self.namespace, self.name);
        RepositoryEntry { visibility, ..RepositoryEntry::named(name) }
    }
}

impl Tag {
    fn entry(self) -> TagEntry {
        TagEntry {
            digest: digest_in(self.manifest_digest.as_deref()),
            is_immutable: self.immutable.unwrap_or_default(),
            pushed: self.start_ts.filter(|seconds| *seconds > 0).map(Timestamp),
            ..TagEntry::named(self.name)
        }
    }
}

impl Tokens {
    /// Reads one token, or `namespace=token` in each line.
    fn read(text: Option<&Secret<String>>) -> Result<Self, RegistryError> {
        let mut tokens = Self::default();
        let lines = text.into_iter().flat_map(|text| text.reveal().lines());
        for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
            let (namespace, token) = match line.split_once('=') {
                Some((namespace, token)) => (Some(namespace.trim()), token.trim()),
                None => (None, line),
            };
            // The text itself is a secret and is not repeated.
            let bearer = sensitive(&format!("Bearer {token}"))
                .filter(|_| !token.is_empty() && !token.contains(char::is_whitespace))
                .ok_or_else(|| {
                    RegistryError::setting("api_token", "a line is neither a token nor team=token")
                })?;
            match namespace {
                Some(namespace) => {
                    tokens.of_namespace.insert(namespace.to_owned(), bearer);
                }
                None => tokens.any = Some(bearer),
            }
        }
        Ok(tokens)
    }

    fn is_empty(&self) -> bool {
        self.any.is_none() && self.of_namespace.is_empty()
    }

    /// The token for a namespace or something in it.
    fn of(&self, place: &str) -> Option<HeaderValue> {
        let namespace = place.split('/').next().unwrap_or_default();
        self.of_namespace.get(namespace).or(self.any.as_ref()).cloned()
    }
}
