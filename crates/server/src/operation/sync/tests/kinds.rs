//! Syncs of registries whose own API tells more than the protocol: Harbor's and Alibaba Cloud's, before images of this
//! process.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Query, Request, State},
    http::{StatusCode, Uri},
    middleware::{self, Next},
    routing::get,
};
use plimsoll_store::{Hint, NetType, RepoType};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::*;

/// What the API tells: repository, tag, digest, whether it is immutable.
type Told = Arc<Mutex<Vec<(String, String, String, bool)>>>;

/// An API before a registry; it ends with the value.
struct Served {
    registry: LoopbackRegistry,
    told: Told,
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Served {
    async fn start(api: impl FnOnce(Told) -> Router) -> Self {
        let (registry, told) = (LoopbackRegistry::new(), Told::default());
        let router = api(Arc::clone(&told)).merge(registry.router());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { registry, told, url, task }
    }

    /// Puts an image under a tag, in the registry and in what the API tells.
    fn put(&self, repository: &str, tag: &str, image: &BuiltImage) {
        self.registry.put(repository, tag, image);
        self.remove(repository, tag);
        let digest = image.manifest_digest.to_string();
        let is_immutable = tag.starts_with('v');
        let entry = (repository.to_owned(), tag.to_owned(), digest, is_immutable);
        self.told.lock().unwrap().push(entry);
    }

    fn remove(&self, repository: &str, tag: &str) {
        self.told
            .lock()
            .unwrap()
            .retain(|(path, name, ..)| (path.as_str(), name.as_str()) != (repository, tag));
    }

    async fn add(&self, store: &Store, clock: &Clock, request: AddRegistry) {
        let request = AddRegistry { name: "r".into(), url: self.url.clone(), ..request };
        add_registry(store, &request, clock.now()).await.unwrap();
    }
}

fn repositories(told: &Told) -> Vec<String> {
    let all: std::collections::BTreeSet<String> =
        told.lock().unwrap().iter().map(|(path, ..)| path.clone()).collect();
    all.into_iter().collect()
}

/// Harbor with one public project, `team`.
fn harbor(told: Told) -> Router {
    async fn projects() -> Json<Value> {
        Json(json!([{"project_id": 1, "name": "team", "metadata": {"public": "true"}}]))
    }
    async fn list(State(told): State<Told>) -> Json<Value> {
        let all = repositories(&told).into_iter().map(|name| json!({"id": 1, "name": name}));
        Json(all.collect())
    }
    async fn artifacts(State(told): State<Told>, uri: Uri) -> Json<Value> {
        let name = uri.path().split('/').nth(6).unwrap_or_default().replace("%252F", "/");
        let wanted = format!("team/{name}");
        let artifact = |(path, tag, digest, immutable): &(String, String, String, bool)| {
            (*path == wanted).then(|| {
                json!({"type": "IMAGE", "digest": digest, "push_time": "2026-11-01T10:00:00.000Z",
                    "tags": [{"name": tag, "immutable": immutable}]})
            })
        };
        Json(told.lock().unwrap().iter().filter_map(artifact).collect())
    }
    Router::new()
        .route("/api/v2.0/projects", get(projects))
        .route("/api/v2.0/repositories", get(list))
        .route("/api/v2.0/projects/team/repositories/{name}/artifacts", get(artifacts))
        .with_state(told)
}

fn of_kind(kind: &str) -> AddRegistry {
    AddRegistry { kind: Some(kind.into()), ..AddRegistry::default() }
}

#[tokio::test]
async fn where_the_list_has_digests_only_what_is_new_is_asked_for() {
    let (_folder, store, clock) = store().await;
    let harbor = Served::start(harbor).await;
    let one = image("one");
    for number in 0..80 {
        harbor.put(&format!("team/app{}", number % 4), &format!("v{number}"), &one);
    }
    harbor.put("team/deep/app", "latest", &one);
    let account = AddRegistry {
        username: Some("robot$sync".into()),
        password: Some("x".into()),
        ..of_kind("harbor")
    };
    harbor.add(&store, &clock, account).await;
    let first = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((first.added, first.problem_count, first.repositories), (81, 0, 5), "{first:?}");
    let id = store.registry("r").await.unwrap().unwrap().id;
    let images = store.images_of_repository(id, "team/app1").await.unwrap();
    assert!(images.iter().all(|one| one.tag_immutable && one.repo_type == RepoType::Public));
    assert_eq!(images[0].updated.to_string(), "2026-11-01T10:00:00Z");

    harbor.registry.take_requests();
    let second = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((second.unchanged, second.updated), (81, 0));
    assert_eq!(harbor.registry.take_requests(), Vec::<String>::new());

    harbor.put("team/app1", "v1", &image("two"));
    harbor.remove("team/app2", "v2");
    harbor.remove("team/deep/app", "latest");
    let third = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((third.updated, third.removed, third.unchanged), (1, 2, 78), "{third:?}");
    // The manifest of the one that moved, and its configuration.
    assert_eq!(harbor.registry.take_requests().len(), 2);
}

#[tokio::test]
async fn patterns_decide_what_is_looked_at_and_what_they_leave_out_vanishes() {
    let (_folder, store, clock) = store().await;
    let harbor = Served::start(harbor).await;
    for (path, tag) in
        [("team/app", "v1"), ("team/app", "dev"), ("team/cache", "v1"), ("team/web", "v1")]
    {
        harbor.put(path, tag, &image(path));
    }
    let request = AddRegistry {
        include: vec!["team/app:v*".into(), "team/web".into(), "team/c*".into()],
        exclude: vec!["*/cache".into()],
        ..of_kind("harbor")
    };
    harbor.add(&store, &clock, request).await;
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.images, report.repositories), (2, 2), "{report:?}");
    let id = store.registry("r").await.unwrap().unwrap().id;
    let mut settings = store.registry("r").await.unwrap().unwrap().settings;
    settings.adapter.exclude.push("team/web".into());
    store.update_registry(&settings, clock.now()).await.unwrap();
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.removed, report.unchanged), (1, 1), "{report:?}");
    let tags = store.images_of_repository(id, "team/app").await.unwrap();
    assert_eq!(tags.iter().map(|image| image.tag.as_str()).collect::<Vec<_>>(), ["v1"]);
}

