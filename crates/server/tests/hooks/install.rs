//! Webhooks that the server sets at a Harbor: set once, found again, mended, taken away; and what is pushed then is heard.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, put},
};
use plimsoll_server::{
    Clock, Context, LoopbackRegistry,
    operation::{
        OperationError,
        registries::{AddRegistry, add_registry},
        registry_tokens::{create_registry_token, list_registry_tokens},
        webhooks::{
            InstallWebhook, InstalledWebhook, install_webhook, list_webhooks, remove_webhook,
        },
    },
    router,
};
use plimsoll_store::{Store, TokenPurpose};
use serde_json::{Value, json};

use crate::fixture::{Sender, image};

/// A Harbor of two projects, and what is set in them.
#[derive(Clone, Default)]
struct Harbor {
    policies: Arc<Mutex<Vec<(String, Value)>>>,
    /// Requests that changed something.
    changes: Arc<AtomicU64>,
    /// The project whose policies nobody may see.
    closed: Arc<Mutex<Option<String>>>,
}

type Answer = (StatusCode, Json<Value>);

fn well(body: Value) -> Answer {
    (StatusCode::OK, Json(body))
}

impl Harbor {
    /// With a registry beside its API, at one address.
    async fn serve(&self, registry: &LoopbackRegistry) -> (String, tokio::task::JoinHandle<()>) {
        let projects = json!([
            {"project_id": 1, "name": "shop", "metadata": {"public": "false"}},
            {"project_id": 2, "name": "team", "metadata": {"public": "false"}},
        ]);
        let repositories =
            json!([{"name": "shop/web"}, {"name": "team/app"}, {"name": "team/deep/tool"}]);
        let api = Router::new()
            .route("/projects", get(move || async move { well(projects) }))
            .route("/repositories", get(move || async move { well(repositories) }))
            .route("/projects/{name}/webhook/policies", get(Self::list).post(Self::create))
            .route(
                "/projects/{name}/webhook/policies/{id}",
                put(Self::replace).delete(Self::remove),
            )
            .with_state(self.clone());
        let router = Router::new().nest("/api/v2.0", api).merge(registry.router());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (url, task)
    }

    fn at(&self, project: &str) -> Vec<Value> {
        let policies = self.policies.lock().unwrap();
        policies.iter().filter(|(of, _)| of == project).map(|(_, one)| one.clone()).collect()
    }

    fn changes(&self) -> u64 {
        self.changes.swap(0, Ordering::Relaxed)
    }

    async fn list(State(harbor): State<Self>, Path(project): Path<String>) -> Answer {
        if harbor.closed.lock().unwrap().as_ref() == Some(&project) {
            let said = json!({"errors": [{"code": "FORBIDDEN", "message": "not yours"}]});
            return (StatusCode::FORBIDDEN, Json(said));
        }
        well(harbor.at(&project).into())
    }

    async fn create(
        State(harbor): State<Self>,
        Path(project): Path<String>,
        Json(mut policy): Json<Value>,
    ) -> Answer {
        let id = harbor.changes.fetch_add(1, Ordering::Relaxed) + 100;
        policy["id"] = id.into();
        harbor.policies.lock().unwrap().push((project, policy));
        (StatusCode::CREATED, Json(Value::Null))
    }

    async fn replace(
        State(harbor): State<Self>,
        Path((_, id)): Path<(String, u64)>,
        Json(mut policy): Json<Value>,
    ) -> Answer {
        harbor.changes.fetch_add(1, Ordering::Relaxed);
        policy["id"] = id.into();
        let mut policies = harbor.policies.lock().unwrap();
        let (_, old) = policies.iter_mut().find(|(_, one)| one["id"] == id).unwrap();
        *old = policy;
        well(Value::Null)
    }

    async fn remove(State(harbor): State<Self>, Path((_, id)): Path<(String, u64)>) -> Answer {
        harbor.changes.fetch_add(1, Ordering::Relaxed);
        harbor.policies.lock().unwrap().retain(|(_, one)| one["id"] != id);
        well(Value::Null)
    }
}

const OURS: &str = "https://plimsoll.example.com:7467";

