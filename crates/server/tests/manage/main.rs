//! The management API over a real store: who may use it, what it refuses by name, what it answers.
//!
//! (`cfg(test)` tells clippy that helpers may unwrap.)

#[cfg(test)]
mod builds;
#[cfg(test)]
mod client;
#[cfg(test)]
#[path = "../../examples/bulk_registry/tags.rs"]
mod many_tags;
#[cfg(test)]
mod syncing;
#[cfg(test)]
mod tasks;

use axum::http::{Method, StatusCode};
use client::{Client, context};
use plimsoll_server::{Clock, Context};
use plimsoll_store::{Store, StoreOptions};
use serde_json::{Value, json};

/// Every address, with a method that it takes.
const ADDRESSES: [(&str, &str); 59] = [
    ("GET", "/api/v1/status"),
    ("GET", "/api/v1/feed"),
    ("GET", "/api/v1/registries"),
    ("POST", "/api/v1/registries"),
    ("DELETE", "/api/v1/registries/x"),
    ("POST", "/api/v1/registries/x/sync"),
    ("POST", "/api/v1/registries/x/check"),
    ("PUT", "/api/v1/registries/x/tenant"),
    ("GET", "/api/v1/registries/x/tokens"),
    ("POST", "/api/v1/registries/x/tokens/hook"),
    ("DELETE", "/api/v1/registries/x/tokens/hook"),
    ("GET", "/api/v1/registries/x/webhooks"),
    ("PUT", "/api/v1/registries/x/webhooks"),
    ("DELETE", "/api/v1/registries/x/webhooks"),
    ("GET", "/api/v1/registry-kinds"),
    ("GET", "/api/v1/images"),
    ("GET", "/api/v1/images/x"),
    ("GET", "/api/v1/images/x/report"),
    ("GET", "/api/v1/images/x/files"),
    ("GET", "/api/v1/images/x/build"),
    ("POST", "/api/v1/images/x/scan"),
    ("GET", "/api/v1/findings/CVE-1/images"),
    ("GET", "/api/v1/ranking"),
    ("GET", "/api/v1/ignore-rules"),
    ("POST", "/api/v1/ignore-rules"),
    ("PUT", "/api/v1/ignore-rules/1"),
    ("DELETE", "/api/v1/ignore-rules/1"),
    ("GET", "/api/v1/keys"),
    ("POST", "/api/v1/keys"),
    ("PATCH", "/api/v1/keys/x"),
    ("GET", "/api/v1/contexts"),
    ("PUT", "/api/v1/contexts"),
    ("GET", "/api/v1/clusters"),
    ("POST", "/api/v1/clusters"),
    ("DELETE", "/api/v1/clusters/x"),
    ("PUT", "/api/v1/clusters/x/workloads"),
    ("GET", "/api/v1/changes"),
    ("GET", "/api/v1/images/x/changes"),
    ("GET", "/api/v1/images/x/history"),
    ("GET", "/api/v1/subscriptions"),
    ("POST", "/api/v1/subscriptions"),
    ("GET", "/api/v1/subscriptions/x"),
    ("DELETE", "/api/v1/subscriptions/x"),
    ("POST", "/api/v1/subscriptions/x/test"),
    ("POST", "/api/v1/subscriptions/x/retry"),
    ("GET", "/api/v1/tasks"),
    ("GET", "/api/v1/tasks/1"),
    ("POST", "/api/v1/tasks/1/cancel"),
    ("POST", "/api/v1/tasks/1/retry"),
    ("POST", "/api/v1/tasks/cancel"),
    ("POST", "/api/v1/tasks/retry"),
    ("GET", "/api/v1/tasks/events"),
    ("GET", "/api/v1/scan-rates"),
    ("PUT", "/api/v1/scan-rates"),
    ("GET", "/api/v1/schedules"),
    ("POST", "/api/v1/schedules"),
    ("DELETE", "/api/v1/schedules/x"),
    ("GET", "/api/v1/nothing"),
    ("PUT", "/api/v1/status"),
];

