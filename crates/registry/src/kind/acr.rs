//! Alibaba Cloud's Container Registry: Enterprise and Personal Edition.
//!
//! In: an access key of the cloud, beside the registry's own account or instead of it. Out: repositories with visibility,
//! immutability and the cloud's ids, tags with digests, endpoints. Source: the API's versions 2018-12-01 (Enterprise) and
//! 2016-06-07 (Personal), whose shapes the official SDKs have.
//!
//! Odd:
//! * The editions are two APIs of two styles, at one host. The registry's host tells the edition: `cr.aliyuncs.com` is an
//!   instance's, `registry.REGION.aliyuncs.com` is everybody's; `personal` as the instance says it, too.
//! * Neither has a catalog. Without an account of its own, the registry is pulled from with a temporary one, which the API
//!   makes of the access key.
//! * Numbers come as numbers or as texts, whichever action is asked ([`Number`]).
//! * "Immutable" means all tags but `latest`.

mod enterprise;
mod personal;
mod signature;
mod webhook;

use std::time::Duration;

use plimsoll_model::{Secret, Timestamp};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    ADDRESS, API_ACCOUNT, API_TOKEN, API_URL, Adapter, CA, Connection, EXCLUDE, Field, INCLUDE,
    INSTANCE, ImmutableTags, NAMESPACES, PASSWORD, PLAIN_HTTP, REGION, REPOSITORIES, RegistryKind,
    TagEntry, USERNAME,
    adapter::{digest_in, sorted},
};
use crate::{
    api::Api,
    client::{RegistryClient, Visibility},
    endpoint::{Credentials, Endpoint, Scheme},
    error::RegistryError,
};

/// Between two requests: the API's own limit for one account is a little above 15 a second.
const PACE: Duration = Duration::from_millis(67);
/// Entries of a page: the most that the API gives.
const PAGE_SIZE: usize = 100;
/// A temporary account is no longer used this long before its end, so that a scan that begins now can end.
const SKEW_SECONDS: i64 = 10 * 60;

/// A temporary account is fetched anew at least this often: the API gives none for longer.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// See the module.
pub(super) struct Acr;

impl RegistryKind for Acr {
    fn id(&self) -> &'static str {
        "acr"
    }

    fn title(&self) -> &'static str {
        "Alibaba Cloud ACR"
    }

    fn summary(&self) -> &'static str {
        "Alibaba Cloud Container Registry, Enterprise and Personal Edition, by the cloud's API with an access key"
    }

    fn fields(&self) -> &'static [Field] {
        const OWN: Field = Field {
            help: "Account of the registry that may pull; empty for temporary ones that the access key gets",
            ..USERNAME
        };
        const KEY: Field = Field {
            title: "AccessKey ID",
            help: "Access key of a RAM user that may read the Container Registry",
            is_required: true,
            ..API_ACCOUNT
        };
        const KEY_SECRET: Field =
            Field { title: "AccessKey secret", is_required: true, ..API_TOKEN };
        const WHICH: Field = Field {
            help: "Id of the instance, cri-…; personal for the Personal Edition; empty where the address tells it",
            ..INSTANCE
        };
        const WHERE: Field = Field {
            help: "Region, such as cn-hangzhou; empty where the address tells it",
            ..REGION
        };
        &[
            ADDRESS,
            PLAIN_HTTP,
            KEY,
            KEY_SECRET,
            WHICH,
            WHERE,
            OWN,
            PASSWORD,
            CA,
            NAMESPACES,
            REPOSITORIES,
            INCLUDE,
            EXCLUDE,
            API_URL,
        ]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        let (Some(id), Some(secret)) = (&connection.api.account, &connection.api.token) else {
            let field = if connection.api.account.is_none() { "api_account" } else { "api_token" };
            return Err(RegistryError::setting(
                field,
                "the API needs an access key: AccessKey ID and secret of a RAM user",
            ));
        };
        let host = &connection.endpoint.host;
        let region = match connection.api.region.trim() {
            "" => region_of(host).map(str::to_owned),
            region => Some(region.to_owned()),
        };
        let region = region.ok_or_else(|| {
            RegistryError::setting("region_id", "the address tells no region: cn-hangzhou")
        })?;
        connection.check_region(&region)?;
        let usual = Endpoint {
            scheme: Scheme::Https,
            host: format!("cr.{region}.aliyuncs.com"),
            port: 443,
        };
        let api = connection.api(&usual, format!("the access key `{id}`"))?.paced(PACE);
        let key = AccessKey { id: id.clone(), secret: secret.clone(), now: connection.now.clone() };
        let is_personal = is_personal(host, connection.api.instance.as_deref());
        let registry = AcrRegistry { connection, api, key, region, temporary: Default::default() };
        if is_personal {
            return Ok(Box::new(personal::Personal(registry)));
        }
        Ok(Box::new(enterprise::Enterprise::new(registry)))
    }

    fn webhook_by_hand(&self) -> &'static str {
        "the Personal Edition's API has no triggers: set the address as the repository's Trigger in the cloud's console"
    }
}

