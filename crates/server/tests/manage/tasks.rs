//! Tasks, rates, schedules, probes, metrics and events of the management API.

use axum::http::{Method, StatusCode};
use http_body_util::BodyExt;
use plimsoll_model::Digest;
use plimsoll_server::{
    Context,
    operation::registries::{AddRegistry, add_registry},
    router,
};
use plimsoll_store::{RepoType, Retry, SyncListing, SyncedImage};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::client::{Client, context};

/// Adds a registry with as many images, `team/app:0` and so on, each queued.
async fn registry(context: &Context, name: &str, count: u8) {
    let request =
        AddRegistry { name: name.into(), url: "localhost:1".into(), ..AddRegistry::default() };
    add_registry(&context.store, &request, context.clock.now()).await.unwrap();
    let registry = context.store.registry(name).await.unwrap().unwrap();
    let images = (0..count).map(|number| {
        let place = u8::try_from(name.len()).unwrap() * 16;
        let digest = Digest::from_bytes([number + place; 32]);
        SyncedImage {
            path: "team/app".into(),
            tag: number.to_string(),
            digest,
            manifest_digest: digest,
            platform: "linux/amd64".parse().unwrap(),
            image_id: digest,
            size: 1,
            repo_type: RepoType::Private,
            tag_immutable: false,
            created: None,
            updated: None,
        }
    });
    let listing = SyncListing { images: images.collect(), ..SyncListing::default() };
    context.store.apply_sync(registry.id, &listing, context.clock.now()).await.unwrap();
}

async fn fail_next(context: &Context, why: &str) {
    let now = context.clock.now();
    let task = context.store.claim("host/1", now).await.unwrap().unwrap();
    context.store.fail(&task.lease, why, Retry::Never, now).await.unwrap();
}

