//! Enterprise Edition: the RPC API, version 2018-12-01.
//!
//! In: the instance that the registry is, by id or by its host. Out: its repositories and tags. Source: the actions
//! `ListInstance`, `ListNamespace`, `ListRepository`, `ListRepoTag`, `GetAuthorizationToken`, `ListInstanceEndpoint`, `GetInstanceVpcEndpoint`.
//!
//! Odd: `TotalCount` is a number in `ListInstance` and a text elsewhere; domains are objects in one action of endpoints
//! and texts in the other; an answer of status 200 may say `"IsSuccess": false`.

use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::OnceCell;

use super::{
    Account, AcrRegistry, Number, PAGE_SIZE, Tag, TemporaryAccount, signature::Parameters,
    visibility,
};
use crate::{
    api::Numbered,
    client::RegistryClient,
    error::RegistryError,
    kind::{
        Adapter, Answering, ImmutableTags, ReachableAt, RepositoryEntry, Side, TagEntry, Webhooks,
        adapter::sorted,
    },
};

const VERSION: &str = "2018-12-01";

/// An instance, connected.
#[derive(Debug)]
pub(super) struct Enterprise {
    registry: AcrRegistry,
    instance: OnceCell<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<T> {
    code: Option<String>,
    message: Option<String>,
    is_success: Option<bool>,
    #[serde(flatten)]
    content: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instances {
    total_count: Option<Number>,
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    instance_id: String,
    instance_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Namespaces {
    total_count: Option<Number>,
    #[serde(default)]
    namespaces: Vec<Namespace>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Namespace {
    namespace_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Repositories {
    total_count: Option<Number>,
    #[serde(default)]
    repositories: Vec<Repository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Repository {
    repo_id: String,
    repo_name: String,
    repo_namespace_name: String,
    repo_type: Option<String>,
    tag_immutability: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tags {
    total_count: Option<Number>,
    #[serde(default)]
    images: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoints {
    #[serde(default)]
    endpoints: Vec<EndpointEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EndpointEntry {
    endpoint_type: Option<String>,
    enable: Option<bool>,
    #[serde(default)]
    domains: Vec<Domain>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Domain {
    Text(String),
    Named {
        #[serde(rename = "Domain")]
        domain: String,
    },
}

impl Adapter for Enterprise {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(self.registry.client(self.temporary_account()))
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move {
            self.instance().await?;
            self.client().await?.ping().await
        })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            let mut namespaces = self.registry.connection.api.namespaces.clone();
            let mut entries = Vec::new();
            if namespaces.is_empty() {
                match self.repositories(&[]).await {
                    Ok(found) => entries.extend(found),
                    // A key may be allowed some namespaces only: then each is asked for by itself.
                    Err(RegistryError::Refused { status: 403, .. }) => {
                        namespaces = self.namespaces().await?;
                    }
                    Err(error) => return Err(error),
                }
            }
            for namespace in &namespaces {
                let of = [("RepoNamespaceName", namespace.clone())];
                entries.extend(self.repositories(&of).await?);
            }
            Ok(sorted(entries, |entry| &entry.name))
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move {
            let Some((namespace, rest)) = name.split_once('/') else {
                return Err(RegistryError::Name(name.to_owned()));
            };
            let of = [("RepoNamespaceName", namespace.to_owned()), ("RepoName", rest.to_owned())];
            let found = self.repositories(&of).await?;
            found.into_iter().find(|entry| entry.name == name).ok_or_else(|| {
                RegistryError::NotFound {
                    registry: Box::new(self.registry.api.endpoint().clone()),
                    what: format!("repository `{name}`"),
                    message: String::new(),
                }
            })
        })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async move {
            let Some(id) = &repository.handle else {
                return Err(RegistryError::Name(repository.name.clone()));
            };
            let what = format!("the tags of `{}`", repository.name);
            let of = [("RepoId", id.clone())];
            let tags = self
                .pages("ListRepoTag", &of, &what, |page: Tags| (page.images, page.total_count))
                .await?;
            Ok(Tag::entries(tags, &repository.immutable))
        })
    }

    fn region(&self) -> Option<&str> {
        Some(&self.registry.region)
    }

    fn endpoints(&self) -> Answering<'_, Vec<ReachableAt>> {
        Box::pin(async move {
            let instance = self.instance().await?;
            let of =
                vec![("InstanceId", instance.to_owned()), ("ModuleName", "Registry".to_owned())];
            let what = "the instance's endpoints";
            let listed: Endpoints = self.ask("ListInstanceEndpoint", &of, what).await?;
            let mut endpoints: Vec<ReachableAt> =
                listed.endpoints.into_iter().filter_map(EndpointEntry::reachable).collect();
            if !endpoints.iter().any(|one| one.from == Side::Intranet) {
                match self.ask::<EndpointEntry>("GetInstanceVpcEndpoint", &of, what).await {
                    Ok(vpc) => endpoints.extend(vpc.reachable()),
                    // Keys that may list endpoints need not be allowed to look at this one.
                    Err(RegistryError::Refused { .. } | RegistryError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            endpoints.sort();
            Ok(endpoints)
        })
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        Some(self)
    }
}

impl Enterprise {
    pub(super) fn new(registry: AcrRegistry) -> Self {
        Self { registry, instance: OnceCell::new() }
    }

    /// Asks for an action.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        action: &str,
        parameters: &Parameters<'_>,
        what: &str,
    ) -> Result<T, RegistryError> {
        let AcrRegistry { api, key, region, .. } = &self.registry;
        let mut all = parameters.clone();
        all.push(("RegionId", region.clone()));
        let make = || key.rpc(api, VERSION, action, &all);
        let answer: Envelope<T> = api.signed(make, what).await?;
        let Envelope { code, message, is_success, content } = answer;
        match content {
            Some(content) if is_success != Some(false) => Ok(content),
            None if is_success != Some(false) => {
                Err(api.protocol(what, format!("the answer of `{action}` lacks fields")))
            }
            _ => Err(api.protocol(
                what,
                format!(
                    "`{action}` failed: {} {}",
                    code.unwrap_or_default(),
                    message.unwrap_or_default()
                ),
            )),
        }
    }

    /// All entries of a list of the instance.
    async fn pages<P: DeserializeOwned, E>(
        &self,
        action: &str,
        of: &[(&'static str, String)],
        what: &str,
        entries_of: impl Fn(P) -> (Vec<E>, Option<Number>),
    ) -> Result<Vec<E>, RegistryError> {
        let instance = self.instance().await?;
        let mut base: Parameters<'_> = of.to_vec();
        base.push(("InstanceId", instance.to_owned()));
        self.all(action, &base, what, entries_of).await
    }

    async fn all<P: DeserializeOwned, E>(
        &self,
        action: &str,
        base: &Parameters<'_>,
        what: &str,
        entries_of: impl Fn(P) -> (Vec<E>, Option<Number>),
    ) -> Result<Vec<E>, RegistryError> {
        let api = &self.registry.api;
        let mut pages = Numbered::new(PAGE_SIZE);
        while let Some(number) = pages.wanted(api, what)? {
            let mut parameters = base.clone();
            parameters.push(("PageNo", number));
            parameters.push(("PageSize", PAGE_SIZE.to_string()));
            let (page, total) = entries_of(self.ask(action, &parameters, what).await?);
            pages.take(api, page, total.as_ref().and_then(Number::count), what)?;
        }
        Ok(pages.into_entries())
    }

    async fn repositories(
        &self,
        of: &[(&'static str, String)],
    ) -> Result<Vec<RepositoryEntry>, RegistryError> {
        let mut of = of.to_vec();
        of.push(("RepoStatus", "NORMAL".to_owned()));
        let what = "the list of repositories";
        let found = self
            .pages("ListRepository", &of, what, |page: Repositories| {
                (page.repositories, page.total_count)
            })
            .await?;
        Ok(found.into_iter().map(Repository::entry).collect())
    }

    async fn namespaces(&self) -> Result<Vec<String>, RegistryError> {
        let what = "the list of namespaces";
        let found = self
            .pages("ListNamespace", &[], what, |page: Namespaces| {
                (page.namespaces, page.total_count)
            })
            .await?;
        Ok(found.into_iter().map(|namespace| namespace.namespace_name).collect())
    }

    /// Which instance the registry is: as the operator says, else the one of its host's name, else the only one.
    pub(super) async fn instance(&self) -> Result<&str, RegistryError> {
        let instance = self.instance.get_or_try_init(|| self.find_instance()).await?;
        Ok(instance)
    }

    async fn find_instance(&self) -> Result<String, RegistryError> {
        let connection = &self.registry.connection;
        if let Some(instance) = &connection.api.instance {
            return Ok(instance.clone());
        }
        let running = vec![("InstanceStatus", "RUNNING".to_owned())];
        let instances = self
            .all("ListInstance", &running, "the list of instances", |page: Instances| {
                (page.instances, page.total_count)
            })
            .await?;
        let host = connection.endpoint.host.as_str();
        let is_named = |instance: &&Instance| {
            instance.instance_name.as_deref().is_some_and(|name| {
                host.strip_prefix(name).is_some_and(|rest| {
                    rest.starts_with("-registry.") || rest.starts_with("-registry-vpc.")
                })
            })
        };
        let named = instances.iter().find(is_named);
        let only = instances.first().filter(|_| instances.len() == 1);
        match named.or(only) {
            Some(instance) => Ok(instance.instance_id.clone()),
            None => {
                let ids: Vec<&str> =
                    instances.iter().map(|instance| instance.instance_id.as_str()).collect();
                let which = if ids.is_empty() {
                    "the access key sees none".to_owned()
                } else {
                    ids.join(", ")
                };
                Err(RegistryError::setting(
                    "instance",
                    format!("no instance is called as the host `{host}` says; name one: {which}"),
                ))
            }
        }
    }

    async fn temporary_account(&self) -> Result<TemporaryAccount, RegistryError> {
        let of = vec![("InstanceId", self.instance().await?.to_owned())];
        let account: Account = self.ask("GetAuthorizationToken", &of, Account::WHAT).await?;
        account.temporary(&self.registry.api)
    }
}

impl Repository {
    fn entry(self) -> RepositoryEntry {
        RepositoryEntry {
            name: format!("{}/{}", self.repo_namespace_name, self.repo_name),
            visibility: visibility(self.repo_type.as_deref()),
            handle: Some(self.repo_id.clone()),
            repo_id: Some(self.repo_id),
            immutable: match self.tag_immutability {
                Some(true) => ImmutableTags::AllBut(vec!["latest".to_owned()]),
                _ => ImmutableTags::None,
            },
        }
    }
}

impl EndpointEntry {
    fn reachable(self) -> Option<ReachableAt> {
        if self.enable == Some(false) {
            return None;
        }
        let is_internet = self.endpoint_type.as_deref() == Some("internet");
        let from = if is_internet { Side::Internet } else { Side::Intranet };
        let domains: Vec<String> = self
            .domains
            .into_iter()
            .map(|domain| match domain {
                Domain::Text(domain) | Domain::Named { domain } => domain,
            })
            .collect();
        (!domains.is_empty()).then_some(ReachableAt { from, domains })
    }
}
