//! Amazon's Elastic Container Registry: its own API beside it.
//!
//! In: an access key of the cloud. Out: repositories, tags with digest, immutability and time of push; an account that
//! pulls for twelve hours. Source: the actions `DescribeRepositories`, `DescribeImages` and `GetAuthorizationToken` of
//! version 2015-09-21.
//!
//! Odd:
//! * Each action is a POST to one address, named by `X-Amz-Target`; numbers of seconds have fractions.
//! * One image has all its tags in one entry. Immutability is the repository's, with patterns that are excepted.
//! * Keys that last only some hours need a session token, which is not taken: a key of a user belongs here.

mod signature;

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_model::{Secret, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::signature::CloudKey;
use super::{
    API_ACCOUNT, API_TOKEN, API_URL, Adapter, Answering, CA, Connection, EXCLUDE, Field, INCLUDE,
    ImmutableTags, REGION, REPOSITORIES, RegistryKind, RepositoryEntry, TagEntry,
    adapter::{digest_in, sorted},
};
use crate::{
    api::{Api, Bounds},
    client::{RegistryClient, Visibility},
    endpoint::{Credentials, Endpoint, Scheme},
    error::RegistryError,
};

/// Entries of a page: the most that the API gives.
const PAGE_SIZE: u32 = 1_000;
/// An account is no longer used this long before its end, so that a scan that begins now can end.
const SKEW_SECONDS: i64 = 10 * 60;

/// An account is fetched anew at least this often: the API gives none for longer.
const LONGEST: Duration = Duration::from_secs(12 * 3_600);

/// See the module.
pub(super) struct Ecr;

impl RegistryKind for Ecr {
    fn id(&self) -> &'static str {
        "ecr"
    }

    fn title(&self) -> &'static str {
        "Amazon ECR"
    }

    fn summary(&self) -> &'static str {
        "Amazon Elastic Container Registry, private, by its own API with an access key"
    }

    fn fields(&self) -> &'static [Field] {
        const ADDRESS: Field =
            Field { help: "ACCOUNT.dkr.ecr.REGION.amazonaws.com", ..super::ADDRESS };
        const KEY: Field = Field {
            title: "Access key id",
            help: "Access key of a user that may describe and pull images",
            is_required: true,
            ..API_ACCOUNT
        };
        const KEY_SECRET: Field =
            Field { title: "Secret access key", is_required: true, ..API_TOKEN };
        const WHERE: Field = Field {
            help: "Region, such as eu-central-1; empty where the address tells it",
            ..REGION
        };
        &[ADDRESS, KEY, KEY_SECRET, WHERE, CA, REPOSITORIES, INCLUDE, EXCLUDE, API_URL]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        let (Some(id), Some(secret)) = (&connection.api.account, &connection.api.token) else {
            let field = if connection.api.account.is_none() { "api_account" } else { "api_token" };
            return Err(RegistryError::setting(
                field,
                "the API needs an access key and its secret",
            ));
        };
        let host = Host::read(&connection.endpoint.host);
        let region = match connection.api.region.trim() {
            "" => host.as_ref().map(|host| host.region.clone()),
            region => Some(region.to_owned()),
        };
        let region = region.ok_or_else(|| {
            RegistryError::setting("region_id", "the address tells no region: eu-central-1")
        })?;
        connection.check_region(&region)?;
        let domain = host.as_ref().map_or("amazonaws.com", |host| host.domain.as_str());
        let usual = Endpoint {
            scheme: Scheme::Https,
            host: format!("api.ecr.{region}.{domain}"),
            port: 443,
        };
        let api = connection.api(&usual, format!("the access key `{id}`"))?;
        let key = CloudKey { id: id.clone(), secret: secret.clone(), region: region.clone() };
        let account = host.map(|host| host.account);
        Ok(Box::new(EcrRegistry { connection, api, key, account, temporary: Default::default() }))
    }

    fn webhook_by_hand(&self) -> &'static str {
        "make an EventBridge rule on ECR Image Action with the address as API destination"
    }
}

