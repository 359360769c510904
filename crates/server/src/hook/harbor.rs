//! Harbor's own format.
//!
//! In: `{"type": "PUSH_ARTIFACT", "event_data": {"resources", "repository"}}`. Out: the tag that was pushed; the whole
//! repository where an artifact went. Source: goharbor/harbor, `src/pkg/notifier/formats/default.go`. Odd: `tag` is the digest
//! where the artifact has none; Harbor sends many more events, of which nothing follows here.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{HookFormat, hint, text};

pub(super) struct Harbor;

impl HookFormat for Harbor {
    fn id(&self) -> &'static str {
        "harbor"
    }

    fn about(&self) -> &'static str {
        "Harbor, payload format Default."
    }

    fn read(&self, _: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        let data = body.get("event_data").filter(|data| data.is_object())?;
        let change = match text(body, &["type"])? {
            "PUSH_ARTIFACT" => Change::Pushed,
            "DELETE_ARTIFACT" => Change::Deleted,
            _ => return Some(Vec::new()),
        };
        Some(of_event(data, change))
    }
}

/// What became of the artifacts of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Pushed,
    Deleted,
}

/// The places of an event's data, which both of Harbor's formats share.
pub(super) fn of_event(data: &Value, change: Change) -> Vec<Hint> {
    let Some(repository) = text(data, &["repository", "repo_full_name"]) else {
        return Vec::new();
    };
    let resources = data.get("resources").and_then(Value::as_array);
    match (change, resources) {
        (Change::Pushed, Some(resources)) if !resources.is_empty() => {
            resources.iter().map(|resource| hint(repository, text(resource, &["tag"]))).collect()
        }
        _ => vec![hint(repository, None)],
    }
}
