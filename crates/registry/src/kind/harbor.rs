//! Harbor 2: its own API beside its registry.
//!
//! In: projects, their repositories, their artifacts with tags. Out: repositories with visibility, tags with digest,
//! immutability and time of push. Source: Harbor's `api/v2.0/swagger.yaml`.
//!
//! Odd:
//! * A slash in a repository's name is encoded twice in paths: `team%252Fapp`.
//! * `page_size` is at most 100. The pages end where `X-Total-Count` says; where that is missing, at the first page that is
//!   not full.
//! * Whether anybody may pull is said of the project, as a text: `"public": "true"`.
//! * Robot accounts (`robot$name`, `robot$project+name`) are accounts for registry and API alike. One of a project may
//!   not list projects, or only its own: then the list of repositories tells the projects by its names.
//! * Artifacts are charts, SBOMs and others too; their `type` says so, and they are not fetched.

mod webhook;

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use plimsoll_model::Timestamp;
use reqwest::{
    Url,
    header::{HeaderMap, HeaderValue},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    ADDRESS, API_URL, Adapter, Answering, CA, Connection, EXCLUDE, Field, INCLUDE, NAMESPACES,
    PASSWORD, PLAIN_HTTP, REPOSITORIES, RegistryKind, RepositoryEntry, TagEntry, USERNAME,
    Webhooks,
    adapter::{digest_in, sorted},
};
use crate::{
    access::basic,
    api::{Api, Numbered},
    client::{RegistryClient, Visibility},
    error::RegistryError,
    http::Call,
};

/// Entries of a page: the most that Harbor gives.
const PAGE_SIZE: usize = 100;

/// See the module.
pub(super) struct Harbor;

impl RegistryKind for Harbor {
    fn id(&self) -> &'static str {
        "harbor"
    }

    fn title(&self) -> &'static str {
        "Harbor"
    }

    fn summary(&self) -> &'static str {
        "Harbor 2 by its own API: projects, immutable tags, public projects; accounts of people and robots"
    }

    fn fields(&self) -> &'static [Field] {
        const PROJECTS: Field = Field {
            title: "Projects",
            help: "Only repositories of these projects; empty for all that the account can see",
            ..NAMESPACES
        };
        const ROBOT: Field = Field {
            help: "Account or robot, such as robot$sync, that may list and pull; empty for public projects",
            ..USERNAME
        };
        &[
            ADDRESS,
            PLAIN_HTTP,
            ROBOT,
            PASSWORD,
            CA,
            PROJECTS,
            REPOSITORIES,
            INCLUDE,
            EXCLUDE,
            API_URL,
        ]
    }

    fn connect(&self, connection: Connection) -> Result<Box<dyn Adapter>, RegistryError> {
        let client = connection.client()?;
        let api = connection.api(&connection.endpoint, connection.account())?;
        let authorization = connection.credentials.as_ref().and_then(basic);
        let projects = connection.api.namespaces;
        Ok(Box::new(HarborRegistry { client, api, authorization, projects }))
    }
}

/// A connected Harbor.
#[derive(Debug)]
struct HarborRegistry {
    client: RegistryClient,
    api: Api,
    authorization: Option<HeaderValue>,
    /// Empty: all.
    projects: Vec<String>,
}

#[derive(Deserialize)]
struct Project {
    name: String,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    public: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    name: String,
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(rename = "type")]
    kind: Option<String>,
    digest: Option<String>,
    push_time: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    push_time: Option<String>,
    immutable: Option<bool>,
}

