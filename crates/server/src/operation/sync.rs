//! Syncing a registry: which tags there are, and what each of them names.
//!
//! In: a registry's own lists. Out: the differences in the store, with tasks for what was not scanned yet. Source: OCI
//! distribution-spec, "Content Discovery".
//!
//! Odd:
//! * A tag whose digest is the known one costs one HEAD request and nothing else; where the registry's own API lists
//!   digests, it costs nothing.
//! * A tag or repository that could not be looked at stays as it is; a tag that names no image (a signature, a chart, another
//!   platform) is no image, and the answer says so.

mod repository;
mod targeted;

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use opentelemetry::{KeyValue, trace::SpanKind};
use plimsoll_model::Platform;
use plimsoll_registry::{
    RegistryClient, RegistryError,
    kind::{Adapter, ImageFilter, ReachableAt, RepositoryEntry, Side},
};
use plimsoll_store::{NetType, Origin, Registry, ReportedEndpoint, Store, SyncListing};
use serde::{Deserialize, Serialize};

pub(crate) use self::targeted::sync_place;
use super::{
    OperationError,
    client::adapter,
    error_chain,
    registries::{find_registry, refusal},
};
use crate::{
    clock::Clock,
    trace::{self, Described, in_span},
};

/// Repositories that are listed at once.
const AT_ONCE: usize = 4;
/// Problems that an answer names; more are only counted.
const MOST_PROBLEMS: usize = 100;

/// What a sync did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SyncReport {
    /// The registry.
    pub registry: String,
    /// Repositories that were looked at.
    pub repositories: u64,
    /// Tags that name images.
    pub images: u64,
    /// Tags that are new.
    pub added: u64,
    /// Tags that moved or changed.
    pub updated: u64,
    /// Tags that vanished.
    pub removed: u64,
    /// Tags as they were.
    pub unchanged: u64,
    /// Scans that were queued.
    pub queued: u64,
    /// What could not be looked at, at most 100 entries.
    pub problems: Vec<SyncProblem>,
    /// How many there are.
    pub problem_count: u64,
    /// Tags that name no image for this platform, at most 100 entries.
    pub skipped: Vec<SyncProblem>,
}

/// One repository or tag that did not become images.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct SyncProblem {
    /// `team/app`, or `team/app:tag`.
    pub at: String,
    /// Why.
    pub why: String,
}

/// What one repository gave.
#[derive(Default)]
struct Seen {
    listing: SyncListing,
    problems: Vec<SyncProblem>,
    skipped: Vec<SyncProblem>,
}

/// What looking at a repository needs.
#[derive(Clone)]
struct Look {
    store: Store,
    client: RegistryClient,
    adapter: Arc<dyn Adapter>,
    filter: Arc<ImageFilter>,
    registry_id: i64,
    platform: Platform,
    /// Whether the registry is asked without any account: then whatever it shows is public.
    anonymous: bool,
    /// Whether people named the repositories, so that a missing one is a problem.
    named: bool,
}

/// A repository to look at.
enum Place {
    /// As the registry's own list told it.
    Listed(RepositoryEntry),
    /// By its name alone: the registry is asked what it is.
    Named(String),
}

impl Place {
    fn name(&self) -> &str {
        match self {
            Self::Listed(entry) => &entry.name,
            Self::Named(name) => name,
        }
    }
}

impl Look {
    /// Connects a registry.
    async fn of(store: &Store, registry: &Registry, clock: &Clock) -> Result<Self, RegistryError> {
        let settings = &registry.settings;
        let adapter: Arc<dyn Adapter> = Arc::from(adapter(registry, clock)?);
        // The patterns were checked when the registry was added.
        let filter = ImageFilter::new(&settings.adapter.include, &settings.adapter.exclude);
        let filter = filter.map_err(|error| RegistryError::Setting {
            field: "include",
            problem: error.to_string(),
        })?;
        let has_account = settings.username.is_some() || settings.adapter.api_token.is_some();
        Ok(Self {
            store: store.clone(),
            client: adapter.client().await?,
            adapter,
            filter: Arc::new(filter),
            registry_id: registry.id,
            platform: settings.platform.clone().unwrap_or_else(default_platform),
            anonymous: !has_account,
            named: !settings.repositories.is_empty(),
        })
    }
}

/// Lists a registry and applies what is different.
///
/// # Errors
/// There is no such registry, it cannot be listed at all, or the database fails.
pub async fn sync_registry(
    store: &Store,
    name: &str,
    clock: &Clock,
) -> Result<SyncReport, OperationError> {
    sync_registry_for(store, name, Origin::Schedule, clock).await
}

/// As [`sync_registry`], and says who wants the scans of what is new.
async fn sync_registry_for(
    store: &Store,
    name: &str,
    origin: Origin,
    clock: &Clock,
) -> Result<SyncReport, OperationError> {
    let registry = find_registry(store, name).await?;
    if registry.settings.is_of_builds() {
        return Ok(SyncReport::nothing(name));
    }
    let described = || Described {
        name: "sync",
        kind: SpanKind::Internal,
        attributes: vec![
            KeyValue::new("plimsoll.registry.id", registry.id),
            KeyValue::new("plimsoll.registry.kind", registry.settings.kind.clone()),
        ],
        traceparent: None,
    };
    in_span(described, sync(store, &registry, origin, clock)).await
}