/// A store that knows the Harbor as `build`.
struct Site {
    _folder: tempfile::TempDir,
    harbor: Harbor,
    context: Context,
    _served: tokio::task::JoinHandle<()>,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = LoopbackRegistry::new();
        for repository in ["shop/web", "team/app", "team/deep/tool"] {
            registry.put(repository, "1", &image(repository));
        }
        let harbor = Harbor::default();
        let (url, served) = harbor.serve(&registry).await;
        let store = Store::open(folder.path(), Default::default()).await.unwrap();
        let clock = Clock::fixed("2026-11-25T09:30:00Z".parse().unwrap());
        let request = AddRegistry {
            name: NAME.into(),
            url,
            kind: Some("harbor".into()),
            username: Some("robot$sync".into()),
            password: Some("robots-secret".into()),
            ..AddRegistry::default()
        };
        add_registry(&store, &request, clock.now()).await.unwrap();
        Self { _folder: folder, harbor, context: Context::new(store, clock), _served: served }
    }

    async fn install(&self, url: &str) -> InstalledWebhook {
        let request = InstallWebhook { url: url.to_owned() };
        let Context { store, clock, .. } = &self.context;
        install_webhook(store, NAME, &request, clock).await.unwrap()
    }
}

const NAME: &str = "build";
const BOTH: [&str; 2] = ["project `shop`", "project `team`"];

fn header(policy: &Value) -> String {
    policy["targets"][0]["auth_header"].as_str().unwrap().to_owned()
}

fn token(header: &str) -> &str {
    header.strip_prefix("Bearer ").unwrap()
}