impl Adapter for HarborRegistry {
    fn client(&self) -> Answering<'_, RegistryClient> {
        Box::pin(async move { Ok(self.client.clone()) })
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async move {
            let call = self.call(self.url(&["projects"])?, &[("page_size", "1")]);
            match self.api.json::<Vec<Project>>(call, "the list of projects").await {
                // A robot of a project may do without the list, and so does a sync.
                Ok(_) | Err(RegistryError::Refused { status: 403, .. }) => self.client.ping().await,
                Err(error) => Err(error),
            }
        })
    }

    fn list_repositories(&self) -> Answering<'_, Vec<RepositoryEntry>> {
        Box::pin(async move {
            if !self.projects.is_empty() {
                let mut entries = Vec::new();
                for project in &self.projects {
                    let visibility = self.visibility(project).await?;
                    entries.extend(self.repositories_of(project, visibility).await?);
                }
                return Ok(sorted(entries, |entry| &entry.name));
            }
            let visibilities = match self.projects().await {
                Ok(visibilities) => visibilities,
                Err(RegistryError::Refused { status: 403, .. }) => BTreeMap::new(),
                Err(error) => return Err(error),
            };
            self.all_repositories(visibilities).await
        })
    }

    fn repository<'a>(&'a self, name: &'a str) -> Answering<'a, RepositoryEntry> {
        Box::pin(async move {
            let visibility = match name.split_once('/') {
                Some((project, _)) => self.visibility(project).await?,
                None => None,
            };
            Ok(RepositoryEntry { visibility, ..RepositoryEntry::named(name) })
        })
    }

    fn list_tags<'a>(&'a self, repository: &'a RepositoryEntry) -> Answering<'a, Vec<TagEntry>> {
        Box::pin(async move {
            let Some((project, name)) = repository.name.split_once('/') else {
                return Err(RegistryError::Name(repository.name.clone()));
            };
            // The URL encodes once more.
            let name = name.replace('/', "%2F");
            let url = self.url(&["projects", project, "repositories", &name, "artifacts"])?;
            let query = [("with_tag", "true"), ("with_immutable_status", "true")];
            let what = format!("the artifacts of `{}`", repository.name);
            let artifacts: Vec<Artifact> = self.all(&url, &query, &what).await?;
            Ok(sorted(artifacts.into_iter().flat_map(tags_of).collect(), |tag| &tag.name))
        })
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        Some(self)
    }
}

/// The tags of an artifact, whose kind they share.
fn tags_of(artifact: Artifact) -> Vec<TagEntry> {
    let Artifact { kind, digest, push_time, tags } = artifact;
    let other = kind.filter(|kind| !kind.eq_ignore_ascii_case("IMAGE") && !kind.is_empty());
    let other = other.map(|kind| format!("it is not an image but a {kind}"));
    let entry = |tag: Tag| TagEntry {
        name: tag.name,
        digest: digest_in(digest.as_deref()),
        is_immutable: tag.immutable.unwrap_or_default(),
        pushed: pushed(tag.push_time.as_deref().or(push_time.as_deref())),
        other: other.clone(),
    };
    tags.unwrap_or_default().into_iter().map(entry).collect()
}

/// A time of push; Harbor says "never" as the year 1.
fn pushed(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok().filter(|time: &Timestamp| time.0 > 0)
}

impl HarborRegistry {
    fn url(&self, segments: &[&str]) -> Result<Url, RegistryError> {
        let mut path = vec!["api", "v2.0"];
        path.extend(segments);
        self.api.url(&path)
    }

    fn call(&self, url: Url, query: &[(&str, &str)]) -> Call {
        let mut call = Call { authorization: self.authorization.clone(), ..Call::get(url) };
        call.url.query_pairs_mut().extend_pairs(query);
        // A project may be called by digits alone; without this its name would be taken for a number.
        call.headers.insert("x-is-resource-name", HeaderValue::from_static("true"));
        call
    }

    /// Projects by name, and who may pull from them.
    async fn projects(&self) -> Result<BTreeMap<String, Option<Visibility>>, RegistryError> {
        let query = [("with_detail", "false")];
        let projects: Vec<Project> =
            self.all(&self.url(&["projects"])?, &query, "the list of projects").await?;
        Ok(projects
            .into_iter()
            .map(|project| (project.name.clone(), project.visibility()))
            .collect())
    }

