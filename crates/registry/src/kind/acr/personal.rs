//! Personal Edition: the API of paths, version 2016-06-07.
//!
//! In: an access key. Out: its account's repositories and tags. Source: `GET /repos`, `/repos/NAMESPACE`,
//! `/repos/NAMESPACE/NAME/tags`, `/tokens`. Odd: names are in lower camel case here, and what was asked for stands in
//! `data`, the number of entries too.

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Account, AcrRegistry, Number, PAGE_SIZE, Tag, TemporaryAccount, signature::Parameters,
    visibility,
};
use crate::{
    api::Numbered,
    client::RegistryClient,
    error::RegistryError,
    kind::{Adapter, Answering, ReachableAt, RepositoryEntry, Side, TagEntry, adapter::sorted},
};

const VERSION: &str = "2016-06-07";

/// An account's repositories, connected.
#[derive(Debug)]
pub(super) struct Personal(pub(super) AcrRegistry);

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct Repositories {
    total: Option<Number>,
    #[serde(default)]
    repos: Vec<Repository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    repo_name: String,
    repo_namespace: String,
    repo_type: Option<String>,
    repo_domain_list: Option<Domains>,
}

#[derive(Deserialize)]
struct Domains {
    public: Option<String>,
    internal: Option<String>,
    vpc: Option<String>,
}

#[derive(Deserialize)]
struct Tags {
    total: Option<Number>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct OneRepository {
    repo: Repository,
}

impl Adapter for Personal {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(self.0.client(self.temporary_account()))
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move {
            let one = vec![("Page", "1".to_owned()), ("PageSize", "1".to_owned())];
            let _page: Repositories =
                self.ask(&["repos"], &one, "the list of repositories").await?;
            self.client().await?.ping().await
        })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            let namespaces = &self.0.connection.api.namespaces;
            let mut found = Vec::new();
            if namespaces.is_empty() {
                found.extend(self.repositories(&["repos"]).await?);
            }
            for namespace in namespaces {
                found.extend(self.repositories(&["repos", namespace]).await?);
            }
            let entries = found.into_iter().map(Repository::entry).collect();
            Ok(sorted(entries, |entry| &entry.name))
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move {
            let (namespace, rest) = split(name)?;
            let what = format!("repository `{name}`");
            let one: OneRepository =
                self.ask(&["repos", namespace, rest], &Vec::new(), &what).await?;
            Ok(one.repo.entry())
        })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async move {
            let (namespace, rest) = split(&repository.name)?;
            let what = format!("the tags of `{}`", repository.name);
            let tags = self
                .all(&["repos", namespace, rest, "tags"], &what, |page: Tags| {
                    (page.tags, page.total)
                })
                .await?;
            Ok(Tag::entries(tags, &repository.immutable))
        })
    }

    fn region(&self) -> Option<&str> {
        Some(&self.0.region)
    }

    fn endpoints(&self) -> Answering<'_, Vec<ReachableAt>> {
        Box::pin(async move {
            let one = vec![("Page", "1".to_owned()), ("PageSize", "1".to_owned())];
            let page: Repositories = self.ask(&["repos"], &one, "the registry's domains").await?;
            let first = page.repos.into_iter().find_map(|repository| repository.repo_domain_list);
            let Some(Domains { public, internal, vpc }) = first else { return Ok(Vec::new()) };
            let side = |from, domains: Vec<String>| {
                (!domains.is_empty()).then_some(ReachableAt { from, domains })
            };
            let inside = vpc.into_iter().chain(internal).collect();
            let sides =
                [side(Side::Internet, public.into_iter().collect()), side(Side::Intranet, inside)];
            Ok(sides.into_iter().flatten().collect())
        })
    }
}

fn split(name: &str) -> Result<(&str, &str), RegistryError> {
    name.split_once('/').ok_or_else(|| RegistryError::Name(name.to_owned()))
}

impl Personal {
    async fn ask<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &Parameters<'_>,
        what: &str,
    ) -> Result<T, RegistryError> {
        let AcrRegistry { api, key, .. } = &self.0;
        let answer: Envelope<T> = api.signed(|| key.roa(api, VERSION, path, query), what).await?;
        Ok(answer.data)
    }

    async fn all<P: DeserializeOwned, E>(
        &self,
        path: &[&str],
        what: &str,
        entries_of: impl Fn(P) -> (Vec<E>, Option<Number>),
    ) -> Result<Vec<E>, RegistryError> {
        let api = &self.0.api;
        let mut pages = Numbered::new(PAGE_SIZE);
        while let Some(number) = pages.wanted(api, what)? {
            let query = vec![("Page", number), ("PageSize", PAGE_SIZE.to_string())];
            let (page, total) = entries_of(self.ask(path, &query, what).await?);
            pages.take(api, page, total.as_ref().and_then(Number::count), what)?;
        }
        Ok(pages.into_entries())
    }

    async fn repositories(&self, path: &[&str]) -> Result<Vec<Repository>, RegistryError> {
        let what = "the list of repositories";
        self.all(path, what, |page: Repositories| (page.repos, page.total)).await
    }

    async fn temporary_account(&self) -> Result<TemporaryAccount, RegistryError> {
        let account: Account = self.ask(&["tokens"], &Vec::new(), Account::WHAT).await?;
        account.temporary(&self.0.api)
    }
}

impl Repository {
    fn entry(self) -> RepositoryEntry {
        let name = format!("{}/{}", self.repo_namespace, self.repo_name);
        let visibility = visibility(self.repo_type.as_deref());
        RepositoryEntry { visibility, ..RepositoryEntry::named(name) }
    }
}
