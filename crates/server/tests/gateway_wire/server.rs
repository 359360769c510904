//! A gateway on a loopback port, and a client that shows every byte.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use plimsoll_model::Timestamp;
use plimsoll_server::{
    Clock,
    gateway::{self, GatewaySettings},
};
use plimsoll_store::{NewKey, Policy, Store, StoreOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::signer::{Call, Place, Scheme, Wire};

pub(crate) const NOW: &str = "2026-11-25T01:00:00Z";

pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) folder: TempDir,
    pub(crate) key: NewKey,
    address: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Server {
    /// A gateway on an empty store, with one key that may do everything.
    pub(crate) async fn start() -> Self {
        Self::start_with(GatewaySettings::default()).await
    }

    pub(crate) async fn start_with(settings: GatewaySettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOW.parse().unwrap());
        let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
        let policy = Policy::allowing(["yundun-sas:*"]);
        let key = store.create_key("everything", &policy, clock.now()).await.unwrap();
        let address = serve(store.clone(), settings, clock.clone()).await;
        Self { store, clock, folder, key, address }
    }

    /// A second gateway on the same folder, as after a restart.
    pub(crate) async fn restart(self, settings: GatewaySettings) -> Self {
        let store = Store::open(self.folder.path(), StoreOptions::default()).await.unwrap();
        let address = serve(store.clone(), settings, self.clock.clone()).await;
        Self { store, address, ..self }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A call of `action`, to be signed with the key that may do everything.
    pub(crate) fn call(&self, scheme: Scheme, action: &str) -> Call {
        static NONCES: AtomicU64 = AtomicU64::new(0);
        Call {
            scheme,
            place: Place::Query,
            method: "POST",
            path: "/",
            action: action.to_owned(),
            version: "2018-12-03",
            parameters: Vec::new(),
            key_id: self.key.id.clone(),
            secret: self.key.secret.reveal().clone(),
            at: self.now(),
            nonce: format!("{:032x}", NONCES.fetch_add(1, Ordering::SeqCst)),
            claimed_hash: None,
        }
    }

    /// A connection on which these bytes were sent and nothing is read yet.
    pub(crate) async fn open(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    pub(crate) async fn send(&self, wire: &Wire) -> Reply {
        let mut stream = self.open(&wire.bytes()).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Reply::parse(&String::from_utf8(bytes).unwrap())
    }

    pub(crate) async fn ask(&self, call: &Call) -> Reply {
        self.send(&call.sign()).await
    }
}

async fn serve(store: Store, settings: GatewaySettings, clock: Clock) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = gateway::router(store, settings, clock);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

impl Reply {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        });
        Self { status, headers: headers.collect(), body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// `Code` and status, with the checks that hold for every error.
    pub(crate) fn error(&self) -> (String, u16) {
        let body = self.json();
        assert_eq!(self.headers["content-type"], "application/json;charset=utf-8");
        let id = body["RequestId"].as_str().unwrap();
        assert_eq!(id, self.headers["x-acs-request-id"]);
        assert!(
            id.len() == 36
                && id.chars().all(|c| c == '-' || c.is_ascii_digit() || c.is_ascii_uppercase())
        );
        let code = body["Code"].as_str().unwrap();
        for member in ["HostId", "Message", "Recommend"] {
            assert!(body[member].is_string(), "{body}");
        }
        let recommend = body["Recommend"].as_str().unwrap();
        assert!(recommend.contains(&format!("/troubleshoot?q={code}&requestId={id}")));
        (code.to_owned(), self.status)
    }
}

/// What [`Reply::error`] should be.
pub(crate) fn refused(code: &str, status: u16) -> (String, u16) {
    (code.to_owned(), status)
}
