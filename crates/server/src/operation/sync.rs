//! Syncing a registry: which tags there are, and what each of them names.
//!
//! In: a registry's own lists. Out: the differences in the store, with tasks for what was not scanned yet. Source: OCI
//! distribution-spec, "Content Discovery".
//!
//! Odd:
//! * A tag whose digest is the known one costs one HEAD request and nothing else.
//! * A tag or repository that could not be looked at stays as it is; a tag that names no image (a signature, a chart, another
//!   platform) is no image, and the answer says so.

mod repository;
mod targeted;

use futures_util::{StreamExt, stream};
use plimsoll_model::Platform;
use plimsoll_registry::{RegistryClient, RegistryError, kind::RegistryKind};
use plimsoll_store::{Registry, Store, SyncListing};
use serde::{Deserialize, Serialize};

pub(crate) use self::targeted::sync_place;
use super::{
    OperationError,
    client::registry_client,
    error_chain,
    registries::{find_registry, refusal},
};
use crate::clock::Clock;

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
    kind: &'static dyn RegistryKind,
    registry_id: i64,
    platform: Platform,
    /// Whether the registry is asked without an account: then whatever it shows is public.
    anonymous: bool,
    /// Whether people named the repositories, so that a missing one is a problem.
    named: bool,
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
    let registry = find_registry(store, name).await?;
    if registry.settings.is_of_builds() {
        return Ok(SyncReport::nothing(name));
    }
    tracing::info!(registry.name = name, "sync start");
    let (names, seen) = match look(store, &registry).await {
        Ok(seen) => seen,
        Err(error) => {
            let why = error_chain(&error);
            store.set_registry_problem(registry.id, Some(&why)).await?;
            return Err(OperationError::Registry { name: name.to_owned(), why });
        }
    };
    let Seen { mut listing, mut problems, mut skipped } = seen;
    problems.sort();
    skipped.sort();
    skipped.truncate(MOST_PROBLEMS);
    let repositories = count(names.len());
    listing.catalog = Some(names);
    let outcome = store.apply_sync(registry.id, &listing, clock.now()).await.map_err(refusal)?;
    let problem = problems.first().map(|first| match problems.len() {
        1 => format!("{}: {}", first.at, first.why),
        number => format!("{}: {} (and {} more)", first.at, first.why, number - 1),
    });
    store.set_registry_problem(registry.id, problem.as_deref()).await?;
    let problem_count = count(problems.len());
    problems.truncate(MOST_PROBLEMS);
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
async fn look(store: &Store, registry: &Registry) -> Result<(Vec<String>, Seen), RegistryError> {
    let settings = &registry.settings;
    let kind = plimsoll_registry::kind::kind(&settings.kind)
        .ok_or_else(|| RegistryError::Name(settings.kind.clone()))?;
    let client = registry_client(registry)?;
    let named = !settings.repositories.is_empty();
    let names: Vec<String> = if named {
        settings.repositories.clone()
    } else {
        let entries = kind.list_repositories(&client).await?;
        entries.into_iter().map(|entry| entry.name).collect()
    };
    let look = Look {
        store: store.clone(),
        client,
        kind,
        registry_id: registry.id,
        platform: settings.platform.clone().unwrap_or_else(default_platform),
        anonymous: settings.username.is_none(),
        named,
    };
    let looks = names.clone().into_iter().map(|name| repository::look_at(look.clone(), name, None));
    let mut all = stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut seen = Seen::default();
    while let Some(one) = all.next().await {
        seen.add(one);
    }
    Ok((names, seen))
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
        self.problems.extend(other.problems);
        self.skipped.extend(other.skipped);
    }
}

#[cfg(test)]
mod tests;
