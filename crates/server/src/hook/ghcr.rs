//! GitHub's webhooks on packages.
//!
//! In: `X-GitHub-Event: package` or `registry_package`, and the package's version. Out: its tag; the whole repository where the
//! version has none. Source: docs.github.com, "Webhook events and payloads". Odd: names keep the owner's capitals, which
//! repositories of images do not have; other kinds of packages are announced the same way; `ping` comes when a hook is made.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{HookFormat, hint, text};

pub(super) struct Ghcr;

impl HookFormat for Ghcr {
    fn id(&self) -> &'static str {
        "ghcr"
    }

    fn about(&self) -> &'static str {
        "GitHub Container Registry, events package and registry_package."
    }

    fn read(&self, headers: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        let event = headers.get("x-github-event")?.to_str().ok()?;
        if !["package", "registry_package"].contains(&event) {
            return Some(Vec::new());
        }
        let Some(package) = body.get(event) else { return Some(Vec::new()) };
        let kind = text(package, &["package_type"]).or_else(|| text(package, &["ecosystem"]));
        if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("container")) {
            return Some(Vec::new());
        }
        let owner = text(package, &["namespace"])
            .filter(|owner| !owner.is_empty())
            .or_else(|| text(package, &["owner", "login"]));
        let (Some(owner), Some(name)) = (owner, text(package, &["name"])) else {
            return Some(Vec::new());
        };
        let repository = format!("{owner}/{name}").to_ascii_lowercase();
        let tag = text(package, &["package_version", "container_metadata", "tag", "name"]);
        Some(vec![hint(&repository, tag)])
    }
}
