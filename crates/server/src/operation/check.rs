//! Trying a registry: whether it and its API let the accounts in.
//!
//! In: a registry's name. Out: what it says of itself, or why not. Odd: nothing is listed and nothing is written, so that
//! accounts can be tried at any time.

use plimsoll_registry::RegistryError;
use plimsoll_store::{Registry, Store};
use serde::{Deserialize, Serialize};

use super::{OperationError, client::adapter, error_chain, registries::find_registry};
use crate::clock::Clock;

/// A registry that answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckedRegistry {
    /// Its name.
    pub registry: String,
    /// Its kind.
    pub kind: String,
    /// Where it can be reached besides, as its API tells.
    pub domains: Vec<String>,
    /// Pulls that are left, where the registry counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulls: Option<PullsLeft>,
}

/// What is left of a limit of pulls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PullsLeft {
    /// Now.
    pub remaining: u64,
    /// In a whole window.
    pub limit: u64,
}

/// Tries a registry's accounts.
///
/// # Errors
/// There is no such registry, or it does not let the accounts in.
pub async fn check_registry(
    store: &Store,
    name: &str,
    clock: &Clock,
) -> Result<CheckedRegistry, OperationError> {
    let registry = find_registry(store, name).await?;
    let checked = check(&registry, clock).await;
    checked.map_err(|error| OperationError::Registry {
        name: name.to_owned(),
        why: error_chain(&error),
    })
}

async fn check(registry: &Registry, clock: &Clock) -> Result<CheckedRegistry, RegistryError> {
    let adapter = adapter(registry, clock)?;
    adapter.probe().await?;
    let endpoints = adapter.endpoints().await?;
    let limit = adapter.client().await?.pull_limit();
    Ok(CheckedRegistry {
        registry: registry.settings.name.clone(),
        kind: registry.settings.kind.clone(),
        domains: endpoints.into_iter().flat_map(|one| one.domains).collect(),
        pulls: limit.map(|limit| PullsLeft { remaining: limit.remaining, limit: limit.limit }),
    })
}