#[tokio::test]
async fn without_the_token_every_address_answers_the_same() {
    let (_folder, context, _) = context().await;
    for token in [None, Some("wrong")] {
        for (method, path) in ADDRESSES {
            // A new context each time: wrong tokens are counted.
            let context = Context::new(context.store.clone(), context.clock.clone());
            let client = Client::new(&context, token);
            let (status, body) = client.call(method, path, None).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(body["error"]["code"], "unauthorized");
            assert!(body["error"]["hint"].as_str().unwrap().contains("admin-token"));
        }
    }
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down() {
    let (_folder, context, token) = context().await;
    let wrong = Client::new(&context, Some("wrong"));
    for _ in 0..5 {
        assert_eq!(wrong.get("/api/v1/status").await.0, StatusCode::UNAUTHORIZED);
    }
    let right = Client::new(&context, Some(&token));
    let (status, body) = right.get("/api/v1/status").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(body["error"]["code"], "throttled");
    context.clock.advance(60);
    assert_eq!(right.get("/api/v1/status").await.0, StatusCode::OK);
}

#[tokio::test]
async fn unknown_parameters_fields_addresses_and_methods_are_refused_by_name() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let refused = async |method: &str, path: &str, body: Option<Value>| {
        let (status, body) = client.call(method, path, body).await;
        (status.as_u16(), body["error"]["message"].as_str().unwrap().to_owned())
    };
    let (status, message) = refused("GET", "/api/v1/images?severity=high", None).await;
    assert_eq!(status, 400);
    assert!(message.contains("unknown field `severity`"), "{message}");
    let (status, message) = refused("GET", "/api/v1/status?x=1", None).await;
    assert_eq!(status, 400);
    assert!(message.contains("`x`"), "{message}");
    let body = json!({ "name": "a", "url": "localhost:1", "pasword": "p" });
    let (status, message) = refused("POST", "/api/v1/registries", Some(body)).await;
    assert_eq!(status, 400);
    assert!(message.contains("unknown field `pasword`"), "{message}");
    let (status, message) = refused("GET", "/api/v1/imagse", None).await;
    assert_eq!((status, message.as_str()), (404, "there is nothing at `/api/v1/imagse`"));
    let (status, message) = refused("DELETE", "/api/v1/status", None).await;
    assert_eq!((status, message.as_str()), (405, "`DELETE` is not answered here"));
    for (query, parameter) in [
        ("page_size=0", "page_size"),
        ("page_size=501", "page_size"),
        ("page=0", "page"),
        ("level=worst", "worst"),
    ] {
        let (status, message) = refused("GET", &format!("/api/v1/images?{query}"), None).await;
        assert_eq!(status, 400, "{query}");
        assert!(message.contains(parameter), "{message}");
    }
}

#[tokio::test]
async fn what_is_said_of_images_is_kept_listed_and_taken_back() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let path = "/api/v1/contexts";
    let said = json!({"scope": "repository", "name": "team/*", "exposure": "internal"});
    for changed in [true, false] {
        let (status, answer) = client.call("PUT", path, Some(said.clone())).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({"changed": changed})));
    }
    assert_eq!(client.get(path).await.1, json!({"contexts": [said]}));
    for (wrong, parameter) in [
        (json!({"scope": "tag", "name": "x"}), "scope"),
        (json!({"scope": "registry", "name": " "}), "name"),
        (json!({"scope": "image", "name": "team/app:1"}), "name"),
        (json!({"scope": "registry", "name": "x", "exposure": "public"}), "exposure"),
        (json!({"scope": "registry", "name": "x", "importance": "2"}), "importance"),
        (json!({"scope": "registry", "name": "x", "urgent": true}), "urgent"),
    ] {
        let (status, answer) = client.call("PUT", path, Some(wrong)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(answer["error"]["message"].as_str().unwrap().contains(parameter), "{answer}");
    }
    let nothing = json!({"scope": "repository", "name": "team/*"});
    assert_eq!(client.call("PUT", path, Some(nothing)).await.1, json!({"changed": true}));
    assert_eq!(client.get(path).await.1, json!({"contexts": []}));
}

