//! Alibaba Cloud Container Registry's trigger.
//!
//! In: `{"push_data": {"digest", "pushed_at", "tag"}, "repository": {"repo_full_name", "region", …}}`. Out: the tag. Source:
//! Alibaba Cloud's page "Use webhooks to push images". Odd: it looks like Docker Hub's and names the repository otherwise; which
//! instance sends it is not said.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{HookFormat, hint, text};

pub(super) struct Acr;

impl HookFormat for Acr {
    fn id(&self) -> &'static str {
        "acr"
    }

    fn about(&self) -> &'static str {
        "Alibaba Cloud Container Registry, trigger on a push."
    }

    fn read(&self, _: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        let push = body.get("push_data").filter(|push| push.is_object())?;
        let repository = text(body, &["repository", "repo_full_name"])?;
        Some(vec![hint(repository, text(push, &["tag"]))])
    }
}
