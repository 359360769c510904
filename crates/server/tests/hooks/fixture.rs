//! A registry, a server that knows it, and a sender of webhooks.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::BodyExt;
use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_server::{
    Clock, Context, LoopbackHandle, LoopbackRegistry, ServeConfig, Server,
    operation::{
        images::{ImageView, ListImages, list_images},
        registries::{AddRegistry, add_registry},
        registry_tokens::create_registry_token,
    },
    router, serve,
};
use plimsoll_store::{Store, StoreOptions};
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) struct Fixture {
    folder: tempfile::TempDir,
    pub(crate) registry: LoopbackRegistry,
    served: LoopbackHandle,
    repositories: Vec<String>,
}

impl Fixture {
    pub(crate) async fn new(repositories: &[&str]) -> Self {
        let registry = LoopbackRegistry::new();
        let served = registry.serve().await.unwrap();
        let repositories = repositories.iter().map(|name| (*name).to_owned()).collect();
        Self { folder: tempfile::tempdir().unwrap(), registry, served, repositories }
    }

    /// A whole server that scans nothing and syncs nothing by itself.
    pub(crate) async fn server(&self) -> Server {
        let mut config = ServeConfig::new(self.folder.path());
        config.listen.set_port(0);
        config.workers = 0;
        config.sync_interval = None;
        serve(config).await.unwrap()
    }

    /// A hook of a whole server: what it sends is followed.
    pub(crate) async fn hook(&self, server: &Server) -> Sender {
        let context = Context::new(server.store().clone(), Clock::machine());
        self.sender(&context).await
    }

    /// A server that receives and follows nothing, at a time that stands.
    pub(crate) async fn without_jobs(&self) -> (Context, Sender) {
        let store = Store::open(self.folder.path(), StoreOptions::default()).await.unwrap();
        let clock = Clock::fixed("2026-11-25T09:30:00Z".parse().unwrap());
        let context = Context::new(store, clock);
        let sender = self.sender(&context).await;
        (context, sender)
    }

    async fn sender(&self, context: &Context) -> Sender {
        let request = AddRegistry {
            name: "r".into(),
            url: self.served.url(),
            repositories: self.repositories.clone(),
            ..AddRegistry::default()
        };
        let now = context.clock.now();
        add_registry(&context.store, &request, now).await.unwrap();
        let created = create_registry_token(&context.store, "r", "hook", now).await.unwrap();
        assert_eq!(created.path, format!("/hooks/r/{}", created.token));
        Sender { router: router(context, None), token: created.token }
    }

    async fn images(&self, server: &Server) -> Vec<ImageView> {
        list_images(server.store(), &ListImages::default()).await.unwrap().images
    }

    pub(crate) async fn tags(&self, server: &Server) -> Vec<String> {
        let images = self.images(server).await;
        let mut tags: Vec<String> = images
            .iter()
            .map(|image| format!("{}/{}:{}", image.namespace, image.repository, image.tag))
            .collect();
        tags.sort();
        tags
    }

    pub(crate) async fn digests(&self, server: &Server) -> Vec<String> {
        self.images(server).await.iter().map(|image| image.manifest_digest.to_string()).collect()
    }

    /// Whether every hint was followed.
    pub(crate) async fn is_idle(&self, server: &Server) -> bool {
        server.store().open_hints().await.unwrap() == 0
    }
}

/// Sends webhooks, without a network.
pub(crate) struct Sender {
    pub(crate) router: Router,
    pub(crate) token: String,
}

impl Sender {
    pub(crate) async fn send(&self, body: &Value) -> (StatusCode, Value) {
        self.post(&format!("/hooks/r/{}", self.token), &[], &body.to_string()).await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method("POST").uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 9], 1))));
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}

/// What the distribution registry sends; the digest is made up.
pub(crate) fn pushed(repository: &str, tag: &str) -> Value {
    json!({ "events": [{ "action": "push", "target": {
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "repository": repository, "tag": tag,
        "digest": format!("sha256:{}", "f".repeat(64))
    } }] })
}

pub(crate) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))
}

pub(crate) fn image(text: &str) -> BuiltImage {
    let layer = Layer::builder("COPY").file("srv/text", text.as_bytes()).build().unwrap();
    ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap()
}

/// Waits for the server's own work, which no test can order; it gives up after half a minute.
pub(crate) async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    for _ in 0..1500 {
        if reached().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} was not reached");
}