#[tokio::test]
async fn an_ignore_rule_is_made_changed_ends_and_is_taken_back() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let path = "/api/v1/ignore-rules";
    let rule = json!({
        "vulnerability": "CVE-2024-1", "package": "openssl", "type": "cve", "repositories": ["team/*"],
        "reason": "not reachable", "author": "ada", "expires": "2026-11-26T00:00:00Z"
    });
    let (status, added) = client.call("POST", path, Some(rule.clone())).await;
    assert_eq!(status, StatusCode::CREATED);
    for (name, value) in rule.as_object().unwrap() {
        assert_eq!(&added[name], value, "{name}");
    }
    assert_eq!(
        (&added["images"], &added["unused"], &added["expired"]),
        (&json!(0), &json!(true), &json!(false))
    );
    let one = format!("{path}/{}", added["id"]);
    assert_eq!(client.get(&one).await.1, added);
    assert_eq!(client.get(path).await.1, json!({"ignore_rules": [added]}));
    for (change, parameter) in [
        (json!({"reason": ""}), "reason"),
        (json!({"author": " "}), "author"),
        (json!({"vulnerability": "MAL-2024-1"}), "vulnerability"),
        (json!({"expires": "2026-11-25T09:30:00Z"}), "expires"),
        (json!({"type": "os"}), "os"),
        (json!({"repositories": []}), "repositories"),
        (json!({"image": "latest", "repositories": null}), "image"),
        (json!({"severity": "high"}), "severity"),
        (json!({}), "vulnerability"),
    ] {
        let mut wrong = rule.clone();
        for (name, value) in change.as_object().unwrap() {
            wrong[name] = value.clone();
        }
        let (status, body) = client.call("POST", path, Some(wrong)).await;
        let message = body["error"]["message"].as_str().unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{message}");
        assert!(message.contains(parameter), "{message}");
    }
    context.clock.advance(86_400);
    let (_, ended) = client.get(&one).await;
    assert_eq!((&ended["expired"], &ended["unused"]), (&json!(true), &json!(false)));
    let longer = json!({"vulnerability": "CVE-2024-1", "reason": "r", "author": "ada"});
    let (status, changed) = client.call("PUT", &one, Some(longer)).await;
    assert_eq!((status, &changed["expired"]), (StatusCode::OK, &json!(false)));
    assert!(changed.get("expires").is_none() && changed.get("package").is_none());
    let (status, gone) = client.call("DELETE", &one, None).await;
    assert_eq!((status, gone), (StatusCode::OK, json!({"id": added["id"], "images": 0})));
    for (method, path) in
        [("GET", one.as_str()), ("DELETE", &one), ("GET", "/api/v1/ignore-rules/x")]
    {
        let (status, body) = client.call(method, path, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body["error"]["hint"].as_str().unwrap().contains("plimsoll ignore list"));
    }
}

#[tokio::test]
async fn a_registry_is_added_listed_and_removed_and_its_password_never_comes_back() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let registry = json!({
        "name": "build", "url": "https://Registry.example.com:5000", "username": "ci", "password": "hunter2",
        "net_type": "intranet", "repositories": ["team/app"], "platform": "linux/arm64"
    });
    let (status, added) = client.call("POST", "/api/v1/registries", Some(registry.clone())).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
    let (_, list) = client.get("/api/v1/registries").await;
    assert_eq!(list["registries"][0], added);
    assert_eq!(added["url"], "https://registry.example.com:5000");
    assert_eq!(added["reported_type"], "oci");
    assert_eq!(added["net_type"], "intranet");
    assert_eq!(added["has_password"], true);
    assert!(!list.to_string().contains("hunter2"));
    let (status, body) = client.call("POST", "/api/v1/registries", Some(registry)).await;
    assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::CONFLICT, Some("exists")));
    let (status, removed) = client.call("DELETE", "/api/v1/registries/build", None).await;
    assert_eq!((status, &removed), (StatusCode::OK, &json!({ "images": 0 })));
    let (status, body) = client.call("DELETE", "/api/v1/registries/build", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body["error"]["message"], "there is no registry `build`");
}

