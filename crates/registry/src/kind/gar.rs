//! Google's Artifact Registry: its own API beside it.
//!
//! In: a service account's key. Out: repositories, tags with digest and time of upload. Source: Artifact Registry's REST
//! API, version 1.
//!
//! Odd:
//! * What the API calls a repository holds many images of many names; what everybody else calls so is
//!   `PROJECT/REPOSITORY/IMAGE` in the host of one location. One list tells images and tags, so it is read once.
//! * A key is a JSON document and the password of the user `_json_key` (`_json_key_base64` in base64); the API takes a
//!   token that it is exchanged for ([`key`]). The user `oauth2accesstoken` has such a token for a password.
//! * Repositories of Maven and others stand in the same list, told by `format`.

mod key;

use std::{collections::BTreeMap, time::Duration};

use plimsoll_model::Timestamp;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::{sync::OnceCell, time::Instant};

use self::key::ServiceAccount;
use super::{
    API_URL, Adapter, Answering, CA, Connection, EXCLUDE, Field, INCLUDE, INSTANCE, ImmutableTags,
    NAMESPACES, PASSWORD, REPOSITORIES, RegistryKind, RepositoryEntry, TagEntry, USERNAME,
    adapter::{digest_in, sorted},
    gitlab::bearer,
};
use crate::{
    api::{Api, Bounds},
    client::RegistryClient,
    endpoint::{Endpoint, Scheme},
    error::RegistryError,
    http::Call,
};

/// A token is no longer used this long before its end.
const SKEW: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Gar;

impl RegistryKind for Gar {
    fn id(&self) -> &'static str {
        "gar"
    }

    fn title(&self) -> &'static str {
        "Google Artifact Registry"
    }

    fn summary(&self) -> &'static str {
        "Google Artifact Registry by its own API, with a service account's key"
    }

    fn fields(&self) -> &'static [Field] {
        const ADDRESS: Field = Field { help: "LOCATION-docker.pkg.dev", ..super::ADDRESS };
        const USER: Field =
            Field { help: "_json_key, _json_key_base64 or oauth2accesstoken", ..USERNAME };
        const KEY: Field = Field {
            help: "The key's JSON document, or an access token; stored encrypted and never shown again",
            ..PASSWORD
        };
        const PROJECT: Field = Field {
            title: "Project",
            help: "Project whose images are listed; empty for the key's own",
            ..INSTANCE
        };
        const OF_IT: Field = Field {
            help: "Only these repositories of the project, as Google calls them; empty for all",
            ..NAMESPACES
        };
        &[ADDRESS, USER, KEY, PROJECT, CA, OF_IT, REPOSITORIES, INCLUDE, EXCLUDE, API_URL]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        let usual = Endpoint {
            scheme: Scheme::Https,
            host: "artifactregistry.googleapis.com".to_owned(),
            port: 443,
        };
        let host = &connection.endpoint.host;
        let location = match connection.api.region.trim() {
            "" => host.strip_suffix("-docker.pkg.dev").map(str::to_owned),
            region => Some(region.to_owned()),
        };
        let location = location.ok_or_else(|| {
            RegistryError::setting("region_id", "the address tells no location: europe-west3")
        })?;
        let account = connection.credentials.as_ref();
        let access = match account.map(|account| (account.username.as_str(), &account.password)) {
            None => Access::Nobody,
            Some(("oauth2accesstoken", token)) => {
                bearer(Some(token))?.map_or(Access::Nobody, Access::Token)
            }
            Some(("_json_key" | "_json_key_base64", key)) => {
                Access::Key(Box::new(ServiceAccount::read(key)?))
            }
            Some(_) => {
                return Err(RegistryError::setting(
                    "username",
                    "Google's accounts are called _json_key, _json_key_base64 or oauth2accesstoken",
                ));
            }
        };
        let own = match &access {
            Access::Key(key) => key.project.clone(),
            Access::Nobody | Access::Token(_) => None,
        };
        let project = connection.api.instance.clone().or(own).ok_or_else(|| {
            RegistryError::setting("instance", "name the project whose images are listed")
        })?;
        let client = connection.client()?;
        let api = connection.api(&usual, access.who())?;
        let tokens = match (&access, &connection.api.endpoint) {
            (Access::Key(key), Some(_)) if key.is_at(api.endpoint()) => {
                connection.api(&usual, access.who())?
            }
            _ => Api::new(&key::usual_endpoint(), access.who(), &connection.http)?,
        };
        Ok(Box::new(GarRegistry {
            client,
            api,
            tokens,
            access,
            token: tokio::sync::Mutex::default(),
            parent: [project, location],
            connection,
            images: OnceCell::new(),
        }))
    }

    fn webhook_by_hand(&self) -> &'static str {
        "Google tells of pushes by Pub/Sub alone, which is not read here: each sync finds them"
    }
}

/// How the API is asked.
#[derive(Debug)]
enum Access {
    Nobody,
    Token(HeaderValue),
    Key(Box<ServiceAccount>),
}

impl Access {
    fn who(&self) -> String {
        match self {
            Self::Nobody => "anonymous access".to_owned(),
            Self::Token(_) => "the access token".to_owned(),
            Self::Key(key) => format!("the service account `{}`", key.email),
        }
    }
}

