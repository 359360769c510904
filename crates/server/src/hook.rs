//! Webhooks of registries: `POST /hooks/{registry}/{secret}`.
//!
//! In: whatever a registry sends when something was pushed, in any of [`formats`]. Out: hints in the store, which a job looks
//! at in the registry itself. Source: the vendors' documents, named in each format's file.
//!
//! Odd:
//! * A hint says where to look and nothing else: digests, names of images and addresses in it are never used. Most vendors
//!   sign nothing, so that the secret in the address is all that is known of a sender.
//! * Nothing is fetched while the sender waits, and no address that it names is ever called.
//! * What somebody sends who is not known is not read.

mod acr;
mod azure;
mod distribution;
mod docker_hub;
mod ecr;
mod ghcr;
mod gitlab;
mod harbor;
mod harbor_cloud_events;
mod quay;
mod receive;

use axum::{Router, http::HeaderMap, routing::post};
use plimsoll_store::Hint;
use serde_json::Value;

use crate::context::Context;

/// One vendor's way to tell.
pub trait HookFormat: Sync {
    /// Its name in the log and in answers.
    fn id(&self) -> &'static str;

    /// What it is, as one sentence.
    fn about(&self) -> &'static str;

    /// Where something changed. `None`: another format; an empty list: this one, but nothing changed that we follow.
    fn read(&self, headers: &HeaderMap, body: &Value) -> Option<Vec<Hint>>;
}

/// Every format; the first that knows a body reads it.
#[must_use]
pub fn formats() -> &'static [&'static dyn HookFormat] {
    &[
        &ghcr::Ghcr,
        &gitlab::Gitlab,
        &harbor_cloud_events::HarborCloudEvents,
        &harbor::Harbor,
        &ecr::Ecr,
        &distribution::Distribution,
        &azure::Azure,
        &quay::Quay,
        &acr::Acr,
        &docker_hub::DockerHub,
    ]
}

/// All addresses of webhooks.
pub(crate) fn router(context: Context) -> Router {
    Router::new()
        .route("/hooks/{registry}", post(receive::with_header))
        .route("/hooks/{registry}/{secret}", post(receive::with_secret))
        .method_not_allowed_fallback(receive::wrong_method)
        .with_state(context)
}

/// A text at a path of names.
fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(value, |value, name| value.get(name))?.as_str()
}

/// A tag, or the whole repository where no tag is named: some send a digest in its place, or nothing.
fn hint(repository: &str, tag: Option<&str>) -> Hint {
    let is_tag = |tag: &&str| !tag.is_empty() && !tag.contains(':');
    Hint { path: repository.to_owned(), tag: tag.filter(is_tag).map(str::to_owned) }
}

#[cfg(test)]
mod tests;