/// What a registry's host tells.
#[derive(Debug, PartialEq)]
struct Host {
    account: String,
    region: String,
    domain: String,
}

impl Host {
    /// Reads `ACCOUNT.dkr.ecr.REGION.amazonaws.com`, of China with `.cn` behind it.
    fn read(host: &str) -> Option<Self> {
        let (account, rest) = host.split_once(".dkr.ecr.")?;
        let (region, domain) = rest.split_once('.')?;
        let is_amazons = matches!(domain, "amazonaws.com" | "amazonaws.com.cn");
        is_amazons.then(|| Self {
            account: account.to_owned(),
            region: region.to_owned(),
            domain: domain.to_owned(),
        })
    }
}

/// Connected.
#[derive(Debug)]
struct EcrRegistry {
    connection: Connection,
    api: Api,
    key: CloudKey,
    /// Whose registry; `None`: the key's own.
    account: Option<String>,
    temporary: tokio::sync::Mutex<Option<(RegistryClient, Instant)>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repositories {
    #[serde(default)]
    repositories: Vec<Repository>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    repository_name: String,
    image_tag_mutability: Option<String>,
    #[serde(default)]
    image_tag_mutability_exclusion_filters: Vec<Exclusion>,
}

#[derive(Deserialize)]
struct Exclusion {
    filter: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Images {
    #[serde(default)]
    image_details: Vec<Image>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    image_digest: Option<String>,
    #[serde(default)]
    image_tags: Vec<String>,
    image_pushed_at: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accounts {
    authorization_data: Vec<Account>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    authorization_token: String,
    expires_at: f64,
}

impl Adapter for EcrRegistry {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(self.temporary_client())
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move { self.temporary_client().await?.ping().await })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            let found = self.repositories(BTreeMap::new(), "the list of repositories").await?;
            Ok(sorted(found, |entry| &entry.name))
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move {
            let what = format!("repository `{name}`");
            let of = BTreeMap::from([("repositoryNames", json!([name]))]);
            let found = self.repositories(of, &what).await?;
            let entry = found.into_iter().find(|entry| entry.name == name);
            entry.ok_or_else(|| self.api.protocol(&what, "the answer is about others"))
        })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async move {
            let what = format!("the images of `{}`", repository.name);
            let of = BTreeMap::from([
                ("repositoryName", json!(repository.name)),
                ("filter", json!({ "tagStatus": "TAGGED" })),
            ]);
            let images = self
                .pages("DescribeImages", of, &what, |page: Images| {
                    (page.image_details, page.next_token)
                })
                .await?;
            let tags = images.into_iter().flat_map(|image| image.tags(&repository.immutable));
            Ok(sorted(tags.collect(), |tag| &tag.name))
        })
    }

    fn region(&self) -> Option<&str> {
        Some(&self.key.region)
    }
}

impl EcrRegistry {
    async fn ask<T: DeserializeOwned>(
        &self,
        action: &str,
        parameters: &BTreeMap<&str, Value>,
        what: &str,
    ) -> Result<T, RegistryError> {
        let target = format!("AmazonEC2ContainerRegistry_V20150921.{action}");
        let body = json!(parameters).to_string();
        let now = || self.connection.now.tell();
        self.api.signed(|| self.key.post(&self.api, "ecr", &target, &body, now()), what).await
    }