/// An instance of Alibaba Cloud; signatures are another test's matter.
fn acr(told: Told) -> Router {
    async fn answer(
        State(told): State<Told>,
        Query(query): Query<std::collections::BTreeMap<String, String>>,
    ) -> Json<Value> {
        let action = query.get("Action").map(String::as_str).unwrap_or_default();
        Json(match action {
            "ListRepository" => {
                let entry = |(number, path): (usize, String)| {
                    let (namespace, name) = path.split_once('/').unwrap();
                    json!({"RepoId": format!("crr-{number}"), "RepoName": name, "RepoNamespaceName": namespace,
                        "RepoType": "PRIVATE", "TagImmutability": true})
                };
                let all: Vec<Value> =
                    repositories(&told).into_iter().enumerate().map(entry).collect();
                json!({"IsSuccess": true, "TotalCount": all.len().to_string(), "Repositories": all})
            }
            "ListRepoTag" => {
                let number: usize = query["RepoId"].strip_prefix("crr-").unwrap().parse().unwrap();
                let path = repositories(&told).remove(number);
                let of_it = |(own, tag, digest, _): &(String, String, String, bool)| {
                    let digest = digest.strip_prefix("sha256:");
                    (*own == path).then(
                        || json!({"Tag": tag, "Digest": digest, "ImageUpdate": "1700000000000"}),
                    )
                };
                let all: Vec<Value> = told.lock().unwrap().iter().filter_map(of_it).collect();
                json!({"IsSuccess": true, "TotalCount": all.len().to_string(), "Images": all})
            }
            "GetAuthorizationToken" => {
                let is_short = query["InstanceId"] == "cri-short";
                let end = if is_short { 1 } else { 4_000_000_000_000_i64 };
                json!({"IsSuccess": true, "TempUsername": "cr_temp_user", "AuthorizationToken": "t", "ExpireTime": end})
            }
            "ListInstanceEndpoint" => {
                json!({"IsSuccess": true, "Endpoints": [{"EndpointType": "internet",
                "Enable": true, "Domains": [{"Domain": "build-registry.cn-hangzhou.cr.aliyuncs.com"}]}]})
            }
            _ => json!({"IsSuccess": true, "Enable": true,
                "Domains": ["build-registry-vpc.cn-hangzhou.cr.aliyuncs.com"]}),
        })
    }
    Router::new().route("/", get(answer)).with_state(told)
}

