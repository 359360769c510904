//! An API server that holds pods, replica sets, jobs and nodes, and can be made to fail.
//!
//! In: objects, and what is to go wrong. Out: an address, and what was asked. Source: Kubernetes, "API concepts" (lists in pages,
//! watches, bookmarks, 410).

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub(super) const PODS: &str = "/api/v1/pods";
pub(super) const NODES: &str = "/api/v1/nodes";
pub(super) const REPLICA_SETS: &str = "/apis/apps/v1/replicasets";
pub(super) const JOBS: &str = "/apis/batch/v1/jobs";
pub(super) const TOKEN: &str = "the-token-of-a-service-account";
pub(super) const UID: &str = "80f79959-fd72-4a88-8e11-87779b130001";

/// The server's state; cheap to clone.
#[derive(Clone)]
pub(super) struct World {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<watch::Sender<u64>>,
}

#[derive(Default)]
struct Inner {
    version: u64,
    objects: BTreeMap<&'static str, BTreeMap<String, Value>>,
    events: Vec<(u64, &'static str, Value)>,
    /// Events up to this one are forgotten.
    forgotten: u64,
    /// Whether 410 is said by the status of a watch, or by its first event.
    gone_by_status: bool,
    forbidden: Vec<&'static str>,
    /// Raised to end all watches.
    cuts: u64,
    token: String,
    asked: Vec<String>,
}

/// A server that ends when it is dropped.
pub(super) struct Served {
    pub(super) url: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    pub(super) fn new() -> Self {
        let inner = Inner { version: 1, token: TOKEN.to_owned(), ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)), changed: Arc::new(watch::channel(0).0) }
    }

    fn edit<T>(&self, edit: impl FnOnce(&mut Inner) -> T) -> T {
        let done = edit(&mut self.inner.lock().unwrap());
        self.changed.send_modify(|number| *number += 1);
        done
    }

    /// Adds an object or changes it.
    pub(super) fn put(&self, path: &'static str, mut object: Value) {
        self.edit(|inner| {
            inner.version += 1;
            object["metadata"]["resourceVersion"] = json!(inner.version.to_string());
            let known = inner.objects.entry(path).or_default().insert(key(&object), object.clone());
            let kind = if known.is_some() { "MODIFIED" } else { "ADDED" };
            let event = json!({ "type": kind, "object": object });
            inner.events.push((inner.version, path, event));
        });
    }

    /// Removes an object; with `unseen` no watch tells of it.
    pub(super) fn remove(&self, path: &'static str, name: &str, unseen: bool) {
        self.edit(|inner| {
            inner.version += 1;
            let version = inner.version;
            let mut object = inner.objects.entry(path).or_default().remove(name).unwrap();
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            if !unseen {
                let event = json!({ "type": "DELETED", "object": object });
                inner.events.push((version, path, event));
            }
        });
    }

    /// A bookmark on every watch of a path.
    pub(super) fn bookmark(&self, path: &'static str) {
        self.edit(|inner| {
            inner.version += 1;
            let version = inner.version.to_string();
            let object = json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "resourceVersion": version } });
            let event = json!({ "type": "BOOKMARK", "object": object });
            inner.events.push((inner.version, path, event));
        });
    }

    /// Forgets all events so far, so that no watch can go on from before.
    pub(super) fn forget(&self, gone_by_status: bool) {
        self.edit(|inner| {
            inner.version += 1;
            inner.forgotten = inner.version;
            inner.gone_by_status = gone_by_status;
        });
    }

    /// Ends all watches in the middle.
    pub(super) fn cut(&self) {
        self.edit(|inner| inner.cuts += 1);
    }

    pub(super) fn forbid(&self, paths: &[&'static str]) {
        self.edit(|inner| inner.forbidden = paths.to_vec());
    }

    pub(super) fn set_token(&self, token: &str) {
        self.edit(|inner| inner.token = token.to_owned());
    }

    /// Requests so far that contain a text.
    pub(super) fn asked(&self, text: &str) -> usize {
        let inner = self.inner.lock().unwrap();
        inner.asked.iter().filter(|asked| asked.contains(text)).count()
    }

    pub(super) fn router(&self) -> Router {
        Router::new()
            .route("/version", get(version))
            .route("/api/v1/namespaces/{name}", get(namespace))
            .fallback(get(list_or_watch))
            .with_state(self.clone())
    }

    pub(super) async fn serve(&self) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = self.router();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Served { url, task }
    }

    /// Whether the caller is known; otherwise what it is told.
    fn admit(&self, headers: &HeaderMap, uri: &Uri) -> Option<Response> {
        let mut inner = self.inner.lock().unwrap();
        inner.asked.push(uri.to_string());
        let given = headers.get("authorization").and_then(|value| value.to_str().ok());
        if given != Some(format!("Bearer {}", inner.token).as_str()) {
            return Some(refused(StatusCode::UNAUTHORIZED, "Unauthorized"));
        }
        if inner.forbidden.contains(&uri.path()) {
            let message = "User \"system:serviceaccount:plimsoll:plimsoll\" cannot list this";
            return Some(refused(StatusCode::FORBIDDEN, message));
        }
        None
    }
}

/// Namespace and name, as in [`World::remove`].
fn key(object: &Value) -> String {
    let metadata = &object["metadata"];
    match metadata["namespace"].as_str() {
        Some(namespace) => format!("{namespace}/{}", metadata["name"].as_str().unwrap()),
        None => metadata["name"].as_str().unwrap().to_owned(),
    }
}