#[tokio::test]
async fn a_registrys_token_is_shown_once_replaced_and_taken_back() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let registry = json!({ "name": "a b", "url": "https://registry.example.com" });
    client.call("POST", "/api/v1/registries", Some(registry)).await;
    let path = "/api/v1/registries/a%20b/tokens";
    let mut made = Vec::new();
    for _ in 0..2 {
        let (status, created) = client.call("POST", &format!("{path}/hook"), None).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let token = created["token"].as_str().unwrap().to_owned();
        assert_eq!(token.len(), 48);
        assert_eq!(created["path"], format!("/hooks/a%20b/{token}"));
        made.push(token);
    }
    assert_ne!(made[0], made[1]);
    let (_, created) = client.call("POST", &format!("{path}/scanner"), None).await;
    assert_eq!(created["path"], "/harbor");
    let (_, list) = client.get(path).await;
    let purposes: Vec<&str> = list["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["purpose"].as_str())
        .collect();
    assert_eq!(purposes, ["hook", "scanner"]);
    assert!(!list.to_string().contains(&made[1]));
    let (status, body) = client.call("POST", &format!("{path}/spy"), None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("hook, report, scanner"));
    for removed in [true, false] {
        let (_, answer) = client.call("DELETE", &format!("{path}/hook"), None).await;
        assert_eq!(answer, json!({ "removed": removed }));
    }
    let (status, _) = client.get("/api/v1/registries/other/tokens").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_registry_that_cannot_be_is_refused_with_the_parameter() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    for (change, parameter) in [
        (json!({ "url": "http://registry.example.com" }), "`url`: plain http"),
        (json!({ "url": "ftp://x" }), "`url`"),
        (json!({ "url": "https://user:hunter2@x" }), "`url`"),
        (json!({ "kind": "floppy" }), "`kind`: `floppy` is not one of oci"),
        (json!({ "kind": "docker-hub" }), "`api_url`: say where the API answers"),
        (json!({ "kind": "acr" }), "`api_account`: the API needs an access key"),
        (json!({ "kind": "acr", "api_account": "a" }), "`api_token`: the API needs an access key"),
        (
            json!({ "kind": "acr", "api_account": "a", "api_token": "s" }),
            "`region_id`: the address tells no region",
        ),
        (
            json!({ "kind": "harbor", "api_url": "http://harbor.example.com" }),
            "`api_url`: plain http",
        ),
        (json!({ "include": ["a b"] }), "`include`: `a b`"),
        (json!({ "exclude": [":"] }), "`exclude`: `:`"),
        (json!({ "namespaces": [""] }), "`namespaces`"),
        (json!({ "password": "p" }), "`username`"),
        (json!({ "ca_pem": "no certificate" }), "`ca_pem`"),
        (json!({ "repositories": ["Team/App"] }), "`repositories`: `Team/App`"),
        (json!({ "platform": "linux" }), "`platform`"),
        (json!({ "name": "" }), "`name`"),
        (json!({ "net_type": "moon" }), "moon"),
    ] {
        let mut request = json!({ "name": "a", "url": "https://registry.example.com" });
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, body) = client.call("POST", "/api/v1/registries", Some(request)).await;
        let message = body["error"]["message"].as_str().unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{change}");
        assert!(message.contains(parameter), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    for url in ["localhost:5000", "http://127.0.0.1:5000", "docker.io"] {
        let request = json!({ "name": url.replace(['/', ':'], "-"), "url": url });
        let (status, body) = client.call("POST", "/api/v1/registries", Some(request)).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
    }
    let allowed =
        json!({ "name": "open", "url": "http://registry.example.com", "plain_http": true });
    let (status, _) = client.call("POST", "/api/v1/registries", Some(allowed)).await;
    assert_eq!(status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_kinds_come_from_the_list_with_their_fields() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let (_, body) = client.get("/api/v1/registry-kinds").await;
    let kinds = body["registry_kinds"].as_array().unwrap();
    assert_eq!(kinds.len(), plimsoll_registry::kind::kinds().len());
    assert_eq!(kinds[0]["id"], "oci");
    assert!(kinds[0]["fields"].as_array().unwrap().iter().any(|field| field["id"] == "password"));
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_named() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    // A port that was free a moment ago: nobody listens there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let request = json!({ "name": "gone", "url": format!("http://{address}") });
    client.call("POST", "/api/v1/registries", Some(request)).await;
    let (status, body) = client.call("POST", "/api/v1/registries/gone/sync", None).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY, "{body}");
    assert_eq!(body["error"]["code"], "registry_failed");
    assert!(body["error"]["message"].as_str().unwrap().starts_with("registry `gone`: "));
    let (_, list) = client.get("/api/v1/registries").await;
    assert!(list["registries"][0]["problem"].is_string(), "{list}");
    let (status, body) = client.call("POST", "/api/v1/registries/gone/check", None).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::BAD_GATEWAY, &json!("registry_failed"))
    );
    let (status, _) = client.call("POST", "/api/v1/registries/nobody/check", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_is_made_listed_and_switched_off_and_its_secret_comes_once() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let request = json!({ "name": "ci", "allow": ["yundun-sas:ListImageRisk"] });
    let (status, made) = client.call("POST", "/api/v1/keys", Some(request)).await;
    assert_eq!(status, StatusCode::CREATED);
    let id = made["access_key_id"].as_str().unwrap();
    let secret = made["access_key_secret"].as_str().unwrap();
    let (_, list) = client.get("/api/v1/keys").await;
    assert_eq!(list["keys"][0]["allow"], json!(["yundun-sas:ListImageRisk"]));
    assert_eq!(list["keys"][0]["active"], true);
    assert!(!list.to_string().contains(secret));
    let path = format!("/api/v1/keys/{id}");
    let (_, changed) = client.call("PATCH", &path, Some(json!({ "active": false }))).await;
    assert_eq!(changed["active"], false);
    let wrong = json!({ "name": "ci", "allow": ["ListImageRisk"] });
    let (status, body) = client.call("POST", "/api/v1/keys", Some(wrong)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("yundun-sas:ListImageRisk"));
    let unknown = client.call("PATCH", "/api/v1/keys/x", Some(json!({ "active": true }))).await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn workloads_of_a_cluster_are_replaced_as_a_whole() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let pods = json!({ "apiVersion": "v1", "kind": "PodList", "items": [{
        "metadata": { "name": "api-1", "namespace": "pay", "labels": { "app": "api" } },
        "spec": { "containers": [{ "name": "api", "image": "registry.example.com/pay/api:1" }] }
    }] });
    let path = "/api/v1/clusters/c1/workloads";
    let (status, imported) = client.call("PUT", path, Some(pods.clone())).await;
    assert_eq!(status, StatusCode::OK, "{imported}");
    assert_eq!(
        imported,
        json!({ "cluster_id": "c1", "containers": 1, "known": 0, "changed": true })
    );
    let (_, again) = client.call("PUT", path, Some(pods)).await;
    assert_eq!(again["changed"], false);
    let (_, list) = client.get("/api/v1/clusters").await;
    assert_eq!(list["clusters"][0]["id"], "c1");
    let (status, body) = client.call("PUT", path, Some(json!({ "kind": "Node" }))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("Node"), "{body}");
}

