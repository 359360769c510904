//! GitLab: projects of groups and people, public only with a public registry.

use plimsoll_model::Secret;
use plimsoll_registry::{
    Visibility,
    kind::{ApiSettings, RepositoryEntry},
};
use serde_json::{Value, json};

use super::{number, page};
use crate::{
    content::adapter,
    origin::{Origin, Reply, Request},
};

fn reply(request: &Request) -> Reply {
    if request.path() == "/v2/team/app/tags/list" {
        return Reply::json(r#"{"name":"team/app","tags":["2","1"]}"#);
    }
    if request.header("authorization") != Some("Bearer glpat-t0ken") {
        return Reply::new(401).body(r#"{"message":"401 Unauthorized"}"#);
    }
    let project = |id: u32, visibility: &str, level: &str| {
        json!({"id": id, "path_with_namespace": format!("team/p{id}"), "visibility": visibility,
            "container_registry_access_level": level, "container_registry_enabled": level != "disabled"})
    };
    let list = |all: Vec<Value>| {
        let (at, size) =
            (number(request, "page").unwrap_or(1), number(request, "per_page").unwrap());
        let reply = Reply::json(&Value::from(page(&all, at, size)).to_string());
        if at * size >= all.len() {
            return reply;
        }
        let link = format!("<{}?page={}&per_page={size}>; rel=\"next\"", request.path(), at + 1);
        reply.header("Link", &link)
    };
    let repository = |path: &str| {
        vec![json!({"id": 1, "name": "", "path": path, "location": format!("r/{path}")})]
    };
    match request.path() {
        "/api/v4/projects" => {
            let mut all = vec![
                project(1, "public", "enabled"),
                project(2, "public", "private"),
                project(3, "private", "enabled"),
                project(4, "public", "disabled"),
                project(5, "private", "enabled"),
            ];
            all.extend((10..120).map(|id| project(id, "private", "disabled")));
            list(all)
        }
        "/api/v4/groups/team%2Fsub/projects" => list(vec![project(3, "private", "enabled")]),
        "/api/v4/projects/1/registry/repositories" => list(repository("team/app")),
        "/api/v4/projects/2/registry/repositories" => list(repository("team/members")),
        "/api/v4/projects/3/registry/repositories" => list(repository("team/sub/inner")),
        "/api/v4/projects/5/registry/repositories" => {
            Reply::new(403).body(r#"{"message":"403 Forbidden"}"#)
        }
        _ => Reply::new(404).body(r#"{"message":"404 Not Found"}"#),
    }
}

fn settings(origin: &Origin, token: &str, groups: &[&str]) -> ApiSettings {
    ApiSettings {
        endpoint: Some(origin.address.to_string().parse().unwrap()),
        token: Some(Secret::new(token.into())),
        namespaces: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..ApiSettings::default()
    }
}

#[tokio::test]
async fn repositories_of_projects_with_a_registry_and_who_may_pull() {
    let origin = Origin::start(reply).await;
    let at = origin.address.to_string();
    let gitlab = adapter("gitlab", &at, None, settings(&origin, "glpat-t0ken", &[])).unwrap();
    let entries = gitlab.list_repositories().await.unwrap();
    let found: Vec<_> = entries.iter().map(|one| (one.name.as_str(), one.visibility)).collect();
    assert_eq!(
        found,
        [
            ("team/app", Some(Visibility::Public)),
            ("team/members", Some(Visibility::Private)),
            ("team/sub/inner", Some(Visibility::Private)),
        ]
    );
    let tags = gitlab.list_tags(&RepositoryEntry::named("team/app")).await.unwrap();
    assert_eq!(tags.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    let of_group = adapter("gitlab", &at, None, settings(&origin, "glpat-t0ken", &["team/sub"]));
    let entries = of_group.unwrap().list_repositories().await.unwrap();
    assert_eq!(entries.len(), 1);
}

#[tokio::test]
async fn where_gitlab_is_must_be_said_and_a_wrong_token_is_refused() {
    let origin = Origin::start(reply).await;
    let at = origin.address.to_string();
    let error = adapter("gitlab", &at, None, ApiSettings::default()).unwrap_err();
    assert!(error.to_string().starts_with("`api_url`"), "{error}");
    let gitlab = adapter("gitlab", &at, None, settings(&origin, "wr0ng", &[])).unwrap();
    let error = gitlab.list_repositories().await.unwrap_err();
    assert!(error.to_string().contains("401 Unauthorized"), "{error}");
    assert!(!format!("{error:?} {gitlab:?}").contains("wr0ng"));
}