#[tokio::test]
async fn hooks_are_set_once_and_what_they_send_is_let_in() {
    let site = Site::new().await;
    let first = site.install(OURS).await;
    assert_eq!(first.created, BOTH);
    assert_eq!((first.changed.len(), first.unchanged, first.problem_count), (0, 0, 0));
    assert!(first.made_token);
    assert_eq!(first.address, format!("{OURS}/hooks/build"));
    assert_eq!(site.harbor.changes(), 2);
    let policy = site.harbor.at("team").pop().unwrap();
    assert_eq!(policy["name"], "plimsoll-build");
    assert_eq!(policy["enabled"], true);
    assert_eq!(policy["event_types"], json!(["PUSH_ARTIFACT", "DELETE_ARTIFACT"]));
    assert_eq!(policy["targets"][0]["address"], first.address, "the secret is in no address");
    assert_eq!(policy["targets"][0]["skip_cert_verify"], false);
    assert!(!serde_json::to_string(&first).unwrap().contains(token(&header(&policy))));

    // Harbor sends what it was told to, and the server hears it.
    let sender = Sender { router: router(&site.context, None), token: String::new() };
    let pushed = json!({"type": "PUSH_ARTIFACT", "event_data": {
        "resources": [{"tag": "1"}], "repository": {"repo_full_name": "team/app"}}});
    let authorization = header(&policy);
    let headers = [("authorization", authorization.as_str())];
    let (status, answer) = sender.post("/hooks/build", &headers, &pushed.to_string()).await;
    assert_eq!((status, &answer["format"]), (StatusCode::ACCEPTED, &json!("harbor")));

    // Again, and again.
    for _ in 0..2 {
        let again = site.install(&format!("{OURS}/")).await;
        assert_eq!((again.unchanged, again.made_token), (2, false));
        assert!(again.created.is_empty() && again.changed.is_empty());
        assert_eq!(site.harbor.changes(), 0, "a second run changes nothing");
    }
    let listed = list_webhooks(&site.context.store, NAME, &site.context.clock).await.unwrap();
    let places: Vec<&str> = listed.webhooks.iter().map(|hook| hook.at.as_str()).collect();
    assert_eq!(places, BOTH);
    assert!(listed.webhooks.iter().all(|hook| hook.is_let_in && hook.is_whole));
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_mended_and_what_is_others_stays() {
    let site = Site::new().await;
    let foreign = json!({"id": 1, "name": "ci", "enabled": true, "event_types": ["PUSH_ARTIFACT"],
        "targets": [{"type": "http", "address": "https://ci.example.com", "auth_header": "x"}]});
    site.harbor.policies.lock().unwrap().push(("team".into(), foreign.clone()));
    site.install(OURS).await;
    let stands = header(&site.harbor.at("shop")[0]);

    // Somebody switched one off: it alone is written again, with the token that stands.
    site.harbor.changes();
    for (project, policy) in site.harbor.policies.lock().unwrap().iter_mut() {
        if project == "team" && policy["name"] != "ci" {
            policy["enabled"] = false.into();
        }
    }
    let mended = site.install(OURS).await;
    assert_eq!((mended.changed, mended.unchanged), (vec![BOTH[1].to_owned()], 1));
    assert!(!mended.made_token);
    assert_eq!(site.harbor.changes(), 1);
    assert_eq!(header(&site.harbor.at("team")[1]), stands);

    // The server moved: all of them are told.
    let moved = site.install("https://other.example.com").await;
    assert_eq!((moved.changed.len(), moved.made_token), (2, false));
    let address = &site.harbor.at("shop")[0]["targets"][0]["address"];
    assert_eq!(*address, "https://other.example.com/hooks/build");

    // Somebody made another token, so that the one at the registry is of no use.
    let now = site.context.clock.now();
    create_registry_token(&site.context.store, NAME, "hook", now).await.unwrap();
    let listed = list_webhooks(&site.context.store, NAME, &site.context.clock).await.unwrap();
    assert!(listed.webhooks.iter().all(|hook| !hook.is_let_in));
    let renewed = site.install("https://other.example.com").await;
    assert_eq!((renewed.changed.len(), renewed.made_token), (2, true));
    let fresh = header(&site.harbor.at("shop")[0]);
    assert_ne!(fresh, stands);
    let bearer = site.context.store.bearer_of(token(&fresh), TokenPurpose::Hook).await;
    assert_eq!(bearer.unwrap().unwrap().registry, NAME);

    // Two of ours at one place are one too many.
    let copy = site.harbor.at("team").pop().map(|mut policy| {
        policy["id"] = 999.into();
        policy
    });
    site.harbor.policies.lock().unwrap().push(("team".into(), copy.unwrap()));
    assert_eq!(site.install("https://other.example.com").await.changed, [BOTH[1]]);
    assert_eq!(site.harbor.at("team").len(), 2);

    let removed = remove_webhook(&site.context.store, NAME, &site.context.clock).await.unwrap();
    assert_eq!((removed.removed, removed.problems), (BOTH.map(str::to_owned).to_vec(), vec![]));
    assert_eq!(site.harbor.at("team"), [foreign]);
    assert!(site.harbor.at("shop").is_empty());
    let tokens = list_registry_tokens(&site.context.store, NAME).await.unwrap();
    assert_eq!(tokens.tokens.len(), 1, "the token stays until somebody takes it back");
}

#[tokio::test]
async fn a_place_that_cannot_be_asked_is_named_and_the_others_are_done() {
    let site = Site::new().await;
    *site.harbor.closed.lock().unwrap() = Some("shop".into());
    let done = site.install(OURS).await;
    assert_eq!((done.created, done.problem_count), (vec![BOTH[1].to_owned()], 1));
    assert_eq!(done.problems[0].at, BOTH[0]);
    assert!(done.problems[0].why.contains("FORBIDDEN not yours"), "{:?}", done.problems);
    assert!(!format!("{:?}", done.problems).contains("robots-secret"));
}

#[tokio::test]
async fn a_registry_without_such_an_api_says_what_to_do_by_hand() {
    let site = Site::new().await;
    let Context { store, clock, .. } = &site.context;
    let plain = AddRegistry {
        name: "plain".into(),
        url: "http://127.0.0.1:1".into(),
        repositories: vec!["team/app".into()],
        ..AddRegistry::default()
    };
    add_registry(store, &plain, clock.now()).await.unwrap();
    let request = InstallWebhook { url: OURS.into() };
    let error = install_webhook(store, "plain", &request, clock).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, OperationError::Invalid { parameter: "registry", .. }), "{text}");
    assert!(text.contains("notifications.endpoints") && text.contains("token create plain hook"));
    let none = list_registry_tokens(store, "plain").await.unwrap();
    assert!(none.tokens.is_empty(), "nothing was made for nothing");
    for url in
        ["ftp://plimsoll.example.com", "https://me:secret@plimsoll.example.com", "https://a/b"]
    {
        let request = InstallWebhook { url: url.into() };
        let error = install_webhook(store, NAME, &request, clock).await.unwrap_err().to_string();
        assert!(error.starts_with("`url`") && !error.contains("secret@"), "{error}");
    }
    assert_eq!(site.harbor.changes(), 0);
}