#[tokio::test]
async fn an_empty_installation_has_a_status_a_list_and_a_ranking() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let (_, status) = client.get("/api/v1/status").await;
    assert_eq!(status["now"], "2026-11-25T09:30:00Z");
    assert_eq!(status["images"]["total"], 0);
    assert_eq!(status["feed"], Value::Null);
    let (_, list) = client.get("/api/v1/images").await;
    assert_eq!(list, json!({ "images": [], "meta": { "total": 0 } }));
    let (_, ranking) = client.get("/api/v1/ranking").await;
    assert_eq!(ranking["scope"], "all");
    assert_eq!(ranking["vul_asap"], json!([]));
    let (_, affected) = client.get("/api/v1/findings/CVE-2014-0160/images").await;
    assert_eq!(affected, json!({ "id": "CVE-2014-0160", "images": [] }));
    for path in
        ["/api/v1/images/x", "/api/v1/images/x/report", "/api/v1/images/x/files?kind=secret"]
    {
        assert_eq!(client.get(path).await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn only_a_pod_list_may_be_large() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let large = json!({ "name": "x".repeat(1 << 20) });
    let (status, body) = client.call("POST", "/api/v1/keys", Some(large.clone())).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(body["error"]["code"], "invalid_body");
    let path = "/api/v1/clusters/c/workloads";
    assert_eq!(client.call("PUT", path, Some(large)).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn health_needs_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
    let client = Client::new(&Context::new(store, Clock::machine()), None);
    assert_eq!(client.send(Method::GET, "/healthz", None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn subscriptions_are_kept_without_showing_their_secrets() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let destination = json!({ "url": "https://chat.test/robot?token=canary" });
    let request = json!({
        "name": "ops", "channel": "webhook", "destination": destination, "minimum": "later",
        "namespaces": ["shop-*"], "digest_hour": 7, "instant_from": "asap"
    });
    let (status, added) = client.call("POST", "/api/v1/subscriptions", Some(request.clone())).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
    assert!(added["secret"].as_str().unwrap().starts_with("whsec_"));
    let (status, taken) = client.call("POST", "/api/v1/subscriptions", Some(request)).await;
    assert_eq!((status, &taken["error"]["code"]), (StatusCode::CONFLICT, &json!("exists")));
    let (_, listed) = client.get("/api/v1/subscriptions").await;
    let (_, shown) = client.get("/api/v1/subscriptions/ops").await;
    assert_eq!(listed["subscriptions"][0]["destination"], "https://chat.test");
    assert_eq!(
        shown["wanted"]["delivery"],
        json!({ "when": "split", "from": "asap", "hour": 7 }),
        "{shown}"
    );
    assert_eq!(shown["wanted"]["new_images"], true);
    for text in [listed.to_string(), shown.to_string()] {
        assert!(!text.contains("canary") && !text.contains("whsec_"), "{text}");
    }
    for (wrong, field) in [
        (json!({ "name": "x", "channel": "pigeon" }), "channel"),
        (json!({ "name": "x", "channel": "slack", "destination": {} }), "url"),
        (json!({ "name": "", "channel": "slack", "destination": destination }), "name"),
        (
            json!({ "name": "x", "channel": "slack", "destination": destination, "secret": "s" }),
            "secret",
        ),
        (
            json!({ "name": "x", "channel": "slack", "destination": destination, "digest_hour": 24 }),
            "digest_hour",
        ),
        (
            json!({ "name": "x", "channel": "slack", "destination": destination, "instant_from": "asap" }),
            "instant_from",
        ),
        (
            json!({ "name": "x", "channel": "slack", "destination": { "url": "https://a:canary@b.test" } }),
            "url",
        ),
        (
            json!({ "name": "x", "channel": "email", "destination": { "url": "smtps://mail.test", "to": ["x"] } }),
            "from",
        ),
    ] {
        let (status, answer) = client.call("POST", "/api/v1/subscriptions", Some(wrong)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("`{field}`")), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    // Its name has no address: the sample cannot arrive, and it is not tried again.
    let (status, tested) = client.call("POST", "/api/v1/subscriptions/ops/test", None).await;
    assert_eq!((status, &tested["delivered"]), (StatusCode::OK, &json!(false)), "{tested}");
    let (_, shown) = client.get("/api/v1/subscriptions/ops").await;
    assert_eq!(shown["latest"][0]["state"], "failed", "{shown}");
    assert!(!shown.to_string().contains("canary"), "{shown}");
    let (_, retried) = client.call("POST", "/api/v1/subscriptions/ops/retry", None).await;
    assert_eq!(retried, json!({ "messages": 1 }));
    let (_, removed) = client.call("DELETE", "/api/v1/subscriptions/ops", None).await;
    assert_eq!(removed, json!({ "undelivered": 1 }));
    let (status, _) = client.get("/api/v1/subscriptions/ops").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn changes_want_a_date_and_an_image_that_exists() {
    let (_folder, context, token) = context().await;
    let client = Client::new(&context, Some(&token));
    let (status, changes) = client.get("/api/v1/changes?since=2026-11-01").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        changes,
        json!({ "since": "2026-11-01T00:00:00Z", "vulnerabilities": [], "scanned": [] })
    );
    for (path, status) in [
        ("/api/v1/changes", StatusCode::BAD_REQUEST),
        ("/api/v1/changes?since=yesterday", StatusCode::BAD_REQUEST),
        ("/api/v1/changes?since=2026-11-01&limit=0", StatusCode::BAD_REQUEST),
        ("/api/v1/changes?since=2026-11-01&Limit=1", StatusCode::BAD_REQUEST),
        ("/api/v1/images/x/changes?since=2026-11-01", StatusCode::NOT_FOUND),
        ("/api/v1/images/x/history", StatusCode::NOT_FOUND),
    ] {
        let (found, answer) = client.get(path).await;
        assert_eq!(found, status, "{path}: {answer}");
    }
}