fn instance(acr: &Served, id: &str) -> AddRegistry {
    AddRegistry {
        api_url: Some(acr.url.clone()),
        api_account: Some("LTAI".into()),
        api_token: Some("s3cret".into()),
        instance: Some(id.into()),
        region_id: "cn-hangzhou".into(),
        ..of_kind("acr")
    }
}

#[tokio::test]
async fn an_account_that_ends_during_a_sync_is_fetched_anew() {
    let (_folder, store, clock) = store().await;
    let fetched = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fetched);
    let count = move |request: Request, next: Next| {
        let query = request.uri().query().unwrap_or_default();
        if query.contains("Action=GetAuthorizationToken") {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        next.run(request)
    };
    let acr = Served::start(|told| acr(told).layer(middleware::from_fn(count))).await;
    for name in ["team/a", "team/b", "team/c"] {
        acr.put(name, "v1", &image("one"));
    }
    acr.add(&store, &clock, instance(&acr, "cri-short")).await;
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.images, report.problem_count), (3, 0), "{report:?}");
    assert!(fetched.load(Ordering::Relaxed) > 3, "once for each repository at least");
}

/// Docker Hub with one official image, whose API is away while it has none.
fn hub(told: Told) -> Router {
    async fn repository(State(told): State<Told>) -> Result<Json<Value>, StatusCode> {
        if told.lock().unwrap().is_empty() {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Ok(Json(json!({"name": "nginx", "namespace": "library", "is_private": false})))
    }
    async fn tags(State(told): State<Told>) -> Json<Value> {
        let tag = |(_, tag, digest, _): &(String, String, String, bool)| json!({"name": tag, "digest": digest});
        let all: Vec<Value> = told.lock().unwrap().iter().map(tag).collect();
        Json(json!({"next": null, "results": all}))
    }
    Router::new()
        .route("/v2/namespaces/library/repositories/nginx", get(repository))
        .route("/v2/namespaces/library/repositories/nginx/tags", get(tags))
        .with_state(told)
}

#[tokio::test]
async fn an_official_image_is_kept_by_its_whole_name_while_the_api_is_away() {
    let (_folder, store, clock) = store().await;
    let hub = Served::start(hub).await;
    hub.put("library/nginx", "1", &image("one"));
    let request = AddRegistry {
        api_url: Some(hub.url.clone()),
        repositories: vec!["nginx".into()],
        ..of_kind("docker-hub")
    };
    hub.add(&store, &clock, request).await;
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.added, report.problem_count), (1, 0), "{report:?}");
    hub.remove("library/nginx", "1");
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.removed, report.problem_count), (0, 1), "{report:?}");

    // A webhook says the whole name.
    hub.put("library/nginx", "2", &image("two"));
    let id = store.registry("r").await.unwrap().unwrap().id;
    let hint = Hint { path: "library/nginx".into(), tag: Some("2".into()) };
    let outcome = sync_place(&store, id, Some(&hint), &clock).await.unwrap();
    assert_eq!(outcome.unwrap().added, 1);
}

#[tokio::test]
async fn an_instances_ids_and_endpoints_are_kept_with_its_images() {
    let (_folder, store, clock) = store().await;
    let acr = Served::start(acr).await;
    acr.put("team/app", "v1", &image("one"));
    acr.put("team/app", "latest", &image("one"));
    acr.add(&store, &clock, instance(&acr, "cri-1")).await;
    let report = sync_registry(&store, "r", &clock).await.unwrap();
    assert_eq!((report.images, report.problem_count), (2, 0), "{report:?}");
    let registry = store.registry("r").await.unwrap().unwrap();
    assert_eq!(registry.settings.reported_type, "acr");
    let sides: Vec<NetType> = registry.endpoints.iter().map(|one| one.net_type).collect();
    assert_eq!(sides, [NetType::Internet, NetType::Intranet]);
    let images = store.images_of_repository(registry.id, "team/app").await.unwrap();
    let tags: Vec<(&str, bool)> =
        images.iter().map(|one| (one.tag.as_str(), one.tag_immutable)).collect();
    assert_eq!(tags, [("latest", false), ("v1", true)]);
    assert!(images.iter().all(|one| one.repo_id == "crr-0" && one.repo_type == RepoType::Private));
}
