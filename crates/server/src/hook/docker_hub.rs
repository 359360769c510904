//! Docker Hub's webhook.
//!
//! In: `{"callback_url", "push_data": {"pushed_at", "pusher", "tag"}, "repository": {"repo_name", …}}`. Out: the tag. Source:
//! docs.docker.com, "Webhooks". Odd: `callback_url` wants to be called, and never is: whoever knows the secret could name any
//! address there.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{HookFormat, hint, text};

pub(super) struct DockerHub;

impl HookFormat for DockerHub {
    fn id(&self) -> &'static str {
        "docker-hub"
    }

    fn about(&self) -> &'static str {
        "Docker Hub, webhook of a repository."
    }

    fn read(&self, _: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        let push = body.get("push_data").filter(|push| push.is_object())?;
        let repository = text(body, &["repository", "repo_name"])?;
        Some(vec![hint(repository, text(push, &["tag"]))])
    }
}
