//! GitHub: packages of organisations and people, versions with tags or without.

use plimsoll_model::Secret;
use plimsoll_registry::{
    RegistryError, Visibility,
    kind::{ApiSettings, RepositoryEntry},
};
use serde_json::{Value, json};

use super::{digest, number, page, query};
use crate::{
    content::adapter,
    origin::{Origin, Reply, Request},
};

fn reply(request: &Request) -> Reply {
    if request.path() == "/v2/" {
        return Reply::json("{}");
    }
    assert_eq!(request.header("accept"), Some("application/vnd.github+json"));
    assert_eq!(request.header("x-github-api-version"), Some("2022-11-28"));
    match request.header("authorization") {
        Some("Bearer ghp_t0ken") => {}
        Some("Bearer ghp_us3dup") => {
            return Reply::new(403)
                .header("x-ratelimit-remaining", "0")
                .body(r#"{"message":"API rate limit exceeded"}"#);
        }
        _ => return Reply::new(401).body(r#"{"message":"Bad credentials"}"#),
    }
    let list = |all: Vec<Value>| {
        let (at, size) =
            (number(request, "page").unwrap_or(1), number(request, "per_page").unwrap());
        let reply = Reply::json(&Value::from(page(&all, at, size)).to_string());
        if at * size >= all.len() {
            return reply;
        }
        let host = request.header("host").unwrap();
        let (path, next) = (request.path(), at + 1);
        let link = format!(
            "<http://{host}{path}?page={next}&per_page={size}>; rel=\"next\", <http://{host}{path}?page=9>; rel=\"last\""
        );
        reply.header("Link", &link)
    };
    match request.path() {
        "/orgs/Acme/packages" => {
            assert!(
                number(request, "page").is_some()
                    || query(request, "package_type").as_deref() == Some("container")
            );
            list(
                (0..130)
                    .map(|n| json!({"name": format!("group/app{n:03}"), "visibility": if n == 0 { "public" } else { "internal" }}))
                    .collect(),
            )
        }
        "/users/somebody/packages" => list(vec![json!({"name": "tool", "visibility": "private"})]),
        "/orgs/acme/packages/container/group%2Fapp007/versions" => list(vec![
            json!({"id": 1, "name": digest(1), "updated_at": "2026-11-01T10:00:00Z",
                "metadata": {"package_type": "container", "container": {"tags": ["latest", "1.0"]}}}),
            json!({"id": 2, "name": digest(2), "metadata": {"container": {"tags": []}}}),
        ]),
        _ => Reply::new(404).body(r#"{"message":"Not Found"}"#),
    }
}

fn settings(origin: &Origin, token: &str, owners: &[&str]) -> ApiSettings {
    ApiSettings {
        endpoint: Some(origin.address.to_string().parse().unwrap()),
        token: Some(Secret::new(token.into())),
        namespaces: owners.iter().map(|owner| (*owner).to_owned()).collect(),
        ..ApiSettings::default()
    }
}

#[tokio::test]
async fn packages_of_organisations_and_people_with_their_tags() {
    let origin = Origin::start(reply).await;
    let at = origin.address.to_string();
    let owners = settings(&origin, "ghp_t0ken", &["Acme", "somebody"]);
    let ghcr = adapter("ghcr", &at, None, owners).unwrap();
    let entries = ghcr.list_repositories().await.unwrap();
    assert_eq!(entries.len(), 131);
    let visibility = |name: &str| entries.iter().find(|one| one.name == name).unwrap().visibility;
    assert_eq!(visibility("acme/group/app000"), Some(Visibility::Public));
    assert_eq!(visibility("acme/group/app001"), Some(Visibility::Private));
    assert_eq!(visibility("somebody/tool"), Some(Visibility::Private));
    let tags = ghcr.list_tags(&RepositoryEntry::named("acme/group/app007")).await.unwrap();
    let found: Vec<_> =
        tags.iter().map(|tag| (tag.name.as_str(), tag.digest.unwrap().to_string())).collect();
    assert_eq!(found, [("1.0", digest(1)), ("latest", digest(1))]);
}

#[tokio::test]
async fn a_probe_asks_for_one_page_however_many_packages_there_are() {
    let origin = Origin::start(reply).await;
    let at = origin.address.to_string();
    let ghcr = adapter("ghcr", &at, None, settings(&origin, "ghp_t0ken", &["Acme"])).unwrap();
    ghcr.probe().await.unwrap();
    let paths: Vec<String> =
        origin.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!(paths, ["/orgs/Acme/packages", "/v2/"]);
    let ghcr = adapter("ghcr", &at, None, settings(&origin, "wrong", &["Acme"])).unwrap();
    let error = ghcr.probe().await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { status: 401, .. }), "{error}");
}

#[tokio::test]
async fn a_limit_that_is_said_with_403_is_a_limit() {
    let origin = Origin::start(reply).await;
    let at = origin.address.to_string();
    let ghcr = adapter("ghcr", &at, None, settings(&origin, "ghp_us3dup", &["Acme"])).unwrap();
    let error = ghcr.list_repositories().await.unwrap_err();
    assert!(matches!(error, RegistryError::RateLimited { .. }), "{error}");
    let ghcr = adapter("ghcr", &at, None, settings(&origin, "wrong", &["Acme"])).unwrap();
    let error = ghcr.list_repositories().await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { status: 401, .. }), "{error}");
}
