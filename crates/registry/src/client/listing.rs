//! Lists of repositories and tags, page by page.

use std::collections::BTreeSet;

use reqwest::header::LINK;
use serde::{Deserialize, de::DeserializeOwned};

use super::RegistryClient;
use crate::{
    access::Scope,
    error::RegistryError,
    http::Call,
    paging::{self, MAX_PAGES},
};

/// One page of a list.
const MAX_PAGE_BYTES: u64 = 8 << 20;
/// Entries of one list; more are refused.
const MAX_ENTRIES: usize = 1_000_000;
/// Entries asked for per page: what a registry grants without configuration.
const PAGE_SIZE: &str = "100";

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl RegistryClient {
    /// The registry's repositories, sorted. Registries without a catalog answer 404, 401 or 405.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn catalog(&self) -> Result<Vec<String>, RegistryError> {
        let start = Call::get(self.url(&["v2", "_catalog"])?);
        self.pages(&Scope::Catalog, start, |page: Catalog| page.repositories).await
    }

    /// The tags of a repository, sorted.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Name`] when `repository` cannot be a name.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>, RegistryError> {
        let start = Call::get(self.repository_url(repository, &["tags", "list"])?);
        self.pages(&Scope::Pull(repository.to_owned()), start, |page: Tags| page.tags).await
    }

    async fn pages<P: DeserializeOwned>(
        &self,
        scope: &Scope,
        mut call: Call,
        entries_of: impl Fn(P) -> Option<Vec<String>>,
    ) -> Result<Vec<String>, RegistryError> {
        call.url.query_pairs_mut().append_pair("n", PAGE_SIZE);
        let mut seen = BTreeSet::new();
        let mut entries = BTreeSet::new();
        for _page in 0..MAX_PAGES {
            if !seen.insert(call.url.to_string()) {
                return Err(self.protocol(scope.describe(), "the list's pages lead in a circle"));
            }
            let url = call.url.clone();
            let (headers, body) = self.document(self.access(), scope, call, MAX_PAGE_BYTES).await?;
            let page: P = serde_json::from_slice(&body).map_err(|error| {
                self.protocol(
                    scope.describe(),
                    format!("the list is not readable as JSON: {error}"),
                )
            })?;
            entries.extend(entries_of(page).unwrap_or_default());
            if entries.len() > MAX_ENTRIES {
                return Err(self.protocol(
                    scope.describe(),
                    format!("the list has over {MAX_ENTRIES} entries"),
                ));
            }
            let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
            match paging::next(links, &url) {
                Ok(Some(next)) => call = Call::get(next),
                Ok(None) => return Ok(entries.into_iter().collect()),
                Err(error) => return Err(self.protocol(scope.describe(), error.to_string())),
            }
        }
        Err(self.protocol(scope.describe(), format!("the list has over {MAX_PAGES} pages")))
    }
}
