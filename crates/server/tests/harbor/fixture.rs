//! A registry that lets nobody in but the robot of one scan, and a server whose scanner knows it.

use std::{path::Path, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use plimsoll_advisory::{ImportOptions, import};
use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_server::{
    LoopbackRegistry, ServeConfig, Server,
    operation::{
        feed::feed_path,
        registries::{AddRegistry, add_registry},
        registry_tokens::create_registry_token,
    },
    serve,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::{DOCKER_MANIFEST, HarborClient};

/// The robot that Harbor makes for one scan.
pub(crate) const ROBOT: &str = "robot$library+scanner-7f";
pub(crate) const SECRET: &str = "s3cret-of-one-scan";
/// A token that goes to the registry as it is.
pub(crate) const JWT: &str = "eyJhbGciOiJub25lIn0.e30.x";

pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) image: BuiltImage,
    pub(crate) url: String,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let image = image();
        let registry = LoopbackRegistry::new();
        registry.put("library/app", "1.0", &image);
        let url = serve_guarded(registry).await;
        let folder = tempfile::tempdir().unwrap();
        write_feed(folder.path());
        Self { folder, image, url }
    }

    pub(crate) async fn server(&self, workers: usize) -> Server {
        let mut config = ServeConfig::new(self.folder.path());
        config.listen.set_port(0);
        config.workers = workers;
        config.sync_interval = None;
        serve(config).await.unwrap()
    }

    /// Registers the registry under a name, and makes the token of its scanner.
    pub(crate) async fn register(&self, server: &Server, name: &str, url: &str) -> String {
        let request = AddRegistry { name: name.into(), url: url.into(), ..AddRegistry::default() };
        let now = "2026-11-25T09:30:00Z".parse().unwrap();
        add_registry(server.store(), &request, now).await.unwrap();
        let created = create_registry_token(server.store(), name, "scanner", now).await.unwrap();
        assert_eq!(created.path, "/harbor");
        created.token
    }

    pub(crate) async fn client(&self, server: &Server) -> HarborClient {
        let token = self.register(server, "harbor", &self.url).await;
        HarborClient::bearer(server.address(), &token)
    }

    /// A request as Harbor sends it.
    pub(crate) fn request(&self) -> Value {
        json!({
            "registry": { "url": self.url, "authorization": basic(ROBOT, SECRET), "insecure": false },
            "artifact": {
                "namespace_id": 1,
                "repository": "library/app",
                "tag": "1.0",
                "digest": self.image.manifest_digest.to_string(),
                "mime_type": DOCKER_MANIFEST,
                "size": 1234
            }
        })
    }

    /// Every byte that the server has on disk.
    pub(crate) fn on_disk(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    bytes.extend(std::fs::read(path).unwrap());
                }
            }
        }
        bytes
    }
}

pub(crate) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))
}

/// An Alpine image whose busybox an advisory speaks of.
fn image() -> BuiltImage {
    let release = b"ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n";
    let installed =
        "P:musl\nV:1.2.5-r0\nA:x86_64\no:musl\n\nP:busybox\nV:1.36.1-r28\nA:x86_64\no:busybox\n\n";
    let base = Layer::builder("base")
        .file("etc/os-release", release)
        .file("etc/alpine-release", b"3.20.3\n")
        .file("lib/apk/db/installed", installed.as_bytes())
        .build()
        .unwrap();
    ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&base).build().unwrap()
}

fn write_feed(data: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let record = r#"{"schema_version":"1.7.0","id":"CVE-2026-1","modified":"2026-11-01T00:00:00Z",
        "published":"2026-01-05T00:00:00Z","summary":"busybox reads too far",
        "references":[{"type":"ADVISORY","url":"https://advisories.example/CVE-2026-1"}],
        "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected":[{"package":{"ecosystem":"Alpine:v3.20","name":"busybox"},
        "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.36.1-r29"}]}]}]}"#;
    std::fs::write(folder.path().join("CVE-2026-1.json"), record).unwrap();
    let paths = [folder.path().to_owned()];
    import(&paths, &feed_path(data), &ImportOptions::default(), &mut |_| {}).unwrap();
}

/// The registry behind a guard; returns its address.
async fn serve_guarded(registry: LoopbackRegistry) -> String {
    let guarded: Router = registry.router().layer(middleware::from_fn(guard));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, guarded).await.unwrap() });
    url
}

async fn guard(request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let wanted = [basic(ROBOT, SECRET), format!("Bearer {JWT}")];
    if given.is_some_and(|given| wanted.iter().any(|wanted| wanted == given)) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"harbor\"")];
    let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized"}]}"#;
    (StatusCode::UNAUTHORIZED, challenge, body).into_response()
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
