//! What every test of the whole server needs: images in a registry, a configuration, patience.

use std::time::Duration;

use plimsoll_image::{ImageBuilder, Layer};
use plimsoll_server::{
    Clock, LoopbackHandle, LoopbackRegistry, ServeConfig, Server,
    operation::{
        images::{ListImages, list_images},
        registries::{AddRegistry, add_registry},
    },
    serve,
};

pub(crate) fn registry() -> LoopbackRegistry {
    let registry = LoopbackRegistry::new();
    let base = Layer::builder("base").file("etc/os-release", b"ID=none\n").build().unwrap();
    for name in ["one", "two", "three"] {
        let own = Layer::builder("COPY").file("srv/name", name.as_bytes()).build().unwrap();
        let platform = "linux/amd64".parse().unwrap();
        let image = ImageBuilder::new(platform).layer(&base).layer(&own).build().unwrap();
        registry.put(&format!("team/{name}"), "1.0", &image);
    }
    registry
}

pub(crate) fn config(folder: &tempfile::TempDir) -> ServeConfig {
    let mut config = ServeConfig::new(folder.path());
    config.listen.set_port(0);
    config
}

/// Adds the registry that is served, as `r`.
pub(crate) async fn add(server: &Server, served: &LoopbackHandle) {
    let request = AddRegistry { name: "r".into(), url: served.url(), ..AddRegistry::default() };
    add_registry(server.store(), &request, Clock::machine().now()).await.unwrap();
}

/// A server that scans nothing, which has found the images of [`registry`].
pub(crate) async fn queued(folder: &tempfile::TempDir, served: &LoopbackHandle) -> Server {
    let mut replica = config(folder);
    replica.workers = 0;
    let server = serve(replica).await.unwrap();
    add(&server, served).await;
    until("three queued scans", async || {
        server.store().task_counts(None).await.unwrap().queued == 3
    })
    .await;
    server
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

pub(crate) async fn scanned(server: &Server) -> usize {
    let list = list_images(server.store(), &ListImages::default()).await.unwrap();
    list.images.iter().filter(|image| image.coverage.is_some()).count()
}
