//! Azure: its own lists with `Link`, locked tags.

use plimsoll_registry::{
    RegistryError,
    kind::{ApiSettings, RepositoryEntry},
};
use serde_json::{Value, json};

use super::{at, digest, query};
use crate::{
    content::account,
    origin::{Origin, Reply, Request},
};

fn reply(request: &Request) -> Reply {
    if request.header("authorization") != Some("Basic Y2k6YzRuNHJ5LXBhc3N3MHJk") {
        return Reply::new(401)
            .body(r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#);
    }
    let list = |name: &str, all: Vec<Value>, key: fn(&Value) -> String| {
        let last = query(request, "last").unwrap_or_default();
        let size: usize = query(request, "n").unwrap().parse().unwrap();
        let rest: Vec<Value> = all.into_iter().filter(|one| key(one) > last).collect();
        let some = &rest[..size.min(rest.len())];
        let reply = Reply::json(&json!({"registry": "x.azurecr.io", name: some}).to_string());
        match some.last().filter(|_| rest.len() > size) {
            Some(one) => {
                let link = format!("<{}?last={}&n={size}>; rel=\"next\"", request.path(), key(one));
                reply.header("Link", &link)
            }
            None => reply,
        }
    };
    match request.path() {
        "/acr/v1/_catalog" => {
            let all = (0..250).map(|n| json!(format!("team/app{n:03}"))).collect();
            list("repositories", all, |one| one.as_str().unwrap().to_owned())
        }
        "/acr/v1/team/app007/_tags" => {
            let tag = |n: u32| {
                json!({"name": format!("v{n:03}"), "digest": digest(n), "createdTime": "2026-11-01T10:00:00.1234567Z",
                    "lastUpdateTime": "2026-11-02T10:00:00.1234567Z",
                    "changeableAttributes": {"deleteEnabled": true, "writeEnabled": n != 1, "readEnabled": true}})
            };
            list("tags", (0..101).map(tag).collect(), |one| {
                one["name"].as_str().unwrap().to_owned()
            })
        }
        _ => Reply::new(404).body(r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no"}]}"#),
    }
}

#[tokio::test]
async fn lists_come_by_pages_and_locked_tags_are_immutable() {
    let origin = Origin::start(reply).await;
    let azure = at("acr-azure", &origin, Some(account()), ApiSettings::default());
    let entries = azure.list_repositories().await.unwrap();
    assert_eq!(entries.len(), 250);
    assert_eq!((entries[249].name.as_str(), entries[249].visibility), ("team/app249", None));
    let tags = azure.list_tags(&entries[7]).await.unwrap();
    assert_eq!(tags.len(), 101);
    assert_eq!((tags[0].is_immutable, tags[1].is_immutable), (false, true));
    assert_eq!(tags[100].digest.unwrap().to_string(), digest(100));
    assert_eq!(tags[0].pushed.unwrap().to_string(), "2026-11-02T10:00:00Z");
    let gone = azure.list_tags(&RepositoryEntry::named("team/gone")).await.unwrap_err();
    assert!(matches!(gone, RegistryError::NotFound { .. }), "{gone}");
    let error = at("acr-azure", &origin, None, ApiSettings::default()).probe().await.unwrap_err();
    assert!(error.to_string().contains("refused anonymous access"), "{error}");
}
