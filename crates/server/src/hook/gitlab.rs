//! GitLab's webhooks.
//!
//! In: `X-Gitlab-Event: Pipeline Hook` of a pipeline that succeeded. Out: the project's own repository of images. Source:
//! docs.gitlab.com, "Webhook events". Odd: GitLab has no webhook on pushed images. A pipeline that ends well is the nearest
//! that a project's owner can set; an administrator can have the registry itself notify, in the distribution registry's format.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{HookFormat, hint, text};

pub(super) struct Gitlab;

impl HookFormat for Gitlab {
    fn id(&self) -> &'static str {
        "gitlab"
    }

    fn about(&self) -> &'static str {
        "GitLab, pipeline events; its registry's notifications are of the format distribution."
    }

    fn read(&self, headers: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        headers.get("x-gitlab-event")?;
        if text(body, &["object_kind"]) != Some("pipeline")
            || text(body, &["object_attributes", "status"]) != Some("success")
        {
            return Some(Vec::new());
        }
        let project = text(body, &["project", "path_with_namespace"]);
        Some(project.map(|path| hint(&path.to_ascii_lowercase(), None)).into_iter().collect())
    }
}