    /// Who may pull from a project; `None` where the account may not ask that.
    async fn visibility(&self, project: &str) -> Result<Option<Visibility>, RegistryError> {
        let call = self.call(self.url(&["projects", project])?, &[]);
        match self.api.json::<Project>(call, &format!("project `{project}`")).await {
            Ok(project) => Ok(project.visibility()),
            // Robots of some versions may list repositories but not look at their project.
            Err(RegistryError::Refused { status: 403, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn repositories_of(
        &self,
        project: &str,
        visibility: Option<Visibility>,
    ) -> Result<Vec<RepositoryEntry>, RegistryError> {
        let url = self.url(&["projects", project, "repositories"])?;
        let what = format!("the repositories of project `{project}`");
        let repositories: Vec<Repository> = self.all(&url, &[], &what).await?;
        Ok(repositories.into_iter().map(|repository| repository.entry(visibility)).collect())
    }

    /// The repositories of all projects in one list; by project where the account has no right to that.
    async fn all_repositories(
        &self,
        visibilities: BTreeMap<String, Option<Visibility>>,
    ) -> Result<Vec<RepositoryEntry>, RegistryError> {
        let url = self.url(&["repositories"])?;
        let repositories: Vec<Repository> =
            match self.all(&url, &[], "the list of repositories").await {
                Ok(repositories) => repositories,
                Err(
                    RegistryError::Refused { status: 403, .. } | RegistryError::NotFound { .. },
                ) if !visibilities.is_empty() => {
                    let mut entries = Vec::new();
                    for (project, visibility) in visibilities {
                        entries.extend(self.repositories_of(&project, visibility).await?);
                    }
                    return Ok(sorted(entries, |entry| &entry.name));
                }
                Err(error) => return Err(error),
            };
        let mut visibilities = visibilities;
        let projects: BTreeSet<String> = repositories
            .iter()
            .filter_map(|one| Some(one.name.split_once('/')?.0.to_owned()))
            .collect();
        for project in projects {
            if let Entry::Vacant(place) = visibilities.entry(project) {
                let visibility = self.visibility(place.key()).await?;
                place.insert(visibility);
            }
        }
        let entry = |repository: Repository| {
            let project = repository.name.split_once('/').map(|(project, _)| project);
            let visibility =
                project.and_then(|project| visibilities.get(project).copied()).flatten();
            repository.entry(visibility)
        };
        Ok(sorted(repositories.into_iter().map(entry).collect(), |entry| &entry.name))
    }

    /// All entries of a list that is asked for by the page.
    async fn all<T: DeserializeOwned>(
        &self,
        url: &Url,
        query: &[(&str, &str)],
        what: &str,
    ) -> Result<Vec<T>, RegistryError> {
        let size = PAGE_SIZE.to_string();
        let mut pages = Numbered::new(PAGE_SIZE);
        while let Some(number) = pages.wanted(&self.api, what)? {
            let mut call = self.call(url.clone(), query);
            let page = [("page", number.as_str()), ("page_size", size.as_str())];
            call.url.query_pairs_mut().extend_pairs(page);
            let (headers, page) = self.api.page(call, what).await?;
            pages.take(&self.api, page, total(&headers), what)?;
        }
        Ok(pages.into_entries())
    }
}

fn total(headers: &HeaderMap) -> Option<usize> {
    headers.get("x-total-count")?.to_str().ok()?.trim().parse().ok()
}

impl Project {
    fn visibility(&self) -> Option<Visibility> {
        let public = self.metadata.as_ref()?.public.as_deref()?;
        Some(if public == "true" { Visibility::Public } else { Visibility::Private })
    }
}

impl Repository {
    fn entry(self, visibility: Option<Visibility>) -> RepositoryEntry {
        RepositoryEntry { visibility, ..RepositoryEntry::named(self.name) }
    }
}
