//! Docker Hub: tokens of ten minutes, pages by address, limits of the API and of pulls.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use plimsoll_registry::{
    RegistryError, Visibility,
    kind::{Adapter, ApiSettings, RepositoryEntry},
};
use serde_json::{Value, json};

use super::{digest, number, page};
use crate::{
    content::{Content, PASSWORD, account, adapter, image},
    origin::{Bound, Origin, Reply, Request},
};

/// The API at its own address.
#[derive(Clone, Default)]
struct Hub {
    own: String,
    /// Where the second page lies instead.
    next_at: Option<String>,
    /// Only the older paths are there.
    is_old: bool,
}

impl Hub {
    fn reply(&self, request: &Request) -> Reply {
        if request.path() == "/v2/auth/token" {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            let is_right = body == json!({"identifier": "ci", "secret": PASSWORD});
            return match is_right && request.method == "POST" {
                true => Reply::json(r#"{"access_token":"jwt-1"}"#),
                false => {
                    Reply::new(401).body(r#"{"detail":"Incorrect authentication credentials"}"#)
                }
            };
        }
        let has_account = match request.header("authorization") {
            None => false,
            Some("Bearer jwt-1") => true,
            Some(_) => return Reply::new(401),
        };
        let parts: Vec<&str> = request.path().trim_matches('/').split('/').collect();
        match (self.is_old, parts.as_slice()) {
            (false, ["v2", "namespaces", "ci", "repositories"]) => {
                self.repositories(request, has_account)
            }
            (true, ["v2", "repositories", "ci"]) => self.repositories(request, has_account),
            (false, ["v2", "namespaces", "ci", "repositories", "app"]) => Self::detail(),
            (true, ["v2", "repositories", "ci", "app"]) => Self::detail(),
            (false, ["v2", "namespaces", "library", "repositories", "nginx"]) => {
                Reply::json(r#"{"name":"nginx","namespace":"library","is_private":false}"#)
            }
            (false, ["v2", "namespaces", "ci", "repositories", "app", "tags"]) => {
                self.tags(request)
            }
            (true, ["v2", "repositories", "ci", "app", "tags"]) => self.tags(request),
            _ => Reply::new(404).body(r#"{"message":"object not found","errinfo":{}}"#),
        }
    }

    fn list(&self, request: &Request, all: &[Value]) -> Reply {
        let size = number(request, "page_size").unwrap_or(10).min(100);
        let at = number(request, "page").unwrap_or(1);
        let host = self.next_at.as_ref().unwrap_or(&self.own);
        let next = (at * size < all.len())
            .then(|| format!("{host}{}?page={}&page_size={size}", request.path(), at + 1));
        let body = json!({"count": all.len(), "next": next, "previous": null, "results": page(all, at, size)});
        Reply::json(&body.to_string())
    }

    fn repositories(&self, request: &Request, has_account: bool) -> Reply {
        let all: Vec<Value> = (0..130)
            .map(|n| json!({"name": format!("app{n:03}"), "namespace": "ci", "is_private": n % 2 == 1, "description": null}))
            .filter(|one| has_account || one["is_private"] == false)
            .collect();
        self.list(request, &all)
    }

    fn detail() -> Reply {
        let settings = json!({"enabled": true, "rules": [r"v\d+", "(", "release-.*"]});
        let body = json!({"name": "app", "namespace": "ci", "is_private": false, "immutable_tags_settings": settings});
        Reply::json(&body.to_string())
    }

    fn tags(&self, request: &Request) -> Reply {
        let tag = |n: u32, name: &str, kind: &str| {
            json!({"id": n, "name": name, "digest": digest(n), "tag_status": "active", "content_type": kind,
                "last_updated": "2026-11-01T10:00:00.123456Z", "tag_last_pushed": "2026-11-02T10:00:00.5Z"})
        };
        let mut all = vec![
            tag(1, "v1", "image"),
            tag(2, "v1-dev", "image"),
            tag(3, "release-2", "image"),
            tag(4, "chart", "helm"),
            json!({"name": "ancient", "digest": null, "last_updated": null}),
        ];
        all.extend((10..130).map(|n| tag(n, &format!("n{n}"), "image")));
        self.list(request, &all)
    }
}

async fn hub(shape: impl FnOnce(&mut Hub)) -> Origin {
    let bound = Bound::on("127.0.0.1").await;
    let mut hub = Hub { own: format!("http://{}", bound.address), ..Hub::default() };
    shape(&mut hub);
    bound.serve(move |request| hub.reply(request))
}

fn with(registry: &str, api: &Origin, with_account: bool, namespaces: &[&str]) -> Box<dyn Adapter> {
    let settings = ApiSettings {
        endpoint: Some(api.address.to_string().parse().unwrap()),
        namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
        ..ApiSettings::default()
    };
    adapter("docker-hub", registry, with_account.then(account), settings).unwrap()
}

#[tokio::test]
async fn the_accounts_repositories_are_listed_with_one_token_on_both_generations_of_paths() {
    for is_old in [false, true] {
        let api = hub(|hub| hub.is_old = is_old).await;
        let hub = with("docker.io", &api, true, &[]);
        let entries = hub.list_repositories().await.unwrap();
        assert_eq!(entries.len(), 130, "{is_old}");
        assert_eq!(entries[0].name, "ci/app000");
        assert_eq!(entries[0].visibility, Some(Visibility::Public));
        assert_eq!(entries[1].visibility, Some(Visibility::Private));
        hub.list_tags(&RepositoryEntry::named("ci/app")).await.unwrap();
        let tokens = api.requests().iter().filter(|one| one.path() == "/v2/auth/token").count();
        assert_eq!(tokens, 1);
        // The password goes into the token's request and nowhere else.
        for request in api.requests() {
            let is_token = request.path() == "/v2/auth/token";
            assert_eq!(request.body.contains(PASSWORD), is_token);
            assert!(!request.head.contains(PASSWORD));
        }
    }
    let api = hub(|_| {}).await;
    let stranger = with("docker.io", &api, false, &["ci"]);
    assert_eq!(stranger.list_repositories().await.unwrap().len(), 65);
    let nobody = with("docker.io", &api, false, &[]).list_repositories().await.unwrap_err();
    assert!(nobody.to_string().starts_with("`namespaces`"), "{nobody}");
}

#[tokio::test]
async fn tags_have_digests_and_are_immutable_where_a_rule_matches_all_of_them() {
    let api = hub(|_| {}).await;
    let hub = with("docker.io", &api, true, &[]);
    let entry = hub.repository("ci/app").await.unwrap();
    assert_eq!(entry.visibility, Some(Visibility::Public));
    let tags = hub.list_tags(&entry).await.unwrap();
    assert_eq!(tags.len(), 125);
    let tag = |name: &str| tags.iter().find(|tag| tag.name == name).unwrap();
    let immutable: Vec<&str> =
        tags.iter().filter(|tag| tag.is_immutable).map(|tag| tag.name.as_str()).collect();
    assert_eq!(immutable, ["release-2", "v1"]);
    assert_eq!(tag("v1").digest.unwrap().to_string(), digest(1));
    assert_eq!(tag("v1").pushed.unwrap().to_string(), "2026-11-02T10:00:00Z");
    assert!(tag("chart").other.as_ref().unwrap().contains("helm"));
    assert_eq!((tag("ancient").digest, tag("ancient").pushed), (None, None));
    assert_eq!(hub.repository("nginx").await.unwrap().name, "library/nginx");
    // Rules that were read with the repository are not asked for again.
    let details =
        api.requests().iter().filter(|one| one.path().ends_with("/repositories/app")).count();
    assert_eq!(details, 1);
}

#[tokio::test]
async fn a_next_page_at_another_address_is_not_followed() {
    let elsewhere = Origin::start(|_| Reply::json("{}")).await;
    let next = elsewhere.url("");
    let api = hub(|hub| hub.next_at = Some(next)).await;
    let error = with("docker.io", &api, true, &[]).list_repositories().await.unwrap_err();
    assert!(matches!(error, RegistryError::Protocol { .. }), "{error}");
    assert!(error.to_string().contains("lies at another address"), "{error}");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn the_apis_limit_is_told_with_the_time_to_come_back() {
    let api = Origin::start(|_| {
        Reply::new(429)
            .header("Date", "Wed, 25 Nov 2026 01:00:00 GMT")
            .header("X-RateLimit-Limit", "600")
            .header("X-RateLimit-Remaining", "0")
            .header("X-Retry-After", "1795569300")
            .body("Too Many Requests")
    })
    .await;
    let error = with("docker.io", &api, false, &["ci"]).list_repositories().await.unwrap_err();
    let RegistryError::RateLimited { retry_after: Some(wait), .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(wait.as_secs(), 900);
    assert_eq!(api.requests().len(), 1);
}

/// A registry that counts GET of manifests, and says so.
async fn counting(left: u64) -> (Origin, Arc<AtomicU64>) {
    let content = Content::default().image("ci/app", "1", &image("hub", 10));
    let remaining = Arc::new(AtomicU64::new(left));
    let counter = Arc::clone(&remaining);
    let origin = Origin::start(move |request| {
        let is_pull = request.method == "GET" && request.path().contains("/manifests/");
        if is_pull {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
        let left = format!("{};w=21600", counter.load(Ordering::Relaxed));
        content
            .reply(request)
            .header("ratelimit-limit", "100;w=21600")
            .header("ratelimit-remaining", &left)
    })
    .await;
    (origin, remaining)
}

#[tokio::test]
async fn the_last_pulls_of_a_window_are_left_for_others() {
    let api = hub(|_| {}).await;
    for (left, pulls) in [(100, 5), (12, 2), (10, 0), (0, 0)] {
        let (registry, remaining) = counting(left).await;
        let hub = with(&registry.address.to_string(), &api, true, &[]);
        let client = hub.client().await.unwrap();
        let mut refused = 0;
        for _pull in 0..5 {
            match client.manifest("ci/app", "1").await {
                Ok(_) => {}
                Err(RegistryError::RateLimited { retry_after: Some(wait), .. }) => {
                    assert_eq!(wait.as_secs(), 21_600);
                    refused += 1;
                }
                Err(error) => panic!("{left}: {error}"),
            }
        }
        assert_eq!(
            (refused, remaining.load(Ordering::Relaxed)),
            (5 - pulls, left - pulls),
            "{left}"
        );
        // It was asked how many are left before the first one was taken.
        let first = registry.requests().into_iter().find(|one| one.path().contains("/manifests/"));
        assert_eq!(first.unwrap().method, "HEAD");
        // And when few are left, not for each image again.
        let heads = registry.requests().into_iter().filter(|one| one.method == "HEAD").count();
        assert_eq!(heads, 1, "{left}");
        assert_eq!(client.pull_limit().unwrap().limit, 100);
    }
}

#[tokio::test]
async fn a_registry_that_counts_nothing_is_pulled_from_freely() {
    let api = hub(|_| {}).await;
    let content = Content::default().image("ci/app", "1", &image("hub", 10));
    let registry = Origin::start(move |request| content.reply(request)).await;
    let hub = with(&registry.address.to_string(), &api, true, &[]);
    let client = hub.client().await.unwrap();
    client.manifest("ci/app", "1").await.unwrap();
    assert_eq!(client.pull_limit(), None);
}