#[tokio::test]
async fn tasks_are_listed_shown_cancelled_and_asked_for_again() {
    let (_folder, context, token) = context().await;
    registry(&context, "build", 3).await;
    let client = Client::new(&context, Some(&token));
    fail_next(&context, "registry `build`: 403").await;
    context.store.claim("host/2", context.clock.now()).await.unwrap().unwrap();

    let (status, list) = client.get("/api/v1/tasks").await;
    assert_eq!(status, StatusCode::OK);
    let states: Vec<&str> = list["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["running", "queued", "failed"]);
    assert_eq!(
        list["counts"],
        json!({"queued": 1, "running": 1, "done": 0, "failed": 1, "cancelled": 0})
    );
    assert_eq!(list["meta"], json!({"total": 3}));
    let running = &list["tasks"][0];
    assert_eq!((&running["worker"], &running["kind"]), (&json!("host/2"), &json!("scan")));
    assert_eq!(running["image"], "team/app:1");

    let (_, failed) = client.get("/api/v1/tasks?state=failed&registry=build").await;
    let failed = failed["tasks"][0].clone();
    assert_eq!(failed["reason"], "final");
    assert_eq!(failed["error"], "registry `build`: 403");
    let one = format!("/api/v1/tasks/{}", failed["id"]);
    assert_eq!(client.get(&one).await.1, failed);

    let (status, body) = client.call("POST", &format!("{one}/cancel"), None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("is failed"), "{body}");
    let (status, again) = client.call("POST", &format!("{one}/retry"), None).await;
    assert_eq!((status, &again["state"]), (StatusCode::OK, &json!("queued")));
    assert_eq!((&again["origin"], again.get("reason")), (&json!("person"), None));
    let cancel = format!("/api/v1/tasks/{}/cancel", running["id"]);
    let (status, cancelled) = client.call("POST", &cancel, None).await;
    assert_eq!((status, &cancelled["state"]), (StatusCode::OK, &json!("cancelled")));
    assert!(cancelled.get("worker").is_none());

    let body = Some(json!({"registry": "build"}));
    let (_, changed) = client.call("POST", "/api/v1/tasks/cancel", body.clone()).await;
    assert_eq!(changed, json!({"tasks": 2}));
    let (_, changed) = client.call("POST", "/api/v1/tasks/retry", body).await;
    assert_eq!(changed, json!({"tasks": 0}), "what was cancelled did not fail");
    for (method, path, body) in [
        ("GET", "/api/v1/tasks/99", None),
        ("GET", "/api/v1/tasks/x", None),
        ("POST", "/api/v1/tasks/99/cancel", None),
        ("POST", "/api/v1/tasks/99/retry", None),
        ("GET", "/api/v1/tasks?registry=nobody", None),
        ("POST", "/api/v1/tasks/cancel", Some(json!({"registry": "nobody"}))),
    ] {
        let (status, body) = client.call(method, path, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(body["error"]["hint"].as_str().unwrap().contains("list"), "{body}");
    }
    for (query, parameter) in
        [("state=lost", "cancelled"), ("page=0", "page"), ("page_size=501", "page_size")]
    {
        let (status, body) = client.get(&format!("/api/v1/tasks?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(body["error"]["message"].as_str().unwrap().contains(parameter), "{body}");
    }
}

#[tokio::test]
async fn a_rate_is_set_shown_and_taken_back() {
    let (_folder, context, token) = context().await;
    registry(&context, "build", 3).await;
    let client = Client::new(&context, Some(&token));
    let path = "/api/v1/scan-rates";
    assert_eq!(client.get(path).await.1, json!({"rates": [{"registry": "build"}]}));
    let rate = json!({"registry": "build", "scans_per_hour": 60});
    let (status, set) = client.call("PUT", path, Some(rate.clone())).await;
    assert_eq!((status, &set), (StatusCode::OK, &rate));
    assert_eq!(client.get(path).await.1, json!({"rates": [rate]}));
    let now = context.clock.now();
    assert!(context.store.claim("w", now).await.unwrap().is_some());
    assert!(context.store.claim("w", now).await.unwrap().is_none());
    client.call("PUT", path, Some(json!({"registry": "build"}))).await;
    assert!(context.store.claim("w", now).await.unwrap().is_some());
    for (wrong, status) in [
        (json!({"registry": "build", "scans_per_hour": 0}), 400),
        (json!({"registry": "build", "per_hour": 1}), 400),
        (json!({"registry": "nobody", "scans_per_hour": 1}), 404),
    ] {
        assert_eq!(client.call("PUT", path, Some(wrong)).await.0.as_u16(), status);
    }
}

#[tokio::test]
async fn schedules_are_added_listed_and_removed() {
    let (_folder, context, token) = context().await;
    registry(&context, "build", 0).await;
    let client = Client::new(&context, Some(&token));
    let path = "/api/v1/schedules";
    let request =
        json!({"name": "nightly", "kind": "sync", "cron": "30 3 * * *", "registry": "build"});
    let (status, added) = client.call("POST", path, Some(request.clone())).await;
    let wanted = json!({
        "name": "nightly", "kind": "sync", "cron": "30 3 * * *", "registry": "build",
        "next": "2026-11-26T03:30:00Z", "running": false
    });
    assert_eq!((status, &added), (StatusCode::CREATED, &wanted));
    assert_eq!(client.get(path).await.1, json!({"schedules": [added]}));
    let (status, _) = client.call("POST", path, Some(request.clone())).await;
    assert_eq!(status, StatusCode::CONFLICT);
    for (name, value, status, said) in [
        ("cron", json!("61 * * * *"), 400, "minute `61`"),
        ("cron", json!("0 0 30 2 *"), 400, "never comes"),
        ("kind", json!("prune"), 400, "sync, scan"),
        ("name", json!(""), 400, "1 to 128"),
        ("registry", json!("nobody"), 404, "nobody"),
    ] {
        let mut wrong = request.clone();
        wrong["name"] = json!("other");
        wrong[name] = value;
        let (found, body) = client.call("POST", path, Some(wrong)).await;
        assert_eq!(found.as_u16(), status, "{body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(said), "{body}");
    }
    let one = "/api/v1/schedules/nightly";
    assert_eq!(client.call("DELETE", one, None).await.1, json!({"name": "nightly"}));
    assert_eq!(client.call("DELETE", one, None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn metrics_want_the_token_and_name_no_image() {
    let (_folder, context, token) = context().await;
    registry(&context, "build", 3).await;
    fail_next(&context, "403").await;
    context.clock.advance(90);
    let stranger = Client::new(&context, None);
    assert_eq!(stranger.send(Method::GET, "/metrics", None).await.0, StatusCode::UNAUTHORIZED);
    for path in ["/livez", "/readyz"] {
        assert_eq!(stranger.send(Method::GET, path, None).await.0, StatusCode::OK, "{path}");
    }
    let client = Client::new(&context, Some(&token));
    let (status, text) = client.send(Method::GET, "/metrics", None).await;
    assert_eq!(status, StatusCode::OK);
    let text = String::from_utf8(text).unwrap();
    for line in [
        "plimsoll_tasks{kind=\"scan\",state=\"queued\"} 2",
        "plimsoll_tasks{kind=\"scan\",state=\"failed\"} 1",
        "plimsoll_tasks{kind=\"message\",state=\"queued\"} 0",
        "plimsoll_queue_age_seconds 90",
        "plimsoll_registries 1",
        "plimsoll_feed_loaded 0",
        "plimsoll_store_up 1",
        "plimsoll_scans_total{outcome=\"stored\"} 0",
        "plimsoll_claim_duration_seconds_count 0",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    assert!(!text.contains("team/app") && !text.contains("build\""), "{text}");
    // Every sample belongs to the family that was begun last, and none is begun twice.
    let mut families = std::collections::BTreeSet::new();
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap();
            assert!(families.insert(family), "{family} twice");
        } else if !line.starts_with('#') {
            assert!(line.starts_with(family) && line.split(' ').count() == 2, "{line}");
        }
    }
    assert!(families.len() > 12);
}

/// The next event: its name and data.
async fn event(body: &mut axum::body::Body, text: &mut String) -> (String, Value) {
    loop {
        if let Some((event, rest)) = text.split_once("\n\n") {
            let (event, rest) = (event.to_owned(), rest.to_owned());
            *text = rest;
            let of = |name: &str| {
                event
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(|part| part.trim().to_owned())
            };
            // Comments keep the connection open.
            if let (Some(name), Some(data)) = (of("event:"), of("data:")) {
                return (name, serde_json::from_str(&data).unwrap());
            }
            continue;
        }
        let frame = body.frame().await.expect("more events").unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
}

#[tokio::test]
async fn listeners_hear_of_each_change_of_a_task() {
    let (_folder, context, token) = context().await;
    registry(&context, "build", 2).await;
    let request = axum::http::Request::builder()
        .uri("/api/v1/tasks/events")
        .header("authorization", format!("Bearer {token}"))
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = router(&context, None).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let (mut body, mut text) = (answer.into_body(), String::new());
    let (name, first) = event(&mut body, &mut text).await;
    assert_eq!((name.as_str(), &first["queued"]), ("counts", &json!(2)));

    let now = context.clock.now();
    let task = context.store.claim("host/1", now).await.unwrap().unwrap();
    let (name, began) = event(&mut body, &mut text).await;
    assert_eq!((name.as_str(), &began["state"]), ("task", &json!("running")));
    assert_eq!((&began["image"], &began["worker"]), (&json!("team/app:0"), &json!("host/1")));
    let (name, counts) = event(&mut body, &mut text).await;
    assert_eq!((name.as_str(), &counts["running"]), ("counts", &json!(1)));

    context.store.fail(&task.lease, "gone", Retry::Never, now).await.unwrap();
    let (name, ended) = event(&mut body, &mut text).await;
    assert_eq!((name.as_str(), &ended["state"]), ("task", &json!("failed")));
    assert_eq!((&ended["reason"], &ended["error"]), (&json!("final"), &json!("gone")));
    let (name, counts) = event(&mut body, &mut text).await;
    assert_eq!((name.as_str(), &counts["failed"]), ("counts", &json!(1)));
}

#[tokio::test]
async fn a_registry_is_given_to_a_tenant_and_taken_back() {
    let (_folder, context, token) = context().await;
    registry(&context, "build", 1).await;
    let client = Client::new(&context, Some(&token));
    let path = "/api/v1/registries/build/tenant";
    let tenant = || async {
        let registries = client.get("/api/v1/registries").await.1;
        let tasks = client.get("/api/v1/tasks").await.1;
        (registries["registries"][0]["tenant"].clone(), tasks["tasks"][0]["tenant"].clone())
    };
    assert_eq!(tenant().await, (Value::Null, Value::Null));
    let (status, set) = client.call("PUT", path, Some(json!({"tenant": "team-a"}))).await;
    assert_eq!((status, &set["tenant"]), (StatusCode::OK, &json!("team-a")));
    assert_eq!(tenant().await, (json!("team-a"), json!("team-a")));
    let wrong = json!({"tenant": " "});
    let (status, refused) = client.call("PUT", path, Some(wrong)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused["error"]["message"].as_str().unwrap().contains("tenant"), "{refused}");
    let nobody = "/api/v1/registries/nobody/tenant";
    let (status, _) = client.call("PUT", nobody, Some(json!({"tenant": "team-a"}))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    client.call("PUT", path, Some(json!({"tenant": null}))).await;
    assert_eq!(tenant().await, (Value::Null, Value::Null));
}