/// Connected.
#[derive(Debug)]
struct GarRegistry {
    client: RegistryClient,
    api: Api,
    /// Where the key is exchanged for a token.
    tokens: Api,
    access: Access,
    token: tokio::sync::Mutex<Option<(HeaderValue, Instant)>>,
    /// Project and location.
    parent: [String; 2],
    connection: Connection,
    /// What the one list told.
    images: OnceCell<BTreeMap<String, Vec<TagEntry>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repositories {
    #[serde(default)]
    repositories: Vec<Repository>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    /// `projects/P/locations/L/repositories/R`.
    name: String,
    format: Option<String>,
    docker_config: Option<DockerConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    immutable_tags: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Images {
    #[serde(default)]
    docker_images: Vec<Image>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    /// `europe-west3-docker.pkg.dev/P/R/team/app@sha256:…`.
    uri: String,
    #[serde(default)]
    tags: Vec<String>,
    upload_time: Option<String>,
}

impl Adapter for GarRegistry {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(async move { Ok(self.client.clone()) })
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move {
            self.repositories().await?;
            self.client.ping().await
        })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            let images = self.images().await?;
            Ok(images.keys().map(RepositoryEntry::named).collect())
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move { Ok(RepositoryEntry::named(name)) })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async move {
            let images = self.images().await?;
            let tags = images.get(&repository.name).cloned();
            tags.ok_or_else(|| RegistryError::NotFound {
                registry: Box::new(self.api.endpoint().clone()),
                what: format!("repository `{}`", repository.name),
                message: String::new(),
            })
        })
    }

    fn region(&self) -> Option<&str> {
        self.parent.last().map(String::as_str)
    }
}

impl GarRegistry {
    async fn authorization(&self) -> Result<Option<HeaderValue>, RegistryError> {
        let key = match &self.access {
            Access::Nobody => return Ok(None),
            Access::Token(token) => return Ok(Some(token.clone())),
            Access::Key(key) => key,
        };
        let mut token = self.token.lock().await;
        if let Some((value, until)) = &*token
            && *until > Instant::now()
        {
            return Ok(Some(value.clone()));
        }
        let now: Timestamp = self.connection.now.tell();
        let (value, lifetime) = key.exchange(&self.tokens, now).await?;
        *token = Some((value.clone(), Instant::now() + lifetime.saturating_sub(SKEW)));
        Ok(Some(value))
    }

    /// All entries of a list whose pages are joined by tokens.
    async fn pages<P: serde::de::DeserializeOwned, E>(
        &self,
        path: &[&str],
        what: &str,
        entries_of: impl Fn(P) -> (Vec<E>, Option<String>),
    ) -> Result<Vec<E>, RegistryError> {
        let (mut entries, mut bounds) = (Vec::new(), Bounds::default());
        let mut token = String::new();
        loop {
            bounds.step(&self.api, &token, what)?;
            let mut call = Call {
                authorization: self.authorization().await?,
                ..Call::get(self.api.url(path)?)
            };
            call.url.query_pairs_mut().append_pair("pageSize", "1000");
            if !token.is_empty() {
                call.url.query_pairs_mut().append_pair("pageToken", &token);
            }
            let (page, next) = entries_of(self.api.json(call, what).await?);
            bounds.entries(&self.api, page.len(), what)?;
            entries.extend(page);
            let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(entries) };
            token = next;
        }
    }

    async fn repositories(&self) -> Result<Vec<Repository>, RegistryError> {
        let [project, location] = &self.parent;
        let path = ["v1", "projects", project, "locations", location, "repositories"];
        let what = format!("the repositories of project `{project}` in {location}");
        let found = self
            .pages(&path, &what, |page: Repositories| (page.repositories, page.next_page_token))
            .await?;
        let wanted = &self.connection.api.namespaces;
        let is_wanted = |one: &Repository| {
            one.format.as_deref().is_none_or(|format| format == "DOCKER")
                && (wanted.is_empty() || wanted.iter().any(|name| name == one.id()))
        };
        Ok(found.into_iter().filter(is_wanted).collect())
    }

    /// Tags by repository, of the whole project.
    async fn images(&self) -> Result<&BTreeMap<String, Vec<TagEntry>>, RegistryError> {
        self.images.get_or_try_init(|| self.read_images()).await
    }

    async fn read_images(&self) -> Result<BTreeMap<String, Vec<TagEntry>>, RegistryError> {
        let [project, location] = &self.parent;
        let mut all: BTreeMap<String, Vec<TagEntry>> = BTreeMap::new();
        for repository in self.repositories().await? {
            let id = repository.id();
            let path = [
                "v1",
                "projects",
                project,
                "locations",
                location,
                "repositories",
                id,
                "dockerImages",
            ];
            let what = format!("the images of `{id}`");
            let found = self
                .pages(&path, &what, |page: Images| (page.docker_images, page.next_page_token))
                .await?;
            let immutable = match &repository.docker_config {
                Some(DockerConfig { immutable_tags: true }) => ImmutableTags::AllBut(Vec::new()),
                _ => ImmutableTags::None,
            };
            for image in found {
                let Some((name, tags)) = image.entries(&immutable) else {
                    return Err(self.api.protocol(&what, "an image has no name and digest"));
                };
                all.entry(name).or_default().extend(tags);
            }
        }
        let sort = |(name, tags)| (name, sorted(tags, |tag: &TagEntry| &tag.name));
        Ok(all.into_iter().map(sort).collect())
    }
}

impl Repository {
    /// Its name in the project.
    fn id(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

impl Image {
    /// The repository in the registry's host, and its tags.
    fn entries(self, immutable: &ImmutableTags) -> Option<(String, Vec<TagEntry>)> {
        let (name, digest) = self.uri.rsplit_once('@')?;
        let (_host, name) = name.split_once('/')?;
        let digest = digest_in(Some(digest));
        let pushed = self.upload_time.and_then(|text| text.parse().ok());
        let entry = |tag: String| TagEntry {
            digest,
            pushed,
            is_immutable: immutable.cover(&tag),
            ..TagEntry::named(tag)
        };
        Some((name.to_owned(), self.tags.into_iter().map(entry).collect()))
    }
}
