//! Azure Container Registry's webhook.
//!
//! In: `{"id", "timestamp", "action", "target": {"repository", "tag", …}, "request": {"host", …}}`: one event of the
//! distribution registry's shape. Out: the tag; the whole repository where an image went. Source: learn.microsoft.com, "Azure
//! Container Registry webhook reference". Odd: `action` is `ping` when somebody tests the hook; charts are announced as
//! `chart_push`.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{HookFormat, hint, text};

pub(super) struct Azure;

impl HookFormat for Azure {
    fn id(&self) -> &'static str {
        "acr-azure"
    }

    fn about(&self) -> &'static str {
        "Azure Container Registry, webhook on push and delete."
    }

    fn read(&self, _: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        let action = text(body, &["action"])?;
        if action == "ping" {
            return text(body, &["id"]).map(|_id| Vec::new());
        }
        let repository = text(body, &["target", "repository"])?;
        Some(match action {
            "push" => vec![hint(repository, text(body, &["target", "tag"]))],
            "delete" => vec![hint(repository, None)],
            _ => Vec::new(),
        })
    }
}
