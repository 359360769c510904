//! How images are used: from where they can be reached, and how much depends on them.
//!
//! In: what people say of images, repositories, clusters and registries. Out: the same, listed; and images that follow. Source:
//! `docs/contexts.md`. Odd: what is said holds at once, and images follow within seconds where a server runs; whoever opens the
//! data directory without one brings them there himself.

use std::sync::Arc;

use plimsoll_model::{ContextScope, ContextSetting, Exposure, Importance};
use plimsoll_store::{Judge, Settled, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::OperationError;
use crate::context::Context;

/// What is to be said of images.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetContext {
    /// `image`, `repository`, `cluster`, `registry`.
    pub scope: String,
    /// An image's id, a repository with `*` for any text, a cluster's id, a registry's name.
    pub name: String,
    /// `internet`, `internal`, `unknown`; absent: nothing is said of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<String>,
    /// `important`, `common`, `test`; absent: nothing is said of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ContextSet {
    /// It was not said before.
    pub changed: bool,
}

/// All that is said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ContextList {
    /// By scope, the most special first, and name.
    pub contexts: Vec<ContextSetting>,
}

/// Longest name that something is said of.
const LONGEST: usize = 512;

impl SetContext {
    fn checked(&self) -> Result<ContextSetting, OperationError> {
        let invalid = |parameter, error: plimsoll_model::ContextError| {
            OperationError::invalid(parameter, error.to_string())
        };
        let scope: ContextScope = self.scope.parse().map_err(|error| invalid("scope", error))?;
        let name = self.name.trim();
        if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
            return Err(OperationError::invalid("name", "it must have 1 to 512 characters"));
        }
        if scope == ContextScope::Image && plimsoll_store::parse_uuid(name).is_none() {
            return Err(OperationError::invalid("name", "an image is named by its id"));
        }
        let exposure = self.exposure.as_deref().map(str::parse::<Exposure>).transpose();
        let importance = self.importance.as_deref().map(str::parse::<Importance>).transpose();
        Ok(ContextSetting {
            scope,
            name: name.to_owned(),
            exposure: exposure.map_err(|error| invalid("exposure", error))?,
            importance: importance.map_err(|error| invalid("importance", error))?,
        })
    }
}

/// Says something of images, or takes back what was said.
///
/// # Errors
/// It cannot be said, or the database fails.
pub async fn set_context(
    store: &Store,
    request: &SetContext,
) -> Result<ContextSet, OperationError> {
    Ok(ContextSet { changed: store.set_context(&request.checked()?).await? })
}

/// All that is said.
///
/// # Errors
/// The database fails.
pub async fn list_contexts(store: &Store) -> Result<ContextList, OperationError> {
    Ok(ContextList { contexts: store.context_settings().await? })
}

/// Brings images to what is said of them, with the feed in use.
///
/// # Errors
/// The database fails; what was done stays.
pub async fn settle(
    context: &Context,
    before: Option<&Settled>,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Settled, StoreError> {
    let now = context.clock.now();
    let judge: Arc<dyn Judge> = Arc::new(context.judge());
    context.store.settle_contexts(judge, before, now, go_on).await
}
