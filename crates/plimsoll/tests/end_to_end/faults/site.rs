//! A site of a server and a worker, each a process, with a registry in this one.
//!
//! In: where its database is, how many images. Out: processes to kill, and calls to the server. Odd: the server's port stays the
//! same over its lives, so that clients find it again; what processes log goes to a file, of which a failing test shows the end.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use plimsoll_server::{LoopbackHandle, LoopbackRegistry};
use serde_json::Value;

use super::client::{Answer, call};
use crate::{
    fleet::build_image,
    support::{Process, free_port, plimsoll_ok, temporary, wait_until},
};

/// The shortest that there is.
pub(super) const LEASE: u64 = 2;
/// Bytes of noise in an image.
const SIZE: usize = 200_000;

pub(super) struct Site {
    pub(super) registry: LoopbackRegistry,
    pub(super) registry_url: String,
    pub(super) folder: tempfile::TempDir,
    pub(super) data: PathBuf,
    pub(super) store: Option<String>,
    pub(super) address: String,
    /// The token of the registry's scanner, as Harbor has it.
    pub(super) scanner: String,
    lease: u64,
    _served: LoopbackHandle,
}

/// Puts an image that no other number has into a registry.
pub(super) fn put(registry: &LoopbackRegistry, number: u32) -> String {
    let name = format!("team/app-{number}");
    registry.put(&name, "1", &build_image(number, SIZE));
    name
}

impl Site {
    /// A site whose registry is synced: every image waits to be scanned.
    pub(super) async fn new(store: Option<&str>, images: u32, lease: u64) -> Self {
        let folder = temporary();
        let data = folder.path().join("data");
        Self::within(folder, data, store, images, lease).await
    }

    /// The same with its data elsewhere.
    pub(super) async fn within(
        folder: tempfile::TempDir,
        data: PathBuf,
        store: Option<&str>,
        images: u32,
        lease: u64,
    ) -> Self {
        let registry = LoopbackRegistry::new();
        for number in 0..images {
            put(&registry, number);
        }
        let served = registry.serve().await.unwrap();
        let mut site = Self {
            registry,
            registry_url: served.url(),
            folder,
            data,
            store: store.map(ToOwned::to_owned),
            address: format!("127.0.0.1:{}", free_port()),
            scanner: String::new(),
            lease,
            _served: served,
        };
        site.prepare();
        site.scanner = site.run(&["registry", "token", "create", "build", "scanner"]).trim().into();
        site
    }

    /// A site of the same registry on which nothing goes wrong, scanned whole.
    pub(super) fn made_anew(&self) -> (tempfile::TempDir, Process, String) {
        let folder = temporary();
        let port = free_port();
        let data = folder.path().to_str().unwrap();
        let here = ["--data", data];
        plimsoll_ok(["feed", "import", "--starter"].iter().chain(&here));
        plimsoll_ok(["registry", "add", "build", &self.registry_url].iter().chain(&here));
        plimsoll_ok(["registry", "sync", "--scan"].iter().chain(&here));
        let address = format!("127.0.0.1:{port}");
        let words = ["serve", "--listen", &address, "--workers", "0", "--sync-interval", "0"];
        let arguments = words.iter().chain(&here).map(|word| (*word).to_owned()).collect();
        let process = start(arguments, folder.path());
        (folder, process, address)
    }

    fn prepare(&self) {
        self.run(&["feed", "import", "--starter"]);
        self.run(&["registry", "add", "build", &self.registry_url]);
        self.run(&["registry", "sync"]);
    }

    fn arguments(&self, words: &[&str]) -> Vec<String> {
        let store = self.store.iter().flat_map(|url| ["--store".to_owned(), url.clone()]);
        let place = ["--data".to_owned(), self.data.to_str().unwrap().to_owned()];
        words.iter().map(|word| (*word).to_owned()).chain(place).chain(store).collect()
    }

    /// Runs a command in the data folder, without the server.
    pub(super) fn run(&self, words: &[&str]) -> String {
        plimsoll_ok(self.arguments(words))
    }

    /// Starts the server; it may take a moment until it answers.
    pub(super) fn serve(&self, workers: &str) -> Process {
        let lease = self.lease.to_string();
        let words = ["serve", "--listen", &self.address, "--workers", workers];
        let ending = ["--sync-interval", "0", "--lease", &lease];
        start(self.arguments(&[words.as_slice(), &ending].concat()), self.folder.path())
    }

    /// Starts a worker of one thread.
    pub(super) fn worker(&self) -> Process {
        let lease = self.lease.to_string();
        let words = ["worker", "--workers", "1", "--lease", &lease];
        start(self.arguments(&words), self.folder.path())
    }

    /// Waits until the server answers.
    pub(super) fn wait_for_server(&self) {
        wait_until("the server to answer", || {
            let answer = call(&self.address, "GET", "/readyz", "", None);
            answer.is_some_and(|answer| answer.status == 200)
        });
    }

    /// Calls the management API; `None`: the server did not answer to the end.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Answer> {
        let path = format!("/api/v1{path}");
        call(&self.address, method, &path, &admin_token(&self.data), body)
    }

    /// What all processes wrote into their log.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines.len().saturating_sub(60);
            println!("the end of the log:\n{}", lines[end..].join("\n"));
        }
    }
}

/// Empty before the first server made it.
pub(super) fn admin_token(data: &Path) -> String {
    std::fs::read_to_string(data.join("admin-token")).unwrap_or_default().trim().to_owned()
}

fn start(arguments: Vec<String>, folder: &Path) -> Process {
    let log = OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .env("HOME", "/nonexistent")
        .env("RUST_LOG", "plimsoll_server=info")
        .env_remove("PLIMSOLL_DATA")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    Process { child }
}