    async fn pages<P: DeserializeOwned, E>(
        &self,
        action: &str,
        mut parameters: BTreeMap<&'static str, Value>,
        what: &str,
        entries_of: impl Fn(P) -> (Vec<E>, Option<String>),
    ) -> Result<Vec<E>, RegistryError> {
        if let Some(account) = &self.account {
            parameters.insert("registryId", json!(account));
        }
        // Names that are listed by the request are not paged.
        if !parameters.contains_key("repositoryNames") {
            parameters.insert("maxResults", json!(PAGE_SIZE));
        }
        let (mut entries, mut bounds) = (Vec::new(), Bounds::default());
        let mut token = String::new();
        loop {
            bounds.step(&self.api, &token, what)?;
            let (page, next) = entries_of(self.ask(action, &parameters, what).await?);
            bounds.entries(&self.api, page.len(), what)?;
            entries.extend(page);
            let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(entries) };
            parameters.insert("nextToken", json!(next));
            token = next;
        }
    }

    async fn repositories(
        &self,
        of: BTreeMap<&'static str, Value>,
        what: &str,
    ) -> Result<Vec<RepositoryEntry>, RegistryError> {
        let found = self
            .pages("DescribeRepositories", of, what, |page: Repositories| {
                (page.repositories, page.next_token)
            })
            .await?;
        Ok(found.into_iter().map(Repository::entry).collect())
    }

    /// The registry, asked with an account of twelve hours.
    async fn temporary_client(&self) -> Result<RegistryClient, RegistryError> {
        let what = "an account that pulls";
        let mut temporary = self.temporary.lock().await;
        if let Some((client, until)) = &*temporary
            && *until > Instant::now()
        {
            return Ok(client.clone());
        }
        let accounts: Accounts = self.ask("GetAuthorizationToken", &BTreeMap::new(), what).await?;
        let account = accounts.authorization_data.into_iter().next();
        let account = account.ok_or_else(|| self.api.protocol(what, "there is none"))?;
        let pair = BASE64_STANDARD.decode(account.authorization_token).ok();
        let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((user, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) else {
            return Err(self.api.protocol(what, "it is not a user name with a password"));
        };
        let credentials = Credentials::new(user, Secret::new(password.to_owned()));
        let connection = Connection { credentials: Some(credentials), ..self.connection.clone() };
        let client = connection.client()?;
        let expires = seconds(account.expires_at).map_or(0, |time| time.0);
        let left = expires - self.connection.now.tell().0 - SKEW_SECONDS;
        let lifetime = Duration::from_secs(u64::try_from(left).unwrap_or(0)).min(LONGEST);
        *temporary = Some((client.clone(), Instant::now() + lifetime));
        Ok(client)
    }
}

/// Whole seconds since 1970, within the years that we can write.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn seconds(number: f64) -> Option<Timestamp> {
    (number > 0.0 && number < 253_402_300_799.0).then_some(Timestamp(number as i64))
}

impl Repository {
    fn entry(self) -> RepositoryEntry {
        let filters = self.image_tag_mutability_exclusion_filters;
        let excepted = || filters.into_iter().map(|exclusion| exclusion.filter).collect();
        let immutable = match self.image_tag_mutability.as_deref() {
            Some("IMMUTABLE") => ImmutableTags::AllBut(Vec::new()),
            Some("IMMUTABLE_WITH_EXCLUSION") => ImmutableTags::AllBut(excepted()),
            Some("MUTABLE_WITH_EXCLUSION") => ImmutableTags::Only(excepted()),
            _ => ImmutableTags::None,
        };
        RepositoryEntry {
            // There are no private registries with public repositories at Amazon.
            visibility: Some(Visibility::Private),
            immutable,
            ..RepositoryEntry::named(self.repository_name)
        }
    }
}

impl Image {
    fn tags(self, immutable: &ImmutableTags) -> Vec<TagEntry> {
        let digest = digest_in(self.image_digest.as_deref());
        let pushed = self.image_pushed_at.and_then(seconds);
        let entry = |name: String| TagEntry {
            digest,
            pushed,
            is_immutable: immutable.cover(&name),
            ..TagEntry::named(name)
        };
        self.image_tags.into_iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_tell_account_and_region() {
        for (host, wanted) in [
            (
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
                Some(("eu-central-1", "amazonaws.com")),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                Some(("cn-north-1", "amazonaws.com.cn")),
            ),
            ("123456789012.dkr.ecr.eu-central-1.evil.net", None),
            ("public.ecr.aws", None),
        ] {
            let read = Host::read(host);
            let found = read.as_ref().map(|host| (host.region.as_str(), host.domain.as_str()));
            assert_eq!(found, wanted, "{host}");
        }
    }
}
