//! Webhooks that are set by a vendor's API: each vendor against a server that keeps them as it does, and refuses what it refuses.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use plimsoll_model::Secret;
use plimsoll_registry::{
    Credentials, RegistryError,
    kind::{
        Adapter, ApiSettings, FoundWebhook, RepositoryEntry, WantedWebhook, WebhookPlace, kinds,
    },
};
use serde_json::{Value, json};

use super::{at, query, refusal};
use crate::{
    content::{PASSWORD, adapter},
    origin::{Origin, Reply, Request},
};

/// What an API token or an access key's secret is.
const API_TOKEN: &str = "4pi-t0ken-c4n4ry";
/// Hooks of somebody else, which stay.
const FOREIGN: &str = "https://ci.example.com/build";

fn token(letter: &str) -> String {
    letter.repeat(48)
}

fn wanted(letter: &str) -> WantedWebhook {
    WantedWebhook {
        name: "plimsoll-build".into(),
        address: "https://plimsoll.example.com/hooks/build".into(),
        secret: Secret::new(token(letter)),
    }
}

/// The hooks of one vendor, by place and id.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<(String, u64), Value>>>);

impl Kept {
    fn at(&self, place: &str) -> Vec<Value> {
        let kept = self.0.lock().unwrap();
        let of_it = |((at, _), _): &(&(String, u64), &Value)| at == place;
        kept.iter().filter(of_it).map(|(_, hook)| hook.clone()).collect()
    }

    /// Keeps a hook under a number of its own, which `mark` writes into it.
    fn add(&self, place: &str, mut hook: Value, mark: impl Fn(&mut Value, u64)) -> Value {
        let mut kept = self.0.lock().unwrap();
        let id = kept.keys().map(|(_, id)| id + 1).max().unwrap_or(1);
        mark(&mut hook, id);
        kept.insert((place.to_owned(), id), hook.clone());
        hook
    }

    fn replace(&self, place: &str, id: u64, hook: Value) -> bool {
        let mut kept = self.0.lock().unwrap();
        kept.get_mut(&(place.to_owned(), id)).map(|old| *old = hook).is_some()
    }

    fn remove(&self, place: &str, id: u64) -> bool {
        self.0.lock().unwrap().remove(&(place.to_owned(), id)).is_some()
    }

    /// Changes the hooks behind the client's back.
    fn spoil(&self, change: impl Fn(&mut Value)) {
        self.0.lock().unwrap().values_mut().for_each(change);
    }
}

fn body(request: &Request) -> Value {
    assert_eq!(request.header("content-type"), Some("application/json"), "{}", request.target);
    serde_json::from_str(&request.body).unwrap()
}

/// Harbor: policies of a project, written whole.
fn harbor(kept: &Kept, request: &Request) -> Reply {
    if request.header("authorization") != Some("Basic Y2k6YzRuNHJ5LXBhc3N3MHJk") {
        return refusal(401, "UNAUTHORIZED");
    }
    if request.header("x-is-resource-name") != Some("true") {
        return refusal(400, "BAD_REQUEST");
    }
    let path: Vec<&str> = request.path().split('/').collect();
    let ["", "api", "v2.0", "projects", project, "webhook", "policies", rest @ ..] = &path[..]
    else {
        return refusal(404, "NOT_FOUND");
    };
    let checked = || {
        let mut policy = body(request);
        let events = policy["event_types"].as_array().unwrap();
        let known = ["PUSH_ARTIFACT", "DELETE_ARTIFACT", "PULL_ARTIFACT"];
        assert!(events.iter().all(|event| known.contains(&event.as_str().unwrap())));
        let target = policy["targets"][0].as_object_mut().unwrap();
        assert_eq!(target["type"], "http");
        target.insert("payload_format".into(), "Default".into());
        policy
    };
    let id = rest.first().map(|id| id.parse().unwrap());
    let with_id = |policy: &mut Value, id: u64| policy["id"] = id.into();
    match (request.method.as_str(), id) {
        ("GET", None) => Reply::json(&Value::from(kept.at(project)).to_string()),
        ("POST", None) => {
            kept.add(project, checked(), with_id);
            Reply::new(201).header("Location", "/api/v2.0/projects/x/webhook/policies/1")
        }
        ("PUT", Some(id)) => {
            let mut policy = checked();
            with_id(&mut policy, id);
            Reply::new(if kept.replace(project, id, policy) { 200 } else { 404 })
        }
        ("DELETE", Some(id)) => Reply::new(if kept.remove(project, id) { 200 } else { 404 }),
        _ => refusal(405, "METHOD_NOT_ALLOWED"),
    }
}

