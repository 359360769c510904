//! Quay: a token for the API, a robot for the registry, pages by token and by number.

use plimsoll_model::Secret;
use plimsoll_registry::{
    Credentials, RegistryError, Visibility,
    kind::{ApiSettings, RepositoryEntry},
};
use serde_json::json;

use super::{at, digest, number, query};
use crate::{
    content::PASSWORD,
    origin::{Origin, Reply, Request},
};

const TOKEN: &str = "0auth-t0ken";

fn reply(request: &Request) -> Reply {
    let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match request.path() {
        "/v2/" => Reply::json("{}"),
        "/api/v1/repository" => repositories(request, token),
        "/api/v1/repository/team/app" => {
            Reply::json(&json!({"namespace": "team", "name": "app", "is_public": false}).to_string())
        }
        "/api/v1/repository/team/app/tag/" if token == Some(TOKEN) => tags(request),
        "/api/v1/repository/team/app/tag/" => Reply::new(403)
            .header("Content-Type", "application/problem+json")
            .body(
                r#"{"title":"insufficient_scope","detail":"Requires repo:read","error_type":"insufficient_scope","status":403}"#,
            ),
        _ => Reply::new(404).body(r#"{"title":"not_found","detail":"Not Found","status":404}"#),
    }
}

fn repositories(request: &Request, token: Option<&str>) -> Reply {
    let of = |namespace: &str, name: String, public: bool, kind: &str| json!({"namespace": namespace, "name": name, "is_public": public, "kind": kind, "state": "NORMAL"});
    let all: Vec<_> = match (query(request, "namespace").as_deref(), query(request, "public")) {
        (Some("team"), _) if token == Some(TOKEN) => (0..150)
            .map(|n| of("team", format!("app{n:03}"), n % 2 == 0, "image"))
            .chain([of("team", "bundle".into(), true, "application")])
            .collect(),
        (Some("other"), _) if token == Some("0ther-t0ken") => {
            vec![of("other", "x".into(), false, "image")]
        }
        (Some(_), _) => vec![],
        (None, Some(_)) => vec![of("open", "y".into(), true, "image")],
        (None, None) => return Reply::new(400).body(r#"{"title":"invalid_request"}"#),
    };
    let from = match query(request, "next_page") {
        None => 0,
        Some(page) if page == "opaque=2&x" => 100,
        Some(_) => return Reply::new(400),
    };
    let some: Vec<_> = all.iter().skip(from).take(100).cloned().collect();
    let mut body = json!({"repositories": some});
    if from + 100 < all.len() {
        body["next_page"] = "opaque=2&x".into();
    }
    Reply::json(&body.to_string())
}

fn tags(request: &Request) -> Reply {
    assert_eq!(query(request, "onlyActiveTags").as_deref(), Some("true"));
    let limit = number(request, "limit").unwrap();
    assert!(limit <= 100);
    let all: Vec<_> = (0..101_u32)
        .map(|n| {
            json!({"name": format!("v{n:03}"), "reversion": false, "start_ts": 1_700_000_000 + n, "manifest_digest": digest(n),
                "is_manifest_list": false, "size": 7, "last_modified": "Tue, 14 Nov 2023 22:13:20 -0000",
                "immutable": n == 1})
        })
        .collect();
    let number = number(request, "page").unwrap();
    let some = super::page(&all, number, limit);
    let has_additional = number * limit < all.len();
    Reply::json(
        &json!({"tags": some, "page": number, "has_additional": has_additional}).to_string(),
    )
}

fn api(token: Option<&str>) -> ApiSettings {
    let token = token.map(|token| Secret::new(token.to_owned()));
    ApiSettings { token, ..ApiSettings::default() }
}

fn robot() -> Credentials {
    Credentials::new("team+sync", Secret::new(PASSWORD.to_owned()))
}

#[tokio::test]
async fn the_robots_organisation_is_listed_with_the_token_alone() {
    let origin = Origin::start(reply).await;
    let adapter = at("quay", &origin, Some(robot()), api(Some(TOKEN)));
    let entries = adapter.list_repositories().await.unwrap();
    assert_eq!(entries.len(), 150);
    assert_eq!(
        (entries[0].name.as_str(), entries[0].visibility),
        ("team/app000", Some(Visibility::Public))
    );
    assert_eq!(entries[1].visibility, Some(Visibility::Private));
    for request in origin.requests() {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer 0auth-t0ken"),
            "{}",
            request.target
        );
    }
    assert_eq!(adapter.repository("team/app").await.unwrap().visibility, Some(Visibility::Private));
}

#[tokio::test]
async fn tags_come_with_digest_time_and_immutability() {
    let origin = Origin::start(reply).await;
    let adapter = at("quay", &origin, Some(robot()), api(Some(TOKEN)));
    let tags = adapter.list_tags(&RepositoryEntry::named("team/app")).await.unwrap();
    assert_eq!(tags.len(), 101);
    assert_eq!(tags[100].digest.unwrap().to_string(), digest(100));
    assert_eq!(tags[100].pushed.unwrap().0, 1_700_000_100);
    assert_eq!((tags[0].is_immutable, tags[1].is_immutable), (false, true));
}

#[tokio::test]
async fn each_organisation_has_its_token_and_without_any_only_what_is_public_is_listed() {
    for (token, wanted) in [
        (Some(format!("team={TOKEN}\nother=0ther-t0ken\n")), 151),
        (Some("other=0ther-t0ken".to_owned()), 1),
        (None, 1),
    ] {
        let origin = Origin::start(reply).await;
        let adapter = at("quay", &origin, None, api(token.as_deref()));
        let entries = adapter.list_repositories().await.unwrap();
        assert_eq!(entries.len(), wanted, "{token:?}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_is_missing_and_a_token_is_not_shown() {
    let origin = Origin::start(reply).await;
    let adapter = at("quay", &origin, Some(robot()), api(Some("we4k")));
    let error = adapter.list_tags(&RepositoryEntry::named("team/app")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { status: 403, .. }), "{error}");
    assert!(error.to_string().contains("Requires repo:read"), "{error}");
    assert!(!format!("{error:?} {adapter:?}").contains("we4k"));
    let settings = api(Some("tw0 w0rds"));
    let error = crate::content::adapter("quay", "127.0.0.1:1", None, settings).unwrap_err();
    assert!(error.to_string().starts_with("`api_token`") && !error.to_string().contains("w0rds"));
}
