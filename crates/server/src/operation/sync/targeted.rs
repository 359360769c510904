//! Looking at one place of a registry, because somebody said that something changed there.
//!
//! In: a repository, perhaps a tag. Out: the differences in the store, with tasks for what was not scanned yet. Odd: what the
//! hint said is not used: list, digest and visibility are asked for as in every sync. A repository that the registry's settings
//! leave out is not looked at.

use plimsoll_model::ImageReference;
use plimsoll_store::{Hint, Origin, SyncOutcome};

use super::{
    Clock, Look, OperationError, Place, Store, error_chain, refusal, repository, sync_registry_for,
};

/// Looks at a place, or at the whole registry. Returns what changed; `None`: the place is none of this registry.
pub(crate) async fn sync_place(
    store: &Store,
    registry_id: i64,
    hint: Option<&Hint>,
    clock: &Clock,
) -> Result<Option<SyncOutcome>, OperationError> {
    let Some(registry) = store.registry_by_id(registry_id).await? else { return Ok(None) };
    let settings = &registry.settings;
    if settings.is_of_builds() {
        return Ok(None);
    }
    let Some(hint) = hint else {
        let report = sync_registry_for(store, &settings.name, Origin::Push, clock).await?;
        return Ok(Some(SyncOutcome {
            added: report.added,
            updated: report.updated,
            removed: report.removed,
            unchanged: report.unchanged,
            queued: report.queued,
        }));
    };
    let named = !settings.repositories.is_empty();
    let whole_name = |name: &str| super::whole_name(settings, name);
    let path = whole_name(&hint.path);
    let is_named = || settings.repositories.iter().any(|name| whole_name(name) == path);
    if !ImageReference::is_repository(&path) || (named && !is_named()) {
        return Ok(None);
    }
    let look = Look::of(store, &registry, clock).await;
    let look = look.map_err(|error| OperationError::Registry {
        name: settings.name.clone(),
        why: error_chain(&error),
    })?;
    if !look.filter.takes_repository(&path) {
        return Ok(None);
    }
    let place = Place::Named(path);
    let seen = repository::look_at(look, place, hint.tag.clone()).await;
    let outcome = store
        .apply_sync_for(registry_id, &seen.listing, Origin::Push, clock.now())
        .await
        .map_err(refusal)?;
    match seen.problems.into_iter().next() {
        Some(problem) => Err(OperationError::Registry {
            name: settings.name.clone(),
            why: format!("{}: {}", problem.at, problem.why),
        }),
        None => Ok(Some(outcome)),
    }
}