/// Quay: notifications of a repository, which nobody can change.
fn quay(kept: &Kept, request: &Request) -> Reply {
    if request.header("authorization") != Some(&format!("Bearer {API_TOKEN}")) {
        return Reply::new(401).body(r#"{"title":"invalid_token","status":401}"#);
    }
    let Some(rest) = request.path().strip_prefix("/api/v1/repository/team/app/notification/")
    else {
        return Reply::new(404);
    };
    match (request.method.as_str(), rest) {
        ("GET", "") => Reply::json(&json!({"notifications": kept.at("team/app")}).to_string()),
        ("POST", "") => {
            let asked = body(request);
            for field in ["event", "method", "config", "eventConfig"] {
                assert!(!asked[field].is_null(), "{field} is required");
            }
            let made = json!({"event": asked["event"], "method": asked["method"], "config": asked["config"],
                "event_config": asked["eventConfig"], "title": asked["title"], "number_of_failures": 0});
            let with_id = |hook: &mut Value, id: u64| hook["uuid"] = format!("u-{id}").into();
            Reply::new(201).body(kept.add("team/app", made, with_id).to_string())
        }
        ("DELETE", uuid) => {
            let id = uuid.strip_prefix("u-").unwrap().parse().unwrap();
            Reply::new(if kept.remove("team/app", id) { 204 } else { 400 })
        }
        _ => Reply::new(405),
    }
}

/// Docker Hub: pipelines of a repository, one of a name.
fn docker_hub(kept: &Kept, request: &Request) -> Reply {
    if request.path() == "/v2/auth/token" {
        return Reply::json(&format!(r#"{{"access_token":"{API_TOKEN}"}}"#));
    }
    if request.header("authorization") != Some(&format!("Bearer {API_TOKEN}")) {
        return Reply::new(401)
            .body(r#"{"detail":"Authentication credentials were not provided."}"#);
    }
    let Some(rest) = request.path().strip_prefix("/v2/repositories/team/app/webhook_pipeline/")
    else {
        return Reply::new(404);
    };
    match (request.method.as_str(), rest) {
        ("GET", "") => {
            let all = kept.at("team/app");
            Reply::json(&json!({"count": all.len(), "next": null, "results": all}).to_string())
        }
        ("POST", "") => {
            let mut asked = body(request);
            let name = asked["name"].as_str().unwrap().to_owned();
            if kept.at("team/app").iter().any(|hook| hook["name"] == *name) {
                return Reply::new(400).body(r#"{"message":"a webhook of this name exists"}"#);
            }
            asked["slug"] = name.into();
            Reply::new(201).body(kept.add("team/app", asked, |_, _| ()).to_string())
        }
        ("DELETE", slug) => {
            let slug = slug.strip_suffix('/').unwrap();
            let mut all = kept.0.lock().unwrap();
            let before = all.len();
            all.retain(|_, hook| hook["slug"] != slug);
            Reply::new(if all.len() < before { 204 } else { 404 })
        }
        _ => Reply::new(405),
    }
}

/// GitHub: hooks of an organisation, all of one name.
fn ghcr(kept: &Kept, request: &Request) -> Reply {
    if request.header("authorization") != Some(&format!("Bearer {API_TOKEN}")) {
        return Reply::new(401).body(r#"{"message":"Bad credentials"}"#);
    }
    let Some(rest) = request.path().strip_prefix("/orgs/team/hooks") else {
        return Reply::new(404);
    };
    let id = rest.strip_prefix('/').map(|id| id.parse().unwrap());
    let with_id = |hook: &mut Value, id: u64| hook["id"] = id.into();
    match (request.method.as_str(), id) {
        ("GET", None) => Reply::json(&Value::from(kept.at("team")).to_string()),
        ("POST", None) => {
            let asked = body(request);
            if asked["name"] != "web" || asked["config"]["url"].is_null() {
                return Reply::new(422).body(r#"{"message":"Validation Failed"}"#);
            }
            Reply::new(201).body(kept.add("team", asked, with_id).to_string())
        }
        ("PATCH", Some(id)) => {
            let mut asked = body(request);
            assert!(asked["name"].is_null());
            with_id(&mut asked, id);
            Reply::new(if kept.replace("team", id, asked) { 200 } else { 404 }).body("{}")
        }
        ("DELETE", Some(id)) => Reply::new(if kept.remove("team", id) { 204 } else { 404 }),
        _ => Reply::new(405),
    }
}

/// Alibaba Cloud: triggers of a repository, by actions. Signatures are checked in the neighbouring file.
fn acr(kept: &Kept, request: &Request) -> Reply {
    let of = |name: &str| query(request, name);
    let answer = |mut body: Value| {
        body["Code"] = "success".into();
        body["IsSuccess"] = true.into();
        Reply::json(&body.to_string())
    };
    if of("InstanceId").as_deref() != Some("cri-build") || of("RepoId").as_deref() != Some("crr-1")
    {
        return Reply::new(403).body(r#"{"Code":"NoPrivilege","Message":"no"}"#);
    }
    let number = || of("TriggerId").unwrap().strip_prefix("crw-").unwrap().parse::<u64>().unwrap();
    let asked = || {
        json!({"TriggerName": of("TriggerName").unwrap(), "TriggerUrl": of("TriggerUrl").unwrap(),
            "TriggerType": of("TriggerType").unwrap(), "TriggerTag": "", "RepoEvent": "PUSH"})
    };
    let with_id = |hook: &mut Value, id: u64| hook["TriggerId"] = format!("crw-{id}").into();
    match of("Action").unwrap().as_str() {
        "ListRepoTrigger" => answer(json!({"Triggers": kept.at("crr-1")})),
        "CreateRepoTrigger" => {
            let made = kept.add("crr-1", asked(), with_id);
            answer(json!({"TriggerId": made["TriggerId"]}))
        }
        "UpdateRepoTrigger" => {
            let (mut hook, id) = (asked(), number());
            with_id(&mut hook, id);
            assert!(kept.replace("crr-1", id, hook));
            answer(json!({}))
        }
        "DeleteRepoTrigger" => {
            assert!(kept.remove("crr-1", number()));
            answer(json!({}))
        }
        other => panic!("{other} is not an action that is asked for"),
    }
}

struct Vendor {
    kind: &'static str,
    answer: fn(&Kept, &Request) -> Reply,
    /// Where its hook for `team/app` is set.
    place: (&'static str, &'static str),
    /// A hook of somebody else, as the vendor keeps it.
    foreign: fn() -> Value,
    /// What somebody may do to ours.
    spoil: fn(&mut Value),
}

const VENDORS: [Vendor; 5] = [
    Vendor {
        kind: "harbor",
        answer: harbor,
        place: ("project `team`", "team"),
        foreign: || {
            json!({"id": 1, "name": "ci", "enabled": true, "event_types": ["PUSH_ARTIFACT"],
            "targets": [{"type": "http", "address": FOREIGN, "auth_header": "x"}]})
        },
        spoil: |hook| hook["enabled"] = false.into(),
    },
    Vendor {
        kind: "quay",
        answer: quay,
        place: ("repository `team/app`", "team/app"),
        foreign: || {
            json!({"uuid": "u-1", "title": "ci", "event": "repo_push", "method": "webhook",
            "config": {"url": FOREIGN}, "event_config": {}, "number_of_failures": 0})
        },
        spoil: |hook| hook["number_of_failures"] = 10.into(),
    },
    Vendor {
        kind: "docker-hub",
        answer: docker_hub,
        place: ("repository `team/app`", "team/app"),
        foreign: || json!({"name": "ci", "slug": "ci", "webhooks": [{"name": "ci", "hook_url": FOREIGN}]}),
        spoil: |hook| hook["webhooks"] = json!([]),
    },
    Vendor {
        kind: "ghcr",
        answer: ghcr,
        place: ("organisation `team`", "team"),
        foreign: || {
            json!({"id": 1, "name": "web", "active": true, "events": ["*"],
            "config": {"url": FOREIGN, "content_type": "json"}})
        },
        spoil: |hook| hook["config"]["content_type"] = "form".into(),
    },
    Vendor {
        kind: "acr",
        answer: acr,
        place: ("repository `team/app`", "crr-1"),
        foreign: || {
            json!({"TriggerId": "crw-1", "TriggerName": "ci", "TriggerUrl": FOREIGN,
            "TriggerType": "ALL", "TriggerTag": "", "RepoEvent": "PUSH"})
        },
        spoil: |hook| hook["TriggerType"] = "TAG_LIST".into(),
    },
];

fn connect(vendor: &Vendor, origin: &Origin) -> Box<dyn Adapter> {
    let endpoint = Some(origin.address.to_string().parse().unwrap());
    let token = Some(Secret::new(API_TOKEN.to_owned()));
    let api = match vendor.kind {
        "acr" => ApiSettings {
            endpoint,
            token,
            account: Some("LTAI-test".into()),
            region: "cn-hangzhou".into(),
            instance: Some("cri-build".into()),
            ..ApiSettings::default()
        },
        "quay" | "ghcr" => ApiSettings { endpoint, token, ..ApiSettings::default() },
        _ => ApiSettings { endpoint, ..ApiSettings::default() },
    };
    let account = Credentials::new("ci", Secret::new(PASSWORD.to_owned()));
    at(vendor.kind, origin, (vendor.kind != "acr").then_some(account), api)
}

#[tokio::test]
async fn a_hook_is_set_found_mended_and_taken_away() {
    for vendor in &VENDORS {
        let kind = vendor.kind;
        let kept = Kept::default();
        kept.add(vendor.place.1, (vendor.foreign)(), |_, _| ());
        let (answer, server) = (vendor.answer, kept.clone());
        let origin = Origin::start(move |request| answer(&server, request)).await;
        let registry = connect(vendor, &origin);
        let hooks = registry.webhooks().unwrap();
        let entry =
            RepositoryEntry { handle: Some("crr-1".into()), ..RepositoryEntry::named("team/app") };
        let places = hooks.places(&[entry.clone(), entry]);
        let title = vendor.place.0.to_owned();
        assert_eq!(places, [WebhookPlace { title, handle: vendor.place.1.to_owned() }], "{kind}");
        let place = &places[0];
        let ours = |found: Vec<FoundWebhook>| -> Vec<FoundWebhook> {
            found.into_iter().filter(|hook| hook.address != FOREIGN).collect()
        };
        assert_eq!(ours(hooks.hooks_at(place).await.unwrap()), [], "{kind}");

        let first = wanted("a");
        hooks.create_hook(place, &first).await.unwrap();
        let found = ours(hooks.hooks_at(place).await.unwrap());
        assert!(found.len() == 1 && first.is_met_by(&found[0]), "{kind}: {found:?}");
        assert!(!format!("{found:?}").contains(&token("a")), "{kind}");
        assert!(found[0].name == first.name || kind == "ghcr", "{kind}: {}", found[0].name);

        // Somebody else's settings are not ours, and another token is not ours either.
        assert!(!wanted("b").is_met_by(&found[0]), "{kind}");
        kept.spoil(vendor.spoil);
        let spoilt = hooks.hooks_at(place).await.unwrap().pop().unwrap();
        assert!(!first.is_met_by(&spoilt), "{kind}");
        let second = wanted("b");
        hooks.change_hook(place, &spoilt, &second).await.unwrap();
        let found = hooks.hooks_at(place).await.unwrap();
        let met: Vec<_> = found.iter().filter(|hook| second.is_met_by(hook)).collect();
        assert!(found.len() == 2 && met.len() == 1, "{kind}: {found:?}");

        hooks.remove_hook(place, met[0]).await.unwrap();
        let left = kept.at(vendor.place.1);
        assert_eq!(left.len(), 1, "{kind}: the foreign hook stays");
        assert!(!format!("{left:?}").contains("plimsoll"), "{kind}");
        // The secret of the API never goes along in an address.
        let targets: String = origin.requests().iter().map(|one| one.target.clone()).collect();
        assert!(!targets.contains(API_TOKEN) && !targets.contains(PASSWORD), "{kind}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_list_does_not_show_the_tokens_in_it() {
    for vendor in &VENDORS {
        let secret = token("s");
        let body = format!(
            r#"["https://plimsoll.example.com/hooks/build/{secret}", {{"id": "{secret}"}}]"#
        );
        let origin = Origin::start(move |request| match request.path() {
            "/v2/auth/token" => Reply::json(&format!(r#"{{"access_token":"{API_TOKEN}"}}"#)),
            _ => Reply::json(&body),
        })
        .await;
        let registry = connect(vendor, &origin);
        let place = WebhookPlace { title: "here".into(), handle: "team/app".into() };
        let error = registry.webhooks().unwrap().hooks_at(&place).await.unwrap_err();
        assert!(matches!(error, RegistryError::Protocol { .. }), "{}: {error}", vendor.kind);
        assert!(!format!("{error} {error:?}").contains(&token("s")), "{}", vendor.kind);
    }
}

#[tokio::test]
async fn a_kind_without_such_an_api_says_what_to_do_by_hand() {
    for kind in kinds() {
        let api = ApiSettings {
            account: Some("AKIA".into()),
            token: Some(Secret::new(API_TOKEN.into())),
            region: "cn-hangzhou".into(),
            instance: Some("personal".into()),
            endpoint: Some("127.0.0.1:1".parse().unwrap()),
            namespaces: vec!["team".into()],
        };
        let Ok(registry) = adapter(kind.id(), "127.0.0.1:1", None, api) else {
            // What a kind needs besides is the matter of its own tests.
            continue;
        };
        let sets = registry.webhooks().is_some();
        let wanted = ["harbor", "quay", "docker-hub", "ghcr"].contains(&kind.id());
        assert_eq!(sets, wanted, "{}", kind.id());
        assert!(sets || !kind.webhook_by_hand().is_empty(), "{}", kind.id());
    }
}
