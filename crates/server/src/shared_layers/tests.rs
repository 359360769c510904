//! Entries in a folder, and in a bucket whose store is played by this process.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use plimsoll_model::Secret;
use plimsoll_registry::{Bucket, BucketKey, BucketPlace, HttpClient, HttpOptions};

use super::*;
use crate::sha256::sha256;

/// A store with one bucket; what is signed, it checks as far as one can without the secret.
#[derive(Debug, Default)]
struct Store {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    requests: AtomicUsize,
    is_down: std::sync::atomic::AtomicBool,
}

async fn answer(State(store): State<Arc<Store>>, request: Request) -> Response {
    store.requests.fetch_add(1, Ordering::SeqCst);
    if store.is_down.load(Ordering::SeqCst) {
        return (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>").into_response();
    }
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    check(&parts.headers, &body);
    let name = parts.uri.path().to_owned();
    let mut objects = store.objects.lock().unwrap();
    match parts.method {
        Method::PUT => {
            objects.insert(name, body.to_vec());
            StatusCode::OK.into_response()
        }
        Method::GET => match objects.get(&name) {
            Some(object) => object.clone().into_response(),
            None => {
                (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response()
            }
        },
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

fn check(headers: &HeaderMap, body: &Bytes) {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-amz-content-sha256"), sha256(body).hex());
    assert_eq!(header("x-amz-date"), "20261201T100000Z");
    let authorization = header("authorization");
    let wanted = "AWS4-HMAC-SHA256 Credential=AKID/20261201/eu-test-1/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=";
    let signature = authorization.strip_prefix(wanted).expect(&authorization);
    assert!(signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

fn clock() -> Clock {
    Clock::fixed("2026-12-01T10:00:00Z".parse().unwrap())
}

/// The store, served, and two machines that share it.
async fn bucket(clock: &Clock) -> (Arc<Store>, [Arc<Shared>; 2]) {
    let store = Arc::new(Store::default());
    let router = Router::new().fallback(answer).with_state(Arc::clone(&store));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let machines = [(); 2].map(|()| {
        let place = BucketPlace {
            endpoint: endpoint.clone(),
            region: "eu-test-1".into(),
            bucket: "layers".into(),
            prefix: "site".into(),
            plain_http: false,
        };
        let secret = Secret::new("canary".to_owned());
        let key = BucketKey { id: "AKID".into(), secret, token: None };
        let http = HttpClient::new(HttpOptions::default()).unwrap();
        let bucket = Arc::new(Bucket::new(place, key, &http).unwrap());
        Arc::new(Shared::new(SharedPlace::Bucket(bucket), clock.clone()))
    });
    (store, machines)
}

/// As the threads of scans do it.
async fn fetch(machine: &Arc<Shared>, name: &'static str) -> Option<Vec<u8>> {
    let machine = Arc::clone(machine);
    tokio::task::spawn_blocking(move || machine.fetch(name)).await.unwrap()
}

async fn keep(machine: &Arc<Shared>, name: &'static str, entry: &'static [u8]) {
    let machine = Arc::clone(machine);
    tokio::task::spawn_blocking(move || machine.keep(name, entry.to_vec())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_machine_keeps_in_a_bucket_another_finds() {
    let (store, [one, two]) = bucket(&clock()).await;
    assert_eq!(fetch(&two, "ab/abcd.01").await, None);
    keep(&one, "ab/abcd.01", b"facts").await;
    assert_eq!(fetch(&two, "ab/abcd.01").await.as_deref(), Some(b"facts".as_slice()));
    assert_eq!(fetch(&two, "ab/abcd.02").await, None);
    let objects = store.objects.lock().unwrap();
    assert_eq!(objects.keys().collect::<Vec<_>>(), ["/layers/site/ab/abcd.01"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_is_left_alone_for_a_minute() {
    let clock = clock();
    let (store, [one, _]) = bucket(&clock).await;
    keep(&one, "ab/abcd.01", b"facts").await;
    store.is_down.store(true, Ordering::SeqCst);
    assert_eq!(fetch(&one, "ab/abcd.01").await, None);
    let asked = store.requests.load(Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(fetch(&one, "ab/abcd.01").await, None);
        keep(&one, "ab/abcd.02", b"more").await;
    }
    assert_eq!(store.requests.load(Ordering::SeqCst), asked);
    store.is_down.store(false, Ordering::SeqCst);
    clock.advance(-3_600);
    assert!(!one.is_resting(), "a clock that was set back does not keep it away");
    clock.advance(3_600 + REST);
    assert!(!one.is_resting());
}

#[tokio::test]
async fn a_folder_that_machines_have_in_common_serves_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] =
        [(); 2].map(|()| Shared::new(SharedPlace::Folder(folder.path().join("layers")), clock()));
    assert_eq!(two.fetch("ab/abcd.01"), None);
    one.keep("ab/abcd.01", b"facts".to_vec());
    one.keep("ab/abcd.01", b"again".to_vec());
    assert_eq!(two.fetch("ab/abcd.01").as_deref(), Some(b"again".as_slice()));
    let left = fs::read_dir(folder.path().join("layers/ab")).unwrap().count();
    assert_eq!(left, 1, "no draft stays");
    // Where a file is in the way, nothing is kept, and nobody is held up.
    fs::write(folder.path().join("layers/cd"), b"").unwrap();
    one.keep("cd/cdef.01", b"facts".to_vec());
    assert!(one.is_resting());
}