/// What both editions have.
#[derive(Debug)]
struct AcrRegistry {
    connection: Connection,
    api: Api,
    key: AccessKey,
    region: String,
    /// The temporary account, with the registry asked by it, and when it is to be fetched anew.
    temporary: tokio::sync::Mutex<Option<(RegistryClient, Instant)>>,
}

/// Signs requests.
#[derive(Debug)]
struct AccessKey {
    id: String,
    secret: Secret<String>,
    now: super::Now,
}

/// An account for some time.
struct TemporaryAccount {
    username: String,
    token: Secret<String>,
    expires: Timestamp,
}

/// A number, in whichever way an action writes it.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Text(String),
}

impl Number {
    fn value(&self) -> Option<i64> {
        match self {
            Self::Whole(value) => Some(*value),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    /// How many there are of something.
    fn count(&self) -> Option<usize> {
        usize::try_from(self.value()?).ok()
    }

    /// Milliseconds since 1970.
    fn time(&self) -> Option<Timestamp> {
        self.value().filter(|value| *value > 0).map(|value| Timestamp(value.div_euclid(1000)))
    }
}

impl AcrRegistry {
    /// The registry by its own account, or by a temporary one that `fetch` gets.
    async fn client(
        &self,
        fetch: impl Future<Output = Result<TemporaryAccount, RegistryError>>,
    ) -> Result<RegistryClient, RegistryError> {
        if self.connection.credentials.is_some() {
            return self.connection.client();
        }
        let mut temporary = self.temporary.lock().await;
        if let Some((client, until)) = &*temporary
            && *until > Instant::now()
        {
            return Ok(client.clone());
        }
        let account = fetch.await?;
        let seconds = account.expires.0 - self.key.now.tell().0 - SKEW_SECONDS;
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST);
        let credentials = Credentials::new(account.username, account.token);
        let connection = Connection { credentials: Some(credentials), ..self.connection.clone() };
        let client = connection.client()?;
        *temporary = Some((client.clone(), Instant::now() + lifetime));
        Ok(client)
    }
}

/// A temporary account as both editions tell it, each in its own spelling.
#[derive(Deserialize)]
struct Account {
    #[serde(rename = "TempUsername", alias = "tempUserName")]
    username: String,
    #[serde(rename = "AuthorizationToken", alias = "authorizationToken")]
    token: String,
    #[serde(rename = "ExpireTime", alias = "expireDate")]
    expires: Number,
}

impl Account {
    const WHAT: &'static str = "a temporary account";