fn refused(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(failure(status.as_u16(), message))).into_response()
}

fn failure(code: u16, message: &str) -> Value {
    let reason = if code == 410 { "Expired" } else { "Forbidden" };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

async fn version(State(world): State<World>, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(refused) = world.admit(&headers, &uri) {
        return refused;
    }
    axum::Json(json!({
        "major": "1", "minor": "33", "gitVersion": "v1.33.2", "gitCommit": "x", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.26", "compiler": "gc", "platform": "linux/amd64",
    }))
    .into_response()
}

async fn namespace(
    State(world): State<World>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = world.admit(&headers, &uri) {
        return refused;
    }
    assert_eq!(name, "kube-system");
    axum::Json(json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": { "name": name, "uid": UID, "resourceVersion": "1" },
    }))
    .into_response()
}

async fn list_or_watch(
    State(world): State<World>,
    Query(query): Query<BTreeMap<String, String>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = world.admit(&headers, &uri) {
        return refused;
    }
    let Some(path) = [PODS, NODES, REPLICA_SETS, JOBS].into_iter().find(|path| *path == uri.path())
    else {
        return refused(StatusCode::NOT_FOUND, "the server could not find the requested resource");
    };
    if query.get("watch").is_some_and(|word| word == "true" || word == "1") {
        return watched(&world, path, query["resourceVersion"].parse().unwrap());
    }
    let inner = world.inner.lock().unwrap();
    let none = BTreeMap::new();
    let objects = inner.objects.get(path).unwrap_or(&none);
    let limit: usize = query.get("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
    let from: usize = query.get("continue").map_or(0, |from| from.parse().unwrap());
    let items: Vec<&Value> = objects.values().skip(from).take(limit).collect();
    let mut metadata = json!({ "resourceVersion": inner.version.to_string() });
    if from + items.len() < objects.len() {
        metadata["continue"] = json!((from + items.len()).to_string());
    }
    axum::Json(json!({ "kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items }))
        .into_response()
}

fn watched(world: &World, path: &'static str, from: u64) -> Response {
    let (gone, by_status, cuts) = {
        let inner = world.inner.lock().unwrap();
        (from < inner.forgotten, inner.gone_by_status, inner.cuts)
    };
    let too_old = "too old resource version";
    if gone && by_status {
        return refused(StatusCode::GONE, too_old);
    }
    if gone {
        let event = json!({ "type": "ERROR", "object": failure(410, too_old) });
        return Body::from(format!("{event}\n")).into_response();
    }
    let changed = world.changed.subscribe();
    let events = stream::unfold(
        (world.clone(), changed, from),
        move |(world, mut changed, mut seen)| async move {
            loop {
                let (next, is_cut) = {
                    let inner = world.inner.lock().unwrap();
                    let next =
                        inner.events.iter().find(|(number, of, _)| *of == path && *number > seen);
                    (next.cloned(), inner.cuts != cuts)
                };
                if is_cut {
                    let cut = io::Error::other("cut");
                    return Some((Err(cut), (world, changed, u64::MAX)));
                }
                if let Some((number, _, event)) = next {
                    seen = number;
                    return Some((Ok(format!("{event}\n")), (world, changed, seen)));
                }
                if changed.changed().await.is_err() {
                    return None;
                }
            }
        },
    );
    Body::from_stream(events).into_response()
}

/// A pod of a replica set, with one container.
pub(super) fn pod(name: &str, image: &str, digest: Option<&str>) -> Value {
    let replica_set = name.rsplit_once('-').unwrap().0;
    let image_id = digest.map(|hex| format!("registry.test/team/app@sha256:{hex}"));
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2026-12-01T03:00:00Z",
            "labels": { "app": "not this" },
            "ownerReferences": [
                { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set, "uid": "r", "controller": true }
            ],
            "managedFields": [{ "manager": "kubelet", "operation": "Update" }],
        },
        "spec": {
            "nodeName": "node-1",
            "containers": [{ "name": "main", "image": image, "env": [{ "name": "PASSWORD", "value": "hunter2" }] }],
        },
        "status": {
            "phase": "Running", "podIP": "10.1.2.3", "hostIP": "192.0.2.7",
            "containerStatuses": [{
                "name": "main", "image": image, "imageID": image_id.unwrap_or_default(), "ready": true,
                "restartCount": 0, "containerID": "containerd://0123456789abcdef",
                "state": { "running": { "startedAt": "2026-12-01T03:00:05Z" } },
            }],
        },
    })
}

/// A replica set of a deployment.
pub(super) fn replica_set(name: &str, deployment: &str) -> Value {
    json!({
        "kind": "ReplicaSet", "apiVersion": "apps/v1",
        "metadata": {
            "name": name, "namespace": "shop", "uid": name,
            "ownerReferences": [
                { "apiVersion": "apps/v1", "kind": "Deployment", "name": deployment, "uid": "d", "controller": true }
            ],
        },
    })
}

/// A node of a platform.
pub(super) fn node(name: &str, architecture: &str) -> Value {
    json!({
        "kind": "Node", "apiVersion": "v1", "metadata": { "name": name, "uid": name }, "spec": {},
        "status": { "nodeInfo": { "architecture": architecture, "operatingSystem": "linux" } },
    })
}
