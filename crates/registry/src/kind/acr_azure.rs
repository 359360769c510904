//! Azure's container registry: its own lists beside the protocol's, at the same host.
//!
//! In: `/acr/v1/_catalog`, `/acr/v1/NAME/_tags`. Out: repositories, tags with digest, time and whether they are locked.
//! Source: Azure Container Registry's data plane API. Odd: a token of a scope map, a service principal or the admin user
//! is an account for both; "immutable" is an attribute that anybody with the right may set: `writeEnabled: false`.

use reqwest::header::{HeaderValue, LINK};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    API_URL, Adapter, Answering, CA, Connection, EXCLUDE, Field, INCLUDE, PASSWORD, PLAIN_HTTP,
    REPOSITORIES, RegistryKind, RepositoryEntry, TagEntry, USERNAME,
    adapter::{digest_in, sorted},
};
use crate::{
    access::basic,
    api::{Api, Bounds},
    client::RegistryClient,
    error::RegistryError,
    http::Call,
    paging,
};

/// See the module.
pub(super) struct AzureAcr;

impl RegistryKind for AzureAcr {
    fn id(&self) -> &'static str {
        "acr-azure"
    }

    fn title(&self) -> &'static str {
        "Azure Container Registry"
    }

    fn summary(&self) -> &'static str {
        "Azure Container Registry by its own lists, with a token, a service principal or the admin user"
    }

    fn fields(&self) -> &'static [Field] {
        const ADDRESS: Field = Field { help: "NAME.azurecr.io", ..super::ADDRESS };
        &[ADDRESS, PLAIN_HTTP, USERNAME, PASSWORD, CA, REPOSITORIES, INCLUDE, EXCLUDE, API_URL]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        let client = connection.client()?;
        let api = connection.api(&connection.endpoint, connection.account())?;
        let authorization = connection.credentials.as_ref().and_then(basic);
        Ok(Box::new(AzureRegistry { client, api, authorization }))
    }

    fn webhook_by_hand(&self) -> &'static str {
        "set the address in the registry's Services, Webhooks, with the actions push and delete"
    }
}

/// Connected.
#[derive(Debug)]
struct AzureRegistry {
    client: RegistryClient,
    api: Api,
    authorization: Option<HeaderValue>,
}

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tag {
    name: String,
    digest: Option<String>,
    last_update_time: Option<String>,
    changeable_attributes: Option<Attributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    write_enabled: Option<bool>,
}

impl Adapter for AzureRegistry {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(async move { Ok(self.client.clone()) })
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move {
            let call = self.call(&["_catalog"], "1")?;
            let _page: Catalog = self.api.json(call, "the list of repositories").await?;
            self.client.ping().await
        })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            let what = "the list of repositories";
            let names = self.pages(&["_catalog"], what, |page: Catalog| page.repositories).await?;
            let entries = names.into_iter().map(RepositoryEntry::named).collect();
            Ok(sorted(entries, |entry| &entry.name))
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move { Ok(RepositoryEntry::named(name)) })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async move {
            let name = &repository.name;
            let mut path: Vec<&str> = name.split('/').collect();
            path.push("_tags");
            let what = format!("the tags of `{name}`");
            let tags = self.pages(&path, &what, |page: Tags| page.tags).await?;
            Ok(sorted(tags.into_iter().map(Tag::entry).collect(), |tag| &tag.name))
        })
    }
}

impl AzureRegistry {
    fn call(&self, path: &[&str], entries: &str) -> Result<Call, RegistryError> {
        let mut all = vec!["acr", "v1"];
        all.extend(path);
        let mut call =
            Call { authorization: self.authorization.clone(), ..Call::get(self.api.url(&all)?) };
        call.url.query_pairs_mut().append_pair("n", entries);
        Ok(call)
    }

    async fn pages<P: DeserializeOwned, E>(
        &self,
        path: &[&str],
        what: &str,
        entries_of: impl Fn(P) -> Option<Vec<E>>,
    ) -> Result<Vec<E>, RegistryError> {
        let mut call = self.call(path, "100")?;
        let (mut entries, mut bounds) = (Vec::new(), Bounds::default());
        loop {
            bounds.page(&self.api, &call.url, what)?;
            let url = call.url.clone();
            let (headers, page) = self.api.page(call, what).await?;
            let page = entries_of(page).unwrap_or_default();
            bounds.entries(&self.api, page.len(), what)?;
            entries.extend(page);
            let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
            match paging::next(links, &url) {
                Ok(Some(next)) => {
                    call = Call { authorization: self.authorization.clone(), ..Call::get(next) };
                }
                Ok(None) => return Ok(entries),
                Err(error) => return Err(self.api.protocol(what, error.to_string())),
            }
        }
    }
}

impl Tag {
    fn entry(self) -> TagEntry {
        let attributes = self.changeable_attributes;
        let may_write = attributes.and_then(|attributes| attributes.write_enabled);
        TagEntry {
            digest: digest_in(self.digest.as_deref()),
            is_immutable: may_write == Some(false),
            pushed: self.last_update_time.and_then(|text| text.parse().ok()),
            ..TagEntry::named(self.name)
        }
    }
}