    fn temporary(self, api: &Api) -> Result<TemporaryAccount, RegistryError> {
        let expires = self
            .expires
            .time()
            .ok_or_else(|| api.protocol(Self::WHAT, "its end is not a number of milliseconds"))?;
        Ok(TemporaryAccount { username: self.username, token: Secret::new(self.token), expires })
    }
}

/// A tag as both editions tell it, each in its own spelling.
#[derive(Deserialize)]
struct Tag {
    #[serde(rename = "Tag", alias = "tag")]
    name: String,
    #[serde(rename = "Digest", alias = "digest")]
    digest: Option<String>,
    #[serde(rename = "ImageUpdate", alias = "imageUpdate")]
    updated: Option<Number>,
    #[serde(rename = "Status", alias = "status")]
    status: Option<String>,
}

impl Tag {
    /// Those that are there, sorted by name.
    fn entries(tags: Vec<Self>, immutable: &ImmutableTags) -> Vec<TagEntry> {
        let is_there = |tag: &Self| tag.status.as_deref().is_none_or(|status| status == "NORMAL");
        let there = tags.into_iter().filter(is_there);
        sorted(there.map(|tag| tag.entry(immutable)).collect(), |tag| &tag.name)
    }

    fn entry(self, immutable: &ImmutableTags) -> TagEntry {
        TagEntry {
            digest: digest_in(self.digest.as_deref()),
            is_immutable: immutable.cover(&self.name),
            pushed: self.updated.and_then(|updated| updated.time()),
            name: self.name,
            other: None,
        }
    }
}

fn visibility(word: Option<&str>) -> Option<Visibility> {
    match word? {
        "PUBLIC" => Some(Visibility::Public),
        "PRIVATE" => Some(Visibility::Private),
        _ => None,
    }
}

/// `cn-hangzhou` of `registry-vpc.cn-hangzhou.aliyuncs.com` and `x-registry.cn-hangzhou.cr.aliyuncs.com`.
fn region_of(host: &str) -> Option<&str> {
    let rest = host.strip_suffix(".aliyuncs.com")?;
    let rest = rest.strip_suffix(".cr").unwrap_or(rest);
    let rest = rest.strip_suffix(".personal").unwrap_or(rest);
    rest.rsplit_once('.').map(|(_, region)| region).filter(|region| !region.is_empty())
}

fn is_personal(host: &str, instance: Option<&str>) -> bool {
    match instance {
        Some(instance) => instance == "personal",
        None => {
            host.ends_with(".personal.cr.aliyuncs.com")
                || (host.starts_with("registry")
                    && host.ends_with(".aliyuncs.com")
                    && !host.ends_with(".cr.aliyuncs.com"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_tell_region_and_edition() {
        for (host, region, personal) in [
            ("registry.cn-hangzhou.aliyuncs.com", Some("cn-hangzhou"), true),
            ("registry-vpc.cn-beijing.aliyuncs.com", Some("cn-beijing"), true),
            ("crpi-1.cn-hangzhou.personal.cr.aliyuncs.com", Some("cn-hangzhou"), true),
            ("build-registry.cn-hangzhou.cr.aliyuncs.com", Some("cn-hangzhou"), false),
            ("build-registry-vpc.eu-central-1.cr.aliyuncs.com", Some("eu-central-1"), false),
            ("aliyuncs.com", None, false),
            ("127.0.0.1", None, false),
        ] {
            assert_eq!(region_of(host), region, "{host}");
            assert_eq!(is_personal(host, None), personal, "{host}");
        }
        assert!(is_personal("127.0.0.1", Some("personal")));
        assert!(!is_personal("registry.cn-hangzhou.aliyuncs.com", Some("cri-1")));
    }

    #[test]
    fn numbers_come_both_ways() {
        for (text, wanted) in [("7", Some(7)), ("\"7\"", Some(7)), ("\"many\"", None)] {
            assert_eq!(serde_json::from_str::<Number>(text).unwrap().value(), wanted, "{text}");
        }
        let time = serde_json::from_str::<Number>("\"1700000000999\"").unwrap().time();
        assert_eq!(time, Some(Timestamp(1_700_000_000)));
    }
}
