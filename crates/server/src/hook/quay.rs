//! Quay's notification of a push.
//!
//! In: `{"repository": "ns/name", "namespace", "name", "docker_url", "updated_tags": […]}`. Out: the tags. Source: quay/quay,
//! `notifications/notificationevent.py`. Odd: old versions send the tags as the names of an object; notifications of other
//! events name the repository, too, and have no tags.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{HookFormat, hint, text};

pub(super) struct Quay;

impl HookFormat for Quay {
    fn id(&self) -> &'static str {
        "quay"
    }

    fn about(&self) -> &'static str {
        "Quay, event Push to Repository."
    }

    fn read(&self, _: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        let repository = text(body, &["repository"])?;
        text(body, &["docker_url"])?;
        let tags: Vec<&str> = match body.get("updated_tags") {
            Some(Value::Array(tags)) => tags.iter().filter_map(Value::as_str).collect(),
            Some(Value::Object(tags)) => tags.keys().map(String::as_str).collect(),
            _ => return Some(Vec::new()),
        };
        Some(match tags.as_slice() {
            [] => vec![hint(repository, None)],
            tags => tags.iter().map(|tag| hint(repository, Some(tag))).collect(),
        })
    }
}
