//! Notifications of the distribution registry: Docker's own, GitLab's, and others that are built of it.
//!
//! In: `{"events": [{"action", "target": {"mediaType", "repository", "tag"}}]}`. Out: tags that were pushed; whole repositories
//! where something went. Source: distribution/distribution, "Work with notifications". Odd: every blob is an event, too, and
//! manifests that were pushed by digest have no tag; a registry sends until it hears 2xx or 3xx.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{HookFormat, hint, text};

/// Types of what tags name.
const MANIFESTS: [&str; 5] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

pub(super) struct Distribution;

impl HookFormat for Distribution {
    fn id(&self) -> &'static str {
        "distribution"
    }

    fn about(&self) -> &'static str {
        "Notifications of the distribution registry, GitLab's among them."
    }

    fn read(&self, _: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        let events = body.get("events")?.as_array()?;
        Some(events.iter().filter_map(of_event).collect())
    }
}

fn of_event(event: &Value) -> Option<Hint> {
    let target = event.get("target")?;
    let repository = text(target, &["repository"])?;
    match text(event, &["action"])? {
        "push" => {
            let media_type = text(target, &["mediaType"])?;
            let is_manifest = MANIFESTS.contains(&media_type);
            let tag = text(target, &["tag"]).filter(|tag| !tag.is_empty());
            // What has no tag becomes seen when a tag names it.
            (is_manifest && tag.is_some()).then(|| hint(repository, tag))
        }
        "delete" => Some(hint(repository, None)),
        _ => None,
    }
}
