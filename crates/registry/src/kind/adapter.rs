//! A connected registry, whatever its kind.
//!
//! In: [`Connection`], what an operator configured. Out: [`Adapter`], what a kind can tell of a registry, in one shape;
//! pulling is the OCI protocol for each of them. Odd: the methods return boxed futures, because adapters are trait objects.

use std::{fmt, pin::Pin, sync::Arc};

use plimsoll_model::{Digest, Secret, Timestamp};

use crate::{
    api::Api,
    client::{RegistryClient, Visibility},
    endpoint::{Credentials, Endpoint},
    error::RegistryError,
    http::HttpClient,
    kind::{filter::matches, webhook::Webhooks},
};

/// What an adapter's method returns: a future that may move between threads.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, RegistryError>> + Send + 'a>>;

/// How one registry is reached, with which accounts.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Where the registry answers.
    pub endpoint: Endpoint,
    /// The account that pulls; the API's too, where a kind has one account for both.
    pub credentials: Option<Credentials>,
    /// Its certificates and limits.
    pub http: HttpClient,
    /// What the kind's own API needs.
    pub api: ApiSettings,
    /// What signs with a time asks for it.
    pub now: Now,
}

/// What a vendor's API needs to know; which of it a kind uses, its fields say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ApiSettings {
    /// Where the API answers, if not where the kind knows it to.
    pub endpoint: Option<Endpoint>,
    /// The API's own account: a cloud's access key id.
    pub account: Option<String>,
    /// The API's own token, or the key's secret.
    pub token: Option<Secret<String>>,
    /// The cloud's region.
    pub region: String,
    /// Instance, project or group, in the vendor's words.
    pub instance: Option<String>,
    /// Namespaces, organisations or owners to list; none: all that the account can see.
    pub namespaces: Vec<String>,
}

/// Tells the time.
#[derive(Clone)]
pub struct Now(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Now {
    /// A source of the time.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn tell(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

/// A connected registry.
///
/// Everything that the OCI protocol offers works for each kind; a kind adds what its own API knows better: lists without a catalog, digests without a request for each tag, visibility, immutability, endpoints.
pub trait Adapter: fmt::Debug + Send + Sync {
    /// The registry by the OCI protocol: the way images are pulled, with an account that is good for at least some minutes.
    fn client(&self) -> Answering<'_, RegistryClient>;

    /// Whether registry and API let the accounts in.
    fn probe(&self) -> Answering<'_, ()>;

    /// All repositories that the account may see, sorted by name.
    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>>;

    /// One repository by name, as the list would tell it.
    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry>;

    /// All tags of one repository, sorted by name.
    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>>;

    /// The cloud's region, where settings or address tell it.
    fn region(&self) -> Option<&str> {
        None
    }

    /// Under which names the registry can be reached, where its API says so.
    fn endpoints(&self) -> Answering<'_, Vec<ReachableAt>> {
        Box::pin(async move { Ok(Vec::new()) })
    }

    /// The registry's webhooks, where its API sets them; else [`RegistryKind::webhook_by_hand`] says what to do.
    ///
    /// [`RegistryKind::webhook_by_hand`]: super::RegistryKind::webhook_by_hand
    fn webhooks(&self) -> Option<&dyn Webhooks> {
        None
    }
}

/// A repository as a list tells it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct RepositoryEntry {
    /// `team/app`.
    pub name: String,
    /// Who may pull it, where the list says so.
    pub visibility: Option<Visibility>,
    /// What the vendor's API calls it by, for the adapter's own requests.
    pub handle: Option<String>,
    /// What the wire contract calls it by, where the vendor's own id stands there: `crr-…`.
    pub repo_id: Option<String>,
    /// Which of its tags can never be moved, where that is said of the repository.
    pub immutable: ImmutableTags,
}

impl RepositoryEntry {
    /// A repository of which nothing but the name is known.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Which tags of a repository can never be moved; in the patterns `*` stands for any text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum ImmutableTags {
    /// None, as far as the repository is concerned.
    #[default]
    None,
    /// All but those of these patterns.
    AllBut(Vec<String>),
    /// Those of these patterns.
    Only(Vec<String>),
}

impl ImmutableTags {
    /// Whether this tag can never be moved.
    #[must_use]
    pub fn cover(&self, tag: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, tag));
        match self {
            Self::None => false,
            Self::AllBut(patterns) => !any(patterns),
            Self::Only(patterns) => any(patterns),
        }
    }
}

/// A tag as a list tells it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct TagEntry {
    /// The tag.
    pub name: String,
    /// What it stands for now, where the list says so.
    pub digest: Option<Digest>,
    /// Whether the registry forbids to move it.
    pub is_immutable: bool,
    /// When it was last pushed, where the list says so.
    pub pushed: Option<Timestamp>,
    /// What it is instead of an image, where the list says so: `a CHART`.
    pub other: Option<String>,
}

impl TagEntry {
    /// A tag of which nothing but the name is known.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Hosts by which a registry can be reached from one side.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ReachableAt {
    /// From where.
    pub from: Side,
    /// Host names, without a scheme.
    pub domains: Vec<String>,
}

/// From where a registry can be reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// The internet.
    Internet,
    /// A private network.
    Intranet,
}

impl Connection {
    /// The registry by the OCI protocol, with its own account.
    pub(crate) fn client(&self) -> Result<RegistryClient, RegistryError> {
        RegistryClient::new(self.endpoint.clone(), self.credentials.clone(), &self.http)
    }

    /// Refuses a region that cannot stand in the API's usual host, to which signatures of a cloud's key go.
    pub(crate) fn check_region(&self, region: &str) -> Result<(), RegistryError> {
        let is_name = (1..=63).contains(&region.len())
            && region
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if is_name || self.api.endpoint.is_some() {
            return Ok(());
        }
        let problem = "that is no name of a region, which has lower-case letters, digits and `-`";
        Err(RegistryError::setting("region_id", problem))
    }

    /// The API: where the operator says, else at `usual`.
    pub(crate) fn api(&self, usual: &Endpoint, who: String) -> Result<Api, RegistryError> {
        let password = self.credentials.as_ref().map(|account| account.password.clone());
        let secrets = password.into_iter().chain(self.api.token.clone());
        let api = Api::new(self.api.endpoint.as_ref().unwrap_or(usual), who, &self.http)?;
        Ok(api.concealing(secrets))
    }

    /// For messages: who pulls.
    pub(crate) fn account(&self) -> String {
        match &self.credentials {
            Some(credentials) => format!("the account `{}`", credentials.username),
            None => "anonymous access".to_owned(),
        }
    }
}

/// Sorts by name; of two of one name the first stays.
pub(crate) fn sorted<T>(mut entries: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<T> {
    entries.sort_by(|a, b| name(a).cmp(name(b)));
    entries.dedup_by(|later, first| name(later) == name(first));
    entries
}

/// A digest as lists write it: with `sha256:` or without; `None` for what is none that we know.
pub(crate) fn digest_in(text: Option<&str>) -> Option<Digest> {
    let text = text?.trim();
    if text.contains(':') { text.parse().ok() } else { format!("sha256:{text}").parse().ok() }
}
