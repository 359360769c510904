//! Webhooks against a whole server and a registry: who is heard, what is asked afterwards, what is never believed.
//!
//! (`cfg(test)` tells clippy that helpers may unwrap.)

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod install;

use axum::http::StatusCode;
use fixture::{Fixture, image, pushed, until};
use plimsoll_server::{Clock, operation::registries::remove_registry};
use plimsoll_store::{Hint, Origin};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_push_makes_the_server_look_at_that_tag_and_at_no_other() {
    let fixture = Fixture::new(&[]).await;
    for tag in ["1", "2", "3"] {
        fixture.registry.put("team/app", tag, &image(tag));
    }
    fixture.registry.put("team/other", "1", &image("other"));
    let server = fixture.server().await;
    let hook = fixture.hook(&server).await;
    fixture.registry.take_requests();
    let (status, answer) = hook.send(&pushed("team/app", "2")).await;
    assert_eq!(
        (status, answer),
        (StatusCode::ACCEPTED, json!({ "format": "distribution", "new": 1, "known": 0 }))
    );
    until("one image", async || fixture.tags(&server).await == ["team/app:2"]).await;
    let asked = fixture.registry.take_requests();
    let manifests: Vec<&String> = asked.iter().filter(|one| one.contains("/manifests/")).collect();
    assert!(!manifests.is_empty());
    let digest = image("2").manifest_digest.to_string();
    assert!(
        manifests.iter().all(|one| one.ends_with("/manifests/2") || one.contains(&digest)),
        "{manifests:?}"
    );
    assert!(!asked.iter().any(|one| one.contains("team/other")), "{asked:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hook_says_is_read_again_and_not_believed() {
    let fixture = Fixture::new(&[]).await;
    fixture.registry.put("team/app", "1", &image("one"));
    let server = fixture.server().await;
    let hook = fixture.hook(&server).await;
    hook.send(&pushed("team/app", "1")).await;
    until("one image", async || fixture.tags(&server).await == ["team/app:1"]).await;

    // The registry has moved the tag, whatever digest the hook names.
    let moved = image("two");
    fixture.registry.put("team/app", "1", &moved);
    hook.send(&pushed("team/app", "1")).await;
    until("the moved tag", async || {
        fixture.digests(&server).await == [moved.manifest_digest.to_string()]
    })
    .await;

    // A push that never was, of a tag and of a repository, changes nothing; one that goes is noticed.
    hook.send(&pushed("team/app", "forged")).await;
    hook.send(&pushed("team/forged", "1")).await;
    until("no hint left", async || fixture.is_idle(&server).await).await;
    assert_eq!(fixture.tags(&server).await, ["team/app:1"]);
    fixture.registry.remove_tag("team/app", "1");
    hook.send(&pushed("team/app", "1")).await;
    until("no image", async || fixture.tags(&server).await.is_empty()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_of_named_repositories_is_asked_for_no_other() {
    let fixture = Fixture::new(&["team/app"]).await;
    fixture.registry.put("team/app", "1", &image("one"));
    fixture.registry.put("team/secret", "1", &image("secret"));
    let server = fixture.server().await;
    let hook = fixture.hook(&server).await;
    fixture.registry.take_requests();
    hook.send(&pushed("team/secret", "1")).await;
    hook.send(&pushed("team/app", "1")).await;
    until("one image", async || fixture.tags(&server).await == ["team/app:1"]).await;
    until("no hint left", async || fixture.is_idle(&server).await).await;
    let asked = fixture.registry.take_requests();
    assert!(!asked.iter().any(|one| one.contains("team/secret")), "{asked:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_outlive_the_process_and_what_is_said_often_is_kept_once() {
    let fixture = Fixture::new(&[]).await;
    fixture.registry.put("team/app", "1", &image("one"));
    let (context, hook) = fixture.without_jobs().await;
    for known in [0, 1, 1, 1] {
        let (status, answer) = hook.send(&pushed("team/app", "1")).await;
        let wanted = json!({ "format": "distribution", "new": 1 - known, "known": known });
        assert_eq!((status, answer), (StatusCode::ACCEPTED, wanted));
    }
    context.store.close().await;
    drop(context);
    let server = fixture.server().await;
    until("one image", async || fixture.tags(&server).await == ["team/app:1"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_look_at_a_whole_registry_finds_is_scanned_as_pushed() {
    let fixture = Fixture::new(&[]).await;
    fixture.registry.put("team/app", "1", &image("one"));
    let (context, _hook) = fixture.without_jobs().await;
    let registry = context.store.registry("r").await.unwrap().unwrap();
    let place = |number: u32| Hint { path: format!("team/{number}"), tag: None };
    let places: Vec<Hint> = (0..=1_000).map(place).collect();
    context.store.note_hints(registry.id, &places, context.clock.now()).await.unwrap();
    assert_eq!(context.store.open_hints().await.unwrap(), 1, "so many are one: everywhere");
    context.store.close().await;
    drop(context);
    let server = fixture.server().await;
    until("one image", async || fixture.tags(&server).await == ["team/app:1"]).await;
    let task = server.store().claim("test/1", Clock::machine().now()).await.unwrap().unwrap();
    assert_eq!(task.origin, Origin::Push);
    server.stop().await;
}

#[tokio::test]
async fn strangers_are_not_heard_and_not_read() {
    let fixture = Fixture::new(&[]).await;
    let (context, hook) = fixture.without_jobs().await;
    let token = hook.token.clone();
    for path in [
        "/hooks/r/wrong".to_owned(),
        format!("/hooks/other/{token}"),
        format!("/hooks/r/{}", token.chars().take(47).collect::<String>()),
        format!("/hooks/r/{token}x"),
    ] {
        let (status, body) = hook.post(&path, &[], "not even JSON").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(!body.to_string().contains(&token));
    }
    // Five wrong ones from one address are enough.
    for _ in 0..5 {
        hook.post("/hooks/r/wrong", &[], "{}").await;
    }
    let (status, _) = hook.post(&format!("/hooks/r/{token}"), &[], "{}").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    context.clock.advance(61);
    let (status, _) = hook.send(&pushed("team/app", "1")).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    // The token is of no other use, and ends with its registry.
    let claimed = context.store.claim_hint("test", context.clock.now()).await.unwrap().unwrap();
    assert_eq!(claimed.hint, Some(Hint { path: "team/app".to_owned(), tag: Some("1".to_owned()) }));
    remove_registry(&context.store, "r", context.clock.now()).await.unwrap();
    let (status, _) = hook.send(&pushed("team/app", "1")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_secret_may_stand_in_a_header_instead() {
    let fixture = Fixture::new(&[]).await;
    let (_context, hook) = fixture.without_jobs().await;
    let token = hook.token.clone();
    let body = pushed("team/app", "1").to_string();
    for value in [format!("Bearer {token}"), token.clone(), fixture::basic("hook", &token)] {
        let headers = [("authorization", value.as_str())];
        let (status, _) = hook.post("/hooks/r", &headers, &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{value}");
    }
    let (status, _) = hook.post("/hooks/r", &[], &body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn bodies_that_nobody_sends_are_refused_by_what_is_wrong() {
    let fixture = Fixture::new(&[]).await;
    let (_context, hook) = fixture.without_jobs().await;
    let path = format!("/hooks/r/{}", hook.token);
    for (body, wanted, part) in [
        ("", 422, "not JSON"),
        ("{", 422, "not JSON"),
        ("{\"hello\":1}", 422, "harbor-cloudevents"),
        (&"x".repeat((1 << 20) + 1), 413, "1048576"),
    ] {
        let (status, answer) = hook.post(&path, &[], body).await;
        assert_eq!(status.as_u16(), wanted);
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
    }
}