async fn sync(
    store: &Store,
    registry: &Registry,
    origin: Origin,
    clock: &Clock,
) -> Result<SyncReport, OperationError> {
    let name = registry.settings.name.as_str();
    tracing::info!(registry.name = name, "sync start");
    let (names, seen) = match look(store, registry, clock).await {
        Ok(seen) => seen,
        Err(error) => {
            let why = error_chain(&error);
            store.set_registry_problem(registry.id, Some(&why)).await?;
            trace::fail("registry");
            return Err(OperationError::Registry { name: name.to_owned(), why });
        }
    };
    let Seen { mut listing, mut problems, mut skipped } = seen;
    problems.sort();
    skipped.sort();
    skipped.truncate(MOST_PROBLEMS);
    let repositories = count(names.len());
    listing.catalog = Some(names);
    let outcome =
        store.apply_sync_for(registry.id, &listing, origin, clock.now()).await.map_err(refusal)?;
    let problem = problems.first().map(|first| match problems.len() {
        1 => format!("{}: {}", first.at, first.why),
        number => format!("{}: {} (and {} more)", first.at, first.why, number - 1),
    });
    store.set_registry_problem(registry.id, problem.as_deref()).await?;
    let problem_count = count(problems.len());
    problems.truncate(MOST_PROBLEMS);
    trace::note(|| {
        KeyValue::new("plimsoll.sync.queued", i64::try_from(outcome.queued).unwrap_or(i64::MAX))
    });
    if problem_count > 0 {
        trace::fail("partial");
    }
    tracing::info!(
        registry.name = name,
        added = outcome.added,
        updated = outcome.updated,
        removed = outcome.removed,
        queued = outcome.queued,
        problems = problem_count,
        "sync done"
    );
    Ok(SyncReport {
        registry: name.to_owned(),
        repositories,
        images: count(listing.images.len()),
        added: outcome.added,
        updated: outcome.updated,
        removed: outcome.removed,
        unchanged: outcome.unchanged,
        queued: outcome.queued,
        problems,
        problem_count,
        skipped,
    })
}

/// Looks at every repository. Returns their names too: images of others have vanished.
async fn look(
    store: &Store,
    registry: &Registry,
    clock: &Clock,
) -> Result<(Vec<String>, Seen), RegistryError> {
    let look = Look::of(store, registry, clock).await?;
    let places: Vec<Place> = if look.named {
        let named = registry.settings.repositories.iter();
        named.map(|name| Place::Named(whole_name(&registry.settings, name))).collect()
    } else {
        look.adapter.list_repositories().await?.into_iter().map(Place::Listed).collect()
    };
    let is_meant = |place: &Place| look.filter.takes_repository(place.name());
    let places: Vec<Place> = places.into_iter().filter(is_meant).collect();
    let names = places.iter().map(|place| place.name().to_owned()).collect();
    let looks = places.into_iter().map(|place| repository::look_at(look.clone(), place, None));
    let mut all = stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut seen = Seen::default();
    while let Some(one) = all.next().await {
        seen.add(one);
    }
    note_endpoints(store, registry, look.adapter.as_ref()).await;
    Ok((names, seen))
}

/// A repository as its images are kept: Docker's official ones may be named without their namespace.
fn whole_name(settings: &plimsoll_store::RegistrySettings, name: &str) -> String {
    let is_hub = settings.kind == "docker-hub" || settings.is_docker_hub();
    if is_hub && !name.contains('/') { format!("library/{name}") } else { name.to_owned() }
}

/// Asks under which names the registry can be reached. Without an answer what was known stays: no image depends on it.
async fn note_endpoints(store: &Store, registry: &Registry, adapter: &dyn Adapter) {
    let name = &registry.settings.name;
    let endpoints = match adapter.endpoints().await {
        Ok(endpoints) => endpoints,
        Err(error) => {
            let error = error_chain(&error);
            tracing::warn!(registry.name = name, error, "endpoints unknown");
            return;
        }
    };
    let endpoints: Vec<ReportedEndpoint> = endpoints.into_iter().map(reported).collect();
    if let Err(error) = store.set_registry_endpoints(registry, &endpoints).await {
        tracing::error!(registry.name = name, error = error_chain(&error), "endpoints not kept");
    }
}

fn reported(endpoint: ReachableAt) -> ReportedEndpoint {
    let net_type = match endpoint.from {
        Side::Internet => NetType::Internet,
        Side::Intranet => NetType::Intranet,
    };
    ReportedEndpoint { net_type, domains: endpoint.domains }
}

/// What represents an index where the registry's settings say nothing.
fn default_platform() -> Platform {
    Platform { os: "linux".into(), architecture: "amd64".into(), variant: None }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl SyncReport {
    /// Of a registry that has nothing to list: builds report what is in it.
    fn nothing(name: &str) -> Self {
        Self {
            registry: name.to_owned(),
            repositories: 0,
            images: 0,
            added: 0,
            updated: 0,
            removed: 0,
            unchanged: 0,
            queued: 0,
            problems: Vec::new(),
            problem_count: 0,
            skipped: Vec::new(),
        }
    }
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.listing.images.extend(other.listing.images);
        self.listing.unresolved.extend(other.listing.unresolved);
        self.listing.complete.extend(other.listing.complete);
        self.listing.repository_ids.extend(other.listing.repository_ids);
        self.problems.extend(other.problems);
        self.skipped.extend(other.skipped);
    }
}

#[cfg(test)]
mod tests;
